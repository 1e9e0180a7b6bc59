#include "plan/recover/recover.h"

#include "base/clock.h"
#include "tests/unit/plan/state/support.h"
#include "tests/unit/support/manual_clock.h"

#include <string.h>

/* ---- a service with one resource type, and a catalog that knows only that ---- */

static const struct type string_type = {.kind = TYPE_STRING};
static const struct attr attrs[] = {
    {.name = STR_INIT("name"), .type = &string_type, .required = true, .settable = true, .replace = true},
    {.name = STR_INIT("id"), .type = &string_type, .computed = true},
    {.name = STR_INIT("size"), .type = &string_type, .settable = true},
    {.name = STR_INIT("mode"), .type = &string_type, .settable = true},
    {.name = STR_INIT("password"),
        .type = &string_type,
        .settable = true,
        .sensitive = true,
        .write_only = true},
};

static struct {
    const struct value *live; /* what is there; NULL: nothing */
    bool down;
    int calls, fails; /* so many of the calls to come are answered by 500 */
    int64_t takes_ms; /* each */
    int64_t looked_until_ms;
    int gone_after; /* so many looks; 0: it stays */
} service;

static int look(const struct value **live, struct err *err)
{
    service.calls++;
    manual_clock_advance(service.takes_ms);
    if (service.down)
        return err_set(err, ERR_NETWORK, "connection refused");
    if (service.fails-- > 0) {
        err_set(err, ERR_SERVICE, "HTTP 500");
        err->http_status = 500;
        return -1;
    }
    *live = service.gone_after && service.calls > service.gone_after ? NULL : service.live;
    return 0;
}

static int fake_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    (void)ctx, (void)wanted;
    assert_non_null(value_getz(prior, "id"));
    return look(live, err);
}

static int fake_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    assert_int_equal(ctx->owner.token.n, 32);
    assert_true(str_eqz(value_gets(desired, "name"), "b"));
    service.looked_until_ms = attempt->look_until_ms;
    return look(live, err);
}

static const struct resource_ops ops = {.read = fake_read, .find = fake_find};
static struct schema schema = {
    .name = STR_INIT("aws.s3.bucket"), .attrs = attrs, .attr_count = 5, .id = STR_INIT("id"), .ops = &ops};

const struct schema *catalog_find(struct catalog *catalog, struct str type, bool is_data, struct err *err)
{
    (void)catalog, (void)is_data;
    assert_true(str_eq(type, schema.name));
    (void)err;
    return &schema;
}

static char said[8][160];
static int said_count;

static int no_provider(void *ctx, const struct intent *intent, struct provider **out, struct err *err)
{
    (void)ctx, (void)err;
    assert_true(str_eqz(intent->subject.provider, "aws"));
    *out = NULL;
    return 0;
}

static void note_recovered(void *ctx, struct str address, const char *text)
{
    (void)ctx;
    snprintf(said[said_count++], sizeof said[0], "%.*s %s", STR_ARG(address), text);
}

static bool patient;

static int recover(struct state *state, struct err *err)
{
    said_count = 0;
    service.calls = 0;
    struct recover_options options = {.state = state,
        .stack = STR("lake"),
        .waits = patient,
        .provider = no_provider,
        .recovered = note_recovered};
    return recover_state(&options, err);
}

/* ---- what an interrupted run left ---- */

static struct arena scratch;

static struct str intent_id;

static void leave_intent(const char *action, const char *desired, const char *set)
{
    struct err err = ERR_INIT;
    struct state *state = test_begin(NULL);
    char token[33];
    state_token(token);
    struct intent intent = {.subject = {STR("lake"), STR("aws.s3.bucket"), STR("aws"), intent_id},
        .action = str_z(action),
        .token = str_z(token),
        .desired = desired ? test_json(&scratch, desired) : NULL,
        .set = set ? test_json(&scratch, set) : NULL};
    ASSERT_OK(state_intent(state, &intent, &err), err);
    state_close(state); /* as if killed: no end */
    manual_clock_advance(60 * 60 * 1000);
}

static void leave_record(const char *record)
{
    struct err err = ERR_INIT;
    struct state *state = test_begin(NULL);
    ASSERT_OK(test_done(state, "lake", record, &err), err);
    state_close(state);
}

