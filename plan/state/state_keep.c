/* What a run records of other than what it makes: moves, host keys, outputs, the lease, the sources; and what
 * files that belong to it hold. */
#include "plan/state/state_internal.h"

#include "plan/state/encode.h"
#include "plan/state/log.h"
#include "plan/state/log_body.h"

int state_move(struct state *state, struct str from, struct str to, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    if (!state_get(state, from))
        return err_set(err, ERR_ABSENT, "the state has no \"%.*s\"", STR_ARG(from));
    if (state_get(state, to))
        return err_set(err, ERR_EXISTS, "the state has a \"%.*s\" already", STR_ARG(to));
    body_begin(&body, state->run, "move");
    body_text(&body, "from", from);
    body_text(&body, "to", to);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    records_move(&state->records, from, to);
    state->records.moves++;
    state_note_applied(state, seq);
    return 0;
}

int state_drop(struct state *state, struct str address, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "drop");
    body_text(&body, "address", address);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    records_end_intent(&state->records, address);
    records_remove(&state->records, address);
    state_note_applied(state, seq);
    return 0;
}

int state_trust(struct state *state, struct str connection, struct str key, struct str of, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "trust");
    body_text(&body, "connection", connection);
    body_text(&body, "key", key);
    if (of.n)
        body_text(&body, "of", of);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    records_trust(&state->records, connection, key, of);
    state_note_applied(state, seq);
    return 0;
}

int state_set_outputs(struct state *state, const struct value *outputs, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf body = BUF_INIT;
    const struct value *line, *kept;
    uint64_t seq;
    body_begin(&body, state->run, "outputs");
    body_value(&body, state->secrets, "values", outputs ? outputs : &value_empty_map);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    if (state->in_turn && committer_wait(state->committer, seq, err)) /* until then others may be first */
        return -1;
    if (log_parse(&scratch, buf_str(&body), &line, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    int result = decode_value(&state->records.keeper, state->secrets, value_getz(line, "values"), &kept, err);
    if (!result)
        state->records.outputs = kept;
    state_note_applied(state, seq);
    return result;
}

int state_set_lease(struct state *state, const struct lease *lease, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "lease");
    body_lease(&body, lease);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    state->records.lease = *lease;
    state_note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    return committer_wait(state->committer, seq, err) ? err_context(err, "recording in the state") : 0;
}

bool state_keeps_sources(struct state *state, struct str digest)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    return str_eq(digest, state->records.digest);
}

int state_keep_sources(struct state *state, struct str digest, const struct value *files, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    bool kept = state_keeps_sources(state, digest);
    body_begin(&body, state->run, "sources");
    body_text(&body, "digest", digest);
    if (files && !kept)
        body_value(&body, state->secrets, "files",
            state_has_key(state) ? value_mark(&scratch, files, VALUE_SENSITIVE) : files);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    if (files && !kept)
        state->records.digest = arena_str(&state->records.arena, digest);
    state_note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    return 0;
}

/* ---- what files that belong to it hold ---- */

void state_write_value(const struct state *state, struct buf *out, const struct value *v)
{
    encode_value(out, state->secrets, v);
}

int state_read_value(const struct state *state, struct arena *arena, const struct value *kept,
    const struct value **out, struct err *err)
{
    struct keeper keeper = {.arena = arena};
    int rc = decode_value(&keeper, state->secrets, kept, out, err);
    keeper_release(&keeper);
    return rc;
}

struct str state_mac(const struct state *state, struct arena *arena, struct str text)
{
    return secrets_mac(state->secrets, arena, text);
}

bool state_mac_is_ours(const struct state *state, struct str text, struct str mac)
{
    return secrets_mac_is_ours(state->secrets, text, mac);
}
