/* The log as objects that are written once and found by listing; and checks whether a store supports that. */
#include "base/clock.h"
#include "base/crash.h"
#include "base/json.h"
#include "base/mem.h"
#include "plan/state/backend_s3_internal.h"
#include "plan/state/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LEASE_S = 30,
    LEASE_MIN_S = 2,
    LEASE_MAX_S = 3600,
    CROWDED = 64,      /* objects after which a snapshot is due */
    PER_OBJECT = 4096, /* plus one for each so many records: larger snapshots take longer to write */
    HEAD_MS = 1000,    /* how often the hint is updated during a run */
};

/* ---- writing ---- */

static int put_batch(struct s3_backend *s, struct str lines, uint64_t first_seq, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool exists;
    assert(s->locked);
    if (s3_check_lock(&s->base, err))
        return -1;
    if (s3_put_new(s->store, s3_batch_key(&scratch, s, first_seq), lines, &exists, err))
        return err_context(err, "writing the state %.*s", STR_ARG(s->base.description));
    if (!exists)
        return 0;
    if (s->shared)
        return err_set(err, ERR_EXISTS, "another run has written record %" PRIu64 " of the state %.*s",
            first_seq, STR_ARG(s->base.description));
    err_set(err, ERR_LOCKED, "another run has written to the state %.*s: this one has lost its lock",
        STR_ARG(s->base.description));
    return err_hint(err, "what this run had under way is recovered by the next command");
}

/* Writes the newest snapshot and the last record. Both are durable, so the hint is never ahead of the log. */
static int write_hint(struct s3_backend *s, uint64_t head, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf hint = BUF_INIT;
    buf_addf(&hint, "{\"head\":%" PRIu64, head);
    if (s->snapshot)
        buf_addf(&hint, ",\"seq\":%" PRIu64, s->snapshot);
    if (s->base.lineage[0]) {
        buf_addz(&hint, ",\"lineage\":");
        json_write_string(&hint, str_z(s->base.lineage));
    }
    buf_addz(&hint, "}");
    s->head_ms = clock_mono_ms();
    if (s3_put(s->store, s3_hint_key(&scratch, s), buf_str(&hint), err))
        return -1;
    s->head = head;
    return 0;
}

static void put_hint(struct s3_backend *s)
{
    struct err ignored = ERR_INIT; /* then it is behind, and the next one corrects it */
    if (s->last > s->head)
        write_hint(s, s->last, &ignored);
}

static int s3_set_head(struct backend *b, uint64_t seq, struct err *err)
{
    s3_backend_of(b)->snapshot = 0; /* the snapshot may be lost: reading starts at the first record */
    return write_hint(s3_backend_of(b), seq, err);
}

static int s3_append(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    crash_point("log.write");
    if (put_batch(s, lines, first_seq, err))
        return -1;
    s->objects++;
    s->last = first_seq + backend_count_lines(lines) - 1;
    crash_point("log.synced");
    /* Not with each batch, since the request takes as long as the batch's own. */
    if (clock_mono_ms() - s->head_ms >= HEAD_MS)
        put_hint(s);
    return 0;
}

static int s3_snapshot(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    crash_point("snapshot.write");
    if (put_batch(s, lines, first_seq, err))
        return -1;
    s->last = first_seq + backend_count_lines(lines) - 1;
    s->snapshot = first_seq;
    crash_point("snapshot.hint");
    if (write_hint(s, s->last, err))
        return err_context(err, "writing the state %.*s", STR_ARG(b->description));
    s->objects = 0;
    return 0;
}

static bool s3_crowded(struct backend *b, size_t records)
{
    return s3_backend_of(b)->objects > CROWDED + records / PER_OBJECT;
}

/* ---- the lock ---- */

static void s3_unlock(struct backend *b)
{
    struct s3_backend *s = s3_backend_of(b);
    if (s->locked && s->last > s->head && !s3_check_lock(b, ERR_IGNORED))
        put_hint(s);
    if (s->locked)
        s3_lock_release(s->lock);
    s->locked = s->shared = false;
    b->life[0] = '\0';
}

