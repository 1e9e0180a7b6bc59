/* The HTTP server of the sandbox: see server.h. */
#include "sandbox/http/server.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/library.h"
#include "base/mem.h"
#include "base/system.h"
#include "provider/http/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- libmicrohttpd, loaded when the first sandbox starts: linking it would cost each command 1.4 ms and 3
 * MB (it depends on GnuTLS). See base/library.h. ---- */

#define MHD_FUNCTIONS(X)                                                                                     \
    X(start_daemon)                                                                                          \
    X(stop_daemon)                                                                                           \
    X(quiesce_daemon)                                                                                        \
    X(get_connection_info)                                                                                   \
    X(get_connection_values)                                                                                 \
    X(create_response_from_buffer)                                                                           \
    X(create_response_from_fd_at_offset64)                                                                   \
    X(create_response_from_callback)                                                                         \
    X(add_response_header)                                                                                   \
    X(queue_response)                                                                                        \
    X(destroy_response)

struct mhd_api {
#define MHD_POINTER(name) __typeof__(MHD_##name) *name;
    MHD_FUNCTIONS(MHD_POINTER)
#undef MHD_POINTER
};

/* Returns NULL with ERR_FAILED if the library is not installed. */
static const struct mhd_api *mhd_api(struct err *err)
{
#define MHD_NAME(name)   "MHD_" #name "\0"
#define MHD_LINKED(name) MHD_##name,
    static struct mhd_api api = LIBRARY_LINKED(MHD_FUNCTIONS(MHD_LINKED));
    static struct library library = {
        .file = "libmicrohttpd.so.12",
        .install = "libmicrohttpd 0.9.71 or later (Debian and Ubuntu: apt install libmicrohttpd12)",
        .table = &api,
        .names = MHD_FUNCTIONS(MHD_NAME),
    };
    return library_table(&library, err);
}

enum {
    MAX_CONNECTIONS = 4096, /* a workshop: a hundred users with 32 connections each */
    CONNECTION_FILES = 4,   /* descriptors per connection: its socket, and files that a request opens */
    LEAVING = 64,           /* allowance for connections that are shut down but not yet closed */
    IDLE_TIMEOUT_S = 120,
    GRACE_MS = 5000,
    THREAD_STACK = 512 * 1024,
    CONNECTION_MEMORY = 128 * 1024, /* buffer for a request head, then for pieces of the body */
    MAX_BODY = 16 * 1024 * 1024,    /* of services that collect the body */
    MAX_CODE = 70167211,            /* of requests that upload code */
    READ_BLOCK = 256 * 1024,
    THREADED = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC,
};

struct server {
    struct server_options options;
    const struct mhd_api *mhd;
    struct MHD_Daemon *daemon;
    struct http_connections *connections;
    atomic_int active;
};

/* An exchange with the server's own state. */
struct served {
    struct exchange x;
    struct http_connection *connection;
    bool started, unsure; /* unsure: the end of the request is ambiguous */
};

/* ---- responses ---- */

void reply_header(struct exchange *x, const char *name, struct str value)
{
    wire_header_add(&x->arena, &x->reply, str_z(name), value);
}

void reply_status(struct exchange *x, int status)
{
    x->reply.status = status;
    x->answered = true;
}

void reply_text(struct exchange *x, int status, const char *content_type, struct str body)
{
    reply_header(x, "Content-Type", str_z(content_type));
    x->reply.body = arena_str(&x->arena, body);
    reply_status(x, status);
}

static struct MHD_Response *make_response(const struct mhd_api *mhd, struct exchange *x)
{
    struct MHD_Response *response;
    if (x->reader) {
        response = mhd->create_response_from_callback(
            (uint64_t)x->reply_length, READ_BLOCK, x->reader, x->reader_ctx, x->reader_free);
        if (response)
            x->reader_ctx = NULL;
    } else if (x->reply_fd >= 0) {
        response = mhd->create_response_from_fd_at_offset64(
            (uint64_t)x->reply_length, x->reply_fd, (uint64_t)x->reply_offset);
        if (response)
            x->reply_fd = -1;
    } else {
        response = mhd->create_response_from_buffer(
            x->reply.body.n, (void *)(uintptr_t)x->reply.body.p, MHD_RESPMEM_MUST_COPY);
    }
    return response;
}

