/* What a step sends beside the resource itself, against a service that plays a script: sub-resources and
 * entries that are renewed, tags in other forms. */
#include "base/clock.h"
#include "provider/aws/client.h"
#include "provider/spec/act.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/toy_spec.h"

static const char spec[] =
    "service: toy\n"
    "protocol: json-1.1\n"
    "target: Toy\n"
    "page: {in: Next, out: Next}\n"
    "tags: {as: map, with_create: Tags, add: Tag, add_as: Tags, remove: Untag, remove_as: Keys, mark: "
    "false}\n"
    "types:\n"
    "  shelf:\n"
    "    id: name\n"
    "    attributes:\n"
    "      name: {type: string, required: true, replace: true}\n"
    "      parts: {type: map(string), pairs: [Part, Kind]}\n"
    "      boards: {type: map(object), default: {}, pairs: [Board, .], fields: {part: string}}\n"
    "      lamp: {type: string, wire: Lamp.Kind}\n"
    "    create: {call: MakeShelf, send: [all, boards], with: {Lamp: {On: true, Kind: \"${lamp}\"}}, at: "
    "Shelf}\n"
    "    read: {call: GetShelf, at: Shelf}\n"
    "    update: [{only_change: true, when: [parts], call: SetParts, send: [name, parts]}]\n"
    "    delete: {call: DropShelf}\n"
    "    sub_resources:\n"
    "      lamp: {put: {call: SetShelf, with: {Lamp.On: true}}, delete: {call: SetShelf, send: [name], with: "
    "{Lamp.On: false}}, renew: true}\n"
    "    entries:\n"
    "      boards: {send: [name, parts], key: Board, batch: 1, renew: true, put: SetShelf, put_as: Changes, "
    "put_in: "
    "Add, delete: SetShelf, delete_as: Changes, delete_in: Drop}\n"
    "  crew:\n"
    "    id: name\n"
    "    attributes:\n"
    "      name: {type: string, required: true, replace: true}\n"
    "      size: integer\n"
    "      places: {type: set(string), joined: \",\"}\n"
    "      handed_on: {type: set(string), default: [], wire: Tags}\n"
    "      tags: tags\n"
    "    create: {call: MakeCrew}\n"
    "    read: {call: GetCrew, at: Crew, empty: absent}\n"
    "    update: {call: SetCrew, send: [name, size, places], partial: true}\n"
    "    delete: {call: DropCrew}\n"
    "    tags: {as: pairs, with_create: Tags, send: [], remove_as: Tags, remove_structures: true, beside: "
    "{Of: "
    "\"${name}\", Kind: crew}, flag: {Also: handed_on}}\n"
    "  cart:\n"
    "    id: name\n"
    "    attributes:\n"
    "      name: {type: string, required: true, replace: true}\n"
    "      tags: tags\n"
    "    create: {call: MakeCart}\n"
    "    read: {call: GetCart, at: Cart}\n"
    "    delete: {call: DropCart}\n"
    "    tags: {as: pairs, list: {call: ListCartTags, page: {in: After, last: Key, more: More}}, at: Tags, "
    "mark: false}\n";

static int set_up(void **state)
{
    (void)state;
    return toy_load(spec);
}

static const struct attempt plain;

static struct op_ctx ctx_of(const char *type)
{
    return (struct op_ctx){.arena = &arena,
        .provider = provider,
        .schema = toy_schema(type),
        .address = STR("boxes[\"a\"]"),
        .owner.stack = STR("s"),
        .owner.token = STR("t0")};
}

static void test_renewed(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("shelf");
    struct err err = ERR_INIT;
    const struct value *live;
    /* what the creating call takes needs none of its own */
    PLAY({"MakeShelf",
        "{\"Boards\":[{\"Board\":\"a\",\"Part\":\"p\"}],\"Lamp\":{\"Kind\":\"led\",\"On\":true},\"Name\":"
        "\"s\",\"Parts\":[{\"Kind\":\"S\",\"Part\":\"p\"}]}",
        "{\"Shelf\": {\"Name\": \"s\"}}", NULL});
    const struct value *made =
        json("{\"name\":\"s\",\"parts\":{\"p\":\"S\"},\"boards\":{\"a\":{\"part\":\"p\"}},\"lamp\":\"led\"}");
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, made, &live, &err), 0);
    PLAYED();
    /* nothing is what it has by itself */
    PLAY({"MakeShelf", "{\"Name\":\"s\"}", "{\"Shelf\": {\"Name\": \"s\"}}", NULL});
    assert_int_equal(
        ctx.schema->ops->create(&ctx, &plain, json("{\"name\":\"s\",\"boards\":{}}"), &live, &err), 0);
    PLAYED();
    /* a changed one goes first; the service shows more of the other than was asked for; parts go along */
    PLAY({"SetShelf", "{\"Lamp\":{\"On\":false},\"Name\":\"s\"}", NULL, NULL},
        {"SetShelf", "{\"Lamp\":{\"Kind\":\"neon\",\"On\":true},\"Name\":\"s\"}", NULL, NULL},
        {"SetShelf",
            "{\"Changes\":[{\"Drop\":{\"Board\":\"a\"}}],\"Name\":\"s\",\"Parts\":[{\"Kind\":\"N\",\"Part\":"
            "\"q\"}]}",
            NULL, NULL},
        {"SetShelf",
            "{\"Changes\":[{\"Add\":{\"Board\":\"a\",\"Part\":\"q\"}}],\"Name\":\"s\",\"Parts\":[{\"Kind\":"
            "\"N\","
            "\"Part\":\"q\"}]}",
            NULL, NULL});
    const struct value *prior =
        json("{\"name\":\"s\",\"parts\":{\"p\":\"S\"},\"lamp\":\"led\",\"boards\":{\"a\":{"
             "\"part\":\"p\"},\"b\":{\"part\":\"p\",\"more\":1}}}");
    const struct value *desired =
        json("{\"name\":\"s\",\"parts\":{\"q\":\"N\"},\"lamp\":\"neon\",\"boards\":{\"a\":{"
             "\"part\":\"q\"},\"b\":{\"part\":\"p\"}}}");
    assert_int_equal(
        ctx.schema->ops->update(&ctx, prior, desired, json("[\"parts\",\"lamp\",\"boards\"]"), &live, &err),
        0);
    PLAYED();
    PLAY({"SetParts", "{\"Name\":\"s\",\"Parts\":[{\"Kind\":\"N\",\"Part\":\"q\"}]}", NULL, NULL});
    assert_int_equal(ctx.schema->ops->update(&ctx, prior, desired, json("[\"parts\"]"), &live, &err), 0);
    PLAYED();
}

