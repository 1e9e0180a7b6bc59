/* How far a transfer is, for people: see rate_line.h. */
#include "provider/aws/rate_line.h"

#include <stdio.h>

static void add_size(char *out, size_t room, int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes / 1024;
    size_t unit = 0;
    for (; size >= 1024 && unit < sizeof units / sizeof *units - 1; unit++)
        size /= 1024;
    snprintf(out, room, size < 10 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

void rate_line(
    char *out, size_t room, const char *what, int64_t moved, int64_t kept, int64_t all, int64_t elapsed_ms)
{
    char done[32], size[32], rate[32];
    add_size(done, sizeof done, moved + kept);
    add_size(size, sizeof size, all);
    add_size(rate, sizeof rate, elapsed_ms > 0 ? moved * 1000 / elapsed_ms : 0);
    snprintf(out, room, "%s: %s of %s, %s/s", what, done, size, rate);
}
