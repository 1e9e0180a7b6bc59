/* What an answer must be before it is believed: answers that are empty, cut, about another or without end. */
#include "base/clock.h"
#include "provider/spec/act.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/toy_spec.h"

/* A field gets its id from the service, a town has its name from the file. */
static const char *const spec = "service: toy\n"
                                "protocol: json-1.1\n"
                                "target: Toy\n"
                                "errors: {absent: [Gone], exists: [There]}\n"
                                "page: {in: Next, out: Next}\n"
                                "tags: {as: map, with_create: Tags, add: Tag, add_as: Tags, remove: Untag, "
                                "remove_as: Keys}\n"
                                "types:\n"
                                "  house:\n"
                                "    id: house_id\n"
                                "    attributes:\n"
                                "      house_id: {type: string, computed: true}\n"
                                "      tags: tags\n"
                                "    create: {call: CreateHouse, at: House}\n"
                                "    read: {call: GetHouse, at: House}\n"
                                "    list: {call: ListHouses, at: \"Houses[]\"}\n"
                                "    delete: {call: DeleteHouse}\n"
                                "  field:\n"
                                "    id: field_id\n"
                                "    attributes:\n"
                                "      size: {type: integer, default: 1}\n"
                                "      field_id: {type: string, computed: true}\n"
                                "      soil: {type: string, computed: true}\n"
                                "    create: {call: CreateField, at: Field}\n"
                                "    read: {call: DescribeFields, send: [], with: {Ids: [\"${field_id}\"]}, "
                                "at: \"Fields[]\"}\n"
                                "    list: {call: DescribeFields, at: \"Fields[]\"}\n"
                                "    update: [{call: ModifyField, send: [field_id, size], at: Field}]\n"
                                "    delete: {call: DeleteField}\n"
                                "  shed:\n"
                                "    id: name\n"
                                "    attributes:\n"
                                "      name: {type: string, required: true, replace: true}\n"
                                "      tags: tags\n"
                                "    create: {call: CreateShed}\n"
                                "    read: {call: GetShed, at: Shed}\n"
                                "    delete: {call: DeleteShed}\n"
                                "  town:\n"
                                "    id: name\n"
                                "    attributes:\n"
                                "      name: {type: string, required: true, replace: true}\n"
                                "      mayor: {type: string}\n"
                                "    create: {call: CreateTown}\n"
                                "    read: {call: GetTown, at: Town}\n"
                                "    update: [{call: UpdateTown, send: [name, mayor]}]\n"
                                "    delete: {call: DeleteTown}\n";

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
        .address = STR("it"),
        .owner.stack = STR("s"),
        .owner.token = STR("0123")};
}

static const struct value *create(const char *type, const char *desired, struct err *err)
{
    struct op_ctx ctx = ctx_of(type);
    const struct value *live;
    *err = (struct err)ERR_INIT;
    int status = ctx.schema->ops->create(&ctx, &plain, json(desired), &live, err);
    assert_int_equal(status, err->class ? -1 : 0);
    PLAYED();
    return live;
}

static struct err read(const char *type, const char *prior, const struct value **live)
{
    struct op_ctx ctx = ctx_of(type);
    struct err err = ERR_INIT;
    int status = ctx.schema->ops->read(&ctx, json(prior), NULL, live, &err);
    assert_int_equal(status, err.class ? -1 : 0);
    PLAYED();
    return err;
}

/* Nothing is recorded, nothing more is asked, and the intent stays open. */
static void what_was_made_has_an_id(void **state)
{
    (void)state;
    struct err err;
    PLAY({"CreateField", NULL, "{}", NULL});
    assert_null(create("field", "{}", &err));
    assert_true(err.lost && err.class == ERR_PROTOCOL);
    assert_string_equal(err.message, "the answer to CreateField is incomplete: it has no Field");
    PLAY({"CreateField", NULL, "", NULL});
    assert_null(create("field", "{}", &err));
    assert_true(err.lost);
    PLAY({"CreateField", NULL, "{\"Field\":{\"Soil\":\"clay\"}}", NULL});
    assert_null(create("field", "{}", &err));
    assert_true(err.lost);
    assert_string_equal(err.message, "CreateField: the response does not identify the created resource");
    PLAY({"CreateField", NULL, "{\"Field\":{\"FieldId\":", NULL});
    assert_null(create("field", "{}", &err));
    assert_true(err.lost);
    PLAY({"CreateField", NULL, "{\"Field\":{\"FieldId\":\"f-1\",\"Soil\":\"clay\"}}", NULL});
    assert_json(create("field", "{}", &err), "{\"field_id\":\"f-1\",\"soil\":\"clay\"}");
}

