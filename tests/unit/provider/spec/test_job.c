/* Jobs by their spec: what starting, looking, listing and stopping send, and what becomes of the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/support/toy_spec.h"

static const char spec[] =
    "service: toy\n"
    "protocol: json-1.1\n"
    "target: Toy\n"
    "errors: {absent: [Gone]}\n"
    "page: {in: Next, out: Next}\n"
    "types:\n"
    "  mill:\n"
    "    id: name\n"
    "    attributes:\n"
    "      name: {type: string, required: true}\n"
    "      wheels: {type: list(string)}\n"
    "      kind: {type: string, default: SLOW}\n"
    "    create: {call: MakeMill}\n"
    "    delete: {call: DropMill}\n"
    "    run:\n"
    "      attributes:\n"
    "        run_id: {type: string, read: Id}\n"
    "        run_arguments: {type: map(string), wire: Arguments, read: false}\n"
    "        run_status: {type: string, read: State}\n"
    "        run_message: {type: string, read: Why.Message}\n"
    "        run_code: {type: integer, read: Why.Code}\n"
    "        run_started: {type: timestamp, read: Started}\n"
    "        run_ended: {type: integer, read: EndedMs}\n"
    "        run_result: {type: json, read: Output}\n"
    "        run_speed: {type: integer, read: false, doc: Turns a minute.}\n"
    "        run_group: {type: string, read: Group, default: /mills}\n"
    "        run_stream: {type: string, read: Stream}\n"
    "      arguments: {as: map, to: run_arguments, prefix: --}\n"
    "      options: {run_speed: {}}\n"
    "      start:\n"
    "        - {if: {kind: FAST}, call: Grind, send: {Mill: name}, at: Run}\n"
    "        - {unless: {kind: FAST}, call: Start, send: {Mill: name, Arguments: run_arguments, Speed: "
    "run_speed}, answers: {run_id: RunId}}\n"
    "      detach: {call: Begin, send: {Mill: name}, answers: {run_id: RunId}}\n"
    "      read: {call: GetRun, send: {Mill: name, Id: run_id}, at: Run}\n"
    "      list: {each: {call: ListIds, send: {Mill: name}, at: \"Ids[]\"}, call: GetRuns, send: {Ids: "
    "\".\"}, page: none, at: \"Runs[]\", match: {Mill: name}}\n"
    "      stop: {call: StopRuns, send: {Mill: name}, with: {Ids: [\"${run_id}\"]}, failed: Errors}\n"
    "      rows: {call: GetRows, send: {Id: run_id}, at: \"Rows[]\", cells: \"Cells[]\", cell: Text, "
    "columns: \"Columns[].Name\"}\n"
    "      succeeded: {run_status: DONE}\n"
    "      failed: {run_status: [BROKEN, LATE]}\n"
    "      stopped: {run_status: HALTED}\n"
    "      error: [\"code ${run_code}\", run_message, run_result.why]\n"
    "      logs:\n"
    "        - {group: \"${run_group}/${name}\", stream: \"${run_id}\"}\n"
    "        - {group: /streams, stream: \"${run_stream}\"}\n"
    "        - {group: /fast, errors: true, if: {kind: FAST}}\n"
    "        - {group: /shared, first: \"BEGIN ${run_id}\", last: \"END ${run_id}\"}\n"
    "  barge:\n"
    "    id: name\n"
    "    attributes: {name: string, cargo: list(string)}\n"
    "    create: {call: MakeBarge}\n"
    "    delete: {call: DropBarge}\n"
    "    run:\n"
    "      attributes: {run_id: string, run_words: {type: list(string), wire: Words}}\n"
    "      arguments: {as: flags, to: run_words, after: cargo}\n"
    "      start: {call: Sail, send: {Name: name, Words: run_words}, answers: {run_id: Id}}\n"
    "      succeeded: {run_id: \"*\"}\n"
    "  lock:\n"
    "    id: name\n"
    "    attributes: {name: string}\n"
    "    create: {call: MakeLock}\n"
    "    delete: {call: DropLock}\n"
    "    run:\n"
    "      attributes:\n"
    "        run_id: {type: string, read: Id}\n"
    "        run_shut: {type: boolean, read: Shut}\n"
    "        run_keel: {type: string, read: false}\n"
    "        run_cargo: {type: any, wire: Body.Cargo, read: Cargo, default: {}, send_default: true}\n"
    "      arguments: {as: json, to: run_cargo}\n"
    "      start:\n"
    "        - {call: GetLock, send: {Name: name}, at: Lock, covers: [run_shut]}\n"
    "        - {call: Pass, send: {Name: name, Body.Cargo: run_cargo}, at: Run}\n"
    "      options: {run_keel: {}}\n"
    "      blocked:\n"
    "        - {if: {run_keel: deep}, message: there is not enough water}\n"
    "        - {if: {run_shut: true}, message: 'the lock \"${name}\" is shut', hint: 'open ${name} first'}\n"
    "      succeeded: {run_id: \"*\"}\n"
    "data:\n"
    "  flour:\n"
    "    attributes:\n"
    "      mill: {type: string, required: true}\n"
    "      rows: {type: list(any), computed: true, read: false}\n"
    "    run:\n"
    "      attributes: {run_id: {type: string, read: Id}, run_status: {type: string, read: State}}\n"
    "      start: {call: Start, send: {Mill: mill}, answers: {run_id: RunId}}\n"
    "      read: {call: GetRun, send: {Id: run_id}, at: Run}\n"
    "      rows: {call: GetRows, send: {Id: run_id}, at: \"Rows[]\", cells: \"Cells[]\", cell: Text, "
    "columns: "
    "\"Columns[].Name\"}\n"
    "      succeeded: {run_status: DONE}\n";

static int set_up(void **state)
{
    (void)state;
    return toy_load(spec);
}

static struct op_ctx ctx_of(const char *type)
{
    return (struct op_ctx){
        .arena = &arena, .provider = provider, .schema = toy_schema(type), .owner.token = STR("t0")};
}

static void assert_text(struct str text, const char *expected)
{
    assert_string_equal(arena_strz(&arena, text), expected);
}

static const struct job_ops *ops_of(const struct op_ctx *ctx)
{
    return ctx->schema->job;
}

static void test_what_a_job_is(void **state)
{
    (void)state;
    struct op_ctx mill = ctx_of("mill"), barge = ctx_of("barge");
    const struct job_ops *ops = ops_of(&mill);
    assert_int_equal(ops->takes, JOB_TAKES_MAP);
    assert_true(ops->lists && ops->reads && ops->stops && ops->has_result && ops->tabular);
    assert_int_equal(ops->option_count, 1);
    assert_text(ops->options[0].name, "speed");
    assert_text(ops->options[0].doc, "Turns a minute.");
    ops = ops_of(&barge);
    assert_false(ops->lists || ops->reads || ops->stops || ops->has_result || ops->tabular);
}

static void test_start(void **state)
{
    (void)state;
    PLAY({"Start", "{\"Arguments\":{\"--a\":\"1\",\"--b\":\"2\"},\"Mill\":\"m\",\"Speed\":9}",
        "{\"RunId\": \"r1\"}", NULL});
    struct op_ctx ctx = ctx_of("mill");
    struct job_run run;
    struct err err = ERR_INIT;
    struct job_input input = {
        .arguments = json("{\"a\": \"1\", \"--b\": \"2\"}"), .options = json("{\"speed\": 9}")};
    assert_int_equal(ops_of(&ctx)->start(&ctx, json("{\"name\": \"m\"}"), &input, &run, &err), 0);
    assert_text(run.id, "r1");
    assert_int_equal(run.state, JOB_RUNNING);
    PLAYED();
}

static void test_a_start_that_is_the_whole_run(void **state)
{
    (void)state;
    PLAY({"Grind", "{\"Mill\":\"m\"}",
        "{\"Run\": {\"Id\": \"r2\", \"State\": \"DONE\", \"Started\": 1763700000, \"EndedMs\": "
        "1763700001500, "
        "\"Output\": \"\\\"flour\\\"\"}}",
        NULL});
    struct op_ctx ctx = ctx_of("mill");
    struct job_run run;
    struct err err = ERR_INIT;
    const struct value *mill = json("{\"name\": \"m\", \"kind\": \"FAST\"}");
    assert_int_equal(ops_of(&ctx)->start(&ctx, mill, &(struct job_input){0}, &run, &err), 0);
    assert_int_equal(run.state, JOB_SUCCEEDED);
    assert_int_equal(run.ended_ms - run.started_ms, 1500);
    assert_text(value_text(run.result, STR_EMPTY), "flour");
    PLAYED();
    PLAY({"Begin", "{\"Mill\":\"m\"}", "{\"RunId\": \"r3\"}", NULL});
    assert_int_equal(ops_of(&ctx)->start(&ctx, mill, &(struct job_input){.detach = true}, &run, &err), 0);
    assert_int_equal(run.state, JOB_RUNNING);
    assert_text(run.id, "r3");
    PLAYED();
}

static void test_words_after_those_of_the_resource(void **state)
{
    (void)state;
    PLAY({"Sail", "{\"Name\":\"b\",\"Words\":[\"corn\",\"--to\",\"Ulm\"]}", "{\"Id\": \"r\"}", NULL});
    struct op_ctx ctx = ctx_of("barge");
    struct job_run run;
    struct err err = ERR_INIT;
    struct job_input input = {.arguments = json("[\"--to\", \"Ulm\"]")};
    const struct value *barge = json("{\"name\": \"b\", \"cargo\": [\"corn\"]}");
    assert_int_equal(ops_of(&ctx)->start(&ctx, barge, &input, &run, &err), 0);
    PLAYED();
}

/* What would wait for ever is refused before it is ordered, in the spec's words. */
static void test_a_start_that_is_blocked(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("lock");
    struct job_run run;
    struct err err = ERR_INIT;
    const struct value *lock = json("{\"name\": \"Ulm\"}");
    PLAY({"GetLock", "{\"Name\":\"Ulm\"}", "{\"Lock\": {\"Shut\": true}}", NULL});
    assert_int_equal(ops_of(&ctx)->start(&ctx, lock, &(struct job_input){0}, &run, &err), -1);
    assert_string_equal(err.message, "the lock \"Ulm\" is shut");
    assert_string_equal(err.hint, "open Ulm first");
    PLAYED();
    /* Of what is known before, nobody is asked. */
    err = (struct err)ERR_INIT;
    struct job_input deep = {.options = json("{\"keel\": \"deep\"}")};
    assert_int_equal(ops_of(&ctx)->start(&ctx, lock, &deep, &run, &err), -1);
    assert_string_equal(err.message, "there is not enough water");
    assert_string_equal(err.hint, "");
    /* And an open one gets a body, also where there is nothing to say. */
    PLAY({"GetLock", NULL, "{\"Lock\": {\"Shut\": false}}", NULL},
        {"Pass", "{\"Body\":{\"Cargo\":{}},\"Name\":\"Ulm\"}", "{\"Run\": {\"Id\": \"r1\"}}", NULL});
    assert_int_equal(ops_of(&ctx)->start(&ctx, lock, &(struct job_input){0}, &run, &err), 0);
    assert_text(run.id, "r1");
    PLAYED();
}

