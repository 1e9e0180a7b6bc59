#include "sandbox/control/control_internal.h"

#include "base/file.h"
#include "base/json.h"
#include "cmd/invocation/kinds.h"
#include "tests/unit/support/manual_clock.h"
#include "tests/unit/support/temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct catalog *catalog;

static int set_up(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct catalog_options options = {.kinds = &cmd_kinds};
    return catalog_new(&options, &catalog, &err);
}

static int tear_down(void **state)
{
    (void)state;
    catalog_free(catalog);
    return 0;
}

static struct control *new_control(void)
{
    struct err err = ERR_INIT;
    struct control *control;
    const struct control_options options = {.catalog = catalog};
    assert_int_equal(control_new(&options, &control, &err), 0);
    return control;
}

static const struct value *parsed(struct arena *arena, const char *json)
{
    struct err err = ERR_INIT;
    const struct value *v;
    assert_int_equal(json_parse(arena, str_z(json), &v, &err), 0);
    return v;
}

/* What a service's operation answers; *status its HTTP status. */
static const struct value *called(struct control *control, struct arena *arena, const char *service,
    const char *target, const char *body, int *status)
{
    struct wire_message request = {.method = STR("POST"), .path = STR("/"), .body = str_z(body)},
                        answer = {0};
    wire_header_add(arena, &request, STR("X-Amz-Target"), str_z(target));
    wire_header_add(arena, &request, STR("Content-Type"), STR("application/x-amz-json-1.0"));
    assert_true(
        control_handle(control, arena, str_z(service), STR("us-east-1"), &request, STR("id"), &answer));
    *status = answer.status;
    return parsed(arena, arena_strz(arena, answer.body));
}

static const struct value *dynamodb(
    struct control *control, struct arena *arena, const char *operation, const char *body, int *status)
{
    return called(
        control, arena, "dynamodb", arena_printf(arena, "DynamoDB_20120810.%s", operation).p, body, status);
}

static void create_table(struct control *control, struct arena *arena, const char *name)
{
    int status;
    dynamodb(control, arena, "CreateTable",
        arena_printf(arena,
            "{\"TableName\": \"%s\", \"BillingMode\": \"PAY_PER_REQUEST\", \"AttributeDefinitions\": "
            "[{\"AttributeName\": \"id\", "
            "\"AttributeType\": \"S\"}], \"KeySchema\": [{\"AttributeName\": \"id\", \"KeyType\": "
            "\"HASH\"}]}",
            name)
            .p,
        &status);
    assert_int_equal(status, 200);
}

static struct str table_state(struct control *control, struct arena *arena, int *status)
{
    const struct value *said = dynamodb(control, arena, "DescribeTable", "{\"TableName\": \"one\"}", status);
    return value_gets(value_getz(said, "Table"), "TableStatus");
}

static void test_states_pass_with_time(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control *control = new_control();
    int status;
    create_table(control, &arena, "one");
    assert_true(str_eqz(table_state(control, &arena, &status), "CREATING"));
    manual_clock_advance(999);
    assert_true(str_eqz(table_state(control, &arena, &status), "CREATING"));
    manual_clock_advance(1);
    assert_true(str_eqz(table_state(control, &arena, &status), "ACTIVE"));
    dynamodb(control, &arena, "DeleteTable", "{\"TableName\": \"one\"}", &status);
    assert_int_equal(status, 200);
    assert_true(str_eqz(table_state(control, &arena, &status), "DELETING"));
    manual_clock_advance(1000);
    table_state(control, &arena, &status);
    assert_int_equal(status, 400);
    control_free(control);
}

static struct str names_on_page(
    struct control *control, struct arena *arena, struct str token, struct str *next)
{
    int status;
    struct str body =
        token.n ? arena_printf(arena, "{\"Limit\": 2, \"ExclusiveStartTableName\": \"%.*s\"}", STR_ARG(token))
                : STR("{\"Limit\": 2}");
    const struct value *said = dynamodb(control, arena, "ListTables", body.p, &status);
    const struct value *names = value_getz(said, "TableNames");
    *next = value_gets(said, "LastEvaluatedTableName");
    struct str all = STR_EMPTY;
    for (uint32_t i = 0; i < names->count; i++)
        all = arena_printf(arena, "%.*s %.*s", STR_ARG(all), STR_ARG(value_text(names->items[i], STR_EMPTY)));
    return all;
}

