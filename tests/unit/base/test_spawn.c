/* What a program that was started finds around it. */
#include "base/clock.h"
#include "base/spawn.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char said[4096];

/* Runs it to its end; what it prints is in `said`. */
static int run_program(char *const *args, struct spawn spawn)
{
    size_t n = 0;
    ssize_t got;
    pid_t child = 0;
    int ends[2], status = -1;
    spawn.args = args;
    spawn.env = spawn.env ? spawn.env : environ;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    spawn.out = spawn.error = ends[1];
    assert_int_equal(spawn_program(&spawn, &child), 0);
    close(ends[1]);
    while ((got = read(ends[0], said + n, sizeof said - 1 - n)) > 0)
        n += (size_t)got;
    said[n] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

static int run(const char *script, struct spawn spawn)
{
    char shell[] = "sh", option[] = "-c", text[512], *args[] = {shell, option, text, NULL};
    assert_true(strlen(script) < sizeof text);
    strcpy(text, script);
    return run_program(args, spawn);
}

static void has_nothing_of_its_parent(void **state)
{
    (void)state;
    AUTO_FD int leaked = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
    assert_true(leaked >= 0);
    assert_int_equal(run("cat; ls /proc/self/fd | wc -l; exit 3", (struct spawn){0}), 3);
    assert_string_equal(said, "4\n"); /* ls has three, and the folder that it reads */
}

static void has_its_signals(void **state)
{
    (void)state;
    char grep[] = "grep", word[] = "SigBlk", file[] = "/proc/self/status", *args[] = {grep, word, file, NULL};
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    run_program(args, (struct spawn){0}); /* a shell would let them through itself */
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_string_equal(said, "SigBlk:\t0000000000000000\n");
    signal(SIGUSR1, SIG_IGN);
    run("kill -USR1 $$; echo ignored", (struct spawn){0});
    signal(SIGUSR1, SIG_DFL);
    assert_string_equal(said, "");
}

static void runs_where_and_with_what_is_named(void **state)
{
    (void)state;
    char word[] = "WORD=hello", *env[] = {word, NULL};
    assert_int_equal(run("pwd; echo $WORD", (struct spawn){.dir = "/usr", .env = env}), 0);
    assert_string_equal(said, "/usr\nhello\n");
}

static void is_as_far_apart_as_is_named(void **state)
{
    (void)state;
    const char *script = "cut -d ' ' -f 5,6 /proc/$$/stat | { read group session; [ $group = $$ ] && echo "
                         "group; [ $session = $$ ] && echo session; }; :";
    run(script, (struct spawn){.apart = SPAWN_TOGETHER});
    assert_string_equal(said, "");
    run(script, (struct spawn){.apart = SPAWN_GROUP});
    assert_string_equal(said, "group\n");
    run(script, (struct spawn){.apart = SPAWN_SESSION});
    assert_string_equal(said, "group\nsession\n");
}

static void says_why_it_cannot(void **state)
{
    (void)state;
    char nothing[] = "/nowhere/program", *args[] = {nothing, NULL};
    pid_t child;
    struct spawn spawn = {.args = args, .env = environ, .out = STDOUT_FILENO, .error = STDERR_FILENO};
    assert_int_equal(spawn_program(&spawn, &child), ENOENT);
}

/* weir ignores SIGPIPE; what a pipe in the user's command is made of must not. */
static void a_command_for_credentials_has_its_signals(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str output;
    int ends[2], before = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "from here\n", 10), 10);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(
        spawn_credential_command(&arena, "it", STR("kill -s PIPE $$; echo survived"), &output, &err), -1);
    assert_string_equal(err.message, "it failed with status 141");
    assert_int_equal(spawn_credential_command(&arena, "it", STR("cat; echo $0"), &output, &err), 0);
    assert_true(str_eqz(output, "from here\n/bin/sh\n"));
    signal(SIGPIPE, SIG_DFL);
    dup2(before, STDIN_FILENO);
    close(before);
}

static int64_t now_ms;

static int64_t manual_ms(void *ctx)
{
    (void)ctx;
    return now_ms;
}

/* A minute is over at once. */
static void manual_sleep(void *ctx, int64_t ms)
{
    (void)ctx;
    now_ms += ms * 1000;
}

static void a_command_for_credentials_has_to_end(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct clock_ops manual = {.wall_ms = manual_ms, .mono_ms = manual_ms, .sleep_ms = manual_sleep};
    struct err err = ERR_INIT;
    struct str output;
    clock_install(&manual);
    assert_int_equal(
        spawn_credential_command(&arena, "it", STR("echo a; exec sleep 1000 >&-"), &output, &err), -1);
    assert_string_equal(err.message, "it did not end within 60 s");
    clock_install(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_for_credentials_has_its_signals),
        cmocka_unit_test(a_command_for_credentials_has_to_end),
        cmocka_unit_test(has_nothing_of_its_parent),
        cmocka_unit_test(has_its_signals),
        cmocka_unit_test(runs_where_and_with_what_is_named),
        cmocka_unit_test(is_as_far_apart_as_is_named),
        cmocka_unit_test(says_why_it_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
