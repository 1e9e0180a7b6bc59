/*
 * Uploads to S3: a file or some bytes become an object.
 *
 * Small objects are one PutObject, signed with their SHA-256. Larger ones are sent as parallel parts, and
 * read and hashed meanwhile: each byte once, SHA-256 over the whole and CRC-64/NVME for each part, which the
 * service checks and combines to the object's checksum. After a kill, parts already sent are not sent again:
 * .weir/uploads has a record of every unfinished upload, which is compared with the service's list of parts,
 * and their checksums with the file. An upload that fails for good is aborted; after a network failure, a
 * signal or expired credentials it is kept for the next run.
 *
 * A file that changes meanwhile is uploaded again, a few times; then it is an error. Content other than the
 * caller expects is an error, too.
 *
 * Blocks; safe to call from every thread. Memory depends neither on the size nor on the number of files.
 */
#pragma once

#include "base/digests.h"
#include "provider/aws/client.h"

/* Files of at least this size are sent in parts. */
#define S3_PARTS_FROM (INT64_C(16) * 1024 * 1024)

struct s3_upload {
    struct str bucket, key;
    const char *path;  /* the file … */
    struct str bytes;  /* … or, with path NULL, the content */
    struct str sha256; /* 64 hex digits: the expected content; "": any */
    /* content_type, content_encoding, cache_control, storage_class, server_side_encryption, kms_key,
     * metadata, tags, as in aws.s3.object; other entries are ignored. May be NULL. The default content_type
     * follows from the key. */
    const struct value *settings;
    bool sensitive;   /* the content is not traced */
    bool one_of_many; /* progress is not reported, and messages about retries name the key */
};

struct s3_uploaded {
    struct str etag;                                        /* without quotes */
    struct str version_id, server_side_encryption, kms_key; /* "" if the service does not report it */
    struct str sha256;                                      /* 64 hex digits */
    int64_t size;
};

/*
 * The object's metadata has its SHA-256 (`weir-sha256`) if that is known before the first byte is sent: for
 * small objects, for those with upload->sha256, and for those in ctx->digests. Uses arena, provider, cancel,
 * progress, work_dir and digests of ctx. Strings in *out are allocated in the arena.
 */
int s3_upload(struct op_ctx *ctx, const struct s3_upload *upload, struct s3_uploaded *out, struct err *err);

/* Several uploads at the same time. */
struct s3_uploads {
    size_t n;
    void *ctx;
    void (*what)(void *ctx, struct arena *arena, size_t i, struct s3_upload *out);
    /* Called for each upload that is finished, or failed (done NULL); never concurrently. */
    void (*over)(void *ctx, size_t i, const struct s3_uploaded *done, struct err *failure);
};
/* Starts no more uploads after the first failure, which becomes *err, and waits for those already started. */
int s3_upload_many(struct op_ctx *ctx, const struct s3_uploads *uploads, struct err *err);
/* Aborts an interrupted run's unfinished upload to that key, if there is one. */
void s3_upload_forget(struct op_ctx *ctx, struct str bucket, struct str key);

/* ---- Shared by upload*.c only. */
enum { UPLOAD_TRIES = 3 /* of a file that changes meanwhile */ };

/* An open file, or bytes. */
struct upload_source {
    int fd; /* -1: bytes */
    const char *name;
    struct str bytes;
    int64_t size;
    struct file_id id; /* as of opening */
};

enum upload_result {
    UPLOAD_OK,
    UPLOAD_FAILED,
    UPLOAD_CHANGED, /* the content has changed since the upload began */
};

int upload_open(const struct s3_upload *upload, struct upload_source *out, struct err *err);
void upload_close(struct upload_source *source); /* also called after upload_open() has failed */
/* True if the source is sent in parts. */
bool upload_is_large(const struct upload_source *source);
/* True if the file is still the one that was opened. */
bool upload_unchanged(const struct upload_source *source);
/* Returns the request's members of aws_s3_object_shape; sha256 "": not known. */
const struct value *upload_input(struct arena *arena, const struct s3_upload *upload, struct str sha256);
void upload_fill(struct arena *arena, const struct wire_message *answer, struct s3_uploaded *out);
/* Reports that the content is not the expected one. Returns -1. */
int upload_unexpected(const struct s3_upload *upload, struct err *err);
/* Reports that the file changed at every attempt. Returns -1. */
int upload_restless(const struct s3_upload *upload, struct err *err);

/* An upload in one request. Order of calls: upload_put_begin(), the caller sends put.call,
 * upload_put_end(). */
struct upload_put {
    const struct s3_upload *upload;
    struct upload_source *source;
    struct str sum; /* SHA-256, as in the header */
    struct aws_call call;
    struct repeats repeats;
};
enum upload_result upload_put_begin(struct op_ctx *ctx, const struct s3_upload *upload,
    struct upload_source *source, struct upload_put *put, struct err *err);
