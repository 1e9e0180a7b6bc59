/*
 * The interpreter against a service that plays a script: each request has to be the next one of the script,
 * by operation and body, and gets its answer.
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

/* ---- a spec with one of everything ---- */

static const char spec[] =
    "service: toy\n"
    "protocol: json-1.1\n"
    "target: Toy\n"
    "errors: {absent: [Gone], exists: [There], hints: [{code: Full, hint: empty it first}]}\n"
    "page: {in: Next, out: Next}\n"
    "tags: {as: map, with_create: Tags, add: Tag, add_as: Tags, remove: Untag, remove_as: Keys, mark: "
    "false}\n"
    "types:\n"
    "  box:\n"
    "    id: name\n"
    "    arn: arn:${partition}:toy:${region}:${account}:box/${name}\n"
    "    attributes:\n"
    "      name: {type: string, required: true, replace: true}\n"
    "      note: {type: string, unset: \"\"}\n"
    "      size: {type: integer, default: 3}\n"
    "      color: string\n"
    "      lock: {type: boolean, default: false}\n"
    "      users: set(string)\n"
    "      files: map(string)\n"
    "      force: {type: boolean, local: true, default: false}\n"
    "      tags: tags\n"
    "      serial: {type: integer, computed: true, changes_with: [color]}\n"
    "      status: {type: string, computed: true}\n"
    "    create: {call: MakeBox, at: Box, token: Token}\n"
    "    read: {call: GetBox, at: Box}\n"
    "    deleted: {status: [dead]}\n"
    "    list: {call: ListBoxes, at: \"Boxes[]\"}\n"
    "    update:\n"
    "      - {when: [note, size], call: SetBox, send: [name, note, size], partial: true}\n"
    "      - {when: [color], call: PaintBox, full: true, send: {Name: name, Paint: {Color: color, Note: "
    "note}}, wait: true}\n"
    "    delete:\n"
    "      - {each: {call: ListLocks, at: \"Locks[]\", skip: {Kept: true}, newest: Made, keep: 1}, call: "
    "DropLock, send: {Name: name, Lock: .Id}}\n"
    "      - {call: DropBox, send: {Name: name, Force: force}}\n"
    "    sub_resources:\n"
    "      lock: {put: PutLock, get: GetLock, delete: OpenLock, absent: [NoLock]}\n"
    "    members:\n"
    "      users: {list: ListUsers, at: \"Users[].Id\", add: AddUser, remove: RemoveUser, as: User}\n"
    "    entries:\n"
    "      files: {list: ListFiles, at: \"Files[]\", key: Id, value: Text, put: PutFiles, put_as: Files, "
    "delete: DropFiles, delete_as: Ids, batch: 2, failed: Failed, retry: [Busy]}\n"
    "    wait:\n"
    "      ready:\n"
    "        - {if: {force: false}, for: {status: ok}, fail: {note: gone, status: [broken]}, tells: note, "
    "every: 10s, "
    "timeout: 1m}\n"
    "        - {if: {force: true}, for: {status: [ok, new]}}\n"
    "      deleted: {every: 5s, timeout: 30s}\n"
    "  note:\n"
    "    id: note_id\n"
    "    attributes:\n"
    "      note_id: {type: string, computed: true}\n"
    "      text: {type: string, required: true}\n"
    "    create:\n"
    "      - {call: MakeNote, with: {Region: \"${region}\", Kind: [{Name: a, Value: \"${text}\"}]}, at: "
    "Note, overwrites: true}\n"
    "    read: {call: GetNote, at: \"Notes[]\"}\n"
    "    list: {call: ListNotes, at: \"Notes[]\"}\n"
    "    find: {by: [text]}\n"
    "    delete: {call: DropNote}\n"
    "  road:\n"
    "    id: id\n"
    "    arn: arn:aws:toy:::road/${from}/${to}\n"
    "    attributes:\n"
    "      from: {type: string, required: true, replace: true}\n"
    "      to: {type: string, required: true, replace: true}\n"
    "      id: {type: string, computed: true, read: false, template: \"${from}/${to}\"}\n"
    "      lanes: {type: integer, text: true, values: {1: one, 2: two}}\n"
    "      signs: {type: map(object), fields: {text: {type: string}}}\n"
    "      rules: {type: set(string), read: Rules}\n"
    "      serial: {type: string, computed: true, hidden: true}\n"
    "    create: {call: MakeRoad}\n"
    "    read: {call: GetRoads, send: [from], parse: Body, at: \"Roads[]\", match: {To: to}, page: none}\n"
    "    update:\n"
    "      - {lookup: true, when: [lanes], call: GetRoad, send: [from, to], at: \"@\"}\n"
    "      - {when: [lanes], call: Widen, send: {From: from, Lanes: lanes, Serial: serial}}\n"
    "    delete: {call: DropRoad, send: [from, to], retry: [{code: Busy, message: traffic}], failed: "
    "\"Problems[]\"}\n"
    "    members:\n"
    "      rules: {list: {call: GetRules, at: \"Rules[]\", skip: {Kind: [law, custom]}}, modify: SetRules, "
    "add_as: Add, remove_as: Drop, read_first: true, send: [from]}\n"
    "    entries:\n"
    "      signs: {send: [from], key: Place, put: PutSign, replace: PaintSign, delete: DropSigns, delete_as: "
    "Signs, put_as: Signs, batch: 5, delete_whole: true, skip: {Owner: state}}\n"
    "  tank:\n"
    "    id: name\n"
    "    attributes:\n"
    "      name: {type: string, required: true, replace: true}\n"
    "      litres: {type: integer, default: 10}\n"
    "      level: {type: integer, computed: true}\n"
    "    create: {call: MakeTank}\n"
    "    read:\n"
    "      - {call: GetTank}\n"
    "      - {for: [level], call: GetLevel}\n"
    "    list: {call: ListTanks, at: \"Tanks[]\", page: {in: After, last: Name, more: More}}\n"
    "    update:\n"
    "      - {if: {litres: {above: prior}}, call: Fill, send: all}\n"
    "      - {if: {litres: {below: prior}}, call: Drain, send: all}\n"
    "    delete: {call: DropTank}\n"
    "  pump:\n"
    "    id: name\n"
    "    attributes:\n"
    "      name: {type: string, required: true, replace: true}\n"
    "      flow: integer\n"
    "      step: number\n"
    "    constraints:\n"
    "      - {must: {flow: {times: step}}, message: a multiple of the step}\n"
    "    create: {call: MakePump}\n"
    "    read:\n"
    "      - {call: GetPump, at: Pump}\n"
    "      - {call: GetFlow, at: \"Flows[]\"}\n"
    "    delete: {call: DropPump}\n"
    "    wait: {ready: {for: {flow: {least: 2}}, every: 1s, timeout: 1s}}\n"
    "  valve:\n"
    "    id: name\n"
    "    attributes:\n"
    "      name: {type: string, required: true, replace: true}\n"
    "      state: {type: object, fields: {mode: string}}\n"
    "    create: {call: MakeValve}\n"
    "    read: {call: GetValve}\n"
    "    delete: {call: DropValve}\n"
    "    sub_resources:\n"
    "      state: {put: PutState, get: GetState, delete: DropState}\n"
    "    wait: {ready: {for: {state.mode: open}, every: 1s, timeout: 1s}}\n";

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

