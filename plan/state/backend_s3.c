/* The log as objects that are put once and never written again; what is there is found by listing. */
#include "plan/state/backend_s3.h"

#include "base/clock.h"
#include "base/crash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/pool.h"
#include "plan/state/s3_client.h"
#include "plan/state/s3_lock.h"
#include "plan/state/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LEASE_S = 30,
    LEASE_MIN_S = 2,
    LEASE_MAX_S = 3600,
    FETCH_THREADS = 16,
    FETCH_WINDOW = 64, /* objects held in memory at a time */
    CROWDED = 64,      /* objects after which a snapshot is due */
    CLOCK_SKEW_MS = 60 * 1000,
    HEAD_MS = 1000, /* how often the hint follows while a run goes on */
};

struct s3_backend {
    struct backend base;
    struct arena arena;
    struct s3_store *store;
    struct s3_lock *lock;
    struct str prefix;   /* with the slash */
    struct str place;    /* what all prefixes there begin with */
    size_t objects;      /* read or written since the newest snapshot */
    bool locked, hinted; /* the hint was read just now */
    bool shared;         /* the lock is held with others */
    uint64_t snapshot;   /* where the newest one that is known begins; 0: there is none */
    uint64_t last, head; /* last record that was written, and that the hint says; 0: none */
    int64_t head_ms;     /* when the hint was written, monotonic */
};

static struct s3_backend *s3_backend_of(struct backend *b)
{
    return (struct s3_backend *)b;
}

static struct str batch_key(struct arena *arena, const struct s3_backend *s, uint64_t seq)
{
    return arena_printf(arena, "%.*s%020" PRIu64 ".json", STR_ARG(s->prefix), seq);
}

static struct str hint_key(struct arena *arena, const struct s3_backend *s)
{
    return arena_printf(arena, "%.*snewest-snapshot.json", STR_ARG(s->prefix));
}

/* ---- reading ---- */

struct fetch {
    struct s3_backend *s;
    struct str *keys;
    struct arena arenas[FETCH_WINDOW];
    struct str bodies[FETCH_WINDOW];
    struct err errs[FETCH_WINDOW];
};

static void fetch_one(void *ctx, size_t i)
{
    struct fetch *f = ctx;
    struct s3_object object;
    bool found;
    if (s3_get(f->s->store, &f->arenas[i], f->keys[i], &object, &found, &f->errs[i]))
        return;
    if (!found)
        err_set(&f->errs[i], ERR_DAMAGED, "it was listed and is not there");
    f->bodies[i] = object.body;
}

static int note_place(const struct s3_backend *s, struct str key, struct err *err)
{
    return err_context(err, "the state in s3://%.*s/%.*s", STR_ARG(s3_store_bucket(s->store)), STR_ARG(key));
}

/* `torn`: where the last of them is the newest batch of all, whether it was cut short, and is left out. */
static int read_window(
    struct fetch *f, size_t n, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err)
{
    int result = 0;
    pool_run(FETCH_THREADS, n, fetch_one, f);
    for (size_t i = 0; i < n; i++) {
        struct err why = f->errs[i];
        if (torn && i + 1 == n && why.class == ERR_NONE)
            *torn = !str_ends(f->bodies[i], STR("\n"));
        bool left_out = torn && *torn;
        if (why.class == ERR_NONE && !left_out && !f->bodies[i].n)
            err_set(&why, ERR_DAMAGED, "it has no bytes, and others follow it");
        if (!result && why.class == ERR_NONE && !left_out)
            log_each(f->bodies[i], after, line, ctx, &why);
        if (!result && why.class != ERR_NONE) {
            *err = why;
            result = note_place(f->s, f->keys[i], err);
        }
        arena_release(&f->arenas[i]);
    }
    return result;
}

/* The keys go up to the newest batch. */
static int read_keys(struct s3_backend *s, struct str *keys, size_t n, uint64_t after, log_line *line,
    void *ctx, bool *torn, struct err *err)
{
    struct fetch *f = mem_zalloc(sizeof *f);
    int result = 0;
    *torn = false;
    for (size_t at = 0; at < n && !result; at += FETCH_WINDOW) {
        bool last = n - at <= FETCH_WINDOW;
        *f = (struct fetch){.s = s, .keys = keys + at};
        result = read_window(f, last ? n - at : FETCH_WINDOW, after, line, ctx, last ? torn : NULL, err);
    }
    free(f);
    return result;
}

