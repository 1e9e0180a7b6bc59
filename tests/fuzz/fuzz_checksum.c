/* CRCs: of pieces put together, the same as of the whole; and the same as others compute them. */
#include "base/hash.h"
#include "sandbox/http/checksum.h"

#include <assert.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct str of(struct arena *arena, enum checksum_kind kind, struct str text, size_t piece)
{
    struct checksum c;
    checksum_init(&c, kind);
    for (size_t at = 0; at < text.n; at += piece)
        checksum_update(&c, text.p + at, text.n - at < piece ? text.n - at : piece);
    return checksum_final(arena, &c);
}

/* The definition, a bit at a time: reflected, the polynomial of NVM Express. */
static uint64_t crc64_by_bits(struct str text)
{
    uint64_t crc = ~UINT64_C(0);
    for (size_t i = 0; i < text.n; i++) {
        crc ^= (unsigned char)text.p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT64_C(0x9a6c9329ac4bc9b5) : 0);
    }
    return ~crc;
}

static void check_kind(
    struct arena *arena, enum checksum_kind kind, struct str text, size_t cut, size_t piece)
{
    struct str first = str_slice(text, 0, cut), second = str_slice(text, cut, text.n);
    struct str whole = of(arena, kind, text, text.n + 1);
    assert(str_eq(whole, of(arena, kind, text, piece)));
    if (checksum_is_linear(kind))
        assert(str_eq(whole, checksum_combine(arena, kind, of(arena, kind, first, piece),
                                 of(arena, kind, second, piece), second.n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (n < 3)
        return 0;
    struct str text = str_n((const char *)data + 3, n - 3);
    size_t cut = (size_t)(data[0] | data[1] << 8) % (text.n + 1), piece = (size_t)data[2] + 1;
    for (int kind = 0; kind <= CHECKSUM_MD5; kind++)
        check_kind(&arena, (enum checksum_kind)kind, text, cut, piece);
    assert(crc64_update(0, text.p, text.n) == crc64_by_bits(text));
    uint32_t crc = (uint32_t)crc32(0, (const unsigned char *)text.p, (unsigned)text.n);
    unsigned char bytes[] = {(unsigned char)(crc >> 24), (unsigned char)(crc >> 16),
        (unsigned char)(crc >> 8), (unsigned char)crc};
    assert(str_eq(of(&arena, CHECKSUM_CRC32, text, piece), str_n((const char *)bytes, 4)));
    return 0;
}
