/*
 * Running what makes the files of an artifact: its build command, and pip for what a requirements file names.
 * What they print is shown as it comes where somebody wants to see it, and the end of it where they fail.
 *
 * Within one process a command runs once for each folder and state of its inputs, however many artifacts name
 * it.
 */
#pragma once

#include "provider/provider.h"
#include "provider/weir/artifact_cache.h"
#include "provider/weir/command.h"

struct build {
    struct str command;
    bool secret;                /* there is a sensitive value in it: it is not shown */
    const struct value *inputs; /* list of patterns; NULL: not declared, it runs each time */
    const struct value *env;    /* list of names of variables that it gets, too; NULL: none */
    struct str source;          /* path of what it makes, NUL after its end; "" only what pip installs */
};

/*
 * Runs the command in the stack's folder if what its inputs match has changed since it last ran, or what it
 * makes is not there. ERR_FAILED, ERR_TIMEOUT and ERR_INTERRUPTED as command_run() has them.
 */
int build_run(struct op_ctx *ctx, struct artifact_cache *cache, const struct build *build, struct err *err);

/* A command with the context's time limit, interruption and folder; what it prints goes to ctx->printed. */
struct build_start {
    char *const *args;
    const char *what;
    const struct value *env; /* names of variables that it gets besides the usual ones; NULL: none */
};
int build_start(
    struct op_ctx *ctx, const struct build_start *start, struct command_output *output, struct err *err);

/* The files that patterns match below the folder, hashed; at least one. */
int build_find_inputs(const struct value *patterns, struct str dir, struct digests *digests,
    struct package *inputs, struct err *err);

/* ---- vendor.c ---- */

struct vendor {
    struct str requirements; /* path, NUL after its end */
    struct str interpreter;  /* whose pip */
    struct str version;      /* of Python to choose for; "" the interpreter's own */
};

/* Installs pure packages, once for each content of the requirements files. *folder holds them. */
int build_vendor(struct op_ctx *ctx, struct artifact_cache *cache, const struct vendor *vendor,
    struct str *folder, struct err *err);
