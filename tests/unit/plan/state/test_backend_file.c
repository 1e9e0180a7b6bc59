#include "support.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct recorded_resource {
    uint64_t first, last;
    size_t n;
};

static int see(void *ctx, struct str json, struct err *err)
{
    struct recorded_resource *recorded = ctx;
    uint64_t seq, batch;
    if (!log_numbers(json, &seq, &batch))
        return err_set(err, ERR_DAMAGED, "no number");
    if (!recorded->n++)
        recorded->first = seq;
    recorded->last = seq;
    return 0;
}

static struct recorded_resource read_log(struct backend *b, bool *torn)
{
    struct recorded_resource recorded = {0};
    struct err err = ERR_INIT;
    ASSERT_OK(b->ops->read(b, 0, see, &recorded, torn, &err), err);
    return recorded;
}

static void lock(struct backend *b)
{
    struct err err = ERR_INIT;
    struct lock_info who = {
        .owner = STR("ann@box"), .command = STR("apply"), .pid = getpid(), .since_ms = clock_wall_ms()};
    ASSERT_OK(b->ops->lock(b, &who, 0, &err), err);
}

/* Records first … first + n - 1 as one batch. */
static void frame_batch(struct buf *out, uint64_t first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        log_frame(out, first + i, first, STR("{\"kind\":\"drop\",\"address\":\"lake\"}"));
}

static void append(struct backend *b, uint64_t first, size_t n)
{
    AUTO_BUF struct buf lines = BUF_INIT;
    struct err err = ERR_INIT;
    frame_batch(&lines, first, n);
    ASSERT_OK(b->ops->append(b, buf_str(&lines), first, &err), err);
}

