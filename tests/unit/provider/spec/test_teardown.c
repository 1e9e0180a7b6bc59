/* Taking down: what a consent makes of a deletion, which data is lost, what is left, and whose an ARN is. */
#include "base/clock.h"
#include "provider/spec/act.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/toy_spec.h"

static const char *const spec =
    "service: toy\n"
    "protocol: json-1.1\n"
    "target: Toy\n"
    "errors: {absent: [Gone]}\n"
    "page: {in: Next, out: Next}\n"
    "types:\n"
    "  chest:\n"
    "    id: name\n"
    "    arn: arn:${partition}:toy:${region}:${account}:chest/${name}\n"
    "    iam: {on: [\"${arn}\", \"${arn}/*\"], anywhere: [ListChests]}\n"
    "    attributes:\n"
    "      name: {type: string, required: true, replace: true}\n"
    "      force: {type: boolean, local: true, default: false}\n"
    "      last: {type: string, local: true}\n"
    "      lock: {type: boolean, default: false}\n"
    "      status: {type: string, computed: true}\n"
    "    create: {call: MakeChest}\n"
    "    read: {call: GetChest, at: Chest}\n"
    "    list: {call: ListChests, at: \"Chests[]\"}\n"
    "    find: {call: FindChests, send: {Begins: name}, at: \"Chests[]\"}\n"
    "    update: [{call: LockChest, send: [name, lock]}]\n"
    "    delete:\n"
    "      call: DropChest\n"
    "      send: [name, force, last]\n"
    "      retry: [InUse]\n"
    "    teardown:\n"
    "      force_empty:\n"
    "        set: {force: true, last: null}\n"
    "        message: all in it goes\n"
    "        count: {call: ListCoins, at: \"Coins[]\", as: coins, bytes: Weight}\n"
    "        refused: [Full]\n"
    "        instead: last names who gets it\n"
    "      delete_protected: {set: {lock: false}, message: it is unlocked, refused: [Locked]}\n"
    "    leaves:\n"
    "      - {type: aws.toy.chest, match: {name: \"of-${name}-*\"}, message: smaller ones}\n"
    "      - {type: aws.toy.chest, match: {name: \"${last}\"}, message: the last, kept: true, if: {last: "
    "\"*\"}}\n"
    "    wait:\n"
    "      ready: {for: {status: ok}, every: 1s}\n"
    "      deleted: {every: 5s, timeout: 30s}\n"
    "  barn:\n"
    "    id: name\n"
    "    attributes:\n"
    "      name: {type: string, required: true, replace: true}\n"
    "      skip: {type: boolean, local: true, default: false}\n"
    "      last: {type: string, local: true}\n"
    "      days: {type: integer, local: true}\n"
    "      yard: {type: string, local: true}\n"
    "    create: {call: MakeBarn}\n"
    "    read: {call: GetBarn, at: Barn}\n"
    "    delete: {call: DropBarn, send: [name, skip, last]}\n"
    "    teardown:\n"
    "      skip_final_snapshot:\n"
    "        if: {yard: null}\n"
    "        set: {skip: true, last: null}\n"
    "        message: no picture is taken\n"
    "        needs: {last: its picture has no name}\n"
    "    leaves:\n"
    "      - {type: aws.toy.chest, match: {name: \"${last}\"}, message: its picture, kept: true}\n"
    "      - {message: \"it can be built again for ${days} days\", kept: true}\n"
    "      - {message: its hay goes, if: {yard: null}}\n"
    "  path:\n"
    "    id: name\n"
    "    arn: arn:${partition}:toy::${account}:path${path}${name}\n"
    "    attributes: {name: {type: string, required: true}, path: {type: string, default: /}}\n"
    "    create: {call: MakePath}\n"
    "    delete: {call: DropPath}\n";

static int set_up(void **state)
{
    (void)state;
    return toy_load(spec);
}

static char reported[256];

static void tell(void *ctx, const char *what)
{
    (void)ctx;
    snprintf(reported, sizeof reported, "%s", what);
}

