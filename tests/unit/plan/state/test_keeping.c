/* Moving a state, looking into its past, and finding out whether it is in good order. */
#include "support.h"

#include "plan/state/doctor.h"
#include "plan/state/history.h"
#include "plan/state/migrate.h"

static struct arena scratch;

static struct backend *backend_at(const char *path)
{
    struct err err = ERR_INIT;
    struct backend *b;
    struct backend_options options = {.dir = str_z(test_dir), .stack = STR("lake")};
    struct value_entry entry = {STR("path"), value_stringz(&scratch, path)};
    options.config = value_map(&scratch, &entry, 1);
    ASSERT_OK(backend_new(&options, &b, &err), err);
    return b;
}

static struct state *open_at(const char *path)
{
    struct err err = ERR_INIT;
    struct state *state;
    ASSERT_OK(state_open(&(struct state_options){.backend = backend_at(path)}, &state, &err), err);
    return state;
}

static void begin(struct state *state, const char *command)
{
    struct err err = ERR_INIT;
    ASSERT_OK(state_lock(state, command, 0, &err), err);
    ASSERT_OK(state_begin(state, command, NULL, &err), err);
}

/* Three runs: two resources, one of them changed and a snapshot, the other one gone. The last was killed. */
static void fill(void)
{
    struct err err = ERR_INIT, why = ERR_INIT;
    struct state *state = open_at(".weir");
    begin(state, "apply");
    ASSERT_OK(
        state_keep_sources(state, STR("d1"), test_json(&scratch, "{\"weir.yaml\":\"stack: lake\"}"), &err),
        err);
    ASSERT_OK(test_done(state, "lake", "{\"name\":\"b\"}", &err), err);
    ASSERT_OK(test_done(state, "pond", "{\"name\":\"p\"}", &err), err);
    ASSERT_OK(state_end(state, "done", NULL, NULL, &err), err);
    state_close(state);
    state = open_at(".weir");
    begin(state, "apply");
    ASSERT_OK(
        state_keep_sources(state, STR("d1"), test_json(&scratch, "{\"weir.yaml\":\"stack: lake\"}"), &err),
        err);
    ASSERT_OK(test_done(state, "lake", "{\"name\":\"c\"}", &err), err);
    err_set(&why, ERR_SERVICE, "no such key");
    ASSERT_OK(state_fail(state, STR("pond"), STR("update"), &why, NULL, &err), err);
    ASSERT_OK(state_end(state, "failed", NULL, NULL, &err), err);
    ASSERT_OK(state_snapshot(state, NULL, &err), err);
    state_close(state);
    state = open_at(".weir");
    begin(state, "destroy");
    ASSERT_OK(test_done(state, "pond", NULL, &err), err);
    ASSERT_OK(test_intent(state, "lake", &err), err);
    state_close(state);
}

static void test_history(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    const struct history_run *runs;
    size_t n;
    fill();
    struct backend *b = backend_at(".weir");
    ASSERT_OK(history_read(b, &scratch, &runs, &n, &err), err);
    assert_int_equal(n, 3);
    assert_string_equal(runs[0].command.p, "apply");
    assert_string_equal(runs[0].status.p, "done");
    assert_int_equal(runs[0].created, 2);
    assert_true(runs[0].end_ms >= runs[0].begin_ms && runs[0].begin_ms > 0);
    assert_string_equal(runs[1].status.p, "failed");
    assert_int_equal(runs[1].failed, 1);
    assert_int_equal(runs[1].change_count, 2);
    assert_string_equal(runs[1].changes[1].error.p, "no such key");
    assert_string_equal(runs[2].command.p, "destroy");
    assert_string_equal(runs[2].status.p, "");
    assert_int_equal(runs[2].deleted, 1);
    assert_string_equal(runs[2].changes[0].address.p, "pond");
    assert_ptr_equal(history_find(runs, n, STR("2")), &runs[1]);
    assert_null(history_find(runs, n, STR("7")));

    const struct value *files;
    ASSERT_OK(history_sources(b, NULL, STR("."), STR("2"), &scratch, &files, &err),
        err); /* kept with run 1, not changed */
    assert_true(value_equal(files, test_json(&scratch, "{\"weir.yaml\":\"stack: lake\"}")));
    assert_int_equal(history_sources(b, NULL, STR("."), STR("3"), &scratch, &files, &err), -1);
    assert_int_equal(history_sources(b, NULL, STR("."), STR("9"), &scratch, &files, &err), -1);
    assert_int_equal(err.class, ERR_ABSENT);
    backend_free(b);
}

