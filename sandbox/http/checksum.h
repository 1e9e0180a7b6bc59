/*
 * Checksums that S3 knows, computed while the bytes pass by. MD5, SHA-1 and SHA-256 are OpenSSL's.
 */
#pragma once

#include "sandbox/http/exchange.h"

enum checksum_kind {
    CHECKSUM_CRC32,
    CHECKSUM_CRC32C,
    CHECKSUM_CRC64NVME,
    CHECKSUM_SHA1,
    CHECKSUM_SHA256,
    CHECKSUM_COUNT,
    CHECKSUM_MD5 = CHECKSUM_COUNT, /* not a flexible checksum of S3, but computed the same way */
    CHECKSUM_NONE,
};

struct checksum {
    enum checksum_kind kind;
    uint64_t crc;
    void *digest; /* EVP_MD_CTX */
};

/* "CRC32" …, any case; CHECKSUM_NONE where it is none of them. */
enum checksum_kind checksum_find(struct str name);
const char *checksum_name(enum checksum_kind kind);
/* "x-amz-checksum-crc32" */
struct str checksum_header(struct arena *arena, enum checksum_kind kind);
/* CRCs of parts can be put together without reading them again. */
bool checksum_is_linear(enum checksum_kind kind);

void checksum_init(struct checksum *c, enum checksum_kind kind);
void checksum_update(struct checksum *c, const void *bytes, size_t n);
/* Raw bytes, big-endian for CRCs; releases. */
struct str checksum_final(struct arena *arena, struct checksum *c);
void checksum_release(struct checksum *c);
/* The CRC of two pieces one after the other, from their CRCs (as bytes) and the length of the second. */
struct str checksum_combine(
    struct arena *arena, enum checksum_kind kind, struct str first, struct str second, uint64_t n);

/* ---- checksum.c: aws-chunked bodies: the framing that SDKs put around content that they sign or checksum
 * while they send it.
 *
 *   10000;chunk-signature=…\r\n <bytes> \r\n … 0;chunk-signature=…\r\n x-amz-checksum-crc32:…\r\n
 * x-amz-trailer-signature:…\r\n \r\n
 *
 * Unsigned framing has no signatures. Each chunk but the last has 8 KiB at least, as S3 wants it. Content is
 * handed on as it comes, so what it became must not be used before chunked_end() has confirmed it. */
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