static bool expects_continue(const struct exchange *x)
{
    return str_ieq(wire_header_get(&x->request, STR("Expect")), STR("100-continue"));
}

/* Sends the status, headers and body (`response`; NULL: there is no memory) of an answer. */
static enum MHD_Result queue_reply(const struct mhd_api *mhd, struct MHD_Connection *connection,
    struct arena *arena, const struct wire_message *answer, struct MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < answer->header_count; i++)
        mhd->add_response_header(response, arena_strz(arena, answer->headers[i].name),
            arena_strz(arena, answer->headers[i].value));
    enum MHD_Result queued = mhd->queue_response(connection, (unsigned)answer->status, response);
    mhd->destroy_response(response);
    return queued;
}

static enum MHD_Result send_reply(
    struct server *server, struct MHD_Connection *connection, struct served *served)
{
    struct exchange *x = &served->x;
    /* A client that expects "100 Continue" without a body gets the response instead since libmicrohttpd 1.0.
     * botocore would then take its status for the next response's on this connection, so it is closed. */
    if (served->unsure || (x->content_length == 0 && expects_continue(x)))
        reply_header(x, "Connection", STR("close"));
    return queue_reply(server->mhd, connection, &x->arena, &x->reply, make_response(server->mhd, x));
}

/* ---- requests ---- */

static enum MHD_Result take_header(
    void *ctx, enum MHD_ValueKind kind UNUSED, const char *name, const char *value)
{
    struct exchange *x = ctx;
    wire_header_add(&x->arena, &x->request, arena_str(&x->arena, str_z(name)),
        arena_str(&x->arena, str_trim(str_z(value))));
    return MHD_YES;
}

/* The first callback of a request: keeps path and query as sent, since signatures cover them. */
static void *take_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    struct server *server = ctx;
    struct served *served = mem_zalloc(sizeof *served);
    struct exchange *x = &served->x;
    served->connection =
        server->mhd->get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    http_connection_request(server->connections, served->connection);
    x->sandbox = server->options.sandbox;
    x->reply_fd = -1;
    x->body.max = MAX_BODY;
    x->request.path = str_cut(arena_str(&x->arena, str_z(uri)), '?', &x->request.query);
    if (!x->request.query.p)
        x->request.query = STR_EMPTY;
    x->request.body = STR_EMPTY;
    atomic_fetch_add(&server->active, 1);
    return served;
}

/* Prevents libmicrohttpd from decoding: "%2F" in a key differs from "/". */
static size_t keep_escapes(void *ctx UNUSED, struct MHD_Connection *connection UNUSED, char *text)
{
    return strlen(text);
}

static bool is_for_s3(const struct exchange *x)
{
    return !x->auth.service.n || str_eqz(x->auth.service, "s3");
}

/* True for the certificate that verifies SNS messages; a bucket cannot have this name. */
static bool is_public(const struct exchange *x)
{
    return str_starts(x->request.path, STR("/SimpleNotificationService-"));
}

static bool is_for_console(const struct exchange *x)
{
    return str_eqz(x->request.path, "/_weir/") || str_starts(x->request.path, STR("/_weir/console/"));
}

static void server_begin(const struct server_options *server, struct served *served, const char *method)
{
    struct exchange *x = &served->x;
    unsigned char id[8];
    hash_random(id, sizeof id);
    struct str hex = hex_encode(&x->arena, id, sizeof id);
    memcpy(x->request_id, hex.p, sizeof x->request_id);
    x->request.method = arena_str(&x->arena, str_z(method));
    struct str length = wire_header_get(&x->request, STR("Content-Length"));
    if (!str_to_int(length, &x->content_length))
        x->content_length = -1;
    auth_parse(x);
    x->responder = str_eqz(x->request.path, "/_weir/faults") ? &faults_responder
                   : is_for_console(x)                       ? server->console
                   : is_for_s3(x) && !is_public(x)           ? server->s3
                                                             : server->services;
    const struct fault *fault = guard_framing(&x->request);
    served->unsure = fault;
    if (!fault)
        fault = guard_check(sandbox_guard(x->sandbox), &x->request);
    if (fault)
        x->responder->refuse(x, fault->status, fault->code, fault->message);
    else if (str_eqz(x->request.path, "/_weir/health"))
        reply_text(x, 200, "application/json", STR("{\"status\":\"ok\",\"version\":\"" WEIR_VERSION "\"}\n"));
    else
        x->responder->begin(x);
}

