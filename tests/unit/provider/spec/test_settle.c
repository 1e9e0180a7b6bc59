/*
 * What the interpreter does about answers that are lost: it looks as the type says, and sends again only what
 * can do no harm.
 */
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
    "errors: {absent: [Gone], exists: [There]}\n"
    "tags: {as: map, with_create: Tags}\n"
    "types:\n"
    "  box:\n" /* its name is its id, it bears the mark */
    "    id: name\n"
    "    attributes: {name: {type: string, required: true, replace: true}, size: integer, tags: tags, "
    "status: {type: string, computed: true, hidden: true}}\n"
    "    create: {call: MakeBox}\n"
    "    read: {call: GetBox, at: Box}\n"
    "    deleting: {status: [going]}\n"
    "    wait: {deleted: {every: 5s, timeout: 1m}}\n"
    "    delete: {call: DropBox}\n"
    "  plain:\n" /* its name is its id, and nothing else tells whose it is */
    "    id: name\n"
    "    attributes: {name: {type: string, required: true, replace: true}, size: integer}\n"
    "    create: {call: MakePlain}\n"
    "    read: {call: GetPlain, at: Plain}\n"
    "    delete: {call: DropPlain}\n"
    "  net:\n" /* known by its mark alone */
    "    id: id\n"
    "    attributes: {size: integer, tags: tags, id: {type: string, computed: true}}\n"
    "    create: {call: MakeNet, at: Net}\n"
    "    read: {call: GetNet, at: Net}\n"
    "    find: {call: ListNets, with: {Intent: \"${token}\"}, at: \"Nets[]\"}\n"
    "    delete: {call: DropNet}\n"
    "  gate:\n" /* the same, and its call takes a token */
    "    id: id\n"
    "    attributes: {size: integer, tags: tags, id: {type: string, computed: true}}\n"
    "    create: {call: MakeGate, at: Gate, token: Token}\n"
    "    read: {call: GetGate, at: Gate}\n"
    "    find: {call: ListGates, with: {Intent: \"${token}\"}, at: \"Gates[]\"}\n"
    "    delete: {call: DropGate}\n"
    "  rule:\n" /* known by what it looks like */
    "    id: id\n"
    "    attributes: {port: {type: integer, required: true, replace: true}, id: {type: string, computed: "
    "true}}\n"
    "    create: {call: MakeRule, at: Rule}\n"
    "    read: {call: GetRule, at: Rule}\n"
    "    list: {call: ListRules, at: \"Rules[]\"}\n"
    "    find: {by: [port], since: Made}\n"
    "    delete: {call: DropRule}\n"
    "  query:\n" /* by what it looks like, with a token */
    "    id: id\n"
    "    attributes: {text: {type: string, required: true}, id: {type: string, computed: true}}\n"
    "    create: {call: MakeQuery, at: Query, token: Token}\n"
    "    read: {call: GetQuery, at: Query}\n"
    "    list: {call: ListQueries, at: \"Queries[]\"}\n"
    "    find: {by: [text]}\n"
    "    delete: {call: DropQuery}\n"
    "  ticket:\n" /* by nothing */
    "    id: id\n"
    "    attributes: {text: {type: string, required: true}, id: {type: string, computed: true}}\n"
    "    create: {call: MakeTicket, at: Ticket}\n"
    "    read: {call: GetTicket, at: Ticket}\n"
    "    delete: {call: DropTicket}\n";

static int set_up(void **state)
{
    (void)state;
    return toy_load(spec);
}

static const struct attempt plain;

static struct op_ctx context(const char *type)
{
    return (struct op_ctx){.arena = &arena,
        .provider = provider,
        .schema = toy_schema(type),
        .address = STR("it"),
        .owner.stack = STR("s"),
        .owner.token = STR("t-1")};
}

/* By the test at hand. */
static int64_t slept_before;

static int64_t slept(void)
{
    return manual_clock_slept() - slept_before;
}

static const struct value *made(const char *type, const char *desired)
{
    struct op_ctx ctx = context(type);
    const struct value *live = NULL;
    struct err err = ERR_INIT;
    slept_before = manual_clock_slept();
    if (spec_create(&ctx, &plain, json(desired), &live, &err))
        fail_msg("%s", err.message);
    assert_int_equal(err.class, ERR_NONE);
    PLAYED();
    return live;
}