/* Recovers, looks again as another process would, and recovers once more: then there must be nothing to do.
 */
static const struct record *recovered(struct state **state, const char *line)
{
    struct err err = ERR_INIT;
    *state = test_open(NULL);
    ASSERT_OK(recover(*state, &err), err);
    assert_int_equal(said_count, 1);
    assert_string_equal(said[0], line);
    assert_false(state_is_locked(*state));
    state_close(*state);
    *state = test_open(NULL);
    ASSERT_OK(recover(*state, &err), err);
    assert_int_equal(said_count + service.calls, 0);
    return state_get(*state, STR("lake"));
}

static int setup(void **unused)
{
    memset(&service, 0, sizeof service);
    schema.visible_within_ms = 0;
    schema.never_recovered = patient = false;
    intent_id = STR_EMPTY;
    manual_clock_install(1800000000000);
    return test_dir_make(unused);
}

static int teardown(void **unused)
{
    arena_release(&scratch);
    manual_clock_remove();
    return test_dir_remove(unused);
}

static void test_created(void **unused)
{
    (void)unused;
    struct state *state;
    leave_intent("create", "{\"name\":\"b\",\"size\":\"1\"}", "[\"name\",\"size\"]");
    service.live = test_json(&scratch, "{\"id\":\"i-1\",\"name\":\"b\",\"size\":\"1\"}");
    const struct record *record = recovered(&state, "lake was created by an earlier run; imported (i-1)");
    assert_non_null(record);
    assert_true(str_eqz(record->subject.id, "i-1"));
    assert_true(value_equal(record->attrs, service.live));
    assert_int_equal(record->set->count, 2);
    assert_false(record->adopted || record->tainted);
    state_close(state);
}

/* What another resource has is not taken over, whatever it looks like. */
static void test_another_has_it(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct state *state = test_begin(NULL);
    ASSERT_OK(test_done(state, "pond", "{\"id\":\"i-1\",\"name\":\"b\"}", &err), err);
    state_close(state);
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    service.live = test_json(&scratch, "{\"id\":\"i-1\",\"name\":\"b\"}");
    assert_null(
        recovered(&state, "lake was to be created by an earlier run; the resource with its name is pond"));
    assert_non_null(state_get(state, STR("pond")));
    state_close(state);
}

static void test_not_created(void **unused)
{
    (void)unused;
    struct state *state;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    assert_null(recovered(&state, "lake was to be created by an earlier run, and does not exist"));
    state_close(state);
}

static size_t open_intents(struct state *state)
{
    size_t n;
    state_open_intents(state, &n);
    return n;
}

/* Recovers once, and says what was said of it. */
static const char *recovered_once(size_t left_open)
{
    struct err err = ERR_INIT;
    struct state *state = test_open(NULL);
    ASSERT_OK(recover(state, &err), err);
    assert_int_equal(said_count, 1);
    assert_int_equal(open_intents(state), left_open);
    state_close(state);
    return said[0];
}

/* A service may be at work on the last request, or show what it made late: until then nothing is decided. */
static void test_not_there_so_far(void **unused)
{
    (void)unused;
    schema.visible_within_ms = 20 * 1000;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    manual_clock_advance(-60 * 60 * 1000 + 19 * 1000);
    assert_string_equal(
        recovered_once(1), "lake does not exist so far; it is looked up again before it is created");
    assert_int_equal(service.calls, 1);
    assert_int_equal(service.looked_until_ms, 0);
    assert_int_equal(manual_clock_slept(), 0);
    service.live = test_json(&scratch, "{\"id\":\"i-1\",\"name\":\"b\"}");
    assert_string_equal(recovered_once(0), "lake was created by an earlier run; imported (i-1)");
}

static void test_nothing_came(void **unused)
{
    (void)unused;
    schema.visible_within_ms = 20 * 1000;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    manual_clock_advance(-60 * 60 * 1000 + 21 * 1000);
    assert_string_equal(recovered_once(0), "lake was to be created by an earlier run, and does not exist");
}

/* Who destroys will not look again: it is waited for as long as it may take, and no longer. */
static void test_patient(void **unused)
{
    (void)unused;
    schema.visible_within_ms = 20 * 1000;
    patient = true;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    manual_clock_advance(-60 * 60 * 1000 + 19 * 1000);
    int64_t began_ms = clock_mono_ms();
    recovered_once(0);
    assert_int_equal(service.looked_until_ms, began_ms + 1000);
    assert_int_equal(manual_clock_slept(), 1000);
}

