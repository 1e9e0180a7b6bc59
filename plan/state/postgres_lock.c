/*
 * The lock of a state in PostgreSQL: an advisory lock, which the server releases with its holder's session.
 * Each run with a shared lock has another one with a unique number: its sign of life.
 */
#include "plan/state/backend_postgres_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

enum { POLL_MS = 250 };

/* Returns whether the advisory lock $1 is held, and whether exclusively. */
static int is_taken(struct pg_backend *g, const char *key, bool *taken, bool *alone, struct err *err)
{
    AUTO_PG_ANSWER struct pg_answer a = {0};
    struct pg_parameter parameter = {.text = key};
    if (pg_run(g,
            "select count(*) > 0, count(*) filter (where mode = 'ExclusiveLock') > 0 from pg_locks where "
            "locktype = 'advisory' and granted and objsubid = 1 "
            "and (classid::bigint << 32 | objid::bigint) = $1::bigint "
            "and database = (select oid from pg_database where datname = current_database())",
            &parameter, 1, &a, err))
        return -1;
    *taken = pg_flag(&a, 0, 0);
    *alone = pg_flag(&a, 0, 1);
    return 0;
}

int pg_holder(struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_PG_ANSWER struct pg_answer holder = {0};
    struct pg_parameter name = {.text = g->name};
    const struct value *v = NULL;
    bool exists, alone;
    if (is_taken(g, g->key, held, &alone, err) || pg_tables_exist(g, PG_ALL_THERE, &exists, err))
        return -1;
    exists = exists && (alone || !*held); /* holders of shared locks are not recorded there */
    if (exists && pg_run(g, "select holder from %_lock where name = $1", &name, 1, &holder, err))
        return -1;
    if (exists && g->pq->ntuples(holder.rows) && json_parse(arena, str_z(pg_cell(&holder, 0, 0)), &v, NULL))
        v = NULL;
    lock_info_from(arena, v, who);
    return 0;
}

/* Takes a shared lock if there is a sign of life. */
static int try_lock(struct pg_backend *g, bool *got, struct err *err)
{
    AUTO_PG_ANSWER struct pg_answer a = {0};
    struct pg_parameter keys[] = {{.text = g->key}, {.text = g->base.life}};
    bool shared = g->base.life[0];
    if (pg_run(g,
            shared ? "select case when pg_try_advisory_lock_shared($1::bigint) then "
                     "pg_try_advisory_lock($2::bigint) else false end"
                   : "select pg_try_advisory_lock($1::bigint)",
            keys, shared ? 2 : 1, &a, err))
        return -1;
    *got = pg_flag(&a, 0, 0);
    return 0;
}

static int write_holder(struct pg_backend *g, const struct lock_info *who, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    AUTO_PG_ANSWER struct pg_answer a = {0};
    json_write(&text, lock_info_value(&scratch, who), JSON_PLAIN);
    struct pg_parameter parameters[] = {{.text = g->name}, {.text = text.p}};
    return pg_run(g,
        "insert into %_lock values ($1, $2) on conflict (name) do update set holder = excluded.holder",
        parameters, 2, &a, err);
}

void pg_unlock(struct backend *b)
{
    struct pg_backend *g = pg_backend_of(b);
    struct err ignored = ERR_INIT; /* the end of the session releases it */
    g->shared = false;
    b->life[0] = '\0';
    if (!atomic_exchange(&g->locked, false) || atomic_load(&g->lost))
        return;
    AUTO_PG_ANSWER struct pg_answer a = {0};
    pg_run(g, "select pg_advisory_unlock_all()", NULL, 0, &a, &ignored);
}

/* Waits for the lock. */
static int take_lock(struct backend *b, int64_t timeout_ms, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    int64_t started = clock_mono_ms();
    bool got, held;
    if (pg_make_tables(g, err))
        return -1;
    for (;;) {
        struct lock_info holder = {0};
        if (try_lock(g, &got, err))
            return -1;
        if (got)
            break;
        if (clock_mono_ms() - started >= timeout_ms) {
            if (pg_holder(b, &scratch, &holder, &held, err))
                return -1;
            return lock_info_refuse(&holder, b->description, err);
        }
        clock_sleep_ms(POLL_MS);
    }
    atomic_store(&g->locked, true);
    return 0;
}

int pg_lock(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err)
{
    if (take_lock(b, timeout_ms, err))
        return -1;
    if (write_holder(pg_backend_of(b), who, err)) {
        pg_unlock(b);
        return -1;
    }
    return 0;
}

int pg_share(struct backend *b, const struct lock_info *who UNUSED, int64_t timeout_ms, struct err *err)
{
    int64_t life;
    hash_random((unsigned char *)&life, sizeof life);
    snprintf(b->life, sizeof b->life, "%" PRId64, life);
    if (take_lock(b, timeout_ms, err)) {
        b->life[0] = '\0';
        return -1;
    }
    pg_backend_of(b)->shared = true;
    return 0;
}

/* A session's own locks do not block it. */
bool pg_upgrade_lock(struct backend *b)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_PG_ANSWER struct pg_answer a = {0};
    struct pg_parameter key = {.text = g->key};
    if (pg_run(g, "select pg_try_advisory_lock($1::bigint)", &key, 1, &a, ERR_IGNORED) || !pg_flag(&a, 0, 0))
        return false;
    g->shared = false;
    return true;
}

int pg_is_alive(struct backend *b, uint64_t run UNUSED, struct str life, bool *alive, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    int64_t number;
    bool taken = false, alone;
    if (str_to_int(life, &number) &&
        is_taken(pg_backend_of(b), arena_strz(&scratch, life), &taken, &alone, err))
        return -1;
    *alive = taken;
    return 0;
}

int pg_force_unlock(struct backend *b, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lock_info who;
    bool held;
    if (pg_holder(b, &scratch, &who, &held, err))
        return -1;
    if (!held)
        return 0;
    lock_info_refuse(&who, b->description, err);
    if (!who.owner.n)
        return err_hint(err, "runs that go on share it: `weir history` lists them");
    return err_hint(err, "its session is alive; the server ends that of a dead machine within a minute, or "
                         "at once with pg_terminate_backend()");
}

static int lost_lock(struct pg_backend *g, struct err *err)
{
    atomic_store(&g->lost, true);
    err_set(err, ERR_LOCKED, "the lock of %.*s was lost with the connection to the server",
        STR_ARG(g->base.description));
    return err_hint(
        err, "another run may have the lock now; what this one had under way is recovered by the next");
}

/* The lock belongs to the session, and the session to the connection: checks the socket, which any thread may
 * do. */
int pg_check_lock(struct backend *b, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    if (!atomic_load(&g->locked))
        return 0;
    struct pollfd socket = {.fd = g->pq->socket(g->connection), .events = POLLRDHUP};
    bool gone = socket.fd < 0 ||
                (poll(&socket, 1, 0) > 0 && (socket.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)));
    return gone || atomic_load(&g->lost) ? lost_lock(g, err) : 0;
}
