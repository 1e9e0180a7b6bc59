/* Digests, checksums, encodings and random bytes: see hash.h. */
#include "base/hash.h"

#include "base/mem.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

/* A fetched algorithm: OpenSSL looks EVP_sha256() up on each use, with locks. */
static EVP_MD *sha256_md;

static void fetch_sha256(void)
{
    sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    assert(sha256_md);
}

static const EVP_MD *sha256_algorithm(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch_sha256);
    return sha256_md;
}

static void hash_digest(const EVP_MD *md, struct str data, unsigned char *out)
{
    if (EVP_Digest(data.p, data.n, out, NULL, md, NULL) != 1)
        mem_exhausted();
}

void hash_sha256(struct str data, unsigned char out[SHA256_SIZE])
{
    hash_digest(sha256_algorithm(), data, out);
}

void hash_sha1(struct str data, unsigned char out[SHA1_SIZE])
{
    hash_digest(EVP_sha1(), data, out);
}

void hash_md5(struct str data, unsigned char out[MD5_SIZE])
{
    hash_digest(EVP_md5(), data, out);
}

static void hash_hmac(const EVP_MD *md, struct str key, struct str data, unsigned char *out)
{
    unsigned size = (unsigned)EVP_MD_get_size(md);
    if (!HMAC(md, key.p, (int)key.n, (const unsigned char *)data.p, data.n, out, &size))
        mem_exhausted();
}

void hash_hmac_sha1(struct str key, struct str data, unsigned char out[SHA1_SIZE])
{
    hash_hmac(EVP_sha1(), key, data, out);
}

void hash_hmac_sha256(struct str key, struct str data, unsigned char out[SHA256_SIZE])
{
    hash_hmac(sha256_algorithm(), key, data, out);
}

/* ---- CRC-32C ---- */

/* Slicing by 4. Filled before main, so that no thread waits for it. */
static uint32_t crc_table[4][256];

__attribute__((constructor)) static void crc_table_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
        crc_table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int slice = 1; slice < 4; slice++)
            crc_table[slice][i] =
                (crc_table[slice - 1][i] >> 8) ^ crc_table[0][crc_table[slice - 1][i] & 0xff];
}

static uint32_t crc32c_table(uint32_t crc, const unsigned char *p, size_t n)
{
    for (; n >= 4; p += 4, n -= 4) {
        crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        crc = crc_table[3][crc & 0xff] ^ crc_table[2][(crc >> 8) & 0xff] ^ crc_table[1][(crc >> 16) & 0xff] ^
              crc_table[0][crc >> 24];
    }
    for (; n; p++, n--)
        crc = (crc >> 8) ^ crc_table[0][(crc ^ *p) & 0xff];
    return crc;
}

#if defined(__x86_64__)
#if defined(__clang__) && __clang_major__ >= 14
#define CRC32_FEATURES "sse4.2,crc32"
#else
#define CRC32_FEATURES "sse4.2"
#endif
__attribute__((target(CRC32_FEATURES))) static uint32_t crc32c_sse42(
    uint32_t crc, const unsigned char *p, size_t n)
{
    uint64_t wide = crc;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; n; p++, n--)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}
#endif

uint32_t hash_crc32c(uint32_t crc, const void *bytes, size_t n)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_sse42(~crc, bytes, n);
#endif
    return ~crc32c_table(~crc, bytes, n);
}

/* ---- incremental SHA-256 ---- */

struct sha256 {
    EVP_MD_CTX *ctx;
};

struct sha256 *sha256_new(void)
{
    struct sha256 *s = mem_alloc(sizeof *s);
    s->ctx = EVP_MD_CTX_new();
    assert(s->ctx);
    EVP_DigestInit_ex(s->ctx, sha256_algorithm(), NULL);
    return s;
}

void sha256_update(struct sha256 *s, const void *bytes, size_t n)
{
    EVP_DigestUpdate(s->ctx, bytes, n);
}

