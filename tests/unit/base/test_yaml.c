#include "base/yaml.h"

#include "base/json.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* One text and what it reads as: JSON, or the first line and place of each diagnostic. */
struct example {
    const char *text, *expected;
};

static char *brief(struct diags *diags)
{
    AUTO_BUF struct buf out = BUF_INIT, full = BUF_INIT;
    diags_render(diags, false, &full); /* sorts */
    for (size_t i = 0; i < diags->n; i++)
        buf_addf(&out, "%s%u:%u: %.*s", i ? "\n" : "", diags->items[i].span.line, diags->items[i].span.column,
            STR_ARG(diags->items[i].message));
    return mem_strdup(out.p ? out.p : "");
}

static void check_text(struct str text, const char *expected)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {.path = STR("x.yaml"), .text = text};
    struct node *node = yaml_parse(&arena, &source, &diags);
    AUTO_BUF struct buf out = BUF_INIT;
    if (diags.errors) {
        AUTO_FREE char *got = brief(&diags);
        assert_string_equal(got, expected);
        return;
    }
    assert_non_null(node);
    json_write(&out, node_value(&arena, node), JSON_PLAIN);
    assert_string_equal(out.p, expected);
}

static void check_all(const struct example *examples, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_text(str_z(examples[i].text), examples[i].expected);
}
#define CHECK_ALL(examples) check_all((examples), sizeof(examples) / sizeof *(examples))

static void core_schema(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"[true, True, FALSE, yes, no, on, off, y, N]",
            "[true,true,false,\"yes\",\"no\",\"on\",\"off\",\"y\",\"N\"]"},
        {"[null, ~, NULL, nil, '']", "[null,null,null,\"nil\",\"\"]"},
        {"[0, 12, -5, +5, 0x1F, 0o17, -0]", "[0,12,-5,5,31,15,0]"},
        {"[0755, 012345678901, 1:30, 1_000, 0b11, -, +, 0x, 0o9]",
            "[\"0755\",\"012345678901\",\"1:30\",\"1_000\",\"0b11\",\"-\",\"+\",\"0x\",\"0o9\"]"},
        {"[9223372036854775807, 9223372036854775808]", "[9223372036854775807,\"9223372036854775808\"]"},
        {"[1.5, .5, 1e3, 2., -1.5e-3]", "[1.5,0.5,1000.0,2.0,-0.0015]"},
        {"[1.2.3, 1e, ., .inf, .nan, 1e999, 01.5, 2026-11-21]",
            "[\"1.2.3\",\"1e\",\".\",\".inf\",\".nan\",\"1e999\",\"01.5\",\"2026-11-21\"]"},
        {"['12', \"true\", !!str 12, ! 13, !!int 14, !!float 1]", "[\"12\",\"true\",\"12\",\"13\",14,1.0]"},
        {"a: |\n  one\n  two\nb: >\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\\n\"}"},
        {"1: a\ntrue: b\n", "{\"1\":\"a\",\"true\":\"b\"}"},
        {"name: ${locals.bucket}-x\n", "{\"name\":\"${locals.bucket}-x\"}"},
        {"", "{}"},
        {"# only a comment\n", "{}"},
        {"---\n", "{}"},
        {"\xef\xbb\xbf"
         "a: 1\n",
            "{\"a\":1}"},
        {"a: \"\\u00e9\\0x\"\n", "{\"a\":\"é\\u0000x\"}"},
    };
    CHECK_ALL(examples);
}

static void anchors_and_merges(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"a: &x [1, 2]\nb: *x\n", "{\"a\":[1,2],\"b\":[1,2]}"},
        {"a: &x {p: 1, q: 2}\nb: {<<: *x, p: 3}\n", "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":3,\"q\":2}}"},
        {"a: &x {p: 1}\nb: &y {p: 2, r: 3}\nc: {<<: [*x, *y], s: 4}\n",
            "{\"a\":{\"p\":1},\"b\":{\"p\":2,\"r\":3},\"c\":{\"p\":1,\"r\":3,\"s\":4}}"},
        {"a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}"},
        {"\"<<\": 1\n", "{\"<<\":1}"},
        {"&k name: 1\nb: *k\n", "{\"b\":\"name\",\"name\":1}"},
        {"a: {<<: 1}\n", "1:9: \"<<\" takes a map or a list of maps, this is an integer"},
        {"a: &x {p: 1}\nb: {<<: *x, <<: *x}\n", "2:13: \"<<\" is given twice"},
        {"a: &x [*x]\n", "1:8: this alias stands for a value that holds itself"},
        {"abc: 1\nb: *abd\n", "2:4: there is no anchor \"&abd\" before this"},
        {"a: &x 1\n*x : 2\n", "2:1: an alias cannot be a key"},
    };
    CHECK_ALL(examples);
}

