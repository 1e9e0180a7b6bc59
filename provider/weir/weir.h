/*
 * `weir.artifact`: a file or folder, packaged the same way everywhere, kept in a bucket under a key that
 * holds its SHA-256. So a changed job is a changed key, and going back is pointing at the old one.
 *
 * artifact.c has the type; artifact.c reads the attributes, artifact_make.c turns sources into a
 * package at plan time (building first where that is asked for), artifact.c says which version is
 * wanted. artifact_life.c stores it and looks at what is stored, artifact_store.c keeps the list of what
 * is kept; artifact_store.c speaks to S3.
 *
 * What is recorded besides the attributes: `content`, the digest of what the package was made from, for each
 * version. Sources with a recorded digest are not packed again: their package is known by its SHA-256,
 * whatever compressor this machine has.
 */
#pragma once

#include "provider/kind.h"
#include "provider/package/package.h"
#include "provider/provider.h"
#include "provider/weir/command.h"

/* ---- build.c, vendor.c: Running what makes the files of an artifact: its build command, and pip for what a
 * requirements file names. What they print is shown as it comes where somebody wants to see it, and the end
 * of it where they fail.
 *
 * Within one process a command runs once for each folder and state of its inputs, however many artifacts name
 * it. */

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

/* What a line may name besides packages by name, as it is there. */
enum requirement_kind {
    REQUIREMENT_FILE,    /* -r, -c: more requirements */
    REQUIREMENT_LINKS,   /* --find-links: a folder with packages in it, or a page that leads to some */
    REQUIREMENT_PACKAGE, /* a package by its path */
};

/* The next of these in a requirements text; false: there are no more. Goes on in *rest, the whole text at
 * first. */
bool requirements_next(struct arena *arena, struct str *rest, enum requirement_kind *kind, struct str *named);

extern const struct schema weir_artifact_schema;

/* ---- artifact.c ---- */

/* A desired object as far as it is known. */
struct artifact {
    struct str bucket, prefix; /* of the store */
    struct str name;           /* of the artifact */
    struct str version;        /* of a wheel */
    enum package_format format;
    bool folder;
};

/* What is wrong with the attributes, and what follows from them. */
int artifact_parse(struct op_ctx *ctx, const struct value *desired, struct artifact *out, struct err *err);
/* `build` as it is given. */
int artifact_build(const struct value *v, struct build *out, struct err *err);
/* Says that the source is not there. */
int artifact_missing(const struct value *desired, struct err *err);
/* The key of a version with this hash. */
struct str artifact_key(
    struct arena *arena, const struct artifact *artifact, struct str source, struct str sha256);
struct str artifact_base64(struct arena *arena, struct str sha256);
struct str artifact_text(const struct value *object, const char *name, struct str fallback);

/* ops->prepare */
int artifact_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err);

/* ---- artifact_make.c ---- */

struct artifact_made {
    struct str sha256, digest; /* of the package; of what it is made from */
    int64_t size;
};
/* The package that the sources give; it is only made where no recorded version (`recorded`: the artifact, or
 * NULL) was made from the same. */
int artifact_make(struct op_ctx *ctx, const struct value *recorded, const struct value *desired,
    struct artifact_made *out, struct err *err);
/* The file that holds the content with this hash, packed again where it has to be. */
int artifact_content(
    struct op_ctx *ctx, const struct value *desired, struct str sha256, const char **path, struct err *err);

/* ---- artifact_store.c: lists of {sha256, bucket, key, size, stored …}, the one in use first ---- */

enum { ARTIFACT_KEEP_DEFAULT = 5 };

/* The object with bucket, key, url and arn. */
const struct value *artifact_places(
    struct op_ctx *ctx, const struct value *object, struct str bucket, struct str key);
/* Where the desired version is: an earlier one where it was stored, a new one where the store is now. */
int artifact_locate(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **located, struct err *err);
bool artifact_same_place(const struct value *a, const struct value *b);

/* ops->holds and ops->lies_in */
const struct value *artifact_holds(struct arena *arena, const struct value *object);
const struct value *artifact_lies_in(struct arena *arena, const struct value *object);

/* Entry of the recorded versions with this hash, or NULL. */
const struct value *artifact_version(const struct value *versions, struct str sha256);
/* An entry for the object, stored now. */
const struct value *artifact_version_entry(struct op_ctx *ctx, const struct value *object);
/* With that entry as the one in use; the others stay in order. */
const struct value *artifact_versions_with(
    struct op_ctx *ctx, const struct value *versions, const struct value *now);
/* Deletes what is beyond `keep`. What cannot be deleted now stays listed, and is tried again next time. */
const struct value *artifact_versions_trim(struct op_ctx *ctx, const struct value *versions, int64_t keep);
/* Takes away what an interrupted run left and nobody wants any more: of the version in use, parts at most. */
int artifact_versions_drop_unfinished(
    struct op_ctx *ctx, const struct value *wanted, const struct value **versions, struct err *err);
int artifact_version_remove(struct op_ctx *ctx, const struct value *version, struct err *err);

/* ---- artifact_life.c: operations as provider.h has them ---- */

int artifact_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
int artifact_reread(struct op_ctx *ctx, const struct value *prior, const struct value *attempted,
    const struct value *wanted, const struct value **live, struct err *err);
int artifact_ownership_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **owner_tags, struct err *err);
int artifact_create(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);
int artifact_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err);
int artifact_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);
int artifact_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);

/* ---- artifact_store.c: Where artifacts are: objects in a bucket, under keys that hold the SHA-256 of
 * their content. Beside the content each object carries that hash and who stored it as metadata. */
struct stored {
    bool there;
    struct str sha256; /* as its metadata says; "" where it says nothing */
    struct str etag, version_id;
    struct str stack, address; /* who stored it; "" not weir */
    struct str state;          /* the lineage of its state: copies of a stack have the same name */
    int64_t size;
};

/* The stack that stores something now: its name, and its environment where it has one. */
struct str artifact_owner(struct op_ctx *ctx);

/* Stored by this very stack and state? */
bool artifact_is_own(struct op_ctx *ctx, const struct stored *stored);

/* What is there; `there` is false where nothing is. */
int artifact_look(struct op_ctx *ctx, struct str bucket, struct str key, struct stored *out, struct err *err);

/* Uploads the file, which has to be what its hash says. */
int artifact_put(struct op_ctx *ctx, struct str bucket, struct str key, const char *path, struct str sha256,
    struct stored *out, struct err *err);

/* ---- kind.c: The kind `weir`: types that are no service's. */

extern const struct provider_kind weir_kind;

/* ---- kind.c: Resources that are made up here and exist only in the state: what they have in common. Each
 * is made when it is created and made anew when anything of it changes; there is nothing outside to read,
 * to find or to delete. */
/* All computed attributes of a new or changed resource are unknown, but for the `id`, which stays. */
int made_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err);
int made_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
int made_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);
/* What no record has was seen by nobody: another one is as good. */
int made_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);

/* ---- kind.c: `weir.random`: something made up once and kept in the state. Attributes: specs/weir.yaml. */
extern const struct resource_ops weir_random_ops;

/* ---- run.c: `weir.command`: a command of the stack's own, what it printed, and how it is taken back. */
extern const struct resource_ops weir_command_ops;

/* ---- kind.c: `weir.value` holds a value and gives it back, for wiring stacks together and for measuring. */
extern const struct schema weir_value_schema;

/* ---- key.c: `weir.key`: a pair of keys that is kept in the state. Attributes: specs/weir.yaml. */
extern const struct resource_ops weir_key_ops;
