/* The state's lock for commands that plan, ask and apply: waiting for the lock, and for concurrent runs that
 * conflict with a plan. */
#include "cmd/planning/planning.h"

#include "base/clock.h"

enum {
    POLL_MS = 200,
    KILLED_MS = 500, /* time for a database to notice that a run was killed and to free its lock */
    REPLANS_MAX = 100,
};

/* Returns the time to wait, and notes it if --lock-timeout was given. */
static int64_t begin_to_wait(struct invocation *inv, const struct err *err)
{
    if (!inv->settings->lock_timeout_ms)
        return KILLED_MS;
    AUTO_BUF struct buf how_long = BUF_INIT;
    text_add_duration(&how_long, inv->settings->lock_timeout_ms);
    invocation_note(inv, "%s; waiting up to %.*s", err->message, STR_ARG(buf_str(&how_long)));
    return inv->settings->lock_timeout_ms;
}

static int lock_by(struct invocation *inv, struct workspace *workspace,
    int (*take)(struct state *, const char *, int64_t, struct err *))
{
    struct err err = ERR_INIT;
    int rc = take(workspace->state, inv->command->name, 0, &err);
    if (rc < 0 && err.class == ERR_LOCKED) {
        int64_t patience_ms = begin_to_wait(inv, &err);
        err = (struct err)ERR_INIT;
        rc = take(workspace->state, inv->command->name, patience_ms, &err);
    }
    if (rc < 0)
        return invocation_fail(inv, &err);
    signals_catch(); /* so that a lock in a shared store is released */
    return EXIT_DONE;
}

int planning_lock(struct invocation *inv, struct workspace *workspace)
{
    return lock_by(inv, workspace, state_lock);
}

int planning_share(struct invocation *inv, struct workspace *workspace)
{
    return lock_by(inv, workspace, state_share);
}

/* Waits until no active run conflicts with the plan. */
static int wait_until_free(struct invocation *inv, struct plan *plan, struct err *err)
{
    int64_t until = clock_mono_ms() + begin_to_wait(inv, err);
    int rc;
    do {
        clock_sleep_ms(POLL_MS);
        *err = (struct err)ERR_INIT;
        rc = plan_check_free(plan, false, err);
    } while (rc && err->class == ERR_LOCKED && clock_mono_ms() < until && !atomic_load(signals_stop()));
    return rc;
}

static int lock_alone(struct invocation *inv, struct workspace *workspace, bool saved, bool *again)
{
    uint64_t planned_at = state_seq(workspace->state);
    state_unlock(workspace->state);
    int status = planning_lock(inv, workspace);
    *again = status == EXIT_DONE && !saved && state_seq(workspace->state) != planned_at;
    return status;
}

/* Notes resources that are left out, before the user confirms. */
static void tell_left(struct invocation *inv, const struct plan *plan)
{
    const struct change *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *change = plan->changes[i];
        if (!change->claimed_by.n || change->decision.action == ACTION_NOOP)
            continue;
        first = n++ ? first : change;
    }
    if (first && !inv->settings->json)
        invocation_note(inv, "%.*s; %s", STR_ARG(first->claimed_by),
            n > 1 ? "it is skipped, as is all else that is locked" : "it is skipped");
}

int planning_wait_free(struct invocation *inv, struct plan *plan, bool saved, int planned, bool *plan_again)
{
    struct err err = ERR_INIT;
    *plan_again = false;
    if (plan_needs_lock(plan))
        return lock_alone(inv, plan->workspace, saved, plan_again);
    int rc = plan_check_free(plan, inv->settings->partial, &err);
    if (rc && err.class == ERR_LOCKED) {
        rc = wait_until_free(inv, plan, &err);
        *plan_again =
            !rc && !saved; /* the plan is made again, since the other run may have changed its basis */
    }
    if (rc && err.class == ERR_STALE && !saved && planned < REPLANS_MAX)
        *plan_again = true;
    if (*plan_again)
        return EXIT_DONE;
    if (!rc)
        tell_left(inv, plan);
    return rc ? invocation_fail(inv, &err) : EXIT_DONE;
}
