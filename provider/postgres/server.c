/* The connections to one server: their use and their number. */
#include "provider/postgres/postgres.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mask.h"
#include "base/mem.h"
#include "provider/aws/client.h"
#include "provider/ssh/connections.h"

#include <poll.h>
#include <stdlib.h>

enum { SESSIONS_MAX = 6, LOOK_MS = 100 };

struct server {
    struct arena arena;
    struct settings settings;
    struct ssh_pool *ssh_pool; /* opens the connection in `via` */
    struct http_engine *http;
    const struct value *aws_settings;
    struct aws_client *aws; /* guarded by the lock; NULL: not needed yet */
    struct sql_trace trace;
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct session sessions[SESSIONS_MAX];
    size_t most; /* limit of connections: lowered if the server has too many */
    struct server *next;
};

/* All providers: several may use the same server, and a database can be dropped only without connections to
 * it. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct server *all;

int server_new(
    const struct provider_options *options, struct arena *arena UNUSED, void **self, struct err *err)
{
    struct server *server = mem_zalloc(sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    clock_cond_init(&server->given);
    server->most = SESSIONS_MAX;
    if (settings_read(&server->arena, options, &server->settings, err)) {
        server_free(server);
        return -1;
    }
    server->ssh_pool = options->ssh_pool;
    server->http = options->http;
    server->aws_settings = value_copy(&server->arena, value_getz(options->config, "aws"));
    server->trace = (struct sql_trace){options->trace, options->trace_line, options->trace_ctx};
    pthread_mutex_lock(&all_lock);
    server->next = all;
    all = server;
    pthread_mutex_unlock(&all_lock);
    *self = server;
    return 0;
}

void server_free(void *self)
{
    struct server *server = self;
    if (!server)
        return;
    pthread_mutex_lock(&all_lock);
    struct server **at = &all;
    while (*at && *at != server)
        at = &(*at)->next;
    if (*at)
        *at = server->next;
    pthread_mutex_unlock(&all_lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (server->sessions[i].connection)
            server->sessions[i].pq->finish(server->sessions[i].connection);
    aws_client_free(server->aws);
    pthread_cond_destroy(&server->given);
    pthread_mutex_destroy(&server->lock);
    arena_wipe(&server->arena);
    free(server);
}

/* ---- buckets ---- */

int server_open_aws(struct op_ctx *ctx, struct err *err)
{
    struct server *server = provider_self(ctx->provider);
    struct aws_options aws = {
        .name = server->settings.name, .config = server->aws_settings, .http = server->http};
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&server->lock);
    return server->aws ? 0 : aws_client_new(&aws, &server->aws, err);
}

struct aws_client *server_aws(void *self)
{
    struct server *server = self;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&server->lock);
    return server->aws;
}

const struct sql_trace *server_trace(const struct server *server)
{
    return &server->trace;
}

/* ---- taking and giving ---- */

/* Returns a session that is connected to the database, or an unused one, or one connected elsewhere; NULL:
 * all are in use. */
static struct session *free_place(struct server *server, struct str database)
{
    struct session *unused = NULL, *other = NULL;
    size_t open = 0;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        open += server->sessions[i].taken || server->sessions[i].connection;
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *s = &server->sessions[i];
        if (s->taken || (!s->connection && open >= server->most))
            continue;
        if (s->connection && str_eq(s->database, database))
            return s;
        *(s->connection ? &other : &unused) = s;
    }
    return unused ? unused : other;
}

static struct session *wait_for_place(
    struct server *server, struct op_ctx *ctx, struct str database, struct err *err)
{
    struct session *s;
    pthread_mutex_lock(&server->lock);
    while (!(s = free_place(server, database)) && !cancel_is_set(ctx->cancel))
        clock_cond_wait(&server->given, &server->lock, clock_mono_ms() + LOOK_MS);
    if (s) {
        s->taken = true;
        s->ctx = ctx;
        s->server = server;
        s->stale = !str_eq(s->database, database);
        if (s->stale)
            s->database = arena_str(&server->arena, database);
    }
    pthread_mutex_unlock(&server->lock);
    if (!s)
        err_set(err, ERR_INTERRUPTED, "interrupted");
    return s;
}

/* Passes the server's warnings to the operation; libpq's own messages are part of its errors. */
static void server_noticed(void *arg, const char *message)
{
    const struct session *s = arg;
    if (!s->ctx)
        return;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    static const struct str mark = STR_INIT("WARNING:  ");
    struct str rest, text = str_cut(str_z(message), '\n', &rest);
    if (str_starts(text, mark))
        text = str_slice(text, mark.n, text.n);
    op_warn(s->ctx, arena_strz(&scratch, text));
}

/* Opens a loopback port to the server; 0: direct connection. */
static int find_route(const struct server *server, int *local_port, struct err *err)
{
    const struct settings *settings = &server->settings;
    int64_t port = 0;
    *local_port = 0;
    if (!settings->via.n)
        return 0;
    str_to_int(settings->port, &port);
    struct str host = settings->host.n ? settings->host : STR("127.0.0.1");
    return ssh_pool_forward(server->ssh_pool, settings->via, host, (int)port, local_port, err);
}

