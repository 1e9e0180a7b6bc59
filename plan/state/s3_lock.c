/* Taking a lease, renewing it on a thread of its own, and giving it back. */
#include "plan/state/s3_lock.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum {
    MARGIN_MS = 2000, /* times in headers are whole seconds */
    POLL_MS = 1000,
    RETRY_MS = 1000,
};

struct s3_lock {
    struct s3_store *store;
    struct arena arena;
    struct str base, description;
    int64_t lease_ms;
    uint64_t number;   /* 0: not held */
    struct arena held; /* of `who` */
    struct lock_info who;

    pthread_t thread;
    bool running;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    bool stopping, lost;
    int64_t until_mono_ms, until_wall_ms; /* whichever comes first: one stands still while a machine sleeps,
                                             the other may be set */
};

struct s3_lock *s3_lock_new(struct s3_store *store, struct str base, struct str description, int64_t lease_ms)
{
    struct s3_lock *lock = mem_zalloc(sizeof *lock);
    lock->store = store;
    lock->base = arena_printf(&lock->arena, "%.*slock/", STR_ARG(base));
    lock->description = description;
    lock->lease_ms = lease_ms;
    pthread_mutex_init(&lock->mutex, NULL);
    clock_cond_init(&lock->wake);
    return lock;
}

void s3_lock_free(struct s3_lock *lock)
{
    if (!lock)
        return;
    s3_lock_release(lock);
    pthread_cond_destroy(&lock->wake);
    pthread_mutex_destroy(&lock->mutex);
    arena_release(&lock->arena);
    arena_release(&lock->held);
    free(lock);
}

/* ---- the objects ---- */

static struct str number_key(struct arena *arena, const struct s3_lock *lock, uint64_t number)
{
    return arena_printf(arena, "%.*s%020" PRIu64 ".json", STR_ARG(lock->base), number);
}

static struct str lock_text(
    struct arena *arena, const struct s3_lock *lock, const struct lock_info *who, bool released)
{
    AUTO_BUF struct buf text = BUF_INIT;
    const struct value *v = lock_info_value(arena, who);
    v = value_with(arena, v, STR("lease_ms"), value_int(arena, lock->lease_ms));
    v = value_with(arena, v, STR("released"), value_bool(released));
    /* Who reads his own object back must know it as his own. */
    v = value_with(
        arena, v, STR("written"), value_string_ref(arena, time_rfc3339(arena, clock_wall_ms(), true)));
    json_write(&text, v, JSON_PLAIN);
    return arena_str(arena, buf_str(&text));
}

struct standing {
    uint64_t number; /* 0: there was never a lock */
    bool held;
    struct lock_info who;
    struct str damaged; /* the key of one that cannot be read; "" it can */
    size_t size;        /* its bytes */
};

static int look_at_lock(struct s3_lock *lock, struct arena *arena, struct standing *out, struct err *err)
{
    struct str *keys;
    size_t n;
    *out = (struct standing){0};
    if (s3_list(lock->store, arena, lock->base, STR_EMPTY, &keys, &n, err))
        return -1;
    if (!n)
        return 0;
    int64_t number = 0;
    struct s3_object object;
    bool found;
    const struct value *v;
    struct str last = str_slice(keys[n - 1], lock->base.n, keys[n - 1].n);
    if (!str_ends(last, STR(".json")) || !str_to_int(str_slice(last, 0, last.n - 5), &number) || number <= 0)
        return err_set(err, ERR_DAMAGED, "%.*s holds an object that is not a lock: %.*s", STR_ARG(lock->base),
            STR_ARG(keys[n - 1]));
    out->number = (uint64_t)number;
    if (s3_get(lock->store, arena, keys[n - 1], &object, &found, err))
        return -1;
    if (!found)
        return 0; /* given back and cleared away meanwhile: the number decides */
    if (json_parse(arena, object.body, &v, NULL) || v->kind != VALUE_MAP) {
        /* Cut short, as a store does whose disk is full: whoever wrote it renews it, if he lives. */
        out->damaged = keys[n - 1];
        out->size = object.body.n;
        v = &value_empty_map;
    }
    lock_info_from(arena, v, &out->who);
    const struct value *released = value_getz(v, "released"), *lease = value_getz(v, "lease_ms");
    int64_t lease_ms = lease && lease->kind == VALUE_INT ? lease->integer : lock->lease_ms;
    out->held = !(released && released->boolean) && object.age_ms <= lease_ms + MARGIN_MS;
    return 0;
}

