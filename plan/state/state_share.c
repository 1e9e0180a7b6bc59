/* The lock of the state held with others: turns, and claims that must not meet. */
#include "plan/state/state_internal.h"

#include "base/clock.h"
#include "stacks/stack.h"

int state_share(struct state *state, const char *command, int64_t timeout_ms, struct err *err)
{
    const struct backend_ops *ops = state->backend->ops;
    assert(!state->locked && !state->at);
    if (!ops->share)
        return state_lock(state, command, timeout_ms, err);
    struct err why = ERR_INIT;
    if (ops->share(state->backend, timeout_ms, &why)) {
        state_tell_work(state, &why);
        return err_raise(err, &why);
    }
    state->locked = state->shared = true;
    if (state_catch_up(state, err) || state_check_moved(state, err)) {
        state_unlock(state);
        return -1;
    }
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
    state->shifted = true;
    return records_apply(&state->records, json, err);
}

/* Workers may read the records meanwhile. */
static int take_turn(struct state *state, struct err *err)
{
    pthread_mutex_lock(&state->mutex);
    bool torn = false;
    int result = state->backend->ops->take_turn(state->backend, apply_others, state, &torn, err);
    state->torn = state->torn || torn;
    pthread_mutex_unlock(&state->mutex);
    return result ? err_context(err, "reading what others have written to the state") : 0;
}

int state_take_turn(struct state *state, struct err *err)
{
    assert(!state->in_turn);
    if (!state->shared)
        return 0;
    if (state_flush(state, err) || take_turn(state, err))
        return -1;
    state->in_turn = true;
    return state_check_moved(state, err);
}

void state_end_turn(struct state *state)
{
    if (state->in_turn)
        state->backend->ops->end_turn(state->backend);
    state->in_turn = false;
}

static int begin_group(void *ctx, uint64_t *next_seq, struct err *err)
{
    struct state *state = ctx;
    if (!state->shared) /* he is alone by now */
        return 0;
    if (!state->in_turn && take_turn(state, err))
        return -1;
    *next_seq = state->records.seq + 1;
    return 0;
}

static void end_group(void *ctx, uint64_t next_seq)
{
    struct state *state = ctx;
    if (!state->shared)
        return;
    pthread_mutex_lock(&state->mutex);
    state->records.seq = next_seq - 1;
    pthread_mutex_unlock(&state->mutex);
    if (!state->in_turn)
        state->backend->ops->end_turn(state->backend);
}

const struct committer_turn *state_committer_turn(struct state *state, struct committer_turn *out)
{
    *out = (struct committer_turn){begin_group, end_group, state};
    return state->shared ? out : NULL;
}

/* ---- claims ---- */

static bool is_alive(struct state *state, struct str run)
{
    int64_t number = 0;
    bool alive = true; /* who cannot be looked at is not taken for dead */
    struct err ignored = ERR_INIT;
    if (str_to_int(run, &number) && state->backend->ops->is_alive)
        state->backend->ops->is_alive(state->backend, (uint64_t)number, &alive, &ignored);
    return alive;
}

const struct running *state_first_running(struct state *state)
{
    const struct map *running = &state->records.running;
    for (size_t i = 0; i < running->n; i++) {
        const struct running *one = running->items[i].ptr;
        if (one && is_alive(state, one->run))
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
    for (size_t i = 0; i < all; i++)
        if (!map_get(&state->records.running, open[i]->run) || !is_alive(state, open[i]->run))
            left[(*n)++] = open[i];
    return left;
}

static bool is_all(const struct value *claims)
{
    return value_getb(claims, "all");
}

/* Of one list an address that the other names, by itself or with its declaration. */
static struct str first_met(const struct value *changes, const struct value *named)
{
    AUTO_MAP struct map names = MAP_INIT;
    for (uint32_t i = 0; i < named->count; i++)
        map_set(&names, value_text(named->items[i], STR_EMPTY), &names);
    for (uint32_t i = 0; i < changes->count; i++) {
        struct str address = value_text(changes->items[i], STR_EMPTY);
        ptrdiff_t key = address_key_at(address);
        struct str declared = key < 0 ? address : str_slice(address, 0, (size_t)key);
        if (map_get(&names, address) || map_get(&names, declared))
            return address;
    }
    return STR_EMPTY;
}

static struct str claims_meet(const struct value *mine, const struct value *theirs, const char **how)
{
    const struct value *my_changes = value_as_list(value_getz(mine, "changes")),
                       *their_changes = value_as_list(value_getz(theirs, "changes"));
    *how = "changes";
    if (is_all(mine) || is_all(theirs))
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
        if (!other || str_eqz(other->run, state->run) || !is_alive(state, other->run))
            continue;
        struct str met = claims_meet(claims, other->claims, &how);
        if (met.n)
            return refuse_claims(state, other, met, how, err);
    }
    return 0;
}
