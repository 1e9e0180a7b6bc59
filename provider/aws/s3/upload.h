/*
 * Uploads to S3: a file or some bytes become an object.
 *
 * Small ones are one PutObject, signed with their SHA-256. Larger ones go up as parallel parts, which is when
 * they are read and hashed: each byte once, SHA-256 over the whole and CRC-64/NVME for each part, which the
 * service checks, and whose combination is the object's. What was sent before the process died is not sent
 * again: .weir/uploads has a record of every upload that is under way, and the parts on the service's side
 * are compared with it, and their checksums with the file. An upload that is given up for good is aborted;
 * one that only the network, a signal or an ended session stopped stays for the next run.
 *
 * A file that changes meanwhile is uploaded once more, a few times; then that is an error. So is content
 * other than the caller expects.
 *
 * Blocks; safe from every thread. Memory does not depend on the size, nor on how many there are.
 */
#pragma once

#include "provider/provider.h"

/* Files of this size and more go up in parts. */
#define S3_PARTS_FROM (INT64_C(16) * 1024 * 1024)

struct s3_upload {
    struct str bucket, key;
    const char *path;  /* the file … */
    struct str bytes;  /* … or, with path NULL, the content itself */
    struct str sha256; /* 64 hex digits: what the content must be; "": whatever is there */
    /* content_type, content_encoding, cache_control, storage_class, server_side_encryption, kms_key,
     * metadata, tags, under these names as in aws.s3.object; others are ignored. NULL: none. Without a
     * content_type it is guessed from the key. */
    const struct value *settings;
    bool sensitive;   /* not in traces */
    bool one_of_many; /* how far it is is not told, and what is sent again with its key */
};

struct s3_uploaded {
    struct str etag;                                        /* without quotes */
    struct str version_id, server_side_encryption, kms_key; /* "" where the service says nothing */
    struct str sha256;                                      /* 64 hex digits */
    int64_t size;
};

/*
 * The object carries its SHA-256 as metadata (`weir-sha256`) where that is known before the first byte is
 * sent: for small ones, for those the caller knows it of, and for those that ctx->digests knows. Of ctx:
 * arena, provider, cancel, progress, work_dir and digests. Texts in *out are in the arena.
 */
int s3_upload(struct op_ctx *ctx, const struct s3_upload *upload, struct s3_uploaded *out, struct err *err);

/* Many of them, under way together. */
struct s3_uploads {
    size_t n;
    void *ctx;
    void (*what)(void *ctx, struct arena *arena, size_t i, struct s3_upload *out);
    /* One has arrived, or failed (done NULL); never two calls at a time. */
    void (*over)(void *ctx, size_t i, const struct s3_uploaded *done, struct err *failure);
};
/* Begins no more after the first failure, which becomes *err, and waits for what is under way. */
int s3_upload_many(struct op_ctx *ctx, const struct s3_uploads *uploads, struct err *err);
/* Aborts what an interrupted run has left of an upload to there, if anything. */
void s3_upload_forget(struct op_ctx *ctx, struct str bucket, struct str key);
