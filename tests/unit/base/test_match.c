/* Path patterns and rules. What a rule must say was asked of `git check-ignore`. */
#include "base/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool matches(const char *pattern, const char *path)
{
    return glob_match(str_z(pattern), str_z(path), 0);
}

static void test_steps(void **state)
{
    (void)state;
    assert_true(matches("*.py", "a.py"));
    assert_false(matches("*.py", "a/b.py"));
    assert_false(matches("*", "a/b"));
    assert_true(matches("a/?.py", "a/b.py"));
    assert_false(matches("a/?.py", "a/bb.py"));
    assert_true(matches("a/[bc].py", "a/c.py"));
    assert_false(matches("a", "a/b"));
    assert_false(matches("a/b", "a"));
    assert_true(matches("a\\*", "a*"));
    assert_false(matches("a\\*", "ab"));
}

static void test_any_depth(void **state)
{
    (void)state;
    assert_true(matches("**", "a/b/c"));
    assert_true(matches("**/c", "c"));
    assert_true(matches("**/c", "a/b/c"));
    assert_true(matches("a/**", "a/b/c"));
    assert_true(matches("a/**/c", "a/c"));
    assert_true(matches("a/**/c", "a/x/y/c"));
    assert_false(matches("a/**/c", "b/x/c"));
    assert_true(matches("a/**/**/c", "a/c"));
    assert_true(matches("a/**/**", "a/c"));
    /* Each one that is taken by itself would double the work. */
    assert_false(matches("**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/z",
        "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y"));
    assert_true(matches("**/x/**/y", "a/x/b/x/c/y"));
}

static void test_hidden(void **state)
{
    (void)state;
    assert_true(matches("*", ".git"));
    assert_false(glob_match(STR("*"), STR(".git"), GLOB_PERIOD));
    assert_true(glob_match(STR(".*"), STR(".git"), GLOB_PERIOD));
    assert_false(glob_match(STR("a/*b"), STR("a/.b"), GLOB_PERIOD));
    assert_false(glob_match(STR("a/?b"), STR("a/.b"), GLOB_PERIOD));
    assert_false(glob_match(STR("a/[.]b"), STR("a/.b"), GLOB_PERIOD));
    assert_false(glob_match(STR("*.git"), STR(".git"), GLOB_PERIOD));
    assert_true(glob_match(STR("a*b"), STR("a.b"), GLOB_PERIOD));
    assert_true(glob_match(STR("**/b"), STR(".a/b"), GLOB_PERIOD));
}

/* Keys of objects have longer steps than file names. */
static void test_long_names(void **state)
{
    (void)state;
    char name[600];
    memset(name, 'a', sizeof name);
    assert_true(glob_match(STR("*"), str_n(name, sizeof name), 0));
    assert_true(glob_match(STR("a*a"), str_n(name, sizeof name), 0));
    assert_false(glob_match(str_n(name, sizeof name), STR("a"), 0));
}

/* What one line says of a path. */
static int says(const char *line, const char *path, bool folder)
{
    struct glob_rule rule;
    return glob_rule_parse(str_z(line), STR_EMPTY, true, &rule)
               ? glob_rules_say(&rule, 1, str_z(path), folder)
               : 0;
}

static void test_rules(void **state)
{
    (void)state;
    assert_int_equal(says("*.pyc", "a/b/c.pyc", false), 1);
    assert_int_equal(says("/c.pyc", "a/c.pyc", false), 0);
    assert_int_equal(says("/c.pyc", "c.pyc", false), 1);
    assert_int_equal(says("a/c.pyc", "x/a/c.pyc", false), 0);
    assert_int_equal(says("build/", "a/build", true), 1);
    assert_int_equal(says("build/", "a/build", false), 0);
    assert_int_equal(says("!keep", "keep", false), -1);
    assert_int_equal(says("# no rule", "# no rule", false), 0);
    assert_int_equal(says("\\#name", "#name", false), 1);
    assert_int_equal(says("name  ", "name", false), 1);
    assert_int_equal(says("name\\ ", "name ", false), 1);
    assert_int_equal(says("name\r", "name", false), 1);
    assert_int_equal(says("", "name", false), 0);
    assert_int_equal(says("/", "name", true), 0);
    assert_int_equal(says("a/**", "a/b/c", false), 1);
    assert_int_equal(says("a/**", "a", true), 0);
}

