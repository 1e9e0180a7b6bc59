#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void compares_by_bytes(void **state)
{
    (void)state;
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("\xc3"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR(""), STR("")), 0);
    assert_true(str_ieq(STR("Content-MD5"), STR("content-md5")));
    assert_false(str_ieq(STR("a"), STR("ab")));
}

static void finds_and_cuts(void **state)
{
    (void)state;
    struct str rest;
    assert_int_equal(str_find(STR("abcabc"), STR("ca"), 0), 2);
    assert_int_equal(str_find(STR("abcabc"), STR("bc"), 2), 4);
    assert_int_equal(str_find(STR("abc"), STR("x"), 0), -1);
    assert_int_equal(str_find(STR("abc"), STR(""), 4), -1);
    assert_true(str_eq(str_cut(STR("k=v=w"), '=', &rest), STR("k")));
    assert_true(str_eq(rest, STR("v=w")));
    str_cut(STR("no separator"), '=', &rest);
    assert_null(rest.p);
    assert_true(str_eq(str_trim(STR(" \t x y\n")), STR("x y")));
    assert_true(str_eq(str_slice(STR("abc"), 2, 9), STR("c")));
}

static void reads_numbers_whole_or_not_at_all(void **state)
{
    (void)state;
    int64_t i;
    double d;
    assert_true(str_to_int(STR("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_false(str_to_int(STR("9223372036854775808"), &i));
    assert_false(str_to_int(STR("12x"), &i));
    assert_false(str_to_int(STR(" 12"), &i));
    assert_false(str_to_int(STR(""), &i));
    assert_true(str_to_double(STR("1e3"), &d));
    assert_true(d > 999.9 && d < 1000.1);
    assert_false(str_to_double(STR("1.2.3"), &d));
}

static void knows_utf8(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        bool valid;
    } cases[] = {
        {STR_INIT("plain"), true},
        {STR_INIT("gr\xc3\xbc\xc3\x9f"), true},
        {STR_INIT("\xf0\x9f\x98\x80"), true},
        {STR_INIT("\xc0\xaf"), false},         /* overlong */
        {STR_INIT("\xed\xa0\x80"), false},     /* surrogate */
        {STR_INIT("\xf4\x90\x80\x80"), false}, /* past U+10FFFF */
        {STR_INIT("\xc3"), false},             /* cut short */
        {STR_INIT("\xff"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(str_is_utf8(cases[i].text), cases[i].valid);
    assert_int_equal(str_code_points(STR("gr\xc3\xbc\xc3\x9f")), 4);
}

static void suggests_the_nearest_word_only_when_near(void **state)
{
    (void)state;
    static const struct str words[] = {
        STR_INIT("versioning"), STR_INIT("encryption"), STR_INIT("name"), STR_INIT("tags")};
    assert_true(str_eq(str_nearest(STR("versionning"), words, 4), STR("versioning")));
    assert_true(str_eq(str_nearest(STR("nmae"), words, 4), STR("name")));
    assert_int_equal(str_nearest(STR("colour"), words, 4).n, 0);
    assert_int_equal(str_nearest(STR(""), words, 4).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_by_bytes),
        cmocka_unit_test(finds_and_cuts),
        cmocka_unit_test(reads_numbers_whole_or_not_at_all),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(suggests_the_nearest_word_only_when_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