/* Only the batches: the listing has the lock's folder and the hint in it too. */
static size_t keep_batches(const struct s3_backend *s, struct str *keys, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct str name = str_slice(keys[i], s->prefix.n, keys[i].n);
        int64_t number;
        if (name.n == 25 && str_ends(name, STR(".json")) && str_to_int(str_slice(name, 0, 20), &number))
            keys[kept++] = keys[i];
    }
    return kept;
}

static int list_batches(
    struct s3_backend *s, struct arena *arena, uint64_t after, struct str **keys, size_t *n, struct err *err)
{
    /* "after" is the last record of some batch, which is not the name of any: the next name follows it. */
    if (s3_list(s->store, arena, s->prefix, batch_key(arena, s, after), keys, n, err))
        return err_context(err, "reading the state %.*s", STR_ARG(s->base.description));
    *n = keep_batches(s, *keys, *n);
    return 0;
}

/* The hint: where to begin reading, and how far the log goes at least. Reading takes it from here. */
static int s3_head(struct backend *b, struct backend_head *head, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct s3_object object;
    bool found;
    const struct value *v;
    *head = (struct backend_head){0};
    s->snapshot = s->head = 0;
    if (s3_get(s->store, &scratch, hint_key(&scratch, s), &object, &found, err))
        return err_context(err, "reading the state %.*s", STR_ARG(b->description));
    s->hinted = true;
    if (!found || json_parse(&scratch, object.body, &v, NULL))
        return 0;
    s->snapshot = value_get_count(v, "seq");
    head->seq = s->head = value_get_count(v, "head");
    snprintf(head->lineage, sizeof head->lineage, "%.*s", STR_ARG(value_gets(v, "lineage")));
    return 0;
}

/*
 * A batch that a store took half of, with its disk full, was never acknowledged: its writer has failed. It
 * goes, so that its number is free; should its writer live and come to his end after all, whoever is second
 * with that number is refused. One that the head knows as durable is a loss, and stays.
 */
static int cut_off(struct s3_backend *s, struct str key, struct err *err)
{
    int64_t number = 0;
    str_to_int(str_slice(key, s->prefix.n, s->prefix.n + 20), &number);
    if ((uint64_t)number <= s->head)
        return 0;
    return s3_delete(s->store, key, err) ? note_place(s, key, err) : 0;
}

static int s3_read(struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *keys;
    size_t n;
    struct backend_head head;
    *torn = false;
    bool known = s->shared && after; /* nobody writes a snapshot meanwhile */
    if (!s->hinted && !known && s3_head(b, &head, err))
        return -1;
    s->hinted = false; /* the next reading asks again */
    if (s->snapshot > after) {
        after = s->snapshot - 1;
        s->objects = 0;
    }
    if (list_batches(s, &scratch, after, &keys, &n, err))
        return -1;
    s->objects += n;
    if (read_keys(s, keys, n, after, line, ctx, torn, err))
        return -1;
    return *torn && s->locked && !s->shared ? cut_off(s, keys[n - 1], err) : 0;
}

static int s3_read_all(struct backend *b, log_line *line, void *ctx, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *keys;
    size_t n;
    bool torn;
    return list_batches(s, &scratch, 0, &keys, &n, err) || read_keys(s, keys, n, 0, line, ctx, &torn, err)
               ? -1
               : 0;
}

/* ---- writing ---- */

static int put_batch(struct s3_backend *s, struct str lines, uint64_t first_seq, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool exists;
    assert(s->locked);
    if (s3_lock_check(s->lock, err))
        return -1;
    if (s3_put_new(s->store, batch_key(&scratch, s, first_seq), lines, &exists, err))
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

/* The newest snapshot and the last record: what is durable by now, so never ahead of the log. */
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
    if (s3_put(s->store, hint_key(&scratch, s), buf_str(&hint), err))
        return -1;
    s->head = head;
    return 0;
}

static void put_hint(struct s3_backend *s)
{
    struct err ignored = ERR_INIT; /* then it is behind, and the next one says more */
    if (s->last > s->head)
        write_hint(s, s->last, &ignored);
}

