/*
 * Retries and their budget, the throttle, and operations that may be repeated.
 */
#include "provider/aws/client.h"

#include "base/hash.h"
#include "provider/aws/client_state.h"

/* ---- Whether an operation may be repeated, by its name ---- */

static const char *const reads[] = {"Get", "List", "Describe", "BatchGet", "Head", "Validate"};

/* Adding is not included: Authorize…, Add…, Associate… fail on what already exists. */
static const char *const sets[] = {"Put", "Update", "Modify", "Set", "Replace", "Reset", "Enable", "Disable",
    "Stop", "Cancel", "BatchStop", "Tag", "Untag", "AddTags", "CreateTags", /* identified by key */
    "Delete", "Remove", "Detach", "Disassociate", "Revoke", "Release",      /* identified by a unique id */
    "Terminate", "Deregister", "Unsubscribe", "ScheduleKeyDeletion"};

static bool begins_with_one(struct str operation, const char *const *verbs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_starts(operation, str_z(verbs[i])))
            return true;
    return false;
}

bool verb_reads(struct str operation)
{
    return begins_with_one(operation, reads, sizeof reads / sizeof *reads);
}

bool verb_repeats(struct str operation)
{
    return verb_reads(operation) || begins_with_one(operation, sets, sizeof sets / sizeof *sets);
}

/* ---- The throttle: slows all threads down together ---- */

static const double DECREASE = 0.7, INCREASE = 0.1 /* of the refused rate, per second */, RATE_MIN = 0.5,
                    INCREASE_MIN = 0.1;

enum {
    WINDOW_MS = 1000,
    CUT_PAUSE_MS = 500, /* refusals within one burst count once */
};

void throttle_init(struct throttle *t)
{
    *t = (struct throttle){.window_ms = -1};
    pthread_mutex_init(&t->lock, NULL);
}

void throttle_release(struct throttle *t)
{
    pthread_mutex_destroy(&t->lock);
}

static void throttle_measure(struct throttle *t, int64_t now_ms)
{
    if (t->window_ms < 0)
        t->window_ms = now_ms;
    int64_t elapsed = now_ms - t->window_ms;
    if (elapsed >= WINDOW_MS) {
        t->sent_rate = t->in_window * 1000.0 / (double)elapsed;
        t->window_ms = now_ms;
        t->in_window = 0;
    }
    t->in_window++;
}

int64_t throttle_reserve(struct throttle *t, int64_t now_ms)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&t->lock);
    throttle_measure(t, now_ms);
    double wait = 0;
    if (t->active) {
        if (t->next_ms < (double)now_ms)
            t->next_ms = (double)now_ms;
        wait = t->next_ms - (double)now_ms;
        t->next_ms += 1000.0 / t->rate;
    }
    return (int64_t)wait;
}

void throttle_refused(struct throttle *t, int64_t now_ms)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&t->lock);
    if (!t->active || now_ms - t->cut_ms >= CUT_PAUSE_MS) {
        /* In the first second there is only the current window's count. */
        double sent = t->sent_rate > t->in_window ? t->sent_rate : t->in_window;
        t->refused_at = t->active && t->rate < sent ? t->rate : sent;
        t->rate = t->refused_at * DECREASE;
        if (t->rate < RATE_MIN)
            t->rate = RATE_MIN;
        t->active = true;
        t->cut_ms = now_ms;
    }
}

void throttle_accepted(struct throttle *t)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&t->lock);
    if (t->active) {
        /* Responses arrive at `rate` per second, so this adds one step per second. */
        double step = t->refused_at * INCREASE;
        t->rate += (step > INCREASE_MIN ? step : INCREASE_MIN) / t->rate;
        t->active = t->rate <= 2 * t->refused_at;
    }
}

static const struct {
    int64_t first_ms, cap_ms;
} waits[] = {
    [RETRY_FAILURE] = {200, 20 * 1000},
    [RETRY_THROTTLED] = {1000, 20 * 1000},
    [RETRY_UNSETTLED] = {1000, 5 * 1000},
};

enum { AFTER_CAP_MS = 60 * 1000 };

int64_t retry_delay_ms(enum retry_kind kind, int nth, double chance, int64_t after_ms)
{
    int64_t most = waits[kind].first_ms;
    for (int i = 1; i < nth && most < waits[kind].cap_ms; i++)
        most *= 2;
    if (most > waits[kind].cap_ms)
        most = waits[kind].cap_ms;
    int64_t delay = (int64_t)((double)most * chance);
    /* Consistency takes seconds, so an immediate retry is of no use. */
    if (kind == RETRY_UNSETTLED)
        delay = most / 2 + delay / 2;
    if (after_ms > AFTER_CAP_MS)
        after_ms = AFTER_CAP_MS;
    return delay > after_ms ? delay : after_ms;
}

double retry_chance(void)
{
    uint32_t bits;
    hash_random(&bits, sizeof bits);
    return (double)bits / 4294967296.0;
}

bool retry_budget_take(atomic_int *budget, int cost)
{
    int have = atomic_load(budget);
    do {
        if (have < cost)
            return false;
    } while (!atomic_compare_exchange_weak(budget, &have, have - cost));
    return true;
}

void retry_budget_give(atomic_int *budget, int amount)
{
    int have = atomic_load(budget), sum;
    do
        sum = have + amount > RETRY_BUDGET ? RETRY_BUDGET : have + amount;
    while (!atomic_compare_exchange_weak(budget, &have, sum));
}

static atomic_uint counts[RETRY_UNSETTLED + 1];

void retry_counted(enum retry_kind kind)
{
    atomic_fetch_add(&counts[kind], 1);
}

struct retry_counts retry_counts(void)
{
    return (struct retry_counts){atomic_load(&counts[RETRY_FAILURE]), atomic_load(&counts[RETRY_THROTTLED])};
}