static struct err refused(const char *type, const char *desired)
{
    struct op_ctx ctx = context(type);
    const struct value *live = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(spec_create(&ctx, &plain, json(desired), &live, &err), -1);
    assert_null(live);
    PLAYED();
    return err;
}

#define OURS       "\"Tags\": {\"weir:intent\": \"t-1\", \"weir:stack\": \"s\", \"weir:address\": \"it\"}"
#define OF_ANOTHER "\"Tags\": {\"weir:intent\": \"t-9\", \"weir:stack\": \"else\", \"weir:address\": \"it\"}"

static const char *way(const char *type)
{
    const struct spec_type *found = map_get(&service->types, str_z(type));
    return recover_way_name(found->recover.way);
}

static void test_ways(void **state)
{
    (void)state;
    assert_string_equal(way("box"), "name");
    assert_string_equal(way("plain"), "name");
    assert_string_equal(way("net"), "tags");
    assert_string_equal(way("gate"), "tags");
    assert_string_equal(way("rule"), "content");
    assert_string_equal(way("query"), "content");
    assert_string_equal(way("ticket"), "never");
}

/* ---- by name ---- */

static void test_named_is_there(void **state)
{
    (void)state;
    PLAY({.operation = "MakeBox", .code = LOST},
        {.operation = "GetBox", .answer = "{\"Box\": {\"Name\": \"a\", \"Size\": 3, " OURS "}}"});
    const struct value *live = made("box", "{\"name\": \"a\", \"size\": 3}");
    assert_int_equal(value_getz(live, "size")->integer, 3);
    assert_int_equal(slept(), 0);
}

/* Of a name there is one: sent again at once, the call does no harm. */
static void test_named_is_not_there(void **state)
{
    (void)state;
    PLAY({.operation = "MakeBox", .code = LOST}, {.operation = "GetBox", .code = "Gone"},
        {.operation = "MakeBox", .answer = "{\"Name\": \"a\"}"});
    made("box", "{\"name\": \"a\"}");
    assert_true(slept() < 1000);
}

/* It came between the look and the second request. */
static void test_named_comes_late(void **state)
{
    (void)state;
    PLAY({.operation = "MakeBox", .code = LOST}, {.operation = "GetBox", .code = "Gone"},
        {.operation = "MakeBox", .code = "There"}, {.operation = "GetBox", .code = "Gone"},
        {.operation = "GetBox", .answer = "{\"Box\": {\"Name\": \"a\", " OURS "}}"});
    made("box", "{\"name\": \"a\"}");
}

static void test_named_is_anothers(void **state)
{
    (void)state;
    static const char theirs[] = "{\"Box\": {\"Name\": \"a\", " OF_ANOTHER "}}";
    PLAY({.operation = "MakeBox", .code = LOST}, {.operation = "GetBox", .answer = theirs},
        {.operation = "MakeBox", .code = "There"}, {.operation = "GetBox", .answer = theirs},
        {.operation = "GetBox", .answer = theirs}, {.operation = "GetBox", .answer = theirs},
        {.operation = "GetBox", .answer = theirs}, {.operation = "GetBox", .answer = theirs},
        {.operation = "GetBox", .answer = theirs}, {.operation = "GetBox", .answer = theirs});
    struct err err = refused("box", "{\"name\": \"a\"}");
    assert_int_equal(err.class, ERR_EXISTS);
    assert_true(err.unsure);
}

/* Without an own request that may have made it, "exists" is what it says. */
static void test_exists(void **state)
{
    (void)state;
    PLAY({.operation = "MakePlain", .code = "There"});
    struct err err = refused("plain", "{\"name\": \"a\"}");
    assert_int_equal(err.class, ERR_EXISTS);
    assert_false(err.unsure);
}

/* No mark: the name that only this intent has used, and all that was sent. */
static void test_unmarked(void **state)
{
    (void)state;
    PLAY({.operation = "MakePlain", .code = LOST},
        {.operation = "GetPlain", .answer = "{\"Plain\": {\"Name\": \"a\", \"Size\": 3}}"});
    made("plain", "{\"name\": \"a\", \"size\": 3}");
}

