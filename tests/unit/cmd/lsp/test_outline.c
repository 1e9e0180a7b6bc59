/* What a text looks like while somebody is typing it: entries, names in expressions, places. */
#include "cmd/lsp/outline.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void add_path(struct buf *out, const struct outline *o, int entry)
{
    if (o->items[entry].parent != OUTLINE_NONE) {
        add_path(out, o, o->items[entry].parent);
        buf_add_char(out, '/');
    }
    buf_add_str(out, o->items[entry].item ? STR("-") : o->items[entry].key);
}

/* Each entry's path and value, a line each; a bare word has a ? after it. */
static void check(const char *text, const char *expected)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    struct outline o = outline_read(&arena, str_z(text));
    for (int i = 0; i < o.n; i++) {
        struct str value = outline_value(&o, i);
        add_path(&out, &o, i);
        buf_addf(&out, "%s%s%.*s\n", o.items[i].bare ? "?" : "", value.n ? "=" : "", STR_ARG(value));
        assert_true(o.items[i].value_at <= o.items[i].value_end && o.items[i].value_end <= o.text.n);
    }
    assert_string_equal(out.p ? out.p : "", expected);
}

static void blocks(void **state)
{
    (void)state;
    check("", "");
    check("a: 1\nb:\n  c: x # no\n  'd e': \"y\"\n", "a=1\nb\nb/c=x\nb/d e=y\n");
    check("a:\n- x\n- b: 1\n  c: 2\n-\nd: 3\n", "a\na/-=x\na/-\na/-/b=1\na/-/c=2\na/-\nd=3\n");
    check("a: |\n  b: 1\n\n  c: 2\nd: >-\n  e\nf: &x !t g\n", "a\nd\nf=g\n");
    check("a: one\n  two\nb:\n  \"x: y\"\n- - z\n", "a=one\n  two\nb=x: y\nb/-\nb/-/-=z\n");
    check("url: http://x\ntype: AWS::S3::Bucket\r\n", "url=http://x\ntype=AWS::S3::Bucket\n");
}

static void brackets(void **state)
{
    (void)state;
    check("a: {b: 1, c: [x, {d: y}], \"e\": 'f'}\ng: 2\n",
        "a\na/b=1\na/c\na/c/-=x\na/c/-\na/c/-/d=y\na/e=f\ng=2\n");
    check("a: {\n  b: 1,\n  c: 2\n}\nd: 3\n", "a\na/b=1\na/c=2\nd=3\n");
    check("a: {b: \"${x[1]}, y\", c: ${f({})}}\n", "a\na/b=${x[1]}, y\na/c=${f({})}\n");
}

/* What is not finished does not swallow what follows. */
static void half_typed(void **state)
{
    (void)state;
    check("a:\n  b\n  c: 1\n", "a\na/b?\na/c=1\n");
    check("a:\n  x: {b: 1, c\n  y: 2\n", "a\na/x\na/x/b=1\na/x/c?\na/y=2\n");
    check("a:\n  x: \"open\n  y: 2\n", "a\na/x=open\na/y=2\n");
    check("a:\n  x: [1, \n  y: 2\nz: 3\n", "a\na/x\na/x/-=1\na/y=2\nz=3\n");
    check("a: }\nb: ]\n}\n{\n", "a=}\nb=]\n");
    check("x: {{{[[[\ny: 1\n", "x\nx/{?\nx/{?\nx/[?\nx/[?\nx/[?\ny=1\n");
}

static void check_words(const char *text, const char *expected)
{
    static const char *const kinds[] = {"name", "step", "function", "variable", "text"};
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    struct str all = str_z(text);
    struct words words = words_read(&arena, all, 0, all.n);
    for (int i = 0; i < words.n; i++)
        buf_addf(&out, "%s%s:%.*s", i ? " " : "", kinds[words.items[i].kind], STR_ARG(words.items[i].text));
    if (words.open)
        buf_addz(&out, words.open_text ? " …text" : words.open_at != WORD_NONE ? " …." : " …");
    assert_string_equal(out.p ? out.p : "", expected);
}

static void expressions(void **state)
{
    (void)state;
    check_words("plain $${a} text", "");
    check_words("${a.b.c} x ${d}", "name:a step:b step:c name:d");
    check_words("${a[b.c].d}", "name:a name:b step:c step:d");
    check_words("${inputs[\"x\"]}", "name:inputs step:x");
    check_words("${f(a, 'x', \"y ${b.c}\") + true}", "function:f name:a text:x name:b step:c text:y ${b.c}");
    check_words("'${f(''x'', a)}'", "function:f text:x name:a");
    check_words("\"${f(\\\"x\\\", a)}\"", "function:f text:x name:a");
    check_words("${[for k, v in v : k + v if v]} ${v}",
        "variable:k variable:v name:v variable:k variable:v variable:v name:v");
    check_words("${{a: b, \"c\": d}}", "name:b text:c name:d");
    check_words("${x ? y : z}", "name:x name:y name:z");
}

static void open_expressions(void **state)
{
    (void)state;
    check_words("${", " …");
    check_words("${la", "name:la …");
    check_words("${lake.", "name:lake ….");
    check_words("${f(lake.ar", "function:f name:lake step:ar …");
    check_words("${f('x", "function:f …text");
    check_words("${f(\"x ${lake.", "function:f name:lake ….");
    check_words("${((((((", " …");
}

static void places(void **state)
{
    (void)state;
    struct str text = STR("a\r\n\xc3\xa9\xf0\x9f\x8c\x8a-\rz");
    static const struct {
        enum text_unit unit;
        uint32_t character; /* of the -, in line 1 */
    } cases[] = {{TEXT_UTF8, 6}, {TEXT_UTF16, 3}, {TEXT_UTF32, 2}};
    for (size_t i = 0; i < 3; i++) {
        struct positions positions = {.unit = cases[i].unit};
        struct position found = position_of(&positions, text, 9);
        assert_int_equal(found.line, 1);
        assert_int_equal(found.character, cases[i].character);
        assert_int_equal(position_offset(text, cases[i].unit, found), 9);
        assert_int_equal(position_offset(text, cases[i].unit, (struct position){1, 1000}), 10);
        assert_int_equal(position_offset(text, cases[i].unit, (struct position){1000, 0}), text.n);
        assert_int_equal(position_of(&positions, text, 11).line, 2);
        assert_int_equal(position_of(&positions, STR("\n\n"), 9).line, 2);
        assert_int_equal(position_of(&positions, STR("x\r"), 2).line, 1);
        positions_release(&positions);
    }
    assert_int_equal(position_offset(text, TEXT_UTF16, (struct position){1, 2}), 5); /* within the wave */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks), cmocka_unit_test(brackets),
        cmocka_unit_test(half_typed), cmocka_unit_test(expressions), cmocka_unit_test(open_expressions),
        cmocka_unit_test(places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
