#include "stacks/expressions/expr_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Where syntax errors point, and what they say. */

static const char *errors_of(struct arena *arena, const char *yaml)
{
    struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_NEW(arena, struct source);
    source->path = STR("t.yaml");
    source->text = str_z(yaml);
    struct node *node = yaml_parse(arena, source, &diags);
    if (node)
        expr_compile(arena, node, &diags);
    struct buf out = BUF_INIT;
    diags_render(&diags, false, &out);
    const char *text = arena_strz(arena, buf_str(&out));
    buf_release(&out);
    diags_release(&diags);
    return text;
}

/* "line:column message | label" of the first error; "" when there is none. */
static const char *first_error(struct arena *arena, const char *yaml)
{
    struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_NEW(arena, struct source);
    source->path = STR("t.yaml");
    source->text = str_z(yaml);
    struct node *node = yaml_parse(arena, source, &diags);
    if (node)
        expr_compile(arena, node, &diags);
    const char *text = "";
    if (diags.n) {
        const struct diag *d = &diags.items[0];
        text = arena_printf(arena, "%u:%u+%u %.*s%s%.*s", d->span.line, d->span.column, d->span.length,
            STR_ARG(d->message), d->label.n ? " | " : "", STR_ARG(d->label))
                   .p;
    }
    diags_release(&diags);
    return text;
}

static void test_syntax_errors(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *error;
    } rows[] = {
        {"a: ${1 + 2}", ""},
        {"a: ${}", "1:4+3 an empty ${}"},
        {"a: ${x", "1:4+2 this expression has no end | no \"}\" follows"},
        {"a: ${", "1:4+2 this expression has no end | no \"}\" follows"},
        {"a: ${x y}", "1:8+1 expected an operator or \"}\", got \"y\""},
        {"a: ${1 +}", "1:9+1 expected a value, got \"}\""},
        {"a: ${[1, 2}", "1:11+1 expected \",\" or \"]\", got \"}\""},
        {"a: ${(1}", "1:8+1 expected an operator or \")\", got \"}\""},
        {"a: ${a.1}", "1:8+1 an index does not follow a dot | write [ ] around it"},
        {"a: ${a.}", "1:8+1 expected a name after the dot, got \"}\""},
        {"a: ${a = b}", "1:8+1 unexpected \"=\" | did you mean \"==\"?"},
        {"a: ${a & b}", "1:8+1 unexpected \"&\" | did you mean \"&&\"?"},
        {"a: ${a | b}", "1:8+1 unexpected \"|\" | did you mean \"||\"?"},
        {"a: ${$a}", "1:6+1 unexpected \"$\" | names inside ${ } stand alone"},
        {"a: ${a ? b}", "1:11+1 expected \":\" and the other value, got \"}\""},
        {"a: \"${{k = 1}}\"", "1:10+1 unexpected \"=\" | write \":\" between key and value"},
        {"a: '${{k: 1, k: 2}}'", "1:14+1 the key \"k\" is given twice"},
        {"a: ${'abc}", "1:6+5 the text that begins here has no closing '"},
        {"a: ${\"abc}", "1:6+1 the text that begins here has no closing \""},
        {"a: ${\"a\\qb\"}", "1:8+2 an unknown escape | a backslash itself is \\\\"},
        {"a: ${\"\\u12\"}", "1:7+2 a broken escape | four hexadecimal digits follow, as in \\u00e9"},
        {"a: ${\"\\ud800\"}", "1:7+6 this escape is half a character"},
        {"a: ${12abc}", "1:6+5 not a number | a name does not begin with a digit"},
        {"a: ${99999999999999999999}", "1:6+20 the number is too large"},
        {"a: ${1e999}", "1:6+5 the number is too large"},
        {"a: '${[for x of y : x]}'", "1:14+2 expected \"in\", got \"of\""},
        {"a: ${[for x in y]}", "1:17+1 expected \":\", got \"]\""},
        {"a: '${{for x in y : x}}'", "1:22+1 expected \"=>\" and the value of the entry, got \"}\""},
        {"a: ${uper(x)}", "1:6+4 there is no function \"uper\" | did you mean \"upper\"?"},
        {"a: ${default(x)}", "1:6+10 default() takes 2 arguments, got 1"},
        {"a: ${coalesce()}", "1:6+10 coalesce() takes at least 1 argument, got 0"},
        {"a: ${a \xc3\xa9 b}", "1:8+2 this character has no meaning here"},
        {"a: x ${1} y ${2 z", "1:17+1 expected an operator or \"}\", got \"z\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        assert_string_equal(first_error(&arena, rows[i].yaml), rows[i].error);
    }
}

/* The same mistake, an @, in every style of scalar. */
static void test_places(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "a: x ${1} ${2 @}",
        "a: 'it''s ${1} ${2 @}'",
        "a: \"q \\\" \\n \\u00e9 ${2 @}\"",
        "a: |\n  one\n  two ${2 @}\n",
        "a: |\n  ${[\n    1,\n    @]}\n",
        "a: >-\n  one\n  two\n  ${2 @}\n",
        "a: one\n  two\n  ${2 @}\n",
        "a: 'one\n\n  two ${2 @}'\n",
        "a:\n  - b: [x, '${2 @}']\n",
        "a: \xe2\x82\xac ${2 @}",
        "\"${2 @}\": 1",
        "a: \"one \\\n  two ${2 @}\"",
        "a: |\n  ${1}\n\n    indented\n  ${2 @}\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const char *error = first_error(&arena, rows[i]);
        struct source source = {.path = STR(""), .text = str_z(rows[i])};
        struct span wanted = span_at(&source, (size_t)(strchr(rows[i], '@') - rows[i]), 1);
        const char *place = arena_printf(&arena, "%u:%u+1 ", wanted.line, wanted.column).p;
        if (strncmp(error, place, strlen(place)) != 0)
            fail_msg("%s\nwanted %s, got %s", rows[i], place, error);
    }
}

