/* Crash points: see crash.h. */
#include "base/crash.h"

#include "base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static long crash_at;
static int crash_log = -1;
static atomic_bool armed;
static atomic_long passed;

/* Runs before main, so that no thread waits for it and later changes of the environment have no effect. */
__attribute__((constructor)) static void crash_init(void)
{
    const char *at = getenv("WEIR_CRASH_AT"), *log = getenv("WEIR_CRASH_LOG");
    const char *alloc = getenv("WEIR_FAIL_ALLOC");
    if (alloc)
        mem_fail_after(strtol(alloc, NULL, 10));
    if (at)
        crash_at = strtol(at, NULL, 10);
    if (log && *log)
        crash_log = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    atomic_store(&armed, crash_at > 0 || crash_log >= 0);
}

bool crash_armed(void)
{
    return atomic_load_explicit(&armed, memory_order_relaxed);
}

void crash_point(const char *name)
{
    if (!crash_armed())
        return;
    long number = atomic_fetch_add(&passed, 1) + 1;
    if (crash_log >= 0)
        dprintf(crash_log, "%ld %s\n", number, name);
    if (number == crash_at)
        kill(getpid(), SIGKILL);
}
