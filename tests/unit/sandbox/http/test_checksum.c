/* Checksums against their published check values ("123456789"), in pieces and put together. */
#include "sandbox/http/checksum.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct str sum(enum checksum_kind kind, struct str data, size_t piece)
{
    struct checksum c;
    checksum_init(&c, kind);
    for (size_t i = 0; i < data.n; i += piece)
        checksum_update(&c, data.p + i, data.n - i < piece ? data.n - i : piece);
    return checksum_final(&arena, &c);
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        enum checksum_kind kind;
        const char *hex;
    } known[] = {
        {CHECKSUM_CRC32, "cbf43926"},
        {CHECKSUM_CRC32C, "e3069283"},
        {CHECKSUM_CRC64NVME, "ae8b14860a799888"},
        {CHECKSUM_MD5, "25f9e794323b453885f5181f1b624d0b"},
        {CHECKSUM_SHA1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"},
        {CHECKSUM_SHA256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        for (size_t piece = 1; piece < 10; piece++) {
            struct str raw = sum(known[i].kind, STR("123456789"), piece);
            assert_string_equal(hex_encode(&arena, raw.p, raw.n).p, known[i].hex);
        }
}

static void test_combine(void **state)
{
    (void)state;
    char data[1000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7 + i / 13);
    for (int kind = CHECKSUM_CRC32; kind <= CHECKSUM_CRC64NVME; kind++)
        for (size_t cut = 0; cut <= sizeof data; cut += 37) {
            struct str whole = sum((enum checksum_kind)kind, str_n(data, sizeof data), 64);
            struct str first = sum((enum checksum_kind)kind, str_n(data, cut), 64);
            struct str second = sum((enum checksum_kind)kind, str_n(data + cut, sizeof data - cut), 64);
            assert_true(str_eq(
                checksum_combine(&arena, (enum checksum_kind)kind, first, second, sizeof data - cut), whole));
        }
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(checksum_find(STR("crc64nvme")), CHECKSUM_CRC64NVME);
    assert_int_equal(checksum_find(STR("MD5")), CHECKSUM_NONE);
    assert_int_equal(checksum_find(STR("")), CHECKSUM_NONE);
    assert_string_equal(checksum_header(&arena, CHECKSUM_SHA256).p, "x-amz-checksum-sha256");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_values, release),
        cmocka_unit_test_teardown(test_combine, release),
        cmocka_unit_test_teardown(test_names, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
