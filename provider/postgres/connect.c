/*
 * One connection: what is said to libpq, and waiting for a server that is not ready yet. A wrong password, or
 * a database that is not there, is no reason to wait; a server that is only just starting is one, and so is
 * nobody at the port while things are being made.
 */
#include "provider/postgres/server.h"

#include "base/clock.h"
#include "base/mask.h"

#include <poll.h>
#include <stdlib.h>

enum {
    ATTEMPT_MS = 15000,
    TICK_MS = 50,
    PAUSE_MS = 250,
    PAUSE_MAX_MS = 2000,
    WAIT_DEFAULT_S = 60,
    PARAMETERS = 24
};

/* ---- settings ---- */

static struct str connect_setting(
    struct arena *arena, const struct value *config, const char *name, const char *fallback)
{
    const struct value *v = value_getz(config, name);
    struct str text = value_is_null(v) ? str_z(fallback) : value_scalar_text(arena, v);
    return arena_str(arena, text);
}

/* What libpq itself would take from the environment. */
static const char *environment(const char *name, const char *fallback)
{
    const char *v = getenv(name);
    return v && v[0] ? v : fallback;
}

int settings_read(
    struct arena *arena, const struct provider_options *options, struct settings *out, struct err *err)
{
    static const char *const others[] = {"sslmode", "sslrootcert", "sslcert", "sslkey", "service"};
    const struct value *config = options->config, *wait = value_getz(config, "wait_seconds");
    *out = (struct settings){
        .name = arena_str(arena, options->name),
        .host = connect_setting(arena, config, "host", ""),
        .port = connect_setting(arena, config, "port", environment("PGPORT", "5432")),
        .user = connect_setting(arena, config, "user", ""),
        .password = connect_setting(arena, config, "password", ""),
        .dbname = connect_setting(arena, config, "dbname", environment("PGDATABASE", "postgres")),
        .maintenance = connect_setting(arena, config, "maintenance", "postgres"),
        .wait_ms = 1000 * (wait && wait->kind == VALUE_INT ? wait->integer : WAIT_DEFAULT_S),
        .via = arena_str(arena, options->via),
    };
    mask_add(out->password, MASK_GIVEN);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct str v = connect_setting(arena, config, others[i], "");
        if (!v.n)
            continue;
        out->others[out->other_count++] = str_z(others[i]);
        out->others[out->other_count++] = v;
    }
    int64_t port;
    if (!str_to_int(out->port, &port) || port < 1 || port > 65535)
        return err_set(err, ERR_INVALID, "provider \"%.*s\": \"%.*s\" is no port", STR_ARG(options->name),
            STR_ARG(out->port));
    return 0;
}

/* ---- parameters ---- */

struct parameters {
    const char *keys[PARAMETERS], *values[PARAMETERS];
    size_t n;
};

static void connect_add(struct parameters *p, const char *key, const char *value)
{
    if (!value[0] || p->n + 1 >= PARAMETERS)
        return;
    p->keys[p->n] = key;
    p->values[p->n++] = value;
}

static struct parameters parameters_of(
    const struct settings *settings, struct arena *arena, struct str database, int local_port)
{
    struct parameters p = {.n = 0};
    connect_add(&p, "application_name", "weir");
    connect_add(&p, "client_encoding", "UTF8");
    connect_add(&p, "connect_timeout", "10");
    connect_add(&p, "keepalives_idle", "30");
    connect_add(&p, "keepalives_interval", "10");
    connect_add(&p, "options", "-c client_min_messages=warning");
    connect_add(&p, "host", settings->host.p);
    if (local_port) { /* the name stays, for the certificate */
        connect_add(&p, "hostaddr", "127.0.0.1");
        connect_add(&p, "port", arena_printf(arena, "%d", local_port).p);
    } else {
        connect_add(&p, "port", settings->port.p);
    }
    connect_add(&p, "user", settings->user.p);
    connect_add(&p, "password", settings->password.p);
    connect_add(&p, "dbname", arena_strz(arena, database));
    for (size_t i = 0; i < settings->other_count; i += 2)
        connect_add(&p, settings->others[i].p, settings->others[i + 1].p);
    return p;
}

/* ---- one attempt ---- */

static bool is_cancelled(const struct op_ctx *ctx)
{
    return ctx->cancel && atomic_load(ctx->cancel);
}

/* NULL where libpq has no memory. The connection may be bad; it says why. */
static PGconn *connect_attempt(const struct pq_api *pq, struct op_ctx *ctx, const struct parameters *p)
{
    PGconn *c = pq->connectStartParams(p->keys, p->values, 0);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    int64_t until = clock_mono_ms() + ATTEMPT_MS;
    while (c && pq->status(c) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
           status != PGRES_POLLING_FAILED) {
        struct pollfd fd = {pq->socket(c), status == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};
        int ready = poll(&fd, 1, TICK_MS);
        if (is_cancelled(ctx) || clock_mono_ms() > until)
            break;
        if (ready > 0)
            status = pq->connectPoll(c);
    }
    return c;
}