static void test_sources_are_sealed(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct value_entry file = {STR("weir.yaml"), value_stringz(&scratch, "password: swordfish")};
    const struct value *files = value_map(&scratch, &file, 1), *back;
    setenv("WEIR_STATE_KEY", "a passphrase of some length", 1);
    struct state *state = open_at(".weir");
    begin(state, "apply");
    ASSERT_OK(state_keep_sources(state, STR("d1"), files, &err), err);
    state_close(state);
    assert_true(str_find(test_read(&scratch, "lake.log"), STR("swordfish"), 0) < 0);
    struct backend *b = backend_at(".weir");
    ASSERT_OK(history_sources(b, NULL, STR("."), STR("1"), &scratch, &back, &err), err);
    assert_true(value_equal(back, files));
    unsetenv("WEIR_STATE_KEY");
    assert_int_equal(history_sources(b, NULL, STR("."), STR("1"), &scratch, &back, &err), -1);
    backend_free(b);
}

static void test_state_at(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    fill();
    struct state *state = open_at(".weir");
    uint64_t last = state_seq(state);
    state_close(state);
    static const struct {
        uint64_t at;
        const char *name;
        size_t count;
    } expected[] = {{3, "b", 1}, {4, "b", 2}, {5, "b", 2}, {8, "c", 2}, {12, "c", 2}}; /* 12: in a snapshot */
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct state_options options = {.backend = backend_at(".weir"), .at = expected[i].at};
        ASSERT_OK(state_open(&options, &state, &err), err);
        assert_int_equal(state_count(state), expected[i].count);
        assert_string_equal(state_get(state, STR("lake"))->subject.id.p, expected[i].name);
        state_close(state);
    }
    struct state_options beyond = {.backend = backend_at(".weir"), .at = last + 1};
    assert_int_equal(state_open(&beyond, &state, &err), -1);
    assert_int_equal(err.class, ERR_ABSENT);
}

static void migrate(const char *from, const char *to, int expected)
{
    struct err err = ERR_INIT;
    struct migrate_result result = {0};
    struct backend *a = backend_at(from), *b = backend_at(to);
    int status = state_migrate(a, b, 0, &result, &err);
    if (status)
        assert_int_equal(err.class, expected);
    else
        assert_true(result.records > 10);
    assert_int_equal(status, expected ? -1 : 0);
    backend_free(a);
    backend_free(b);
}

static void test_migrate(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    migrate(".weir", "new", ERR_ABSENT);
    fill();
    migrate(".weir", "new", 0);
    struct state *state = open_at("new");
    assert_int_equal(state_count(state), 1);
    assert_string_equal(state_get(state, STR("lake"))->subject.id.p, "c");
    size_t n;
    state_open_intents(state, &n);
    assert_int_equal(n, 1);
    begin(state, "apply"); /* life goes on there, and not in the old place */
    ASSERT_OK(state_end(state, "done", NULL, NULL, &err), err);
    state_close(state);
    state = open_at(".weir");
    assert_int_equal(state_count(state), 1);
    assert_int_equal(state_lock(state, "apply", 0, &err), -1);
    assert_int_equal(err.class, ERR_STALE);
    assert_non_null(strstr(err.message, "was moved to "));
    state_close(state);
    migrate(".weir", "new", ERR_STALE);
    migrate(".weir", "newer", ERR_STALE);
    const struct history_run *runs;
    struct backend *b = backend_at("new");
    ASSERT_OK(history_read(b, &scratch, &runs, &n, &err), err);
    assert_int_equal(n, 4);
    backend_free(b);
}

/* A copy that was killed halfway is finished by the next try. */
static void test_migrate_again(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    fill();
    struct str log = test_read(&scratch, "lake.00000000000000000001.log");
    char path[256];
    snprintf(path, sizeof path, "%s/new", test_dir);
    ASSERT_OK(dir_make(path, &err), err);
    test_write("../new/lake.log", str_slice(log, 0, log.n / 2));
    migrate(".weir", "new", 0);
    struct state *state = open_at("new");
    assert_int_equal(state_count(state), 1);
    state_close(state);
}