static int refuse_store(struct s3_backend *s, struct err *err)
{
    err_set(err, ERR_INVALID,
        "the store of the state %.*s ignores If-None-Match: two runs could overwrite each other's records",
        STR_ARG(s->base.description));
    return err_hint(err, "use a store with conditional writes, or the backend postgres");
}

/* Checks that a put to an existing object is refused. */
static int s3_check_conditions(struct s3_backend *s, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    char unique[33];
    state_token(unique);
    struct str key = arena_printf(&scratch, "%.*sprobe-%s.json", STR_ARG(s->prefix), unique);
    bool exists;
    if (s3_put(s->store, key, STR("{\"probe\":1}"), err) ||
        s3_put_probe(s->store, key, STR("{\"probe\":2}"), &exists, err) || s3_delete(s->store, key, err))
        return err_context(err, "testing whether the store of the state is safe");
    return exists ? 0 : refuse_store(s, err);
}

static int s3_lock(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    bool first;
    if (s3_lock_take(s->lock, who, timeout_ms, &first, err))
        return -1;
    s->locked = true;
    if (first && s3_check_conditions(s, err)) {
        s3_unlock(b);
        return -1;
    }
    return 0;
}

/* The first run ever takes an exclusive lock for a moment, to check the store. */
static int s3_share(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    bool never;
    for (;;) {
        if (s3_lock_share(s->lock, who, timeout_ms, &never, err))
            return -1;
        if (!never)
            break;
        if (s3_lock(b, who, timeout_ms, err))
            return -1;
        s3_unlock(b);
    }
    s->locked = s->shared = true;
    snprintf(b->life, sizeof b->life, "%s", s3_lock_life(s->lock));
    return 0;
}

static bool s3_lock_alone(struct backend *b)
{
    struct s3_backend *s = s3_backend_of(b);
    bool alone;
    if (s3_lock_upgrade(s->lock, &alone, ERR_IGNORED) || !alone)
        return false;
    s->shared = false;
    return true;
}

/* ---- creation and release ---- */

static void s3_free(struct backend *b)
{
    struct s3_backend *s = s3_backend_of(b);
    s3_unlock(b);
    s3_lock_free(s->lock);
    s3_forget_cells(s);
    s3_store_free(s->store);
    arena_release(&s->arena);
    free(s);
}

static int s3_list_states(
    struct backend *b, struct arena *arena, struct backend_listing *out, struct err *err)
{
    const struct s3_backend *s = s3_backend_of(b);
    *out = (struct backend_listing){0};
    return s3_folders(s->store, arena, s->place, &out->names, &out->n, &out->clock_ms, err);
}

static int s3_probe(struct backend *b, const struct probe_report *r, struct err *err);

static const struct backend_ops s3_ops = {
    .list = s3_list_states,
    .lock = s3_lock,
    .unlock = s3_unlock,
    .share = s3_share,
    .is_alive = s3_is_alive,
    .upgrade_lock = s3_lock_alone,
    .holder = s3_holder,
    .force_unlock = s3_force_unlock,
    .read = s3_read,
    .read_all = s3_read_all,
    .find_snapshot = s3_find_snapshot,
    .read_lines = s3_read_lines,
    .pass_snapshot = s3_pass_snapshot,
    .append = s3_append,
    .snapshot = s3_snapshot,
    .head = s3_head,
    .set_head = s3_set_head,
    .needs_snapshot = s3_crowded,
    .check_lock = s3_check_lock,
    .probe = s3_probe,
    .free = s3_free,
};

static int lease_from(const struct value *config, int64_t *lease_ms, struct err *err)
{
    const struct value *v = value_getz(config, "lease_seconds");
    if (!v)
        return 0;
    if (v->kind != VALUE_INT || v->integer < LEASE_MIN_S || v->integer > LEASE_MAX_S)
        return err_set(err, ERR_INVALID, "the state's lease_seconds must be a number from %d to %d",
            LEASE_MIN_S, LEASE_MAX_S);
    *lease_ms = v->integer * 1000;
    return 0;
}