static void mistakes(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"a: 1\nb: 2\na: 3\nb: 4\n", "3:1: the key \"a\" is given twice\n4:1: the key \"b\" is given twice"},
        {"a:\n\tb: 2\n", "2:1: a tab cannot indent"},
        {"a: 1\n\tb: 2\n", "2:1: a tab cannot indent"},
        {"a: @x\n", "1:4: a value cannot begin with \"@\""},
        {"é: \xc3(\n", "1:4: not UTF-8: the byte 0xC3"},
        {"a: 1\nb: \xed\xa0\x80\n", "2:4: not UTF-8: the byte 0xED"},
        {"a: \x07\n", "1:4: the control character U+0007 is not allowed"},
        {"a: !Ref x\n", "1:4: unknown tag \"!Ref\""},
        {"a: !!bool x\n", "1:4: the tag !!bool does not go with a string"},
        {"a: 1\n---\nb: 1\n", "2:1: a second document begins here"},
        {"a: \"x\nb: 1\n", "1:4: the text that begins here has no closing quote"},
        {"a: ${x ? 1 : 2}\n", "1:12: a \": \" is not allowed here"},
        {"a: [1\n", "2:1: expected \",\" or \"]\" in this list"},
        {"a:\n  b: 1\n c: 1\n", "3:2: this does not fit the lines above it"},
        {"{a: 1}: 2\n", "1:1: a key must be a word or a text"},
        {"? \n: 2\n", "1:2: a key is missing here"},
        {"a: 1\nword\nb: 2\n", "2:1: the key that begins here has no \":\""},
    };
    CHECK_ALL(examples);
    check_text(str_n("a: \0\n", 5), "1:4: the control character U+0000 is not allowed");
    check_text(str_n("\xff\xfe"
                     "a\0",
                   4),
        "1:1: not UTF-8: the byte 0xFF");
}

static void positions_are_bytes(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {.path = STR("x.yaml"),
        .text = STR("\xef\xbb\xbf# é\n키: \"값 ${x}\"\nlist: [ü, {b: v}]\nnone:\nz: 9\n")};
    struct node *root = yaml_parse(&arena, &source, &diags);
    assert_int_equal(diags.errors, 0);
    struct node *text = node_get(root, "키");
    assert_true(str_eqz(node_raw(text), "\"값 ${x}\""));
    assert_int_equal(span_complete(node_span(text)).line, 2);
    assert_int_equal(span_complete(node_span(text)).column, 4);
    struct node *list = node_get(root, "list");
    assert_true(str_eqz(node_raw(list), "[ü, {b: v}]"));
    assert_true(str_eqz(node_raw(list->items[0]), "ü"));
    assert_true(str_eqz(node_raw(node_get(list->items[1], "b")), "v"));
    assert_int_equal(span_complete(node_span(node_get(list->items[1], "b"))).column, 15);
    /* a value left out is where its key is */
    assert_true(str_eqz(node_raw(node_get(root, "none")), "none"));
    assert_int_equal(span_complete(node_span(node_get(root, "none"))).line, 4);
    const struct node_entry *z = node_find(root, STR("z"));
    struct span span = span_complete(node_key_span(z));
    assert_int_equal(span.line, 5);
    assert_int_equal(source.text.p[span.offset], 'z');
    assert_null(node_find(root, STR("nope")));
    assert_null(node_find(text, STR("x")));
}

static struct str bomb(struct arena *arena, int levels)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(&out, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < levels; i++) {
        buf_addf(&out, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_addf(&out, "%s*a%d", k ? "," : "", i - 1);
        buf_addz(&out, "]\n");
    }
    return arena_str(arena, buf_str(&out));
}

static void bombs_and_depth(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    check_text(bomb(&arena, 60), "6:38: aliases make this file too large (over 1,000,000 values)");
    AUTO_BUF struct buf deep = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_add_char(&deep, '[');
    check_text(buf_str(&deep), "1:65: the nesting is too deep (over 64 levels)");
    buf_clear(&deep);
    for (int i = 0; i < 40; i++)
        buf_addf(&deep, "%*sk:\n", i, "");
    AUTO_BUF struct buf twice = BUF_INIT;
    buf_addz(&twice, "a: &a\n");
    for (int i = 0; i < 40; i++)
        buf_addf(&twice, "%*sk:\n", i + 1, "");
    for (int i = 0; i < 30; i++)
        buf_addf(&twice, "%*sb:\n", i, "");
    buf_addf(&twice, "%*sb: *a\n", 30, "");
    check_text(buf_str(&twice), "72:34: with this alias the nesting gets too deep (over 64 levels)");
}

static void large_maps(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT;
    for (int i = 0; i < 200000; i++)
        buf_addf(&text, "key%d: %d\n", i, i);
    buf_addz(&text, "key77777: again\n");
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {.path = STR("x.yaml"), .text = buf_str(&text)};
    struct node *root = yaml_parse(&arena, &source, &diags);
    assert_int_equal(root->count, 200000);
    assert_int_equal(diags.errors, 1);
    assert_int_equal(diags.items[0].related.line, 77778);
    assert_int_equal(root->entries[199999].value->integer, 199999);
}

static void a_large_scalar(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT;
    buf_addz(&text, "a: '");
    for (int i = 0; i < 1000 * 1000; i++)
        buf_addz(&text, "0123456789");
    buf_addz(&text, "'\nb: 1\n");
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {.path = STR("x.yaml"), .text = buf_str(&text)};
    struct node *root = yaml_parse(&arena, &source, &diags);
    assert_int_equal(node_get(root, "a")->string.n, 10 * 1000 * 1000);
    assert_int_equal(span_complete(node_span(node_get(root, "b"))).line, 2);
}

static void files(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    assert_null(yaml_load(&arena, "/nonexistent/x.yaml", STR("x.yaml"), &diags));
    assert_null(yaml_load(&arena, "/tmp", STR("tmp"), &diags));
    assert_int_equal(diags.errors, 2);
    assert_non_null(strstr(diags.items[0].message.p, "No such file or directory"));
    assert_non_null(strstr(diags.items[1].message.p, "Is a directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(core_schema),
        cmocka_unit_test(anchors_and_merges),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(positions_are_bytes),
        cmocka_unit_test(bombs_and_depth),
        cmocka_unit_test(large_maps),
        cmocka_unit_test(a_large_scalar),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
