/* Shards of stacks that refer to each other: each changes its own, and waits for what others have to do
 * before. */
#include "cmd/fleet/fleet.h"

#include "base/clock.h"
#include "cmd/terminal/signals.h"

enum { LOOK_MS = 1000, SLEEP_MS = 50 };

/* ---- which ---- */

/* With all that come before them, however far. */
static void choose_before(const struct fleet *fleet, bool *chosen)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < fleet->n; i++)
            for (size_t k = 0; k < fleet->members[i].need_count; k++) {
                size_t user = i, used = fleet->members[i].needs[k];
                size_t from = fleet->destroy ? used : user, to = fleet->destroy ? user : used;
                more |= chosen[from] && !chosen[to];
                chosen[to] |= chosen[from];
            }
    }
}

void fleet_divide(struct fleet *fleet)
{
    struct arena *arena = &fleet->inv->arena;
    bool *own = ARENA_ARRAY(arena, bool, fleet->n + 1), *all = ARENA_ARRAY(arena, bool, fleet->n + 1);
    if (!fleet->shards)
        return;
    for (size_t i = 0; i < fleet->n; i++)
        own[i] = all[i] = fleet_is_in_shard(fleet, fleet->members[i].name);
    choose_before(fleet, all);
    fleet_keep(fleet, own, all);
}

bool member_is_other(const struct member *m)
{
    return (size_t)(m - m->fleet->members) >= m->fleet->n;
}

/* ---- waiting ---- */

/*
 * Shards meet in the states alone. A stack of another one is done when a plan of it, without a refresh,
 * changes nothing; of a destroy, when its state is empty. So it does not matter which shard begins first, or
 * twice. This is by the plan that was made last.
 */
static bool is_done(const struct member *m)
{
    return m->fleet->destroy ? !state_count(m->workspace.state) : !member_has_work(m);
}

static void look_again(struct member *m)
{
    struct err err = ERR_INIT;
    if (state_catch_up(m->workspace.state, &err)) {
        member_fail(m, &err);
        return;
    }
    plan_free(m->plan);
    m->plan = NULL;
    member_plan(m);
}

static void refuse_unfinished(struct member *m)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_LOCKED, "another shard has not %s it yet", m->fleet->destroy ? "destroyed" : "applied");
    err_hint(
        &err, "run this shard again after it, or let it wait with --lock-timeout, e.g. --lock-timeout 1h");
    member_fail(m, &err);
}

static void tell_waiting(struct member *m)
{
    member_event(m,
        &(struct event){.kind = EVENT_NOTE, .text = "another shard has not done it yet; it is waited for"});
}

void member_await(struct member *m)
{
    int64_t until_ms = clock_mono_ms() + m->fleet->inv->settings->lock_timeout_ms, look_ms = 0;
    bool reported = false;
    while (member_fine(m) && m->plan && !is_done(m) && !atomic_load(signals_stop())) {
        if (clock_mono_ms() >= until_ms) {
            refuse_unfinished(m);
            return;
        }
        if (!reported)
            tell_waiting(m);
        reported = true;
        if (clock_mono_ms() >= look_ms) {
            look_again(m);
            look_ms = clock_mono_ms() + LOOK_MS;
        } else {
            clock_sleep_ms(SLEEP_MS);
        }
    }
}
