/*
 * Downloads from S3: an object becomes a file.
 *
 * Large ones come as ranges, several at a time, each written to its place in a file beside the target, which
 * is renamed when it is whole and is what the object's checksum says: CRC-64/NVME or SHA-256, whichever the
 * service or weir has noted with the object. What had arrived before the process died, the network went or a
 * signal came is not fetched again. A server that knows no ranges sends it in one piece.
 *
 * Every range is asked for on the condition that the object is still the one that was looked at first. One
 * that is written anew meanwhile is downloaded once more from the beginning; then that is an error.
 *
 * Blocks; safe from every thread. Memory does not depend on the size.
 */
#pragma once

#include "provider/provider.h"

struct s3_download {
    struct str bucket, key;
    struct str version_id; /* "" : the newest */
    int64_t max_bytes;     /* more is refused before it is fetched; 0: it may be of any size */
    const char *path;      /* the file; one that is there is replaced, nothing else than a file is */
    struct str sha256;     /* 64 hex digits: what the content must be; "": what the object says of itself */
    /* The entity tag, without quotes, under which the object was known to have that content; "": none. As
     * long as it bears that, the service's cheaper checksum shows as well whether it arrived whole. */
    struct str sha256_etag;
};

struct s3_downloaded {
    int64_t size;
    struct str etag; /* without quotes */
    bool verified;   /* there was a checksum to compare with */
};

/* Of ctx: arena, provider, cancel and progress. ERR_ABSENT: there is no such object. */
int s3_download(
    struct op_ctx *ctx, const struct s3_download *download, struct s3_downloaded *out, struct err *err);
