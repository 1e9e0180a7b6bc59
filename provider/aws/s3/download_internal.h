/* Shared by download*.c and s3_reader.c only. */
#pragma once

#include "provider/aws/s3/download.h"
#include "provider/aws/s3/download_file.h"
#include "provider/wire/wire.h"

/* What there is to download, as it was when it was looked at. */
struct download_source {
    const struct s3_download *download;
    int64_t size;
    struct str etag; /* as the service gave it, with its quotes */
    /* What the content has to be: the one that costs less is compared. */
    bool has_crc;
    uint64_t crc;
    struct str sha256; /* hex; "": not known */
};

enum download_result {
    DOWNLOAD_OK,
    DOWNLOAD_FAILED,
    DOWNLOAD_CHANGED,   /* the object is another one by now, or what arrived is not what it should be */
    DOWNLOAD_NO_RANGES, /* the server sends all or nothing */
};

extern const struct wire_operation download_get;
extern const struct shape download_shape;
/* The members bucket, key and version of a request. */
const struct value *download_name(struct arena *arena, const struct s3_download *download);

/* Fetches what the file has not got yet, and compares the whole with the checksum. */
enum download_result download_parts(
    struct op_ctx *ctx, const struct download_source *source, struct download_file *file, struct err *err);