/* What comes or goes between two pages neither hides nor repeats the rest. */
static void test_pages_outlive_deletions(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control *control = new_control();
    struct str token;
    int status;
    static const char *const names[] = {"aaa", "bbb", "ccc", "ddd", "eee"};
    for (size_t i = 0; i < 5; i++)
        create_table(control, &arena, names[i]);
    assert_true(str_eqz(names_on_page(control, &arena, STR_EMPTY, &token), " aaa bbb"));
    dynamodb(control, &arena, "DeleteTable", "{\"TableName\": \"aaa\"}", &status);
    manual_clock_advance(2000);
    assert_true(str_eqz(names_on_page(control, &arena, token, &token), " ccc ddd"));
    create_table(control, &arena, "fff");
    assert_true(str_eqz(names_on_page(control, &arena, token, &token), " eee fff"));
    assert_int_equal(token.n, 0);
    control_free(control);
}

/* Tags that are no map change nothing: no client of AWS sends them so. */
static void test_tags_of_the_wrong_kind(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control *control = new_control();
    int status;
    create_table(control, &arena, "one");
    static const char *const tags[] = {"{\"a\": \"b\"}", "[\"x\", \"y\"]", "7"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct str body = arena_printf(&arena,
            "{\"ResourceARNList\": [\"arn:aws:dynamodb:us-east-1:000000000000:table/one\"], \"Tags\": %s}",
            tags[i]);
        called(control, &arena, "tagging", "ResourceGroupsTaggingAPI_20170126.TagResources", body.p, &status);
        assert_int_equal(status, 200);
    }
    const struct value *said =
        called(control, &arena, "tagging", "ResourceGroupsTaggingAPI_20170126.GetTagKeys", "{}", &status);
    assert_true(value_equal(value_getz(said, "TagKeys"), parsed(&arena, "[\"a\"]")));
    control_free(control);
}

