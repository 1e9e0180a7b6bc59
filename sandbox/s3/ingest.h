/*
 * A request's body on its way in: frames taken off, counted, hashed, and written to a file or kept in memory.
 * What the client claimed of it (length, SHA-256, MD5, a checksum in a header or a trailer) is compared at
 * the end.
 */
#pragma once

#include "sandbox/http/checksum.h"
#include "sandbox/http/chunked.h"
#include "sandbox/http/exchange.h"
#include "sandbox/s3/store.h"

struct ingest {
    struct exchange *x;
    struct pending file; /* fd -1: into x->body */
    bool framed, check_sha256;
    int write_failed; /* errno; 0: all was written */
    struct chunked frames;
    struct checksum md5, sha256, sum;
    struct str claimed_sum;
    bool sum_in_trailer;
    int64_t size;
    struct str etag;      /* after the end: MD5 as hex */
    struct str sum_value; /* base64; "" where the client asked for none */
};

/* NULL, or what is wrong with the headers. With `store` the body goes into a file. `sums`: checksums in the
 * headers are of the body; those of CompleteMultipartUpload are not. */
const struct fault *ingest_begin(struct ingest *in, struct exchange *x, struct s3_store *store, bool sums);
void ingest_data(struct ingest *in, const char *bytes, size_t n);
/* NULL where the body is what it was said to be. */
const struct fault *ingest_end(struct ingest *in);
void ingest_release(struct ingest *in);
