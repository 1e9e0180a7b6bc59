#include "provider/names/names.h"

#include "cmd/kinds.h"
#include "provider/spec/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena = ARENA_INIT;
static struct names names;
static struct catalog *catalog;

static int load_all(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct catalog_options options = {.kinds = &cmd_kinds, .schemas_dir = "."};
    return catalog_new(&options, &catalog, &err) || names_load(&names, &arena, catalog, &err);
}

static int release_all(void **state)
{
    (void)state;
    names_release(&names);
    catalog_free(catalog);
    arena_release(&arena);
    return 0;
}

/*
 * What CloudFormation calls a thing leads to what it is called here: that is its id, or the file says its id,
 * or the id is put together of what the file says and that, or a listing has it.
 */
static void test_every_type_can_be_adopted(void **state)
{
    (void)state;
    assert_true(names.cloudformation.n > 100);
    for (size_t i = 0; i < names.cloudformation.n; i++) {
        const struct names_type *type = names.cloudformation.items[i].ptr;
        const struct schema *schema = type->schema;
        const struct attr *id = schema_attr(schema, schema->id);
        const struct spec_attr *spec = spec_attr_find(schema->impl, schema->id);
        struct str ref = names_output(type, &arena, STR("Ref"));
        bool known = str_eq(ref, schema->id) || (id && id->settable) || (spec && spec->template.n);
        bool listed = ref.n && schema_attr(schema, ref) && (schema->bulk || schema->ops->by_arn);
        if (!known && !listed)
            fail_msg("%.*s: what `Ref` gives is not known", STR_ARG(schema->name));
    }
}

static void test_words(void **state)
{
    (void)state;
    assert_true(names_same(STR("ShardCount"), STR("shard_count")) && names_same(STR("a-B"), STR("AB")));
    assert_true(!names_same(STR("Shard"), STR("shards")) && !names_same(STR(""), STR("a")));
    struct str found = names_by_words(&names, STR("aws_kinesis_stream"));
    assert_string_equal(arena_strz(&arena, found), "AWS::Kinesis::Stream");
    assert_int_equal(names_by_words(&names, STR("aws_nothing")).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_can_be_adopted),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, load_all, release_all);
}