/* Returns the Lambda operation that uploads code, whose body may be larger, or NULL. */
static const char *operation_with_code(struct str path)
{
    return str_eqz(path, "/2015-03-31/functions") || str_eqz(path, "/2015-03-31/functions/")
               ? "CreateFunction"
           : str_starts(path, STR("/2015-03-31/functions/")) && str_ends(path, STR("/code"))
               ? "UpdateFunctionCode"
           : str_starts(path, STR("/2018-10-31/layers/")) && str_ends(path, STR("/versions"))
               ? "PublishLayerVersion"
               : NULL;
}

static void refuse_size(struct exchange *x)
{
    const char *operation = operation_with_code(x->request.path);
    if (operation)
        x->responder->refuse(x, 413, "RequestEntityTooLargeException",
            arena_printf(
                &x->arena, "Request must be smaller than %d bytes for the %s operation", MAX_CODE, operation)
                .p);
    else
        x->responder->refuse(
            x, 413, "RequestEntityTooLarge", "The request is larger than this service takes.");
}

static void take_data(struct exchange *x, const char *bytes, size_t n)
{
    if (x->answered)
        return;
    if (x->responder->data) {
        x->responder->data(x, bytes, n);
        return;
    }
    if (!x->body.n && operation_with_code(x->request.path))
        x->body.max = MAX_CODE;
    buf_add(&x->body, bytes, n);
    if (x->body.overflow)
        refuse_size(x);
}

/* Returns false if the connection must be closed (an injected fault). */
static bool server_end(struct exchange *x)
{
    struct fault_strike strike = {0};
    if (x->answered)
        return true;
    x->request.body = buf_str(&x->body);
    if (x->responder->speaks != SPEAKS_PLAIN && !faults_before(sandbox_faults(x->sandbox), x, &strike))
        return false;
    if (!x->answered)
        x->responder->end(x);
    if (!x->answered)
        x->responder->refuse(x, 500, "InternalError", "We encountered an internal error. Please try again.");
    return faults_after(x, &strike);
}

static enum MHD_Result server_handle(void *ctx, struct MHD_Connection *connection, const char *url UNUSED,
    const char *method, const char *version UNUSED, const char *bytes, size_t *n, void **request)
{
    struct server *server = ctx;
    struct served *served = *request;
    struct exchange *x = &served->x;
    if (!served->started) {
        served->started = true;
        server->mhd->get_connection_values(connection, MHD_HEADER_KIND, take_header, x);
        server_begin(&server->options, served, method);
        http_connection_received(server->connections, served->connection, 0);
        /* A client that expects "100 Continue" is answered at once and saves its body. Other bodies are read
         * to the end: closing the connection early would look like a network error. */
        bool early = served->unsure || (x->answered && expects_continue(x));
        return early ? send_reply(server, connection, served) : MHD_YES;
    }
    if (*n) {
        http_connection_received(server->connections, served->connection, *n);
        take_data(x, bytes, *n);
        *n = 0;
        return MHD_YES;
    }
    http_connection_responding(server->connections, served->connection);
    return server_end(x) ? send_reply(server, connection, served) : MHD_NO;
}