/* Some services say nothing more than that all is well; so does what stands in their way. */
static void what_is_said_by_silence_is_looked_at(void **state)
{
    (void)state;
    struct err err;
    PLAY({"CreateTown", NULL, "", NULL}, {"GetTown", NULL, "{\"Town\":{\"Name\":\"ulm\"}}", NULL});
    assert_non_null(create("town", "{\"name\":\"ulm\"}", &err));
    PLAY({"CreateTown", NULL, " {} ", NULL}, {"GetTown", NULL, "{\"Town\":{\"Name\":\"ulm\"}}", NULL});
    assert_non_null(create("town", "{\"name\":\"ulm\"}", &err));
    static struct exchange silence[40] = {{"CreateTown", NULL, "", NULL}};
    for (size_t i = 1; i < 40; i++)
        silence[i] = (struct exchange){"GetTown", NULL, "none", "Gone"};
    play(silence, 40);
    struct op_ctx ctx = ctx_of("town");
    const struct value *live;
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, json("{\"name\":\"ulm\"}"), &live, &err), -1);
    assert_true(err.lost && !live);
    PLAY({"CreateTown", NULL, "{\"Mayor\":\"Ivo\"}", NULL}); /* which is an answer */
    assert_non_null(create("town", "{\"name\":\"ulm\"}", &err));

    err = (struct err)ERR_INIT;
    PLAY({"DeleteTown", NULL, "", NULL}, {"GetTown", NULL, "{\"Town\":{\"Name\":\"ulm\"}}", NULL},
        {"GetTown", NULL, "none", "Gone"});
    assert_int_equal(ctx.schema->ops->delete (&ctx, 0, json("{\"name\":\"ulm\"}"), &err), 0);
    PLAYED();
    static struct exchange deaf[40] = {{"DeleteTown", NULL, "", NULL}};
    for (size_t i = 1; i < 40; i++)
        deaf[i] = (struct exchange){"GetTown", NULL, "{\"Town\":{\"Name\":\"ulm\"}}", NULL};
    play(deaf, 40);
    assert_int_equal(ctx.schema->ops->delete (&ctx, 0, json("{\"name\":\"ulm\"}"), &err), -1);
    assert_true(err.lost);
}

static void what_has_no_id_is_left_alone(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("field");
    struct err err = ERR_INIT;
    const struct value *live, *all = json("[\"size\"]");
    play(NULL, 0);
    assert_int_equal(ctx.schema->ops->read(&ctx, json("{\"size\":1}"), NULL, &live, &err), -1);
    assert_string_equal(err.message, "the state has no field_id for it, without which weir changes nothing");
    assert_int_equal(ctx.schema->ops->delete (&ctx, 0, json("{\"size\":1}"), &err), -1);
    assert_int_equal(ctx.schema->ops->delete (&ctx, 0, json("{\"size\":1,\"field_id\":null}"), &err), -1);
    assert_int_equal(
        ctx.schema->ops->update(&ctx, json("{\"size\":1}"), json("{\"size\":2}"), all, &live, &err), -1);
    PLAYED();
}