/* ---- create ---- */

static void test_create(void **state)
{
    (void)state;
    PLAY({"MakeBox", "{\"Color\":\"red\",\"Name\":\"a\",\"Tags\":{\"k\":\"v\"},\"Token\":\"t0\"}",
             "{\"Box\": {\"Name\": \"a\", \"Serial\": 7, \"Status\": \"new\"}}", NULL},
        {"PutLock", "{\"Lock\":true,\"Name\":\"a\"}", NULL, NULL},
        {"PutFiles",
            "{\"Files\":[{\"Id\":\"x\",\"Text\":\"1\"},{\"Id\":\"y\",\"Text\":\"2\"}],\"Name\":\"a\"}", NULL,
            NULL},
        {"PutFiles", "{\"Files\":[{\"Id\":\"z\",\"Text\":\"3\"}],\"Name\":\"a\"}", NULL, NULL},
        {"AddUser", "{\"Name\":\"a\",\"User\":\"u\"}", NULL, "There"}, /* there already: done */
        {"GetBox", "{\"Name\":\"a\"}", "{\"Box\": {\"Name\": \"a\", \"Status\": \"new\"}}", NULL},
        {"GetBox", "{\"Name\":\"a\"}", "{\"Box\": {\"Name\": \"a\", \"Status\": \"OK\"}}", NULL});
    struct op_ctx ctx = ctx_of("box");
    struct err err = ERR_INIT;
    const struct value *live, *planned,
        *desired =
            json("{\"name\":\"a\",\"color\":\"red\",\"lock\":true,"
                 "\"users\":[\"u\"],\"files\":{\"x\":\"1\",\"y\":\"2\",\"z\":\"3\"},\"tags\":{\"k\":\"v\"}}");
    assert_int_equal(ctx.schema->ops->predict(&ctx, desired, NULL, &planned, &err), 0);
    assert_true(str_eqz(value_getz(planned, "arn")->string, "arn:aws:toy:moon-1:42:box/a"));
    assert_true(value_is_unknown(value_getz(planned, "serial")));
    int64_t slept = manual_clock_slept();
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, desired, &live, &err), 0);
    PLAYED();
    assert_int_equal(manual_clock_slept() - slept, 250); /* the first pause is short */
    assert_json(live, "{\"arn\":\"arn:aws:toy:moon-1:42:box/"
                      "a\",\"color\":\"red\",\"files\":{\"x\":\"1\",\"y\":\"2\",\"z\":\"3\"},"
                      "\"lock\":true,\"name\":\"a\",\"serial\":7,\"status\":\"OK\",\"tags\":{\"k\":\"v\"},"
                      "\"users\":[\"u\"]}");
}

static void test_create_half(void **state)
{
    (void)state;
    PLAY({"MakeBox", NULL, "{\"Box\": {\"Serial\": 7}}", NULL}, {"PutLock", NULL, "no room", "Full"},
        {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"new\"}}", NULL},
        {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"OK\"}}", NULL});
    struct op_ctx ctx = ctx_of("box");
    struct err err = ERR_INIT;
    const struct value *live;
    assert_int_equal(
        ctx.schema->ops->create(&ctx, &plain, json("{\"name\":\"a\",\"lock\":true}"), &live, &err), -1);
    PLAYED();
    assert_string_equal(err.message, "lock: Full: no room");
    assert_string_equal(err.hint, "empty it first");
    assert_int_equal(value_getz(live, "serial")->integer, 7); /* it is there, and known by its id */
    assert_true(str_eqz(value_getz(live, "name")->string, "a"));
    assert_json(ctx.unsent, "[\"lock\"]"); /* ready but for that: no need to make it anew */
    PLAY({"MakeBox", NULL, "{\"Box\": {\"Serial\": 7}}", NULL}, {"PutLock", NULL, "no room", "Full"},
        {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"broken\"}}", NULL});
    ctx.unsent = NULL;
    assert_int_equal(
        ctx.schema->ops->create(&ctx, &plain, json("{\"name\":\"a\",\"lock\":true}"), &live, &err), -1);
    PLAYED();
    assert_null(ctx.unsent);
}

