#include "tests/unit/support/manual_clock.h"

#include "base/clock.h"

#include <stdatomic.h>

static atomic_int_fast64_t wall, mono, slept;

static int64_t read_wall(void *ctx)
{
    (void)ctx;
    return atomic_load(&wall);
}

static int64_t read_mono(void *ctx)
{
    (void)ctx;
    return atomic_load(&mono);
}

static void sleep_now(void *ctx, int64_t ms)
{
    (void)ctx;
    atomic_fetch_add(&slept, ms);
    manual_clock_advance(ms);
}

void manual_clock_install(int64_t wall_ms)
{
    static const struct clock_ops ops = {read_wall, read_mono, sleep_now, NULL};
    atomic_store(&wall, wall_ms);
    atomic_store(&mono, 1000 * 1000);
    atomic_store(&slept, 0);
    clock_install(&ops);
}

void manual_clock_remove(void)
{
    clock_install(NULL);
}

void manual_clock_advance(int64_t ms)
{
    atomic_fetch_add(&wall, ms);
    atomic_fetch_add(&mono, ms);
}

int64_t manual_clock_slept(void)
{
    return atomic_load(&slept);
}
