/*
 * Running what makes the files of an artifact: its build command, and pip for what a requirements file names.
 * What they print is kept and shown where they fail.
 *
 * Within one process a command without declared inputs runs once for each folder, however many artifacts name
 * it.
 */
#ifndef WEIR_PROVIDER_WEIR_BUILD_H
#define WEIR_PROVIDER_WEIR_BUILD_H

#include "provider/weir/artifact_cache.h"

struct build {
    struct str command;
    const struct value *inputs; /* list of patterns; NULL: not declared, it runs each time */
};

/*
 * Runs the command in `dir` if what its inputs match has changed since it last ran (or `missing`: what it
 * makes is not there). ERR_FAILED with the end of its output where it fails.
 */
int build_run(
    struct artifact_cache *cache, const struct build *build, struct str dir, bool missing, struct err *err);

struct vendor {
    struct str requirements; /* path, NUL after its end */
    struct str interpreter;  /* whose pip */
    struct str version;      /* of Python to choose for; "" the interpreter's own */
};

/* Installs pure packages, once for each content of the requirements file. *folder holds them. */
int build_vendor(struct artifact_cache *cache, const struct vendor *vendor, struct str dir,
    struct str *folder, struct err *err);

#endif
