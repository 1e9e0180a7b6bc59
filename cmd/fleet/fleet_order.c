/* The order of members that refer to each other's outputs, in this shard and in others: each starts after its
 * dependencies, and is skipped if one of them failed. */
#include "base/clock.h"
#include "base/mem.h"
#include "cmd/fleet/fleet.h"
#include "plan/objects/recorded.h"

#include <stdlib.h>

/* ---- shards of stacks that refer to each other: each shard changes its own members and waits for
 * dependencies in other shards ---- */

enum { LOOK_MS = 1000, SLEEP_MS = 50 };

/* ---- selection ---- */

/* Adds all direct and indirect predecessors. */
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

void fleet_select_shard(struct fleet *fleet)
{
    struct arena *arena = &fleet->inv->arena;
    bool *own = ARENA_ARRAY(arena, bool, fleet->n + 1), *all = ARENA_ARRAY(arena, bool, fleet->n + 1);
    if (!fleet->shards)
        return;
    for (size_t i = 0; i < fleet->n; i++)
        own[i] = all[i] = fleet_is_in_shard(fleet, fleet->members[i].name);
    choose_before(fleet, all);
    fleet_select(fleet, own, all);
}

bool member_is_other(const struct member *m)
{
    return (size_t)(m - m->fleet->members) >= m->fleet->n;
}

/* ---- waiting ---- */

/*
 * Shards communicate only by the states. A member of another shard is done when a plan without refresh has no
 * changes, or for a destroy when its state is empty. So the order in which shards start, or a repeated start,
 * does not matter. This uses the last plan.
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
    member_event(
        m, &(struct event){.kind = EVENT_NOTE, .text = "another shard has not done it yet; waiting for it"});
}

void member_await(struct member *m)
{
    int64_t until_ms = clock_mono_ms() + m->fleet->inv->settings->lock_timeout_ms, look_ms = 0;
    bool reported = false;
    while (member_is_ok(m) && m->plan && !is_done(m) && !atomic_load(signals_stop())) {
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

/* ---- processing in order ---- */

struct turns {
    struct fleet *fleet;
    void (*work)(struct member *m);
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct graph graph; /* edges lead to dependents */
    uint32_t *ready;    /* members without unfinished dependencies; those below `taken` have started */
    size_t ready_count, taken;
    int working; /* without members of other shards, which only wait */
};

static void turns_init(struct turns *turns, bool backwards)
{
    struct fleet *fleet = turns->fleet;
    size_t all = fleet->n + fleet->others;
    graph_init(&turns->graph, (uint32_t)all);
    for (size_t i = 0; i < all; i++)
        for (size_t k = 0; k < fleet->members[i].need_count; k++) {
            uint32_t user = (uint32_t)i, used = (uint32_t)fleet->members[i].needs[k];
            graph_add_edge(&turns->graph, backwards ? user : used, backwards ? used : user);
        }
    graph_freeze(&turns->graph);
    turns->ready = ARENA_ARRAY(&fleet->inv->arena, uint32_t, all + 1);
    for (uint32_t i = 0; i < all; i++)
        if (!turns->graph.waiting[i])
            turns->ready[turns->ready_count++] = i;
}

/* Returns whether a member is ready and may start. */
static bool has_startable(const struct turns *turns)
{
    const struct fleet *fleet = turns->fleet;
    return turns->taken < turns->ready_count &&
           (turns->ready[turns->taken] >= fleet->n || turns->working < fleet->at_once);
}

/* Called once for each member: takes a ready member, or blocks until one is ready. */
static void take_ready(void *ctx, size_t turn UNUSED)
{
    struct turns *turns = ctx;
    struct graph *graph = &turns->graph;
    pthread_mutex_lock(&turns->lock);
    while (!has_startable(turns))
        pthread_cond_wait(&turns->changed, &turns->lock);
    uint32_t at = turns->ready[turns->taken++];
    bool own = at < turns->fleet->n;
    turns->working += own;
    pthread_mutex_unlock(&turns->lock);
    turns->work(&turns->fleet->members[at]);
    pthread_mutex_lock(&turns->lock);
    turns->working -= own;
    for (uint32_t i = graph->first[at]; i < graph->first[at + 1]; i++)
        if (!--graph->waiting[graph->targets[i]])
            turns->ready[turns->ready_count++] = graph->targets[i];
    pthread_cond_broadcast(&turns->changed);
    pthread_mutex_unlock(&turns->lock);
}