/* The last look begins when that time is over, however long the one before took. */
static void test_patient_and_slow(void **unused)
{
    (void)unused;
    schema.visible_within_ms = 20 * 1000;
    patient = true;
    service.takes_ms = 30 * 1000;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    manual_clock_advance(-60 * 60 * 1000 + 19 * 1000);
    recovered_once(0);
    assert_int_equal(service.calls, 2);
    assert_int_equal(manual_clock_slept(), 0);
}

/* What was recorded by a clock that was set back since is as good as new. */
static void test_clock_set_back(void **unused)
{
    (void)unused;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    manual_clock_advance(-3 * 60 * 60 * 1000);
    recovered_once(1);
    patient = true;
    recovered_once(0);
    assert_int_equal(manual_clock_slept(), 5000);
}

/* What cannot be found out is said each time, and stays open. */
static void test_unknowable(void **unused)
{
    (void)unused;
    schema.never_recovered = true;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    for (int i = 0; i < 2; i++)
        assert_non_null(strstr(recovered_once(1), "and the service cannot tell whether"));
}

static void test_passing_trouble(void **unused)
{
    (void)unused;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    service.fails = 3;
    recovered_once(0);
    assert_int_equal(service.calls, 4);
}

/* A record without an id would be of no use: the intent stays. */
static void test_without_an_id(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    leave_intent("update", "{\"name\":\"b\",\"id\":\"i-1\"}", "[\"name\"]");
    service.live = test_json(&scratch, "{\"name\":\"b\"}");
    struct state *state = test_open(NULL);
    ASSERT_OK(recover(state, &err), err);
    state_close(state);
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    state = test_open(NULL);
    assert_int_equal(recover(state, &err), -1);
    assert_int_equal(open_intents(state), 1);
    state_close(state);
}

/* Something of that name that this intent cannot have made is left alone. */
static void test_another(void **unused)
{
    (void)unused;
    struct state *state;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    service.live = test_json(&scratch, "{\"id\":\"i-1\",\"name\":\"not-b\"}");
    assert_null(recovered(
        &state, "lake was to be created by an earlier run; the resource with its name is another one"));
    state_close(state);
}

/* Half of an update went through: the record says what is there, and everything named before or after is
 * looked at by the next plan. */
static void test_updated(void **unused)
{
    (void)unused;
    struct state *state;
    leave_record("{\"id\":\"i-1\",\"name\":\"b\",\"size\":\"1\",\"mode\":\"x\"}");
    leave_intent(
        "update", "{\"name\":\"b\",\"size\":\"2\",\"password\":\"swordfish\"}", "[\"size\",\"password\"]");
    service.live = test_json(&scratch, "{\"id\":\"i-1\",\"name\":\"b\",\"size\":\"2\",\"mode\":\"x\"}");
    const struct record *record =
        recovered(&state, "lake was being changed by an earlier run; recorded as it is now (i-1)");
    assert_true(value_equal(record->attrs, service.live));
    assert_true(value_equal(record->set, test_json(&scratch, "[\"name\",\"size\",\"password\"]")));
    state_close(state);
}

/* Of what was being taken over there is no record: the intent has its id. */
static void test_updated_without_a_record(void **unused)
{
    (void)unused;
    struct state *state;
    intent_id = STR("i-1");
    leave_intent("update", "{\"name\":\"b\",\"size\":\"9\"}", "[\"name\",\"size\"]");
    service.live = test_json(&scratch, "{\"id\":\"i-1\",\"name\":\"b\",\"size\":\"9\"}");
    const struct record *record =
        recovered(&state, "lake was being changed by an earlier run; recorded as it is now (i-1)");
    assert_true(str_eqz(record->subject.id, "i-1"));
    state_close(state);
}

static void test_deleted(void **unused)
{
    (void)unused;
    struct state *state;
    leave_record("{\"id\":\"i-1\",\"name\":\"b\"}");
    leave_intent("delete", NULL, NULL);
    assert_null(recovered(&state, "lake was deleted by an earlier run"));
    state_close(state);
}