static void read_run(const char *answer, struct job_run *run)
{
    static struct exchange exchange;
    exchange = (struct exchange){"GetRun", "{\"Id\":\"r1\",\"Mill\":\"m\"}", answer, NULL};
    play(&exchange, 1);
    struct op_ctx ctx = ctx_of("mill");
    struct err err = ERR_INIT;
    assert_int_equal(ops_of(&ctx)->read(&ctx, json("{\"name\": \"m\"}"), NULL, STR("r1"), run, &err), 0);
}

static void test_states(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum job_state state;
    } cases[] = {{"WAITING", JOB_RUNNING}, {"DONE", JOB_SUCCEEDED}, {"done", JOB_SUCCEEDED},
        {"LATE", JOB_FAILED}, {"HALTED", JOB_STOPPED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job_run run;
        read_run(
            arena_printf(&arena, "{\"Run\": {\"Id\": \"r1\", \"State\": \"%s\"}}", cases[i].word).p, &run);
        assert_int_equal(run.state, cases[i].state);
        assert_text(run.status, cases[i].word);
    }
}

static void test_what_went_wrong(void **state)
{
    (void)state;
    struct job_run run;
    read_run("{\"Run\": {\"State\": \"BROKEN\", \"Why\": {\"Message\": \" the wheel \", \"Code\": 7}, "
             "\"Output\": \"{\\\"why\\\": \\\"ice\\\"}\"}}",
        &run);
    assert_text(run.error, "code 7: the wheel: ice");
    read_run("{\"Run\": {\"State\": \"BROKEN\", \"Why\": {\"Message\": \"rust\"}}}", &run);
    assert_text(run.error, "rust");
    assert_text(run.id, "r1"); /* what was asked for, where the answer does not repeat it */
    /* Of a document only what it says in words; one without words is whole. */
    read_run("{\"Run\": {\"State\": \"BROKEN\", \"Why\": {\"Message\": \"{\\\"JobRun\\\": {\\\"Driver\\\": "
             "{\\\"Memory\\\": "
             "\\\"1g\\\"}, \\\"StateDetails\\\": \\\"no wind\\\"}}\"}}}",
        &run);
    assert_text(run.error, "no wind");
    read_run("{\"Run\": {\"State\": \"BROKEN\", \"Why\": {\"Message\": \"{\\\"Code\\\": 3}\"}}}", &run);
    assert_text(run.error, "{\"Code\": 3}");
    read_run("{\"Run\": {\"State\": \"DONE\", \"Why\": {\"Message\": \"nothing\"}}}", &run);
    assert_text(run.error, "");
}