/* ---- the heart ---- */

static void extend_lease(struct s3_lock *lock, int64_t from_mono_ms, int64_t from_wall_ms)
{
    lock->until_mono_ms = from_mono_ms + lock->lease_ms;
    lock->until_wall_ms = from_wall_ms + lock->lease_ms;
}

static bool has_expired(const struct s3_lock *lock)
{
    return lock->lost || clock_mono_ms() >= lock->until_mono_ms || clock_wall_ms() >= lock->until_wall_ms;
}

/* 0: renewed; -1: could not be reached; 1: somebody else has it. */
static int renew_lease(struct s3_lock *lock)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err err = ERR_INIT;
    struct s3_object next;
    bool found;
    if (s3_put(lock->store, number_key(&scratch, lock, lock->number),
            lock_text(&scratch, lock, &lock->who, false), &err) ||
        s3_get(lock->store, &scratch, number_key(&scratch, lock, lock->number + 1), &next, &found, &err))
        return -1;
    return found;
}

static void wait_ms(struct s3_lock *lock, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    while (!lock->stopping && clock_cond_wait(&lock->wake, &lock->mutex, deadline))
        ;
}

static void *beat_heart(void *arg)
{
    struct s3_lock *lock = arg;
    int64_t pause_ms = lock->lease_ms / 3;
    pthread_mutex_lock(&lock->mutex);
    for (;;) {
        wait_ms(lock, pause_ms);
        if (lock->stopping || has_expired(lock))
            break;
        int64_t mono = clock_mono_ms(), wall = clock_wall_ms();
        pthread_mutex_unlock(&lock->mutex);
        int result = renew_lease(lock);
        pthread_mutex_lock(&lock->mutex);
        if (result > 0 || has_expired(lock)) /* an answer after the end of the old lease comes too late */
            break;
        if (!result)
            extend_lease(lock, mono, wall);
        pause_ms = result ? RETRY_MS : lock->lease_ms / 3;
    }
    lock->lost = !lock->stopping;
    pthread_mutex_unlock(&lock->mutex);
    return NULL;
}

int s3_lock_check(struct s3_lock *lock, struct err *err)
{
    if (!lock->number)
        return 0;
    pthread_mutex_lock(&lock->mutex);
    bool gone = has_expired(lock);
    lock->lost = gone; /* once is for good */
    pthread_mutex_unlock(&lock->mutex);
    if (!gone)
        return 0;
    err_set(err, ERR_LOCKED, "the lock of the state %.*s was lost: its lease was not renewed in time",
        STR_ARG(lock->description));
    return err_hint(
        err, "another run may have the lock now; what this one had under way is recovered by the next");
}

/* ---- taking and giving back ---- */

static int start_heart(struct s3_lock *lock, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    lock->stopping = lock->lost = false;
    lock->running = pthread_create(&lock->thread, NULL, beat_heart, lock) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return lock->running
               ? 0
               : err_set(err, ERR_FAILED, "cannot start the thread that renews the lock of the state");
}

/* The number before ours says nothing any more; those before it were cleared away by their followers. */
static void clear_before(struct s3_lock *lock)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err ignored = ERR_INIT;
    if (lock->number > 1)
        s3_delete(lock->store, number_key(&scratch, lock, lock->number - 1), &ignored);
}

/* 1: taken; 0: somebody else was quicker; -1: err. */
static int take_number(struct s3_lock *lock, uint64_t number, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool exists;
    int64_t mono = clock_mono_ms(), wall = clock_wall_ms();
    if (s3_put_new(lock->store, number_key(&scratch, lock, number),
            lock_text(&scratch, lock, &lock->who, false), &exists, err))
        return err_context(err, "locking the state %.*s", STR_ARG(lock->description));
    if (exists)
        return 0;
    lock->number = number;
    extend_lease(lock, mono, wall);
    return 1;
}

