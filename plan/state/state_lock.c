/* The lock of the whole state, exclusive or shared: taking and releasing it, and messages about its
 * holder. */
#include "base/clock.h"
#include "plan/state/state_internal.h"

/* Returns the oldest open intent of the run; NULL: none. */
static const struct intent *oldest_intent(struct state *state, struct str run, size_t *others)
{
    size_t n;
    const struct intent *const *intents = state_open_intents(state, &n), *oldest = NULL;
    *others = 0;
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(intents[i]->run, run))
            continue;
        *others += oldest != NULL;
        oldest = oldest ? oldest : intents[i];
    }
    return oldest;
}

/* Adds the open intents of a run to the message, from records that were read. */
static void state_add_work(struct state *state, struct str run, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    size_t others;
    const struct intent *at = oldest_intent(state, run, &others);
    if (!at)
        return;
    buf_addf(&text, "%s; run %.*s has %.*s under way (%.*s", err->message, STR_ARG(run),
        STR_ARG(at->subject.address), STR_ARG(at->action));
    if (at->at_ms)
        buf_addf(&text, " since %.*s", STR_ARG(time_rfc3339(&scratch, at->at_ms, false)));
    buf_addz(&text, ")");
    if (others)
        buf_addf(&text, " and %zu more", others);
    struct str hint = arena_str(&scratch, str_z(err->hint));
    err_set(err, ERR_LOCKED, "%.*s", STR_ARG(buf_str(&text)));
    err_hint(err, "%.*s", STR_ARG(hint));
}

static const struct running *state_first_running(struct state *state);

/* Adds what the holder of the lock is doing, from its records in the log. */
static void state_tell_work(struct state *state, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (err->class != ERR_LOCKED || state_catch_up(state, ERR_IGNORED))
        return;
    const struct running *sharer = state_first_running(state);
    struct str hint = arena_str(&scratch, str_z(err->hint));
    if (sharer) {
        err_set(err, ERR_LOCKED, "the state %.*s is locked by run %.*s: %.*s",
            STR_ARG(state_description(state)), STR_ARG(sharer->run),
            STR_ARG(lock_info_text(&scratch, &sharer->who)));
        err_hint(err, "%.*s", STR_ARG(hint));
    }
    struct str run = sharer ? sharer->run : arena_printf(&scratch, "%" PRIu64, state->records.runs);
    if (sharer || !map_get(&state->records.running, run)) /* otherwise a dead run with a shared lock */
        state_add_work(state, run, err);
}

int state_lock(struct state *state, const char *command, int64_t timeout_ms, struct err *err)
{
    assert(!state->locked && !state->at);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lock_info who;
    struct err why = ERR_INIT;
    lock_info_self(&scratch, command, &who);
    if (state->backend->ops->lock(state->backend, &who, timeout_ms, &why)) {
        state_tell_work(state, &why);
        return err_raise(err, &why);
    }
    state->locked = true;
    /* Other runs may have written since it was opened. */
    if (state_catch_up(state, err) || state_check_moved(state, err)) {
        state_unlock(state);
        return -1;
    }
    return 0;
}

void state_unlock(struct state *state)
{
    committer_free(state->committer);
    state->committer = NULL;
    state->run[0] = '\0';
    state->shared = state->in_turn = state->claimed = false;
    if (state->locked)
        state->backend->ops->unlock(state->backend);
    state->locked = false;
}

bool state_is_locked(const struct state *state)
{
    return state->locked;
}

int state_check_lock(struct state *state, struct err *err)
{
    const struct backend_ops *ops = state->backend->ops;
    return state->locked && ops->check_lock ? ops->check_lock(state->backend, err) : 0;
}

/* ---- shared locks ---- */

int state_share(struct state *state, const char *command, int64_t timeout_ms, struct err *err)
{
    const struct backend_ops *ops = state->backend->ops;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lock_info who;
    assert(!state->locked && !state->at);
    if (!ops->share)
        return state_lock(state, command, timeout_ms, err);
    struct err why = ERR_INIT;
    lock_info_self(&scratch, command, &who);
    if (ops->share(state->backend, &who, timeout_ms, &why)) {
        state_tell_work(state, &why);
        return err_raise(err, &why);
    }
    state->locked = state->shared = true;
    state->shifted = state->overtaken = false;
    bool torn = state->torn;
    state->torn = false;
    if (state_catch_up(state, err) || state_check_moved(state, err)) {
        state_unlock(state);
        return -1;
    }
    if (state->torn && !ops->take_turn) { /* only an exclusive holder may cut it off */
        state_unlock(state);
        return state_lock(state, command, timeout_ms, err);
    }
    state->torn = state->torn || torn;
    return 0;
}

