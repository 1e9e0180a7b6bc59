/* S3's checksums and aws-chunked bodies: see checksum.h. */
#include "sandbox/http/checksum.h"

#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
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

#define POLY_CRC32  UINT64_C(0xedb88320) /* bit-reflected, as is the next */
#define POLY_CRC32C UINT64_C(0x82f63b78)

/* ---- all algorithms ---- */

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

/* ---- combining CRCs: appending zeros is a linear map over GF(2); squaring its matrix doubles their number
 * ---- */

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

/* ---- aws-chunked bodies ---- */

enum { SIZE_LINE, DATA, DATA_END, TRAILER, DONE };
enum { MAX_LINE = 4096, MAX_TRAILER = 16 * 1024, MIN_CHUNK = 8 * 1024 };

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

void chunked_init(struct chunked *c, const struct auth *auth, enum chunked_form form,
    void (*content)(void *ctx, const char *bytes, size_t n), void *ctx)
{
    *c = (struct chunked){.auth = auth, .form = form, .content = content, .ctx = ctx};
    c->line.max = MAX_LINE;
    c->trailer.max = MAX_TRAILER;
    checksum_init(&c->hash, CHECKSUM_SHA256);
    snprintf(c->previous, sizeof c->previous, "%.*s", STR_ARG(auth->signature));
}

static bool has_signatures(const struct chunked *c)
{
    return c->form != CHUNKED_UNSIGNED_TRAILER;
}

static void chunked_fail(struct chunked *c, enum chunked_error error)
{
    if (!c->error)
        c->error = error;
}

/* ---- signatures ---- */

static void check_signature(struct chunked *c, const char *kind, struct str hashes, struct str claimed)
{
    unsigned char mac[SHA256_SIZE];
    struct str text = arena_printf(&c->arena, "%s\n%.*s\n%.*s\n%s\n%.*s", kind, STR_ARG(c->auth->date),
        STR_ARG(c->auth->scope), c->previous, STR_ARG(hashes));
    hash_hmac_sha256(str_n((const char *)c->auth->key, sizeof c->auth->key), text, mac);
    struct str wanted = hex_encode(&c->arena, mac, sizeof mac);
    if (claimed.n != wanted.n || CRYPTO_memcmp(claimed.p, wanted.p, wanted.n) != 0)
        chunked_fail(c, CHUNKED_SIGNATURE);
    memcpy(c->previous, wanted.p, 65);
    arena_release(&c->arena);
}

static void end_chunk(struct chunked *c)
{
    if (has_signatures(c)) {
        struct str raw = checksum_final(&c->arena, &c->hash);
        struct str hex = hex_encode(&c->arena, raw.p, raw.n);
        struct str hashes = arena_printf(&c->arena, EMPTY_SHA256 "\n%.*s", STR_ARG(hex));
        check_signature(c, "AWS4-HMAC-SHA256-PAYLOAD", hashes, str_z(c->claimed));
    }
    checksum_release(&c->hash);
    checksum_init(&c->hash, CHECKSUM_SHA256);
}

/* ---- lines ---- */

static bool parse_size(struct str text, uint64_t *size)
{
    *size = 0;
    for (size_t i = 0; i < text.n; i++) {
        int digit = str_hex_digit(text.p[i]);
        if (digit < 0 || *size >> 56)
            return false;
        *size = *size << 4 | (uint64_t)digit;
    }
    return text.n > 0;
}

static void take_size_line(struct chunked *c, struct str line)
{
    struct str extension, size = str_cut(line, ';', &extension);
    static const struct str name = STR_INIT("chunk-signature=");
    if (!parse_size(str_trim(size), &c->left)) {
        chunked_fail(c, CHUNKED_MALFORMED);
        return;
    }
    c->claimed[0] = '\0';
    if (str_starts(extension, name) && extension.n == name.n + sizeof c->claimed - 1)
        snprintf(c->claimed, sizeof c->claimed, "%.*s", STR_ARG(str_slice(extension, name.n, extension.n)));
    if (c->left && c->last)
        chunked_fail(c, CHUNKED_SMALL);
    if (c->left) {
        c->last = c->left < MIN_CHUNK;
        c->state = DATA;
        return;
    }
    end_chunk(c);
    c->state = TRAILER;
}

