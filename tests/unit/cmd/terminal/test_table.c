#include "cmd/terminal/term.h"

#include "tests/unit/support/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static const struct term plain = {0};

static const struct value *json(const char *text)
{
    return json_text(&arena, text);
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void test_columns_are_aligned(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    table_add_text(json("[\"NAME\", \"N\", \"LAST\"]"),
        json("[[\"é\", \"100\", \"x\"], [\"longer\", null], [\"a\\nb\\u001b[2J\", \"2\", \"y\"]]"), &plain,
        &out);
    assert_string_equal(out.p, "NAME               N    LAST\n"
                               "é                  100  x\n"
                               "longer             -    -\n"
                               "a\\u000ab\\u001b[2J  2    y\n");
}

static void test_wide_letters_take_two_cells(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    table_add_text(
        json("[\"제목\", \"YEAR\"]"), json("[[\"기생충\", \"2019\"], [\"Ran\", \"1985\"]]"), &plain, &out);
    assert_string_equal(out.p, "제목    YEAR\n"
                               "기생충  2019\n"
                               "Ran     1985\n");
}

static void test_a_cell_is_not_endless(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    char text[400] = "[[\"";
    memset(text + 3, 'x', 300);
    memcpy(text + 303, "\"]]", 4);
    table_add_text(json("[\"A\"]"), json(text), &plain, &out);
    assert_int_equal(out.n, 2 + 120 + 3 + 1);
    assert_true(str_ends(buf_str(&out), STR("x...\n")));
}

static void test_a_narrow_terminal_wraps_no_row(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    const struct term narrow = {.tty = true, .width = 44};
    table_add_text(json("[\"member\", \"create\", \"\"]"),
        json(
            "[[\"ada\", 3, \"\"], [\"a-member-with-a-long-name\", null, \"has left, is taken down; the lease "
            "has ended\"]]"),
        &narrow, &out);
    assert_string_equal(out.p, "member      create\n"
                               "ada         3\n"
                               "a-membe...  -       has left, is taken down;\n"
                               "                    the lease has ended\n");
}

static void test_csv_is_quoted_where_it_has_to_be(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    const struct value *columns = json("[\"a\", \"b c\", \"d,e\"]");
    const struct value *rows =
        json("[[\"x\", null, \"\"], [\"say \\\"hi\\\"\", \"two\\nlines\", \"1.5\"], [\"long, \\u001b\"]]");
    table_add_csv(columns, rows, true, &out);
    assert_string_equal(out.p, "a,b c,\"d,e\"\n"
                               "x,,\"\"\n"
                               "\"say \"\"hi\"\"\",\"two\nlines\",1.5\n"
                               "\"long, \033\"\n");
}

static void test_csv_steers_no_terminal(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    table_add_csv(
        json("[\"a\"]"), json("[[\"\\u001b]0;x\\u0007\\ttab\"], [\"two\\nlines\\u009b\"]]"), false, &out);
    assert_string_equal(out.p, "a\n\\u001b]0;x\\u0007\ttab\n\"two\nlines\\u009b\"\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_columns_are_aligned, release),
        cmocka_unit_test_teardown(test_wide_letters_take_two_cells, release),
        cmocka_unit_test_teardown(test_a_cell_is_not_endless, release),
        cmocka_unit_test_teardown(test_csv_steers_no_terminal, release),
        cmocka_unit_test_teardown(test_a_narrow_terminal_wraps_no_row, release),
        cmocka_unit_test_teardown(test_csv_is_quoted_where_it_has_to_be, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
