/* The Docker Engine API: the engine's address, and calls. */
#include "provider/docker/docker.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "provider/ssh/connections.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- The Engine's address and certificates ---- */

#define LOCAL_SOCKET "unix:///var/run/docker.sock"

static struct str from_env(const char *name)
{
    return str_z(getenv(name));
}

static int misread(const struct provider_options *options, struct str host, struct err *err)
{
    err_set(err, ERR_INVALID, "%.*s: \"%.*s\" is not an address of a Docker Engine", STR_ARG(options->name),
        STR_ARG(host));
    return err_hint(err,
        "it is unix:///PATH, or tcp://HOST:PORT; an Engine on another machine is reached through "
        "a connection: `via: NAME`");
}

/* Parses "host:port" of tcp://; the defaults are the docker client's ports. */
static int parse_tcp(
    const struct provider_options *options, struct engine *engine, struct arena *arena, struct err *err)
{
    struct str rest, address = str_cut(str_slice(engine->host, 6, engine->host.n), '/', &rest), port;
    int64_t number = engine->tls ? 2376 : 2375;
    ptrdiff_t bracket = str_find_char(address, ']', 0);
    struct str host =
        bracket >= 0 ? str_slice(address, 0, (size_t)bracket + 1) : str_cut(address, ':', &port);
    if (bracket >= 0)
        port = str_slice(address, (size_t)bracket + 1, address.n), port.p += port.n ? 1 : 0,
        port.n -= port.n ? 1 : 0;
    if (!host.n || (port.p && port.n && (!str_to_int(port, &number) || number < 1 || number > 65535)))
        return misread(options, engine->host, err);
    engine->authority = arena_printf(arena, "%.*s:%d", STR_ARG(host), (int)number);
    engine->target = arena_str(arena, host);
    engine->target_port = (int)number;
    return 0;
}

static int parse_host(
    const struct provider_options *options, struct engine *engine, struct arena *arena, struct err *err)
{
    if (str_starts(engine->host, STR("unix://"))) {
        struct str path = str_slice(engine->host, 7, engine->host.n);
        if (!path.n || path.p[0] != '/')
            return misread(options, engine->host, err);
        engine->authority = STR("docker");
        engine->target = arena_str(arena, path);
        engine->unix_socket = engine->via.n ? NULL : arena_strz(arena, path);
        engine->tls = false;
        return 0;
    }
    if (str_starts(engine->host, STR("tcp://")))
        return parse_tcp(options, engine, arena, err);
    return misread(options, engine->host, err);
}

/* ---- TLS ---- */

static int named_file(const struct provider_options *options, const struct value *tls, const char *key,
    struct arena *arena, const char **out, struct err *err)
{
    struct str name = value_gets(tls, key);
    if (!name.n)
        return 0;
    *out = path_join(arena, options->base_dir, name).p;
    if (path_exists(*out))
        return file_check(*out, err);
    return err_set(err, ERR_INVALID, "%.*s: tls: %s: there is no file %s", STR_ARG(options->name), key, *out);
}

static void files_in(struct engine *engine, struct str folder, struct arena *arena)
{
    engine->ca = path_join(arena, folder, STR("ca.pem")).p;
    engine->cert = path_join(arena, folder, STR("cert.pem")).p;
    engine->key = path_join(arena, folder, STR("key.pem")).p;
    engine->tls = true;
}

/* Finds certificates as the docker client does: of its context, else in DOCKER_CERT_PATH, else in
 * ~/.docker. */
static int find_tls(const struct provider_options *options, const struct client_context *context,
    struct engine *engine, struct arena *arena, struct err *err)
{
    const struct value *tls = value_getz(options->config, "tls");
    if (value_is_null(tls)) {
        struct str folder = from_env("DOCKER_CERT_PATH");
        if (context->tls.n)
            files_in(engine, context->tls, arena);
        else if (!context->host.n && !value_gets(options->config, "host").n &&
                 from_env("DOCKER_TLS_VERIFY").n)
            files_in(engine, folder.n ? folder : path_join(arena, from_env("HOME"), STR(".docker")), arena);
        return 0;
    }
    engine->tls = true;
    return named_file(options, tls, "ca", arena, &engine->ca, err) ||
                   named_file(options, tls, "cert", arena, &engine->cert, err) ||
                   named_file(options, tls, "key", arena, &engine->key, err)
               ? -1
               : 0;
}

