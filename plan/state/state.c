/* The state's lock and its runs; each change goes to the committer first, and then into what is recorded. */
#include "plan/state/state.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "plan/state/commit.h"
#include "plan/state/encode.h"
#include "plan/state/log.h"
#include "plan/state/log_body.h"
#include "plan/state/records.h"
#include "plan/state/snapshot.h"
#include "plan/state/state_secret.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { COMPACT_SLACK = 1000 /* lines that a log may always be longer than what it says */ };

struct state {
    struct backend *backend;
    struct secrets *secrets;
    struct committer *committer; /* from state_begin() to state_unlock() */
    bool locked, torn;
    uint64_t at;           /* not 0: as it was then, read-only */
    char run[24];          /* "" before state_begin() */
    pthread_mutex_t mutex; /* guards records */
    struct records records;
};

static struct state *as_writable(const struct state *state)
{
    return (struct state *)(uintptr_t)state;
}

/* ---- opening ---- */

static int apply_line(void *ctx, struct str json, struct err *err)
{
    return records_apply(ctx, json, err);
}

static int catch_up(struct state *state, struct err *err)
{
    struct records *r = &state->records;
    bool torn;
    uint64_t last;
    if (backend_read(state->backend, r->seq, apply_line, r, &torn, &last, err))
        return -1;
    state->torn = state->torn || torn;
    if (records_complete(r, err))
        return err_context(err, "the state %.*s is damaged", STR_ARG(state->backend->description));
    return 0;
}

static int apply_until(void *ctx, struct str json, struct err *err)
{
    struct state *state = ctx;
    uint64_t seq, batch;
    if (log_numbers(json, &seq, &batch) && seq > state->at)
        return 0;
    return records_apply(&state->records, json, err);
}

/* From the first record ever: a snapshot may have come later. */
static int go_back(struct state *state, struct err *err)
{
    if (state->backend->ops->read_all(state->backend, apply_until, state, err))
        return -1;
    if (state->records.seq == state->at)
        return 0;
    return err_set(err, ERR_ABSENT, "the state %.*s has no record %" PRIu64,
        STR_ARG(state->backend->description), state->at);
}

int state_open(const struct state_options *options, struct state **out, struct err *err)
{
    struct state *state = mem_zalloc(sizeof *state);
    state->backend = options->backend;
    pthread_mutex_init(&state->mutex, NULL);
    records_init(&state->records, NULL);
    if (secrets_new(options->config, options->dir, &state->secrets, err))
        goto failed;
    state->records.secrets = state->secrets;
    state->at = options->at;
    if (state->at ? go_back(state, err) : catch_up(state, err))
        goto failed;
    *out = state;
    return 0;
failed:
    state_close(state);
    return -1;
}

void state_close(struct state *state)
{
    if (!state)
        return;
    state_unlock(state);
    backend_free(state->backend);
    records_release(&state->records);
    secrets_free(state->secrets);
    pthread_mutex_destroy(&state->mutex);
    free(state);
}

int state_check_moved(const struct state *state, struct err *err)
{
    const struct records *r = &state->records;
    if (!r->moved_to.n)
        return 0;
    err_set(err, ERR_STALE, "the state was moved to %.*s", STR_ARG(r->moved_to));
    return err_hint(err, "let `state:` in the stack say so; what is left in %.*s is only history",
        STR_ARG(state->backend->description));
}

