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

#include "provider/weir/build.h"

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
/* Where the desired version lies: an earlier one where it was stored, a new one where the store is now. */
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

/* ---- artifact_store.c: Where artifacts lie: objects in a bucket, under keys that hold the SHA-256 of
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