void fleet_each(struct fleet *fleet, bool backwards, void (*work)(struct member *m))
{
    struct turns turns = {
        .fleet = fleet, .work = work, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    turns_init(&turns, backwards);
    pool_run(fleet->at_once + (int)fleet->others, fleet->n + fleet->others, take_ready, &turns);
    graph_release(&turns.graph);
    pthread_cond_destroy(&turns.changed);
    pthread_mutex_destroy(&turns.lock);
}

/* ---- closing members ---- */

enum { CLOSED = SIZE_MAX };

/* Renumbers the member's needs; `places` has the new index of each member. */
static void keep_needs(struct member *m, const size_t *places)
{
    size_t *needs = ARENA_ARRAY(&m->fleet->inv->arena, size_t, m->need_count + 1), n = 0;
    for (size_t i = 0; i < m->need_count; i++)
        if (places[m->needs[i]] != CLOSED)
            needs[n++] = places[m->needs[i]];
    m->needs = needs;
    m->need_count = n;
}

static void keep_member(struct member *m, struct member *to, const size_t *places)
{
    keep_needs(m, places);
    *to = *m;
    to->planned.ctx = to;
    to->options.planned = &to->planned;
    if (to->workspace.options)
        to->workspace.options = &to->options;
}

void fleet_select(struct fleet *fleet, const bool *chosen, const bool *others)
{
    size_t *places = ARENA_ARRAY(&fleet->inv->arena, size_t, fleet->n + 1), n = 0, all;
    for (size_t i = 0; i < fleet->n; i++)
        places[i] = chosen[i] ? n++ : CLOSED;
    all = n;
    for (size_t i = 0; i < fleet->n && others; i++)
        if (others[i] && !chosen[i])
            places[i] = all++;
    struct member *kept = mem_zalloc((all + 1) * sizeof *kept);
    for (size_t i = 0; i < fleet->n; i++) {
        struct member *m = &fleet->members[i];
        if (places[i] != CLOSED) {
            keep_member(m, &kept[places[i]], places);
            continue;
        }
        workspace_close(&m->workspace);
        diags_release(&m->diags);
    }
    free(fleet->members);
    fleet->members = kept;
    fleet->n = n;
    fleet->others = all - n;
}

/* ---- failed dependencies ---- */

bool member_needs(const struct member *m, const struct member *other)
{
    size_t at = (size_t)(other - m->fleet->members);
    for (size_t i = 0; i < m->need_count; i++)
        if (m->needs[i] == at)
            return true;
    return false;
}

/* Returns a failed predecessor, or NULL. When destroying, the members that refer to this one come first. */
static const struct member *failed_predecessor(const struct member *m)
{
    const struct fleet *fleet = m->fleet;
    for (size_t i = 0; i < fleet->n + fleet->others; i++) {
        const struct member *other = &fleet->members[i];
        bool before = fleet->destroy ? member_needs(other, m) : member_needs(m, other);
        if (before && !other->excluded && !member_is_ok(other)) /* other threads may change it concurrently */
            return other;
    }
    return NULL;
}

bool member_skip(struct member *m)
{
    const struct member *other = m->phase == MEMBER_WAITS ? failed_predecessor(m) : NULL;
    struct err err = ERR_INIT;
    if (!other)
        return false;
    const char *became = member_is_other(other) ? "belongs to another shard, which has not done it yet"
                         : other->phase == MEMBER_IS_SKIPPED ? "was skipped"
                                                             : "failed";
    if (m->fleet->destroy)
        err_set(&err, ERR_FAILED, "skipped: %.*s, which refers to it, %s", STR_ARG(other->name), became);
    else
        err_set(&err, ERR_FAILED, "skipped: it refers to %.*s, which %s", STR_ARG(other->name), became);
    member_fail(m, &err);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&m->fleet->lock);
    m->phase = MEMBER_IS_SKIPPED;
    return true;
}
