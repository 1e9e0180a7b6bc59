/* Finding types: embedded specs, the user's own over them, types in C, and what is said when there is none.
 */
#include "base/embed.h"
#include "base/file.h"
#include "cmd/invocation/kinds.h"
#include "provider/spec/spec.h"
#include "provider/weir/weir.h"
#include "tests/unit/support/temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static void write_spec(const char *name, const char *text)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    assert_int_equal(file_write_atomic(temp_path(&arena, name), str_z(text), 0600, &err), 0);
}

static struct catalog *open_catalog(const char *specs_dir)
{
    struct catalog *catalog;
    struct err err = ERR_INIT;
    struct catalog_options options = {.kinds = &cmd_kinds, .specs_dir = specs_dir};
    assert_int_equal(catalog_new(&options, &catalog, &err), 0);
    return catalog;
}

/* Services report the values of enumerations in other case, too. */
static void check_compared(const struct attr *attr, unsigned depth)
{
    const struct type *type = attr->type;
    if (attr->choices && attr->compare == COMPARE_EXACT)
        fail_msg("\"%.*s\" is compared with its case", STR_ARG(attr->name));
    while (type->elem)
        type = type->elem;
    for (size_t i = 0; depth && i < type->field_count; i++)
        check_compared(&type->fields[i], depth - 1);
}

static void test_built_in(void **state)
{
    (void)state;
    struct catalog *catalog = open_catalog(NULL);
    struct err err = ERR_INIT;
    const struct schema *role = catalog_find(catalog, STR("aws.iam.role"), false, &err);
    assert_non_null(role);
    assert_true(role->bulk && str_eqz(role->id, "name"));
    assert_ptr_equal(catalog_find(catalog, STR("aws.iam.role"), false, &err), role);
    assert_non_null(catalog_find(catalog, STR("aws.s3.object"), false, &err));
    assert_ptr_equal(catalog_find(catalog, STR("weir.value"), false, &err), &weir_value_schema);
    assert_true(catalog_find(catalog, STR("aws.s3.bucket"), true, &err)->is_data);
    assert_false(catalog_find(catalog, STR("aws.s3.bucket"), false, &err)->is_data);
    catalog_free(catalog);
}

static size_t count_types(const struct str *names, size_t n, const char *beginning)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found += str_starts(names[i], str_z(beginning));
    return found;
}

/* Every embedded spec loads, and everything in it can be found by the name that is listed. */
static void test_all(void **state)
{
    (void)state;
    struct catalog *catalog = open_catalog(NULL);
    struct err err = ERR_INIT;
    size_t n, files;
    embedded_under(STR("provider/aws/specs/"), &files);
    assert_true(files > 0);
    for (int is_data = 0; is_data < 2; is_data++) {
        const struct str *names = catalog_names(catalog, is_data, &n);
        assert_true(n > 0);
        for (size_t k = 0; cmd_kinds.items[k] && !is_data; k++)
            assert_true(!cmd_kinds.items[k]->specs || count_types(names, n, cmd_kinds.items[k]->name) > 0);
        for (size_t i = 0; i < n; i++) {
            assert_true(!i || str_cmp(names[i - 1], names[i]) < 0);
            const struct schema *schema = catalog_find(catalog, names[i], is_data, &err);
            assert_non_null(schema);
            assert_true(schema->doc.n && schema->example.n);
            for (size_t a = 0; a < schema->attr_count; a++) {
                check_compared(&schema->attrs[a], 6);
                if (!schema->attrs[a].doc.n)
                    fail_msg("%.*s: \"%.*s\" has no doc", STR_ARG(names[i]), STR_ARG(schema->attrs[a].name));
            }
        }
    }
    catalog_free(catalog);
}

/* Read one by one they are the same as read together, and nothing is left over. */
static void test_one_by_one(void **state)
{
    (void)state;
    size_t files;
    const struct embedded_file *file = embedded_under(STR("provider/aws/specs/"), &files);
    for (size_t f = 0; f < files; f++) {
        AUTO_DIAGS struct diags diags = DIAGS_INIT;
        struct source source = {.path = file[f].path, .text = embedded_text(&file[f])};
        struct type_file *whole = spec_reader.load(&source, &cmd_kinds, NULL, &diags),
                         *parts = spec_reader.open(&source, &cmd_kinds, NULL, &diags);
        assert_true(whole && parts && str_eq(whole->name, parts->name));
        for (int is_data = 0; is_data < 2; is_data++) {
            assert_int_equal(whole->all[is_data]->n, parts->all[is_data]->n);
            for (size_t i = 0; i < whole->all[is_data]->n; i++) {
                struct str name = whole->all[is_data]->items[i].key;
                assert_true(str_eq(parts->all[is_data]->items[i].key, name));
                const struct schema *one = spec_reader.find(parts, name, is_data, &diags),
                                    *other = whole->all[is_data]->items[i].ptr;
                assert_true(one && str_eq(one->name, other->name) && str_eq(one->doc, other->doc));
                assert_true(str_eq(one->example, other->example));
                assert_int_equal(one->attr_count, other->attr_count);
                assert_int_equal(one->constraint_count, other->constraint_count);
                assert_ptr_equal(spec_reader.find(parts, name, is_data, &diags), one);
            }
        }
        assert_null(spec_reader.find(parts, STR("nothing"), false, &diags));
        assert_int_equal(diags.errors, 0);
        spec_reader.free(whole);
        spec_reader.free(parts);
    }
}

