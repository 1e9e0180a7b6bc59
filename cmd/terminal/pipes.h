/*
 * Pipes that the shell names as files: `--input-file <(sops -d secrets.yaml)` is /dev/fd/63. weir reads
 * regular files only (base/file.h), some of them more than once. So what such a pipe gives is read to its end
 * before anything else is done, while a signal still ends the process, and stands under its name from then
 * on.
 */
#pragma once

#include "base/err.h"

/* Those that a word of the command line or a variable of the environment names: /dev/stdin, /dev/fd/N. */
int pipes_hold(int argc, char *const *argv, struct err *err);
