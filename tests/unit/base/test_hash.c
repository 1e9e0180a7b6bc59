#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* FIPS 180-2, RFC 1321, RFC 4231 and RFC 3720 test values. */
static void digests_are_the_published_ones(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    unsigned char out[SHA256_SIZE];
    assert_true(str_eq(
        sha256_hex(&a, STR("abc")), STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")));
    hash_md5(STR("abc"), out);
    assert_true(str_eq(hex_encode(&a, out, MD5_SIZE), STR("900150983cd24fb0d6963f7d28e17f72")));
    hash_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out);
    assert_true(str_eq(hex_encode(&a, out, SHA256_SIZE),
        STR("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")));
    assert_int_equal(hash_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(hash_crc32c(hash_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
    struct sha256 *s = sha256_new();
    sha256_update(s, "a", 1);
    sha256_update(s, "bc", 2);
    sha256_final(s, out);
    assert_true(str_eq(hex_encode(&a, out, SHA256_SIZE), sha256_hex(&a, STR("abc"))));
}

static void encodings_go_both_ways(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct str out;
    static const struct str texts[] = {
        STR_INIT(""), STR_INIT("f"), STR_INIT("fo"), STR_INIT("foo"), STR_INIT("\0\xff\x7f")};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_true(base64_decode(&a, base64_encode(&a, texts[i]), &out));
        assert_true(str_eq(out, texts[i]));
        assert_true(hex_decode(&a, hex_encode(&a, texts[i].p, texts[i].n), &out));
        assert_true(str_eq(out, texts[i]));
    }
    static const struct str broken[] = {
        STR_INIT("Zg="), STR_INIT("Z==="), STR_INIT("Zm 9"), STR_INIT("Zm9*")};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_false(base64_decode(&a, broken[i], &out));
    assert_false(hex_decode(&a, STR("0g"), &out));
}

static void percent_encoding_follows_rfc_3986(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    AUTO_BUF struct buf buf = BUF_INIT;
    url_encode(&buf, STR("a b/\xc3\xbc~+"), true);
    assert_string_equal(buf.p, "a%20b/%C3%BC~%2B");
    struct str out;
    assert_true(url_decode(&a, buf_str(&buf), false, &out));
    assert_true(str_eq(out, STR("a b/\xc3\xbc~+")));
    assert_true(url_decode(&a, STR("a+b"), true, &out));
    assert_true(str_eq(out, STR("a b")));
    assert_true(url_decode(&a, STR("%41"), false, &out));
    assert_true(str_eq(out, STR("A")));
    assert_false(url_decode(&a, STR("%4"), false, &out));
    assert_false(url_decode(&a, STR("%zz"), false, &out));
    buf_clear(&buf);
    url_add_parameter(&buf, STR("a b"), STR("1/2"));
    url_add_parameter(&buf, STR("c"), STR_EMPTY);
    assert_string_equal(buf.p, "a%20b=1%2F2&c=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_the_published_ones),
        cmocka_unit_test(encodings_go_both_ways),
        cmocka_unit_test(percent_encoding_follows_rfc_3986),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
