/*
 * Listings of a bucket that go on by markers: its versions, its unfinished uploads. And ending such an
 * upload.
 *
 * Order of calls: s3_pages_next() until `done` or `blind`; s3_pages_release(). One thread at a time.
 */
#pragma once

#include "provider/provider.h"
#include "provider/wire/pages.h"

extern const struct wire_operation s3_list_versions, s3_list_uploads;

struct s3_pages {
    const struct wire_operation *op;
    struct str bucket, prefix;
    struct arena *arena;         /* of the markers; outlives the pages */
    const struct value *markers; /* members of the next request; NULL: from the beginning */
    struct pages seen;
    bool done;
    bool blind; /* there is more, and the store does not say where it begins */
};

/* The next page, in ctx's arena. */
int s3_pages_next(struct op_ctx *ctx, struct s3_pages *pages, const struct value **page, struct err *err);
void s3_pages_release(struct s3_pages *pages);
/* A list: "Version[]", "DeleteMarker[]", "Upload[]" of a page. */
const struct value *s3_pages_items(struct op_ctx *ctx, const struct value *page, const char *path);

/* One that has become an object, or is gone, is fine. */
int s3_abort_upload(
    struct op_ctx *ctx, struct str bucket, struct str key, struct str upload, struct err *err);
