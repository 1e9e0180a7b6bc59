/*
 * Is a secret written out in an expression? Where it is, the stack's files are not kept in clear.
 */
#include "stacks/expr.h"

#include "base/diag.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static int stop(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* `within`: it is given to an attribute that is for a secret. */
static bool writes(const char *text, bool within)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {.path = STR("test"), .text = str_z(text)};
    const struct expr *expr = expr_parse(&arena, &source, &diags);
    if (!expr)
        fail_msg("%s is no expression", text);
    return expr_writes_secret(expr, within);
}

static void check(const char *const *texts, bool within, bool expected)
{
    for (; *texts; texts++)
        if (writes(*texts, within) != expected)
            fail_msg("%s: %s", *texts, expected ? "its secret is not seen" : "there is no secret in it");
}

static void written_out(void **state)
{
    (void)state;
    static const char *const secret[] = {"'hunter2'", "\"a${inputs.x}hunter2\"", "12345", "1.5",
        "['hunter2']", "{a: 'hunter2'}", "true ? 'hunter2' : ''", "'hunter2' == 'x' || true",
        "inputs.x['a'].b + 1000", "[for x in inputs.y : 'hunter2']", "upper('hunter2')",
        "sensitive('hunter2')", NULL};
    check(secret, true, true);
}

static void not_written_out(void **state)
{
    (void)state;
    static const char *const clear[] = {"inputs.password", "'abc'", "'  x '", "12", "true", "null", "''",
        "inputs.passwords['production']", "file('secrets/password')",
        "format('%s-%s-%s', inputs.a, inputs.b, 'c')", "'production' == 'x' ? inputs.a : inputs.b",
        "[for x in inputs.y : x if x != 'production']", NULL};
    check(clear, true, false);
}

/* Elsewhere only what is said to be secret is one. */
static void elsewhere(void **state)
{
    (void)state;
    static const char *const clear[] = {"'hunter2'", "{a: 'hunter2'}", "upper('hunter2')", NULL},
                             *const secret[] = {"sensitive('hunter2')", "{a: [sensitive('hunter2')]}",
                                 "\"postgres://${sensitive('hunter2')}@host\"", NULL};
    check(clear, false, false);
    check(secret, false, true);
    assert_false(expr_writes_secret(NULL, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_out),
        cmocka_unit_test(not_written_out),
        cmocka_unit_test(elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, stop);
}