static void test_modes_and_ignore(void **unused)
{
    (void)unused;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct backend *b = test_backend(NULL);
    bool torn;
    lock(b);
    read_log(b, &torn);
    append(b, 1, 2);
    struct stat st;
    assert_int_equal(stat(test_path(""), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(test_path("lake.log"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(str_eqz(test_read(&scratch, ".gitignore"), "*\n"));
    backend_free(b);
}

static void test_names(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct backend *b;
    struct backend_options options = {.dir = STR("/x/y"), .stack = STR("lake"), .env = STR("dev")};
    ASSERT_OK(backend_new(&options, &b, &err), err);
    assert_string_equal(b->description.p, "/x/y/.weir/lake.dev.log");
    backend_free(b);
    options.dir = STR(".");
    ASSERT_OK(backend_new(&options, &b, &err), err);
    assert_string_equal(b->description.p, ".weir/lake.dev.log");
    backend_free(b);
    options.stack = STR("../lake");
    assert_int_equal(backend_new(&options, &b, &err), -1);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    options.config = test_json(&scratch, "{\"backend\":\"carrier-pigeon\"}");
    assert_int_equal(backend_new(&options, &b, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
}

/* ---- the end of the file ---- */

/* Two batches, one of three records and one of two; where each line ends. */
static struct str two_batches(struct arena *arena, size_t ends[5])
{
    AUTO_BUF struct buf text = BUF_INIT;
    frame_batch(&text, 1, 3);
    frame_batch(&text, 4, 2);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\n')
            ends[n++] = i + 1;
    assert_int_equal(n, 5);
    return arena_str(arena, buf_str(&text));
}

static void test_cut_at_every_byte(void **unused)
{
    (void)unused;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err err = ERR_INIT;
    size_t ends[5];
    struct str text = two_batches(&scratch, ends);
    ASSERT_OK(dir_make(test_path(""), &err), err);
    for (size_t cut = 0; cut <= text.n; cut++) {
        size_t whole = 0;
        while (whole < 5 && ends[whole] <= cut)
            whole++;
        test_write("lake.log", str_slice(text, 0, cut));
        bool torn;
        struct backend *b = test_backend(NULL);
        struct recorded_resource recorded =
            read_log(b, &torn); /* somebody may be writing: nothing is said, nothing is cut */
        assert_int_equal(recorded.n, whole);
        assert_false(torn);
        assert_int_equal(test_read(&scratch, "lake.log").n, cut);
        lock(b);
        recorded = read_log(b, &torn);
        assert_int_equal(recorded.n, whole);
        assert_int_equal(torn, cut != (whole ? ends[whole - 1] : 0));
        append(b, whole + 1, 1);
        backend_free(b);
        b = test_backend(NULL);
        assert_int_equal(read_log(b, &torn).last, whole + 1);
        backend_free(b);
    }
}

static void test_every_byte_flipped(void **unused)
{
    (void)unused;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err err = ERR_INIT;
    size_t ends[5], damaged = 0;
    struct str text = two_batches(&scratch, ends);
    ASSERT_OK(dir_make(test_path(""), &err), err);
    for (size_t at = 0; at < text.n; at++) {
        for (int bit = 0; bit < 8; bit++) {
            size_t line = 0;
            while (ends[line] <= at)
                line++;
            char *flipped = arena_strz(&scratch, text);
            flipped[at] = (char)(flipped[at] ^ 1 << bit);
            test_write("lake.log", str_n(flipped, text.n));
            struct backend *b = test_backend(NULL);
            struct recorded_resource recorded = {0};
            struct err why = ERR_INIT;
            bool torn;
            lock(b);
            int result = b->ops->read(b, 0, see, &recorded, &torn, &why);
            backend_free(b);
            char place[320];
            snprintf(place, sizeof place, "record %zu (%s:%zu)", line + 1, test_path("lake.log"), line + 1);
            if (result) {
                damaged++;
                assert_int_equal(why.class, ERR_DAMAGED);
                if (!strstr(why.message, place))
                    fail_msg("byte %zu of line %zu: %s", at, line + 1, why.message);
            } else { /* as good as torn: only in the last batch, and what is before it is there */
                assert_true(torn && line >= 3);
                assert_int_equal(recorded.n, line);
            }
        }
        arena_release(&scratch);
        text = two_batches(&scratch, ends);
    }
    assert_true(damaged > ends[4] * 7);
}

/* After a power cut the pages of one write may be there in any combination; those that are not read as zeros.
 */
static void test_hole(void **unused)
{
    (void)unused;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err err = ERR_INIT;
    size_t ends[5];
    struct str text = two_batches(&scratch, ends);
    ASSERT_OK(dir_make(test_path(""), &err), err);
    char *hole = arena_strz(&scratch, text);
    memset(hole + ends[2] + 5, 0, 10); /* in the first record of the last batch; the second is whole */
    test_write("lake.log", str_n(hole, text.n));
    bool torn;
    struct backend *b = test_backend(NULL);
    lock(b);
    struct recorded_resource recorded = read_log(b, &torn);
    assert_true(torn);
    assert_int_equal(recorded.n, 3);
    assert_int_equal(test_read(&scratch, "lake.log").n, ends[2]);
    backend_free(b);

    hole = arena_strz(&scratch, text);
    memset(hole + ends[1] + 5, 0, 10); /* in the first batch, which was durable when the second began */
    test_write("lake.log", str_n(hole, text.n));
    b = test_backend(NULL);
    assert_int_equal(b->ops->read(b, 0, see, &recorded, &torn, &err), -1);
    assert_int_equal(err.class, ERR_DAMAGED);
    assert_non_null(strstr(err.message, "lake.log:3"));
    assert_non_null(strstr(err.hint, "head -n 2"));
    backend_free(b);
}

static void test_changed_while_locked(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    bool torn;
    struct backend *b = test_backend(NULL);
    lock(b);
    read_log(b, &torn);
    append(b, 1, 1);
    AUTO_FD int fd = open(test_path("lake.log"), O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "\n", 1), 1);
    AUTO_BUF struct buf lines = BUF_INIT;
    frame_batch(&lines, 2, 1);
    assert_int_equal(b->ops->append(b, buf_str(&lines), 2, &err), -1);
    assert_int_equal(err.class, ERR_STALE);
    assert_int_equal(b->ops->append(b, buf_str(&lines), 2, &err), -1); /* and it stays so */
    backend_free(b);
}

/* ---- the lock ---- */

static void test_lock_tells_the_holder(void **unused)
{
    (void)unused;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err err = ERR_INIT;
    struct backend *b = test_backend(NULL), *other = test_backend(NULL);
    struct lock_info who = {.owner = STR("bob@mill"), .command = STR("plan")}, holder;
    bool held;
    ASSERT_OK(other->ops->holder(other, &scratch, &holder, &held, &err), err);
    assert_false(held);
    lock(b);
    assert_int_equal(other->ops->lock(other, &who, 0, &err), -1);
    assert_int_equal(err.class, ERR_LOCKED);
    assert_non_null(strstr(err.message, "is locked by ann@box (weir apply, process "));
    assert_non_null(strstr(err.hint, "--lock-timeout"));
    ASSERT_OK(other->ops->holder(other, &scratch, &holder, &held, &err), err);
    assert_true(held);
    assert_true(str_eqz(holder.owner, "ann@box"));
    assert_int_equal(other->ops->force_unlock(other, &err), -1);
    assert_int_equal(err.class, ERR_LOCKED);
    b->ops->unlock(b);
    ASSERT_OK(other->ops->force_unlock(other, &err), err);
    ASSERT_OK(other->ops->lock(other, &who, 0, &err), err);
    backend_free(b);
    backend_free(other);
}

/* Time that passes only by sleeping; what is due happens then. */
static int64_t now;
static struct backend *unlock_at_half;

static int64_t fake_now(void *ctx)
{
    (void)ctx;
    return now;
}

static void fake_sleep(void *ctx, int64_t ms)
{
    (void)ctx;
    now += ms;
    if (unlock_at_half && now > 30000)
        unlock_at_half->ops->unlock(unlock_at_half);
}

static void test_lock_waits(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct clock_ops manual = {fake_now, fake_now, fake_sleep, NULL};
    struct backend *b = test_backend(NULL), *other = test_backend(NULL);
    struct lock_info who = {.owner = STR("bob@mill"), .command = STR("plan")};
    lock(b);
    now = 0;
    clock_install(&manual);
    assert_int_equal(other->ops->lock(other, &who, 60000, &err), -1);
    assert_in_range(now, 60000, 60100);
    now = 0;
    unlock_at_half = b;
    ASSERT_OK(other->ops->lock(other, &who, 60000, &err), err);
    assert_in_range(now, 30000, 30200);
    unlock_at_half = NULL;
    clock_install(NULL);
    backend_free(b);
    backend_free(other);
}

static int in_child(int (*work)(void *arg), void *arg)
{
    pid_t pid = fork();
    if (!pid)
        _exit(work(arg));
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int try_in_child(void *arg)
{
    (void)arg;
    struct err err = ERR_INIT;
    struct state *state = test_open(NULL); /* reading needs no lock */
    if (state_count(state) != 1)
        return 3;
    int result = state_lock(state, "destroy", 0, &err);
    state_close(state);
    return result ? err_exit_status(err.class) : 0;
}

static void test_two_processes(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct state *state = test_begin(NULL);
    ASSERT_OK(test_done(state, "lake", "{\"name\":\"b\"}", &err), err);
    ASSERT_OK(state_flush(state, &err), err);
    assert_int_equal(in_child(try_in_child, NULL), 4);
    state_unlock(state);
    assert_int_equal(in_child(try_in_child, NULL), 0);
    state_close(state);
}

/* ---- a kill at every step ---- */

static int steps_left;

static void step(void)
{
    if (--steps_left == 0)
        _exit(9);
}

static ssize_t killing_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    step();
    ssize_t done = pwrite(fd, bytes, n / 2, at);
    step();
    return done == (ssize_t)(n / 2) ? done + pwrite(fd, (const char *)bytes + n / 2, n - n / 2, at + done)
                                    : -1;
}
static int killing_sync(int fd) /* what a process wrote outlives it without */
{
    (void)fd;
    step();
    return 0;
}
static int killing_ftruncate(int fd, off_t size)
{
    step();
    return ftruncate(fd, size);
}
static int killing_link(const char *from, const char *to)
{
    step();
    return link(from, to);
}
static int no_link(const char *from, const char *to)
{
    (void)from, (void)to;
    step();
    errno = EPERM;
    return -1;
}
static int killing_rename(const char *from, const char *to)
{
    step();
    int result = rename(from, to);
    step();
    return result;
}

/* Four resources in turn, a snapshot after every second one. */
static int compact_and_die(void *arg)
{
    struct file_io io = {
        killing_pwrite, killing_sync, killing_sync, killing_ftruncate, killing_link, killing_rename};
    if (arg)
        io.link = no_link;
    struct err err = ERR_INIT;
    struct state *state = test_begin(&io);
    for (size_t i = state_count(state); i < 4; i++) {
        char address[] = {'r', (char)('0' + i), 0};
        if (test_intent(state, address, &err) || test_done(state, address, "{\"name\":\"b\"}", &err) ||
            state_flush(state, &err))
            return 1;
        if (i % 2 && state_snapshot(state, NULL, &err))
            return 1;
    }
    if (state_end(state, "ok", NULL, NULL, &err))
        return 1;
    state_close(state);
    return 0;
}

static void check_history(void)
{
    struct err err = ERR_INIT;
    struct recorded_resource recorded = {0};
    struct backend *b = test_backend(NULL);
    ASSERT_OK(b->ops->read_all(b, see, &recorded, &err), err);
    assert_int_equal(recorded.first, 1);
    assert_int_equal(recorded.n, recorded.last);
    backend_free(b);
}

static void kill_everywhere(void *arg)
{
#ifdef __SANITIZE_THREAD__
    skip(); /* ThreadSanitizer does not follow threads into children */
#endif
    int kills = 0, status = 9;
    for (int at = 1; status == 9; at++) {
        char command[256];
        snprintf(command, sizeof command, "rm -rf %s/.weir", test_dir);
        assert_int_equal(system(command), 0);
        steps_left = at;
        status = in_child(compact_and_die, arg);
        kills += status == 9;
        /* Then every second step of the next run is a kill too. */
        for (int again = 2; again < 40 && status == 9; again += 3) {
            struct state *state = test_open(NULL);
            assert_true(state_count(state) <= 4);
            state_close(state);
            steps_left = again;
            int second = in_child(compact_and_die, arg);
            assert_true(second == 9 || second == 0);
        }
        steps_left = 0;
        assert_int_equal(in_child(compact_and_die, arg), 0);
        struct state *state = test_open(NULL);
        assert_int_equal(state_count(state), 4);
        state_close(state);
        check_history();
    }
    assert_int_equal(status, 0);
    assert_true(kills > 40);
}

static void test_killed_at_every_step(void **unused)
{
    (void)unused;
    kill_everywhere(NULL);
}

static void test_killed_without_hard_links(void **unused)
{
    (void)unused;
    kill_everywhere("no links");
}

static void test_history_over_snapshots(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    for (int run = 0; run < 3; run++) {
        struct state *state = test_begin(NULL);
        ASSERT_OK(test_done(state, "lake", "{\"name\":\"b\"}", &err), err);
        ASSERT_OK(state_snapshot(state, NULL, &err), err);
        ASSERT_OK(state_end(state, "ok", NULL, NULL, &err), err);
        state_close(state);
    }
    check_history();
    assert_true(path_exists(test_path("lake.00000000000000000001.log")));
}

/* Root may write in any folder, so a file stands where the folder should be. */
static void test_unusable_folder(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct lock_info who = {.owner = STR("bob@mill"), .command = STR("plan")};
    struct backend *b = test_backend(NULL);
    char path[128];
    snprintf(path, sizeof path, "%s/.weir", test_dir);
    ASSERT_OK(file_write_atomic(path, STR("not a folder"), 0600, &err), err);
    assert_int_equal(b->ops->lock(b, &who, 0, &err), -1);
    assert_int_equal(err.class, ERR_IO);
    assert_non_null(strstr(err.message, ".weir/lake.lock: Not a directory"));
    assert_non_null(strstr(err.hint, "weir needs to write in"));
    backend_free(b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_dir_make, test_dir_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_modes_and_ignore),
        TEST(test_names),
        TEST(test_cut_at_every_byte),
        TEST(test_every_byte_flipped),
        TEST(test_hole),
        TEST(test_changed_while_locked),
        TEST(test_lock_tells_the_holder),
        TEST(test_lock_waits),
        TEST(test_two_processes),
        TEST(test_killed_at_every_step),
        TEST(test_killed_without_hard_links),
        TEST(test_history_over_snapshots),
        TEST(test_unusable_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
