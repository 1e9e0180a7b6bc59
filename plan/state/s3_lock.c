/* The lock of a state in an object store, exclusive or shared, and the thread that renews its lease: see
 * backend_s3_internal.h. */
#include "plan/state/backend_s3_internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/threads.h"
#include "plan/state/state.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

enum { S3_LOCK_POLL_MS = 1000 };

struct s3_lock {
    struct s3_store *store;
    struct arena arena;
    struct str base, description;
    uint64_t number;      /* 0: no exclusive lock */
    char life[LIFE_SIZE]; /* of a shared lock; otherwise "" */
    struct arena held;    /* of `who` */
    struct lock_info who;

    int64_t lease_ms;
    pthread_t thread; /* renews the lease */
    bool running;
    pthread_mutex_t mutex; /* guards the fields below */
    pthread_cond_t wake;
    bool stopping, lost;
    int64_t until_mono_ms,
        until_wall_ms; /* the earlier one: one clock stops in sleep, the other may be set */
};

struct standing {
    uint64_t number; /* 0: there was never a lock */
    bool held;
    struct lock_info who;
    struct str damaged; /* key of a lock that cannot be read; "": none */
    size_t size;        /* its size in bytes */
    struct str *sharers;
    size_t sharer_count; /* keys of shared locks, some of dead runs */
};

/* ---- leases: a thread renews one until it is stopped. It expires when a renewal has no response in time,
 * counted from sending the last successful one. Other runs wait slightly longer. ---- */

enum { RETRY_MS = 1000 };

/* Returns 0: renewed; -1: the store is unreachable; 1: another run has the lock. */
static int renew_lock(struct s3_lock *lock);

/* Sets the lease from the time its request was sent. Before s3_lease_start(). */
static void s3_lease_begin(struct s3_lock *lock, int64_t sent_mono_ms, int64_t sent_wall_ms)
{
    lock->until_mono_ms = sent_mono_ms + lock->lease_ms;
    lock->until_wall_ms = sent_wall_ms + lock->lease_ms;
}

static bool has_expired(const struct s3_lock *lock)
{
    return lock->lost || clock_mono_ms() >= lock->until_mono_ms || clock_wall_ms() >= lock->until_wall_ms;
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
        int result = renew_lock(lock);
        pthread_mutex_lock(&lock->mutex);
        if (result > 0 || has_expired(lock)) /* a response after the end of the old lease is too late */
            break;
        if (!result)
            s3_lease_begin(lock, mono, wall);
        pause_ms = result ? RETRY_MS : lock->lease_ms / 3;
    }
    lock->lost = !lock->stopping;
    pthread_mutex_unlock(&lock->mutex);
    return NULL;
}

/* An expired lease stays so. From any thread. */
static bool s3_lease_is_over(struct s3_lock *lock)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock->mutex);
    bool over = has_expired(lock);
    lock->lost = over;
    return over;
}

static int s3_lease_start(struct s3_lock *lock, struct err *err)
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

/* Stops renewing. True: it had not expired. */
static bool s3_lease_stop(struct s3_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
    lock->stopping = true;
    bool over = has_expired(lock);
    pthread_cond_signal(&lock->wake);
    pthread_mutex_unlock(&lock->mutex);
    if (lock->running)
        pthread_join(lock->thread, NULL);
    lock->running = false;
    return !over;
}

enum { MARGIN_MS = 2000 /* times in headers are whole seconds */ };

/* ---- objects ---- */

static struct str number_key(struct arena *arena, const struct s3_lock *lock, uint64_t number)
{
    return arena_printf(arena, "%.*s%020" PRIu64 ".json", STR_ARG(lock->base), number);
}

static struct str s3_lock_text(
    struct arena *arena, const struct s3_lock *lock, const struct lock_info *who, bool released)
{
    AUTO_BUF struct buf text = BUF_INIT;
    const struct value *v = lock_info_value(arena, who);
    v = value_with(arena, v, STR("lease_ms"), value_int(arena, lock->lease_ms));
    v = value_with(arena, v, STR("released"), value_bool(released));
    /* Makes a run recognise its own object. */
    v = value_with(
        arena, v, STR("written"), value_string_ref(arena, time_rfc3339(arena, clock_wall_ms(), true)));
    json_write(&text, v, JSON_PLAIN);
    return arena_str(arena, buf_str(&text));
}

/* Returns who wrote the object, and whether the lease is valid by the store's clock. */
static bool s3_lock_read(const struct s3_lock *lock, struct arena *arena, const struct s3_object *object,
    struct lock_info *who, bool *held)
{
    const struct value *v;
    bool whole = !json_parse(arena, object->body, &v, NULL) && v->kind == VALUE_MAP;
    if (!whole)
        v = &value_empty_map;
    lock_info_from(arena, v, who);
    const struct value *released = value_getz(v, "released"), *lease = value_getz(v, "lease_ms");
    int64_t lease_ms = lease && lease->kind == VALUE_INT ? lease->integer : lock->lease_ms;
    *held = !(released && released->boolean) && object->age_ms <= lease_ms + MARGIN_MS;
    return whole;
}

