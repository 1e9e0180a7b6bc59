#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

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
    struct str words[] = {STR("b"), STR("ab"), STR("a")};
    qsort(words, 3, sizeof *words, str_order);
    assert_true(str_eqz(words[0], "a") && str_eqz(words[1], "ab") && str_eqz(words[2], "b"));
}

static void lowers_letters_of_ascii(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str lower = arena_lower(&arena, STR("@AZ[`az{-\xc3\x84 X-Amz-Date9"));
    assert_true(str_eq(lower, STR("@az[`az{-\xc3\x84 x-amz-date9")));
    assert_int_equal(lower.p[lower.n], '\0');
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
    assert_true(str_eq(str_part(STR("arn:aws:iam::1:role/x"), ':', 4), STR("1")));
    assert_true(
        str_eq(str_part(STR("a:b"), ':', 0), STR("a")) && str_eq(str_part(STR("a:b"), ':', 1), STR("b")));
    assert_true(!str_part(STR("a:b"), ':', 2).n && !str_part(STR(""), ':', 1).n);
    assert_true(str_is_any(STR("a"), "a b") && str_is_any(STR("b"), "a b") && str_is_any(STR("a"), "a"));
    assert_false(str_is_any(STR("c"), "a b") || str_is_any(STR("a b"), "a b") || str_is_any(STR(""), "a b"));
    assert_int_equal(str_after_last(STR("a/b:c/d"), "/:"), 6);
    assert_int_equal(str_after_last(STR("a/b:c/"), "/"), 6);
    assert_int_equal(str_after_last(STR("abc"), "/"), 0);
    assert_true(str_eq(str_last_part(STR("a/b:c"), "/:"), STR("c")) &&
                str_eq(str_last_part(STR("abc"), "/"), STR("abc")));
    assert_true(str_eq(str_trim(STR(" \t x y\n")), STR("x y")));
    assert_true(str_eq(str_slice(STR("abc"), 2, 9), STR("c")));
    struct str before, name;
    rest = STR("a/${b|c}/d${e");
    assert_true(str_take_name(&rest, "${", &before, &name));
    assert_true(str_eqz(before, "a/") && str_eqz(name, "b|c") && str_eqz(rest, "/d${e"));
    assert_false(str_take_name(&rest, "${", &before, &name));
    assert_true(str_eqz(rest, "/d${e"));
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

static void tells_digits_from_numbers(void **state)
{
    (void)state;
    assert_true(str_is_digits(STR("007")));
    assert_false(str_is_digits(STR("")) || str_is_digits(STR("-1")) || str_is_digits(STR("1 ")));
}

static void tells_words_by_their_letters(void **state)
{
    (void)state;
    static const char *const words[] = {"on", "off"};
    assert_true(STR_IS_ONE_OF(STR("off"), words));
    assert_false(STR_IS_ONE_OF(STR("of"), words) || STR_IS_ONE_OF(STR(""), words));
    assert_true(str_is_made_of(STR("a-1"), CHARS_ALNUM "-"));
    assert_false(str_is_made_of(STR(""), CHARS_ALNUM) || str_is_made_of(STR("a\0"), CHARS_ALNUM));
    assert_true(str_is_word(STR("a1"), CHARS_LOWER, CHARS_ALNUM));
    assert_false(str_is_word(STR("1a"), CHARS_LOWER, CHARS_ALNUM));
}

static void sizes_characters(void **state)
{
    (void)state;
    struct str text = STR("a\xc3\xbc\xe2\x82\xac"); /* a, u with dots, the euro sign */
    assert_int_equal(str_char_size(text, 0), 1);
    assert_int_equal(str_char_size(text, 1), 2);
    assert_int_equal(str_char_size(text, 3), 3);
    assert_int_equal(str_char_size(STR("\xff\xff"), 0), 1);
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

/* Whatever room is left where the text goes. */
static void formatted_text_is_whole_at_any_length(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct buf all = BUF_INIT;
    char wide[6000];
    memset(wide, 'x', sizeof wide);
    for (int n = 0; n < (int)sizeof wide; n += 1 + n / 7) {
        struct str text = arena_printf(&arena, "%.*s%d", n, wide, n);
        assert_int_equal(strlen(text.p), text.n);
        assert_int_equal(strspn(text.p, "x"), n);
        size_t before = all.n;
        buf_addf(&all, "%.*s;", n, wide);
        assert_int_equal(all.n, before + (size_t)n + 1);
        assert_int_equal(strlen(all.p), all.n);
    }
    buf_release(&all);
    struct buf bound = {.max = 100};
    buf_addf(&bound, "%.*s", 90, wide);
    buf_addf(&bound, "%.*s", 20, wide); /* would have room, but must not */
    assert_true(bound.overflow);
    assert_int_equal(bound.n, 90);
    assert_int_equal(strlen(bound.p), 90);
    buf_release(&bound);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_by_bytes),
        cmocka_unit_test(lowers_letters_of_ascii),
        cmocka_unit_test(finds_and_cuts),
        cmocka_unit_test(reads_numbers_whole_or_not_at_all),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(tells_digits_from_numbers),
        cmocka_unit_test(tells_words_by_their_letters),
        cmocka_unit_test(sizes_characters),
        cmocka_unit_test(suggests_the_nearest_word_only_when_near),
        cmocka_unit_test(formatted_text_is_whole_at_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
