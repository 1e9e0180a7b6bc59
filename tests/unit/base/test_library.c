/* Shared libraries loaded when they are first needed; libc stands for one. */
#include "base/library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct table {
    size_t (*length)(const char *);
    int (*compare)(const char *, const char *);
    void (*newer)(void);
    char *(*find)(const char *, int);
};

static int starts;

static const char *start_well(void)
{
    starts++;
    return NULL;
}

static const char *start_badly(void)
{
    return "no memory";
}

static void test_table_is_filled_in_order(void **state)
{
    (void)state;
    static struct table table;
    static struct library library = {.file = "libc.so.6",
        .install = "libc",
        .table = &table,
        .names = "strlen\0strcmp\0",
        .newer = "weir_newer_than_any\0strchr\0",
        .start = start_well};
    struct err err = {0};
    assert_ptr_equal(library_table(&library, &err), &table);
    assert_ptr_equal(library_table(&library, &err), &table);
    assert_int_equal(starts, 1);
    assert_int_equal(table.length("four"), 4);
    assert_int_equal(table.compare("a", "a"), 0);
    assert_null(table.newer);
    assert_string_equal(table.find("weir", 'i'), "ir");
}

static void test_what_is_linked_is_not_looked_for(void **state)
{
    (void)state;
    static struct table table = {.length = strlen, .compare = strcmp};
    static struct library library = {
        .file = "libweir-none.so.1", .table = &table, .names = "strlen\0strcmp\0", .start = start_well};
    int before = starts;
    struct err err = {0};
    assert_ptr_equal(library_table(&library, &err), &table);
    assert_int_equal(starts, before + 1);
    assert_ptr_equal(table.compare, strcmp);
}

static void fails(struct library *library, const char *message)
{
    for (int i = 0; i < 2; i++) {
        struct err err = {0};
        assert_null(library_table(library, &err));
        assert_int_equal(err.class, ERR_FAILED);
        assert_non_null(strstr(err.message, message));
        assert_string_equal(err.hint, "install it (apt install it)");
    }
}

static void test_what_is_missing_is_named(void **state)
{
    (void)state;
    static struct table table;
    static struct library none = {
        .file = "libweir-none.so.1", .install = "it (apt install it)", .table = &table, .names = ""};
    fails(&none, "cannot load libweir-none.so.1: libweir-none.so.1: cannot open shared object file");
    static struct library old = {.file = "libc.so.6",
        .install = "it (apt install it)",
        .table = &table,
        .names = "strlen\0weir_newer_than_any\0"};
    fails(&old, "cannot load libc.so.6: it is too old: it has no weir_newer_than_any");
    static struct library bad = {.file = "libc.so.6",
        .install = "it (apt install it)",
        .table = &table,
        .names = "strlen\0",
        .start = start_badly};
    fails(&bad, "cannot load libc.so.6: no memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_filled_in_order),
        cmocka_unit_test(test_what_is_linked_is_not_looked_for),
        cmocka_unit_test(test_what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
