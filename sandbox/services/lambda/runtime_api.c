/*
 * The Lambda Runtime API of one instance: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 *
 * Requests are not signed. Only processes of this user are accepted, and no requests that a web page may have
 * caused.
 */
#include "sandbox/services/lambda/lambda.h"

#include "base/mem.h"
#include "sandbox/http/mhd_api.h"
#include "sandbox/http/server.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MAX_ANSWER = 6291556, /* Lambda's limit in bytes */
    THREAD_STACK = 512 * 1024,
    CONNECTIONS = 8,
    BACKLOG = 8,
};

struct runtime {
    struct lambda_instance *instance;
    const struct mhd_api *mhd;
    struct MHD_Daemon *daemon;
    uint16_t port;
};

struct exchange_state {
    struct arena arena;
    struct wire_message head; /* the request's headers */
    struct buf body;
};

#define BASE "/2018-06-01/runtime/"

/* ---- responses ---- */

static void add_header(const struct mhd_api *mhd, struct MHD_Response *response, struct arena *arena,
    const char *name, struct str value)
{
    if (value.n)
        mhd->add_response_header(response, name, arena_strz(arena, value));
}

static struct MHD_Response *make_response(struct runtime *r, struct str body)
{
    struct MHD_Response *response =
        r->mhd->create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);
    if (response)
        r->mhd->add_response_header(response, "Content-Type", "application/json");
    return response;
}

static enum MHD_Result queue(
    struct runtime *r, struct MHD_Connection *connection, int status, struct MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    enum MHD_Result queued = r->mhd->queue_response(connection, (unsigned)status, response);
    r->mhd->destroy_response(response);
    return queued;
}

static enum MHD_Result reply(
    struct runtime *r, struct MHD_Connection *connection, int status, struct str body)
{
    return queue(r, connection, status, make_response(r, body));
}

/* GET invocation/next */
static enum MHD_Result lambda_runtime_next(
    struct runtime *r, struct MHD_Connection *connection, struct exchange_state *state)
{
    struct lambda_invocation got;
    struct arena *arena = &state->arena;
    if (!instance_next(r->instance, arena, &got))
        return reply(r, connection, 500,
            STR("{\"errorType\":\"Sandbox.Ending\",\"errorMessage\":\"the sandbox ends this instance\"}"));
    struct MHD_Response *response = make_response(r, got.event);
    if (!response)
        return MHD_NO;
    add_header(r->mhd, response, arena, "Lambda-Runtime-Aws-Request-Id", str_z(got.id));
    add_header(r->mhd, response, arena, "Lambda-Runtime-Deadline-Ms",
        arena_printf(arena, "%lld", (long long)got.deadline_wall_ms));
    add_header(r->mhd, response, arena, "Lambda-Runtime-Invoked-Function-Arn", got.arn);
    add_header(r->mhd, response, arena, "Lambda-Runtime-Client-Context", got.client_context);
    add_header(r->mhd, response, arena, "Lambda-Runtime-Trace-Id", got.trace);
    return queue(r, connection, 200, response);
}

static enum MHD_Result take_error_type(
    void *ctx, enum MHD_ValueKind kind UNUSED, const char *name, const char *value)
{
    if (value && str_ieq(str_z(name), STR("Lambda-Runtime-Function-Error-Type")))
        *(struct str *)ctx = str_z(value);
    return MHD_YES;
}

/* invocation/ID/response, invocation/ID/error, init/error */
static enum MHD_Result lambda_runtime_answer(
    struct runtime *r, struct MHD_Connection *connection, struct exchange_state *state, struct str path)
{
    static const struct str accepted = STR_INIT("{\"status\":\"OK\"}");
    struct str body = buf_str(&state->body), error_type = STR_EMPTY, verb;
    r->mhd->get_connection_values(connection, MHD_HEADER_KIND, take_error_type, &error_type);
    if (str_eqz(path, "init/error")) {
        instance_init_failed(r->instance, body, error_type);
        return reply(r, connection, 202, accepted);
    }
    if (!str_starts(path, STR("invocation/")))
        return reply(r, connection, 404, STR("{\"errorType\":\"NotFound\"}"));
    struct str id = str_cut(str_slice(path, strlen("invocation/"), path.n), '/', &verb);
    bool failed = str_eqz(verb, "error");
    if (!failed && !str_eqz(verb, "response"))
        return reply(r, connection, 404, STR("{\"errorType\":\"NotFound\"}"));
    if (state->body.overflow) {
        instance_answer(r->instance, id,
            STR("{\"errorType\":\"Function.ResponseSizeTooLarge\",\"errorMessage\":\"Response payload size "
                "exceeded maximum allowed payload size (6291556 bytes).\"}"),
            true, STR("Function.ResponseSizeTooLarge"));
        return reply(r, connection, 413, STR("{\"errorType\":\"RequestEntityTooLarge\"}"));
    }
    return instance_answer(r->instance, id, body, failed, error_type)
               ? reply(r, connection, 202, accepted)
               : reply(r, connection, 400, STR("{\"errorType\":\"InvalidRequestID\"}"));
}

