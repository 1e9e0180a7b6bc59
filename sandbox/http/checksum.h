/*
 * Checksums that S3 knows, computed while the bytes pass by. MD5, SHA-1 and SHA-256 are OpenSSL's.
 */
#pragma once

#include "base/arena.h"

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
