/*
 * S3's checksums, computed incrementally. MD5, SHA-1 and SHA-256 use OpenSSL.
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
    CHECKSUM_MD5 = CHECKSUM_COUNT, /* not among S3's flexible checksums, but computed in the same way */
    CHECKSUM_NONE,
};

struct checksum {
    enum checksum_kind kind;
    uint64_t crc;
    void *digest; /* EVP_MD_CTX */
};

/* Finds an algorithm ("CRC32" …) in any case; CHECKSUM_NONE if unknown. */
enum checksum_kind checksum_find(struct str name);
const char *checksum_name(enum checksum_kind kind);
/* "x-amz-checksum-crc32" */
struct str checksum_header(struct arena *arena, enum checksum_kind kind);
/* True if the checksums of parts can be combined with checksum_combine(). */
bool checksum_is_linear(enum checksum_kind kind);

void checksum_init(struct checksum *c, enum checksum_kind kind);
void checksum_update(struct checksum *c, const void *bytes, size_t n);
/* Returns the raw bytes, big-endian for CRCs, and releases the state. */
struct str checksum_final(struct arena *arena, struct checksum *c);
void checksum_release(struct checksum *c);
/* Returns the CRC of two concatenated pieces, from their CRCs (raw bytes) and the length of the second. */
struct str checksum_combine(
    struct arena *arena, enum checksum_kind kind, struct str first, struct str second, uint64_t n);

/* ---- checksum.c: aws-chunked bodies, the framing that SDKs use to sign or checksum content while sending it
 * ----
 *
 *   10000;chunk-signature=…\r\n <bytes> \r\n … 0;chunk-signature=…\r\n x-amz-checksum-crc32:…\r\n
 *   x-amz-trailer-signature:…\r\n \r\n
 *
 * Unsigned framing has no signatures. S3 requires at least 8 KiB in each chunk but the last. Content is
 * passed on before it is verified, so it must not be used before chunked_end() returns CHUNKED_OK. */
enum chunked_error { CHUNKED_OK, CHUNKED_MALFORMED, CHUNKED_INCOMPLETE, CHUNKED_SIGNATURE, CHUNKED_SMALL };

/* The framing, by x-amz-content-sha256. */
enum chunked_form {
    CHUNKED_SIGNED,           /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD */
    CHUNKED_SIGNED_TRAILER,   /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER */
    CHUNKED_UNSIGNED_TRAILER, /* STREAMING-UNSIGNED-PAYLOAD-TRAILER */
};

struct chunked {
    const struct auth *auth; /* verified signature of the request */
    enum chunked_form form;
    int state;
    enum chunked_error error;
    struct buf line;
    uint64_t left;                  /* bytes left in the current chunk */
    bool last;                      /* the current chunk is below 8 KiB, so it must be the last */
    struct checksum hash;           /* of the current chunk */
    char claimed[65], previous[65]; /* signatures */
    struct buf trailer;             /* signed "name:value\n" lines */
    bool trailer_signed;            /* no line may follow the trailer's signature */
    struct arena arena;
    void (*content)(void *ctx, const char *bytes, size_t n);
    void *ctx;
};

void chunked_init(struct chunked *c, const struct auth *auth, enum chunked_form form,
    void (*content)(void *ctx, const char *bytes, size_t n), void *ctx);
void chunked_feed(struct chunked *c, const char *bytes, size_t n);
enum chunked_error chunked_end(struct chunked *c);
/* Returns the value of a trailing header after chunked_end(), or "". */
struct str chunked_trailer(const struct chunked *c, struct str name);
void chunked_release(struct chunked *c);
