/* What an import says, written as YAML and as expressions: read back, both are what was meant. */
#include "cmd/import/draft.h"

#include "stacks/expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

/* Texts that YAML would read as something else, or not at all, if they stood there as they are. */
static const char *const texts[] = {"", " ", "a", "two words", "yes", "no", "On", "null", "~", "true", "0755",
    "0x1f", "1e3", "-1", ".5", "12:30", "2024-10-01", "a: b", "a:b", "a:", "a #b", "#a", "- a", "-", "? a",
    "[a]", "{a: b}", "a, b", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a`", "'", "\"", "it's", "\"quoted\"",
    "'both' and \"both\"", "back\\slash", "a\nb\n", "a\n\n  b", "\n", "tab\there", " leading", "trailing ",
    "ends with:",
    "Gr\xc3\xbc\xc3\x9f"
    "e",
    "\x7f", "a\n\x7f\n", "a\n\xc2\x80\n", "a\r\nb\n", "\xc2\x80 and \xc2\x9f", "\x01", "arn:aws:s3:::lake/*",
    "cron(0 4 * * ? *)", "s3://lake/a b", "=", "<<", "---", "..."};

enum { TEXTS = sizeof texts / sizeof *texts };

static const struct value *read_yaml(struct str text)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_NEW(&arena, struct source);
    *source = (struct source){.path = STR("said.yaml"), .text = arena_str(&arena, text)};
    struct node *node = yaml_parse(&arena, source, &diags);
    if (!node || diags.errors)
        fail_msg("%.*s\n%.*s", STR_ARG(text), STR_ARG(diags.n ? diags.items[0].message : STR_EMPTY));
    return node_value(&arena, node);
}

static void check_same(const struct value *got, const struct value *wanted, struct str written)
{
    if (!value_equal(got, wanted))
        fail_msg("read back it is something else:\n%.*s", STR_ARG(written));
}

static const struct value *all_texts(void)
{
    struct value_builder list = VALUE_BUILDER(&arena), map = VALUE_BUILDER(&arena),
                         both = VALUE_BUILDER(&arena);
    for (size_t i = 0; i < TEXTS; i++) {
        value_builder_add(&list, value_stringz(&arena, texts[i]));
        value_builder_set(&map, str_z(texts[i]), value_stringz(&arena, texts[i]));
    }
    value_builder_set(&both, STR("list"), value_builder_list(&list));
    value_builder_set(&both, STR("map"), value_builder_map(&map));
    return value_builder_map(&both);
}

static void test_each_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEXTS; i++) {
        AUTO_BUF struct buf out = BUF_INIT;
        const struct value *v = value_stringz(&arena, texts[i]);
        tree_write(&out, STR("key"), tree_of(&arena, v), 0);
        check_same(value_getz(read_yaml(buf_str(&out)), "key"), v, buf_str(&out));
        buf_release(&out);
        tree_write_flow(&out, tree_of(&arena, value_list(&arena, &v, 1)));
        check_same(read_yaml(buf_str(&out)), value_list(&arena, &v, 1), buf_str(&out));
    }
}

static void test_collections(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    const struct value *v = all_texts();
    tree_write(&out, STR("all"), tree_of(&arena, v), 4);
    check_same(value_getz(read_yaml(buf_str(&out)), "all"), v, buf_str(&out));
    buf_release(&out);
    tree_write_flow(&out, tree_of(&arena, v));
    check_same(read_yaml(buf_str(&out)), v, buf_str(&out));
}

static const struct value *evaluate(struct str code)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_NEW(&arena, struct source);
    *source = (struct source){.path = STR("said"), .text = code};
    struct scope scope = {.diags = &diags};
    struct expr *e = expr_parse(&arena, source, &diags);
    const struct value *v = e ? expr_eval(e, &scope, &arena) : NULL;
    if (!v)
        fail_msg("%.*s", STR_ARG(code));
    return v;
}

static void test_expressions(void **state)
{
    (void)state;
    const struct value *v = all_texts();
    struct str code = tree_as_code(&arena, tree_of(&arena, v));
    check_same(evaluate(code), v, code);
    v = value_stringz(&arena, "costs ${price} and $${more}");
    code = tree_as_code(&arena, tree_of(&arena, v));
    check_same(evaluate(code), v, code);
    v = value_stringz(&arena, "\0017\002"); /* which would be the mark of a reference */
    code = tree_as_code(&arena, tree_of(&arena, v));
    check_same(evaluate(code), v, code);
    assert_string_equal(code.p, "\"\\u00017\\u0002\"");
}

/* "a" + 1 + "b" is one text, and code stays code within it. */
static void test_texts_grow_together(void **state)
{
    (void)state;
    struct tree *text = tree_new(&arena, TREE_TEXT, NULL);
    tree_append(&arena, text, tree_string(&arena, STR("a"), NULL));
    tree_append(&arena, text, tree_value(&arena, value_int(&arena, 1), NULL));
    assert_int_equal(text->n, 1);
    assert_true(tree_is_text(tree_simple(&arena, text), "a1"));
    tree_append(&arena, text, tree_code(&arena, NULL, "%d + %d", 1, 2));
    tree_append(&arena, text, tree_string(&arena, STR("\"b\""), NULL));
    assert_ptr_equal(tree_simple(&arena, text), text);
    struct str code = tree_as_code(&arena, text);
    assert_true(str_eqz(code, "\"a1${1 + 2}\\\"b\\\"\""));
    assert_true(str_eqz(evaluate(code)->string, "a13\"b\""));
    const struct value *known;
    assert_false(tree_known(&arena, text, &known));
}

static void test_maps_keep_their_order(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    struct tree *map = tree_new(&arena, TREE_MAP, NULL);
    tree_set(&arena, map, STR("z"), tree_string(&arena, STR("first"), NULL));
    tree_set(&arena, map, STR("a"), tree_string(&arena, STR("second"), NULL));
    tree_set(&arena, map, STR("z"), tree_string(&arena, STR("changed"), NULL));
    tree_write_flow(&out, map);
    assert_true(str_eqz(buf_str(&out), "{z: changed, a: second}"));
}

static void test_large_maps(void **state)
{
    enum { MANY = 1000 };
    (void)state;
    struct tree *map = tree_new(&arena, TREE_MAP, NULL);
    for (int i = 0; i < 2 * MANY; i++)
        tree_set(&arena, map, arena_printf(&arena, "k%d", i % MANY), tree_new(&arena, TREE_NOTHING, NULL));
    assert_int_equal(map->n, MANY);
    /* Some take the first entry out by themselves, and others come: at each size the rest is found. */
    for (int i = 0; i < MANY; i++) {
        memmove(&map->entries[0], &map->entries[1], --map->n * sizeof *map->entries);
        for (int k = 0; k < 1 + i % 3; k++)
            tree_set(&arena, map, arena_printf(&arena, "new%d", i / 2), tree_new(&arena, TREE_LIST, NULL));
        assert_int_equal(map->n, MANY - i - 1 + i / 2 + 1);
        assert_null(tree_get(map, arena_printf(&arena, "k%d", i).p));
        assert_true(i + 1 == MANY || tree_get(map, arena_printf(&arena, "k%d", i + 1).p));
    }
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_text), cmocka_unit_test(test_collections),
        cmocka_unit_test(test_expressions), cmocka_unit_test(test_texts_grow_together),
        cmocka_unit_test(test_maps_keep_their_order), cmocka_unit_test(test_large_maps)};
    return cmocka_run_group_tests(tests, NULL, release);
}