static bool s3_lock_is_life(const struct s3_lock *lock, struct str key);

/* Numbers come before names. */
static void split_sharers(const struct s3_lock *lock, struct str *keys, size_t n, struct standing *out)
{
    size_t numbers = n;
    while (numbers && s3_lock_is_life(lock, keys[numbers - 1]))
        numbers--;
    out->sharers = keys + numbers;
    out->sharer_count = n - numbers;
}

/* Finds the exclusive lock, and the names of shared ones. */
static int s3_lock_look(struct s3_lock *lock, struct arena *arena, struct standing *out, struct err *err)
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
        return 0; /* released and deleted in the meantime: the number decides */
    if (s3_lock_read(lock, arena, &object, &out->who, &out->held))
        return 0;
    /* Truncated, e.g. by a store with a full disk: its writer renews it if alive. */
    out->damaged = keys[n - 1];
    out->size = object.body.n;
    return 0;
}

/* ---- creation and lease ---- */

static struct str s3_lock_life_key(struct arena *arena, const struct s3_lock *lock, struct str life);

static int renew_lock(struct s3_lock *lock)
{
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

const char *s3_lock_life(const struct s3_lock *lock)
{
    return lock->life;
}

int s3_check_lock(struct backend *b, struct err *err)
{
    struct s3_lock *lock = s3_backend_of(b)->lock;
    if ((!lock->number && !lock->life[0]) || !s3_lease_is_over(lock))
        return 0;
    err_set(err, ERR_LOCKED, "the lock of the state %.*s was lost: its lease was not renewed in time",
        STR_ARG(lock->description));
    return err_hint(
        err, "another run may have the lock now; what this one had under way is recovered by the next");
}

/* ---- taking and releasing ---- */

/* The previous number is obsolete; earlier ones were deleted by their successors. */
static void clear_before(struct s3_lock *lock)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (lock->number > 1)
        s3_delete(lock->store, number_key(&scratch, lock, lock->number - 1), ERR_IGNORED);
}

/* Returns 1: taken; 0: another run was faster; -1: err. */
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
    s3_lease_begin(lock, mono, wall);
    return 1;
}

static int put_released(struct s3_lock *lock, uint64_t number, const struct lock_info *who, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    return s3_put(
        lock->store, number_key(&scratch, lock, number), s3_lock_text(&scratch, lock, who, true), err);
}

static int s3_lock_any_lives(struct s3_lock *lock, struct arena *arena, struct str *sharers, size_t n,
    struct lock_info *who, bool *any, struct err *err);

/*
 * Checks a number that was just taken; returns like put_number(). After the lookup other runs may have taken
 * it, released and deleted it; then there are higher numbers, since the highest is never deleted. Or they may
 * have taken a shared lock.
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

/* Takes the next number. Returns 1: taken; 0: another run was faster, or has a shared lock; -1: err. */
static int s3_lock_take_number(struct s3_lock *lock, uint64_t number, struct err *err)
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
    return (int)((lock->lease_ms + MARGIN_MS) / 1000);
}

static int s3_lock_refuse(const struct s3_lock *lock, const struct standing *now, struct err *err)
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

static void s3_lock_note_who(struct s3_lock *lock, const struct lock_info *who)
{
    arena_release(&lock->held);
    lock->who = (struct lock_info){.owner = arena_str(&lock->held, who->owner),
        .command = arena_str(&lock->held, who->command),
        .ci_url = arena_str(&lock->held, who->ci_url),
        .since_ms = who->since_ms,
        .pid = who->pid};
}

/* Finds an exclusive or a shared lock. */
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
    if (s3_lease_start(lock, err)) {
        s3_lock_release(lock);
        return -1;
    }
    return 0;
}

void s3_lock_release(struct s3_lock *lock)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err ignored = ERR_INIT; /* the lease expires then */
    if (!lock->number && !lock->life[0])
        return;
    bool ours = s3_lease_stop(lock);
    if (lock->life[0])
        s3_delete(lock->store, s3_lock_life_key(&scratch, lock, str_z(lock->life)), &ignored);
    else if (ours)
        put_released(lock, lock->number, &lock->who, &ignored);
    lock->number = 0;
    lock->life[0] = '\0';
}