static const struct op_observer observer = {.progress = tell};

static struct op_ctx ctx_of(const char *type)
{
    return (struct op_ctx){.arena = &arena,
        .provider = provider,
        .schema = toy_schema(type),
        .address = STR("it"),
        .owner.stack = STR("s"),
        .observer = &observer};
}

static void test_data_loss(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct value *list;
    struct op_ctx none = ctx_of("chest"), all = ctx_of("chest");
    PLAY({"ListCoins", NULL, "{\"Coins\":[]}", NULL}, {"GetChest", NULL, "none", "Gone"});
    assert_int_equal(none.schema->ops->data_loss(&none, 0, json("{\"name\":\"a\"}"), &list, &err), 0);
    assert_json(list, "[]");
    PLAY(
        {"ListCoins", "{\"Name\":\"a\"}", "{\"Coins\":[{\"Weight\":3},{\"Weight\":4}],\"Next\":\"n\"}", NULL},
        {"ListCoins", "{\"Name\":\"a\",\"Next\":\"n\"}", "{\"Coins\":[{\"Weight\":5}]}", NULL},
        {"GetChest", NULL, "{\"Chest\":{\"Name\":\"a\",\"Lock\":true}}", NULL});
    assert_int_equal(all.schema->ops->data_loss(
                         &all, TEARDOWN_EMPTY | TEARDOWN_PROTECTED, json("{\"name\":\"a\"}"), &list, &err),
        0);
    PLAYED();
    assert_json(list,
        "[{\"counts\":{\"bytes\":12,\"coins\":3},\"flag\":\"force_empty\",\"message\":\"all in it goes\"},"
        "{\"flag\":\"delete_protected\",\"message\":\"it is unlocked\"}]");
    /* what the object itself says needs no flag; what is empty or open needs no word */
    PLAY({"ListCoins", NULL, "{\"Coins\":[{\"Weight\":3}]}", NULL}, {"GetChest", NULL, "none", "Gone"});
    assert_int_equal(
        none.schema->ops->data_loss(&none, 0, json("{\"name\":\"a\",\"force\":true}"), &list, &err), 0);
    PLAYED();
    assert_json(list, "[{\"counts\":{\"bytes\":3,\"coins\":1},\"message\":\"all in it goes\"}]");
    PLAY({"ListCoins", NULL, "{\"Coins\":[]}", NULL},
        {"GetChest", NULL, "{\"Chest\":{\"Name\":\"a\",\"Lock\":false}}", NULL});
    assert_int_equal(all.schema->ops->data_loss(
                         &all, TEARDOWN_EMPTY | TEARDOWN_PROTECTED, json("{\"name\":\"a\"}"), &list, &err),
        0);
    PLAYED();
    assert_json(list, "[]");
    /* what cannot be counted is told of all the same */
    PLAY({"ListCoins", NULL, "no", "Forbidden"}, {"GetChest", NULL, "no", "Gone"});
    assert_int_equal(all.schema->ops->data_loss(
                         &all, TEARDOWN_EMPTY | TEARDOWN_PROTECTED, json("{\"name\":\"a\"}"), &list, &err),
        0);
    PLAYED();
    assert_json(
        list, "[{\"error\":\"Forbidden: no\",\"flag\":\"force_empty\",\"message\":\"all in it goes\"}]");
}

static void test_delete_with_consent(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct op_ctx ctx = ctx_of("chest");
    PLAY({"GetChest", NULL, "{\"Chest\":{\"Name\":\"a\",\"Lock\":true}}", NULL},
        {"LockChest", "{\"Lock\":false,\"Name\":\"a\"}", NULL, NULL},
        {"GetChest", NULL, "{\"Chest\":{\"Name\":\"a\",\"Status\":\"ok\"}}", NULL},
        {"DropChest", "{\"Force\":true,\"Name\":\"a\"}", NULL, NULL},
        {"GetChest", NULL, "{\"Chest\":{\"Name\":\"a\",\"Status\":\"sinking\"}}", NULL},
        {"GetChest", NULL, "none", "Gone"});
    assert_int_equal(ctx.schema->ops->delete (&ctx, TEARDOWN_EMPTY | TEARDOWN_PROTECTED,
                         json("{\"name\":\"a\",\"last\":\"b\"}"), &err),
        0);
    PLAYED();
    assert_string_equal(reported, "waiting for it to be deleted (now sinking)");
}