static struct str connect_where(const struct settings *settings, struct arena *arena, struct str database)
{
    struct str host = settings->host.n ? settings->host : str_z(environment("PGHOST", "the local socket"));
    return arena_printf(arena, "\"%.*s\" on %.*s:%.*s%s%.*s", STR_ARG(database), STR_ARG(host),
        STR_ARG(settings->port), settings->via.n ? " through " : "", STR_ARG(settings->via));
}

/* libpq names the host first, which is said already; what counts comes after FATAL. */
static struct str connect_reason(struct str message)
{
    static const char *const marks[] = {"FATAL:  ", "failed: "};
    for (size_t i = 0; i < 2; i++) {
        ptrdiff_t at = str_find(message, str_z(marks[i]), 0);
        if (at >= 0)
            return str_trim(str_slice(message, (size_t)at + strlen(marks[i]), message.n));
    }
    return str_trim(message);
}

static int connect_refuse(const struct settings *settings, const struct pq_api *pq, PGconn *c, PGPing ping,
    struct str database, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str rest, why = connect_reason(str_z(c ? pq->errorMessage(c) : "out of memory"));
    struct str whole = why;
    why = str_cut(why, '\n', &rest);
    struct str place = connect_where(settings, &scratch, database);
    if (ping == PQPING_REJECT)
        return err_set(err, ERR_TIMEOUT, "the database %.*s accepts no connections yet: %.*s", STR_ARG(place),
            STR_ARG(why));
    if (ping != PQPING_OK) {
        err_set(err, ERR_NETWORK, "cannot connect to the database %.*s: %.*s", STR_ARG(place), STR_ARG(why));
        return err_hint(err,
            "are host and port of the provider \"%.*s\" right, and may this machine reach "
            "them? `via:` goes through a connection",
            STR_ARG(settings->name));
    }
    if (str_find(whole, STR("does not exist"), 0) >= 0 && str_starts(why, STR("database "))) {
        err_set(err, ERR_ABSENT, "there is no database %.*s", STR_ARG(place));
        return err_hint(err, "make it with a postgres.database, and let what lies in it refer to that");
    }
    err_set(err, ERR_AUTH, "cannot log in to the database %.*s: %.*s", STR_ARG(place), STR_ARG(why));
    err->everywhere = pq->connectionNeedsPassword(c) || settings->password.n;
    return err_hint(err,
        "`user` and `password` of the provider \"%.*s\" say who weir is there; the server's "
        "pg_hba.conf says who may come from where",
        STR_ARG(settings->name));
}

/* ---- until it is there ---- */

/* Only what is being made is worth waiting for at a port where nobody is. */
static bool worth_waiting(const struct op_ctx *ctx, PGPing ping)
{
    return ping == PQPING_REJECT || (ping == PQPING_NO_RESPONSE && ctx->progress);
}

static void connect_tell(struct op_ctx *ctx, PGPing ping)
{
    if (ctx->progress)
        ctx->progress(ctx->progress_ctx, ping == PQPING_REJECT ? "waiting for PostgreSQL, which is starting"
                                                               : "waiting for PostgreSQL to answer");
}

int settings_connect(const struct settings *settings, const struct pq_api *pq, struct op_ctx *ctx,
    struct str database, int local_port, PGconn **out, struct err *err)
{
    AUTO_WIPED_ARENA struct arena scratch = ARENA_INIT;
    struct parameters p = parameters_of(settings, &scratch, database, local_port);
    int64_t until = clock_mono_ms() + settings->wait_ms;
    for (int64_t pause = PAUSE_MS;; pause = pause < PAUSE_MAX_MS ? 2 * pause : pause) {
        PGconn *c = connect_attempt(pq, ctx, &p);
        if (c && pq->status(c) == CONNECTION_OK) {
            *out = c;
            return 0;
        }
        PGPing ping = is_cancelled(ctx) ? PQPING_OK : pq->pingParams(p.keys, p.values, 0);
        bool again = worth_waiting(ctx, ping) && clock_mono_ms() + pause < until;
        if (!again)
            is_cancelled(ctx) ? err_set(err, ERR_INTERRUPTED, "interrupted while connecting")
                              : connect_refuse(settings, pq, c, ping, database, err);
        pq->finish(c);
        if (!again)
            return -1;
        connect_tell(ctx, ping);
        clock_sleep_ms(pause);
    }
}
