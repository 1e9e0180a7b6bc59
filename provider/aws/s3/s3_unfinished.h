/*
 * What interrupted runs have left of uploads in parts. The parts lie in the bucket, cost money and are shown
 * by no listing of objects, so whoever made them has to remember them: a resource that a run was uploading
 * when it stopped has an attribute `unfinished`, a map of upload ids to keys, until an upload has gone on
 * with them or they have been aborted.
 *
 * Order of calls: s3_unfinished_find() for an intent without an end, and where the record names some already;
 * s3_unfinished_kept() after an upload that failed; s3_unfinished_abort() when the object is complete, or
 * unwanted.
 */
#pragma once

#include "provider/provider.h"

#define S3_UNFINISHED_DOC                                                                                    \
    "Multipart uploads that an interrupted run left open. The next apply completes or aborts them."

/*
 * Adds all that the service lists of uploads to one of these keys; they begin with `prefix`. Where listing is
 * not allowed, or it does not exist, what this machine has noted is added instead. No bucket: there are
 * none.
 */
int s3_unfinished_find(struct op_ctx *ctx, struct str bucket, struct str prefix, const struct str *keys,
    size_t n, struct value_builder *out, struct err *err);
/* Adds the upload to there that is noted on this machine, if one is. */
void s3_unfinished_kept(struct op_ctx *ctx, struct str bucket, struct str key, struct value_builder *out);
/* Those of a map of upload ids to keys. Those that have become objects or are gone are fine, and so is NULL.
 */
int s3_unfinished_abort(struct op_ctx *ctx, struct str bucket, const struct value *uploads, struct err *err);
/* As abort, of all that there is to one key. */
int s3_unfinished_abort_all(struct op_ctx *ctx, struct str bucket, struct str key, struct err *err);

/* As abort, of those to one key that were begun since then (our clock): of a request whose answer was lost.
 */
int s3_unfinished_abort_since(
    struct op_ctx *ctx, struct str bucket, struct str key, int64_t since_ms, struct err *err);

/* Does the record, or what was seen, name some? */
bool s3_unfinished_any(const struct value *object);
/* The object as a plan wants it: with none of them, where the record has some. */
const struct value *s3_unfinished_ended(
    struct op_ctx *ctx, const struct value *recorded, const struct value *desired);
