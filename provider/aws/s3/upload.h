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

#include "base/digests.h"
#include "provider/aws/client.h"

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
    bool one_of_many; /* its progress is not reported, and what is sent again with its key */
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

/* ---- Shared by upload*.c only. */
enum { UPLOAD_TRIES = 3 /* of a file that changes meanwhile */ };

/* A file that is open, or bytes. */
struct upload_source {
    int fd; /* -1: bytes */
    const char *name;
    struct str bytes;
    int64_t size;
    struct file_id id; /* as it was when it was opened */
};

enum upload_result {
    UPLOAD_OK,
    UPLOAD_FAILED,
    UPLOAD_CHANGED, /* the content is not what it was when the upload began */
};

int upload_open(const struct s3_upload *upload, struct upload_source *out, struct err *err);
void upload_close(struct upload_source *source); /* also after upload_open() has failed */
/* Does it go up in parts? */
bool upload_is_large(const struct upload_source *source);
/* Is the file still what was opened? */
bool upload_unchanged(const struct upload_source *source);
/* The request's members under aws_s3_object_shape; sha256 "" where it is not known. */
const struct value *upload_input(struct arena *arena, const struct s3_upload *upload, struct str sha256);
void upload_fill(struct arena *arena, const struct wire_message *answer, struct s3_uploaded *out);
/* The content is not what the caller expects. Returns -1. */
int upload_unexpected(const struct s3_upload *upload, struct err *err);
/* It changes each time. Returns -1. */
int upload_restless(const struct s3_upload *upload, struct err *err);

/* In one piece: upload_put_begin(), put.call sent by the caller, upload_put_end(). */
struct upload_put {
    const struct s3_upload *upload;
    struct upload_source *source;
    struct str sum; /* SHA-256, as the header has it */
    struct aws_call call;
    struct repeats repeats;
};
enum upload_result upload_put_begin(struct op_ctx *ctx, const struct s3_upload *upload,
    struct upload_source *source, struct upload_put *put, struct err *err);
/* failure: class ERR_NONE where it was answered well. */
enum upload_result upload_put_end(struct arena *arena, const struct upload_put *put,
    const struct wire_message *answer, const struct err *failure, struct s3_uploaded *out, struct err *err);

/* In parts. sha256: of the content, where it is known ("" otherwise) or, not `known`, only expected. */
enum upload_result upload_in_parts(struct op_ctx *ctx, const struct s3_upload *upload,
    struct upload_source *source, bool known, struct str sha256, struct s3_uploaded *out, struct err *err);

/* ---- upload_record.c: what is kept on disk of an upload in parts while it is under way, so that a run after
 * a kill goes on with it: a line of JSON that says which upload it is, then one line for each part that the
 * service has.
 *
 *     {"bucket": …, "key": …, "upload": …, "size": …, "part_size": …, "sums": true,
 *      "sha256": …, "settings": digest of what else was asked for}
 *     PART ETAG CRC64
 *
 * Lines are only added, so a torn last one costs one part. Not synced: what a power cut takes is sent again.
 */
enum { UPLOAD_PARTS_MAX = 10000 };

struct upload_part {
    struct str etag; /* as the service gave it, with its quotes; "" : not there */
    uint64_t crc;
};

struct upload_record {
    struct str path; /* "" : nothing is kept */
    struct str bucket, key, upload, settings;
    struct str sha256; /* what its metadata says of the content; "" : nothing */
    int64_t size, part_size;
    bool sums;                 /* the service keeps CRC-64/NVME of this upload */
    struct upload_part *parts; /* as many as size and part_size make */
    int fd;                    /* open for adding; -1: not */
};

/*
 * How large the parts of a file are: 8 MiB, or so much that 10,000 suffice. 0: no upload can be so large.
 */
int64_t upload_part_size(int64_t size);
int upload_part_count(int64_t size, int64_t part_size);

/* Where the record of an upload to there is kept; "" without a folder. */
struct str upload_record_path(struct arena *arena, struct str work_dir, struct str bucket, struct str key);
/* What a run before has left; false: nothing that can be used. */
bool upload_record_read(struct arena *arena, struct str path, struct upload_record *out);
/* Begins a new one in place of what is there. That none can be kept is no reason not to upload. */
void upload_record_begin(struct upload_record *record);
/* Goes on with one that was read. */
void upload_record_resume(struct upload_record *record);
/* The part has arrived. */
void upload_record_add(struct upload_record *record, int part);
void upload_record_close(struct upload_record *record);
void upload_record_remove(struct upload_record *record);

/* ---- what upload_parts.c, upload.c and upload_record.c share of one upload in
 * parts; nobody else includes it. The caller's thread does all of it. */
struct slot; /* upload.c */
struct sha256;

struct parts {
    struct op_ctx *ctx;
    const struct s3_upload *upload;
    const struct upload_source *source;
    struct upload_record record; /* its parts are the upload's */
    int count;
    bool completed; /* a killed run got as far as that: the parts are the object's */
    uint64_t *crcs;
    struct sha256 *sha; /* NULL: it is known */
    char *block;
    struct arena arena; /* entity tags */

    int read, sent; /* so many parts have been */
    int64_t at;     /* of the file, up to there */
    struct aws_flight *flight;
    struct slot *free;
    atomic_bool stop;          /* for what is on its way */
    struct err err;            /* the first failure */
    atomic_int_fast64_t moved; /* bytes on their way or arrived */
    int64_t kept;              /* bytes that had arrived before */
    int64_t began_ms, reported_ms;
};

static inline int64_t upload_part_start(const struct parts *p, int part)
{
    return p->record.part_size * part;
}

/* ---- upload_parts.c ---- */

/* Names of a call's members: bucket, key, upload, part, after, crc64, checksum_type. */
extern const struct shape upload_part_shape;
/* Bucket and key, and the upload once it has an id. */
const struct value *upload_parts_name(struct parts *p, struct arena *arena);
/* The CRC as S3 writes it. */
struct str upload_crc_text(struct arena *arena, uint64_t crc);
int64_t upload_part_length(const struct parts *p, int part);

/* ---- upload.c ---- */

/* Reads, hashes and sends what the service does not have yet. */
int upload_parts_send(struct parts *p, struct err *err);

/* ---- upload_record.c ---- */

/* Whether it can go on where a run before has stopped; what cannot is aborted. *out: see p->completed. */
bool upload_parts_resume(struct parts *p, struct s3_uploaded *out);
void upload_parts_abort(struct parts *p);
/* The answer was lost, and the upload is gone since: did it become the object? */
bool upload_parts_is_there(struct parts *p, struct s3_uploaded *out);

/* ---- The media type that a file name stands for. */
/* "application/octet-stream" where the ending says nothing. */
struct str content_type_of(struct str name);