static void test_no_such_run(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("mill");
    struct job_run run;
    struct err err = ERR_INIT;
    PLAY({"GetRun", NULL, "{}", NULL}, {"GetRun", NULL, "no such run", "Gone"}); /* the first says nothing */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            ops_of(&ctx)->read(&ctx, json("{\"name\": \"m\"}"), NULL, STR("r9"), &run, &err), -1);
        assert_int_equal(err.class, i ? ERR_ABSENT : ERR_PROTOCOL);
    }
    PLAYED();
}

static void test_stop(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of("mill");
    struct err err = ERR_INIT;
    const struct value *mill = json("{\"name\": \"m\"}");
    PLAY({"StopRuns", "{\"Ids\":[\"r1\"],\"Mill\":\"m\"}", NULL, NULL},
        {"StopRuns", NULL,
            "{\"Errors\": [{\"ErrorDetail\": 1, \"ErrorCode\": \"Over\", \"ErrorMessage\": \"it is\"}]}",
            NULL});
    assert_int_equal(ops_of(&ctx)->stop(&ctx, mill, NULL, STR("r1"), &err), 0);
    assert_int_equal(ops_of(&ctx)->stop(&ctx, mill, NULL, STR("r1"), &err), -1);
    assert_string_equal(err.code, "Over");
    PLAYED();
}

