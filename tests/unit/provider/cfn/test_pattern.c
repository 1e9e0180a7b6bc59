/*
 * Patterns of CloudFormation's schemas: they are searched for, and written for JavaScript or Java; ours match
 * the whole text.
 */
#include "provider/cfn/cfn.h"

#include "base/match.h"
#include "provider/schema.h"

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

static bool matches(const char *pattern, const char *text)
{
    static const struct type text_type = {.kind = TYPE_STRING};
    struct attr attr = {.name = STR("a"), .type = &text_type, .pattern = cfn_pattern(&arena, str_z(pattern))};
    struct err err = ERR_INIT;
    if (attr_compile_pattern(&arena, &attr, &err))
        fail_msg("%s gives %.*s: %s", pattern, STR_ARG(attr.pattern), err.message);
    return regex_matches(attr.pattern_code, str_z(text));
}

static void check(const char *pattern, const char *good, const char *bad)
{
    if (!matches(pattern, good))
        fail_msg("%s does not match \"%s\"", pattern, good);
    if (bad && matches(pattern, bad))
        fail_msg("%s matches \"%s\"", pattern, bad);
}

static void searched_for_unless_anchored(void **state)
{
    (void)state;
    check("^[a-z]+$", "abc", "abc1");
    check("[a-z]+", "12abc34", "1234");
    check("^a", "abc\nd", "bac");
    check("z$", "a\nbcz", "za");
    check("^a|b$", "a and more", "no");
    check("^(a|b)$", "b", "bb");
}

static void names_of_sets(void **state)
{
    (void)state;
    check("^\\p{Alnum}+$", "a1", "a-1");
    check("^[\\p{Alpha}_]+$", "a_b", "a1");
    check("^\\P{Digit}+$", "ab", "a1");
    check("^\\p{IsGreek}+$", "\u03b1\u03b2", "ab");
    check("^\\p{L}+$", "\u00e9a", "1");
}

static void characters_by_their_numbers(void **state)
{
    (void)state;
    check("^\\u0041+$", "AA", "a");
    check("^[\\u0020-\\u007E]+$", "a b~", "\u00e9");
    check("^[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF]*$", "a\u00e9\U0001f600", "\x01");
}

static void within_brackets(void **state)
{
    (void)state;
    check("^[[:a]+$", "[:a", "b");
    check("^[\\w-.]+$", "a-b.c", "a+b");
    check("^[|]$", "|", "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searched_for_unless_anchored),
        cmocka_unit_test(names_of_sets),
        cmocka_unit_test(characters_by_their_numbers),
        cmocka_unit_test(within_brackets),
    };
    return cmocka_run_group_tests(tests, NULL, stop);
}
