/*
 * `weir.artifact`: a file or folder, packaged reproducibly, stored in a bucket under a key that contains its
 * SHA-256. So a changed job has a new key, and a rollback refers to an old one.
 *
 * artifact.c has the type, parses the attributes, and selects the desired version; artifact_make.c packages
 * sources at plan time (after the build, if there is one); artifact_life.c stores artifacts and reads what is
 * stored; artifact_store.c keeps the list of versions and calls S3.
 *
 * Recorded besides the attributes: for each version `content`, the digest of the package's content. Sources
 * with a recorded digest are not packed again: their package is known by its SHA-256, even if this machine's
 * compressor would produce another.
 */
#pragma once

#include "provider/kind.h"
#include "provider/package/package.h"
#include "provider/provider.h"
#include "provider/weir/command.h"

/* ---- build.c, vendor.c: The commands that create an artifact's files: its build command, and pip for
 * requirements files. Their output is shown while they run with -v, and its last lines if they fail.
 *
 * Within one process a command runs once for each folder and state of its inputs, for all artifacts
 * together. */

/* ---- artifact_make.c: The cache of an artifact between runs, which avoids needless packing, builds and
 * installations: `<folder>/<id>.cache`, one for each artifact (by its address), and beside it the last
 * package. (Hashes of single files are in base/digests.h.)
 *
 * It is optional: a missing, damaged or older cache counts as empty, and nothing is cached if the folder
 * cannot be written. Only a package that has to be made needs the space. */
struct artifact_cache {
    struct arena *arena;
    struct digests *digests; /* cache of hashes of local files; may be NULL */
    struct str folder, id;
    struct str built;          /* digest of the last build's inputs; "": never built */
    struct str vendored;       /* digest of pip's last installation; "": never */
    struct str digest, sha256; /* of the last package; "": none */
    int64_t size;
};

/* Creates the folder if it does not exist. */
int artifact_cache_make(const struct artifact_cache *cache, struct err *err);
/* Returns the folder for pip's installation with that digest. */
struct str artifact_cache_vendored(const struct artifact_cache *cache, struct str digest);
/* Saves the current package; deletes the previous one and what killed runs have left. */
void artifact_cache_save(const struct artifact_cache *cache);

/* ---- build.c, vendor.c ---- */

struct build {
    struct str command;
    bool secret;                /* contains a sensitive value: the command is not shown */
    const struct value *inputs; /* list of patterns; NULL: not declared, the command runs each time */
    const struct value *env;    /* list of further variables to pass on; may be NULL */
    struct str source;          /* path of the result, NUL-terminated; "": only what pip installs */
};

/*
 * Runs the command in the stack's folder if its inputs have changed since its last run, or if its result does
 * not exist. Fails as command_run() does.
 */
int build_run(struct op_ctx *ctx, struct artifact_cache *cache, const struct build *build, struct err *err);

/* A command with the context's time limit, cancellation and folder; its output goes to the observer's
 * printed(). */
struct build_start {
    char *const *args;
    const char *what;
    const struct value *env; /* list of further variables to pass on; may be NULL */
};
int build_start(
    struct op_ctx *ctx, const struct build_start *start, struct command_output *output, struct err *err);

/* Finds and hashes the files that the patterns match below the folder; fails if there are none. */
int build_find_inputs(const struct value *patterns, struct str dir, struct digests *digests,
    struct package *inputs, struct err *err);

/* ---- vendor.c ---- */

struct vendor {
    struct str requirements; /* path, NUL-terminated */
    struct str interpreter;  /* the interpreter whose pip is used */
    struct str version;      /* Python version of the packages; "": the interpreter's */
};

/* Installs pure Python packages, once for each content of the requirements files. *folder contains them. */
int build_vendor(struct op_ctx *ctx, struct artifact_cache *cache, const struct vendor *vendor,
    struct str *folder, struct err *err);

/* ---- vendor.c: pip's requirements files, parsed as far as needed to detect changes; pip parses the rest. */
/* A local path that packages are taken from. */
struct requirement_place {
    struct str path; /* real path */
    bool links;      /* from --find-links; otherwise a package, or the folder of its sources */
};

struct requirements {
    struct str text; /* content of the file, and of all files included with -r and -c, each once */
    struct requirement_place *places; /* allocated in the arena */
    size_t place_count;
};

/*
 * `dir` is the folder in which pip runs. Fails with ERR_IO if the file itself cannot be read; missing files
 * that it names are reported by pip.
 */
int requirements_read(
    struct arena *arena, struct str path, struct str dir, struct requirements *out, struct err *err);

/* What a line may name besides a package name, as written. */
enum requirement_kind {
    REQUIREMENT_FILE,    /* -r, -c: more requirements */
    REQUIREMENT_LINKS,   /* --find-links: a folder with packages, or a page with links */
    REQUIREMENT_PACKAGE, /* a package by its path */
};

/* Finds the next of these; returns false at the end. Continues in *rest, initially the whole text. */
bool requirements_next(struct arena *arena, struct str *rest, enum requirement_kind *kind, struct str *named);

extern const struct schema weir_artifact_schema;

/* ---- artifact.c ---- */