static void a_read_takes_what_it_asked_for(void **state)
{
    (void)state;
    const struct value *live;
    struct err err;
    PLAY({"DescribeFields", "{\"Ids\":[\"f-1\"]}",
        "{\"Fields\":[{\"FieldId\":\"f-9\"},{\"FieldId\":\"f-1\",\"Size\":3}]}", NULL});
    err = read("field", "{\"field_id\":\"f-1\"}", &live);
    assert_json(live, "{\"field_id\":\"f-1\",\"size\":3}");
    PLAY({"DescribeFields", NULL, "{\"Fields\":[{\"FieldId\":\"f-9\"}]}", NULL});
    err = read("field", "{\"field_id\":\"f-1\"}", &live);
    assert_string_equal(err.message, "DescribeFields was called for f-1, but the response is about f-9");
    PLAY({"DescribeFields", NULL, "{\"Fields\":[{\"FieldId\":\"f-12\"}]}", NULL});
    err = read("field", "{\"field_id\":\"f-1\"}", &live);
    assert_int_equal(err.class, ERR_PROTOCOL);
    PLAY({"DescribeFields", NULL, "{\"Fields\":[{\"Size\":3}]}", NULL});
    err = read("field", "{\"field_id\":\"f-1\"}", &live);
    assert_string_equal(err.message, "the answer to DescribeFields is incomplete: it has no FieldId");
    PLAY({"GetTown", NULL, "{\"Town\":{\"Name\":\"bonn\"}}", NULL});
    err = read("town", "{\"name\":\"ulm\"}", &live);
    assert_int_equal(err.class, ERR_PROTOCOL);
    /* what an import names may be the end of an ARN, or the ARN of a name */
    PLAY({"GetTown", NULL, "{\"Town\":{\"Name\":\"arn:aws:toy:::town:ulm-Xy\"}}", NULL});
    err = read("town", "{\"name\":\"ulm\"}", &live);
    assert_int_equal(err.class, ERR_NONE);
}

/* By an error, or by a whole listing without it. */
static void deleted_is_what_the_service_says(void **state)
{
    (void)state;
    static const char *const cut[] = {"", " ", "{}", "{\"Fields\":[", "{\"Field\":[]}", "null", "[]"};
    const struct value *live;
    struct err err;
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        struct exchange answer = {"DescribeFields", NULL, cut[i], NULL};
        play(&answer, 1);
        err = read("field", "{\"field_id\":\"f-1\"}", &live);
        assert_int_equal(err.class, ERR_PROTOCOL);
        assert_true(err.lost);
    }
    PLAY({"DescribeFields", NULL, "{\"Fields\":[]}", NULL});
    err = read("field", "{\"field_id\":\"f-1\"}", &live);
    assert_null(live);
    PLAY({"GetTown", NULL, "no", "Gone"});
    err = read("town", "{\"name\":\"ulm\"}", &live);
    assert_null(live);
    PLAY({"GetTown", NULL, "{}", NULL});
    err = read("town", "{\"name\":\"ulm\"}", &live);
    assert_string_equal(err.message, "the answer to GetTown is incomplete: it has no Town");
}

static void count(void *ctx, const struct value *live)
{
    (void)live;
    ++*(int *)ctx;
}

