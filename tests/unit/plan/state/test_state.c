#include "support.h"

#include <errno.h>
#include <pthread.h>

/* What is written is what the next process reads. */
static void test_round_trip(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct state *state = test_begin(NULL);
    assert_int_equal(state_lineage(state).n, 32);
    ASSERT_OK(test_intent(state, "lake", &err), err);
    ASSERT_OK(
        test_done(state, "lake", "{\"name\":\"b\",\"tags\":{\"a\":\"1\"},\"n\":[1,2.5,true,null]}", &err),
        err);
    ASSERT_OK(test_done(state, "gone", "{\"name\":\"c\"}", &err), err);
    ASSERT_OK(test_done(state, "gone", NULL, &err), err);
    ASSERT_OK(test_intent(state, "half", &err), err);
    ASSERT_OK(state_set_outputs(state, test_json(&scratch, "{\"url\":\"s3://b\"}"), &err), err);
    ASSERT_OK(state_end(state, "ok", NULL, NULL, &err), err);
    char lineage[33];
    snprintf(lineage, sizeof lineage, "%s", state_lineage(state).p);
    uint64_t seq = state_seq(state);
    state_close(state);

    state = test_open(NULL);
    assert_string_equal(state_lineage(state).p, lineage);
    assert_int_equal(state_seq(state), seq);
    assert_int_equal(state_count(state), 1);
    const struct record *lake = state_get(state, STR("lake"));
    assert_non_null(lake);
    assert_true(str_eqz(lake->subject.provider, "aws"));
    assert_true(str_eqz(lake->subject.id, "b"));
    assert_int_equal(lake->seq, 3);
    assert_true(value_equal(
        lake->attrs, test_json(&scratch, "{\"name\":\"b\",\"tags\":{\"a\":\"1\"},\"n\":[1,2.5,true,null]}")));
    assert_true(value_equal(lake->set, test_json(&scratch, "[\"name\"]")));
    assert_null(state_get(state, STR("gone")));
    size_t n;
    const struct intent *const *open = state_open_intents(state, &n);
    assert_int_equal(n, 1);
    assert_true(str_eqz(open[0]->subject.address, "half"));
    assert_true(str_eqz(open[0]->action, "create"));
    assert_int_equal(open[0]->token.n, 32);
    assert_true(value_equal(open[0]->desired, test_json(&scratch, "{\"name\":\"b\"}")));
    assert_true(value_equal(state_outputs(state), test_json(&scratch, "{\"url\":\"s3://b\"}")));
    state_close(state);
}

static void test_fail_leaves_tainted(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT, why = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    err_set(&why, ERR_SERVICE, "no");
    struct state *state = test_begin(NULL);
    ASSERT_OK(test_intent(state, "a", &err), err);
    ASSERT_OK(state_fail(state, STR("a"), STR("create"), &why, NULL, &err), err);
    ASSERT_OK(test_intent(state, "b", &err), err);
    struct outcome left = {.record = {.subject = {STR("b"), STR("aws.s3.bucket"), STR("aws.tokyo"), STR("b")},
                               .tainted = true,
                               .attrs = test_json(&scratch, "{\"name\":\"b\"}")},
        .action = STR("create")};
    ASSERT_OK(state_fail(state, STR("b"), STR("create"), &why, &left, &err), err);
    for (int pass = 0; pass < 2; pass++) {
        size_t n;
        state_open_intents(state, &n);
        assert_int_equal(n, 0);
        assert_null(state_get(state, STR("a")));
        assert_true(state_get(state, STR("b"))->tainted);
        assert_true(str_eqz(state_get(state, STR("b"))->subject.provider, "aws.tokyo"));
        state_close(state);
        state = test_open(NULL);
    }
    state_close(state);
}

static void test_move_and_drop(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct state *state = test_begin(NULL);
    ASSERT_OK(test_done(state, "old[\"k\"]", "{\"name\":\"b\"}", &err), err);
    ASSERT_OK(test_done(state, "rest", "{\"name\":\"r\"}", &err), err);
    struct outcome user = {.record = {.subject = {STR("user"), STR("aws.iam.role"), STR("aws"), STR_EMPTY},
                               .attrs = test_json(&scratch, "{}"),
                               .deps = test_json(&scratch, "[\"old\",\"old[\\\"k\\\"]\",\"rest\"]")},
        .action = STR("create")};
    ASSERT_OK(state_done(state, &user, &err), err);
    ASSERT_OK(state_move(state, STR("old[\"k\"]"), STR("new[\"k\"]"), &err), err);
    assert_int_equal(state_move(state, STR("nothing"), STR("x"), &err), -1);
    assert_int_equal(err.class, ERR_ABSENT);
    assert_int_equal(state_move(state, STR("rest"), STR("user"), &err), -1);
    assert_int_equal(err.class, ERR_EXISTS);
    ASSERT_OK(state_drop(state, STR("rest"), &err), err);
    ASSERT_OK(state_flush(state, &err), err);
    for (int pass = 0; pass < 2; pass++) {
        size_t n;
        const struct record *const *records = state_records(state, &n);
        assert_int_equal(n, 2);
        assert_string_equal(records[0]->subject.address.p, "new[\"k\"]");
        assert_string_equal(records[1]->subject.address.p, "user");
        assert_true(
            value_equal(records[1]->deps, test_json(&scratch, "[\"new\",\"new[\\\"k\\\"]\",\"rest\"]")));
        state_close(state);
        state = test_open(NULL);
    }
    state_close(state);
}

