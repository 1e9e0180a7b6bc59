/*
 * What upload_parts.c, upload_flight.c and upload_resume.c share of one upload in parts; nobody else includes
 * it. The caller's thread does all of it.
 */
#pragma once

#include "provider/aws/s3/upload_internal.h"
#include "provider/aws/s3/upload_record.h"

#include <stdatomic.h>

struct slot; /* upload_flight.c */
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

/* ---- upload_flight.c ---- */

/* Reads, hashes and sends what the service does not have yet. */
int upload_parts_send(struct parts *p, struct err *err);

/* ---- upload_resume.c ---- */

/* Whether it can go on where a run before has stopped; what cannot is aborted. *out: see p->completed. */
bool upload_parts_resume(struct parts *p, struct s3_uploaded *out);
void upload_parts_abort(struct parts *p);
/* The answer was lost, and the upload is gone since: did it become the object? */
bool upload_parts_is_there(struct parts *p, struct s3_uploaded *out);