/* Where git differs from what one would think, and from fnmatch(). */
static void test_oddities_of_git(void **state)
{
    (void)state;
    assert_int_equal(says("***/x", "a/b/x", false), 1);
    assert_int_equal(says("a**/x", "a/b/x", false), 1); /* the part before the first wildcard stands alone */
    assert_int_equal(says("*a**/x", "a/b/x", false), 0);
    assert_int_equal(says("[b-a]", "b", false), 1);
    assert_int_equal(says("[a", "[a", false), 0);
    assert_int_equal(says("[[:nonsense:]]", "n", false), 0);
    assert_int_equal(says("[[:upper:][:digit:]]", "7", false), 1);
    assert_int_equal(says("[]a]", "]", false), 1);
    assert_int_equal(says("[!a]", "b", false), 1);
    assert_int_equal(says("x[!a]y", "x/y", false), 0);
    assert_int_equal(says("name\\", "name", false), 0);
    assert_int_equal(says("name\\", "name\\", false), 0);
    assert_int_equal(says("name\\\\ ", "name\\", false), 1);
    assert_int_equal(says("name\t", "name", false), 0);
    assert_int_equal(says("name\r\r", "name", false), 0);
    assert_int_equal(says("./name", "name", false), 0);
    assert_int_equal(says("!!name", "!name", false), -1);
    assert_int_equal(says("a//", "a", true), 0);
    assert_int_equal(says("//a", "a", false), 0);
}

/* Each star by itself would double the work. */
static void test_many_stars(void **state)
{
    (void)state;
    char text[4000], pattern[200] = "";
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 4 == 3 ? '/' : 'a';
    for (size_t i = 0; i < 20; i++)
        strcat(pattern, "**/*a*/");
    struct glob_rule rule;
    assert_true(glob_rule_parse(str_z(strcat(pattern, "b")), STR_EMPTY, true, &rule));
    assert_false(glob_rule_fits(&rule, str_n(text, sizeof text), false));
}

static void test_last_rule_counts(void **state)
{
    (void)state;
    struct glob_rule rules[3];
    assert_true(glob_rule_parse(STR("*.txt"), STR_EMPTY, true, &rules[0]));
    assert_true(glob_rule_parse(STR("!a.txt"), STR_EMPTY, true, &rules[1]));
    assert_true(glob_rule_parse(STR("a.txt"), STR("sub"), true, &rules[2]));
    assert_int_equal(glob_rules_say(rules, 3, STR("b.txt"), false), 1);
    assert_int_equal(glob_rules_say(rules, 3, STR("a.txt"), false), -1);
    assert_int_equal(glob_rules_say(rules, 3, STR("sub/a.txt"), false), 1);
    assert_int_equal(glob_rules_say(rules, 3, STR("subway/a.txt"), false), -1);
    assert_int_equal(glob_rules_say(rules, 3, STR("a.md"), false), 0);
}

/* Patterns of include and exclude: no comments, nothing taken back. */
static void test_plain_patterns(void **state)
{
    (void)state;
    struct glob_rule rule;
    assert_true(glob_rule_parse(STR("#x"), STR_EMPTY, false, &rule));
    assert_true(glob_rule_fits(&rule, STR("a/#x"), false));
    assert_true(glob_rule_parse(STR("./a.py"), STR_EMPTY, false, &rule));
    assert_true(glob_rule_fits(&rule, STR("a.py"), false));
    assert_false(glob_rule_fits(&rule, STR("b/a.py"), false));
}

static void test_wildcards(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        int flags;
        bool matches;
    } cases[] = {{"*", "", 0, true}, {"", "a", 0, false}, {"a*c", "a/b\nc", 0, true},
        {"a*c", "acd", 0, false}, {"*ab*ab", "aabab", 0, true}, {"a_c", "abc", 0, true},
        {"a_c", "ac", 0, false}, {"A*", "abc", 0, false}, {"A*", "abc", WILDCARD_ANY_CASE, true},
        {"a\\*", "a*", WILDCARD_ESCAPES, true}, {"a\\*", "ab", WILDCARD_ESCAPES, false},
        {"a\\\\*", "a\\b", WILDCARD_ESCAPES, true}, {"a\\*", "a\\b", 0, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            wildcard_match(str_z(cases[i].pattern), str_z(cases[i].text), '*', '_', cases[i].flags),
            cases[i].matches);
    assert_false(wildcard_match(STR("a_c"), STR("abc"), '*', 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_any_depth),
        cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_oddities_of_git),
        cmocka_unit_test(test_many_stars),
        cmocka_unit_test(test_last_rule_counts),
        cmocka_unit_test(test_plain_patterns),
        cmocka_unit_test(test_wildcards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