/* ---- the doctor ---- */

static char found[1024];

static void finding(void *ctx, enum probe_finding found_is, const char *name, const char *text)
{
    (void)ctx;
    size_t n = strlen(found);
    snprintf(found + n, sizeof found - n, "%s %s: %s\n", found_is == PROBE_OK ? "ok" : "BAD", name, text);
}

static int examine(struct err *err)
{
    struct probe_report report = {.line = finding};
    struct backend *b = backend_at(".weir");
    found[0] = '\0';
    int status = state_doctor(b, &report, err);
    backend_free(b);
    return status;
}

static void test_doctor(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    fill();
    ASSERT_OK(examine(&err), err);
    assert_non_null(strstr(found, "ok lock: free"));
    assert_non_null(strstr(found, "all whole; 1 resources, 1 open intents"));
    assert_non_null(strstr(found, "ok snapshots: agree with the history"));

    struct str log = test_read(&scratch, "lake.log");
    char *changed = arena_strz(&scratch, log);
    changed[30] ^= 1;
    test_write("lake.log", str_n(changed, log.n));
    assert_int_equal(examine(&err), -1);
    assert_int_equal(err.class, ERR_DAMAGED);
    assert_non_null(strstr(found, "BAD records: "));
    test_write("lake.log", log);

    changed = arena_strz(&scratch, test_read(&scratch, "lake.00000000000000000001.log"));
    *strchr(changed + strlen(changed) / 2, '{') = '[';
    test_write("lake.00000000000000000001.log", str_z(changed));
    assert_int_equal(examine(&err), -1);
    assert_non_null(strstr(err.message, "lake.00000000000000000001.log"));
}

/* A snapshot that is whole but does not say what happened: `is` in place of what its first record has. */
static void change_snapshot(const char *was, const char *is)
{
    struct err err = ERR_INIT;
    AUTO_BUF struct buf text = BUF_INIT, body = BUF_INIT;
    struct str log = test_read(&scratch, "lake.log"), rest, json;
    str_cut(log, '\n', &rest);
    struct str kept = str_cut(rest, '\n', &rest);
    ASSERT_OK(log_unframe(kept, &json, &err), err);
    uint64_t seq, batch;
    assert_true(log_numbers(json, &seq, &batch));
    ptrdiff_t begin = str_find(json, STR("\"kind\""), 0), at = str_find(json, str_z(was), 0);
    assert_true(begin > 0 && at > begin);
    buf_addf(&body, "{%.*s%s%.*s", STR_ARG(str_slice(json, (size_t)begin, (size_t)at)), is,
        STR_ARG(str_slice(json, (size_t)at + strlen(was), json.n)));
    buf_add(&text, log.p, (size_t)(kept.p - log.p));
    log_frame(&text, seq, batch, buf_str(&body));
    buf_add_str(&text, rest);
    test_write("lake.log", buf_str(&text));
}

static void test_doctor_compares_snapshots(void **unused)
{
    (void)unused;
    static const char *const changes[][2] = {{"\"from\"", "\"from_\""}, {"\"name\":\"c\"", "\"name\":\"z\""},
        {"\"attrs\"", "\"prevent_destroy\":true,\"attrs\""},
        {"\"attrs\"", "\"place\":{\"region\":\"eu-west-1\"},\"attrs\""}};
    struct err err = ERR_INIT;
    fill();
    struct str log = test_read(&scratch, "lake.log");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        change_snapshot(changes[i][0], changes[i][1]);
        assert_int_equal(examine(&err), -1);
        assert_non_null(strstr(found, "BAD snapshots: differ from the history"));
        test_write("lake.log", log);
    }
    ASSERT_OK(examine(&err), err);
}

static int teardown(void **unused)
{
    arena_release(&scratch);
    return test_dir_remove(unused);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_dir_make, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_history),
        TEST(test_sources_are_sealed),
        TEST(test_state_at),
        TEST(test_migrate),
        TEST(test_migrate_again),
        TEST(test_doctor),
        TEST(test_doctor_compares_snapshots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