static void test_create_refused(void **state)
{
    (void)state;
    PLAY({"MakeBox", NULL, "already", "There"});
    struct op_ctx ctx = ctx_of("box");
    struct err err = ERR_INIT;
    const struct value *live;
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, json("{\"name\":\"a\"}"), &live, &err), -1);
    assert_int_equal(err.class, ERR_EXISTS);
    assert_null(live);
    PLAY({"ListNotes", NULL, "{\"Notes\": [{\"NoteId\": \"n-1\", \"Text\": \"hi\"}]}", NULL});
    struct op_ctx note = ctx_of("note");
    err = (struct err)ERR_INIT;
    assert_int_equal(note.schema->ops->create(&note, &plain, json("{\"text\":\"hi\"}"), &live, &err), -1);
    assert_int_equal(err.class, ERR_EXISTS);
    assert_null(live);
}

static void test_create_assigned_id(void **state)
{
    (void)state;
    PLAY({"ListNotes", NULL, "{\"Notes\": []}", NULL},
        {"MakeNote", "{\"Kind\":[{\"Name\":\"a\",\"Value\":\"hi\"}],\"Region\":\"moon-1\",\"Text\":\"hi\"}",
            "{\"Note\": {\"NoteId\": \"n-1\"}}", NULL});
    struct op_ctx ctx = ctx_of("note");
    struct err err = ERR_INIT;
    const struct value *live;
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, json("{\"text\":\"hi\"}"), &live, &err), 0);
    PLAYED();
    assert_json(live, "{\"note_id\":\"n-1\",\"text\":\"hi\"}");
}

static void test_wait_fails(void **state)
{
    (void)state;
    PLAY({"MakeBox", NULL, "{\"Box\": {}}", NULL},
        {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"broken\", \"Note\": \"it fell\"}}",
            NULL});
    struct op_ctx ctx = ctx_of("box");
    struct err err = ERR_INIT;
    const struct value *live;
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, json("{\"name\":\"a\"}"), &live, &err), -1);
    assert_string_equal(err.message, "status became broken: it fell");
    assert_non_null(live);
}

static void test_wait_by_condition(void **state)
{
    (void)state;
    PLAY({"MakeBox", NULL, "{\"Box\": {\"Serial\": 1}}", NULL},
        {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"new\"}}", NULL});
    struct op_ctx ctx = ctx_of("box");
    struct err err = ERR_INIT;
    const struct value *live;
    assert_int_equal(
        ctx.schema->ops->create(&ctx, &plain, json("{\"name\":\"a\",\"force\":true}"), &live, &err), 0);
    PLAYED();
}

static void test_wait_times_out(void **state)
{
    (void)state;
    static struct exchange exchanges[16] = {{"MakeBox", NULL, "{\"Box\": {}}", NULL}};
    for (size_t i = 1; i < 16; i++)
        exchanges[i] =
            (struct exchange){"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"new\"}}", NULL};
    play(exchanges, 16);
    struct op_ctx ctx = ctx_of("box");
    ctx.timeout_ms = 20 * 1000;
    struct err err = ERR_INIT;
    const struct value *live;
    int64_t slept = manual_clock_slept();
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, json("{\"name\":\"a\"}"), &live, &err), -1);
    assert_int_equal(err.class, ERR_TIMEOUT);
    assert_string_equal(err.message, "waited 20 s for status ok (now new)");
    assert_true(manual_clock_slept() - slept <= 20 * 1000);
    atomic_bool cancel = true;
    ctx.cancel = &cancel;
    script_at = 0;
    err = (struct err)ERR_INIT;
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, json("{\"name\":\"a\"}"), &live, &err), -1);
    assert_int_equal(err.class, ERR_INTERRUPTED);
}

/* ---- read, list, find ---- */

static void test_read(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("box");
    struct err err = ERR_INIT;
    const struct value *live;
    /* only what is wanted is asked for */
    PLAY({"GetLock", "{\"Name\":\"a\"}", "none", "NoLock"},
        {"ListFiles", "{\"Name\":\"a\"}", "{\"Files\": [{\"Id\":\"x\",\"Text\":\"1\"}], \"Next\": \"p2\"}",
            NULL},
        {"ListFiles", "{\"Name\":\"a\",\"Next\":\"p2\"}", "{\"Files\": [{\"Id\":\"y\",\"Text\":\"2\"}]}",
            NULL});
    assert_int_equal(
        ctx.schema->ops->read(&ctx, json("{\"name\":\"a\"}"), json("[\"lock\",\"files\"]"), &live, &err), 0);
    PLAYED();
    assert_json(live, "{\"files\":{\"x\":\"1\",\"y\":\"2\"},\"name\":\"a\"}");
    /* what a sub-resource's call does not find is deleted only where its own call says so, too */
    PLAY({"GetLock", NULL, "no box", "Gone"}, {"GetBox", NULL, "no box", "Gone"});
    assert_int_equal(
        ctx.schema->ops->read(&ctx, json("{\"name\":\"a\"}"), json("[\"lock\"]"), &live, &err), 0);
    assert_null(live);
    PLAYED();
    PLAY({"ListUsers", NULL, "no box", "Gone"}, {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\"}}", NULL});
    assert_int_equal(
        ctx.schema->ops->read(&ctx, json("{\"name\":\"a\"}"), json("[\"users\"]"), &live, &err), -1);
    PLAYED();
    assert_int_equal(err.class, ERR_SERVICE);
    assert_string_equal(err.message, "ListUsers: Gone: no box");
    err = (struct err)ERR_INIT;
    /* readable, but as good as gone */
    PLAY({"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"dead\"}}", NULL});
    assert_int_equal(
        ctx.schema->ops->read(&ctx, json("{\"name\":\"a\"}"), json("[\"color\"]"), &live, &err), 0);
    assert_null(live);
    /* tags of others are not shown */
    PLAY({"GetBox", NULL,
        "{\"Box\": {\"Name\":\"a\",\"Tags\": {\"aws:x\":\"1\",\"weir:y\":\"2\",\"z\":\"3\"}}}", NULL});
    assert_int_equal(
        ctx.schema->ops->read(&ctx, json("{\"name\":\"a\"}"), json("[\"tags\"]"), &live, &err), 0);
    assert_json(value_getz(live, "tags"), "{\"z\":\"3\"}");
    /* refused is an error, not absence */
    PLAY({"GetBox", NULL, "you may not", "Denied"});
    assert_int_equal(ctx.schema->ops->read(&ctx, json("{\"name\":\"a\"}"), NULL, &live, &err), -1);
}

