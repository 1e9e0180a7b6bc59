#include "sandbox/notation/languages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena = ARENA_INIT;

static const struct value *make_keys(void)
{
    static const char *const keys[][2] = {
        {"year", "int"}, {"day", "date"}, {"n", "bigint"}, {"price", "decimal(10,2)"}, {"zone", "string"}};
    struct value_builder b = VALUE_BUILDER(&arena);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct value_entry key[] = {{STR("name"), value_stringz(&arena, keys[i][0])},
            {STR("type"), value_stringz(&arena, keys[i][1])}};
        value_builder_add(&b, value_map(&arena, key, 2));
    }
    return value_builder_list(&b);
}

static const struct value *make_values(const char *zone)
{
    const char *const texts[] = {"2026", "2026-11-21", "9007199254740993", "9.50", zone};
    struct value_builder b = VALUE_BUILDER(&arena);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        value_builder_add(&b, value_stringz(&arena, texts[i]));
    return value_builder_list(&b);
}

static bool matches(const char *text, const char *zone)
{
    const struct glue_expression *expression;
    struct err err = ERR_INIT;
    if (glue_expression_parse(&arena, str_z(text), make_keys(), &expression, &err))
        fail_msg("%s: %s", text, err.message);
    return glue_expression_matches(expression, make_values(zone));
}

static void test_what_matches(void **state)
{
    (void)state;
    static const char *const texts[] = {"year=2026", "2026 = year", "year = '2026'",
        "year > 400 AND year < 10000", "year >= 2026 and year<=2026", "year != 1 AND year <> 1",
        "day = date '2026-11-21'", "day > '2026-11-09'",
        "day BETWEEN '2026-11-01' AND '2026-11-30' AND year = 2026", "year not between 1 and 9",
        "n = 9007199254740993", "n > 9007199254740992", "price = 9.5", "price > -1", "price IN (1, 9.5, 20)",
        "NOT price = 10", "NOT NOT year = 2026", "(year = 1 OR year = 2026) AND (n > 1)",
        "year = 1 AND n = 1 OR zone = 'it''s'", "zone LIKE 'it%'", "zone LIKE '_t_s'", "zone LIKE '%''s%'",
        "zone like '%'", "zone NOT LIKE '_'", "`zone` = 'it''s'", "\"ZONE\" IN ('a', 'it''s')",
        "zone IS NOT NULL", "  year\n=\t2026  "};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!matches(texts[i], "it's"))
            fail_msg("%s", texts[i]);
}

static void test_what_does_not(void **state)
{
    (void)state;
    static const char *const texts[] = {"year = 2025", "year < 400", "n = 9007199254740992",
        "day < date '2026-11-21'", "NOT (year = 2026 OR n = 1)", "year = 2026 AND zone = 'a'",
        "zone LIKE 'i'", "zone LIKE '____s'", "zone LIKE ''", "zone IN ('IT''S')", "zone IS NULL",
        "price = 9.51"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (matches(texts[i], "it's"))
            fail_msg("%s", texts[i]);
}

static void test_a_value_that_is_not_known(void **state)
{
    (void)state;
    static const char null[] = "__HIVE_DEFAULT_PARTITION__";
    assert_true(matches("zone IS NULL", null));
    assert_false(matches("zone IS NOT NULL", null));
    assert_false(
        matches("zone <> 'a'", null) || matches("zone > ''", null) || matches("zone LIKE '%'", null));
}

static void refused(const char *text, const char *why)
{
    const struct glue_expression *expression;
    struct err err = ERR_INIT;
    assert_int_equal(glue_expression_parse(&arena, str_z(text), make_keys(), &expression, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
    if (!strstr(err.message, why))
        fail_msg("%s: %s", text, err.message);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    char deep[1024] = "", parentheses[1024] = "";
    refused("month = 1", "\"month\", which is not a partition key");
    refused("year = 'soon'", "compares \"soon\" with a key that is a number");
    refused("year IN (1, 'soon')", "compares \"soon\"");
    refused("year", "the expression ends where a comparison should stand");
    refused("year =", "ends where a partition key, a number or a text should stand");
    refused("year = 12x", "a number or a text should stand at \"12x\"");
    refused("year = - 'a'", "should stand");
    refused("year = 1 day = 2", "AND or OR should stand at \"day\"");
    refused("(year = 1", "ends where ) should stand");
    refused("year IN 1", "( should stand at \"1\"");
    refused("year IN ()", "a number or a text should stand at \")\"");
    refused("year BETWEEN 1 OR 2", "AND should stand at \"OR\"");
    refused("year NOT = 1", "IN, BETWEEN or LIKE should stand at \"=\"");
    refused("year IS 1", "NULL should stand at \"1\"");
    refused("zone = 'a", "a ' is never closed");
    refused("zone = ;", "is not understood at \";\"");
    refused("", "ends where");
    for (int i = 0; i < 200; i++) {
        strcat(deep, "NOT ");
        strcat(parentheses, "(");
    }
    refused(strcat(deep, "year = 1"), "nested too deep");
    refused(parentheses, "nested too deep");
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_matches),
        cmocka_unit_test(test_what_does_not),
        cmocka_unit_test(test_a_value_that_is_not_known),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
