/* Replaces this folder on macOS, which has no namespaces: instances are records only. */
#include "sandbox/host/host.h"

#include "base/clock.h"

#define HOSTS_TAKE_LINUX "hosts take Linux"

struct hosts *hosts_new(struct services *services UNUSED)
{
    return NULL;
}

void hosts_stop(struct hosts *hosts UNUSED)
{
}

void hosts_free(struct hosts *hosts UNUSED)
{
}

bool host_able(struct arena *arena UNUSED, struct str *why)
{
    *why = STR(HOSTS_TAKE_LINUX);
    return false;
}

void hosts_reconcile(struct hosts *hosts UNUSED)
{
}

void hosts_reboot(struct hosts *hosts UNUSED, struct str id UNUSED)
{
}

struct str hosts_console(
    struct hosts *hosts UNUSED, struct arena *arena, struct str id UNUSED, int64_t *changed_ms)
{
    *changed_ms = clock_wall_ms();
    return arena_str(arena, STR("this instance is a record only: " HOSTS_TAKE_LINUX "\n"));
}
