/*
 * An object of S3 read from its first byte to its last, without a file: while one part of it is worked on the
 * next ones are on their way. Every part is asked for on the condition that the object is still the same.
 *
 * Order of calls, all from one thread: s3_reader_new(); s3_reader_next() until *n is 0; s3_reader_free(), at
 * any time. Memory does not depend on the size.
 */
#pragma once

#include "provider/provider.h"

struct s3_reader;

/* As a listing showed it; the entity tag is without quotes. The texts outlive the reader. */
struct s3_readable {
    struct str bucket, key, etag;
    int64_t size;
};

/* Of ctx: provider and cancel. Asks for nothing yet. */
struct s3_reader *s3_reader_new(const struct op_ctx *ctx, const struct s3_readable *object);
/* The bytes that follow, good until the next call. ERR_STALE: the object is another one by now, or gone. */
int s3_reader_next(struct s3_reader *reader, const char **bytes, size_t *n, struct err *err);
void s3_reader_free(struct s3_reader *reader); /* NULL is fine */
