#include "provider/names/names.h"

#include "base/embed.h"
#include "base/yaml.h"
#include "cmd/invocation/kinds.h"
#include "provider/spec/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena = ARENA_INIT;
static struct names names;
static struct catalog *catalog;

static int open_all(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct catalog_options options = {.kinds = &cmd_kinds, .schemas_dir = "."};
    if (catalog_new(&options, &catalog, &err))
        return -1;
    names_open(&names, &arena, catalog);
    return 0;
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
 * What CloudFormation calls a resource leads to what it is called here: that is its id, or the file says its
 * id, or the id is put together of what the file says and that, or a listing has it.
 */
static void test_every_type_can_be_adopted(void **state)
{
    (void)state;
    size_t n, adopted = 0;
    struct err err = ERR_INIT;
    const struct str *all = catalog_names(catalog, false, &n);
    for (size_t i = 0; i < n; i++) {
        const struct schema *schema = catalog_find(catalog, all[i], false, &err);
        assert_non_null(schema);
        if (!schema->cfn.n || !str_starts(schema->name, STR("aws.")))
            continue;
        const struct names_type *type = names_cloudformation(&names, schema->cfn);
        assert_ptr_equal(type->schema, schema);
        adopted++;
        const struct attr *id = schema_attr(schema, schema->id);
        const struct spec_attr *spec = spec_attr_find(schema->impl, schema->id);
        struct str ref = names_output(type, &arena, STR("Ref"));
        bool known = str_eq(ref, schema->id) || (id && id->settable) || (spec && spec->template.n);
        bool listed = ref.n && schema_attr(schema, ref) && (schema->bulk || schema->ops->by_arn);
        if (!known && !listed)
            fail_msg("%.*s: what `Ref` gives is not known", STR_ARG(schema->name));
    }
    assert_true(adopted > 100);
    assert_null(names_cloudformation(&names, STR("AWS::Nothing::OfOurs")));
}

/* Each file's entries are found by their words, and lead to types that are there. */
static void test_every_entry_is_found(void **state)
{
    (void)state;
    static const char *const folders[] = {"provider/aws/names/", "provider/weir/names/"};
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    size_t n, entries = 0;
    for (size_t f = 0; f < 2; f++) {
        const struct embedded_file *files = embedded_under(str_z(folders[f]), &n);
        for (size_t i = 0; i < n; i++) {
            const struct source source = {.path = files[i].path, .text = embedded_text(&files[i])};
            const struct node *map = node_get(yaml_parse(&arena, &source, &diags), "terraform");
            for (uint32_t k = 0; map && k < map->count; k++, entries++) {
                struct names own;
                names_open(&own, &arena, catalog);
                const struct names_type *type = names_terraform(&own, map->entries[k].key);
                const struct node *rules = node_get(map->entries[k].value, "names");
                if (!type || (!type->schema && !type->asked && !type->written.n) ||
                    type->n != (rules ? rules->count : 0))
                    fail_msg("%.*s: %.*s is not found", STR_ARG(files[i].path), STR_ARG(map->entries[k].key));
                names_release(&own);
            }
        }
    }
    assert_true(entries > 100);
}

static struct str ours(const char *terraform)
{
    const struct names_type *type = names_terraform(&names, str_z(terraform));
    return type ? type->schema->name : STR_EMPTY;
}

static void test_alike(void **state)
{
    (void)state;
    assert_true(str_eqz(ours("aws_kms_key"), "aws.kms.key"));
    assert_true(str_eqz(ours("aws_ec2_security_group"), "aws.ec2.security_group"));
    assert_int_equal(ours("aws_").n + ours("aws_ec2_").n + ours("aws__ec2").n + ours("google_thing").n, 0);
    assert_int_equal(ours("aws_ec2_security_groups").n + ours("aws_ec2_security_groups").n, 0);
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
        cmocka_unit_test(test_every_entry_is_found),
        cmocka_unit_test(test_alike),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, open_all, release_all);
}