static void server_completed(void *ctx, struct MHD_Connection *connection UNUSED, void **request,
    enum MHD_RequestTerminationCode why UNUSED)
{
    struct server *server = ctx;
    struct served *served = *request;
    if (!served)
        return;
    struct exchange *x = &served->x;
    http_connection_idle(server->connections, served->connection);
    if (x->responder && x->responder->release)
        x->responder->release(x);
    if (x->reader_ctx && x->reader_free)
        x->reader_free(x->reader_ctx);
    fd_close_ptr(&x->reply_fd);
    buf_release(&x->body);
    arena_release(&x->arena);
    free(served);
    *request = NULL;
    atomic_fetch_sub(&server->active, 1);
}

static void server_connected(
    void *ctx, struct MHD_Connection *connection, void **opened, enum MHD_ConnectionNotificationCode what)
{
    struct server *server = ctx;
    const struct mhd_api *mhd = server->mhd;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *opened = http_connection_opened(server->connections,
            mhd->get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
            mhd->get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    else
        http_connection_closed(server->connections, *opened);
}

/* ---- start and stop ---- */

static int make_address(
    const char *bind_to, uint16_t port, struct sockaddr_storage *out, socklen_t *n, struct err *err)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    *out = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, bind_to, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *n = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, bind_to, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *n = sizeof *v6;
        return 0;
    }
    err_set(err, ERR_USAGE, "\"%s\" is not a numeric address", bind_to);
    return err_hint(err, "such as 127.0.0.1, 0.0.0.0 or ::1");
}

bool server_reaches_out(const char *bind_to)
{
    struct http_target target;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (!bind_to)
        return false;
    struct str url = strchr(bind_to, ':') ? arena_printf(&scratch, "http://[%s]/", bind_to)
                                          : arena_printf(&scratch, "http://%s/", bind_to);
    return http_target_parse(url, &target, ERR_IGNORED) || !target.loopback;
}

static int open_socket(const struct server_options *options, uint16_t *port, struct err *err)
{
    struct sockaddr_storage address;
    socklen_t n;
    const char *bind_to = options->bind ? options->bind : "127.0.0.1";
    if (make_address(bind_to, options->port, &address, &n, err))
        return -1;
    AUTO_FD int fd = system_socket(address.ss_family, 0);
    int on = 1;
    if (fd < 0)
        return err_errno(err, ERR_IO, "cannot make a socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, n) || listen(fd, SOMAXCONN)) {
        err_errno(err, ERR_IO, "cannot listen on %s port %u", bind_to, options->port);
        if (errno == EADDRINUSE)
            err_hint(err, "another server has this port; choose one with --port");
        return -1;
    }
    getsockname(fd, (struct sockaddr *)&address, &n);
    *port = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                               : ((struct sockaddr_in6 *)&address)->sin6_port);
    int listening = fd;
    fd = -1;
    return listening;
}

/* Returns the connection limit that the file descriptor limit allows, which is raised as far as possible. */
static unsigned connection_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files))
        return MAX_CONNECTIONS / 16;
    rlim_t wanted = (rlim_t)MAX_CONNECTIONS * CONNECTION_FILES;
    if (files.rlim_cur < wanted) {
        files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    return files.rlim_cur < wanted ? (unsigned)(files.rlim_cur / CONNECTION_FILES) : MAX_CONNECTIONS;
}

int server_start(const struct server_options *options, struct server **out, uint16_t *port, struct err *err)
{
    const struct mhd_api *mhd = mhd_api(err);
    if (!mhd)
        return -1;
    int fd = open_socket(options, port, err);
    if (fd < 0)
        return -1;
    struct server *server = mem_zalloc(sizeof *server);
    const struct http_connections_options limits = {
        .max = connection_limit(), .patience_ms = options->patience_ms};
    server->options = *options;
    server->mhd = mhd;
    if (http_connections_new(&limits, &server->connections, err)) {
        close(fd);
        free(server);
        return -1;
    }
    server->daemon =
        mhd->start_daemon(THREADED, 0, NULL, NULL, server_handle, server, MHD_OPTION_LISTEN_SOCKET, fd,
            MHD_OPTION_URI_LOG_CALLBACK, take_uri, server, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
            MHD_OPTION_NOTIFY_COMPLETED, server_completed, server, MHD_OPTION_CONNECTION_LIMIT,
            (unsigned)limits.max + LEAVING, MHD_OPTION_NOTIFY_CONNECTION, server_connected, server,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (size_t)CONNECTION_MEMORY, MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK, MHD_OPTION_END);
    if (!server->daemon) {
        http_connections_free(server->connections);
        close(fd);
        free(server);
        return err_set(err, ERR_FAILED, "cannot start the HTTP server");
    }
    *out = server;
    return 0;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    int fd = server->mhd->quiesce_daemon(server->daemon);
    if (fd >= 0)
        close(fd);
    for (int waited = 0; atomic_load(&server->active) && waited < GRACE_MS; waited += 5)
        clock_sleep_ms(5);
    server->mhd->stop_daemon(server->daemon);
    http_connections_free(server->connections);
    free(server);
}

