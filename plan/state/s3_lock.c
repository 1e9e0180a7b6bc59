/* The lock of a state in an object store, held alone: taking it, and giving it back. */
#include "plan/state/s3_lock_internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MARGIN_MS = 2000 /* times in headers are whole seconds */ };

/* ---- the objects ---- */

static struct str number_key(struct arena *arena, const struct s3_lock *lock, uint64_t number)
{
    return arena_printf(arena, "%.*s%020" PRIu64 ".json", STR_ARG(lock->base), number);
}

struct str s3_lock_text(
    struct arena *arena, const struct s3_lock *lock, const struct lock_info *who, bool released)
{
    AUTO_BUF struct buf text = BUF_INIT;
    const struct value *v = lock_info_value(arena, who);
    v = value_with(arena, v, STR("lease_ms"), value_int(arena, lock->lease.lease_ms));
    v = value_with(arena, v, STR("released"), value_bool(released));
    /* Who reads his own object back must know it as his own. */
    v = value_with(
        arena, v, STR("written"), value_string_ref(arena, time_rfc3339(arena, clock_wall_ms(), true)));
    json_write(&text, v, JSON_PLAIN);
    return arena_str(arena, buf_str(&text));
}

bool s3_lock_read(const struct s3_lock *lock, struct arena *arena, const struct s3_object *object,
    struct lock_info *who, bool *held)
{
    const struct value *v;
    bool whole = !json_parse(arena, object->body, &v, NULL) && v->kind == VALUE_MAP;
    if (!whole)
        v = &value_empty_map;
    lock_info_from(arena, v, who);
    const struct value *released = value_getz(v, "released"), *lease = value_getz(v, "lease_ms");
    int64_t lease_ms = lease && lease->kind == VALUE_INT ? lease->integer : lock->lease.lease_ms;
    *held = !(released && released->boolean) && object->age_ms <= lease_ms + MARGIN_MS;
    return whole;
}

/* Numbers come before names. */
static void split_sharers(const struct s3_lock *lock, struct str *keys, size_t n, struct standing *out)
{
    size_t numbers = n;
    while (numbers && s3_lock_is_life(lock, keys[numbers - 1]))
        numbers--;
    out->sharers = keys + numbers;
    out->sharer_count = n - numbers;
}

int s3_lock_look(struct s3_lock *lock, struct arena *arena, struct standing *out, struct err *err)
{
    struct str *keys;
    size_t n;
    *out = (struct standing){0};
    if (s3_list(lock->store, arena, lock->base, STR_EMPTY, &keys, &n, err))
        return -1;
    split_sharers(lock, keys, n, out);
    n -= out->sharer_count;
    if (!n)
        return 0;
    int64_t number = 0;
    struct s3_object object;
    bool found;
    struct str last = str_slice(keys[n - 1], lock->base.n, keys[n - 1].n);
    if (!str_ends(last, STR(".json")) || !str_to_int(str_slice(last, 0, last.n - 5), &number) || number <= 0)
        return err_set(err, ERR_DAMAGED, "%.*s holds an object that is not a lock: %.*s", STR_ARG(lock->base),
            STR_ARG(keys[n - 1]));
    out->number = (uint64_t)number;
    if (s3_get(lock->store, arena, keys[n - 1], &object, &found, err))
        return -1;
    if (!found)
        return 0; /* given back and cleared away meanwhile: the number decides */
    if (s3_lock_read(lock, arena, &object, &out->who, &out->held))
        return 0;
    /* Cut short, as a store does whose disk is full: whoever wrote it renews it, if he lives. */
    out->damaged = keys[n - 1];
    out->size = object.body.n;
    return 0;
}

/* ---- making it, and its lease ---- */

/* As in struct s3_lease. */
static int renew_lock(void *ctx)
{
    struct s3_lock *lock = ctx;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err err = ERR_INIT;
    struct s3_object next;
    bool found;
    struct str text = s3_lock_text(&scratch, lock, &lock->who, false);
    if (!lock->number)
        return s3_put(lock->store, s3_lock_life_key(&scratch, lock, str_z(lock->life)), text, &err);
    if (s3_put(lock->store, number_key(&scratch, lock, lock->number), text, &err) ||
        s3_get(lock->store, &scratch, number_key(&scratch, lock, lock->number + 1), &next, &found, &err))
        return -1;
    return found;
}