static void test_read_second_call_absent(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("tank");
    struct err err = ERR_INIT;
    const struct value *live, *named = json("{\"name\":\"a\"}");
    PLAY({"GetTank", NULL, "{\"Name\": \"a\"}", NULL}, {"GetLevel", NULL, "no gauge", "Gone"},
        {"GetTank", NULL, "{\"Name\": \"a\"}", NULL});
    assert_int_equal(ctx.schema->ops->read(&ctx, named, NULL, &live, &err), -1);
    PLAYED();
    assert_int_equal(err.class, ERR_SERVICE);
    assert_string_equal(err.message, "GetLevel: Gone: no gauge");
    err = (struct err)ERR_INIT; /* deleted in between */
    PLAY({"GetTank", NULL, "{\"Name\": \"a\"}", NULL}, {"GetLevel", NULL, "no tank", "Gone"},
        {"GetTank", NULL, "no tank", "Gone"});
    assert_int_equal(ctx.schema->ops->read(&ctx, named, NULL, &live, &err), 0);
    PLAYED();
    assert_null(live);
}

/* Also a call that is always made: the first one tells whether it is deleted. */
static void test_read_further_call_absent(void **state)
{
    (void)state;
    static const char pump[] = "{\"Pump\": {\"Name\": \"a\"}}";
    struct op_ctx ctx = ctx_of("pump");
    struct err err = ERR_INIT;
    const struct value *live, *named = json("{\"name\":\"a\"}");
    PLAY({"GetPump", NULL, pump, NULL}, {"GetFlow", NULL, "no flow", "Gone"}, {"GetPump", NULL, pump, NULL});
    assert_int_equal(ctx.schema->ops->read(&ctx, named, NULL, &live, &err), -1);
    PLAYED();
    assert_int_equal(err.class, ERR_SERVICE);
    assert_string_equal(err.message, "GetFlow: Gone: no flow");
    err = (struct err)ERR_INIT;
    PLAY({"GetPump", NULL, pump, NULL}, {"GetFlow", NULL, "{\"Flows\": []}", NULL},
        {"GetPump", NULL, pump, NULL});
    assert_int_equal(ctx.schema->ops->read(&ctx, named, NULL, &live, &err), -1);
    PLAYED();
    assert_string_equal(err.message, "GetFlow: nothing is at Flows[]");
    err = (struct err)ERR_INIT; /* deleted in between */
    PLAY({"GetPump", NULL, pump, NULL}, {"GetFlow", NULL, "no flow", "Gone"},
        {"GetPump", NULL, "no pump", "Gone"});
    assert_int_equal(ctx.schema->ops->read(&ctx, named, NULL, &live, &err), 0);
    PLAYED();
    assert_null(live);
}

/* A wait may use any test, also one without a list of values. */
static void test_wait_for_comparison(void **state)
{
    (void)state;
    static const char pump[] = "{\"Pump\": {\"Name\": \"a\"}}", flow[] = "{\"Flows\": [{\"Flow\": 1}]}";
    struct op_ctx ctx = ctx_of("pump");
    struct err err = ERR_INIT;
    const struct value *live, *desired = json("{\"name\":\"a\",\"flow\":2}");
    PLAY({"MakePump", NULL, "{}", NULL}, {"GetPump", NULL, pump, NULL}, {"GetFlow", NULL, flow, NULL},
        {"GetPump", NULL, pump, NULL}, {"GetFlow", NULL, "{\"Flows\": [{\"Flow\": 2}]}", NULL});
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, desired, &live, &err), 0);
    PLAYED();
    PLAY({"MakePump", NULL, "{}", NULL}, {"GetPump", NULL, pump, NULL}, {"GetFlow", NULL, flow, NULL},
        {"GetPump", NULL, pump, NULL}, {"GetFlow", NULL, flow, NULL}, {"GetPump", NULL, pump, NULL},
        {"GetFlow", NULL, flow, NULL});
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, desired, &live, &err), -1);
    PLAYED();
    assert_string_equal(err.message, "waited 1 s for flow (now 1)");
}

/* A field's attribute is read for the wait. */
static void test_wait_for_field(void **state)
{
    (void)state;
    static const char shut[] = "{\"State\": {\"Mode\": \"shut\"}}";
    struct op_ctx ctx = ctx_of("valve");
    struct err err = ERR_INIT;
    const struct value *live, *desired = json("{\"name\":\"a\"}");
    PLAY({"MakeValve", NULL, "{}", NULL}, {"GetState", NULL, shut, NULL}, {"GetState", NULL, shut, NULL},
        {"GetState", NULL, shut, NULL});
    assert_int_equal(ctx.schema->ops->create(&ctx, &plain, desired, &live, &err), -1);
    PLAYED();
    assert_string_equal(err.message, "waited 1 s for state.mode open (now shut)");
}

