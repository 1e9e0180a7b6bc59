/* An object of a store becomes a file, shown while it does: `weir run --out`, `weir rollback --out`. */
#pragma once

#include "cmd/invocation/invocation.h"
#include "provider/aws/s3/download.h"

struct object_save {
    struct invocation *inv;
    const struct op_ctx *ctx;
    const struct s3_download *download;
    const atomic_int *signals; /* one ends it; what has arrived stays for the next time */
};

/* On a terminal with a line of how far it is and, without --json, one that says what was saved. */
int object_save(const struct object_save *save, int64_t *bytes, struct err *err);

/* Bucket and key of s3://BUCKET/KEY; false: it names no object. */
bool object_url(struct str url, struct s3_download *out);