struct str backend_s3_prefix(
    struct arena *arena, const struct value *config, struct str stack, struct str env)
{
    struct str prefix = value_gets(config, "prefix");
    return arena_printf(arena, "%.*s%s%.*s%s%.*s/", STR_ARG(prefix),
        prefix.n && !str_ends(prefix, STR("/")) ? "/" : "", STR_ARG(stack), env.n ? "." : "", STR_ARG(env));
}

int backend_s3_new(const struct backend_options *options, struct backend **out, struct err *err)
{
    struct s3_store *store;
    int64_t lease_ms = LEASE_S * 1000;
    if (lease_from(options->config, &lease_ms, err) ||
        s3_store_new(options->config, options->http, &store, err))
        return -1;
    struct s3_backend *s = mem_zalloc(sizeof *s);
    struct arena *a = &s->arena;
    s->base.ops = &s3_ops;
    s->store = store;
    s->prefix = backend_s3_prefix(a, options->config, options->stack, options->env);
    s->place = str_slice(
        s->prefix, 0, s->prefix.n - 1 - options->stack.n - (options->env.n ? options->env.n + 1 : 0));
    s->base.description =
        arena_printf(a, "s3://%.*s/%.*s", STR_ARG(s3_store_bucket(store)), STR_ARG(s->prefix));
    s->lock = s3_lock_new(store, s->prefix, s->base.description, lease_ms);
    *out = &s->base;
    return 0;
}

/* ---- state doctor ---- */

enum { CLOCK_SKEW_MS = 60 * 1000 };

static int probe_listing(struct s3_backend *s, const struct probe_report *r, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    char unique[33];
    state_token(unique);
    struct str key = arena_printf(&scratch, "%.*sprobe-%s.json", STR_ARG(s->prefix), unique), *keys;
    size_t n, m;
    bool exists;
    if (s3_put_probe(s->store, key, STR("{}"), &exists, err) ||
        s3_list(s->store, &scratch, key, STR_EMPTY, &keys, &n, err) || s3_delete(s->store, key, err) ||
        s3_list(s->store, &scratch, key, STR_EMPTY, &keys, &m, err))
        return -1;
    bool ok = n == 1 && m == 0;
    probe_report_line(r, ok, "consistent listing",
        ok ? "a new object is listed at once, a deleted one no more" : "the listing lags behind");
    return ok ? 0 : err_set(err, ERR_INVALID, "the store's listing lags behind its objects");
}

/* Recommended, not required. */
static void probe_versioning(struct s3_backend *s, const struct probe_report *r)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err why = ERR_INIT;
    struct str status;
    if (s3_versioning(s->store, &scratch, &status, &why)) {
        r->line(r->ctx, PROBE_WARNS, "versioning", arena_printf(&scratch, "not known: %s", why.message).p);
        return;
    }
    bool on = str_eqz(status, "Enabled");
    struct str off = arena_printf(&scratch,
        "off: nothing brings a deleted record back; `aws s3api put-bucket-versioning --bucket %.*s "
        "--versioning-configuration Status=Enabled` turns it on",
        STR_ARG(s3_store_bucket(s->store)));
    r->line(r->ctx, on ? PROBE_OK : PROBE_WARNS, "versioning",
        on ? "on: what is deleted by mistake can be restored" : off.p);
}

static int s3_probe(struct backend *b, const struct probe_report *r, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err why = ERR_INIT;
    struct s3_object object;
    bool found;
    if (s3_check_conditions(s, &why) && why.class != ERR_INVALID)
        return err_raise(err, &why);
    bool safe = why.class == ERR_NONE;
    probe_report_line(r, safe, "conditional writes", safe ? "If-None-Match: * is honoured" : why.message);
    if (probe_listing(s, r, safe ? &why : err))
        safe = false;
    if (s3_get(s->store, &scratch, s3_hint_key(&scratch, s), &object, &found, err))
        return -1;
    int64_t skew = object.clock_ms ? object.clock_ms - clock_wall_ms() : 0;
    bool agrees = llabs(skew) < CLOCK_SKEW_MS;
    probe_report_line(r, agrees, "clock",
        agrees ? "agrees with the store's" : "differs from the store's by more than a minute");
    probe_versioning(s, r);
    if (!safe)
        *err = why;
    return safe ? 0 : -1;
}
