/*
 * Running a command of the user's for what it makes, not for what it says: a build, pip. Everything that it
 * starts is in a process group of its own and ends with it: when it is done, when its time is over, when weir
 * is interrupted. Only what has left the group (a daemon) goes on, and is not waited for. There is no
 * terminal to ask anything on: who tries gets an error rather than wait for ever.
 *
 * Where nobody can interrupt weir but by ending it, the command stays in weir's own group, and ends with
 * that.
 */
#pragma once

#include "base/buf.h"
#include "base/threads.h"
#include "base/value.h"

/* ---- command.c: What a command prints, as it may be shown: each line on its own while it runs, the end of
 * it in a message when it has failed. Hidden are the secrets that are known by value (base/mask.h), private
 * keys, and what redact_line() finds.
 *
 * Bounded, however much is printed: of a long line only the beginning counts, after a megabyte nothing more
 * is shown while it runs. */
struct command_output {
    void (*show)(void *ctx, const char *line); /* may be NULL */
    void *show_ctx;
    struct buf line, tail;
    size_t shown;
    bool in_key; /* between the lines that begin and end a private key */
};

void command_output_init(struct command_output *output);
void command_output_release(struct command_output *output);

void command_output_add(struct command_output *output, const char *bytes, size_t n);
/* The last lines that have ended, at most `max` bytes of valid UTF-8. */
struct str command_output_end(const struct command_output *output, struct arena *arena, size_t max);
/* A text of the stack's own, such as the command itself, without secrets. */
struct str command_output_hide(struct arena *arena, struct str text);

struct local_command {
    struct arena *arena;
    const char *what; /* names it in messages: "the build command `make`" */
    char *const *args;
    char *const *env;       /* see command.h */
    struct str dir;         /* "" here */
    int out;                /* a descriptor for what it writes to standard output; 0: shown with the rest */
    int64_t timeout_ms;     /* 0: none */
    int64_t max_file_bytes; /* it is ended by SIGXFSZ where it writes a larger file; 0: none is too large */
    const atomic_bool *cancel; /* set: it is ended; NULL: never, see above */
};

/*
 * 0 when it ended with status 0. ERR_FAILED, ERR_TIMEOUT or ERR_INTERRUPTED otherwise, with the end of what
 * it printed.
 */
int command_run(const struct local_command *command, struct command_output *output, struct err *err);

/* ---- command.c: The environment of a user's command. It gets what programs need to run and to find their
 * tools, and no more: the keys of the account, of the state and of the CI are weir's, not of whatever a
 * Makefile or a package's setup calls. What else a build needs is named in the stack. */
/* `named`: list of names that are passed on as well; NULL: none. Points into this process's environment. */
char **command_env(struct arena *arena, const struct value *named);
