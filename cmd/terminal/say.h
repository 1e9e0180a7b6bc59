/*
 * The way out: whatever weir prints goes through here, to the terminal, into a pipe and as --json, and leaves
 * its secrets here (base/mask.h).
 *
 * Only what is not weir's to change goes past it: a formatted file (`weir fmt`), an output that somebody
 * asked for by name, the bytes that `--raw` asks for. Those use say_as_is().
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* err->code where whoever reads along has closed the pipe: `weir plan | head`. */
#define SAY_BROKEN_PIPE "EPIPE"

/* Text that is safe for a terminal already (cmd/terminal/term.h): what steers one in it, such as colours, is
 * weir's.
 */
int say(int fd, struct str text, struct err *err);
/* JSON, a document or one a line. Control characters in it are written as escapes. */
int say_json(int fd, struct str text, struct err *err);
int say_as_is(int fd, struct str text, struct err *err);
/* say() to standard error. Nobody can be told when this fails. */
void say_aside(struct str text);
/* For what is written into files that people read, such as a plan as Markdown. */
struct str say_masked(struct arena *arena, struct str text);

/* ---- say.c: Pipes that the shell names as files: `--input-file <(sops -d secrets.yaml)` is /dev/fd/63.
 * weir reads regular files only (base/file.h), some of them more than once. So what such a pipe gives is
 * read to its end before anything else is done, while a signal still ends the process, and stands under
 * its name from then on. */
/* Those that a word of the command line or a variable of the environment names: /dev/stdin, /dev/fd/N. */
int pipes_hold(int argc, char *const *argv, struct err *err);