static void take_trailer_signature(struct chunked *c, struct str value)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str claimed = arena_str(&scratch, value);
    check_signature(c, "AWS4-HMAC-SHA256-TRAILER", sha256_hex(&c->arena, buf_str(&c->trailer)), claimed);
    c->trailer_signed = true;
}

static void take_trailer_line(struct chunked *c, struct str line)
{
    if (!line.n) {
        c->state = DONE;
        return;
    }
    struct str value, name = str_trim(str_cut(line, ':', &value));
    value = str_trim(value);
    bool signature = str_ieq(name, STR("x-amz-trailer-signature"));
    if (!name.n || !value.n || c->trailer_signed || c->form == CHUNKED_SIGNED)
        chunked_fail(c, CHUNKED_MALFORMED);
    else if (signature && c->form == CHUNKED_SIGNED_TRAILER)
        take_trailer_signature(c, value);
    else if (signature)
        chunked_fail(c, CHUNKED_MALFORMED);
    else
        buf_addf(&c->trailer, "%.*s:%.*s\n", STR_ARG(name), STR_ARG(value));
}

static void take_line(struct chunked *c, struct str line)
{
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (c->state == SIZE_LINE)
        take_size_line(c, line);
    else if (c->state == TRAILER)
        take_trailer_line(c, line);
    else if (line.n) /* DATA_END: only a line break separates chunks */
        chunked_fail(c, CHUNKED_MALFORMED);
    else
        c->state = SIZE_LINE;
}

/* ---- input ---- */

static size_t feed_data(struct chunked *c, const char *bytes, size_t n)
{
    size_t taken = n < c->left ? n : (size_t)c->left;
    c->content(c->ctx, bytes, taken);
    if (has_signatures(c))
        checksum_update(&c->hash, bytes, taken);
    c->left -= taken;
    if (!c->left) {
        end_chunk(c);
        c->state = DATA_END;
    }
    return taken;
}

static size_t feed_line(struct chunked *c, const char *bytes, size_t n)
{
    const char *end = memchr(bytes, '\n', n);
    size_t taken = end ? (size_t)(end - bytes) + 1 : n;
    buf_add(&c->line, bytes, end ? taken - 1 : taken);
    if (c->line.overflow)
        chunked_fail(c, CHUNKED_MALFORMED);
    else if (end)
        take_line(c, buf_str(&c->line));
    if (end)
        buf_clear(&c->line);
    return taken;
}

void chunked_feed(struct chunked *c, const char *bytes, size_t n)
{
    while (n && !c->error) {
        size_t taken;
        if (c->state == DONE) {
            chunked_fail(c, CHUNKED_MALFORMED);
            return;
        }
        taken = c->state == DATA ? feed_data(c, bytes, n) : feed_line(c, bytes, n);
        bytes += taken;
        n -= taken;
    }
}

enum chunked_error chunked_end(struct chunked *c)
{
    /* the final empty line may be missing */
    if (!c->error && c->state == TRAILER && c->line.n)
        take_line(c, buf_str(&c->line));
    if (!c->error && c->state != DONE && c->state != TRAILER)
        chunked_fail(c, CHUNKED_INCOMPLETE);
    if (!c->error && c->trailer.overflow)
        chunked_fail(c, CHUNKED_MALFORMED);
    if (!c->error && c->form == CHUNKED_SIGNED_TRAILER && !c->trailer_signed)
        chunked_fail(c, CHUNKED_SIGNATURE);
    return c->error;
}

struct str chunked_trailer(const struct chunked *c, struct str name)
{
    struct str rest = buf_str(&c->trailer);
    while (rest.n) {
        struct str value, line = str_cut(rest, '\n', &rest);
        if (str_ieq(str_cut(line, ':', &value), name))
            return value;
    }
    return STR_EMPTY;
}

void chunked_release(struct chunked *c)
{
    checksum_release(&c->hash);
    buf_release(&c->line);
    buf_release(&c->trailer);
    arena_release(&c->arena);
}
