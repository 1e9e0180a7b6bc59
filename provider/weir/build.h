/*
 * Running what makes the files of an artifact: its build command, and pip for what a requirements file names.
 * What they print is shown as it comes where somebody wants to see it, and the end of it where they fail.
 *
 * Within one process a command runs once for each folder and state of its inputs, however many artifacts name
 * it.
 */
#pragma once

#include "provider/package/package.h"
#include "provider/provider.h"
#include "provider/weir/command.h"

/* ---- artifact_make.c: What is remembered of an artifact between runs, so that nothing is packed, built or
 * installed again without need: `<folder>/<id>.cache`, one for each artifact (by its address), and beside it
 * the package made last. (The hashes of single files are base/digests.h's.)
 *
 * Nothing depends on it: what is missing, damaged or of another version counts as nothing, and where the
 * folder cannot be written nothing is remembered. Only a package that has to be made needs the room. */
struct artifact_cache {
    struct arena *arena;
    struct digests *digests; /* of local files; may be NULL */
    struct str folder, id;
    struct str built;          /* digest of what the build command last ran with; "" never */
    struct str vendored;       /* digest of what pip last installed; "" never */
    struct str digest, sha256; /* of the package made last; "" none */
    int64_t size;
};

/* Makes the folder, where it is not there. */
int artifact_cache_make(const struct artifact_cache *cache, struct err *err);
/* Folder for what pip installs, by its digest. */
struct str artifact_cache_vendored(const struct artifact_cache *cache, struct str digest);
/* Notes the package made now; the one before goes, and what runs that were killed have left of it. */
void artifact_cache_save(const struct artifact_cache *cache);

/* ---- build.c, vendor.c ---- */

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

/* ---- vendor.c: Requirements files of pip, as far as is needed to see that they have changed: pip reads
 * the rest. */
/* Something on this machine that packages are taken from. */
struct requirement_place {
    struct str path; /* without links */
    bool links;      /* of --find-links; otherwise it is a package itself, or the folder of its sources */
};

struct requirements {
    struct str text;                  /* of the file, and of all that it names with -r and -c, each once */
    struct requirement_place *places; /* in the arena */
    size_t place_count;
};

/*
 * `dir` is where pip runs. ERR_IO where the file itself cannot be read; what it names and is not there pip
 * will tell.
 */
int requirements_read(
    struct arena *arena, struct str path, struct str dir, struct requirements *out, struct err *err);

/* What a line may name besides packages by name, as it stands there. */
enum requirement_kind {
    REQUIREMENT_FILE,    /* -r, -c: more requirements */
    REQUIREMENT_LINKS,   /* --find-links: a folder with packages in it, or a page that leads to some */
    REQUIREMENT_PACKAGE, /* a package by its path */
};

/* The next of these in a requirements text; false: there are no more. Goes on in *rest, the whole text at
 * first. */
bool requirements_next(struct arena *arena, struct str *rest, enum requirement_kind *kind, struct str *named);