static void test_unmarked_is_anothers(void **state)
{
    (void)state;
    static const char theirs[] = "{\"Plain\": {\"Name\": \"a\", \"Size\": 9}}";
    PLAY({.operation = "MakePlain", .code = LOST}, {.operation = "GetPlain", .answer = theirs},
        {.operation = "MakePlain", .code = "There"}, {.operation = "GetPlain", .answer = theirs},
        {.operation = "GetPlain", .answer = theirs}, {.operation = "GetPlain", .answer = theirs},
        {.operation = "GetPlain", .answer = theirs}, {.operation = "GetPlain", .answer = theirs},
        {.operation = "GetPlain", .answer = theirs});
    assert_int_equal(refused("plain", "{\"name\": \"a\", \"size\": 3}").class, ERR_EXISTS);
}

/* An earlier run's request: what it made bears the name. */
static void test_again(void **state)
{
    (void)state;
    PLAY({.operation = "MakePlain", .code = "There"},
        {.operation = "GetPlain", .answer = "{\"Plain\": {\"Name\": \"a\", \"Size\": 3}}"});
    struct op_ctx ctx = context("plain");
    struct attempt attempt = {.is_repeated = true};
    const struct value *live;
    struct err err = ERR_INIT;
    assert_int_equal(spec_create(&ctx, &attempt, json("{\"name\": \"a\", \"size\": 3}"), &live, &err), 0);
    PLAYED();
}

/* One that is being deleted keeps the name: it is waited for. */
static void test_name_is_deleting(void **state)
{
    (void)state;
    static const char going[] = "{\"Box\": {\"Name\": \"a\", \"Status\": \"going\"}}";
    PLAY({.operation = "MakeBox", .code = "There"}, {.operation = "GetBox", .answer = going},
        {.operation = "GetBox", .answer = going}, {.operation = "GetBox", .code = "Gone"},
        {.operation = "MakeBox", .answer = "{\"Name\": \"a\"}"});
    made("box", "{\"name\": \"a\"}");
}

/* To everybody else it is gone; a deletion whose answer was lost waits for its end. */
static void test_deleting(void **state)
{
    (void)state;
    static const char going[] = "{\"Box\": {\"Name\": \"a\", \"Status\": \"going\", " OURS "}}";
    struct op_ctx ctx = context("box");
    const struct value *live;
    struct err err = ERR_INIT;
    PLAY({.operation = "GetBox", .answer = going});
    assert_int_equal(spec_read(&ctx, json("{\"name\": \"a\"}"), NULL, &live, &err), 0);
    assert_null(live);
    PLAYED();
    PLAY({.operation = "GetBox", .answer = going}, {.operation = "DropBox", .code = "IsGoing"},
        {.operation = "GetBox", .answer = going}, {.operation = "GetBox", .answer = going},
        {.operation = "GetBox", .code = "Gone"});
    assert_int_equal(spec_delete(&ctx, 0, json("{\"name\": \"a\"}"), &err), 0);
    PLAYED();
}

/* ---- by mark ---- */

static void test_marked_is_there(void **state)
{
    (void)state;
    PLAY({.operation = "MakeNet", .code = LOST},
        {.operation = "ListNets",
            .body = "{\"Intent\":\"t-1\"}",
            .answer = "{\"Nets\": [{\"Id\": \"n-7\"}]}"},
        {.operation = "GetNet", .answer = "{\"Net\": {\"Id\": \"n-7\", " OURS "}}"});
    const struct value *live = made("net", "{\"size\": 3}");
    assert_true(str_eqz(value_getz(live, "id")->string, "n-7"));
}

static void test_marked_shows_late(void **state)
{
    (void)state;
    PLAY({.operation = "MakeNet", .code = LOST}, {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "ListNets", .answer = "{\"Nets\": [{\"Id\": \"n-7\"}]}"},
        {.operation = "GetNet", .answer = "{\"Net\": {\"Id\": \"n-7\", " OURS "}}"});
    made("net", "{\"size\": 3}");
}

/* What an answer says that took long to come is as old as its request: the last look begins when time is up.
 */
