#include "sandbox/engine/process.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct caught {
    struct buf out, err;
    struct process_switch *turn_at_output; /* turned when something comes */
    bool now;
};

static void take(void *ctx, enum process_stream stream, const char *bytes, size_t n)
{
    struct caught *caught = ctx;
    buf_add(stream == PROCESS_OUT ? &caught->out : &caught->err, bytes, n);
    if (caught->turn_at_output)
        process_stop(caught->turn_at_output, caught->now);
}

static struct process_end run(struct process_options options, const char *script, struct caught *caught)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    const char *env[] = {"PATH=/usr/bin:/bin", "WORD=hello", NULL};
    struct process_switch stop;
    struct process_end end;
    struct err err = ERR_INIT;
    options.argv = argv;
    options.env = env;
    options.dir = options.dir ? options.dir : "/";
    options.output = take;
    options.ctx = caught;
    assert_int_equal(process_switch_init(&stop, &err), 0);
    if (caught->turn_at_output)
        caught->turn_at_output = &stop;
    assert_int_equal(process_run(&options, &stop, &end, &err), 0);
    process_switch_release(&stop);
    return end;
}

static void release(struct caught *caught)
{
    buf_release(&caught->out);
    buf_release(&caught->err);
}

static void test_output_folder_environment_and_status(void **state)
{
    (void)state;
    struct caught caught = {0};
    struct process_end end =
        run((struct process_options){.dir = "/usr"}, "pwd; echo $WORD >&2; exit 3", &caught);
    assert_int_equal(end.exit_code, 3);
    assert_false(end.timed_out || end.stopped || end.signal);
    assert_string_equal(caught.out.p, "/usr\n");
    assert_string_equal(caught.err.p, "hello\n");
    release(&caught);
}

static void test_absent_program(void **state)
{
    (void)state;
    struct caught caught = {0};
    assert_int_equal(run((struct process_options){0}, "exec no-such-program-here", &caught).exit_code, 127);
    release(&caught);
}

/* A shell that was not ready when its time was over gets more. */
static void test_timeout_ends_what_will_not_end(void **state)
{
    (void)state;
    bool ready = false;
    for (int64_t ms = 50; !ready; ms *= 2) {
        struct caught caught = {0};
        struct process_end end = run((struct process_options){.timeout_ms = ms, .grace_ms = 50},
            "trap '' TERM; echo ready; while :; do sleep 1; done", &caught);
        ready = caught.out.n > 0;
        assert_true(end.timed_out);
        assert_false(end.stopped);
        if (ready)
            assert_int_equal(end.signal, SIGKILL);
        release(&caught);
    }
}

