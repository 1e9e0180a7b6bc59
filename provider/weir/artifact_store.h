/*
 * Where artifacts lie: objects in a bucket, under keys that hold the SHA-256 of their content. Beside the
 * content each object carries that hash and who stored it as metadata.
 */
#pragma once

#include "provider/provider.h"

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
/* version_id "": whatever is there now. Gone already is success. */
int artifact_remove(
    struct op_ctx *ctx, struct str bucket, struct str key, struct str version_id, struct err *err);
