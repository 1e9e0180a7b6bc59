/* The layout of stack files: what goes in, what comes out, and that nothing changes the second time. */
#include "stacks/format/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void check(const char *given, const char *expected)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    AUTO_BUF struct buf once = BUF_INIT, twice = BUF_INIT;
    struct err err = ERR_INIT;
    struct source source = {.path = STR_INIT("t.yaml"), .text = str_z(given)};
    assert_int_equal(format_text(&source, &diags, &once, &err), 0);
    assert_string_equal(once.p ? once.p : "", expected);
    source.text = buf_str(&once);
    assert_int_equal(format_text(&source, &diags, &twice, &err), 0);
    assert_string_equal(twice.p ? twice.p : "", expected);
}

static void line_ends(void **state)
{
    (void)state;
    check("", "");
    check(" \n\n", "");
    check("\n\na: 1  \r\n\r\n\r\nb: 2\t\n\n", "a: 1\n\nb: 2\n");
    check("\xef\xbb\xbf"
          "a: 1\rb: 2",
        "a: 1\nb: 2\n");
    check("a:\n- a:\n\xef\xbb\xbf\n- b\n", "a:\n  - a:\n\n  - b\n"); /* files that were joined */
}

static void nesting(void **state)
{
    (void)state;
    check("a:\n    b:\n        c: 1\n    d: 2\n", "a:\n  b:\n    c: 1\n  d: 2\n");
    check("a:\n- x\n-   y: 1\n    z: 2\nb: 1\n", "a:\n  - x\n  - y: 1\n    z: 2\nb: 1\n");
    check("-   -   x\n    - y\n", "- - x\n  - y\n");
    check("- a:\n  - x\n", "- a:\n    - x\n");
    check("-\n    a: 1\n", "-\n  a: 1\n");
    check("a: &x\n    !!map\n    b: 1\n", "a: &x\n  !!map\n  b: 1\n");
    check("? a\n:   b\n", "? a\n: b\n");
    check("  --- : 1\n", "  --- : 1\n"); /* in the first column that would begin a document */
}

static void inside_a_line(void **state)
{
    (void)state;
    static const char same[] = "a:    1   # one\nbbbb: {x: 1,  y: [ 1,2 ]}\n\"c\" : '  '\n";
    check(same, same);
}

static void over_several_lines(void **state)
{
    (void)state;
    check("a:\n    b: {c: 1,\n        # why\n        d: 2,\n\n\n    }\n",
        "a:\n  b: {c: 1,\n      # why\n      d: 2,\n\n  }\n");
    check("a:\n    b: word\n      more\n", "a:\n  b: word\n    more\n");
    check("-    word\n  more\n", "- word\n more\n"); /* never as far left as the item */
    check("a:\n    b: 'x\n\n\n      y'\n", "a:\n  b: 'x\n\n\n    y'\n");
    check("a:\n    b: \"x\\   \n      y\"\n", "a:\n  b: \"x\\   \n    y\"\n"); /* the blank is part of it */
}

static void verbatim(void **state)
{
    (void)state;
    check("a:\n    b: |\n        x  \n          y\n\n\n        z\n\n\n    c: 1\n",
        "a:\n  b: |\n      x  \n        y\n\n\n      z\n\n  c: 1\n");
    check("a:\n- |2\n    x\n", "a:\n  - |2\n      x\n");
    check("a: |+\n  x\n\n\n", "a: |+\n  x\n\n\n");
    check("a: |\n  x", "a: |\n  x"); /* with a line end it would be another text */
    check("a: >-\n   x\n   y\n\n", "a: >-\n   x\n   y\n");
}

static void comments(void **state)
{
    (void)state;
    check("  # top\na:\n# of b\n    b: 1\n    # end of a\n# of c\nc: 1\n   # last\n",
        "# top\na:\n  # of b\n  b: 1\n  # end of a\n# of c\nc: 1\n# last\n");
    check("a:\n- x\n# of y\n- y\n  # end\nb: 1\n", "a:\n  - x\n  # of y\n  - y\n  # end\nb: 1\n");
    check("a:\n    b: |\n        x\n# of c\n    c: 1\n", "a:\n  b: |\n      x\n  # of c\n  c: 1\n");
}

static void not_yaml(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    struct source source = {.path = STR_INIT("t.yaml"), .text = STR_INIT("a:\n- [x\n")};
    assert_int_equal(format_text(&source, &diags, &out, &err), -1);
    assert_int_equal(diags.errors, 1);
    assert_int_equal(err.class, ERR_NONE);
    assert_int_equal(out.n, 0);
}

static void comparison(void **state)
{
    (void)state;
    assert_true(format_same(STR("a: [1]\n"), STR("  a:   [ 1 ] # x")));
    static const char *const others[] = {"a: [2]", "b: [1]", "a: ['1']", "a: &x [1]", "a:\n  - 1",
        "a: !!seq [1]", "a: [1, 1]", "a: [1", "--- \na: [1]"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(format_same(STR("a: [1]\n"), str_z(others[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_ends),
        cmocka_unit_test(nesting),
        cmocka_unit_test(inside_a_line),
        cmocka_unit_test(over_several_lines),
        cmocka_unit_test(verbatim),
        cmocka_unit_test(comments),
        cmocka_unit_test(not_yaml),
        cmocka_unit_test(comparison),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
