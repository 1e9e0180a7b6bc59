#include "cmd/import/serverless.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct node *read_text(struct arena *arena, const char *text)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_NEW(arena, struct source);
    *source = (struct source){.path = STR("x.yaml"), .text = str_z(text)};
    const struct node *node = yaml_parse_tagged(arena, source, &diags);
    assert_int_equal(diags.errors, 0);
    return node;
}

static const struct node *make_text(struct form *form, struct str what)
{
    return str_eqz(what, "nothing") ? NULL : nodes_text(form->arena, what, form->at);
}

/* What a form is, filled with those properties. */
static void check_form(const char *properties, const char *data, const char *expected)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    struct form form = {.arena = &arena, .in = read_text(&arena, properties), .make = make_text};
    form.at = form.in;
    form_text(&form, "id", STR("Take"));
    const struct node *filled = form_fill(&form, read_text(&arena, data));
    assert_non_null(filled);
    json_write(&out, node_value(&arena, filled), JSON_PLAIN);
    assert_string_equal(out.p, expected);
    form_release(&form);
}

static void test_gaps(void **state)
{
    (void)state;
    check_form("{A: 1, B: {C: [x]}}", "{a: !in A, c: !in B.C, d: !in D}", "{\"a\":1,\"c\":[\"x\"]}");
    check_form("{A: 1, B: no}", "{<take>: [B, C, A]}", "{\"A\":1,\"B\":\"no\"}");
    check_form("{A: false, B: x}", "[!if [A, yes], !if [A, yes, no], !if [B, yes], !if [C, yes, no]]",
        "[\"no\",\"yes\",\"no\"]");
    check_form("{A: false, B: x}", "[!is [A, \"false\", yes], !is [B, y, yes, no], !is [C, y, yes]]",
        "[\"yes\",\"no\"]");
    check_form("{B: x}", "{a: !first [!in A, !in B, c], b: !first []}", "{\"a\":\"x\"}");
    check_form("{}", "{<id>Role: <id>/<none>, made: !made it, gone: !made nothing, n: [1, true, null]}",
        "{\"TakeRole\":\"Take/<none>\",\"made\":\"it\",\"n\":[1,true,null]}");
}

static void test_substitutions(void **state)
{
    (void)state;
    check_form("{A: 1}", "[!sub \"${AWS::Region}:<id>\"]", "[{\"Fn::Sub\":\"${AWS::Region}:Take\"}]");
    check_form(
        "{A: {Ref: B}}", "[!sub \"${A}:${C}\"]", "[{\"Fn::Sub\":[\"${A}:${C}\",{\"A\":{\"Ref\":\"B\"}}]}]");
}

static void test_what_was_asked_for(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct form form = {.arena = &arena, .in = read_text(&arena, "{A: {B: 1}, C: 2}"), .make = make_text};
    form.at = form.in;
    assert_non_null(form_in(&form, STR("A.B")));
    assert_null(form_in(&form, STR("A.C")));
    assert_non_null(map_get(&form.used, STR("A")));
    assert_null(map_get(&form.used, STR("C")));
    form_release(&form);
}

static void test_nodes(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct node *a = read_text(&arena, "{a: [1, {b: x}], r: !Ref x, j: {Fn::Join: [\"-\", [a, b]]}}");
    const struct node *b = read_text(&arena, "{r: !Ref x, j: {Fn::Join: [\"-\", [a, b]]}, a: [1, {b: x}]}");
    assert_true(nodes_same(a, b));
    struct node *more = nodes_copy(&arena, b);
    for (int i = 0; i < 20; i++)
        nodes_set(&arena, more, arena_printf(&arena, "k%d", i % 10), nodes_bool(&arena, i > 9, a));
    assert_int_equal(more->count, 13);
    assert_int_equal(b->count, 3);
    assert_true(node_get(more, "k3")->boolean && !nodes_same(a, more));
    assert_true(nodes_is_function(node_get(a, "r")) && !nodes_is_function(a));
    assert_true(str_eqz(nodes_referred(node_get(a, "r")), "x") && !nodes_referred(node_get(a, "j")).p);
    assert_true(str_eqz(nodes_joined(&arena, node_get(a, "j")), "a-b") && !nodes_joined(&arena, a).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_substitutions),
        cmocka_unit_test(test_what_was_asked_for),
        cmocka_unit_test(test_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