int state_lock(struct state *state, const char *command, int64_t timeout_ms, struct err *err)
{
    assert(!state->locked && !state->at);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lock_info who;
    lock_info_self(&scratch, command, &who);
    if (state->backend->ops->lock(state->backend, &who, timeout_ms, err))
        return -1;
    state->locked = true;
    /* Others may have written since the opening. */
    if (catch_up(state, err) || state_check_moved(state, err)) {
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

/* ---- reading ---- */

const struct record *state_get(const struct state *state, struct str address)
{
    pthread_mutex_lock(&as_writable(state)->mutex);
    const struct record *record = map_get(&state->records.by_address, address);
    pthread_mutex_unlock(&as_writable(state)->mutex);
    return record;
}

size_t state_count(const struct state *state)
{
    return state->records.count;
}

const struct record *const *state_records(struct state *state, size_t *n)
{
    *n = state->records.count;
    return records_sorted(&state->records);
}

const struct intent *const *state_open_intents(struct state *state, size_t *n)
{
    return records_open_intents(&state->records, n);
}

const struct value *state_outputs(const struct state *state)
{
    return state->records.outputs;
}

struct str state_description(const struct state *state)
{
    return state->backend->description;
}

const struct value *state_trusted(const struct state *state)
{
    return state->records.trusted;
}

struct lease state_lease(const struct state *state)
{
    return state->records.lease;
}

uint64_t state_seq(const struct state *state)
{
    return state->records.seq;
}

struct str state_lineage(const struct state *state)
{
    return state->records.lineage;
}

bool state_was_torn(const struct state *state)
{
    return state->torn;
}

bool state_has_key(const struct state *state)
{
    return secrets_have_key(state->secrets);
}

/* ---- writing ---- */

static int add_line(struct state *state, struct buf *body, uint64_t *seq, struct err *err)
{
    body_end(body);
    if (!state->committer)
        return err_set(
            err, ERR_FAILED, "the state %.*s is not open for writing", STR_ARG(state->backend->description));
    if (committer_add(state->committer, buf_str(body), seq, err))
        return err_context(err, "recording in the state");
    return 0;
}

/* With the mutex held. Numbers are given before the mutex is taken, so they may come out of order. */
static void note_applied(struct state *state, uint64_t seq)
{
    if (state->records.seq < seq)
        state->records.seq = seq;
    state->records.lines++;
}

static void add_info(struct state *state, struct buf *body, const struct value *info)
{
    for (uint32_t i = 0; info && info->kind == VALUE_MAP && i < info->count; i++) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        body_value(body, state->secrets, arena_strz(&scratch, info->entries[i].key), info->entries[i].value);
    }
}

int state_begin(struct state *state, const char *command, const struct value *info, struct err *err)
{
    assert(state->locked);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf body = BUF_INIT;
    struct records *r = &state->records;
    struct lock_info who;
    lock_info_self(&scratch, command, &who);
    if (!r->lineage.n) {
        char lineage[33];
        state_token(lineage);
        r->lineage = arena_str(&r->arena, str_z(lineage));
        secrets_set_lineage(state->secrets, r->lineage);
    }
    r->runs++;
    snprintf(state->run, sizeof state->run, "%" PRIu64, r->runs);
    if (!state->committer)
        state->committer = committer_new(state->backend, r->seq + 1);

    body_begin(&body, state->run, "run");
    body_text(&body, "lineage", r->lineage);
    body_text(&body, "command", who.command);
    body_text(&body, "owner", who.owner);
    buf_addf(&body, ",\"pid\":%" PRId64, who.pid);
    body_text(&body, "version", STR(WEIR_VERSION));
    body_text(&body, "ci_url", who.ci_url);
    add_info(state, &body, info);
    uint64_t seq;
    /* Durable before anything else: a disk that is full or a lock that is lost shows now. */
    if (add_line(state, &body, &seq, err) || committer_wait(state->committer, seq, err))
        return -1;
    note_applied(state, seq);
    return 0;
}

void state_take_lineage(struct state *state, struct str lineage)
{
    struct records *r = &state->records;
    assert(!r->lineage.n || str_eq(r->lineage, lineage));
    r->lineage = arena_str(&r->arena, lineage);
    secrets_set_lineage(state->secrets, r->lineage);
}

/* The seconds, and a word by which a token that has them is known; the rest is chance. */
enum { TOKEN_TIME = 4, TOKEN_MARK = 2 };
static const unsigned char token_mark[TOKEN_MARK] = {0x7e, 0x12};

int64_t state_token_ms(struct str token)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str bytes;
    int64_t s = 0;
    if (token.n != 32 || !hex_decode(&scratch, token, &bytes) ||
        memcmp(bytes.p + TOKEN_TIME, token_mark, TOKEN_MARK) != 0)
        return 0;
    for (int i = 0; i < TOKEN_TIME; i++)
        s = s << 8 | (unsigned char)bytes.p[i];
    return s * 1000;
}