/* ---- */

int engine_open(const struct provider_options *options, struct arena *arena, void **self, struct err *err)
{
    struct engine *engine = ARENA_NEW(arena, struct engine);
    *engine = (struct engine){.http = options->http,
        .ssh_pool = options->ssh_pool,
        .settings = options->config,
        .via = options->via,
        .cancel = options->cancel,
        .insecure = value_getb(options->config, "insecure"),
        .host = value_gets(options->config, "host")};
    bool own =
        !engine->host.n &&
        !engine->via.n; /* the client's configuration applies to this machine only, not behind a connection */
    struct client_context context = {.host = STR_EMPTY};
    if (own)
        engine->host = arena_str(arena, from_env("DOCKER_HOST"));
    if (own && !engine->host.n && client_context(arena, &context, err))
        return err_context(err, "%.*s", STR_ARG(options->name));
    if (!engine->host.n)
        engine->host = context.host.n ? context.host : STR(LOCAL_SOCKET);
    if (find_tls(options, &context, engine, arena, err) || parse_host(options, engine, arena, err))
        return -1;
    pthread_mutex_init(&engine->lock, NULL);
    *self = engine;
    return 0;
}

void engine_close(void *self)
{
    struct engine *engine = self;
    pthread_mutex_destroy(&engine->lock);
}

/* Opens the connection, if there is one. */
static int engine_open_tunnel(struct engine *engine, struct err *err)
{
    if (!engine->via.n || engine->local_port)
        return 0;
    if (!engine->ssh_pool)
        return err_set(err, ERR_INVALID, "there is no connection \"%.*s\"", STR_ARG(engine->via));
    return ssh_pool_forward(
        engine->ssh_pool, engine->via, engine->target, engine->target_port, &engine->local_port, err);
}

const struct value *engine_settings(const struct engine *engine)
{
    return engine->settings;
}

enum { API_LEAST = 41, API_MOST = 47, ANSWER_MAX = 64 << 20, IDLE_MS = 60 * 1000, TICK_MS = 200 };

struct engine *engine_of(const struct op_ctx *ctx)
{
    return provider_self(ctx->provider);
}

/* ---- paths ---- */

struct str engine_path(struct arena *arena, const char *format, struct str name)
{
    AUTO_BUF struct buf out = BUF_INIT;
    const char *hole = strstr(format, "%s");
    buf_add(&out, format, (size_t)(hole - format));
    url_encode(&out, name, true);
    buf_addz(&out, hole + 2);
    return arena_str(arena, buf_str(&out));
}

void engine_query(struct buf *path, const char *key, struct str value)
{
    buf_addf(path, "%c%s=", str_find_char(buf_str(path), '?', 0) < 0 ? '?' : '&', key);
    url_encode(path, value, false);
}

/* ---- one request ---- */

/* The Engine's document of a container contains its environment. */
static bool may_contain_secrets(const struct op_ctx *ctx, const struct engine_call *call)
{
    return call->sensitive || ctx->sensitive || call->registry_auth.n ||
           str_starts(call->path, STR("/containers/"));
}

static void engine_explain(const struct engine *engine, struct err *err)
{
    if (err->class != ERR_NETWORK || err->lost)
        return;
    if (strstr(err->message, "ermission denied"))
        err_hint(
            err, "whoever may use that socket is root there: become root, or a member of the group docker");
    else if (engine->unix_socket)
        err_hint(err, "is the Docker Engine running? `host` under `providers: docker:`, or DOCKER_HOST, says "
                      "where another one is");
}

/* Like http_send(), calling `tick` while waiting. */
static int send_ticking(struct engine *engine, const struct engine_call *call,
    const struct http_request *request, struct arena *arena, struct http_response *response, struct err *err)
{
    struct http_queue queue;
    struct http_exchange exchange = {.request = request, .arena = arena};
    http_queue_init(&queue, engine->http);
    http_queue_add(&queue, &exchange);
    while (!http_queue_next(&queue, TICK_MS))
        call->tick(call->tick_ctx);
    call->tick(call->tick_ctx);
    http_queue_release(&queue);
    *response = exchange.response;
    if (exchange.result)
        *err = exchange.err;
    return exchange.result;
}