static void test_marked_look_takes_long(void **state)
{
    (void)state;
    PLAY({.operation = "MakeNet", .code = LOST}, {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "ListNets", .answer = "{\"Nets\": [{\"Id\": \"n-7\"}]}"},
        {.operation = "GetNet", .answer = "{\"Net\": {\"Id\": \"n-7\", " OURS "}}"});
    answer_takes_ms = 11 * 1000;
    made("net", "{\"size\": 3}");
    answer_takes_ms = 0;
    assert_int_equal(slept(), 0);
}

/* A second request would make a second one: as long as the first may show, it is looked for. */
static void test_marked_is_not_there(void **state)
{
    (void)state;
    PLAY({.operation = "MakeNet", .code = LOST}, {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "ListNets", .answer = "{\"Nets\": []}"},
        {.operation = "MakeNet", .answer = "{\"Net\": {\"Id\": \"n-8\"}}"});
    made("net", "{\"size\": 3}");
    assert_true(slept() >= 10 * 1000);
}

/* With a token there is no second one: it is sent again after one look. */
static void test_token(void **state)
{
    (void)state;
    static const char sent[] =
        "{\"Size\":3,\"Tags\":{\"weir:address\":\"it\",\"weir:intent\":\"t-1\",\"weir:stack\":\"s\"},"
        "\"Token\":\"t-1\"}";
    PLAY({.operation = "MakeGate", .body = sent, .code = LOST},
        {.operation = "ListGates", .answer = "{\"Gates\": []}"},
        {.operation = "MakeGate", .body = sent, .answer = "{\"Gate\": {\"Id\": \"g-1\"}}"});
    made("gate", "{\"size\": 3}");
    assert_true(slept() < 1000);
}

/* An answer that does not say what was made is as good as none. */
static void test_no_id(void **state)
{
    (void)state;
    PLAY({.operation = "MakeNet", .answer = "{\"Net\": {}}"},
        {.operation = "ListNets", .answer = "{\"Nets\": [{\"Id\": \"n-7\"}]}"},
        {.operation = "GetNet", .answer = "{\"Net\": {\"Id\": \"n-7\", " OURS "}}"});
    made("net", "{\"size\": 3}");
}

/* A refusal after a lost answer leaves open what became of the first. */
static void test_refused_after_a_loss(void **state)
{
    (void)state;
    PLAY({.operation = "MakeGate", .code = LOST}, {.operation = "ListGates", .answer = "{\"Gates\": []}"},
        {.operation = "MakeGate", .code = "NoMoreGates"});
    assert_true(refused("gate", "{\"size\": 3}").unsure);
}

/* ---- by content ---- */

static bool claim_others(void *ctx, struct str id)
{
    return !str_eqz(id, ctx);
}

/* Of those that look alike, the one that is nobody else's. */
static void test_content(void **state)
{
    (void)state;
    PLAY({.operation = "MakeRule", .code = LOST},
        {.operation = "ListRules",
            .answer = "{\"Rules\": [{\"Id\": \"r-1\", \"Port\": 9}, {\"Id\": \"r-2\", \"Port\": 5}, {\"Id\": "
                      "\"r-3\", \"Port\": 5}]}"},
        {.operation = "GetRule", .answer = "{\"Rule\": {\"Id\": \"r-2\", \"Port\": 5}}"},
        {.operation = "GetRule", .answer = "{\"Rule\": {\"Id\": \"r-3\", \"Port\": 5}}"});
    struct op_ctx ctx = context("rule");
    struct attempt attempt = {.claim = claim_others, .claim_ctx = (void *)"r-2"};
    const struct value *live;
    struct err err = ERR_INIT;
    assert_int_equal(spec_create(&ctx, &attempt, json("{\"port\": 5}"), &live, &err), 0);
    PLAYED();
    assert_true(str_eqz(value_getz(live, "id")->string, "r-3"));
}

