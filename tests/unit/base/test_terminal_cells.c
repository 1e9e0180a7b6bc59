#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *text;
    size_t width;
} rows[] = {
    {"", 0},
    {"film-lake", 9},
    {"schön", 5},
    {"scho\xcc\x88n", 5}, /* o and a combining diaeresis */
    {"호수", 4},
    {"데이터 lake", 11},
    {"映画", 4},
    {"🦆", 2},
    {"\xed\x98", 2}, /* the beginning of a letter */
    {"a\xff"
     "b",
        3},
};

static void test_width(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (cells_width(str_z(rows[i].text)) != rows[i].width)
            fail_msg("\"%s\" is %zu wide", rows[i].text, cells_width(str_z(rows[i].text)));
}

/* What fits is whole letters, and no wider than it may be. */
static void test_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str text = str_z(rows[i].text);
        for (size_t cells = 0; cells <= rows[i].width + 1; cells++) {
            struct str part = str_slice(text, 0, cells_prefix(text, cells));
            assert_true(cells_width(part) <= cells &&
                        cells_width(part) + 1 >= (cells < rows[i].width ? cells : rows[i].width));
            assert_true(!str_is_utf8(text) || str_is_utf8(part));
        }
        assert_int_equal(cells_prefix(text, rows[i].width), text.n);
    }
    assert_int_equal(cells_prefix(STR("호수"), 3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