/* Signs a token of IAM database authentication, valid as a password for 15 minutes. Only needed to log in. */
static int find_token(
    struct server *server, struct op_ctx *ctx, struct arena *arena, struct str *token, struct err *err)
{
    const struct settings *settings = &server->settings;
    AUTO_BUF struct buf query = BUF_INIT;
    int64_t ends_ms;
    struct str url;
    buf_addz(&query, "Action=connect");
    url_add_parameter(&query, STR("DBUser"), settings->user);
    struct presign what = {.service = STR("rds-db"),
        .host = arena_printf(arena, "%.*s:%.*s", STR_ARG(settings->host), STR_ARG(settings->port)),
        .query = buf_str(&query),
        .seconds = 15 * 60};
    if (server_open_aws(ctx, err) || aws_presign(server_aws(server), &what, arena, &url, &ends_ms, err))
        return err_context(err, "provider \"%.*s\": IAM database authentication", STR_ARG(settings->name));
    *token = str_slice(url, strlen("https://"), url.n);
    mask_add(*token, MASK_GIVEN);
    return 0;
}

/* True if another operation has a session that it will give back; then there is no need to wait for the
 * server. */
static bool has_others(struct server *server, const struct session *mine)
{
    bool others = false;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&server->lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        others |=
            &server->sessions[i] != mine && (server->sessions[i].taken || server->sessions[i].connection);
    return others;
}

static int open_session(struct session *s, struct str database, struct err *err)
{
    struct server *server = s->server;
    if (!s->pq && !(s->pq = pq_api(err)))
        return -1;
    AUTO_WIPED_ARENA struct arena scratch = ARENA_INIT;
    struct way way = {.patient = !has_others(server, s)};
    if (find_route(server, &way.local_port, err) ||
        (server->settings.iam && find_token(server, s->ctx, &scratch, &way.password, err)) ||
        settings_connect(&server->settings, s->pq, s->ctx, database, &way, &s->connection, err))
        return -1;
    s->pq->setNoticeProcessor(s->connection, server_noticed, s);
    temporary_grant_take_back(s);
    return 0;
}

static void server_drop(struct session *s)
{
    if (s->connection)
        s->pq->finish(s->connection);
    s->connection = NULL;
}

/* Checks the connection without a query: a server that has ended has sent a message or closed the socket. */
static bool is_alive(struct session *s)
{
    if (!s->connection)
        return false;
    struct pollfd fd = {s->pq->socket(s->connection), POLLIN, 0};
    if (poll(&fd, 1, 0) > 0)
        s->pq->consumeInput(s->connection);
    return s->pq->status(s->connection) == CONNECTION_OK;
}

/* Connects to the maintenance database, which every server has, or else to the settings' own. */
static int open_anywhere(struct session *s, struct err *err)
{
    struct err first = ERR_INIT;
    const struct settings *settings = &s->server->settings;
    if (!open_session(s, settings->maintenance, &first))
        return 0;
    if (first.class != ERR_ABSENT || open_session(s, settings->dbname, err))
        return err_raise(err, &first);
    return 0;
}

/* If the server refuses more connections, limits their number to the existing ones. */
static bool limit_connections(struct server *server, const struct err *why)
{
    size_t open = 0;
    if (strcmp(why->code, "53300") != 0)
        return false;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&server->lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        open += server->sessions[i].taken || server->sessions[i].connection;
    if (open)
        server->most = open;
    return open > 0;
}

int session_take(struct op_ctx *ctx, struct str database, struct session **out, struct err *err)
{
    struct server *server = provider_self(ctx->provider);
    bool anywhere = str_eq(database, SERVER_WIDE);
    if (!anywhere && !database.n)
        database = server->settings.dbname;
    for (;;) {
        struct err why = ERR_INIT;
        struct session *s = wait_for_place(server, ctx, database, err);
        if (!s)
            return -1;
        bool usable = !s->stale && is_alive(s);
        if (!usable)
            server_drop(s);
        if (usable || !(anywhere ? open_anywhere(s, &why) : open_session(s, database, &why))) {
            *out = s;
            return 0;
        }
        session_give(&s);
        if (!limit_connections(server, &why))
            return err_raise(err, &why);
    }
}

void session_give(struct session **session)
{
    struct session *s = *session;
    if (!s)
        return;
    struct server *server = s->server;
    if (s->connection && (s->pq->status(s->connection) != CONNECTION_OK || session_in_transaction(s)))
        server_drop(s);
    pthread_mutex_lock(&server->lock);
    s->taken = false;
    s->ctx = NULL;
    pthread_cond_broadcast(&server->given);
    pthread_mutex_unlock(&server->lock);
    *session = NULL;
}

static void forget_in(struct server *server, struct str database)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&server->lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (!server->sessions[i].taken && str_eq(server->sessions[i].database, database))
            server_drop(&server->sessions[i]);
}

void server_forget(struct str database)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all_lock);
    for (struct server *server = all; server; server = server->next)
        forget_in(server, database);
}