/*
 * As take_number, of a number just taken. Between looking and asking for a number others may have had it,
 * given it back and cleared it away; then there are higher ones, and the highest is never cleared away.
 */
static int check_highest(struct s3_lock *lock, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str key = number_key(&scratch, lock, lock->number), *later;
    struct err ignored = ERR_INIT;
    size_t n;
    int failed = s3_list(lock->store, &scratch, lock->base, key, &later, &n, err);
    if (!failed && (!n || str_cmp(later[n - 1], key) <= 0))
        return 1;
    s3_delete(lock->store, key, &ignored);
    lock->number = 0;
    return failed ? err_context(err, "locking the state %.*s", STR_ARG(lock->description)) : 0;
}

static int lease_s(const struct s3_lock *lock)
{
    return (int)((lock->lease_ms + MARGIN_MS) / 1000);
}

static int refuse_held(const struct s3_lock *lock, const struct standing *now, struct err *err)
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

int s3_lock_take(
    struct s3_lock *lock, const struct lock_info *who, int64_t timeout_ms, bool *first, struct err *err)
{
    arena_release(&lock->held);
    lock->who = (struct lock_info){.owner = arena_str(&lock->held, who->owner),
        .command = arena_str(&lock->held, who->command),
        .ci_url = arena_str(&lock->held, who->ci_url),
        .since_ms = who->since_ms,
        .pid = who->pid};
    int64_t started = clock_mono_ms();
    for (;;) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct standing now;
        if (look_at_lock(lock, &scratch, &now, err))
            return err_context(err, "locking the state %.*s", STR_ARG(lock->description));
        int taken = now.held ? 0 : take_number(lock, now.number + 1, err);
        if (taken > 0)
            taken = check_highest(lock, err);
        if (taken < 0)
            return -1;
        if (taken) {
            *first = !now.number;
            break;
        }
        if (now.held && clock_mono_ms() - started >= timeout_ms)
            return refuse_held(lock, &now, err);
        if (now.held)
            clock_sleep_ms(POLL_MS);
    }
    clear_before(lock);
    if (start_heart(lock, err)) {
        s3_lock_release(lock);
        return -1;
    }
    return 0;
}

static int put_released(struct s3_lock *lock, uint64_t number, const struct lock_info *who, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    return s3_put(lock->store, number_key(&scratch, lock, number), lock_text(&scratch, lock, who, true), err);
}

static void give_back(struct s3_lock *lock)
{
    struct err ignored = ERR_INIT; /* then the lease runs out by itself */
    put_released(lock, lock->number, &lock->who, &ignored);
}

void s3_lock_release(struct s3_lock *lock)
{
    if (!lock->number)
        return;
    pthread_mutex_lock(&lock->mutex);
    lock->stopping = true;
    bool lost = has_expired(lock);
    pthread_cond_signal(&lock->wake);
    pthread_mutex_unlock(&lock->mutex);
    if (lock->running)
        pthread_join(lock->thread, NULL);
    lock->running = false;
    if (!lost)
        give_back(lock);
    lock->number = 0;
}

int s3_lock_holder(
    struct s3_lock *lock, struct arena *arena, struct lock_info *who, bool *held, struct err *err)
{
    struct standing now;
    if (look_at_lock(lock, arena, &now, err))
        return -1;
    *who = now.who;
    *held = now.held;
    return 0;
}

int s3_lock_force(struct s3_lock *lock, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct standing now;
    if (look_at_lock(lock, &scratch, &now, err))
        return -1;
    if (!now.held)
        return 0;
    if (now.damaged.n) {
        struct lock_info self;
        lock_info_self(&scratch, "state unlock", &self);
        return put_released(lock, now.number, &self, err);
    }
    lock_info_refuse(&now.who, lock->description, err);
    return err_hint(err,
        "it renews its lease, so it is alive; when it dies the lock is free after %d seconds", lease_s(lock));
}