#define CREW_TAG "{\"Also\":true,\"Key\":\"a\",\"Kind\":\"crew\",\"Of\":\"c\",\"Value\":\"1\"}"

/* A list that is one text there; tags that say whose they are, and which of them others get too. */
static void test_tags_with_more_than_key_and_value(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("crew");
    struct err err = ERR_INIT;
    const struct value *live;
    PLAY({"MakeCrew", "{\"Name\":\"c\",\"Places\":\"x,y\",\"Tags\":[" CREW_TAG "]}", "{\"Ok\": true}", NULL});
    const char *crew =
        "{\"name\":\"c\",\"places\":[\"x\",\"y\"],\"handed_on\":[\"a\"],\"tags\":{\"a\":\"1\"}}";
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, json(crew), &live, &err), 0);
    PLAYED();
    PLAY({"GetCrew", "{\"Name\":\"c\"}",
        "{\"Crew\": {\"Name\": \"c\", \"Places\": \"y,x\", \"Tags\": [{\"Key\": \"a\", \"Value\": \"1\", "
        "\"Also\": true}, "
        "{\"Key\": \"b\", \"Value\": \"2\", \"Also\": false}]}}",
        NULL});
    assert_int_equal(ctx.schema->ops->read(&ctx, json("{\"name\":\"c\"}"), NULL, &live, &err), 0);
    PLAYED();
    assert_true(value_equal(value_getz(live, "tags"), json("{\"a\":\"1\",\"b\":\"2\"}")));
    assert_true(value_equal(value_getz(live, "handed_on"), json("[\"a\"]")));
    PLAY({"GetCrew", "{\"Name\":\"c\"}", "{\"Crew\": {}}", NULL}); /* it does not exist */
    assert_int_equal(ctx.schema->ops->read(&ctx, json("{\"name\":\"c\"}"), NULL, &live, &err), 0);
    PLAYED();
    assert_null(live);
    /* the flag alone changes; then a tag goes, and no flag may be on one that there is none of */
    PLAY({"Tag", "{\"Tags\":[" CREW_TAG "]}", NULL, NULL});
    const struct value *prior = json("{\"name\":\"c\",\"tags\":{\"a\":\"1\"},\"handed_on\":[]}");
    assert_int_equal(
        ctx.schema->ops->update(&ctx, prior, json(crew), json("[\"handed_on\"]"), &live, &err), 0);
    PLAYED();
    PLAY({"Untag", "{\"Tags\":[{\"Key\":\"a\",\"Kind\":\"crew\",\"Of\":\"c\"}]}", NULL, NULL});
    assert_int_equal(ctx.schema->ops->update(&ctx, json(crew), json("{\"name\":\"c\",\"tags\":{}}"),
                         json("[\"tags\",\"handed_on\"]"), &live, &err),
        0);
    PLAYED();
    assert_int_equal(ctx.schema->ops->update(&ctx, prior,
                         json("{\"name\":\"c\",\"tags\":{\"a\":\"1\"},\"handed_on\":[\"z\"]}"),
                         json("[\"handed_on\"]"), &live, &err),
        -1);
    assert_string_equal(err.message, "handed_on has \"z\", which is none of its tags");
}

static void test_tags_in_pages(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("cart");
    const struct value *live;
    struct err err = ERR_INIT;
    PLAY({"ListCartTags", "{\"Name\":\"c\"}",
             "{\"Tags\":[{\"Key\":\"a\",\"Value\":\"1\"},{\"Key\":\"b\",\"Value\":\"2\"}],\"More\":true}",
             NULL},
        {"ListCartTags", "{\"After\":\"b\",\"Name\":\"c\"}", "{\"Tags\":[{\"Key\":\"c\",\"Value\":\"3\"}]}",
            NULL});
    assert_int_equal(
        ctx.schema->ops->read(&ctx, json("{\"name\":\"c\"}"), json("[\"tags\"]"), &live, &err), 0);
    assert_json(value_getz(live, "tags"), "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}");
    PLAYED();
}

#define TEST(name) cmocka_unit_test_teardown(name, toy_release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_renewed),
        TEST(test_tags_with_more_than_key_and_value),
        TEST(test_tags_in_pages),
    };
    return cmocka_run_group_tests(tests, set_up, toy_free);
}