static void test_snapshot_keeps_everything(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct state *state = test_begin(NULL);
    for (int i = 0; i < 600; i++) {
        ASSERT_OK(test_done(state, "lake", i % 2 ? "{\"name\":\"b\"}" : "{\"name\":\"c\"}", &err), err);
        ASSERT_OK(test_done(state, "pond", "{\"name\":\"p\"}", &err), err);
    }
    ASSERT_OK(test_intent(state, "half", &err), err);
    ASSERT_OK(state_set_outputs(state, test_json(&scratch, "{\"n\":1}"), &err), err);
    ASSERT_OK(state_compact(state, NULL, &err), err);
    uint64_t lake_seq = state_get(state, STR("lake"))->seq, seq = state_seq(state);
    assert_true(seq > 1203);
    ASSERT_OK(test_done(state, "late", "{\"name\":\"l\"}", &err), err);
    state_close(state);

    assert_true(test_read(&scratch, "lake.log").n < 3000);
    state = test_open(NULL);
    assert_int_equal(state_count(state), 3);
    assert_int_equal(state_seq(state), seq + 1);
    assert_int_equal(state_get(state, STR("lake"))->seq, lake_seq);
    assert_true(value_equal(state_outputs(state), test_json(&scratch, "{\"n\":1}")));
    size_t n;
    const struct intent *const *open = state_open_intents(state, &n);
    assert_int_equal(n, 1);
    assert_true(open[0]->seq < seq - 2);
    ASSERT_OK(state_lock(state, "apply", 0, &err), err);
    ASSERT_OK(state_begin(state, "apply", NULL, &err), err);
    state_close(state);
}

/* A state opened before another process wrote sees that when it takes the lock, across a snapshot too. */
static void test_lock_catches_up(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct state *early = test_open(NULL);
    struct state *writer = test_begin(NULL);
    ASSERT_OK(test_done(writer, "lake", "{\"name\":\"b\"}", &err), err);
    state_close(writer);
    struct state *middle = test_open(NULL);
    writer = test_begin(NULL);
    ASSERT_OK(test_done(writer, "pond", "{\"name\":\"p\"}", &err), err);
    ASSERT_OK(test_done(writer, "lake", NULL, &err), err);
    ASSERT_OK(state_snapshot(writer, NULL, &err), err);
    state_close(writer);
    struct state *both[] = {early, middle};
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(state_lock(both[i], "apply", 0, &err), err);
        assert_null(state_get(both[i], STR("lake")));
        assert_non_null(state_get(both[i], STR("pond")));
        assert_int_equal(state_count(both[i]), 1);
        state_close(both[i]);
    }
}

/* ---- many threads ---- */

enum { THREADS = 8, PER_THREAD = 60 };

struct worker {
    pthread_t thread;
    struct state *state;
    int number;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < PER_THREAD; i++) {
        struct err err = ERR_INIT;
        char address[32];
        snprintf(address, sizeof address, "r%d-%d", w->number, i);
        if (test_intent(w->state, address, &err) || test_done(w->state, address, "{\"name\":\"b\"}", &err))
            return "failed";
        if (!state_get(w->state, str_z(address)))
            return "not there";
    }
    return NULL;
}

static void test_many_threads(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct state *state = test_begin(NULL);
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.state = state, .number = i};
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(workers[i].thread, &result);
        assert_null(result);
    }
    ASSERT_OK(state_end(state, "ok", NULL, NULL, &err), err);
    uint64_t seq = state_seq(state);
    assert_int_equal(seq, 2 + 2 * THREADS * PER_THREAD);
    state_close(state);
    state = test_open(NULL);
    assert_int_equal(state_count(state), THREADS * PER_THREAD);
    assert_int_equal(state_seq(state), seq);
    size_t n;
    state_open_intents(state, &n);
    assert_int_equal(n, 0);
    state_close(state);
}

/* ---- failing disks ---- */

static int syncs_left, sync_errno;

static int failing_sync(int fd)
{
    if (syncs_left-- > 0)
        return fdatasync(fd);
    errno = sync_errno;
    return -1;
}

static ssize_t full_disk(int fd, const void *bytes, size_t n, off_t at)
{
    if (syncs_left-- > 0)
        return pwrite(fd, bytes, n, at);
    if (n > 10) /* half of it fits */
        return pwrite(fd, bytes, n / 2, at);
    errno = ENOSPC;
    return -1;
}

