/*
 * What an output stream can do, and text that is safe to put on it.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

struct term {
    int fd;
    bool tty; /* a terminal that understands cursor movements */
    bool color;
    bool utf8;
    int width, height; /* 80 x 24 where it is not known */
};

enum style {
    STYLE_PLAIN,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_RED,
    STYLE_GREEN,
    STYLE_YELLOW,
    STYLE_MAGENTA,
    STYLE_CYAN,
};

/* Looks at the descriptor and at NO_COLOR, TERM and the locale's variables. */
void term_init(struct term *term, int fd, bool no_color);
/* Reads the size again; it changes with the window. */
void term_measure(struct term *term);

/* What turns while something goes on; a picture that moves is drawn anew every FRAME_MS. */
enum { FRAME_MS = 100 };
const char *term_spinner(const struct term *term, int64_t now_ms);

void style_on(struct buf *out, bool color, enum style style);
void style_off(struct buf *out, bool color, enum style style);
void style_add(struct buf *out, bool color, enum style style, const char *text);
/* As text_add_safe() writes it. */
void style_add_str(struct buf *out, bool color, enum style style, struct str text);

/*
 * Text from outside (services, files) without anything that could steer the terminal: control characters and
 * direction marks are written as escapes. Newlines stay where keep_lines is set.
 */
void text_add_safe(struct buf *out, struct str text, bool keep_lines);
/* The same on one line, with blanks after it up to so many bytes, and one more. */
void text_add_column(struct buf *out, struct str text, int width);
/* The same for JSON, which it stays: what is no text becomes U+FFFD. */
void text_add_json_safe(struct buf *out, struct str text);
/* For XML and HTML, also within quotes: as a mask knows it (base/mask.h), without what XML cannot have. */
void text_add_xml(struct buf *out, struct str text);
/* Text from outside in double quotes, with \" \\ \n \t. */
void text_add_quoted(struct buf *out, struct str text);
/* As a word that a shell takes for what it is. */
void text_add_word(struct buf *out, struct str text);

/* 1234567 as "1,234,567"; 1536 as "1.5 KiB". */
void text_add_count(struct buf *out, int64_t n);
void text_add_bytes(struct buf *out, int64_t bytes);

/* "45 ms", "0.3 s", "1 m 05 s", "2 h 10 m" */
void text_add_duration(struct buf *out, int64_t ms);

/* Words filled into lines of at most `width` columns; lines after the first begin with `indent` blanks. */
void text_add_wrapped(struct buf *out, struct str text, int column, int indent, int width);

/* ---- Tables for people (columns aligned) and for programs (CSV, quoted as RFC 4180 has it). */
/*
 * `columns` is a list of names, `rows` a list of lists of texts; null is an empty field in CSV and a dash in
 * a table. What could steer a terminal is escaped in tables.
 */
/* `names` as columns. */
const struct value *table_columns(struct arena *arena, const char *const *names, size_t n);
void table_add_text(const struct value *columns, const struct value *rows, bool color, struct buf *out);
void table_add_csv(const struct value *columns, const struct value *rows, bool raw, struct buf *out);

/*
 * The way out: whatever weir prints goes through here, to the terminal, into a pipe and as --json, and leaves
 * its secrets here (base/mask.h).
 *
 * Only what is not weir's to change goes past it: a formatted file (`weir fmt`), an output that somebody
 * asked for by name, the bytes that `--raw` asks for. Those use say_as_is().
 */

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

/* ---- Pipes that the shell names as files: `--input-file <(sops -d secrets.yaml)` is /dev/fd/63.
 * weir reads regular files only (base/file.h), some of them more than once. So what such a pipe gives is
 * read to its end before anything else is done, while a signal still ends the process, and is under
 * its name from then on. */
/* Those that a word of the command line or a variable of the environment names: /dev/stdin, /dev/fd/N. */
int pipes_hold(int argc, char *const *argv, struct err *err);