void sha256_final(struct sha256 *s, unsigned char out[SHA256_SIZE])
{
    EVP_DigestFinal_ex(s->ctx, out, NULL);
    EVP_MD_CTX_free(s->ctx);
    free(s);
}

void hash_thread_end(void)
{
    OPENSSL_thread_stop();
}

void hash_random(void *out, size_t n)
{
    /* Without randomness tokens would repeat, so the process stops. */
    if (RAND_bytes(out, (int)n) != 1)
        abort();
}

/* ---- encodings ---- */

struct str uuid_random(struct arena *arena)
{
    unsigned char b[16];
    hash_random(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    const char *hex = hex_encode(arena, b, sizeof b).p;
    return arena_printf(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

struct str hex_encode(struct arena *arena, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    char *text = arena_alloc(arena, n * 2 + 1);
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digits[p[i] >> 4];
        text[2 * i + 1] = digits[p[i] & 15];
    }
    text[2 * n] = '\0';
    return str_n(text, 2 * n);
}

bool hex_decode(struct arena *arena, struct str text, struct str *out)
{
    if (text.n % 2)
        return false;
    char *bytes = arena_alloc(arena, text.n / 2 + 1);
    for (size_t i = 0; i < text.n / 2; i++) {
        int high = str_hex_digit(text.p[2 * i]), low = str_hex_digit(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (char)(high << 4 | low);
    }
    bytes[text.n / 2] = '\0';
    *out = str_n(bytes, text.n / 2);
    return true;
}

struct str base64_encode(struct arena *arena, struct str data)
{
    char *text = arena_alloc(arena, (data.n + 2) / 3 * 4 + 1);
    int n = EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)data.p, (int)data.n);
    return str_n(text, (size_t)n);
}

bool base64_decode(struct arena *arena, struct str text, struct str *out)
{
    if (text.n % 4 || text.n > INT32_MAX)
        return false;
    size_t padding = 0;
    while (padding < 2 && padding < text.n && text.p[text.n - 1 - padding] == '=')
        padding++;
    /* OpenSSL skips white space and accepts '=' anywhere, which would hide damage. */
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] <= ' ' || (text.p[i] == '=' && i + padding < text.n))
            return false;
    char *bytes = arena_alloc(arena, text.n / 4 * 3 + 1);
    int n = text.n ? EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)text.p, (int)text.n) : 0;
    if (n < 0)
        return false;
    bytes[(size_t)n - padding] = '\0';
    *out = str_n(bytes, (size_t)n - padding);
    return true;
}

struct str sha256_hex(struct arena *arena, struct str data)
{
    unsigned char digest_bytes[SHA256_SIZE];
    hash_sha256(data, digest_bytes);
    return hex_encode(arena, digest_bytes, sizeof digest_bytes);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

void url_encode(struct buf *out, struct str text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t plain = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (is_unreserved(c) || (keep_slash && c == '/'))
            continue;
        char escaped[3] = {'%', digits[(unsigned char)c >> 4], digits[(unsigned char)c & 15]};
        buf_add(out, text.p + plain, i - plain);
        buf_add(out, escaped, sizeof escaped);
        plain = i + 1;
    }
    buf_add(out, text.p + plain, text.n - plain);
}

void url_add_parameter(struct buf *out, struct str name, struct str value)
{
    if (out->n)
        buf_add_char(out, '&');
    url_encode(out, name, false);
    buf_add_char(out, '=');
    url_encode(out, value, false);
}

bool url_decode(struct arena *arena, struct str text, bool plus_is_space, struct str *out)
{
    char *bytes = arena_alloc(arena, text.n + 1), *at = bytes;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '%') {
            if (i + 2 >= text.n)
                return false;
            int high = str_hex_digit(text.p[i + 1]), low = str_hex_digit(text.p[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        *at++ = c;
    }
    *at = '\0';
    *out = str_n(bytes, (size_t)(at - bytes));
    return true;
}

/* ---- CRC-64. All numbers are bit-reflected: bit 63 is the coefficient of x^0, so multiplying by x shifts to
 * the right. */

#define POLY UINT64_C(0x9a6c9329ac4bc9b5)
#define ONE  (UINT64_C(1) << 63)

static uint64_t table[8][256];
static uint64_t fold_near[2], fold_far[2]; /* over 16 and over 64 bytes; [0] for the first half */
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static uint64_t times_x(uint64_t a)
{
    return (a >> 1) ^ (a & 1 ? POLY : 0);
}

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (uint64_t bit = ONE; bit; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = times_x(b);
    }
    return product;
}