static void test_unknown(void **state)
{
    (void)state;
    struct catalog *catalog = open_catalog(NULL);
    static const struct {
        const char *type, *hint;
    } cases[] = {{"aws.s3.buckett", "did you mean \"aws.s3.bucket\"?"},
        {"aws.iam.rol", "did you mean \"aws.iam.role\"?"}, {"weir.valu", "did you mean \"weir.value\"?"},
        {"gcp.storage.thing", ""}, {"aws", ""}, {"aws.../../etc.x", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        assert_null(catalog_find(catalog, str_z(cases[i].type), false, &err));
        assert_int_equal(err.class, ERR_ABSENT);
        assert_string_equal(err.hint, cases[i].hint);
    }
    catalog_free(catalog);
}

static void test_own_specs(void **state)
{
    (void)state;
    write_spec("glue.yaml", "service: glue\nprotocol: json-1.1\ntarget: AWSGlue\ntypes:\n  job: {id: name, "
                            "attributes: {name: string, mine: string}, create: "
                            "{call: CreateJob}, delete: {call: DeleteJob}}\n");
    write_spec("toy.yaml", "service: toy\nprotocol: json-1.0\ntypes: {box: {id: n, attributes: {n: string}, "
                           "create: {call: A}, delete: {call: B}}}\n");
    struct catalog *catalog = open_catalog(temp_folder);
    struct err err = ERR_INIT;
    assert_non_null(schema_attr(catalog_find(catalog, STR("aws.glue.job"), false, &err), STR("mine")));
    assert_non_null(
        catalog_find(catalog, STR("aws.glue.database"), false, &err)); /* the built-in ones are still there */
    assert_non_null(catalog_find(catalog, STR("aws.toy.box"), false, &err));
    catalog_free(catalog);
    struct catalog_options options = {.kinds = &cmd_kinds, .specs_dir = "/nonexistent/specs"};
    assert_int_equal(catalog_new(&options, &catalog, &err), -1);
}

/* Of whichever kind: its types have two words where it is called like that, three otherwise. */
static void test_own_specs_of_another_kind(void **state)
{
    (void)state;
    write_spec("team.yaml",
        "kind: weir\nservice: team\ntypes: {note: {id: n, recorded: true, attributes: {n: "
        "string}}}\n");
    write_spec("weir.yaml",
        "kind: weir\nservice: weir\ntypes: {word: {id: n, recorded: true, attributes: {n: "
        "string}}}\n");
    struct catalog *catalog = open_catalog(temp_folder);
    struct err err = ERR_INIT;
    size_t n, seen = 0;
    assert_non_null(catalog_find(catalog, STR("weir.team.note"), false, &err));
    assert_non_null(catalog_find(catalog, STR("weir.word"), false, &err));
    assert_non_null(
        catalog_find(catalog, STR("weir.command"), false, &err)); /* the built-in one is still there */
    assert_null(catalog_find(catalog, STR("aws.team.note"), false, &err));
    const struct str *names = catalog_names(catalog, false, &n);
    for (size_t i = 0; i < n; i++)
        seen += str_eqz(names[i], "weir.team.note") || str_eqz(names[i], "weir.word");
    assert_int_equal(seen, 2);
    catalog_free(catalog);
}

/* Of the files of one service, the user's among them; one that signs as it is called says nothing of that. */
static void test_names_of_one_service(void **state)
{
    (void)state;
    write_spec("monitor.yaml",
        "service: monitor\nprotocol: json-1.0\nsigning_name: monitoring\ntypes:\n"
        "  box: {doc: d., id: name, attributes: {name: {type: string, doc: d.}}, create: {call: A}, "
        "delete: {call: B}}\n");
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct catalog *catalog = open_catalog(temp_folder);
    size_t n;
    const struct str *names = catalog_names_signed(catalog, STR("monitoring"), false, &arena, &n);
    for (size_t i = 1; i < n; i++)
        assert_true(str_cmp(names[i - 1], names[i]) < 0);
    assert_true(count_types(names, n, "aws.cloudwatch.") > 0);
    assert_int_equal(count_types(names, n, "aws.monitor.box"), 1);
    assert_int_equal(n, count_types(names, n, "aws.cloudwatch.") + 1);
    names = catalog_names_signed(catalog, STR("apigateway"), false, &arena, &n);
    assert_true(count_types(names, n, "aws.apigateway.") && count_types(names, n, "aws.apigatewayv2."));
    names = catalog_names_signed(catalog, STR("sts"), true, &arena, &n);
    assert_int_equal(n, count_types(names, n, "aws.sts.caller_identity"));
    names = catalog_names_signed(catalog, STR("cloudwatch"), false, &arena, &n);
    assert_int_equal(n, count_types(names, n, "aws.monitor.box"));
    catalog_free(catalog);
}

/* Also where none of its types is asked for. */
static void test_a_broken_spec_of_ones_own(void **state)
{
    (void)state;
    write_spec("bad.yaml", "service: bad\nprotocol: json-1.0\ntypes:\n  box: {id: nome, attributes: {name: "
                           "string}, create: {call: A}, delete: {call: B}}\n");
    struct catalog *catalog;
    struct catalog_options options = {.kinds = &cmd_kinds, .specs_dir = temp_folder};
    struct err err = ERR_INIT;
    assert_int_equal(catalog_new(&options, &catalog, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
    char expected[512];
    snprintf(expected, sizeof expected, "%s/bad.yaml:4:13: the type has no attribute \"nome\"", temp_folder);
    assert_string_equal(err.message, expected);
    assert_string_equal(err.hint, "did you mean \"name\"?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_one_by_one),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test_setup_teardown(test_own_specs, temp_folder_make, temp_folder_remove),
        cmocka_unit_test_setup_teardown(test_own_specs_of_another_kind, temp_folder_make, temp_folder_remove),
        cmocka_unit_test_setup_teardown(test_names_of_one_service, temp_folder_make, temp_folder_remove),
        cmocka_unit_test_setup_teardown(test_a_broken_spec_of_ones_own, temp_folder_make, temp_folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