static void test_conditions(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *resource =
        parsed(&arena, "{\"enabled\": false, \"kind\": \"a\", \"since\": \"now\"}");
    static const struct {
        const char *conditions;
        bool holds;
    } cases[] = {{"{}", true}, {"{\"enabled\": false}", true}, {"{\"enabled\": true}", false},
        {"{\"kind\": [\"b\", \"a\"]}", true}, {"{\"kind\": [\"b\"]}", false}, {"{\"since\": \"*\"}", true},
        {"{\"until\": \"*\"}", false}, {"{\"until\": null}", true}, {"{\"since\": null}", false},
        {"{\"kind\": \"a\", \"enabled\": true}", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(fill_looks(resource, parsed(&arena, cases[i].conditions)), cases[i].holds);
}

static void test_each_name_has_its_turn(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *template = parsed(&arena, "[\"${vpc_id}\"]");
    const struct value *sent = parsed(&arena, "[\"vpc-1\", \"vpc-2\", \"vpc-3\"]");
    struct call call = {.arena = &arena, .turn = 1};
    const struct value *one = turn_name(&call, template, sent);
    assert_int_equal(call.batch, 3);
    assert_int_equal(one->count, 1);
    assert_true(str_eqz(one->items[0]->string, "vpc-2"));
    /* Constants are no names, and one name has no turns. */
    assert_ptr_equal(turn_name(&call, parsed(&arena, "[\"all\"]"), sent), sent);
    const struct value *alone = parsed(&arena, "[\"vpc-9\"]");
    assert_ptr_equal(turn_name(&call, template, alone), alone);
}

static size_t found(const struct control *control, struct arena *arena, const char *text)
{
    const struct str one = str_z(text);
    return words_find(control, arena, &one, 1).n;
}

/* However many there are, a request looks at those alone that may be meant. */
static void test_resources_are_looked_up(void **state)
{
    (void)state;
    enum { TABLES = 300 };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control *control = new_control();
    int status;
    for (int i = 0; i < TABLES; i++)
        create_table(control, &arena, arena_printf(&arena, "table-%d", i).p);
    assert_int_equal(found(control, &arena, "table-7"), 1);
    assert_int_equal(found(control, &arena, "TABLE-299"), 1); /* some services fold names */
    assert_int_equal(found(control, &arena, "arn:aws:dynamodb:us-east-1:000000000000:table/table-8"), 1);
    assert_int_equal(found(control, &arena, "table-300"), 0);
    assert_int_equal(found(control, &arena, "id"), TABLES); /* within a list of all */
    const struct str texts[] = {STR("id"), STR(""), STR("table-9"), STR("HASH")};
    assert_true(words_rarest(&control->words, texts, 4) == &texts[2]);
    assert_null(words_rarest(&control->words, &texts[1], 1));
    const struct str several[] = {STR("table-20"), STR("table-3"), STR("table-20")};
    const struct resources both = words_find(control, &arena, several, 3);
    assert_int_equal(both.n, 2); /* each once, in the order of their creation */
    assert_string_equal(arena_strz(&arena, both.items[0]->id), "table-3");
    char *long_name = arena_zalloc(&arena, 5001);
    memset(long_name, 'a', 5000);
    assert_int_equal(found(control, &arena, long_name), TABLES); /* nobody has noted whose that is */
    dynamodb(control, &arena, "DeleteTable", "{\"TableName\": \"table-7\"}", &status);
    manual_clock_advance(1000);
    dynamodb(control, &arena, "ListTables", "{}", &status);
    assert_int_equal(found(control, &arena, "table-7"), 0);
    assert_int_equal(found(control, &arena, "id"), TABLES - 1);
    assert_int_equal(control->deleting_count, 0);
    control_free(control);
}

/* A call that is made for one value implies it; one that is made for all but one does not. */
static void test_implied_values(void **state)
{
    static const char spec[] =
        "service: lamp\nprotocol: json-1.1\ntarget: Lamp\ntypes:\n  bulb:\n"
        "    id: name\n    attributes:\n"
        "      name: {type: string, required: true, replace: true}\n"
        "      mode: string\n"
        "    create: CreateBulb\n    read: GetBulb\n    delete: DropBulb\n    update:\n"
        "      - {when: [mode], if: {mode: fast}, call: Hurry, send: [name]}\n"
        "      - {when: [mode], if: {mode: {not: fast}}, call: Calm, send: [name]}\n";
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct catalog *own;
    struct control *control;
    assert_int_equal(temp_folder_make(state), 0);
    assert_int_equal(file_write_named(temp_path(&arena, "lamp.yaml"), str_z(spec), 0600, &err), 0);
    assert_int_equal(
        catalog_new(&(struct catalog_options){.kinds = &cmd_kinds, .specs_dir = temp_folder}, &own, &err), 0);
    assert_int_equal(control_new(&(struct control_options){.catalog = own}, &control, &err), 0);
    static const struct {
        const char *target, *body, *mode;
    } calls[] = {{"Lamp.CreateBulb", "{\"Name\": \"a\", \"Mode\": \"slow\"}", "slow"},
        {"Lamp.Calm", "{\"Name\": \"a\"}", "slow"}, {"Lamp.Hurry", "{\"Name\": \"a\"}", "fast"}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        int status;
        called(control, &arena, "lamp", calls[i].target, calls[i].body, &status);
        assert_int_equal(status, 200);
        const struct value *bulb =
            called(control, &arena, "lamp", "Lamp.GetBulb", "{\"Name\": \"a\"}", &status);
        assert_string_equal(arena_strz(&arena, value_gets(bulb, "Mode")), calls[i].mode);
    }
    control_free(control);
    catalog_free(own);
    assert_int_equal(temp_folder_remove(state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_pass_with_time),
        cmocka_unit_test(test_resources_are_looked_up),
        cmocka_unit_test(test_pages_outlive_deletions),
        cmocka_unit_test(test_tags_of_the_wrong_kind),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_each_name_has_its_turn),
        cmocka_unit_test(test_implied_values),
    };
    manual_clock_install(1800000000000);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