/* ---- callbacks of libmicrohttpd ---- */

static enum MHD_Result take_header(
    void *ctx, enum MHD_ValueKind kind UNUSED, const char *name, const char *value)
{
    struct exchange_state *state = ctx;
    wire_header_add(&state->arena, &state->head, arena_str(&state->arena, str_z(name)),
        arena_str(&state->arena, str_z(value)));
    return MHD_YES;
}

static bool is_let_in(struct runtime *r, struct MHD_Connection *connection, struct exchange_state *state)
{
    static const struct guard guard = {0};
    r->mhd->get_connection_values(connection, MHD_HEADER_KIND, take_header, state);
    return !guard_check(&guard, &state->head);
}

static enum MHD_Result accept_peer(void *ctx, const struct sockaddr *peer, socklen_t n UNUSED)
{
    const struct runtime *r = ctx;
    return peer->sa_family == AF_INET &&
                   system_peer_is_own((const struct sockaddr_in *)(const void *)peer, r->port)
               ? MHD_YES
               : MHD_NO;
}

static enum MHD_Result lambda_runtime_handle(void *ctx, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version UNUSED, const char *bytes, size_t *n, void **request)
{
    struct runtime *r = ctx;
    struct exchange_state *state = *request;
    if (!state) {
        *request = state = mem_zalloc(sizeof *state);
        state->body.max = MAX_ANSWER;
        return MHD_YES;
    }
    if (*n) {
        buf_add(&state->body, bytes, *n);
        *n = 0;
        return MHD_YES;
    }
    struct str path = str_z(url);
    if (!is_let_in(r, connection, state))
        return reply(r, connection, 403, STR("{\"errorType\":\"Forbidden\"}"));
    if (!str_starts(path, STR(BASE)))
        return reply(r, connection, 404, STR("{\"errorType\":\"NotFound\"}"));
    path = str_slice(path, strlen(BASE), path.n);
    if (str_eqz(path, "invocation/next") && str_eqz(str_z(method), "GET"))
        return lambda_runtime_next(r, connection, state);
    return str_eqz(str_z(method), "POST") ? lambda_runtime_answer(r, connection, state, path)
                                          : reply(r, connection, 404, STR("{\"errorType\":\"NotFound\"}"));
}

static void lambda_runtime_completed(void *ctx UNUSED, struct MHD_Connection *connection UNUSED,
    void **request, enum MHD_RequestTerminationCode why UNUSED)
{
    struct exchange_state *state = *request;
    if (!state)
        return;
    buf_release(&state->body);
    arena_release(&state->arena);
    free(state);
    *request = NULL;
}

static int open_socket(uint16_t *port, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd = system_socket(AF_INET, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, n) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&address, &n)) {
        err_errno(err, ERR_IO, "cannot listen for a function's runtime");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int runtime_start(struct lambda_instance *instance, struct runtime **out, uint16_t *port, struct err *err)
{
    const struct mhd_api *mhd = mhd_api(err);
    int fd = mhd ? open_socket(port, err) : -1;
    if (fd < 0)
        return -1;
    struct runtime *r = mem_zalloc(sizeof *r);
    r->instance = instance;
    r->mhd = mhd;
    r->port = *port;
    r->daemon = mhd->start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC, 0,
        accept_peer, r, lambda_runtime_handle, r, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
        lambda_runtime_completed, r, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK, MHD_OPTION_END);
    if (!r->daemon) {
        close(fd);
        free(r);
        return err_set(err, ERR_FAILED, "cannot serve a function's runtime");
    }
    *out = r;
    return 0;
}

void runtime_stop(struct runtime *r)
{
    if (!r)
        return;
    r->mhd->stop_daemon(r->daemon); /* also closes the socket */
    free(r);
}
