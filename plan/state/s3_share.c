/*
 * The lock of a state in an object store, held by several: each has an object of its own beside the numbers
 * of those who have it alone, with a name that nobody else has, and renews it. It is put before looking for
 * one who has the lock alone, as he puts his number before looking for those: one of two sees the other.
 */
#include "plan/state/s3_lock_internal.h"

#include "base/clock.h"
#include "plan/state/state.h"

/* After all numbers, and no name that a weir which knows only these takes for one. */
#define LIFE "shared-"

struct str s3_lock_life_key(struct arena *arena, const struct s3_lock *lock, struct str life)
{
    return arena_printf(arena, "%.*s" LIFE "%.*s.json", STR_ARG(lock->base), STR_ARG(life));
}

bool s3_lock_is_life(const struct s3_lock *lock, struct str key)
{
    return str_starts(str_slice(key, lock->base.n, key.n), STR(LIFE));
}

/* What a dead one left is cleared away. */
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

int s3_lock_any_lives(struct s3_lock *lock, struct arena *arena, struct str *sharers, size_t n,
    struct lock_info *who, bool *any, struct err *err)
{
    struct str own = s3_lock_life_key(arena, lock, str_z(lock->life));
    *any = false;
    for (size_t i = 0; i < n && !*any; i++)
        if (!str_eq(sharers[i], own) && look_at_sharer(lock, arena, sharers[i], who, any, err))
            return -1;
    return 0;
}

int s3_lock_is_alive(struct s3_lock *lock, struct str life, bool *alive, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lock_info who;
    return look_at_sharer(lock, &scratch, s3_lock_life_key(&scratch, lock, life), &who, alive, err);
}

/* ---- taking it ---- */

static void give_back_life(struct s3_lock *lock)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err ignored = ERR_INIT; /* then the lease runs out by itself */
    s3_delete(lock->store, s3_lock_life_key(&scratch, lock, str_z(lock->life)), &ignored);
    lock->life[0] = '\0';
}

static int put_life(struct s3_lock *lock, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    int64_t mono = clock_mono_ms(), wall = clock_wall_ms();
    state_token(lock->life);
    s3_lease_begin(&lock->lease, mono, wall);
    if (!s3_put(lock->store, s3_lock_life_key(&scratch, lock, str_z(lock->life)),
            s3_lock_text(&scratch, lock, &lock->who, false), err))
        return 0;
    give_back_life(lock); /* it may have come, and the answer not */
    return -1;
}

/* Until nobody has it alone. */
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

/* As s3_lock_share(); 0: one who has it alone was in between. */
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
    if (!*never && s3_lease_start(&lock->lease, err)) {
        give_back_life(lock);
        return -1;
    }
    return 0;
}

int s3_lock_take_alone(struct s3_lock *lock, bool *alone, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct standing now;
    *alone = false;
    if (s3_lock_look(lock, &scratch, &now, err) || !s3_lease_stop(&lock->lease))
        return -1;
    int64_t until_mono_ms = lock->lease.until_mono_ms, until_wall_ms = lock->lease.until_wall_ms;
    int taken = now.held ? 0 : s3_lock_take_number(lock, now.number + 1, err);
    if (taken <= 0) {
        lock->lease.until_mono_ms = until_mono_ms;
        lock->lease.until_wall_ms = until_wall_ms;
        return taken;
    }
    give_back_life(lock);
    *alone = true;
    return s3_lease_start(&lock->lease, err);
}