struct s3_lock *s3_lock_new(struct s3_store *store, struct str base, struct str description, int64_t lease_ms)
{
    struct s3_lock *lock = mem_zalloc(sizeof *lock);
    lock->store = store;
    lock->base = arena_printf(&lock->arena, "%.*slock/", STR_ARG(base));
    lock->description = description;
    s3_lease_init(&lock->lease, lease_ms, renew_lock, lock);
    return lock;
}

void s3_lock_free(struct s3_lock *lock)
{
    if (!lock)
        return;
    s3_lock_release(lock);
    s3_lease_release(&lock->lease);
    arena_release(&lock->arena);
    arena_release(&lock->held);
    free(lock);
}

const char *s3_lock_life(const struct s3_lock *lock)
{
    return lock->life;
}

int s3_lock_check(struct s3_lock *lock, struct err *err)
{
    if ((!lock->number && !lock->life[0]) || !s3_lease_is_over(&lock->lease))
        return 0;
    err_set(err, ERR_LOCKED, "the lock of the state %.*s was lost: its lease was not renewed in time",
        STR_ARG(lock->description));
    return err_hint(
        err, "another run may have the lock now; what this one had under way is recovered by the next");
}

/* ---- taking and giving back ---- */

/* The number before ours says nothing any more; those before it were cleared away by their followers. */
static void clear_before(struct s3_lock *lock)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (lock->number > 1)
        s3_delete(lock->store, number_key(&scratch, lock, lock->number - 1), ERR_IGNORED);
}

/* 1: taken; 0: somebody else was quicker; -1: err. */
static int put_number(struct s3_lock *lock, uint64_t number, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool exists;
    int64_t mono = clock_mono_ms(), wall = clock_wall_ms();
    if (s3_put_new(lock->store, number_key(&scratch, lock, number),
            s3_lock_text(&scratch, lock, &lock->who, false), &exists, err))
        return err_context(err, "locking the state %.*s", STR_ARG(lock->description));
    if (exists)
        return 0;
    lock->number = number;
    s3_lease_begin(&lock->lease, mono, wall);
    return 1;
}

static int put_released(struct s3_lock *lock, uint64_t number, const struct lock_info *who, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    return s3_put(
        lock->store, number_key(&scratch, lock, number), s3_lock_text(&scratch, lock, who, true), err);
}

/*
 * As put_number, of a number just taken. Between looking and asking for a number others may have had it,
 * given it back and cleared it away; then there are higher ones, and the highest is never cleared away. And
 * others may have come to share the lock.
 */
static int check_highest(struct s3_lock *lock, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str key = number_key(&scratch, lock, lock->number), *later;
    struct standing now;
    struct lock_info who;
    size_t n;
    bool shared = false;
    int failed = s3_list(lock->store, &scratch, lock->base, key, &later, &n, err);
    if (!failed) {
        split_sharers(lock, later, n, &now);
        failed = s3_lock_any_lives(lock, &scratch, now.sharers, now.sharer_count, &who, &shared, err);
        n -= now.sharer_count;
    }
    if (!failed && !shared && (!n || str_cmp(later[n - 1], key) <= 0))
        return 1;
    if (shared && !n)
        put_released(lock, lock->number, &lock->who, ERR_IGNORED);
    else
        s3_delete(lock->store, key, ERR_IGNORED);
    lock->number = 0;
    return failed ? err_context(err, "locking the state %.*s", STR_ARG(lock->description)) : 0;
}

int s3_lock_take_number(struct s3_lock *lock, uint64_t number, struct err *err)
{
    int taken = put_number(lock, number, err);
    if (taken > 0)
        taken = check_highest(lock, err);
    if (taken > 0)
        clear_before(lock);
    return taken;
}

