/*
 * Opens one connection: libpq parameters, and waiting for a server that is not ready. Waits for a server that
 * is starting, and for an unreachable port while resources are being created; not after a wrong password or
 * for a missing database.
 */
#include "provider/postgres/postgres.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mask.h"

#include <poll.h>
#include <stdio.h>
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

/* Returns an environment variable that libpq would use. */
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
        .iam = value_getb(config, "iam"),
    };
    mask_add(out->password, MASK_GIVEN);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct str v = connect_setting(arena, config, others[i], "");
        if (!v.n)
            continue;
        if (str_starts(str_z(others[i]), STR("ssl")) && !str_eqz(str_z(others[i]), "sslmode") &&
            file_check(v.p, err))
            return err_context(err, "provider \"%.*s\"", STR_ARG(options->name));
        out->others[out->other_count++] = str_z(others[i]);
        out->others[out->other_count++] = v;
    }
    if (out->iam && (!out->user.n || !out->host.n))
        return err_set(
            err, ERR_INVALID, "provider \"%.*s\": `iam` needs `host` and `user`", STR_ARG(options->name));
    if (out->iam && !value_getz(config, "sslmode")) { /* the token must not be sent unencrypted */
        out->others[out->other_count++] = STR("sslmode");
        out->others[out->other_count++] = STR("require");
    }
    int64_t port;
    if (!str_to_int(out->port, &port) || port < 1 || port > 65535)
        return err_set(err, ERR_INVALID, "provider \"%.*s\": \"%.*s\" is not a port", STR_ARG(options->name),
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
    const struct settings *settings, struct arena *arena, struct str database, const struct way *way)
{
    struct parameters p = {.n = 0};
    connect_add(&p, "application_name", "weir");
    connect_add(&p, "client_encoding", "UTF8");
    connect_add(&p, "connect_timeout", "10");
    connect_add(&p, "keepalives_idle", "30");
    connect_add(&p, "keepalives_interval", "10");
    connect_add(&p, "options", "-c client_min_messages=warning");
    connect_add(&p, "host", settings->host.p);
    if (way->local_port) { /* the host name is kept for the certificate */
        connect_add(&p, "hostaddr", "127.0.0.1");
        connect_add(&p, "port", arena_printf(arena, "%d", way->local_port).p);
    } else {
        connect_add(&p, "port", settings->port.p);
    }
    connect_add(&p, "user", settings->user.p);
    connect_add(&p, "password", way->password.n ? way->password.p : settings->password.p);
    connect_add(&p, "dbname", arena_strz(arena, database));
    for (size_t i = 0; i < settings->other_count; i += 2)
        connect_add(&p, settings->others[i].p, settings->others[i + 1].p);
    return p;
}

/* ---- one attempt ---- */

/* Returns NULL if libpq is out of memory. The connection may be bad; it then has the error message. */
static PGconn *connect_attempt(const struct pq_api *pq, struct op_ctx *ctx, const struct parameters *p)
{
    PGconn *c = pq->connectStartParams(p->keys, p->values, 0);
    if (c)
        pq->setErrorVerbosity(c, PQERRORS_VERBOSE); /* with error codes, whatever the server's language */
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    int64_t until = clock_mono_ms() + ATTEMPT_MS;
    while (c && pq->status(c) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
           status != PGRES_POLLING_FAILED) {
        struct pollfd fd = {pq->socket(c), status == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};
        int ready = poll(&fd, 1, TICK_MS);
        if (cancel_is_set(ctx->cancel) || clock_mono_ms() > until)
            break;
        if (ready > 0)
            status = pq->connectPoll(c);
    }
    if (c)
        pq->setErrorVerbosity(c, PQERRORS_DEFAULT);
    return c;
}

static struct str connect_where(const struct settings *settings, struct arena *arena, struct str database)
{
    struct str host = settings->host.n ? settings->host : str_z(environment("PGHOST", "the local socket"));
    return arena_printf(arena, "\"%.*s\" on %.*s:%.*s%s%.*s", STR_ARG(database), STR_ARG(host),
        STR_ARG(settings->port), settings->via.n ? " through " : "", STR_ARG(settings->via));
}

/* ---- refused connections ---- */

enum refusal_kind { NOBODY_THERE, NOT_YET, TOO_MANY, NO_DATABASE, NOT_LET_IN };

struct refusal {
    enum refusal_kind kind;
    struct str why; /* the server's message, or libpq's */
};

/* True for ": 3D000: text": an error code in a message. */
static bool has_code(struct str text, size_t at)
{
    static const struct str mark = STR_INIT(":  ");
    bool code = at + 10 <= text.n && str_eq(str_slice(text, at, at + 3), mark) && text.p[at + 8] == ':';
    for (size_t i = at + 3; code && i < at + 8; i++)
        code = (text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'A' && text.p[i] <= 'Z');
    return code;
}

static enum refusal_kind kind_of_code(struct str code)
{
    if (str_eqz(code, "57P03")) /* cannot_connect_now */
        return NOT_YET;
    if (str_eqz(code, "53300")) /* too_many_connections */
        return TOO_MANY;
    return str_eqz(code, "3D000") ? NO_DATABASE : NOT_LET_IN; /* invalid_catalog_name */
}