/* Ids in pages, details of a page at once, only this mill's, the newest first, no more than asked for. */
static void test_list(void **state)
{
    (void)state;
    PLAY({"ListIds", "{\"Mill\":\"m\"}", "{\"Ids\": [\"a\", \"b\"], \"Next\": \"p2\"}", NULL},
        {"GetRuns", "{\"Ids\":[\"a\",\"b\"]}",
            "{\"Runs\": [{\"Id\": \"a\", \"Mill\": \"other\", \"Started\": 9}, {\"Id\": \"b\", \"Mill\": "
            "\"m\", "
            "\"Started\": 5, \"State\": \"DONE\"}]}",
            NULL},
        {"ListIds", "{\"Mill\":\"m\",\"Next\":\"p2\"}", "{\"Ids\": [\"c\", \"d\"], \"Next\": \"p3\"}", NULL},
        {"GetRuns", "{\"Ids\":[\"c\",\"d\"]}",
            "{\"Runs\": [{\"Id\": \"c\", \"Mill\": \"m\", \"Started\": 7}, {\"Id\": \"d\", \"Mill\": \"m\", "
            "\"Started\": 6}]}",
            NULL});
    struct op_ctx ctx = ctx_of("mill");
    struct err err = ERR_INIT;
    const struct job_run *runs;
    size_t n;
    assert_int_equal(ops_of(&ctx)->list(&ctx, json("{\"name\": \"m\"}"), NULL, 2, &runs, &n, &err), 0);
    assert_int_equal(n, 2);
    assert_text(runs[0].id, "c");
    assert_text(runs[1].id, "b");
    assert_int_equal(runs[1].state, JOB_SUCCEEDED);
    PLAYED();
}