static int64_t thread_cpu_ms(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* Between asking and killing it waits; it does not turn round and round. */
static void test_the_grace_costs_no_time_of_the_processor(void **state)
{
    (void)state;
    struct caught caught = {0};
    struct process_switch any;
    caught.turn_at_output = &any;
    int64_t before = thread_cpu_ms();
    struct process_end end = run((struct process_options){.grace_ms = 600},
        "trap '' TERM; echo ready; while :; do sleep 1; done", &caught);
    assert_int_equal(end.signal, SIGKILL);
    assert_true(thread_cpu_ms() - before < 300);
    release(&caught);
}

static void test_stop_asks_first(void **state)
{
    (void)state;
    struct process_switch any;
    struct caught caught = {.turn_at_output = &any};
    struct process_end end = run((struct process_options){.grace_ms = 5000},
        "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done", &caught);
    assert_true(end.stopped);
    assert_int_equal(end.exit_code, 7);
    assert_string_equal(caught.out.p, "ready\nbye\n");
    release(&caught);
}

static void test_stop_now_does_not(void **state)
{
    (void)state;
    struct process_switch any;
    struct caught caught = {.turn_at_output = &any, .now = true};
    struct process_end end = run((struct process_options){.grace_ms = 60000},
        "trap 'echo bye' TERM; echo ready; while :; do sleep 0.01; done", &caught);
    assert_int_equal(end.signal, SIGKILL);
    assert_string_equal(caught.out.p, "ready\n");
    release(&caught);
}

/* Gone, or a zombie that init has not looked at yet. */
static bool has_ended(pid_t child)
{
    char path[64], state_of[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    FILE *stat = fopen(path, "r");
    bool ended = !stat || !fgets(state_of, sizeof state_of, stat) || strstr(state_of, ") Z ");
    if (stat)
        fclose(stat);
    return ended;
}

/* What it leaves behind in the background ends with it. */
static void test_children_end_with_it(void **state)
{
    (void)state;
    struct caught caught = {0};
    int64_t before = clock_mono_ms();
    run((struct process_options){0}, "sleep 600 & echo $!", &caught);
    assert_true(clock_mono_ms() - before < 60000); /* their end of the pipe is closed too */
    pid_t child = (pid_t)strtol(caught.out.p, NULL, 10);
    assert_true(child > 1);
    while (!has_ended(child) && clock_mono_ms() - before < 60000) /* a signal takes its time */
        usleep(1000);
    assert_true(has_ended(child));
    release(&caught);
}

static pid_t wait_for_pid(const char *text)
{
    pid_t child = (pid_t)strtol(text, NULL, 10);
    int64_t before = clock_mono_ms();
    assert_true(child > 1);
    while (!has_ended(child) && clock_mono_ms() - before < 60000)
        usleep(1000);
    return child;
}

/* A session of its own, started by somebody who is gone, with both outputs closed: a daemon. */
static void test_what_leaves_the_group_ends_too(void **state)
{
    (void)state;
    struct caught caught = {0};
    int64_t before = clock_mono_ms();
    run((struct process_options){0},
        "(setsid sh -c 'echo $$; exec >&- 2>&-; while :; do sleep 600; done' &) | { read -r pid; echo $pid; "
        "}",
        &caught);
    assert_true(has_ended(wait_for_pid(caught.out.p)));
    release(&caught);
    struct process_switch any; /* then one that holds the pipes, of a process that has to be killed */
    caught = (struct caught){.turn_at_output = &any};
    struct process_end end = run((struct process_options){.grace_ms = 50},
        "trap '' TERM; setsid sh -c 'echo $$; while :; do sleep 600; done' & wait; sleep 600", &caught);
    assert_int_equal(end.signal, SIGKILL);
    assert_true(has_ended(wait_for_pid(caught.out.p)));
    release(&caught);
    assert_true(clock_mono_ms() - before < 60000);
}

/* Of others nothing is touched, and what a killed sandbox left is found by the family. */
static void test_families(void **state)
{
    (void)state;
    const char *const env[] = {"PATH=/usr/bin:/bin", PROCESS_MARK "=ours-1", NULL};
    const char *const other[] = {
        "PATH=/usr/bin:/bin", PROCESS_MARK "=ours2-1", "X=" PROCESS_MARK "=ours-1", NULL};
    char *const argv[] = {"sleep", "600", NULL};
    pid_t one, two;
    int status;
    assert_int_equal(posix_spawnp(&one, "sleep", NULL, NULL, argv, (char *const *)(uintptr_t)env), 0);
    assert_int_equal(posix_spawnp(&two, "sleep", NULL, NULL, argv, (char *const *)(uintptr_t)other), 0);
    process_end_family("ours");
    assert_int_equal(waitpid(one, &status, 0), one);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(waitpid(two, &status, WNOHANG), 0);
    kill(two, SIGKILL);
    assert_int_equal(waitpid(two, &status, 0), two);
}

/* posix_spawn() is back before the new program has its environment. */
static void test_families_that_begin(void **state)
{
    (void)state;
    const char *const env[] = {"PATH=/usr/bin:/bin", PROCESS_MARK "=new-1", NULL};
    char *const argv[] = {"sleep", "600", NULL};
    for (int i = 0; i < 50; i++) {
        pid_t pid, ended = 0;
        int status;
        assert_int_equal(posix_spawnp(&pid, "sleep", NULL, NULL, argv, (char *const *)(uintptr_t)env), 0);
        process_end_family("new");
        for (int64_t before = clock_mono_ms(); !ended && clock_mono_ms() - before < 60000; usleep(100))
            ended = waitpid(pid, &status, WNOHANG);
        if (!ended)
            kill(pid, SIGKILL);
        assert_int_equal(ended, pid);
    }
}

static void test_closing_its_output_is_not_its_end(void **state)
{
    (void)state;
    struct caught caught = {0};
    int64_t before = thread_cpu_ms();
    struct process_end end =
        run((struct process_options){0}, "echo before; exec >&- 2>&-; sleep 0.5; exit 5", &caught);
    assert_int_equal(end.exit_code, 5);
    assert_string_equal(caught.out.p, "before\n");
    assert_true(thread_cpu_ms() - before < 250); /* nobody looks at a closed pipe again and again */
    release(&caught);
}

static void test_flood_is_cut(void **state)
{
    (void)state;
    struct caught caught = {0};
    struct process_end end = run((struct process_options){.max_output = 1000},
        "i=0; while [ $i -lt 1000 ]; do echo 0123456789; i=$((i+1)); done", &caught);
    assert_int_equal(end.exit_code, 0);
    assert_int_equal(caught.out.n, 1000);
    assert_int_equal(end.dropped, 11000 - 1000);
    release(&caught);
}

static void test_limits_hold(void **state)
{
    (void)state;
    struct caught caught = {0};
    struct process_options options = {.memory = 64 << 20, .cpu_s = 1, .file_size = 1 << 20};
    run(options, "ulimit -d; ulimit -t; ulimit -f; ulimit -c; ulimit -d unlimited 2>&1 || echo kept",
        &caught);
    assert_non_null(strstr(caught.out.p, "2162688\n1\n2048\n0\n")); /* 64 MiB and 2 GiB */
    release(&caught);
    caught = (struct caught){0};
    assert_int_equal(run(options, "while :; do :; done", &caught).signal, SIGKILL);
    release(&caught);
}

static void test_memory_is_what_is_used(void **state)
{
    (void)state;
    struct caught caught = {0};
    struct process_options options = {.memory = 128 << 20};
    struct process_end end = run(options, "exec dd if=/dev/zero of=/dev/null bs=256M", &caught);
    assert_true(end.out_of_memory);
    assert_int_equal(end.signal, SIGKILL);
    release(&caught);
}

static void test_a_folder_has_its_room(void **state)
{
    (void)state;
    char dir[] = "/tmp/weir-room-XXXXXX";
    struct caught caught = {0};
    assert_non_null(mkdtemp(dir));
    struct process_options options = {.dir = dir, .folder = dir, .max_folder_bytes = 8 << 20};
    /* holes and links take nothing */
    struct process_end end = run(options,
        "dd if=/dev/zero of=a bs=1M count=4 2>&1 && ln a b && ln -s /usr c && truncate -s 1G d && sleep 1.5 "
        "&& "
        "echo fine",
        &caught);
    assert_false(end.overfull);
    assert_int_equal(end.exit_code, 0);
    assert_true(
        process_folder_bytes(dir, INT64_MAX) >= 4 << 20 && process_folder_bytes(dir, INT64_MAX) < 8 << 20);
    end = run(options, "mkdir -p x/y; dd if=/dev/zero of=x/y/e bs=1M count=5; sleep 600", &caught);
    assert_true(end.overfull);
    assert_int_equal(end.signal, SIGKILL);
    tree_remove(dir);
    release(&caught);
}

static size_t open_files(void)
{
    size_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void *run_some(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < 20; i++) {
        struct caught caught = {0};
        run((struct process_options){0}, "ls /proc/self/fd | wc -l; echo $WORD", &caught);
        assert_string_equal(caught.out.p, "4\nhello\n"); /* three, and the folder itself */
        release(&caught);
    }
    return NULL;
}

/* Many at a time: no descriptor of ours reaches a child, none is left. */
static void test_no_descriptor_leaks(void **state)
{
    (void)state;
    size_t before = open_files();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, run_some, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(open_files(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_folder_environment_and_status),
        cmocka_unit_test(test_absent_program),
        cmocka_unit_test(test_timeout_ends_what_will_not_end),
        cmocka_unit_test(test_the_grace_costs_no_time_of_the_processor),
        cmocka_unit_test(test_stop_asks_first),
        cmocka_unit_test(test_stop_now_does_not),
        cmocka_unit_test(test_children_end_with_it),
        cmocka_unit_test(test_what_leaves_the_group_ends_too),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_families_that_begin),
        cmocka_unit_test(test_closing_its_output_is_not_its_end),
        cmocka_unit_test(test_flood_is_cut),
        cmocka_unit_test(test_limits_hold),
        cmocka_unit_test(test_memory_is_what_is_used),
        cmocka_unit_test(test_a_folder_has_its_room),
        cmocka_unit_test(test_no_descriptor_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