/* The attributes of a desired object as far as they are known. */
struct artifact {
    struct str bucket, prefix; /* of the store */
    struct str name;           /* name of the artifact */
    struct str version;        /* of a wheel */
    enum package_format format;
    bool folder;
};

/* Checks the attributes and derives the fields above. */
int artifact_parse(struct op_ctx *ctx, const struct value *desired, struct artifact *out, struct err *err);
/* Parses the attribute `build`. */
int artifact_build(const struct value *v, struct build *out, struct err *err);
/* Reports that the source does not exist. Returns -1. */
int artifact_missing(const struct value *desired, struct err *err);
/* Returns the key of the version with this hash. */
struct str artifact_key(
    struct arena *arena, const struct artifact *artifact, struct str source, struct str sha256);
struct str artifact_base64(struct arena *arena, struct str sha256);

/* ops->prepare */
int artifact_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err);

/* ---- artifact_make.c ---- */

struct artifact_made {
    struct str sha256, digest; /* of the package; of its content */
    int64_t size;
};
/* Packages the sources, unless a recorded version (`recorded`: the artifact, or NULL) has the same
 * content. */
int artifact_make(struct op_ctx *ctx, const struct value *recorded, const struct value *desired,
    struct artifact_made *out, struct err *err);
/* Returns the file with this hash, packing again if needed. */
int artifact_content(
    struct op_ctx *ctx, const struct value *desired, struct str sha256, const char **path, struct err *err);

/* ---- artifact_store.c: lists of {sha256, bucket, key, size, stored …}, the version in use first ---- */

enum { ARTIFACT_KEEP_DEFAULT = 5 };

/* Adds bucket, key, url and arn to the object. */
const struct value *artifact_places(
    struct op_ctx *ctx, const struct value *object, struct str bucket, struct str key);
/* Determines where the desired version is: an earlier one at its recorded location, a new one in the current
 * store. */
int artifact_locate(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **located, struct err *err);
bool artifact_same_place(const struct value *a, const struct value *b);

/* ops->holds and ops->outlasting */
const struct value *artifact_held_ids(struct arena *arena, const struct value *object);
const struct value *artifact_outlasting(struct arena *arena, const struct value *object);

/* Returns the recorded version with this hash, or NULL. */
const struct value *artifact_version(const struct value *versions, struct str sha256);
/* Returns a list entry for the object, stored now. */
const struct value *artifact_version_entry(struct op_ctx *ctx, const struct value *object);
/* Returns the list with that entry first, as the version in use; the others keep their order. */
const struct value *artifact_versions_with(
    struct op_ctx *ctx, const struct value *versions, const struct value *now);
/* Deletes the versions beyond `keep`. One that cannot be deleted now stays in the list, for the next
 * attempt. */
const struct value *artifact_versions_trim(struct op_ctx *ctx, const struct value *versions, int64_t keep);
/* Deletes unwanted leftovers of an interrupted run; of the version in use, unfinished uploads only. */
int artifact_versions_drop_unfinished(
    struct op_ctx *ctx, const struct value *wanted, const struct value **versions, struct err *err);
int artifact_version_remove(struct op_ctx *ctx, const struct value *version, struct err *err);

/* ---- artifact_life.c: operations of provider.h ---- */

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

/* ---- artifact_store.c: The objects in the store, under keys that contain the SHA-256 of their content.
 * Their metadata has that hash and the owner. */
struct stored {
    bool exists;
    struct str sha256; /* by its metadata; "": none */
    struct str etag, version_id;
    struct str stack, address; /* the owner; "": not stored by weir */
    struct str state;          /* the lineage of the owner's state: copies of a stack have the same name */
    int64_t size;
};

/* Returns the owner of new objects: the stack's name, with its environment if it has one. */
struct str artifact_owner(struct op_ctx *ctx);

/* True if the object was stored by this stack and state. */
bool artifact_is_own(struct op_ctx *ctx, const struct stored *stored);

/* Reads an object's metadata; `there` is false if the object does not exist. */
int artifact_look(struct op_ctx *ctx, struct str bucket, struct str key, struct stored *out, struct err *err);

/* Uploads the file, which has to have this hash. */
int artifact_put(struct op_ctx *ctx, struct str bucket, struct str key, const char *path, struct str sha256,
    struct stored *out, struct err *err);

/* ---- kind.c: The provider type `weir`: types that belong to no service. */

extern const struct provider_kind weir_kind;

/* ---- kind.c: Operations of resources that are generated by weir and exist only in the state. Each is
 * generated at creation and again on every change; there is nothing outside to read, find or delete. */
/* All computed attributes of a new or changed resource are unknown, except `id`, which is kept. */
int made_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err);
int made_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
int made_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);
/* A resource that is not recorded was not used yet: it can be generated again. */
int made_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);

/* ---- kind.c: `weir.random`: a random value kept in the state. Attributes: specs/weir.yaml. */
extern const struct resource_ops weir_random_ops;

/* ---- run.c: `weir.command`: a command in the stack file, its output, and its delete command. */
extern const struct resource_ops weir_command_ops;

/* ---- kind.c: `weir.value` stores a value, for connecting stacks and for benchmarks. */
extern const struct schema weir_value_schema;

/* ---- key.c: `weir.key`: a key pair kept in the state. Attributes: specs/weir.yaml. */
extern const struct resource_ops weir_key_ops;