static void test_multiple_of_fraction(void **state)
{
    (void)state;
    const struct schema *schema = toy_schema("pump");
    struct constraint_break broken = {0};
    const struct value *half = json("{\"name\":\"a\",\"flow\":2,\"step\":0.5}");
    const struct value *more = json("{\"name\":\"a\",\"flow\":2,\"step\":0.75}");
    assert_false(schema_constraint_broken(&arena, schema, half, CHECKED_BY_WEIR, &broken));
    broken = (struct constraint_break){0};
    assert_true(schema_constraint_broken(&arena, schema, more, CHECKED_BY_WEIR, &broken));
}

static void collect(void *into, const struct value *live)
{
    value_builder_add(into, live);
}

static void test_list(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("box");
    struct err err = ERR_INIT;
    const struct value *covered;
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(&arena);
    PLAY({"ListBoxes", "{}", "{\"Boxes\": [{\"Name\":\"a\",\"Color\":\"red\"}], \"Next\": \"2\"}", NULL},
        {"ListBoxes", "{\"Next\":\"2\"}", "{\"Boxes\": [], \"Next\": \"3\"}",
            NULL}, /* empty, and yet not the end */
        {"ListBoxes", "{\"Next\":\"3\"}",
            "{\"Boxes\": [{\"Name\":\"b\",\"Status\":\"dead\"},{\"Name\":\"c\"}], \"Next\": \"\"}", NULL});
    assert_int_equal(ctx.schema->ops->list(&ctx, &(struct list_filter){.wanted = json("[\"color\"]")},
                         collect, &found, &covered, &err),
        0);
    PLAYED();
    assert_json(value_builder_list(&found),
        "[{\"arn\":\"arn:aws:toy:moon-1:42:box/a\",\"color\":\"red\",\"name\":\"a\"},"
        "{\"arn\":\"arn:aws:toy:moon-1:42:box/c\",\"name\":\"c\"}]");
    assert_json(covered, "[\"name\",\"note\",\"size\",\"color\",\"tags\",\"serial\",\"status\",\"arn\"]");
    PLAY({"ListBoxes", NULL, "{\"Boxes\": [], \"Next\": \"2\"}", NULL},
        {"ListBoxes", NULL, "{\"Boxes\": [], \"Next\": \"2\"}", NULL});
    assert_int_equal(ctx.schema->ops->list(
                         &ctx, &(struct list_filter){.wanted = json("[]")}, collect, &found, &covered, &err),
        -1);
    assert_string_equal(err.message, "ListBoxes repeats the same page");
}

/* One page, where that is all that a listing is worth. */
static void test_page_tokens_that_are_numbers(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("box");
    const struct value *covered;
    struct err err = ERR_INIT;
    struct list_filter filter = {.wanted = json("[\"name\"]")};
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(&arena);
    PLAY({"ListBoxes", "{}", "{\"Boxes\":[{\"Name\":\"a\"}],\"Next\":2}", NULL},
        {"ListBoxes", "{\"Next\":\"2\"}", "{\"Boxes\":[{\"Name\":\"b\"}],\"Next\":null}", NULL});
    assert_int_equal(ctx.schema->ops->list(&ctx, &filter, collect, &found, &covered, &err), 0);
    assert_json(value_builder_list(&found),
        "[{\"arn\":\"arn:aws:toy:moon-1:42:box/a\",\"name\":\"a\"},{\"arn\":\"arn:aws:toy:moon-1:42:box/"
        "b\",\"name\":\"b\"}]");
    PLAYED();
}

static void test_listing_of_a_page(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("box");
    struct err err = ERR_INIT;
    const struct value *covered;
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(&arena);
    const struct list_filter filter = {.wanted = json("[\"color\"]"), .page_limit = 1};
    PLAY({"ListBoxes", "{}", "{\"Boxes\": [{\"Name\":\"a\"}], \"Next\": \"\"}", NULL});
    assert_int_equal(ctx.schema->ops->list(&ctx, &filter, collect, &found, &covered, &err), 0);
    PLAYED();
    PLAY({"ListBoxes", "{}", "{\"Boxes\": [{\"Name\":\"b\"}], \"Next\": \"2\"}", NULL});
    assert_int_equal(ctx.schema->ops->list(&ctx, &filter, collect, &found, &covered, &err), -1);
    assert_int_equal(err.class, ERR_SERVICE);
    PLAYED();
}

static int saves(struct op_ctx *ctx, const char *wanted, const char *first, const char *second)
{
    const struct value *priors[] = {json(first), second ? json(second) : NULL};
    const struct list_filter filter = {.wanted = json(wanted), .priors = priors, .count = second ? 2 : 1};
    return ctx->schema->ops->listing_saves(ctx, &filter);
}

/* Of what a listing does not tell nothing is spared; what is asked for with others' counts for neither. */
static void test_what_a_listing_saves(void **state)
{
    (void)state;
    struct op_ctx box = ctx_of("box"), road = ctx_of("road");
    assert_int_equal(saves(&box, "[\"color\"]", "{\"name\":\"a\"}", NULL), 0);
    assert_int_equal(saves(&box, "[\"color\"]", "{\"name\":\"a\"}", "{\"name\":\"b\"}"), 1);
    assert_int_equal(
        saves(&box, "[\"color\",\"lock\",\"users\",\"files\"]", "{\"name\":\"a\"}", "{\"name\":\"b\"}"), 1);
    assert_int_equal(saves(&box, "[\"users\"]", "{\"name\":\"a\"}", "{\"name\":\"b\"}"), -1);
    assert_int_equal(saves(&road, "[\"lanes\"]", "{\"from\":\"a\",\"to\":\"b\"}", NULL), 0);
}