/* libpq's own message follows the host's name. */
static struct str message_of_libpq(struct str message)
{
    static const struct str mark = STR_INIT("failed: ");
    ptrdiff_t at = str_find(message, mark, 0);
    return at < 0 ? message : str_slice(message, (size_t)at + mark.n, message.n);
}

static struct refusal refusal_of(const struct pq_api *pq, PGconn *c, const struct parameters *p)
{
    struct str rest, message = str_trim(str_z(c ? pq->errorMessage(c) : "out of memory"));
    for (size_t at = 0; at + 10 <= message.n; at++)
        if (has_code(message, at))
            return (struct refusal){kind_of_code(str_slice(message, at + 3, at + 8)),
                str_trim(str_cut(str_slice(message, at + 9, message.n), '\n', &rest))};
    PGPing ping = pq->pingParams(p->keys, p->values, 0);
    if (c && pq->status(c) != CONNECTION_BAD) /* not refused: the attempt timed out */
        return (struct refusal){
            ping == PQPING_NO_RESPONSE ? NOBODY_THERE : NOT_YET, STR("it did not answer in time")};
    return (struct refusal){ping == PQPING_REJECT ? NOT_YET
                            : ping == PQPING_OK   ? NOT_LET_IN
                                                  : NOBODY_THERE,
        str_trim(str_cut(message_of_libpq(message), '\n', &rest))};
}

static int connect_refuse(
    const struct settings *settings, const struct refusal *refusal, struct str database, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str place = connect_where(settings, &scratch, database), why = refusal->why;
    switch (refusal->kind) {
    case NOT_YET:
    case TOO_MANY:
        err_set(
            err, ERR_TIMEOUT, "the database %.*s accepts no connections: %.*s", STR_ARG(place), STR_ARG(why));
        snprintf(err->code, sizeof err->code, "%s", refusal->kind == TOO_MANY ? "53300" : "57P03");
        return -1;
    case NO_DATABASE:
        err_set(err, ERR_ABSENT, "there is no database %.*s", STR_ARG(place));
        return err_hint(err, "make it with a postgres.database, and refer to that from what is in it");
    case NOBODY_THERE:
        err_set(err, ERR_NETWORK, "cannot connect to the database %.*s: %.*s", STR_ARG(place), STR_ARG(why));
        return err_hint(err,
            "are host and port of the provider \"%.*s\" right, and may this machine reach them? `via:` goes "
            "through a connection",
            STR_ARG(settings->name));
    case NOT_LET_IN: break;
    }
    err_set(err, ERR_AUTH, "cannot log in to the database %.*s: %.*s", STR_ARG(place), STR_ARG(why));
    err->everywhere = true;
    if (settings->iam)
        return err_hint(err, "with IAM database authentication the role has to be a member of rds_iam, and "
                             "who runs weir needs "
                             "rds-db:connect for it");
    return err_hint(err,
        "`user` and `password` of the provider \"%.*s\" configure the login; the server's pg_hba.conf says "
        "who may come from where",
        STR_ARG(settings->name));
}

/* ---- waiting for the server ---- */

/* True if waiting may help: an unreachable port is waited for only while resources are being created. */
static bool worth_waiting(const struct op_ctx *ctx, const struct way *way, enum refusal_kind kind)
{
    return kind == NOT_YET || (kind == TOO_MANY && way->patient) ||
           (kind == NOBODY_THERE && op_has_progress(ctx));
}

static void connect_tell(struct op_ctx *ctx, enum refusal_kind kind)
{
    op_progress(ctx, kind == NOT_YET    ? "waiting for PostgreSQL, which is starting"
                     : kind == TOO_MANY ? "waiting for a connection, of which PostgreSQL has no more"
                                        : "waiting for PostgreSQL to answer");
}

int settings_connect(const struct settings *settings, const struct pq_api *pq, struct op_ctx *ctx,
    struct str database, const struct way *way, PGconn **out, struct err *err)
{
    AUTO_WIPED_ARENA struct arena scratch = ARENA_INIT;
    struct parameters p = parameters_of(settings, &scratch, database, way);
    int64_t until = clock_mono_ms() + settings->wait_ms;
    for (int64_t pause = PAUSE_MS;; pause = pause < PAUSE_MAX_MS ? 2 * pause : pause) {
        PGconn *c = connect_attempt(pq, ctx, &p);
        if (c && pq->status(c) == CONNECTION_OK) {
            *out = c;
            return 0;
        }
        bool cancelled = cancel_is_set(ctx->cancel);
        struct refusal refusal = {0};
        if (!cancelled)
            refusal = refusal_of(pq, c, &p);
        bool again = !cancelled && worth_waiting(ctx, way, refusal.kind) && clock_mono_ms() + pause < until;
        if (cancelled)
            err_set(err, ERR_INTERRUPTED, "interrupted while connecting");
        else if (!again)
            connect_refuse(settings, &refusal, database, err);
        pq->finish(c);
        if (!again)
            return -1;
        connect_tell(ctx, refusal.kind);
        clock_sleep_ms(pause);
    }
}
