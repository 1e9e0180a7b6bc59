/*
 * aws-chunked bodies: the framing that SDKs put around content that they sign or checksum while they send it.
 *
 *   10000;chunk-signature=…\r\n <bytes> \r\n … 0;chunk-signature=…\r\n x-amz-checksum-crc32:…\r\n
 * x-amz-trailer-signature:…\r\n \r\n
 *
 * Unsigned framing has no signatures. Each chunk but the last has 8 KiB at least, as S3 wants it. Content is
 * handed on as it comes, so what it became must not be used before chunked_end() has said yes.
 */
#pragma once

#include "sandbox/http/checksum.h"
#include "sandbox/http/exchange.h"

enum chunked_error { CHUNKED_OK, CHUNKED_MALFORMED, CHUNKED_INCOMPLETE, CHUNKED_SIGNATURE, CHUNKED_SMALL };

/* What x-amz-content-sha256 says of the frames. */
enum chunked_form {
    CHUNKED_SIGNED,           /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD */
    CHUNKED_SIGNED_TRAILER,   /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER */
    CHUNKED_UNSIGNED_TRAILER, /* STREAMING-UNSIGNED-PAYLOAD-TRAILER */
};

struct chunked {
    const struct auth *auth; /* of the request, verified */
    enum chunked_form form;
    int state;
    enum chunked_error error;
    struct buf line;
    uint64_t left;                  /* of the current chunk */
    bool last;                      /* it is a small one: another may not follow */
    struct checksum hash;           /* of its bytes */
    char claimed[65], previous[65]; /* signatures */
    struct buf trailer;             /* "name:value\n" lines as they are signed */
    bool trailer_signed;            /* nothing comes after its signature */
    struct arena arena;
    void (*content)(void *ctx, const char *bytes, size_t n);
    void *ctx;
};

void chunked_init(struct chunked *c, const struct auth *auth, enum chunked_form form,
    void (*content)(void *ctx, const char *bytes, size_t n), void *ctx);
void chunked_feed(struct chunked *c, const char *bytes, size_t n);
enum chunked_error chunked_end(struct chunked *c);
/* A trailing header's value, after chunked_end; "" where there is none. */
struct str chunked_trailer(const struct chunked *c, struct str name);
void chunked_release(struct chunked *c);