/* failure: class ERR_NONE after a successful response. */
enum upload_result upload_put_end(struct arena *arena, const struct upload_put *put,
    const struct wire_message *answer, const struct err *failure, struct s3_uploaded *out, struct err *err);

/* An upload in parts. sha256: of the content if `known`, otherwise the expected one or "". */
enum upload_result upload_in_parts(struct op_ctx *ctx, const struct s3_upload *upload,
    struct upload_source *source, bool known, struct str sha256, struct s3_uploaded *out, struct err *err);

/* ---- upload_record.c: the file that records a multipart upload while it runs, so that a run after a kill
 * continues it: a line of JSON that identifies the upload, then one line for each part that the service has.
 *
 *     {"bucket": …, "key": …, "upload": …, "size": …, "part_size": …, "sums": true,
 *      "sha256": …, "settings": digest of the other request members}
 *     PART ETAG CRC64
 *
 * Lines are only appended, so a torn last line costs one part. Not synced: parts lost in a power failure are
 * sent again. */
enum { UPLOAD_PARTS_MAX = 10000 };

struct upload_part {
    struct str etag; /* with quotes; "": the service does not have the part */
    uint64_t crc;
};

struct upload_record {
    struct str path; /* "": no file is kept */
    struct str bucket, key, upload, settings;
    struct str sha256; /* SHA-256 in the object's metadata; "": none */
    int64_t size, part_size;
    bool sums;                 /* the service keeps CRC-64/NVME of this upload */
    struct upload_part *parts; /* their number follows from size and part_size */
    int fd;                    /* open for appending; -1: not open */
};

/*
 * Returns the part size for a file: 8 MiB, or larger so that 10,000 parts suffice. Returns 0 if the file is
 * too large for any upload.
 */
int64_t upload_part_size(int64_t size);
int upload_part_count(int64_t size, int64_t part_size);

/* Returns the path of the record of an upload to that key; "" if there is no folder. */
struct str upload_record_path(struct arena *arena, struct str work_dir, struct str bucket, struct str key);
/* Reads the record of an earlier run; returns false if there is none that can be used. */
bool upload_record_read(struct arena *arena, struct str path, struct upload_record *out);
/* Starts a new record in place of an existing one. A failure to write it does not stop the upload. */
void upload_record_begin(struct upload_record *record);
/* Continues a record that was read. */
void upload_record_resume(struct upload_record *record);
/* Adds a part that the service has. */
void upload_record_add(struct upload_record *record, int part);
void upload_record_close(struct upload_record *record);
void upload_record_remove(struct upload_record *record);

/* ---- State of one multipart upload, shared by upload_parts.c, upload.c and upload_record.c only. Used by
 * the caller's thread. */
struct slot; /* upload.c */
struct sha256;

struct parts {
    struct op_ctx *ctx;
    const struct s3_upload *upload;
    const struct upload_source *source;
    struct upload_record record; /* including the parts */
    int count;
    bool completed; /* an interrupted run completed the upload: the parts belong to the object */
    uint64_t *crcs;
    struct sha256 *sha; /* NULL: the hash is known */
    char *block;
    struct arena arena; /* allocates entity tags */

    int read, sent; /* number of parts read and sent */
    int64_t at;     /* offset in the file up to which it was read */
    struct aws_flight *flight;
    struct slot *free;
    atomic_bool stop;          /* cancels the running calls */
    struct err err;            /* the first failure */
    atomic_int_fast64_t moved; /* bytes being sent or sent */
    int64_t kept;              /* bytes sent by an earlier run */
    int64_t began_ms, reported_ms;
};

static inline int64_t upload_part_start(const struct parts *p, int part)
{
    return p->record.part_size * part;
}

/* ---- upload_parts.c ---- */

/* Returns bucket and key, and the upload id once it is known. */
const struct value *upload_parts_name(struct parts *p, struct arena *arena);
/* Returns the CRC in S3's format. */
struct str upload_crc_text(struct arena *arena, uint64_t crc);
int64_t upload_part_length(const struct parts *p, int part);

/* ---- upload.c ---- */

/* Reads, hashes and sends what the service does not have yet. */
int upload_parts_send(struct parts *p, struct err *err);

/* ---- upload_record.c ---- */

/* Returns whether an earlier run's upload can be continued; otherwise it is aborted. *out: see
 * p->completed. */
bool upload_parts_resume(struct parts *p, struct s3_uploaded *out);
void upload_parts_abort(struct parts *p);
/* After the response was lost and the upload no longer exists: returns whether it became the object. */
bool upload_parts_is_there(struct parts *p, struct s3_uploaded *out);

/* ---- The media type of a file name. */
/* Returns "application/octet-stream" for an unknown extension. */
struct str content_type_of(struct str name);
