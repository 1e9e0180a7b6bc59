/* A table as the catalog shows it, in the file's words as far as they hold. */
#include "provider/postgres/postgres.h"
#include "tests/unit/support/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static const char said[] =
    "{\"columns\": [{\"name\": \"b\", \"type\": \"int\"}, {\"name\": \"a\", \"type\": \"varchar(5)\"}], "
    "\"checks\": {\"c\": \"a<>b\"}, \"partition_by\": \"range(b)\"}";
static const char stored[] =
    "{\"columns\": [{\"name\": \"a\", \"type\": \"character varying(5)\"}, {\"name\": \"b\", \"type\": "
    "\"integer\"}], "
    "\"checks\": {\"c\": \"(a <> b)\"}, \"partition_by\": \"RANGE (b)\", \"primary_key_name\": \"t_pkey\"}";

static void assert_part(const struct value *shown, const char *name, const char *expected)
{
    assert_true(value_equal(value_getz(shown, name), json_text(&arena, expected)));
}

static void test_what_was_just_made(void **state)
{
    (void)state;
    const struct value *shown = table_shape(&arena, json_text(&arena, said), json_text(&arena, stored), true);
    assert_part(shown, "columns",
        "[{\"name\": \"b\", \"type\": \"int\"}, {\"name\": \"a\", \"type\": \"varchar(5)\"}]");
    assert_part(shown, "checks", "{\"c\": \"a<>b\"}");
    assert_part(shown, "partition_by", "\"range(b)\"");
    assert_null(value_getz(shown, "primary_key_name"));
    assert_part(value_getz(shown, "as_stored"), "checks", "{\"c\": \"(a <> b)\"}");
}

static const struct value *recorded(void)
{
    return table_shape(&arena, json_text(&arena, said), json_text(&arena, stored), true);
}

static void test_what_is_as_it_was(void **state)
{
    (void)state;
    const struct value *shown = table_shape(&arena, recorded(), json_text(&arena, stored), false);
    assert_true(value_equal(shown, recorded()));
}

static void test_what_others_changed(void **state)
{
    (void)state;
    const struct value *now = json_text(&arena,
        "{\"columns\": [{\"name\": \"a\", \"type\": \"text\"}, {\"name\": \"b\", \"type\": \"integer\"}, "
        "{\"name\": \"theirs\", \"type\": \"integer\"}], \"checks\": {\"c\": \"(a = b)\", \"d\": \"true\"}, "
        "\"partition_by\": \"RANGE (b)\"}");
    const struct value *shown = table_shape(&arena, recorded(), now, false);
    /* in the server's words where they are others, without what nobody asked for */
    assert_part(
        shown, "columns", "[{\"name\": \"b\", \"type\": \"int\"}, {\"name\": \"a\", \"type\": \"text\"}]");
    assert_part(shown, "checks", "{\"c\": \"(a = b)\", \"d\": \"true\"}");
    assert_part(shown, "partition_by", "\"range(b)\"");
}

static void test_what_is_looked_at_for_the_first_time(void **state)
{
    (void)state;
    const struct value *shown =
        table_shape(&arena, json_text(&arena, "{\"columns\": [{\"name\": \"b\", \"type\": \"int\"}]}"),
            json_text(&arena, stored), false);
    assert_part(shown, "columns",
        "[{\"name\": \"b\", \"type\": \"integer\"}, {\"name\": \"a\", \"type\": \"character varying(5)\"}]");
}

static void test_a_column_that_is_gone(void **state)
{
    (void)state;
    const struct value *shown = table_shape(&arena, recorded(),
        json_text(&arena, "{\"columns\": [{\"name\": \"b\", \"type\": \"integer\"}]}"), false);
    assert_part(shown, "columns", "[{\"name\": \"b\", \"type\": \"int\"}]");
    assert_null(value_getz(shown, "checks"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_just_made),
        cmocka_unit_test(test_what_is_as_it_was),
        cmocka_unit_test(test_what_others_changed),
        cmocka_unit_test(test_what_is_looked_at_for_the_first_time),
        cmocka_unit_test(test_a_column_that_is_gone),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