int s3_holder(struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err)
{
    struct s3_lock *lock = s3_backend_of(b)->lock;
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

int s3_force_unlock(struct backend *b, struct err *err)
{
    struct s3_lock *lock = s3_backend_of(b)->lock;
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

/* ---- shared locks: each has an object of its own beside the numbers of exclusive ones ---- */

/* Sorted after all numbers; older versions of weir do not mistake it for one. */
#define LIFE "shared-"

static struct str s3_lock_life_key(struct arena *arena, const struct s3_lock *lock, struct str life)
{
    return arena_printf(arena, "%.*s" LIFE "%.*s.json", STR_ARG(lock->base), STR_ARG(life));
}

static bool s3_lock_is_life(const struct s3_lock *lock, struct str key)
{
    return str_starts(str_slice(key, lock->base.n, key.n), STR(LIFE));
}

/* Deletes the object if its run is dead. */
static int look_at_sharer(struct s3_lock *lock, struct arena *arena, struct str key, struct lock_info *who,
    bool *lives, struct err *err)
{
    struct s3_object object;
    bool found;
    *lives = false;
    if (s3_get(lock->store, arena, key, &object, &found, err))
        return -1;
    if (!found)
        return 0;
    s3_lock_read(lock, arena, &object, who, lives);
    if (!*lives)
        s3_delete(lock->store, key, ERR_IGNORED);
    return 0;
}

/* Finds a live shared lock other than this run's own; its holder is `who`. */
static int s3_lock_any_lives(struct s3_lock *lock, struct arena *arena, struct str *sharers, size_t n,
    struct lock_info *who, bool *any, struct err *err)
{
    struct str own = s3_lock_life_key(arena, lock, str_z(lock->life));
    *any = false;
    for (size_t i = 0; i < n && !*any; i++)
        if (!str_eq(sharers[i], own) && look_at_sharer(lock, arena, sharers[i], who, any, err))
            return -1;
    return 0;
}

int s3_is_alive(struct backend *b, uint64_t run UNUSED, struct str life, bool *alive, struct err *err)
{
    struct s3_lock *lock = s3_backend_of(b)->lock;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lock_info who;
    return look_at_sharer(lock, &scratch, s3_lock_life_key(&scratch, lock, life), &who, alive, err);
}

/* ---- taking ---- */

static void give_back_life(struct s3_lock *lock)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err ignored = ERR_INIT; /* the lease expires then */
    s3_delete(lock->store, s3_lock_life_key(&scratch, lock, str_z(lock->life)), &ignored);
    lock->life[0] = '\0';
}

static int put_life(struct s3_lock *lock, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    int64_t mono = clock_mono_ms(), wall = clock_wall_ms();
    state_token(lock->life);
    s3_lease_begin(lock, mono, wall);
    if (!s3_put(lock->store, s3_lock_life_key(&scratch, lock, str_z(lock->life)),
            s3_lock_text(&scratch, lock, &lock->who, false), err))
        return 0;
    give_back_life(lock); /* the put may have succeeded without a response */
    return -1;
}

/* Waits for the release of an exclusive lock. */
static int wait_for_one(
    struct s3_lock *lock, struct standing *now, struct arena *arena, int64_t until_mono_ms, struct err *err)
{
    while (now->held) {
        if (clock_mono_ms() >= until_mono_ms)
            return s3_lock_refuse(lock, now, err);
        clock_sleep_ms(S3_LOCK_POLL_MS);
        if (s3_lock_look(lock, arena, now, err))
            return -1;
    }
    return 0;
}

/* Returns like s3_lock_share(); 0: an exclusive lock prevented it. */
static int try_share(struct s3_lock *lock, struct arena *arena, struct standing *now, struct err *err)
{
    if (put_life(lock, err))
        return -1;
    if (s3_lock_look(lock, arena, now, err)) {
        give_back_life(lock);
        return -1;
    }
    if (!now->held && now->number)
        return 1;
    give_back_life(lock);
    return 0;
}

int s3_lock_share(
    struct s3_lock *lock, const struct lock_info *who, int64_t timeout_ms, bool *never, struct err *err)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    s3_lock_note_who(lock, who);
    for (;;) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct standing now;
        int shared = try_share(lock, &scratch, &now, err);
        *never = !shared && !now.number;
        if (shared < 0)
            return err_context(err, "locking the state %.*s", STR_ARG(lock->description));
        if (shared || *never)
            break;
        if (wait_for_one(lock, &now, &scratch, until, err))
            return -1;
    }
    if (!*never && s3_lease_start(lock, err)) {
        give_back_life(lock);
        return -1;
    }
    return 0;
}

int s3_lock_upgrade(struct s3_lock *lock, bool *upgraded, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct standing now;
    *upgraded = false;
    if (s3_lock_look(lock, &scratch, &now, err) || !s3_lease_stop(lock))
        return -1;
    int64_t until_mono_ms = lock->until_mono_ms, until_wall_ms = lock->until_wall_ms;
    int taken = now.held ? 0 : s3_lock_take_number(lock, now.number + 1, err);
    if (taken <= 0) {
        lock->until_mono_ms = until_mono_ms;
        lock->until_wall_ms = until_wall_ms;
        return taken;
    }
    give_back_life(lock);
    *upgraded = true;
    return s3_lease_start(lock, err);
}
