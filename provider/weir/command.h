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

#include "base/cancel.h"
#include "base/err.h"
#include "provider/weir/command_output.h"

struct local_command {
    struct arena *arena;
    const char *what; /* names it in messages: "the build command `make`" */
    char *const *args;
    char *const *env;       /* see command_env.h */
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
