/*
 * Everything is bit-reflected: bit 63 is the coefficient of x^0, so multiplying by x shifts to the right.
 */
#include "base/crc64.h"

#include <pthread.h>
#include <string.h>

#define POLY UINT64_C(0x9a6c9329ac4bc9b5)
#define ONE  (UINT64_C(1) << 63)

static uint64_t table[8][256];
static uint64_t fold_near[2], fold_far[2]; /* over 16 and over 64 bytes; [0] for the first half */
static pthread_once_t once = PTHREAD_ONCE_INIT;

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
    /* A carry-less product of reflected numbers lies one bit too low: hence the exponents less one. */
    fold_near[0] = power(128 + 64 - 1);
    fold_near[1] = power(128 - 1);
    fold_far[0] = power(512 + 64 - 1);
    fold_far[1] = power(512 - 1);
}

static uint64_t update_table(uint64_t crc, const unsigned char *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8); /* little-endian machines: Debian's 64-bit ones all are */
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
 * Sixteen bytes are a polynomial S = A x^64 + B; with the n bits that follow in place of its own, S x^n is
 * A (x^(n+64) mod P) + B (x^n mod P). Four such registers side by side keep the multiplier busy. What is left
 * in the last one goes through the table like any other bytes. n is at least 64.
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
    pthread_once(&once, crc64_fill);
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