static int send(struct op_ctx *ctx, struct engine *engine, const struct engine_call *call, struct str version,
    struct http_response *response, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    if (call->body)
        json_write(&body, call->body, JSON_PLAIN);
    struct http_header headers[2];
    size_t n = 0;
    if (call->body || call->type)
        headers[n++] = (struct http_header){
            STR("Content-Type"), call->body ? STR("application/json") : str_z(call->type)};
    if (call->registry_auth.n)
        headers[n++] = (struct http_header){STR("X-Registry-Auth"), call->registry_auth};
    struct http_request request = {.method = str_z(call->method),
        .url = arena_printf(ctx->arena, "%s://%.*s%.*s%.*s", engine->tls ? "https" : "http",
            STR_ARG(engine->authority), STR_ARG(version), STR_ARG(call->path)),
        .headers = headers,
        .header_count = n,
        .body = call->body ? buf_str(&body) : call->bytes,
        .source = call->source,
        .source_ctx = call->source_ctx,
        .eager = true,
        .unix_socket = engine->unix_socket,
        .local_port = engine->local_port,
        .ca_file = engine->ca,
        .cert_file = engine->cert,
        .key_file = engine->key,
        .insecure_ok = engine->insecure,
        .max_response = ANSWER_MAX,
        .timeout_ms = (int)(call->timeout_ms ? call->timeout_ms : IDLE_MS),
        .deadline_ms = call->deadline_ms,
        .cancel = ctx->cancel,
        .sink = call->sink,
        .sink_ctx = call->sink_ctx,
        .repeatable = call->repeatable,
        .sensitive = may_contain_secrets(ctx, call),
        .label = call->label ? arena_printf(ctx->arena, "docker.%s", call->label) : STR_EMPTY};
    int status = call->tick ? send_ticking(engine, call, &request, ctx->arena, response, err)
                            : http_send(engine->http, &request, ctx->arena, response, err);
    if (status)
        engine_explain(engine, err);
    return status;
}

/* ---- API version ---- */

/* Returns the minor version of "1.41"; 0 if it is invalid. */
static int minor_of(struct str version)
{
    int64_t minor;
    struct str rest, major = str_cut(version, '.', &rest);
    return str_eqz(major, "1") && str_to_int(rest, &minor) && minor > 0 && minor < 1000 ? (int)minor : 0;
}

static int negotiate(struct op_ctx *ctx, struct engine *engine, struct err *err)
{
    struct http_response response;
    const struct value *answer;
    struct engine_call call = {
        .method = "GET", .path = STR("/version"), .repeatable = true, .label = "version"};
    if (send(ctx, engine, &call, STR_EMPTY, &response, err))
        return -1;
    if (response.status != 200 || json_parse(ctx->arena, response.body, &answer, NULL))
        return err_set(err, ERR_PROTOCOL, "what answers at %.*s is not a Docker Engine (HTTP %d)",
            STR_ARG(engine->host), response.status);
    struct str newest = value_gets(answer, "ApiVersion"), oldest = value_gets(answer, "MinAPIVersion");
    int most = minor_of(newest);
    if (most < API_LEAST) {
        err_set(err, ERR_FAILED,
            "the Docker Engine at %.*s speaks version %.*s of its API, and weir needs 1.%d",
            STR_ARG(engine->host), STR_ARG(newest), API_LEAST);
        return err_hint(err, "Docker 20.10 and Podman 4 have it");
    }
    most = most > API_MOST ? API_MOST : most;
    if (minor_of(oldest) > most)
        most = minor_of(oldest);
    snprintf(engine->version, sizeof engine->version, "/v1.%d", most);
    return 0;
}

static int find_version(struct op_ctx *ctx, struct engine *engine, struct str *version, struct err *err)
{
    pthread_mutex_lock(&engine->lock);
    int status = 0;
    if (!engine->version[0])
        status = engine_open_tunnel(engine, err) || negotiate(ctx, engine, err) ? -1 : 0;
    pthread_mutex_unlock(&engine->lock);
    *version = str_z(engine->version);
    return status;
}