static void test_hint_without_consent(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct op_ctx ctx = ctx_of("chest");
    PLAY({"GetChest", NULL, "{\"Chest\":{\"Name\":\"a\",\"Lock\":false}}", NULL},
        {"DropChest", "{\"Force\":false,\"Last\":\"b\",\"Name\":\"a\"}", "coins", "Full"},
        {"GetChest", NULL, "{\"Chest\":{\"Name\":\"a\"}}", NULL});
    assert_int_equal(
        ctx.schema->ops->delete (&ctx, TEARDOWN_PROTECTED, json("{\"name\":\"a\",\"last\":\"b\"}"), &err),
        -1);
    PLAYED();
    assert_string_equal(err.hint,
        "--force-empty does it (all in it goes); or say in the stack force: true; last names who gets it");
}

#define BARN "{\"Barn\":{\"Name\":\"a\"}}"

/* What a deletion wants that nobody can agree to afterwards: a name for what it leaves. */
static void test_needs(void **state)
{
    (void)state;
    static const char hay[] = "{\"kept\":false,\"message\":\"its hay goes\"}";
    static const char stops[] = "{\"keeps_versions\":false,\"lifts\":\"skip_final_snapshot\",\"live\":false,"
                                "\"message\":\"its picture has no name\","
                                "\"set\":\"skip: true\",\"stops\":true}";
    static const char kept[] =
        "{\"kept\":true,\"match\":{\"name\":\"z\"},\"message\":\"its picture\",\"needs\":\"last\","
        "\"type\":\"aws.toy.chest\"}";
    static const struct {
        const char *barn, *read;
        unsigned teardown;
        const char *items[4];
    } cases[] = {
        {"{\"name\":\"a\"}", BARN, 0, {stops, hay}},
        {"{\"name\":\"a\"}", NULL, 0, {hay}}, /* gone already */
        {"{\"name\":\"a\"}", NULL, TEARDOWN_SNAPSHOT,
            {"{\"flag\":\"skip_final_snapshot\",\"message\":\"no picture is taken\"}", hay}},
        {"{\"name\":\"a\",\"last\":\"z\"}", NULL, 0, {kept, hay}},
        {"{\"name\":\"a\",\"last\":\"z\",\"skip\":true}", NULL, 0,
            {"{\"message\":\"no picture is taken\"}", hay}},
        {"{\"name\":\"a\",\"last\":\"z\",\"days\":3,\"yard\":\"y\"}", NULL, TEARDOWN_SNAPSHOT,
            {"{\"kept\":true,\"message\":\"it can be built again for 3 days\"}"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct op_ctx ctx = ctx_of("barn");
        struct err err = ERR_INIT;
        const struct value *list;
        struct exchange there = {"GetBarn", NULL, cases[i].read, NULL},
                        gone = {"GetBarn", NULL, "none", "Gone"};
        play(cases[i].read ? &there : &gone, i < 2);
        assert_int_equal(
            ctx.schema->ops->data_loss(&ctx, cases[i].teardown, json(cases[i].barn), &list, &err), 0);
        PLAYED();
        for (uint32_t k = 0; k < 4 && cases[i].items[k]; k++)
            assert_json(list->items[k], cases[i].items[k]);
        assert_true(list->count < 4 && !cases[i].items[list->count]);
    }
    /* of what is skipped no name is sent */
    struct op_ctx ctx = ctx_of("barn");
    struct err err = ERR_INIT;
    PLAY({"DropBarn", "{\"Name\":\"a\",\"Skip\":true}", "{}", NULL});
    assert_int_equal(
        ctx.schema->ops->delete (&ctx, 0, json("{\"name\":\"a\",\"last\":\"z\",\"skip\":true}"), &err), 0);
    PLAYED();
}

static void test_leaves(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct value *list;
    struct op_ctx ctx = ctx_of("chest");
    assert_int_equal(ctx.schema->ops->leaves(&ctx, json("{\"name\":\"a\"}"), &list, &err), 0);
    assert_json(list, "[{\"kept\":false,\"match\":{\"name\":\"of-a-*\"},\"message\":\"smaller ones\","
                      "\"type\":\"aws.toy.chest\"}]");
    assert_int_equal(ctx.schema->ops->leaves(&ctx, json("{\"name\":\"a\",\"last\":\"z\"}"), &list, &err), 0);
    assert_int_equal(list->count, 2);
}

static void found(void *ctx, const struct value *live)
{
    value_builder_add(ctx, value_get(live, STR("name")));
}

static void test_search(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct op_ctx ctx = ctx_of("chest");
    struct value_builder names = VALUE_BUILDER(&arena);
    PLAY({"FindChests", "{\"Begins\":\"of-a-\"}",
        "{\"Chests\":[{\"Name\":\"of-a-1\"},{\"Name\":\"of-a\"},{\"Name\":\"of-a-2\"}]}", NULL});
    assert_int_equal(ctx.schema->ops->search(&ctx, json("{\"name\":\"of-a-*\"}"), found, &names, &err), 0);
    PLAYED();
    assert_json(value_builder_list(&names), "[\"of-a-1\",\"of-a-2\"]");
}

static void test_by_arn(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct value *object;
    struct op_ctx chest = ctx_of("chest"), path = ctx_of("path");
    assert_int_equal(chest.schema->ops->by_arn(&chest, STR("arn:aws:toy:mars:7:chest/a"), &object, &err), 0);
    assert_json(object, "{\"arn\":\"arn:aws:toy:mars:7:chest/a\",\"name\":\"a\"}");
    static const char *const others[] = {"arn:aws:toy:mars:7:box/a", "arn:aws:toy:mars:7:chest", "", "x"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(chest.schema->ops->by_arn(&chest, str_z(others[i]), &object, &err), 0);
        assert_null(object);
    }
    assert_int_equal(path.schema->ops->by_arn(&path, STR("arn:aws:toy::7:path/x/y/z"), &object, &err), 0);
    assert_json(object, "{\"arn\":\"arn:aws:toy::7:path/x/y/z\",\"name\":\"z\",\"path\":\"/x/y/\"}");
}

static void test_scope(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("chest");
    const struct resource_ops *ops = ctx.schema->ops;
    assert_json(ops->scope(ctx.schema, json("{\"name\":\"a\"}"), STR("toy:DropChest"), &arena),
        "[\"arn:*:toy:*:*:chest/a\",\"arn:*:toy:*:*:chest/a/*\"]");
    assert_json(ops->scope(ctx.schema, &value_empty_map, STR("toy:DropChest"), &arena),
        "[\"arn:*:toy:*:*:chest/*\",\"arn:*:toy:*:*:chest/*/*\"]");
    assert_null(ops->scope(ctx.schema, json("{\"name\":\"a\"}"), STR("toy:ListChests"), &arena));
    assert_null(ops->scope(ctx.schema, json("{\"name\":\"a\"}"), STR("tag:GetResources"), &arena));
}

#define TEST(name) cmocka_unit_test_teardown(name, toy_release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_data_loss),
        TEST(test_delete_with_consent),
        TEST(test_hint_without_consent),
        TEST(test_needs),
        TEST(test_leaves),
        TEST(test_search),
        TEST(test_by_arn),
        TEST(test_scope),
    };
    return cmocka_run_group_tests(tests, set_up, toy_free);
}
