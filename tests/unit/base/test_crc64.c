#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SIZE = 1000 };

/* By the definition, bit by bit. */
static uint64_t slow(const unsigned char *p, size_t n)
{
    uint64_t crc = UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ UINT64_C(0x9a6c9329ac4bc9b5) : crc >> 1;
    }
    return ~crc;
}

static void fill(unsigned char *p)
{
    uint32_t x = 1;
    for (int i = 0; i < SIZE; i++)
        p[i] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
}

static void test_check_value(void **state)
{
    (void)state;
    assert_int_equal(crc64_update(0, "123456789", 9), UINT64_C(0xae8b14860a799888)); /* the catalogue's */
    assert_int_equal(crc64_update(0, "", 0), 0);
}

static void test_every_length(void **state)
{
    (void)state;
    unsigned char bytes[SIZE];
    fill(bytes);
    for (size_t n = 0; n <= SIZE; n++)
        assert_int_equal(crc64_update(0, bytes, n), slow(bytes, n));
}

static void test_in_pieces(void **state)
{
    (void)state;
    unsigned char bytes[SIZE];
    fill(bytes);
    for (size_t cut = 0; cut <= SIZE; cut += 7) {
        uint64_t first = crc64_update(0, bytes, cut), whole = slow(bytes, SIZE);
        assert_int_equal(crc64_update(first, bytes + cut, SIZE - cut), whole);
        uint64_t second = crc64_update(0, bytes + cut, SIZE - cut);
        assert_int_equal(crc64_combine(first, second, SIZE - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_value),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
