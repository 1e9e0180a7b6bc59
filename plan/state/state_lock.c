/* The lock of the whole state: taken, given back, and what is reported of who has it. */
#include "plan/state/state_internal.h"

#include "base/clock.h"

/* Of those that the run has under way now; NULL: none. */
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

void state_add_work(struct state *state, struct str run, struct err *err)
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

/* Whoever has the lock writes what he does into the log, which anybody may read. */
void state_tell_work(struct state *state, struct err *err)
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
    if (sharer || !map_get(&state->records.running, run)) /* one who shared it is dead */
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
    /* Others may have written since the opening. */
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
