/* Calls that are sent again: see repeats.h. */
#include "provider/repeats.h"

#include <stdio.h>

static const char *ordinal_end(int n)
{
    static const char *const ends[] = {"th", "st", "nd", "rd"};
    return n % 10 > 3 || n / 10 % 10 == 1 ? ends[0] : ends[n % 10];
}

void repeats_because(struct repeats *repeats, const char *why, int nth)
{
    char what[256];
    repeats->tries = nth;
    snprintf(what, sizeof what, "%.*s: %d%s try, %s", STR_ARG(repeats->what), nth, ordinal_end(nth), why);
    op_progress(repeats->op, what);
}

void repeats_tell(void *ctx, const struct err *failure, int nth)
{
    char why[48] = "there was no answer";
    if (failure->class == ERR_THROTTLED)
        snprintf(why, sizeof why, "throttled");
    else if (failure->http_status)
        snprintf(why, sizeof why, "the answer was %d", failure->http_status);
    repeats_because(ctx, why, nth);
}

void repeats_done(const struct repeats *repeats)
{
    char what[256];
    if (!repeats->tries)
        return;
    snprintf(what, sizeof what, "%.*s: done at the %d%s try", STR_ARG(repeats->what), repeats->tries,
        ordinal_end(repeats->tries));
    op_progress(repeats->op, what);
}