static void test_list_after_the_last(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("tank");
    struct err err = ERR_INIT;
    const struct value *covered;
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(&arena);
    PLAY({"ListTanks", "{}", "{\"Tanks\": [{\"Name\":\"a\"},{\"Name\":\"b\"}], \"More\": true}", NULL},
        {"ListTanks", "{\"After\":\"b\"}", "{\"Tanks\": [{\"Name\":\"c\"}], \"More\": false}", NULL});
    assert_int_equal(
        ctx.schema->ops->list(&ctx, &(struct list_filter){.wanted = NULL}, collect, &found, &covered, &err),
        0);
    PLAYED();
    assert_json(value_builder_list(&found), "[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]");
    PLAY({"ListTanks", "{}", "{\"Tanks\": [], \"More\": true}", NULL});
    assert_int_equal(
        ctx.schema->ops->list(&ctx, &(struct list_filter){.wanted = NULL}, collect, &found, &covered, &err),
        -1);
    assert_string_equal(err.message, "ListTanks reports further pages, but returns no token for them");
}

static void test_find(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("note");
    struct err err = ERR_INIT;
    const struct value *live;
    PLAY({"ListNotes", "{}",
             "{\"Notes\": [{\"NoteId\":\"n-1\",\"Text\":\"other\"},{\"NoteId\":\"n-2\",\"Text\":\"mine\"}]}",
             NULL},
        {"GetNote", "{\"NoteId\":\"n-2\"}", "{\"Notes\": [{\"NoteId\":\"n-2\",\"Text\":\"mine\"}]}", NULL});
    assert_int_equal(ctx.schema->ops->find(&ctx, &plain, json("{\"text\":\"mine\"}"), &live, &err), 0);
    PLAYED();
    assert_json(live, "{\"note_id\":\"n-2\",\"text\":\"mine\"}");
    PLAY({"ListNotes", NULL, "{\"Notes\": []}", NULL});
    assert_int_equal(ctx.schema->ops->find(&ctx, &plain, json("{\"text\":\"mine\"}"), &live, &err), 0);
    assert_null(live);
}

/* ---- update ---- */

static const struct value *update(
    const char *prior, const char *desired, const char *changed, struct err *err)
{
    struct op_ctx ctx = ctx_of("box");
    const struct value *live = NULL;
    if (ctx.schema->ops->update(&ctx, json(prior), json(desired), json(changed), &live, err))
        return NULL;
    return live;
}

static void test_update_partial(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    PLAY({"SetBox", "{\"Name\":\"a\",\"Size\":5}", NULL, NULL},
        {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"ok\"}}", NULL});
    const struct value *live = update("{\"name\":\"a\",\"note\":\"n\",\"size\":3}",
        "{\"name\":\"a\",\"note\":\"n\",\"size\":5}", "[\"size\"]", &err);
    PLAYED();
    assert_int_equal(value_getz(live, "size")->integer, 5);
    /* taken out of the file: what `unset` says, or the default */
    PLAY({"SetBox", "{\"Name\":\"a\",\"Note\":\"\",\"Size\":3}", NULL, NULL},
        {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"ok\"}}", NULL});
    live =
        update("{\"name\":\"a\",\"note\":\"n\",\"size\":5}", "{\"name\":\"a\"}", "[\"note\",\"size\"]", &err);
    PLAYED();
    assert_null(value_getz(live, "note"));
}

static void update_tank(const char *prior, const char *desired)
{
    struct err err = ERR_INIT;
    struct op_ctx ctx = ctx_of("tank");
    const struct value *live = NULL;
    ctx.schema->ops->update(&ctx, json(prior), json(desired), json("[\"litres\"]"), &live, &err);
    assert_non_null(live);
}

/* Which call it is depends on what was before; without a word it was the default. */
static void test_update_by_prior(void **state)
{
    (void)state;
    PLAY({"Fill", "{\"Litres\":12,\"Name\":\"a\"}", NULL, NULL});
    update_tank("{\"name\":\"a\",\"litres\":9}", "{\"name\":\"a\",\"litres\":12}");
    PLAYED();
    PLAY({"Drain", "{\"Litres\":10,\"Name\":\"a\"}", NULL, NULL});
    update_tank("{\"name\":\"a\",\"litres\":12}", "{\"name\":\"a\"}");
    PLAYED();
    PLAY({"Drain", "{\"Litres\":3,\"Name\":\"a\"}", NULL, NULL});
    update_tank("{\"name\":\"a\"}", "{\"name\":\"a\",\"litres\":3}");
    PLAYED();
}

static void test_update_full(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    /* somebody else's note is sent back, or the call would erase it */
    PLAY({"GetBox", NULL, "{\"Box\": {\"Name\":\"a\",\"Color\":\"red\",\"Note\":\"theirs\",\"Serial\":1}}",
             NULL},
        {"PaintBox", "{\"Name\":\"a\",\"Paint\":{\"Color\":\"blue\",\"Note\":\"theirs\"}}", NULL, NULL},
        {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"ok\", \"Serial\": 2}}", NULL},
        {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"ok\", \"Serial\": 2}}", NULL});
    const struct value *live = update("{\"name\":\"a\",\"color\":\"red\",\"serial\":1}",
        "{\"name\":\"a\",\"color\":\"blue\"}", "[\"color\"]", &err);
    PLAYED();
    assert_int_equal(value_getz(live, "serial")->integer, 2);
}