static void test_rows(void **state)
{
    (void)state;
    PLAY({"GetRows", "{\"Id\":\"r1\"}",
             "{\"Columns\": [{\"Name\": \"a\"}, {\"Name\": \"b\"}], \"Next\": \"p2\", \"Rows\": [{\"Cells\": "
             "[{\"Text\": \"a\"}, {\"Text\": \"b\"}]}, {\"Cells\": [{}, {\"Text\": \"2\"}]}]}",
             NULL},
        {"GetRows", "{\"Id\":\"r1\",\"Next\":\"p2\"}",
            "{\"Rows\": [{\"Cells\": [{\"Text\": \"a\"}, {\"Text\": \"b\"}]}, {\"Cells\": [{\"Text\": "
            "\"5\"}]}]}",
            NULL});
    struct op_ctx ctx = ctx_of("mill");
    struct err err = ERR_INIT;
    const struct value *columns, *rows;
    bool more;
    struct job_run run = {.live = json("{\"run_id\": \"r1\"}")};
    assert_int_equal(
        ops_of(&ctx)->rows(&ctx, json("{\"name\": \"m\"}"), &run, 2, &columns, &rows, &more, &err), 0);
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, columns, JSON_PLAIN);
    json_write(&out, rows, JSON_PLAIN);
    /* the names' own row is left out on the first page only */
    assert_string_equal(out.p, "[\"a\",\"b\"][[null,\"2\"],[\"a\",\"b\"]]");
    assert_true(more);
    PLAYED();
}

/* A page that leads back to one that was read is not a table of any length. */
static void test_rows_without_end(void **state)
{
    (void)state;
    PLAY({"GetRows", "{\"Id\":\"r1\"}", "{\"Next\": \"p2\", \"Rows\": []}", NULL},
        {"GetRows", "{\"Id\":\"r1\",\"Next\":\"p2\"}", "{\"Next\": \"p3\", \"Rows\": []}", NULL},
        {"GetRows", "{\"Id\":\"r1\",\"Next\":\"p3\"}", "{\"Next\": \"p2\", \"Rows\": []}", NULL});
    struct op_ctx ctx = ctx_of("mill");
    struct err err = ERR_INIT;
    const struct value *columns, *rows;
    bool more;
    struct job_run run = {.live = json("{\"run_id\": \"r1\"}")};
    assert_int_equal(
        ops_of(&ctx)->rows(&ctx, json("{\"name\": \"m\"}"), &run, 2, &columns, &rows, &more, &err), -1);
    assert_string_equal(err.message, "GetRows repeats the same page");
    PLAYED();
}

