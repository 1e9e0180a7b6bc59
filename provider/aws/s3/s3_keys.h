/*
 * Many objects of a bucket at once: listing by pages, deleting by thousands.
 */
#pragma once

#include "provider/provider.h"

struct s3_listed {
    struct str key, etag, storage_class; /* etag without quotes */
    int64_t size;
};

/* Of several threads at a time, for different keys; the texts live as long as the call. */
typedef void s3_found(void *ctx, const struct s3_listed *object);

struct s3_list {
    struct str bucket, prefix;
    /* Keys that are expected there, in byte order: with them all pages are asked for at once. */
    const struct str *expected;
    size_t expected_count;
    size_t page_limit; /* more pages than this, in all, are not read: *cut is set; 0: no limit */
};

/* -1 with err (ERR_ABSENT: there is no such bucket). */
int s3_list_objects(struct op_ctx *ctx, const struct s3_list *list, s3_found *found, void *found_ctx,
    bool *cut, struct err *err);
/* Those that are gone already are fine. */
int s3_delete_objects(
    struct op_ctx *ctx, struct str bucket, const struct str *keys, size_t n, struct err *err);
/* At most a thousand, as a listing shows them: maps with Key and, of a version, VersionId. */
int s3_delete_page(
    struct op_ctx *ctx, const struct value *bucket, const struct value *objects, struct err *err);