static int lease_s(const struct s3_lock *lock)
{
    return (int)((lock->lease.lease_ms + MARGIN_MS) / 1000);
}

int s3_lock_refuse(const struct s3_lock *lock, const struct standing *now, struct err *err)
{
    if (!now->damaged.n)
        return lock_info_refuse(&now->who, lock->description, err);
    err_set(err, ERR_LOCKED,
        "the state %.*s is locked, and who holds it is not known: the lock %.*s has %zu bytes and cannot be "
        "read",
        STR_ARG(lock->description), STR_ARG(now->damaged), now->size);
    return err_hint(err,
        "whoever holds it writes it again; if nobody does, it is free %d seconds after it was written, and "
        "at "
        "once after `weir state unlock`",
        lease_s(lock));
}

void s3_lock_note_who(struct s3_lock *lock, const struct lock_info *who)
{
    arena_release(&lock->held);
    lock->who = (struct lock_info){.owner = arena_str(&lock->held, who->owner),
        .command = arena_str(&lock->held, who->command),
        .ci_url = arena_str(&lock->held, who->ci_url),
        .since_ms = who->since_ms,
        .pid = who->pid};
}

/* Held by one or by several. */
static int look_at_all(struct s3_lock *lock, struct arena *arena, struct standing *now, struct err *err)
{
    if (s3_lock_look(lock, arena, now, err))
        return -1;
    return now->held
               ? 0
               : s3_lock_any_lives(lock, arena, now->sharers, now->sharer_count, &now->who, &now->held, err);
}

int s3_lock_take(
    struct s3_lock *lock, const struct lock_info *who, int64_t timeout_ms, bool *first, struct err *err)
{
    s3_lock_note_who(lock, who);
    int64_t started = clock_mono_ms();
    for (;;) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct standing now;
        if (look_at_all(lock, &scratch, &now, err))
            return err_context(err, "locking the state %.*s", STR_ARG(lock->description));
        int taken = now.held ? 0 : s3_lock_take_number(lock, now.number + 1, err);
        if (taken < 0)
            return -1;
        if (taken) {
            *first = !now.number;
            break;
        }
        if (now.held && clock_mono_ms() - started >= timeout_ms)
            return s3_lock_refuse(lock, &now, err);
        if (now.held)
            clock_sleep_ms(S3_LOCK_POLL_MS);
    }
    if (s3_lease_start(&lock->lease, err)) {
        s3_lock_release(lock);
        return -1;
    }
    return 0;
}

void s3_lock_release(struct s3_lock *lock)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err ignored = ERR_INIT; /* then the lease runs out by itself */
    if (!lock->number && !lock->life[0])
        return;
    bool ours = s3_lease_stop(&lock->lease);
    if (lock->life[0])
        s3_delete(lock->store, s3_lock_life_key(&scratch, lock, str_z(lock->life)), &ignored);
    else if (ours)
        put_released(lock, lock->number, &lock->who, &ignored);
    lock->number = 0;
    lock->life[0] = '\0';
}

int s3_lock_holder(
    struct s3_lock *lock, struct arena *arena, struct lock_info *who, bool *held, struct err *err)
{
    struct standing now;
    if (s3_lock_look(lock, arena, &now, err))
        return -1;
    *who = now.who;
    who->unreadable = now.damaged.n > 0;
    *held = now.held;
    if (now.held)
        return 0;
    struct lock_info sharer;
    if (s3_lock_any_lives(lock, arena, now.sharers, now.sharer_count, &sharer, held, err))
        return -1;
    if (*held)
        *who = (struct lock_info){0};
    return 0;
}

int s3_lock_force(struct s3_lock *lock, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct standing now;
    if (look_at_all(lock, &scratch, &now, err))
        return -1;
    if (!now.held)
        return 0;
    if (now.damaged.n) {
        struct lock_info self;
        lock_info_self(&scratch, "state unlock", &self);
        return put_released(lock, now.number, &self, err);
    }
    lock_info_refuse(&now.who, lock->description, err);
    return err_hint(
        err, "its lease has not expired; of a dead holder it does so within %d seconds", lease_s(lock));
}
