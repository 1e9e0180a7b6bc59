
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"

static const char *const texts[] = {
    "{}",
    "[]",
    " { } ",
    "[ ]",
    "{\"a\":1,\"b\":[1,2,{\"c\":null}],\"d\":true,\"e\":false}",
    "\"\\u00e9\\n\\\"\\\\\\/\\b\\f\\r\\t\"",
    "\"\\ud83d\\ude00 \xf0\x9f\x98\x80\"",
    "\"\\u0000\"",
    "0",
    "-0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1.5",
    "-1.5e3",
    "1E+2",
    "1e-2",
    "1e999",
    "01",
    "1.",
    ".5",
    "1e",
    "-",
    "+1",
    "{",
    "[",
    "[1",
    "[1,",
    "[1,]",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\":1,\"a\":2}",
    "\"",
    "\"\\",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\ud83d\"",
    "\"\\ud83dx\"",
    "\"\\ude00\"",
    "\"\x01\"",
    "\"\xff\"",
    "\"\xc3\"",
    "tru",
    "nul",
    "truex",
    "1 2",
    "",
    " ",
    "[1 2]",
    "{\"a\" 1}",
    "nan",
    "[[[[]]]]",
    "\"a\tb\"",
    "{\"\":1}",
    "[1,2,3] x",
};

/* Each text in it ends with a NUL. */
static void assert_ends(const struct value *v)
{
    if (v->kind == VALUE_STRING)
        assert_int_equal(v->string.p[v->string.n], 0);
    for (uint32_t i = 0; i < v->count && (v->kind == VALUE_LIST || v->kind == VALUE_MAP); i++) {
        if (v->kind == VALUE_MAP)
            assert_int_equal(v->entries[i].key.p[v->entries[i].key.n], 0);
        assert_ends(v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value);
    }
}

/* The same verdict and the same value as the library that everything else is read with. */
static void test_scan_agrees_with_jansson(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct err mine = ERR_INIT, theirs = ERR_INIT;
        const struct value *a = NULL, *b = NULL;
        char *copy = arena_strz(&scratch, str_z(texts[i]));
        int x = scan_json(&scratch, str_z(texts[i]), &a, &mine),
            y = json_parse(&scratch, str_z(texts[i]), &b, &theirs);
        if (x != y)
            fail_msg("%s: %s / %s", texts[i], mine.message, theirs.message);
        if (x) {
            assert_int_equal(mine.class, ERR_DAMAGED);
            continue;
        }
        if (!value_equal(a, b) || a->kind != b->kind)
            fail_msg("%s is read as something else", texts[i]);
        assert_int_equal(scan_json_owned(&scratch, copy, strlen(texts[i]), &a, &mine), 0);
        if (!value_equal(a, b) || a->kind != b->kind)
            fail_msg("%s is read as something else", texts[i]);
        assert_ends(a);
    }
}

static void test_scan_depth(void **unused)
{
    (void)unused;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    const struct value *v;
    for (int i = 0; i < 256; i++)
        buf_add_char(&text, '[');
    for (int i = 0; i < 256; i++)
        buf_add_char(&text, ']');
    assert_int_equal(scan_json(&scratch, buf_str(&text), &v, &err), 0);
    buf_clear(&text);
    for (int i = 0; i < 100000; i++)
        buf_add_char(&text, '[');
    assert_int_equal(scan_json(&scratch, buf_str(&text), &v, &err), -1);
    assert_non_null(strstr(err.message, "too deep"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_agrees_with_jansson),
        cmocka_unit_test(test_scan_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