bool state_is_shared(const struct state *state)
{
    return state->shared;
}

/* ---- turns ---- */

static int apply_others(void *ctx, struct str json, struct err *err)
{
    struct state *state = ctx;
    state->shifted = state->shifted || state->committer;
    return records_apply(&state->records, json, err);
}

/* Checks whether another run has taken this one for dead and ended its claims: its lease had expired. */
static int check_in_work(struct state *state, struct err *err)
{
    if (!state->claimed || map_get(&state->records.running, str_z(state->run)))
        return 0;
    err_set(err, ERR_LOCKED,
        "run %s was taken for dead, and its claims in the state %.*s are another run's now", state->run,
        STR_ARG(state->backend->description));
    return err_hint(err, "what this run had under way is recovered by the next command");
}

/* Workers may read records at the same time. */
static int read_others(struct state *state, struct err *err)
{
    const struct backend_ops *ops = state->backend->ops;
    bool torn = false;
    pthread_mutex_lock(&state->mutex);
    uint64_t last = state->records.seq;
    int result = ops->take_turn ? ops->take_turn(state->backend, apply_others, state, &torn, err)
                                : ops->read(state->backend, last, apply_others, state, &torn, err);
    if (!result && state->overtaken && state->records.seq == last)
        result = err_set(
            err, ERR_DAMAGED, "the batch of another run after record %" PRIu64 " cannot be read", last);
    state->overtaken = false;
    state->torn = state->torn || torn;
    if (!result)
        result = check_in_work(state, err);
    pthread_mutex_unlock(&state->mutex);
    return result ? err_context(err, "reading what others have written to the state") : 0;
}

static void end_turn(struct state *state)
{
    if (state->in_turn && state->backend->ops->end_turn)
        state->backend->ops->end_turn(state->backend);
    state->in_turn = false;
}

int state_read_others(struct state *state, struct err *err)
{
    if (!state->shared)
        return 0;
    if (state_flush(state, err) || read_others(state, err))
        return -1;
    state->in_turn = true;
    end_turn(state);
    return 0;
}

/* Without turns, earlier reads suffice: if the next number is free, no other run has written. */
static int run_turn(
    struct state *state, bool reads, int (*act)(void *ctx, struct err *err), void *ctx, struct err *err)
{
    assert(!state->in_turn);
    if (state_flush(state, err) || (reads && read_others(state, err)))
        return -1;
    if (state->claimed && !state->committer)
        state_start_committer(state);
    state->in_turn = true;
    int status = state_check_moved(state, err) ? -1 : act(ctx, err);
    end_turn(state);
    return status;
}

/* True for errors that may result from outdated records. */
static bool may_be_refused_wrongly(const struct err *why)
{
    return why->class == ERR_LOCKED || why->class == ERR_STALE;
}

int state_in_turn(struct state *state, int (*act)(void *ctx, struct err *err), void *ctx, struct err *err)
{
    if (!state->shared)
        return act(ctx, err);
    for (bool reads = state->backend->ops->take_turn != NULL;; reads = true) {
        struct err why = ERR_INIT;
        int status = run_turn(state, reads, act, ctx, &why);
        if (status >= 0)
            return status;
        if (!state->overtaken && (reads || !may_be_refused_wrongly(&why)))
            return err_raise(err, &why);
        if (!state->overtaken)
            continue;
        committer_free(state->committer); /* its failures are final */
        state->committer = NULL;
    }
}

static int begin_group(void *ctx, uint64_t *next_seq, struct err *err)
{
    struct state *state = ctx;
    if (!state->shared) /* the lock is exclusive by now */
        return 0;
    bool reads = state->backend->ops->take_turn ? !state->in_turn : state->overtaken;
    if (reads && read_others(state, err))
        return -1;
    *next_seq = state->records.seq + 1;
    return 0;
}

static bool end_group(void *ctx, uint64_t next_seq, const struct err *why)
{
    struct state *state = ctx;
    const struct backend_ops *ops = state->backend->ops;
    if (!state->shared)
        return false;
    if (ops->end_turn && !state->in_turn)
        ops->end_turn(state->backend);
    state->overtaken = why && why->class == ERR_EXISTS && !ops->take_turn;
    if (why)
        return state->overtaken && !state->in_turn;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    state->records.seq = next_seq - 1;
    return false;
}

