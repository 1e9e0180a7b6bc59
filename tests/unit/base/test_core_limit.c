/* No core file of this process; those of what it starts are as they would have been. */
#include "base/spawn.h"

#include "base/file.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BYTES = 512 * 1024, THREADS = 4, STARTS = 8 };

static rlim_t limit(void)
{
    struct rlimit now;
    assert_int_equal(getrlimit(RLIMIT_CORE, &now), 0);
    return now.rlim_cur;
}

/* The exit status of a shell that finds the limit so, in its blocks of 512 bytes. */
static int start(const char *test)
{
    char shell[] = "sh", option[] = "-c", text[64], *args[] = {shell, option, text, NULL};
    pid_t child;
    int status;
    strcpy(text, test);
    struct spawn spawn = {.args = args, .env = environ, .out = STDOUT_FILENO, .error = STDERR_FILENO};
    if (spawn_program(&spawn, &child) || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void *start_many(void *failed)
{
    for (int i = 0; i < STARTS; i++)
        *(int *)failed += start("test $(ulimit -c) = 1024") != 0;
    return NULL;
}

static void only_what_is_started_has_it(void **state)
{
    (void)state;
    struct rlimit given = {0};
    assert_int_equal(getrlimit(RLIMIT_CORE, &given), 0);
    if (given.rlim_max < BYTES)
        skip();
    given.rlim_cur = BYTES;
    assert_int_equal(setrlimit(RLIMIT_CORE, &given), 0);
    core_limit_none();
    assert_int_equal(limit(), 0);
    pthread_t threads[THREADS];
    int failed[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, start_many, &failed[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(failed[i], 0);
    assert_int_equal(limit(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_what_is_started_has_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
