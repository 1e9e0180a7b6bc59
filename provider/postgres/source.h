/*
 * Where the rows of a load come from: files beside the stack, or objects of a bucket (s3://BUCKET/PREFIX/, or
 * the key of one). Both are known by their content: a file by its SHA-256, an object by its entity tag, which
 * a listing shows. What is another by the time that it is read is not loaded.
 *
 * Order of calls: source_find(); for each file source_open(), source_next() until *n is 0, source_close().
 */
#pragma once

#include "provider/postgres/files.h"

struct source;

/* Does the load's `source` name a bucket? Then it takes a provider to look there. */
bool source_is_bucket(const struct value *source);
/* What a load is made of now. ERR_ABSENT: the bucket is not there. */
int source_find(struct op_ctx *ctx, const struct value *object, struct local_files *files, struct err *err);

/* In the context's arena. */
int source_open(struct op_ctx *ctx, const struct local_file *file, struct source **out, struct err *err);
/* At the end it is compared with what was planned: ERR_STALE where it is another. */
int source_next(struct source *source, const char **bytes, size_t *n, struct err *err);
void source_close(struct source **source); /* NULL in it is fine */
#define AUTO_SOURCE __attribute__((cleanup(source_close)))

/* s3:GetObject and s3:ListBucket; see struct resource_ops. Files need nothing. */
void source_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out);
const struct value *source_scope(
    const struct schema *schema, const struct value *object, struct str action, struct arena *arena);