static void check_broken(const struct file_io *io, const char *reason)
{
    struct err err = ERR_INIT;
    struct state *state = test_begin(io);
    ASSERT_OK(test_intent(state, "a", &err), err);
    assert_int_equal(test_intent(state, "b", &err), -1);
    assert_int_equal(err.class, ERR_IO);
    assert_non_null(strstr(err.message, reason));
    /* Nothing may go out any more that could not be recorded; the reason stays the first one. */
    struct err later = ERR_INIT;
    assert_int_equal(test_intent(state, "c", &later), -1);
    assert_non_null(strstr(later.message, reason));
    assert_int_equal(test_done(state, "a", "{\"name\":\"b\"}", &later), -1);
    assert_int_equal(state_flush(state, &later), -1);
    assert_int_equal(state_end(state, "failed", NULL, NULL, &later), -1);
    state_close(state);

    state = test_begin(NULL);
    size_t n;
    const struct intent *const *open = state_open_intents(state, &n);
    assert_int_equal(n, 1);
    assert_string_equal(open[0]->subject.address.p, "a");
    state_close(state);
}

static void test_failed_sync(void **unused)
{
    (void)unused;
    struct file_io io = {pwrite, failing_sync, fsync, ftruncate, link, rename};
    syncs_left = 2;
    sync_errno = EIO;
    check_broken(&io, strerror(EIO));
}

static void test_full_disk(void **unused)
{
    (void)unused;
    struct file_io io = {full_disk, fdatasync, fsync, ftruncate, link, rename};
    syncs_left = 2;
    check_broken(&io, strerror(ENOSPC));
}

/* ---- what cannot be opened ---- */

static void open_fails(enum err_class class, const char *text)
{
    struct err err = ERR_INIT;
    struct state *state;
    assert_int_equal(state_open(&(struct state_options){.backend = test_backend(NULL)}, &state, &err), -1);
    if (err.class != class || !strstr(err.message, text))
        fail_msg("got class %s: %s", err_class_name(err.class), err.message);
}

static void test_unreadable(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    ASSERT_OK(dir_make(test_path("lake.log"), &err), err);
    open_fails(ERR_IO, "it is not a file");
    rmdir(test_path("lake.log"));
    test_write("lake.log", STR("{\"version\": 4}\n{}\n"));
    open_fails(ERR_DAMAGED, "lake.log:1): it does not begin with a checksum");
    test_write("lake.log", STR("resource\n"));
    open_fails(ERR_DAMAGED, "lake.log:1");
}

static void test_newer_version(void **unused)
{
    (void)unused;
    AUTO_BUF struct buf line = BUF_INIT;
    log_frame(&line, 1, 1, STR("{\"kind\":\"hologram\"}"));
    struct err err = ERR_INIT;
    ASSERT_OK(dir_make(test_path(""), &err), err);
    test_write("lake.log", buf_str(&line));
    open_fails(ERR_INVALID, "unknown type \"hologram\"");
    buf_clear(&line);
    log_frame(&line, 1, 1, STR("{\"kind\":\"run\",\"run\":\"1\",\"version\":\"9.1.0\",\"format\":3}"));
    test_write("lake.log", buf_str(&line));
    open_fails(ERR_INVALID, "record 1 is in format 3 of a newer weir, 9.1.0; this is weir " WEIR_VERSION);
}

static void test_missing_record(void **unused)
{
    (void)unused;
    AUTO_BUF struct buf lines = BUF_INIT;
    log_frame(&lines, 1, 1, STR("{\"kind\":\"end\"}"));
    log_frame(&lines, 3, 3, STR("{\"kind\":\"end\"}"));
    struct err err = ERR_INIT;
    ASSERT_OK(dir_make(test_path(""), &err), err);
    test_write("lake.log", buf_str(&lines));
    open_fails(ERR_DAMAGED, "lake.log:2): its number is 3, it should be 2");
}

static void test_nothing_there(void **unused)
{
    (void)unused;
    struct state *state = test_open(NULL);
    assert_int_equal(state_count(state), 0);
    assert_int_equal(state_seq(state), 0);
    assert_int_equal(state_lineage(state).n, 0);
    assert_non_null(state_outputs(state));
    assert_false(path_exists(test_path(""))); /* looking makes nothing */
    struct err err = ERR_INIT;
    assert_int_equal(state_drop(state, STR("x"), &err), -1);
    state_close(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_dir_make, test_dir_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),
        TEST(test_fail_leaves_tainted),
        TEST(test_move_and_drop),
        TEST(test_snapshot_keeps_everything),
        TEST(test_lock_catches_up),
        TEST(test_many_threads),
        TEST(test_failed_sync),
        TEST(test_full_disk),
        TEST(test_unreadable),
        TEST(test_newer_version),
        TEST(test_missing_record),
        TEST(test_nothing_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