/* ---- responses ---- */

static enum err_class class_of(int status)
{
    switch (status) {
    case 401:
    case 403: return ERR_AUTH;
    case 404: return ERR_ABSENT;
    case 409: return ERR_EXISTS;
    default: return ERR_SERVICE;
    }
}

static int engine_refused(struct op_ctx *ctx, const struct http_response *response, struct err *err)
{
    const struct value *answer = NULL;
    struct str reason = str_trim(response->body);
    if (!json_parse(ctx->arena, response->body, &answer, NULL) && value_gets(answer, "message").n)
        reason = value_gets(answer, "message");
    err_set(err, class_of(response->status), "%.*s",
        STR_ARG(reason.n ? reason : STR("the Engine gives no reason")));
    err->http_status = response->status;
    return -1;
}

int engine_call(
    struct op_ctx *ctx, const struct engine_call *call, const struct value **answer, struct err *err)
{
    struct http_response response;
    struct str version;
    if (answer)
        *answer = NULL;
    struct engine *engine = engine_of(ctx);
    if (find_version(ctx, engine, &version, err) || send(ctx, engine, call, version, &response, err))
        return -1;
    if (response.status >= 400)
        return engine_refused(ctx, &response, err);
    if (call->raw)
        buf_add_str(call->raw, response.body);
    else if (answer && response.body.n && json_parse(ctx->arena, response.body, answer, err))
        return err_context(err, "%s %.*s", call->method, STR_ARG(call->path));
    return 0;
}

int engine_get(struct op_ctx *ctx, struct str path, const struct value **answer, struct err *err)
{
    struct err failure = ERR_INIT;
    struct engine_call call = {.method = "GET", .path = path, .repeatable = true};
    if (!engine_call(ctx, &call, answer, &failure) || failure.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &failure);
}

int engine_post(struct op_ctx *ctx, struct str path, const struct value *body, struct err *err)
{
    struct engine_call call = {.method = "POST", .path = path, .body = body};
    return engine_call(ctx, &call, NULL, err);
}

/* ---- the Engine's id ---- */

/* Does not report an unreachable Engine; the next call will. */
static struct str engine_id(struct engine *engine, struct arena *arena)
{
    struct op_ctx ctx = {.arena = arena, .cancel = engine->cancel};
    struct http_response response;
    struct str version;
    const struct value *answer;
    struct engine_call call = {.method = "GET", .path = STR("/info"), .repeatable = true, .label = "info"};
    pthread_mutex_lock(&engine->lock);
    struct str known = arena_str(arena, str_z(engine->id));
    pthread_mutex_unlock(&engine->lock);
    if (known.n || find_version(&ctx, engine, &version, ERR_IGNORED) ||
        send(&ctx, engine, &call, version, &response, ERR_IGNORED) || response.status != 200 ||
        json_parse(arena, response.body, &answer, NULL))
        return known;
    known = value_gets(answer, "ID");
    pthread_mutex_lock(&engine->lock);
    snprintf(engine->id, sizeof engine->id, "%.*s", STR_ARG(known));
    pthread_mutex_unlock(&engine->lock);
    return known;
}

int engine_location(void *self, const struct schema *schema UNUSED, bool ask UNUSED, struct arena *arena,
    const struct value **location, struct err *err UNUSED)
{
    struct engine *engine = self;
    struct str id = engine_id(engine, arena);
    struct value_entry entries[] = {
        {STR("host"), value_string(arena, engine->host)}, {STR("engine"), value_string(arena, id)}};
    *location = id.n ? value_map(arena, entries, 2) : NULL;
    return 0;
}

/* Compares ids only, since the same Engine may be reached at several addresses. */
const char *engine_location_difference(
    const struct schema *schema UNUSED, const struct value *then, const struct value *now)
{
    struct str a = value_gets(then, "engine"), b = value_gets(now, "engine");
    return a.n && b.n && !str_eq(a, b) ? "engine" : NULL;
}

const struct value *engine_location_settings(
    const struct value *location, const struct value *config, struct arena *arena)
{
    return value_with(arena, config, STR("host"), value_getz(location, "host"));
}

struct str engine_location_text(const struct value *location, struct arena *arena UNUSED)
{
    return value_gets(location, "host");
}