/* The latest come first, and what was made before the intent ends the search: by the service's clock. */
static void test_content_by_a_wrong_clock(void **state)
{
    (void)state;
    static const int64_t hours[] = {0, -3, 3};
    static const char *const made_at[] = {"2026-11-21T09:29:", "2026-11-21T06:29:", "2026-11-21T12:29:"};
    for (size_t i = 0; i < 6; i++) {
        char listing[256];
        bool older = i % 2;
        snprintf(listing, sizeof listing,
            "{\"Rules\": [{\"Id\": \"r-3\", \"Port\": 5, \"Made\": \"%.17s%sZ\"}]}", made_at[i / 2],
            older ? "39" : "55");
        struct exchange calls[] = {{.operation = "ListRules", .answer = listing},
            {.operation = "GetRule", .answer = "{\"Rule\": {\"Id\": \"r-3\", \"Port\": 5}}"}};
        play(calls, older ? 1 : 2);
        atomic_store(&fixed_client.date_ahead_ms, hours[i / 2] * 3600 * 1000);
        struct op_ctx ctx = context("rule");
        struct attempt attempt = {.since_ms = 1795253400000}; /* 2026-11-21T09:30:00Z by our clock */
        const struct value *live;
        struct err err = ERR_INIT;
        assert_int_equal(spec_find(&ctx, &attempt, json("{\"port\": 5}"), &live, &err), 0);
        PLAYED();
        assert_true(older ? !live : live != NULL);
    }
    atomic_store(&fixed_client.date_ahead_ms, 0);
}

/* "Exists" after an own request without an answer is looked at before it is an error. */
static void test_content_exists(void **state)
{
    (void)state;
    PLAY({.operation = "MakeRule", .code = LOST}, {.operation = "ListRules", .answer = "{\"Rules\": []}"},
        {.operation = "ListRules", .answer = "{\"Rules\": []}"},
        {.operation = "ListRules", .answer = "{\"Rules\": []}"},
        {.operation = "ListRules", .answer = "{\"Rules\": []}"},
        {.operation = "ListRules", .answer = "{\"Rules\": []}"},
        {.operation = "ListRules", .answer = "{\"Rules\": []}"},
        {.operation = "ListRules", .answer = "{\"Rules\": []}"},
        {.operation = "ListRules", .answer = "{\"Rules\": []}"},
        {.operation = "ListRules", .answer = "{\"Rules\": []}"}, {.operation = "MakeRule", .code = "There"},
        {.operation = "ListRules", .answer = "{\"Rules\": [{\"Id\": \"r-3\", \"Port\": 5}]}"},
        {.operation = "GetRule", .answer = "{\"Rule\": {\"Id\": \"r-3\", \"Port\": 5}}"});
    made("rule", "{\"port\": 5}");
}

/* The token tells exactly, and what looks like it may be somebody else's. */
static void test_content_with_a_token(void **state)
{
    (void)state;
    PLAY({.operation = "MakeQuery", .code = LOST}, {.operation = "MakeQuery",
                                                       .body = "{\"Text\":\"a\",\"Token\":\"t-1\"}",
                                                       .answer = "{\"Query\": {\"Id\": \"q-1\"}}"});
    made("query", "{\"text\": \"a\"}");
}

/* ---- not at all ---- */

static void test_never(void **state)
{
    (void)state;
    PLAY({.operation = "MakeTicket", .code = LOST});
    assert_true(refused("ticket", "{\"text\": \"a\"}").lost);
    assert_true(toy_schema("ticket")->never_recovered);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, toy_release)
    const struct CMUnitTest tests[] = {
        TEST(test_ways),
        TEST(test_named_is_there),
        TEST(test_named_is_not_there),
        TEST(test_named_comes_late),
        TEST(test_named_is_anothers),
        TEST(test_exists),
        TEST(test_unmarked),
        TEST(test_unmarked_is_anothers),
        TEST(test_again),
        TEST(test_name_is_deleting),
        TEST(test_deleting),
        TEST(test_marked_is_there),
        TEST(test_marked_shows_late),
        TEST(test_marked_look_takes_long),
        TEST(test_marked_is_not_there),
        TEST(test_token),
        TEST(test_no_id),
        TEST(test_refused_after_a_loss),
        TEST(test_content),
        TEST(test_content_by_a_wrong_clock),
        TEST(test_content_exists),
        TEST(test_content_with_a_token),
        TEST(test_never),
    };
    return cmocka_run_group_tests(tests, set_up, toy_free);
}