static void test_not_deleted(void **unused)
{
    (void)unused;
    struct state *state;
    leave_record("{\"id\":\"i-1\",\"name\":\"b\"}");
    leave_intent("delete", NULL, NULL);
    service.live = test_json(&scratch, "{\"id\":\"i-1\",\"name\":\"b\"}");
    assert_non_null(recovered(&state, "lake was being deleted by an earlier run, and still exists"));
    state_close(state);
}

/* A service may be at work on the last request: what is still there may go, and is not changed before. */
static void test_deleted_late(void **unused)
{
    (void)unused;
    struct state *state;
    leave_record("{\"id\":\"i-1\",\"name\":\"b\"}");
    leave_intent("delete", NULL, NULL);
    manual_clock_advance(-60 * 60 * 1000 + 1000);
    service.live = test_json(&scratch, "{\"id\":\"i-1\",\"name\":\"b\"}");
    service.gone_after = 2;
    assert_null(recovered(&state, "lake was deleted by an earlier run"));
    assert_int_equal(manual_clock_slept(), 1000); /* two pauses; after four seconds more it would stay */
    state_close(state);
}

/* Without an answer nothing is decided. */
static void test_service_down(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    size_t n;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    service.down = true;
    struct state *state = test_open(NULL);
    assert_int_equal(recover(state, &err), -1);
    assert_int_equal(err.class, ERR_NETWORK);
    assert_non_null(strstr(err.message, "looking up lake, which was being created"));
    assert_int_equal(said_count, 0);
    state_open_intents(state, &n);
    assert_int_equal(n, 1);
    state_close(state);
    service.down = false;
    assert_null(recovered(&state, "lake was to be created by an earlier run, and does not exist"));
    state_close(state);
}

/* A failure that does not say whether the change was made leaves the intent to recovery. */
static void test_lost_answer(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT, why = ERR_INIT;
    size_t n;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    struct state *state = test_begin(NULL);
    err_set(&why, ERR_NETWORK, "connection reset");
    ASSERT_OK(state_fail(state, STR("lake"), STR("create"), &why, NULL, &err), err);
    state_open_intents(state, &n);
    assert_int_equal(n, 1);
    state_close(state);
    service.live = test_json(&scratch, "{\"id\":\"i-1\",\"name\":\"b\"}");
    assert_non_null(recovered(&state, "lake was created by an earlier run; imported (i-1)"));
    state_close(state);
}

/* A request that never left cannot have made anything, unless an earlier attempt of it did leave. */
static void test_never_sent(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT, why = ERR_INIT;
    size_t n;
    leave_intent("create", "{\"name\":\"b\"}", "[\"name\"]");
    struct state *state = test_begin(NULL);
    err_set(&why, ERR_NETWORK, "connection refused");
    why.retryable = why.unsure = true;
    ASSERT_OK(state_fail(state, STR("lake"), STR("create"), &why, NULL, &err), err);
    state_open_intents(state, &n);
    assert_int_equal(n, 1);
    why.unsure = false;
    ASSERT_OK(state_fail(state, STR("lake"), STR("create"), &why, NULL, &err), err);
    state_open_intents(state, &n);
    assert_int_equal(n, 0);
    state_close(state);
}

static void test_still_running(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct state *writer = test_begin(NULL);
    ASSERT_OK(test_intent(writer, "lake", &err), err);
    struct state *state = test_open(NULL);
    assert_int_equal(recover(state, &err), -1);
    assert_int_equal(err.class, ERR_LOCKED);
    assert_int_equal(service.calls, 0);
    state_close(state);
    state_close(writer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_created),
        TEST(test_another_has_it),
        TEST(test_not_created),
        TEST(test_not_there_so_far),
        TEST(test_nothing_came),
        TEST(test_patient),
        TEST(test_patient_and_slow),
        TEST(test_clock_set_back),
        TEST(test_unknowable),
        TEST(test_passing_trouble),
        TEST(test_without_an_id),
        TEST(test_another),
        TEST(test_updated),
        TEST(test_updated_without_a_record),
        TEST(test_deleted),
        TEST(test_not_deleted),
        TEST(test_deleted_late),
        TEST(test_service_down),
        TEST(test_lost_answer),
        TEST(test_never_sent),
        TEST(test_still_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