static void test_update_sets(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    PLAY({"PutLock", "{\"Lock\":true,\"Name\":\"a\"}", NULL, NULL},
        {"DropFiles", "{\"Ids\":[\"p\",\"q\"],\"Name\":\"a\"}", NULL, NULL},
        {"DropFiles", "{\"Ids\":[\"r\"],\"Name\":\"a\"}", NULL, NULL},
        {"PutFiles", "{\"Files\":[{\"Id\":\"x\",\"Text\":\"2\"}],\"Name\":\"a\"}", NULL, NULL},
        {"RemoveUser", "{\"Name\":\"a\",\"User\":\"old\"}", "none", "Gone"}, /* gone already: done */
        {"RemoveUser", "{\"Name\":\"a\",\"User\":\"older\"}", NULL, NULL},   /* and no reason to stop */
        {"AddUser", "{\"Name\":\"a\",\"User\":\"new\"}", NULL, NULL},
        {"Untag", "{\"Keys\":[\"out\"],\"Name\":\"a\"}", NULL, NULL},
        {"Tag", "{\"Name\":\"a\",\"Tags\":{\"k\":\"2\"}}", NULL, NULL});
    assert_non_null(update("{\"name\":\"a\",\"files\":{\"p\":\"\",\"q\":\"\",\"r\":\"\",\"x\":\"1\",\"y\":"
                           "\"1\"},\"users\":[\"both\",\"old\",\"older\"],"
                           "\"tags\":{\"aws:a\":\"1\",\"k\":\"1\",\"out\":\"1\",\"same\":\"1\"}}",
        "{\"name\":\"a\",\"lock\":true,\"files\":{\"x\":\"2\",\"y\":\"1\"},\"users\":[\"both\",\"new\"],"
        "\"tags\":{\"k\":\"2\",\"same\":\"1\"}}",
        "[\"lock\",\"files\",\"users\",\"tags\"]", &err));
    PLAYED();
    /* a sub-resource that is no longer wanted; live sets that the record does not know are read first */
    PLAY({"OpenLock", "{\"Name\":\"a\"}", NULL, NULL},
        {"ListUsers", NULL, "{\"Users\": [{\"Id\":\"u\"}]}", NULL},
        {"RemoveUser", "{\"Name\":\"a\",\"User\":\"u\"}", NULL, NULL});
    assert_non_null(
        update("{\"name\":\"a\",\"lock\":true}", "{\"name\":\"a\"}", "[\"lock\",\"users\"]", &err));
    PLAYED();
}

static void test_failed_entries(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    /* a failure inside a 200 answer: repeated where the spec says so, an error otherwise */
    PLAY({"PutFiles", NULL, "{\"Failed\": [{\"ErrorCode\": \"Busy\", \"ErrorMessage\": \"later\"}]}", NULL},
        {"PutFiles", NULL, "{\"Failed\": []}", NULL},
        {"PutFiles", NULL, "{\"Failed\": [{\"ErrorCode\": \"Bad\", \"ErrorMessage\": \"too long\"}]}", NULL});
    assert_non_null(update(
        "{\"name\":\"a\",\"files\":{}}", "{\"name\":\"a\",\"files\":{\"x\":\"1\"}}", "[\"files\"]", &err));
    assert_null(update(
        "{\"name\":\"a\",\"files\":{}}", "{\"name\":\"a\",\"files\":{\"x\":\"1\"}}", "[\"files\"]", &err));
    PLAYED();
    assert_string_equal(err.message, "files: PutFiles: Bad: too long");
}

/* ---- delete ---- */

static void test_delete(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("box");
    struct err err = ERR_INIT;
    PLAY({"ListLocks", "{\"Name\":\"a\"}",
             "{\"Locks\": "
             "[{\"Id\":\"1\",\"Made\":\"2020\"},{\"Id\":\"2\",\"Made\":\"2022\"},{\"Id\":\"3\",\"Made\":"
             "\"2021\"},"
             "{\"Id\":\"4\",\"Made\":\"2019\",\"Kept\":true}]}",
             NULL},
        {"DropLock", "{\"Lock\":\"3\",\"Name\":\"a\"}", NULL,
            NULL}, /* the newest one is kept, and the one that is marked */
        {"DropLock", "{\"Lock\":\"1\",\"Name\":\"a\"}", NULL, NULL},
        {"DropBox", "{\"Force\":false,\"Name\":\"a\"}", NULL, NULL}, /* local attributes have their default */
        {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\", \"Status\": \"dying\"}}", NULL},
        {"GetBox", NULL, "none", "Gone"});
    assert_int_equal(ctx.schema->ops->delete (&ctx, 0, json("{\"name\":\"a\",\"arn\":\"x\"}"), &err), 0);
    PLAYED();
    /* gone already is done, however the service says it */
    PLAY({"ListLocks", NULL, "none", "Gone"}, {"DropBox", NULL, "none", "Gone"},
        {"GetBox", NULL, "none", "Gone"});
    assert_int_equal(ctx.schema->ops->delete (&ctx, 0, json("{\"name\":\"a\",\"arn\":\"x\"}"), &err), 0);
    PLAYED();
    PLAY({"ListLocks", NULL, "what?", "Odd"}, {"GetBox", NULL, "none", "Gone"});
    assert_int_equal(ctx.schema->ops->delete (&ctx, 0, json("{\"name\":\"a\",\"arn\":\"x\"}"), &err), 0);
    PLAYED();
    PLAY({"ListLocks", NULL, "what?", "Odd"}, {"GetBox", NULL, "{\"Box\": {\"Name\": \"a\"}}", NULL});
    assert_int_equal(ctx.schema->ops->delete (&ctx, 0, json("{\"name\":\"a\",\"arn\":\"x\"}"), &err), -1);
    assert_string_equal(err.message, "Odd: what?");
}