/* ---- small servers ---- */

enum { SMALL_CONNECTIONS = 64 };

struct small_server {
    struct small_options options;
    const struct mhd_api *mhd;
    struct MHD_Daemon *daemon;
};

static enum MHD_Result small_accept(void *ctx, const struct sockaddr *peer, socklen_t n UNUSED)
{
    const struct small_options *options = &((const struct small_server *)ctx)->options;
    return !options->accepts || options->accepts(options->ctx, peer) ? MHD_YES : MHD_NO;
}

static enum MHD_Result small_header(
    void *ctx, enum MHD_ValueKind kind UNUSED, const char *name, const char *value)
{
    struct small_request *request = ctx;
    wire_header_add(&request->arena, &request->head, arena_str(&request->arena, str_z(name)),
        arena_str(&request->arena, str_z(value)));
    return MHD_YES;
}

static enum MHD_Result small_handle(void *ctx, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version UNUSED, const char *bytes, size_t *n, void **state)
{
    struct small_server *server = ctx;
    struct small_request *request = *state;
    struct wire_message answer = {.status = 404, .body = STR_EMPTY};
    if (!request) {
        *state = request = mem_zalloc(sizeof *request);
        request->body.max = server->options.max_body;
        request->head.method = arena_str(&request->arena, str_z(method));
        request->head.path = arena_str(&request->arena, str_z(url));
        server->mhd->get_connection_values(connection, MHD_HEADER_KIND, small_header, request);
        return MHD_YES;
    }
    if (*n) {
        buf_add(&request->body, bytes, *n);
        *n = 0;
        return MHD_YES;
    }
    server->options.answer(server->options.ctx, request, &answer);
    return queue_reply(server->mhd, connection, &request->arena, &answer,
        server->mhd->create_response_from_buffer(
            answer.body.n, (void *)(uintptr_t)answer.body.p, MHD_RESPMEM_MUST_COPY));
}

static void small_completed(void *ctx UNUSED, struct MHD_Connection *connection UNUSED, void **state,
    enum MHD_RequestTerminationCode why UNUSED)
{
    struct small_request *request = *state;
    if (!request)
        return;
    buf_release(&request->body);
    arena_release(&request->arena);
    free(request);
    *state = NULL;
}

int small_socket(uint16_t *port, struct err *err)
{
    return open_socket(&(struct server_options){.bind = NULL}, port, err);
}

int small_server_start(const struct small_options *options, struct small_server **out, struct err *err)
{
    struct small_server *server = mem_zalloc(sizeof *server);
    server->options = *options;
    server->mhd = mhd_api(err);
    if (server->mhd)
        server->daemon = server->mhd->start_daemon(THREADED, 0, small_accept, server, small_handle, server,
            MHD_OPTION_LISTEN_SOCKET, options->fd, MHD_OPTION_NOTIFY_COMPLETED, small_completed, server,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)SMALL_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
            options->idle_s, MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK, MHD_OPTION_END);
    if (server->daemon) {
        *out = server;
        return 0;
    }
    if (server->mhd)
        err_set(err, ERR_FAILED, "cannot serve %s", options->what);
    close(options->fd);
    free(server);
    return -1;
}

void small_server_stop(struct small_server *server)
{
    if (!server)
        return;
    server->mhd->stop_daemon(server->daemon); /* also closes the socket */
    free(server);
}