static void a_listing_is_whole_or_none(void **state)
{
    (void)state;
    static const struct {
        struct exchange pages[3];
        size_t n;
        const char *message;
    } cases[] = {
        {{{"DescribeFields", NULL, "{}", NULL}}, 1,
            "the answer to DescribeFields is incomplete: it has no Fields[]"},
        {{{"DescribeFields", NULL, "", NULL}}, 1, "the answer to DescribeFields is empty"},
        {{{"DescribeFields", NULL, "{\"Fields\":[{\"FieldId\":\"f-1\"},{\"Size\":2}]}", NULL}}, 1,
            "the answer to DescribeFields is incomplete: an item has no field_id"},
        {{{"DescribeFields", NULL, "{\"Fields\":[],\"Next\":\"a\"}", NULL},
             {"DescribeFields", NULL, "{\"Fields\":[],\"Next\":\"b\"}", NULL},
             {"DescribeFields", NULL, "{\"Fields\":[],\"Next\":\"a\"}", NULL}},
            3, "DescribeFields repeats the same page"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct op_ctx ctx = ctx_of("field");
        struct err err = ERR_INIT;
        const struct value *covered;
        int n = 0;
        play(cases[i].pages, cases[i].n);
        assert_int_equal(ctx.schema->ops->list(
                             &ctx, &(struct list_filter){.wanted = json("[]")}, count, &n, &covered, &err),
            -1);
        PLAYED();
        assert_string_equal(err.message, cases[i].message);
    }
}

#define TEST(name)  cmocka_unit_test_teardown(name, toy_release)

#define HOUSE(tags) "{\"House\":{\"HouseId\":\"h-1\",\"Tags\":" tags "}}"

#define OTHERS      "it has the ownership tags of the stack \"theirs\", so it is not"
#define NOBODY_KNOWS                                                                                         \
    "it has no ownership tags, and nothing else shows that it is still what this stack made, so it is not"

/* What an id in the state means may be somebody else's by now. */
static void what_is_not_ours_is_not_deleted(void **state)
{
    (void)state;
    static const struct {
        const char *tags, *why;
        bool unmarked;
        const char *recorded; /* the house has an id that nobody chooses */
    } cases[] = {
        {HOUSE("{\"weir:stack\":\"s\",\"weir:state\":\"other\"}"), NULL, false, NULL},
        {HOUSE("{\"weir:stack\":\"old name\",\"weir:state\":\"l\"}"), NULL, false, NULL},
        {HOUSE("{\"weir:stack\":\"theirs\",\"weir:state\":\"other\"}"), OTHERS " deleted", false,
            "{\"house_id\":\"h-1\"}"},
        {HOUSE("{\"weir:stack\":\"theirs\"}"), OTHERS " deleted", true, NULL},
        {HOUSE("{\"a\":\"b\"}"), NOBODY_KNOWS " deleted", false, NULL},
        {HOUSE("{\"a\":\"b\"}"), NULL, true, NULL},
        {HOUSE("{\"a\":\"b\"}"), NULL, false, "{\"house_id\":\"h-1\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct exchange look = {"GetHouse", NULL, cases[i].tags, NULL};
        struct exchange answers[] = {look, look, look, look, look};
        bool waits = cases[i].why && strstr(cases[i].why, "nothing"); /* tags may show late */
        if (!cases[i].why)
            answers[1] = (struct exchange){"DeleteHouse", NULL, NULL, NULL};
        play(answers, !cases[i].why ? 2 : waits ? 5 : 1);
        struct op_ctx ctx = ctx_of("house");
        ctx.owner.lineage = STR("l");
        ctx.owner.untagged = cases[i].unmarked;
        ctx.owner.recorded = cases[i].recorded ? json(cases[i].recorded) : NULL;
        struct err err = ERR_INIT;
        int status = ctx.schema->ops->delete (&ctx, 0, json("{\"house_id\":\"h-1\"}"), &err);
        assert_int_equal(status, cases[i].why ? -1 : 0);
        PLAYED();
        if (cases[i].why)
            assert_string_equal(err.message, cases[i].why);
    }
    PLAY({"GetHouse", NULL, "who are you?", "AccessDenied"}, {"DeleteHouse", NULL, NULL, NULL});
    struct op_ctx ctx = ctx_of("house");
    struct err err = ERR_INIT;
    assert_int_equal(ctx.schema->ops->delete (&ctx, 0, json("{\"house_id\":\"h-1\"}"), &err), 0);
    PLAYED();
}

/* Tags are waited for as long as they may show late: of what was recorded long ago they would have shown. */
static void tags_of_what_is_new_are_waited_for(void **state)
{
    (void)state;
    struct exchange look = {"GetShed", NULL, "{\"Shed\":{\"Name\":\"a\",\"Tags\":{}}}", NULL};
    struct exchange answers[] = {look, look, look, look, look};
    for (int is_new = 0; is_new <= 1; is_new++) {
        play(answers, is_new ? 5 : 1);
        struct op_ctx ctx = ctx_of("shed");
        ctx.owner.recorded = json("{\"name\":\"a\"}");
        ctx.owner.recorded_at = is_new ? time_rfc3339(&arena, clock_wall_ms(), true) : STR_EMPTY;
        struct err err = ERR_INIT;
        assert_int_equal(ctx.schema->ops->delete (&ctx, 0, json("{\"name\":\"a\"}"), &err), -1);
        PLAYED();
        assert_string_equal(err.message, NOBODY_KNOWS " deleted");
    }
}

struct seen_tags {
    int n;
    const struct value *last;
};

static void see_ownership_tags(void *ctx, struct str id, const struct value *owner_tags)
{
    struct seen_tags *seen = ctx;
    assert_true(str_eqz(id, "h-1"));
    seen->n++;
    seen->last = value_copy(&arena, owner_tags);
}

static void listed(void *ctx, const struct value *live)
{
    *(const struct value **)ctx = value_copy(&arena, live);
}

#define TAGS "{\"a\":\"b\",\"aws:x\":\"y\",\"weir:stack\":\"s\",\"weir:state\":\"l\"}"

/* Who asks for it is told whose a resource is by what is read anyway; what is read has no ownership tags in
 * it.
 */
static void marks_are_seen_on_the_way(void **state)
{
    (void)state;
    static const char house[] = "{\"house_id\":\"h-1\",\"tags\":{\"a\":\"b\"}}";
    struct seen_tags seen = {0};
    struct op_ctx ctx = ctx_of("house");
    struct op_observer observer = {.ctx = &seen, .ownership_tags = see_ownership_tags};
    ctx.observer = &observer;
    struct err err = ERR_INIT;
    const struct value *live = NULL, *covered;
    PLAY({"GetHouse", NULL, HOUSE(TAGS), NULL});
    assert_int_equal(ctx.schema->ops->read(&ctx, json("{\"house_id\":\"h-1\"}"), NULL, &live, &err), 0);
    PLAYED();
    assert_json(live, house);
    assert_int_equal(seen.n, 1);
    assert_json(seen.last, "{\"stack\":\"s\",\"state\":\"l\"}");
    PLAY({"ListHouses", NULL, "{\"Houses\":[{\"HouseId\":\"h-1\",\"Tags\":" TAGS "}]}", NULL});
    assert_int_equal(ctx.schema->ops->list(&ctx, &(struct list_filter){.wanted = json("[\"tags\"]")}, listed,
                         &live, &covered, &err),
        0);
    PLAYED();
    assert_json(live, house);
    assert_int_equal(seen.n, 2);
    assert_json(seen.last, "{\"stack\":\"s\",\"state\":\"l\"}");
}

/* Nor is it changed, as far as that is known: what was seen is believed only where it speaks for it. */
static void what_is_not_ours_is_not_changed(void **state)
{
    (void)state;
    static const char ours[] = HOUSE("{\"weir:stack\":\"s\"}"),
                      theirs[] = HOUSE("{\"weir:stack\":\"theirs\"}"), nobodys[] = HOUSE("{\"a\":\"b\"}");
    static const struct {
        const char *seen, *shown, *why;
        int asks;
        bool unmarked;
    } cases[] = {
        {NULL, NULL, NULL, 0, false},
        {"{\"stack\":\"s\"}", NULL, NULL, 0, false},
        {"{\"stack\":\"old name\",\"state\":\"l\"}", NULL, NULL, 0, false},
        {"{}", ours, NULL, 1, false}, /* the listing was behind */
        {"{}", nobodys, NOBODY_KNOWS " changed", 5, false},
        {"{}", NULL, NULL, 0, true},
        {"{\"stack\":\"theirs\"}", theirs, OTHERS " changed", 1, true},
        {"{\"stack\":\"theirs\"}", theirs, OTHERS " changed", 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct exchange answers[5];
        int n = 0;
        while (n < cases[i].asks)
            answers[n++] = (struct exchange){"GetHouse", NULL, cases[i].shown, NULL};
        if (!cases[i].why)
            answers[n++] = (struct exchange){"Tag", NULL, "{}", NULL};
        play(answers, (size_t)n);
        struct op_ctx ctx = ctx_of("house");
        ctx.owner.lineage = STR("l");
        ctx.owner.untagged = cases[i].unmarked;
        ctx.owner.live_tags = cases[i].seen ? json(cases[i].seen) : NULL;
        struct err err = ERR_INIT;
        const struct value *live, *prior = json("{\"house_id\":\"h-1\",\"tags\":{\"a\":\"b\"}}");
        int status = ctx.schema->ops->update(
            &ctx, prior, json("{\"tags\":{\"a\":\"c\"}}"), json("[\"tags\"]"), &live, &err);
        assert_int_equal(status, cases[i].why ? -1 : 0);
        PLAYED();
        if (cases[i].why)
            assert_string_equal(err.message, cases[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_made_has_an_id),
        TEST(what_is_said_by_silence_is_looked_at),
        TEST(what_has_no_id_is_left_alone),
        TEST(a_read_takes_what_it_asked_for),
        TEST(deleted_is_what_the_service_says),
        TEST(a_listing_is_whole_or_none),
        TEST(what_is_not_ours_is_not_deleted),
        TEST(tags_of_what_is_new_are_waited_for),
        TEST(marks_are_seen_on_the_way),
        TEST(what_is_not_ours_is_not_changed),
    };
    return cmocka_run_group_tests(tests, set_up, toy_free);
}