void state_start_committer(struct state *state)
{
    struct committer_turn turn = {begin_group, end_group, state};
    state->committer = committer_new(state->backend, state->records.seq + 1, state->shared ? &turn : NULL);
}

/* ---- claims ---- */

static bool is_alive(struct state *state, const struct running *one)
{
    int64_t number = 0;
    bool alive = true; /* unknown counts as alive */
    struct err ignored = ERR_INIT;
    if (str_to_int(one->run, &number) && state->backend->ops->is_alive)
        state->backend->ops->is_alive(state->backend, (uint64_t)number, one->life, &alive, &ignored);
    return alive;
}

/* Returns an active run with a shared lock; NULL: none. */
static const struct running *state_first_running(struct state *state)
{
    const struct map *running = &state->records.running;
    for (size_t i = 0; i < running->n; i++) {
        const struct running *one = running->items[i].ptr;
        if (one && is_alive(state, one))
            return one;
    }
    return NULL;
}

int state_check_sharers(struct state *state, struct err *err)
{
    struct err why = ERR_INIT;
    if (!state_first_running(state))
        return 0;
    err_set(&why, ERR_LOCKED, "the state is in use");
    state_tell_work(state, &why);
    return err_raise(err, &why);
}

const struct intent *const *state_left_intents(struct state *state, size_t *n)
{
    size_t all;
    const struct intent *const *open = state_open_intents(state, &all);
    const struct intent **left = ARENA_ARRAY(&state->records.arena, const struct intent *, all + 1);
    *n = 0;
    for (size_t i = 0; i < all; i++) {
        const struct running *by = map_get(&state->records.running, open[i]->run);
        if (!by || !is_alive(state, by))
            left[(*n)++] = open[i];
    }
    return left;
}

/* Returns an address of one list that the other has, itself or its declaration. */
static struct str first_met(const struct value *changes, const struct value *named)
{
    AUTO_MAP struct map names = MAP_INIT;
    for (uint32_t i = 0; i < named->count; i++)
        map_set(&names, value_text(named->items[i], STR_EMPTY), &names);
    for (uint32_t i = 0; i < changes->count; i++) {
        struct str address = value_text(changes->items[i], STR_EMPTY);
        if (map_get(&names, address) || map_get(&names, address_declared(address)))
            return address;
    }
    return STR_EMPTY;
}

static struct str claims_meet(const struct value *mine, const struct value *theirs, const char **how)
{
    const struct value *my_changes = value_as_list(value_getz(mine, "changes")),
                       *their_changes = value_as_list(value_getz(theirs, "changes"));
    *how = "changes";
    if (value_getb(mine, "all") || value_getb(theirs, "all"))
        return STR("the whole state");
    struct str met = first_met(my_changes, their_changes);
    if (!met.n)
        met = first_met(their_changes, value_as_list(value_getz(mine, "refers")));
    if (met.n)
        return met;
    *how = "refers to";
    return first_met(my_changes, value_as_list(value_getz(theirs, "refers")));
}

static int refuse_claims(
    struct state *state, const struct running *holder, struct str met, const char *how, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool named = str_starts(met, STR("#"));
    struct str what = named ? STR("something that this plan changes") : met;
    err_set(err, ERR_LOCKED, "%.*s is locked by run %.*s, which %s it: %.*s", STR_ARG(what),
        STR_ARG(holder->run), how, STR_ARG(lock_info_text(&scratch, &holder->who)));
    state_add_work(state, holder->run, err);
    return err_hint(err, "wait for it with --lock-timeout, e.g. --lock-timeout 10m");
}

int state_check_claims(struct state *state, const struct value *claims, struct err *err)
{
    const struct map *running = &state->records.running;
    for (size_t i = 0; i < running->n && state->shared; i++) {
        const struct running *other = running->items[i].ptr;
        const char *how;
        struct str met = other ? claims_meet(claims, other->claims, &how) : STR_EMPTY;
        if (met.n && is_alive(state, other))
            return refuse_claims(state, other, met, how, err);
    }
    return 0;
}

const struct value *state_ended_runs(struct state *state, struct arena *arena, const struct value *claims)
{
    const struct map *running = &state->records.running;
    AUTO_BUILDER struct value_builder ended = VALUE_BUILDER(arena);
    for (size_t i = 0; i < running->n; i++) {
        const struct running *other = running->items[i].ptr;
        const char *how;
        if (other && (!state->shared || claims_meet(claims, other->claims, &how).n))
            value_builder_add(&ended, value_string(arena, other->run));
    }
    return ended.n ? value_builder_list(&ended) : NULL;
}
