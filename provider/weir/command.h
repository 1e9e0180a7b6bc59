/*
 * Runs a user's command for the files that it creates, such as a build or pip. All processes that it starts
 * are in its process group and end with it: when the command ends, on timeout, or when weir is interrupted.
 * Only a process that left the group (a daemon) continues, and is not waited for. There is no terminal: a
 * command that asks a question gets an error instead of waiting.
 *
 * Without a cancel flag, weir can only be interrupted by ending it; the command then stays in weir's process
 * group and ends with it.
 */
#pragma once

#include "base/buf.h"
#include "base/threads.h"
#include "base/value.h"

/* ---- command.c: The output of a command, redacted: each line while it runs, and the last lines in the
 * message if it failed. Redacted are secrets known by value (base/mask.h), private keys, and what
 * redact_line() finds.
 *
 * Bounded: only the beginning of a long line counts, and after a megabyte no more lines are shown. */
struct command_output {
    void (*show)(void *ctx, const char *line); /* may be NULL */
    void *show_ctx;
    struct buf line, tail;
    size_t shown;
    bool in_key; /* between the first and last line of a private key */
};

void command_output_init(struct command_output *output);
void command_output_release(struct command_output *output);

void command_output_add(struct command_output *output, const char *bytes, size_t n);
/* Returns the last complete lines, at most `max` bytes of valid UTF-8. */
struct str command_output_end(const struct command_output *output, struct arena *arena, size_t max);
/* Redacts a string of the stack file, such as the command itself. */
struct str command_output_hide(struct arena *arena, struct str text);

struct local_command {
    struct arena *arena;
    const char *what; /* its name in messages: "the build command `make`" */
    char *const *args;
    char *const *env;          /* from command_env() */
    struct str dir;            /* "": the current folder */
    int out;                   /* a descriptor for its standard output; 0: shown with standard error */
    int64_t timeout_ms;        /* 0: none */
    int64_t max_file_bytes;    /* limit for files that it writes, enforced by SIGXFSZ; 0: none */
    const atomic_bool *cancel; /* set: the command is ended; NULL: never, see above */
};

/*
 * Returns 0 if the command ended with status 0. Otherwise ERR_FAILED, ERR_TIMEOUT or ERR_INTERRUPTED, with
 * the last lines of its output.
 */
int command_run(const struct local_command *command, struct command_output *output, struct err *err);

/* ---- command.c: The environment of a user's command. It contains what programs need to run and to find
 * their tools, and no more: credentials of the account, of the state and of the CI are not for whatever a
 * Makefile or a package's setup calls. Further variables are named in the stack file. */
/* `named`: list of further variables to pass on; may be NULL. The strings are those of this process's
 * environment. */
char **command_env(struct arena *arena, const struct value *named);