void state_token(char out[33])
{
    unsigned char bytes[16];
    uint64_t s = (uint64_t)clock_wall_ms() / 1000;
    hash_random(bytes, sizeof bytes);
    for (int i = 0; i < TOKEN_TIME; i++)
        bytes[i] = (unsigned char)(s >> (8 * (TOKEN_TIME - 1 - i)));
    memcpy(bytes + TOKEN_TIME, token_mark, TOKEN_MARK);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int state_intent(struct state *state, const struct intent *intent, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf body = BUF_INIT, line = BUF_INIT;
    struct secret_marks marks = {.id = intent->subject.id,
        .schema = intent->schema,
        .sealed = state_has_key(state),
        .given = intent->desired};
    uint64_t seq;
    body_begin(&body, state->run, "intent");
    body_text(&body, "address", intent->subject.address);
    body_type(&body, intent->subject.type, intent->subject.provider);
    body_text(&body, "action", intent->action);
    body_text(&body, "token", intent->token);
    body_text(&body, "id", intent->subject.id);
    body_value(&body, state->secrets, "desired", state_mark_secrets(&scratch, intent->desired, &marks));
    body_value(&body, state->secrets, "set", intent->set);
    body_value(&body, state->secrets, "deps", intent->deps);
    body_value(&body, state->secrets, "place", intent->place);
    if (add_line(state, &body, &seq, err))
        return -1;
    buf_addf(&line, "{\"seq\":%" PRIu64 ",", seq);
    buf_add(&line, body.p + 1, body.n - 1);
    pthread_mutex_lock(&state->mutex);
    records_intent(&state->records, intent->subject.address, buf_str(&line));
    note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    if (committer_wait(state->committer, seq, err))
        return err_context(err, "recording in the state");
    return state_check_lock(state, err);
}

/* Attributes as the log would give them back: secrets opened again or as hashes. */
static const struct value *as_read(
    struct arena *arena, struct keeper *keeper, struct state *state, struct str body, struct err *err)
{
    const struct value *line, *attrs;
    keeper->arena = arena;
    if (log_parse(arena, body, &line, err))
        return NULL;
    return decode_value(keeper, state->secrets, value_getz(line, "attrs"), &attrs, err) ? NULL : attrs;
}

/* Whoever records something: no secret that was known as one gets out of this in clear. */
static const struct value *marked_attrs(
    struct state *state, struct arena *arena, const struct outcome *outcome)
{
    struct secret_marks marks = {.id = outcome->record.subject.id,
        .schema = outcome->schema,
        .sealed = state_has_key(state),
        .given = outcome->given};
    if (!outcome->record.attrs)
        return NULL;
    pthread_mutex_lock(&state->mutex);
    const struct record *record = map_get(&state->records.by_address, outcome->record.subject.address);
    if (!outcome->given)
        marks.intended = records_intended(&state->records, outcome->record.subject.address, arena);
    pthread_mutex_unlock(&state->mutex);
    marks.recorded = record ? record->attrs : NULL;
    return state_mark_secrets(arena, outcome->record.attrs, &marks);
}

static int record_outcome(
    struct state *state, struct buf *body, const struct outcome *outcome, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct keeper keeper = {0};
    struct record draft = outcome->record;
    struct str address = draft.subject.address;
    draft.recent = STR_EMPTY;
    draft.before = NULL;
    int result = -1;
    draft.attrs = marked_attrs(state, &scratch, outcome);
    if (draft.attrs)
        body_record(body, state->secrets, &draft);
    if (add_line(state, body, &draft.seq, err))
        return -1;
    if (value_is_sensitive(draft.attrs) &&
        !(draft.attrs = as_read(&scratch, &keeper, state, buf_str(body), err)))
        goto out;
    pthread_mutex_lock(&state->mutex);
    records_end_intent(&state->records, address);
    if (draft.attrs)
        records_put(&state->records, &draft);
    else
        records_remove(&state->records, address);
    note_applied(state, draft.seq);
    pthread_mutex_unlock(&state->mutex);
    result = 0;
out:
    keeper_release(&keeper);
    return result;
}

int state_done(struct state *state, const struct outcome *outcome, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    body_begin(&body, state->run, "done");
    body_text(&body, "address", outcome->record.subject.address);
    body_text(&body, "action", outcome->action);
    return record_outcome(state, &body, outcome, err);
}

/*
 * An answer that never came, or that a failing server gave, does not say whether the change was made. A
 * request that could not even be sent does.
 */
static bool leaves_open(const struct err *why)
{
    if (!why)
        return false;
    bool unanswered = why->class == ERR_NETWORK || why->class == ERR_TIMEOUT;
    return why->unsure || (unanswered && !why->retryable) || why->class == ERR_INTERRUPTED ||
           why->class == ERR_PROTOCOL || why->http_status >= 500;
}

int state_fail(struct state *state, struct str address, struct str action, const struct err *why,
    const struct outcome *left, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "fail");
    body_text(&body, "address", address);
    body_text(&body, "action", action);
    body_error(&body, why);
    if (left && left->record.attrs)
        return record_outcome(state, &body, left, err);
    bool unclear = leaves_open(why);
    body_flag(&body, "unclear", unclear);
    if (add_line(state, &body, &seq, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    if (!unclear)
        records_end_intent(&state->records, address);
    note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    return 0;
}

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
    if (add_line(state, &body, &seq, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    records_move(&state->records, from, to);
    note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    return 0;
}

int state_drop(struct state *state, struct str address, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "drop");
    body_text(&body, "address", address);
    if (add_line(state, &body, &seq, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    records_end_intent(&state->records, address);
    records_remove(&state->records, address);
    note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    return 0;
}

int state_trust(struct state *state, struct str connection, struct str key, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "trust");
    body_text(&body, "connection", connection);
    body_text(&body, "key", key);
    if (add_line(state, &body, &seq, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    records_trust(&state->records, connection, key);
    note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
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
    if (add_line(state, &body, &seq, err))
        return -1;
    if (log_parse(&scratch, buf_str(&body), &line, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    int result = decode_value(&state->records.keeper, state->secrets, value_getz(line, "values"), &kept, err);
    if (!result)
        state->records.outputs = kept;
    note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    return result;
}

int state_set_lease(struct state *state, const struct lease *lease, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "lease");
    body_lease(&body, lease);
    if (add_line(state, &body, &seq, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    state->records.lease = *lease;
    note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    return committer_wait(state->committer, seq, err) ? err_context(err, "recording in the state") : 0;
}

int state_keep_sources(struct state *state, struct str digest, const struct value *files, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    bool kept = str_eq(digest, state->records.digest);
    body_begin(&body, state->run, "sources");
    body_text(&body, "digest", digest);
    if (files && !kept)
        body_value(&body, state->secrets, "files",
            state_has_key(state) ? value_mark(&scratch, files, VALUE_SENSITIVE) : files);
    if (add_line(state, &body, &seq, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    if (files && !kept)
        state->records.digest = arena_str(&state->records.arena, digest);
    note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    return 0;
}

bool state_is_broken(struct state *state)
{
    return state->committer && committer_is_broken(state->committer);
}

int state_flush(struct state *state, struct err *err)
{
    return state->committer ? committer_flush(state->committer, err) : 0;
}

int state_end(struct state *state, const char *status, const struct value *counts, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "end");
    body_text(&body, "status", str_z(status));
    body_value(&body, state->secrets, "counts", counts);
    if (add_line(state, &body, &seq, err))
        return -1;
    note_applied(state, seq);
    return state_flush(state, err);
}

/* ---- snapshots ---- */

static void write_snapshot(void *ctx, struct buf *out, uint64_t seq)
{
    struct state *state = ctx;
    snapshot_write(&state->records, state->secrets, state->run, out, seq);
}

int state_snapshot(struct state *state, struct err *err)
{
    assert(state->committer);
    struct records *r = &state->records;
    size_t lines = 1 + r->count + r->open_count;
    if (committer_snapshot(state->committer, lines, write_snapshot, state, err))
        return err_context(err, "writing a snapshot of the state");
    r->seq += lines;
    r->lines = lines;
    return 0;
}

int state_compact(struct state *state, struct err *err)
{
    const struct records *r = &state->records;
    const struct backend_ops *ops = state->backend->ops;
    bool crowded = ops->crowded && ops->crowded(state->backend);
    if (!crowded && r->lines < 2 * (r->count + r->open_count) + COMPACT_SLACK)
        return 0;
    return state_snapshot(state, err);
}
