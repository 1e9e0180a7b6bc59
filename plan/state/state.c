/* Opens and reads the state; writes snapshots. */
#include "plan/state/state_internal.h"

#include "base/hash.h"
#include "base/mem.h"
#include "plan/state/snapshot.h"
#include "stacks/stack.h"

enum {
    COMPACT_SLACK = 1000, /* lines that a log may always have beyond its contents */
    SINCE_MAX = 20000,    /* lines after a snapshot that a plan with targets may read */
    SINCE_PART = 10,      /* or this fraction of all lines */
};

static struct state *as_writable(const struct state *state)
{
    return (struct state *)(uintptr_t)state;
}

/* ---- opening ---- */

int state_catch_up(struct state *state, struct err *err)
{
    struct records *r = &state->records;
    bool torn;
    uint64_t last;
    size_t moves = r->moves;
    if (backend_read(state->backend, r->seq, records_apply, r, &torn, &last, err))
        return -1;
    state->torn = state->torn || torn;
    if (records_complete(r, err))
        return err_context(err, "the state %.*s is damaged", STR_ARG(state->backend->description));
    if (records_check_intents(r, err))
        return -1;
    return r->moves > moves ? state_read_whole(state, err) : 0; /* the moved record may not have been read */
}

int state_read_whole(struct state *state, struct err *err)
{
    if (!state->part)
        return 0;
    if (state_flush(state, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    state->part = false;
    records_restart(&state->records);
    return state_catch_up(state, err);
}

bool state_is_part(const struct state *state)
{
    return state->part;
}

static int read_now(struct state *state, const struct state_part *part, struct err *err)
{
    bool torn = false;
    if (!part)
        return state_catch_up(state, err);
    state->part = part_read(state->backend, part, &state->records, &torn);
    if (state->part)
        return 0;
    if (part->named_count)
        return err_set(err, ERR_ABSENT, "the state %.*s has no names", STR_ARG(state->backend->description));
    records_restart(&state->records);
    return state_catch_up(state, err);
}

static int apply_until(void *ctx, struct str json, struct err *err)
{
    struct state *state = ctx;
    uint64_t seq, batch;
    if (log_numbers(json, &seq, &batch) && seq > state->at)
        return 0;
    return records_apply(&state->records, json, err);
}

/* From the first record: a snapshot may be later. */
static int go_back(struct state *state, struct err *err)
{
    struct records *r = &state->records;
    if (state->backend->ops->read_all(state->backend, apply_until, state, err))
        return -1;
    if (r->kept_due) { /* within a snapshot, which changes nothing: go before it */
        state->at = r->seq - (r->snapshot_lines - r->kept_due);
        records_restart(r);
        return go_back(state, err);
    }
    if (r->seq == state->at)
        return 0;
    return err_set(err, ERR_ABSENT, "the state %.*s has no record %" PRIu64,
        STR_ARG(state->backend->description), state->at);
}

int state_open(const struct state_options *options, struct state **out, struct err *err)
{
    struct state *state = mem_zalloc(sizeof *state);
    state->backend = options->backend;
    pthread_mutex_init(&state->mutex, NULL);
    records_init(&state->records);
    if (secrets_new(options->config, options->dir, &state->secrets, err))
        goto failed;
    state->records.secrets = state->secrets;
    state->at = options->at;
    if (state->at ? go_back(state, err) : read_now(state, options->part, err))
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

struct str state_moved_to(const struct state *state)
{
    return state->records.moved_to;
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

/* ---- reading ---- */

bool state_may_be_outdated(struct state *state, struct str address)
{
    struct backend_head head;
    if (state->at)
        return false;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    if (map_get(&state->records.intents, address))
        return true;
    return (!state->locked || state->shared) &&
           !state->backend->ops->head(state->backend, &head, ERR_IGNORED) && head.seq > state->records.seq;
}

const struct record *state_get(const struct state *state, struct str address)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&as_writable(state)->mutex);
    return map_get(&state->records.by_address, address);
}

static bool is_instance(struct str address, struct str declared)
{
    return str_starts(address, declared) && address_key_at(address) == (ptrdiff_t)declared.n;
}

const struct record *const *state_instances(
    const struct state *state, struct arena *arena, struct str declared)
{
    const struct map *all = &state->records.by_address;
    const struct record **found = NULL, *only = state_get(state, declared);
    size_t n = 0;
    if (only) {
        found = ARENA_ARRAY(arena, const struct record *, 2);
        found[0] = only;
        return found;
    }
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&as_writable(state)->mutex);
    found = ARENA_ARRAY(arena, const struct record *, all->n + 1);
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].ptr && is_instance(all->items[i].key, declared))
            found[n++] = all->items[i].ptr;
    return found;
}