/* ---- what only some services need ---- */

static void test_inside_json_text(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("road");
    struct err err = ERR_INIT;
    const struct value *live;
    /* an import knows the id alone: what it is made of is taken from it */
    PLAY({"GetRoads", "{\"From\":\"rome\"}",
        "{\"Body\": \"{\\\"Roads\\\": [{\\\"To\\\": \\\"here\\\"}, {\\\"To\\\": \\\"ostia\\\", \\\"From\\\": "
        "\\\"rome\\\", \\\"Lanes\\\": \\\"two\\\","
        "\\\"Signs\\\": [{\\\"Place\\\": \\\"a\\\", \\\"Text\\\": \\\"slow\\\"}, {\\\"Place\\\": \\\"b\\\", "
        "\\\"Owner\\\": \\\"State\\\"}]}]}\"}",
        NULL});
    assert_int_equal(ctx.schema->ops->read(
                         &ctx, json("{\"id\":\"rome/ostia\"}"), json("[\"lanes\",\"signs\"]"), &live, &err),
        0);
    assert_json(live,
        "{\"arn\":\"arn:aws:toy:::road/rome/ostia\",\"from\":\"rome\",\"id\":\"rome/ostia\",\"lanes\":2,"
        "\"signs\":{\"a\":{\"text\":\"slow\"}},\"to\":\"ostia\"}");
    PLAY({"GetRoads", NULL, "{\"Body\": \"{\\\"Roads\\\": []}\"}", NULL});
    assert_int_equal(ctx.schema->ops->read(&ctx, json("{\"id\":\"rome/ostia\"}"), NULL, &live, &err), 0);
    assert_null(live);
}

static void test_sets_of_a_new_one(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("road");
    struct err err = ERR_INIT;
    const struct value *live;
    PLAY({"MakeRoad", "{\"From\":\"a\",\"To\":\"b\"}", "{\"From\":\"a\"}", NULL},
        {"PutSign", "{\"From\":\"a\",\"Signs\":[{\"Place\":\"x\",\"Text\":\"stop\"}]}", NULL, NULL},
        {"GetRules", "{\"From\":\"a\"}", "{\"Rules\": [\"default\"]}", NULL},
        {"SetRules", "{\"Add\":[\"mine\"],\"Drop\":[\"default\"],\"From\":\"a\"}", NULL, NULL});
    assert_int_equal(
        ctx.schema->ops->create(&ctx, &plain,
            json("{\"from\":\"a\",\"to\":\"b\",\"rules\":[\"mine\"],\"signs\":{\"x\":{\"text\":\"stop\"}}}"),
            &live, &err),
        0);
    PLAYED();
    assert_null(value_getz(live, "serial")); /* hidden */
}

static void test_replaced_entries_and_looking_first(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("road");
    struct err err = ERR_INIT;
    const struct value *live;
    PLAY({"GetRoad", "{\"From\":\"a\",\"To\":\"b\"}", "{\"Serial\":\"s7\",\"Lanes\":\"one\"}", NULL},
        {"Widen", "{\"From\":\"a\",\"Lanes\":\"two\",\"Serial\":\"s7\"}", NULL, NULL},
        {"DropSigns", "{\"From\":\"a\",\"Signs\":[{\"Place\":\"old\",\"Text\":\"o\"}]}", NULL, NULL},
        {"PaintSign", "{\"From\":\"a\",\"Signs\":[{\"Place\":\"there\",\"Text\":\"2\"}]}", NULL, NULL},
        {"PutSign", "{\"From\":\"a\",\"Signs\":[{\"Place\":\"new\",\"Text\":\"n\"}]}", NULL, NULL});
    const struct value *prior = json("{\"from\":\"a\",\"to\":\"b\",\"lanes\":1,\"signs\":{\"old\":{\"text\":"
                                     "\"o\"},\"there\":{\"text\":\"1\"}}}");
    const struct value *desired = json("{\"from\":\"a\",\"to\":\"b\",\"lanes\":2,\"signs\":{\"new\":{"
                                       "\"text\":\"n\"},\"there\":{\"text\":\"2\"}}}");
    assert_int_equal(
        ctx.schema->ops->update(&ctx, prior, desired, json("[\"lanes\",\"signs\"]"), &live, &err), 0);
    PLAYED();
}

#define TEST(name) cmocka_unit_test_teardown(name, toy_release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_create),
        TEST(test_create_half),
        TEST(test_create_refused),
        TEST(test_create_assigned_id),
        TEST(test_wait_fails),
        TEST(test_wait_by_condition),
        TEST(test_wait_times_out),
        TEST(test_read),
        TEST(test_read_second_call_absent),
        TEST(test_read_further_call_absent),
        TEST(test_wait_for_comparison),
        TEST(test_wait_for_field),
        TEST(test_multiple_of_fraction),
        TEST(test_list),
        TEST(test_find),
        TEST(test_update_partial),
        TEST(test_update_by_prior),
        TEST(test_page_tokens_that_are_numbers),
        TEST(test_listing_of_a_page),
        TEST(test_what_a_listing_saves),
        TEST(test_list_after_the_last),
        TEST(test_update_full),
        TEST(test_update_sets),
        TEST(test_failed_entries),
        TEST(test_delete),
        TEST(test_inside_json_text),
        TEST(test_sets_of_a_new_one),
        TEST(test_replaced_entries_and_looking_first),
    };
    return cmocka_run_group_tests(tests, set_up, toy_free);
}