static void test_rendered(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    assert_string_equal(errors_of(&arena, "a: 1\nb: x-${defalt(1, 2)}\n"),
        "error: there is no function \"defalt\"\n"
        "  --> t.yaml:2:8\n"
        "   |\n"
        " 2 | b: x-${defalt(1, 2)}\n"
        "   |        ^^^^^^ did you mean \"default\"?\n");
    assert_string_equal(errors_of(&arena, "b: ${default(1)}\n"), "error: default() takes 2 arguments, got 1\n"
                                                                 "  --> t.yaml:1:6\n"
                                                                 "   |\n"
                                                                 " 1 | b: ${default(1)}\n"
                                                                 "   |      ^^^^^^^^^^\n"
                                                                 "  hint: default(value, fallback) -> any\n");
}

/* All scalars are looked at, not the first bad one only. */
static void test_all_errors(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {
        .path = STR("t.yaml"), .text = STR("a: ${1 +}\nb: [\"${\", '${x y}']\nc: ${nope()}\n")};
    expr_compile(&arena, yaml_parse(&arena, &source, &diags), &diags);
    assert_int_equal(diags.errors, 4);
}

static const char *repeat(
    struct arena *arena, const char *before, const char *unit, size_t n, const char *after)
{
    struct buf out = BUF_INIT;
    buf_addz(&out, before);
    while (n--)
        buf_addz(&out, unit);
    buf_addz(&out, after);
    const char *text = arena_strz(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void test_limits(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *deep = "nested deeper than 100 levels", *high = "more than 500 levels deep";
    static const char *const brackets[] = {
        "(", "[", "{a: ", "!", "- ", "can(", "1 ? 1 : ", "[for a in ", "\"${"};
    for (size_t i = 0; i < sizeof brackets / sizeof *brackets; i++) {
        const char *yaml = repeat(&arena, "a: |\n  ${", brackets[i], 100000, "}\n");
        const char *error = first_error(&arena, yaml);
        if (!strstr(error, deep))
            fail_msg("%s: %s", brackets[i], error);
    }
    static const char *const chains[] = {" + 1", ".a", "[0]", " && true"};
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        const char *error = first_error(&arena, repeat(&arena, "a: |\n  ${b", chains[i], 100000, "}\n"));
        if (!strstr(error, high))
            fail_msg("%s: %s", chains[i], error);
        assert_string_equal(first_error(&arena, repeat(&arena, "a: |\n  ${b", chains[i], 400, "}\n")), "");
    }
    /* long, but flat */
    assert_string_equal(first_error(&arena, repeat(&arena, "a: |\n  ${[", "1,", 100000, "]}\n")), "");
    assert_string_equal(first_error(&arena, repeat(&arena, "a: |\n  ", "${1}", 100000, "\n")), "");
}

static void test_constants_are_shared(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {.path = STR("t.yaml"), .text = STR("a: text\nb: [1, {c: 2.5}]\nd: ${x}\n")};
    struct node *node = yaml_parse(&arena, &source, &diags);
    struct scope scope = {.diags = &diags};
    struct expr *text = expr_compile(&arena, node_get(node, "a"), &diags);
    assert_true(expr_is_const(text));
    const struct value *v = expr_eval(text, &scope, &arena);
    assert_ptr_equal(v->string.p, node_get(node, "a")->string.p);
    assert_ptr_equal(v, expr_eval(text, &scope, &arena));
    struct expr *list = expr_compile(&arena, node_get(node, "b"), &diags);
    assert_true(expr_is_const(list));
    assert_ptr_equal(expr_eval(list, &scope, &arena), expr_eval(list, &scope, &arena));
    assert_false(expr_is_const(expr_compile(&arena, node_get(node, "d"), &diags)));
    assert_true(sizeof(struct expr) <= 48);
}

static const struct value *path_of(struct arena *arena, const char *key, int index, const char *inner)
{
    const struct value *steps[] = {
        value_stringz(arena, key), value_int(arena, index), value_stringz(arena, inner)};
    return value_list(arena, steps, index < 0 ? 1 : inner ? 3 : 2);
}

static void test_span_at(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {.path = STR("t.yaml"),
        .text = STR("rules:\n  - id: x\n    days: 3\n  - ${f}\nother: '${{k: [1, 2]}}'\n")};
    struct expr *e = expr_compile(&arena, yaml_parse(&arena, &source, &diags), &diags);
    assert_int_equal(diags.errors, 0);
    struct span span = span_complete(expr_span_at(e, path_of(&arena, "rules", 0, "days"), false));
    assert_int_equal(span.line, 3);
    assert_int_equal(span.column, 11);
    span = span_complete(expr_span_at(e, path_of(&arena, "rules", 0, "days"), true));
    assert_int_equal(span.column, 5);
    assert_int_equal(span.length, 4);
    /* inside an expression the place is the nearest that is known */
    span = expr_span_at(e, path_of(&arena, "rules", 1, "days"), true);
    assert_int_equal(span_at(&source, span.offset, 1).line, 4);
    span = expr_span_at(e, path_of(&arena, "other", -1, NULL), false);
    assert_int_equal(span_at(&source, span.offset, 1).line, 5);
    const struct value *steps[] = {
        value_stringz(&arena, "other"), value_stringz(&arena, "k"), value_int(&arena, 1)};
    span = expr_span_at(e, value_list(&arena, steps, 3), false);
    assert_int_equal(span_at(&source, span.offset, 1).column, 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax_errors),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_rendered),
        cmocka_unit_test(test_all_errors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_constants_are_shared),
        cmocka_unit_test(test_span_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
