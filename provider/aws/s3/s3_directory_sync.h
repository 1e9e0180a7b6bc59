/* Sending and deleting what `aws.s3.directory` has found out to differ. */
#pragma once

#include "provider/aws/s3/s3_manifest.h"
#include "provider/provider.h"

/* Where a directory's files lie, here and there. */
struct directory {
    struct op_ctx *ctx;
    struct str bucket, prefix; /* "" or with a slash at its end */
    struct str folder;
    const struct value *object; /* for what goes with every file: metadata, content_types, … */
};

struct str directory_key(struct arena *arena, const struct directory *d, struct str name);

/* Sends the files, many at a time; each that has arrived gets its mark in `to`. Stops at the first failure.
 */
int directory_send(
    const struct directory *d, const struct str *names, size_t n, struct manifest *to, struct err *err);
int directory_drop(const struct directory *d, const struct str *names, size_t n, struct err *err);
/*
 * Looks at what is there of the manifest's files: sha256 becomes "etag:…" where the mark differs and "" where
 * there is nothing. Files without a mark are asked for one by one: they are those of the manifest where the
 * object's metadata says so.
 */
int directory_look(const struct directory *d, struct manifest *manifest, struct err *err);
