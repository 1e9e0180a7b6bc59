/* Columns of the data catalog as Iceberg's fields, with the ids that it gives them. */
#include "sandbox/notation/languages.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* JSON with single quotes, which reads better in C. */
static const struct value *json(const char *text)
{
    const struct value *v = NULL;
    struct err err = ERR_INIT;
    char *copy = arena_strz(&arena, str_z(text));
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    if (json_parse(&arena, str_z(copy), &v, &err))
        fail_msg("%s in %s", err.message, text);
    return v;
}

static const struct value *column(const char *type)
{
    struct value_entry entries[] = {
        {STR("Name"), value_stringz(&arena, "it")}, {STR("Type"), value_stringz(&arena, type)}};
    const struct value *one = value_map(&arena, entries, 2);
    return value_list(&arena, &one, 1);
}

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *type, *expected;
    } cases[] = {
        {"int", "'int'"},
        {" BIGINT ", "'long'"},
        {"varchar(20)", "'string'"},
        {"decimal(10,2)", "'decimal(10, 2)'"},
        {"timestamp", "'timestamp'"},
        {"array<string>",
            "{'type': 'list', 'element-id': 2, 'element': 'string', 'element-required': false}"},
        {"map<string, decimal(4,1)>",
            "{'type': 'map', 'key-id': 2, 'key': 'string', 'value-id': 3, 'value': 'decimal(4, 1)', "
            "'value-required': false}"},
        /* all of a level have their ids before what lies below them */
        {"struct<a:array<int>,b:date>",
            "{'type': 'struct', 'fields': [{'id': 2, 'name': 'a', 'required': false, 'type': {'type': "
            "'list', "
            "'element-id': 4, 'element': 'int', 'element-required': false}}, {'id': 3, 'name': 'b', "
            "'required': false, 'type': 'date'}]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct iceberg_schema schema;
        struct err err = ERR_INIT;
        if (iceberg_schema_make(&arena, column(cases[i].type), &schema, &err))
            fail_msg("%s: %s", cases[i].type, err.message);
        const struct value *type = value_getz(value_getz(schema.doc, "fields")->items[0], "type");
        if (!value_equal(type, json(cases[i].expected)))
            fail_msg("%s", cases[i].type);
    }
}

static void test_columns(void **state)
{
    (void)state;
    struct iceberg_schema schema;
    struct err err = ERR_INIT;
    const struct value *columns =
        json("[{'Name': 'a', 'Type': 'array<int>', 'Comment': 'some'}, {'Name': 'b', 'Type': 'int'}]");
    assert_int_equal(iceberg_schema_make(&arena, columns, &schema, &err), 0);
    assert_int_equal(schema.last_id, 3);
    assert_true(value_equal(schema.doc,
        json("{'type': 'struct', 'schema-id': 0, 'fields': [{'id': 1, 'name': 'a', 'required': false, 'doc': "
             "'some', 'type': {'type': 'list', 'element-id': 3, 'element': 'int', 'element-required': "
             "false}}, "
             "{'id': 2, 'name': 'b', 'required': false, 'type': 'int'}]}")));
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const types[] = {"", "tinyint", "array<>", "array<int", "map<int>", "struct<>",
        "struct<a>", "struct<:int>", "struct<a:int,b>", "decimal(40,2)", "decimal(2,3)", "decimal(x)"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct iceberg_schema schema;
        struct err err = ERR_INIT;
        if (!iceberg_schema_make(&arena, column(types[i]), &schema, &err))
            fail_msg("%s was taken", types[i]);
        assert_non_null(strstr(err.message, "column it"));
    }
    char deep[8 * 64 + 1] = "";
    for (int i = 0; i < 64; i++)
        memcpy(deep + (size_t)i * 6, "array<", 6);
    memset(deep + 64 * 6, '>', 64);
    struct iceberg_schema schema;
    struct err err = ERR_INIT;
    assert_int_equal(iceberg_schema_make(&arena, column(deep), &schema, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_types, release),
        cmocka_unit_test_teardown(test_columns, release),
        cmocka_unit_test_teardown(test_refused, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