static void assert_sources(const char *mill, const char *run, const char *expected)
{
    struct op_ctx ctx = ctx_of("mill");
    struct err err = ERR_INIT;
    struct job_run known = {.live = run ? json(run) : NULL};
    const struct log_source *sources;
    size_t n;
    AUTO_BUF struct buf out = BUF_INIT;
    assert_int_equal(ops_of(&ctx)->logs(&ctx, json(mill), run ? &known : NULL, &sources, &n, &err), 0);
    for (size_t i = 0; i < n; i++)
        buf_addf(&out, "%.*s:%.*s:%.*s%s ", STR_ARG(sources[i].group), STR_ARG(sources[i].stream),
            STR_ARG(sources[i].first), sources[i].errors ? "!" : "");
    assert_string_equal(out.n ? out.p : "", expected);
}

static void test_where_logs_are(void **state)
{
    (void)state;
    assert_sources("{\"name\": \"m\"}", "{\"run_id\": \"r1\"}", "/mills/m:r1: /shared::BEGIN r1 ");
    assert_sources("{\"name\": \"m\"}", "{\"run_id\": \"r1\", \"run_stream\": \"s\", \"run_group\": \"/g\"}",
        "/g/m:r1: /streams:s: /shared::BEGIN r1 ");
    assert_sources("{\"name\": \"m\", \"kind\": \"FAST\"}", NULL, "/fast::! /shared:: ");
}

/* However long it takes, it is looked at every few seconds. */
static void test_rows_of_a_long_run(void **state)
{
    (void)state;
    enum { LOOKS = 100 };
    static struct exchange exchanges[LOOKS + 2] = {{"Start", NULL, "{\"RunId\": \"r1\"}", NULL}};
    for (size_t i = 1; i <= LOOKS; i++)
        exchanges[i] = (struct exchange){"GetRun", NULL,
            i < LOOKS ? "{\"Run\": {\"State\": \"BUSY\"}}" : "{\"Run\": {\"State\": \"DONE\"}}", NULL};
    exchanges[LOOKS + 1] = (struct exchange){"GetRows", NULL,
        "{\"Columns\": [{\"Name\": \"a\"}], \"Rows\": [{\"Cells\": [{\"Text\": \"7\"}]}]}", NULL};
    play(exchanges, LOOKS + 2);
    const struct spec_type *type = map_get(&service->data, STR("flour"));
    struct op_ctx ctx = {.arena = &arena, .provider = provider, .schema = &type->schema};
    const struct value *live;
    struct err err = ERR_INIT;
    int64_t before = manual_clock_slept();
    assert_int_equal(type->schema.ops->read(&ctx, json("{\"mill\": \"m\"}"), NULL, &live, &err), 0);
    PLAYED();
    assert_true(value_equal(value_getz(live, "rows"), json("[{\"a\": \"7\"}]")));
    int64_t slept = manual_clock_slept() - before;
    assert_true(slept > (LOOKS - 6) * 5000 && slept < LOOKS * 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_what_a_job_is, toy_release),
        cmocka_unit_test_teardown(test_start, toy_release),
        cmocka_unit_test_teardown(test_a_start_that_is_the_whole_run, toy_release),
        cmocka_unit_test_teardown(test_words_after_those_of_the_resource, toy_release),
        cmocka_unit_test_teardown(test_a_start_that_is_blocked, toy_release),
        cmocka_unit_test_teardown(test_states, toy_release),
        cmocka_unit_test_teardown(test_what_went_wrong, toy_release),
        cmocka_unit_test_teardown(test_no_such_run, toy_release),
        cmocka_unit_test_teardown(test_stop, toy_release),
        cmocka_unit_test_teardown(test_list, toy_release),
        cmocka_unit_test_teardown(test_rows, toy_release),
        cmocka_unit_test_teardown(test_rows_without_end, toy_release),
        cmocka_unit_test_teardown(test_rows_of_a_long_run, toy_release),
        cmocka_unit_test_teardown(test_where_logs_are, toy_release),
    };
    return cmocka_run_group_tests(tests, set_up, toy_free);
}