/* Records of other runs are added at each turn, by the committer's thread. */
struct state_copy {
    size_t count;
    uint64_t seq;
    const struct value *outputs, *trusted;
    struct lease lease;
    bool torn;
};

static struct state_copy state_now(const struct state *state)
{
    const struct records *r = &state->records;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&as_writable(state)->mutex);
    const struct state_copy now = {r->count, r->seq, r->outputs, r->trusted, r->lease, state->torn};
    return now;
}

bool state_failed(const struct state *state)
{
    return state->records.failed;
}

size_t state_count(const struct state *state)
{
    return state_now(state).count;
}

const struct record *const *state_records(struct state *state, size_t *n)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    *n = state->records.count;
    const struct record *const *list = records_sorted(&state->records);
    return list;
}

const struct intent *const *state_open_intents(struct state *state, size_t *n)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    const struct intent *const *list = records_open_intents(&state->records, n);
    return list;
}

const struct value *state_outputs(const struct state *state)
{
    return state_now(state).outputs;
}

struct str state_description(const struct state *state)
{
    return state->backend->description;
}

const struct value *state_trusted(const struct state *state)
{
    return state_now(state).trusted;
}

struct lease state_lease(const struct state *state)
{
    return state_now(state).lease;
}

uint64_t state_seq(const struct state *state)
{
    return state_now(state).seq;
}

struct str state_lineage(const struct state *state)
{
    return state->records.lineage;
}

bool state_was_torn(const struct state *state)
{
    return state_now(state).torn;
}

bool state_has_key(const struct state *state)
{
    return secrets_have_key(state->secrets);
}

/* ---- snapshots ---- */

uint64_t state_digest(struct str key)
{
    unsigned char bytes[SHA256_SIZE];
    uint64_t digest = 0;
    hash_sha256(key, bytes);
    for (size_t i = 0; i < sizeof digest; i++)
        digest = digest << 8 | bytes[i];
    return digest;
}

const struct value *state_types(const struct state *state)
{
    return state->records.types;
}

void state_want_snapshot(struct state *state)
{
    state->unnamed = true;
}

int state_snapshot(struct state *state, const struct state_namer *namer, struct err *err)
{
    assert(state->committer);
    struct records *r = &state->records;
    __attribute__((cleanup(snapshot_names_release))) struct snapshot_names names = {0};
    if (namer)
        snapshot_names_find(r, namer, &names);
    size_t lines = snapshot_lines(r, &names);
    struct snapshot snapshot = {r, state->secrets, &names, state->run};
    if (committer_snapshot(state->committer, lines, snapshot_write, &snapshot, err))
        return err_context(err, "writing a snapshot of the state");
    r->seq += lines;
    r->lines = r->snapshot_lines = lines;
    r->moves = 0;
    state->unnamed = false;
    return 0;
}

/* For a shared lock: true if no other run is active now, and none has written. */
static bool is_alone(struct state *state)
{
    uint64_t last = state->records.seq;
    if (!state->shared)
        return true;
    if (state->shifted || !state->backend->ops->upgrade_lock(state->backend))
        return false;
    state->shared = false;
    return !state_catch_up(state, ERR_IGNORED) && state->records.seq == last;
}

/*
 * True if the log is much longer than its contents; or if many records are not in a snapshot, which every
 * plan with targets reads; or if something makes such plans read everything. If only a part was read, its
 * snapshot tells the number of records.
 */
static bool is_snapshot_due(const struct state *state)
{
    const struct records *r = &state->records;
    const struct backend_ops *ops = state->backend->ops;
    size_t there = state->part ? r->snapshot_lines : r->count + r->open_count,
           since = r->lines - r->snapshot_lines;
    return state->unnamed || (r->moves && there > COMPACT_SLACK) ||
           (ops->needs_snapshot && ops->needs_snapshot(state->backend, there)) ||
           r->lines >= 2 * there + COMPACT_SLACK || (since > SINCE_MAX && since > there / SINCE_PART);
}

int state_compact(struct state *state, const struct state_namer *namer, struct err *err)
{
    if (!is_snapshot_due(state) || !is_alone(state)) /* otherwise a later run does it */
        return 0;
    return state_read_whole(state, err) || state_snapshot(state, namer, err) ? -1 : 0;
}
