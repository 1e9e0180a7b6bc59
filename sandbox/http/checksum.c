/* Checksums that S3 knows, computed while the bytes pass by: see checksum.h. */
#include "sandbox/http/checksum.h"

#include "base/crc64.h"
#include "base/hash.h"

#include <openssl/evp.h>
#include <zlib.h>

static const char *const names[CHECKSUM_COUNT] = {"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"};

enum checksum_kind checksum_find(struct str name)
{
    for (int i = 0; i < CHECKSUM_COUNT; i++)
        if (str_ieq(name, str_z(names[i])))
            return (enum checksum_kind)i;
    return CHECKSUM_NONE;
}

const char *checksum_name(enum checksum_kind kind)
{
    return kind < CHECKSUM_COUNT ? names[kind] : "";
}

struct str checksum_header(struct arena *arena, enum checksum_kind kind)
{
    return arena_lower(arena, arena_printf(arena, "x-amz-checksum-%s", checksum_name(kind)));
}

bool checksum_is_linear(enum checksum_kind kind)
{
    return kind <= CHECKSUM_CRC64NVME;
}

#define POLY_CRC32  UINT64_C(0xedb88320) /* reflected, as the next */
#define POLY_CRC32C UINT64_C(0x82f63b78)

/* ---- all kinds ---- */

static const EVP_MD *digest_of(enum checksum_kind kind)
{
    return kind == CHECKSUM_MD5 ? EVP_md5() : kind == CHECKSUM_SHA1 ? EVP_sha1() : EVP_sha256();
}

void checksum_init(struct checksum *c, enum checksum_kind kind)
{
    *c = (struct checksum){.kind = kind};
    switch (kind) {
    case CHECKSUM_MD5:
    case CHECKSUM_SHA1:
    case CHECKSUM_SHA256:
        c->digest = EVP_MD_CTX_new();
        EVP_DigestInit_ex(c->digest, digest_of(kind), NULL);
        break;
    case CHECKSUM_CRC32:
    case CHECKSUM_CRC32C:
    case CHECKSUM_CRC64NVME:
    case CHECKSUM_NONE: break;
    }
}

void checksum_update(struct checksum *c, const void *bytes, size_t n)
{
    switch (c->kind) {
    case CHECKSUM_CRC32: c->crc = crc32_z((uLong)c->crc, bytes, n); break;
    case CHECKSUM_CRC32C: c->crc = hash_crc32c((uint32_t)c->crc, bytes, n); break;
    case CHECKSUM_CRC64NVME: c->crc = crc64_update(c->crc, bytes, n); break;
    case CHECKSUM_MD5:
    case CHECKSUM_SHA1:
    case CHECKSUM_SHA256: EVP_DigestUpdate(c->digest, bytes, n); break;
    case CHECKSUM_NONE: break;
    }
}

static struct str big_endian(struct arena *arena, uint64_t number, size_t n)
{
    char *out = arena_alloc(arena, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(number >> (8 * (n - 1 - i)));
    out[n] = '\0';
    return str_n(out, n);
}

struct str checksum_final(struct arena *arena, struct checksum *c)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    switch (c->kind) {
    case CHECKSUM_CRC32:
    case CHECKSUM_CRC32C: return big_endian(arena, c->crc, 4);
    case CHECKSUM_CRC64NVME: return big_endian(arena, c->crc, 8);
    case CHECKSUM_MD5:
    case CHECKSUM_SHA1:
    case CHECKSUM_SHA256: EVP_DigestFinal_ex(c->digest, digest, &n); break;
    case CHECKSUM_NONE: break;
    }
    checksum_release(c);
    return arena_str(arena, str_n((const char *)digest, n));
}

void checksum_release(struct checksum *c)
{
    EVP_MD_CTX_free(c->digest);
    c->digest = NULL;
}

/* ---- putting CRCs together: appending zeros is a linear map over GF(2), and doubling it is squaring its
 * matrix ---- */

static uint64_t matrix_times(const uint64_t matrix[32], uint64_t vector)
{
    uint64_t sum = 0;
    for (int i = 0; vector; vector >>= 1, i++)
        if (vector & 1)
            sum ^= matrix[i];
    return sum;
}

static void matrix_square(uint64_t square[32], const uint64_t matrix[32])
{
    for (int i = 0; i < 32; i++)
        square[i] = matrix_times(matrix, matrix[i]);
}

static uint64_t append_zeros(uint64_t poly, uint64_t crc, uint64_t bytes)
{
    uint64_t odd[32] = {0}, even[32];
    odd[0] = poly; /* one zero bit */
    for (int i = 1; i < 32; i++)
        odd[i] = UINT64_C(1) << (i - 1);
    matrix_square(even, odd);
    matrix_square(odd, even); /* four zero bits */
    for (; bytes; bytes >>= 1) {
        matrix_square(even, odd);
        if (bytes & 1)
            crc = matrix_times(even, crc);
        memcpy(odd, even, sizeof odd);
    }
    return crc;
}

static uint64_t from_bytes(struct str bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.n; i++)
        number = number << 8 | (unsigned char)bytes.p[i];
    return number;
}

struct str checksum_combine(
    struct arena *arena, enum checksum_kind kind, struct str first, struct str second, uint64_t n)
{
    uint64_t a = from_bytes(first), b = from_bytes(second);
    if (kind == CHECKSUM_CRC64NVME)
        return big_endian(arena, crc64_combine(a, b, n), 8);
    return big_endian(arena, append_zeros(kind == CHECKSUM_CRC32 ? POLY_CRC32 : POLY_CRC32C, a, n) ^ b, 4);
}