static int s3_set_head(struct backend *b, uint64_t seq, struct err *err)
{
    s3_backend_of(b)->snapshot = 0; /* it may be what was lost: reading begins with the first record */
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
    /* Not with each batch: a request as long as the batch's own would be waited for. */
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

static bool s3_crowded(struct backend *b)
{
    return s3_backend_of(b)->objects > CROWDED;
}

/* ---- the lock ---- */

static void s3_unlock(struct backend *b)
{
    struct s3_backend *s = s3_backend_of(b);
    struct err lost = ERR_INIT;
    if (s->locked && s->last > s->head && !s3_lock_check(s->lock, &lost))
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

/* A put where something is must be refused. */
static int check_conditions(struct s3_backend *s, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    char unique[33];
    state_token(unique);
    struct str key = arena_printf(&scratch, "%.*sprobe-%s.json", STR_ARG(s->prefix), unique);
    bool exists;
    if (s3_put(s->store, key, STR("{\"probe\":1}"), err) ||
        s3_put_probe(s->store, key, STR("{\"probe\":2}"), &exists, err) || s3_delete(s->store, key, err))
        return err_context(err, "trying whether the store of the state is safe");
    return exists ? 0 : refuse_store(s, err);
}

static int s3_lock(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    bool first;
    if (s3_lock_take(s->lock, who, timeout_ms, &first, err))
        return -1;
    s->locked = true;
    if (first && check_conditions(s, err)) {
        s3_unlock(b);
        return -1;
    }
    return 0;
}

/* The first one of all has it alone for a moment, to try out the store. */
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

static int s3_is_alive(struct backend *b, uint64_t run UNUSED, struct str life, bool *alive, struct err *err)
{
    return s3_lock_is_alive(s3_backend_of(b)->lock, life, alive, err);
}

static bool s3_lock_alone(struct backend *b)
{
    struct s3_backend *s = s3_backend_of(b);
    struct err ignored = ERR_INIT;
    bool alone;
    if (s3_lock_take_alone(s->lock, &alone, &ignored) || !alone)
        return false;
    s->shared = false;
    return true;
}

static int s3_holder(
    struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err)
{
    return s3_lock_holder(s3_backend_of(b)->lock, arena, who, held, err);
}

static int s3_force_unlock(struct backend *b, struct err *err)
{
    return s3_lock_force(s3_backend_of(b)->lock, err);
}

static int s3_check_lock(struct backend *b, struct err *err)
{
    return s3_lock_check(s3_backend_of(b)->lock, err);
}

/* ---- is the store fit for it? ---- */

static void report_probe(const struct probe_report *r, bool ok, const char *name, const char *text)
{
    r->line(r->ctx, ok ? PROBE_OK : PROBE_FAILS, name, text);
}

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
    report_probe(r, ok, "consistent listing",
        ok ? "a new object is listed at once, a deleted one no more" : "the listing lags behind");
    return ok ? 0 : err_set(err, ERR_INVALID, "the store's listing lags behind its objects");
}

/* Not needed, and better to have. */
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
        on ? "on: what is deleted by mistake can be had back" : off.p);
}

static int s3_probe(struct backend *b, const struct probe_report *r, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err why = ERR_INIT;
    struct s3_object object;
    bool found;
    if (check_conditions(s, &why) && why.class != ERR_INVALID)
        return err_raise(err, &why);
    bool safe = why.class == ERR_NONE;
    report_probe(r, safe, "conditional writes", safe ? "If-None-Match: * is honoured" : why.message);
    if (probe_listing(s, r, safe ? &why : err))
        safe = false;
    if (s3_get(s->store, &scratch, hint_key(&scratch, s), &object, &found, err))
        return -1;
    int64_t skew = object.clock_ms ? object.clock_ms - clock_wall_ms() : 0;
    report_probe(r, llabs(skew) < CLOCK_SKEW_MS, "clock",
        llabs(skew) < CLOCK_SKEW_MS ? "agrees with the store's"
                                    : "differs from the store's by more than a minute");
    probe_versioning(s, r);
    if (!safe)
        *err = why;
    return safe ? 0 : -1;
}

/* ---- making and ending ---- */

static void s3_free(struct backend *b)
{
    struct s3_backend *s = s3_backend_of(b);
    s3_unlock(b);
    s3_lock_free(s->lock);
    s3_store_free(s->store);
    arena_release(&s->arena);
    free(s);
}

static int s3_place(struct backend *b, struct arena *arena, struct backend_place *out, struct err *err)
{
    const struct s3_backend *s = s3_backend_of(b);
    *out = (struct backend_place){0};
    return s3_folders(s->store, arena, s->place, &out->names, &out->n, &out->clock_ms, err);
}

static const struct backend_ops s3_ops = {
    .place = s3_place,
    .lock = s3_lock,
    .unlock = s3_unlock,
    .share = s3_share,
    .is_alive = s3_is_alive,
    .lock_alone = s3_lock_alone,
    .holder = s3_holder,
    .force_unlock = s3_force_unlock,
    .read = s3_read,
    .read_all = s3_read_all,
    .append = s3_append,
    .snapshot = s3_snapshot,
    .head = s3_head,
    .set_head = s3_set_head,
    .crowded = s3_crowded,
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