/* x^n */
static uint64_t power(uint64_t n)
{
    uint64_t result = ONE, square = times_x(ONE);
    for (; n; n >>= 1) {
        if (n & 1)
            result = times(result, square);
        square = times(square, square);
    }
    return result;
}

static void crc64_fill(void)
{
    for (uint64_t i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = times_x(crc);
        table[0][i] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++)
            table[k][i] = (table[k - 1][i] >> 8) ^ table[0][table[k - 1][i] & 0xff];
    /* A carry-less product of reflected numbers is one bit too low: hence the exponents less one. */
    fold_near[0] = power(128 + 64 - 1);
    fold_near[1] = power(128 - 1);
    fold_far[0] = power(512 + 64 - 1);
    fold_far[1] = power(512 - 1);
}

static uint64_t update_table(uint64_t crc, const unsigned char *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8); /* little-endian only, as all 64-bit machines of Debian */
        word ^= crc;
        crc = 0;
        for (int k = 0; k < 8; k++, word >>= 8)
            crc ^= table[7 - k][word & 0xff];
    }
    for (; n; n--, p++)
        crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xff];
    return crc;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define CLMUL __attribute__((target("pclmul,sse4.1")))

CLMUL static inline __m128i fold(__m128i x, __m128i by, __m128i next)
{
    __m128i product = _mm_xor_si128(_mm_clmulepi64_si128(x, by, 0x00), _mm_clmulepi64_si128(x, by, 0x11));
    return _mm_xor_si128(product, next);
}

CLMUL static inline __m128i load(const unsigned char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/*
 * Sixteen bytes are a polynomial S = A x^64 + B. Followed by n bits, S x^n is replaced by A (x^(n+64) mod P)
 * + B (x^n mod P). Four such registers in parallel keep the multiplier busy. The remainder of the last one
 * goes through the table like any other bytes. n is at least 64.
 */
CLMUL static uint64_t update_clmul(uint64_t crc, const unsigned char *p, size_t n)
{
    __m128i far = _mm_set_epi64x((long long)fold_far[1], (long long)fold_far[0]);
    __m128i near = _mm_set_epi64x((long long)fold_near[1], (long long)fold_near[0]);
    __m128i x[4];
    for (int i = 0; i < 4; i++)
        x[i] = load(p + 16 * i);
    x[0] = _mm_xor_si128(x[0], _mm_set_epi64x(0, (long long)crc));
    for (p += 64, n -= 64; n >= 64; p += 64, n -= 64)
        for (int i = 0; i < 4; i++)
            x[i] = fold(x[i], far, load(p + 16 * i));
    __m128i all = x[0];
    for (int i = 1; i < 4; i++)
        all = fold(all, near, x[i]);
    for (; n >= 16; p += 16, n -= 16)
        all = fold(all, near, load(p));
    unsigned char rest[16];
    _mm_storeu_si128((__m128i *)(void *)rest, all);
    return update_table(update_table(0, rest, sizeof rest), p, n);
}
#endif

uint64_t crc64_update(uint64_t crc, const void *bytes, size_t n)
{
    pthread_once(&tables_once, crc64_fill);
#if defined(__x86_64__)
    if (n >= 64 && __builtin_cpu_supports("pclmul"))
        return ~update_clmul(~crc, bytes, n);
#endif
    return ~update_table(~crc, bytes, n);
}

uint64_t crc64_combine(uint64_t first, uint64_t second, uint64_t n)
{
    return times(first, power(n * 8)) ^ second;
}
