/*
 * The Lambda Runtime API of one instance: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 *
 * Requests are not signed. Only processes of this user are accepted, and no requests that a web page may have
 * caused.
 */
#include "sandbox/services/lambda/lambda.h"

#include "base/mem.h"
#include "base/system.h"
#include "sandbox/http/server.h"

#include <netinet/in.h>
#include <stdlib.h>

enum { MAX_ANSWER = 6291556 }; /* Lambda's limit in bytes */

struct runtime {
    struct lambda_instance *instance;
    struct small_server *server;
    uint16_t port;
};

#define BASE "/2018-06-01/runtime/"
static const struct str accepted = STR_INIT("{\"status\":\"OK\"}");

static void reply(struct wire_message *out, int status, struct str body)
{
    out->status = status;
    out->body = body;
}

static void add_header(struct arena *arena, struct wire_message *out, const char *name, struct str value)
{
    if (value.n)
        wire_header_add(arena, out, str_z(name), value);
}

/* GET invocation/next */
static void lambda_runtime_next(struct runtime *r, struct small_request *request, struct wire_message *out)
{
    struct lambda_invocation got;
    struct arena *arena = &request->arena;
    if (!instance_next(r->instance, arena, &got)) {
        reply(out, 500,
            STR("{\"errorType\":\"Sandbox.Ending\",\"errorMessage\":\"the sandbox ends this instance\"}"));
        return;
    }
    reply(out, 200, got.event);
    add_header(arena, out, "Lambda-Runtime-Aws-Request-Id", arena_str(arena, str_z(got.id)));
    add_header(arena, out, "Lambda-Runtime-Deadline-Ms",
        arena_printf(arena, "%lld", (long long)got.deadline_wall_ms));
    add_header(arena, out, "Lambda-Runtime-Invoked-Function-Arn", got.arn);
    add_header(arena, out, "Lambda-Runtime-Client-Context", got.client_context);
    add_header(arena, out, "Lambda-Runtime-Trace-Id", got.trace);
}

/* invocation/ID/response, invocation/ID/error */
static void take_answer(struct runtime *r, struct small_request *request, struct str rest, struct str type,
    struct wire_message *out)
{
    struct str verb, id = str_cut(rest, '/', &verb);
    bool failed = str_eqz(verb, "error");
    if (!failed && !str_eqz(verb, "response"))
        return;
    if (request->body.overflow) {
        instance_answer(r->instance, id,
            STR("{\"errorType\":\"Function.ResponseSizeTooLarge\",\"errorMessage\":\"Response payload size "
                "exceeded maximum allowed payload size (6291556 bytes).\"}"),
            true, STR("Function.ResponseSizeTooLarge"));
        reply(out, 413, STR("{\"errorType\":\"RequestEntityTooLarge\"}"));
    } else if (instance_answer(r->instance, id, buf_str(&request->body), failed, type)) {
        reply(out, 202, accepted);
    } else {
        reply(out, 400, STR("{\"errorType\":\"InvalidRequestID\"}"));
    }
}

static void lambda_runtime_handle(void *ctx, struct small_request *request, struct wire_message *out)
{
    static const struct guard guard = {0};
    struct runtime *r = ctx;
    struct str path = request->head.path;
    reply(out, 404, STR("{\"errorType\":\"NotFound\"}"));
    wire_header_add(&request->arena, out, STR("Content-Type"), STR("application/json"));
    struct str type = wire_header_get(&request->head, STR("Lambda-Runtime-Function-Error-Type"));
    bool post = str_eqz(request->head.method, "POST");
    if (guard_check(&guard, &request->head)) {
        reply(out, 403, STR("{\"errorType\":\"Forbidden\"}"));
    } else if (str_eqz(path, BASE "invocation/next") && str_eqz(request->head.method, "GET")) {
        lambda_runtime_next(r, request, out);
    } else if (post && str_eqz(path, BASE "init/error")) {
        instance_init_failed(r->instance, buf_str(&request->body), type);
        reply(out, 202, accepted);
    } else if (post && str_starts(path, STR(BASE "invocation/"))) {
        take_answer(r, request, str_slice(path, strlen(BASE "invocation/"), path.n), type, out);
    }
}

static bool is_own(void *ctx, const struct sockaddr *peer)
{
    const struct runtime *r = ctx;
    return peer->sa_family == AF_INET &&
           system_peer_is_own((const struct sockaddr_in *)(const void *)peer, r->port);
}

int runtime_start(struct lambda_instance *instance, struct runtime **out, uint16_t *port, struct err *err)
{
    int fd = small_socket(port, err);
    if (fd < 0)
        return -1;
    struct runtime *r = mem_zalloc(sizeof *r);
    r->instance = instance;
    r->port = *port;
    const struct small_options options = {.what = "a function's runtime",
        .fd = fd,
        .max_body = MAX_ANSWER,
        .answer = lambda_runtime_handle,
        .accepts = is_own,
        .ctx = r};
    if (small_server_start(&options, &r->server, err)) {
        free(r);
        return -1;
    }
    *out = r;
    return 0;
}

void runtime_stop(struct runtime *r)
{
    if (!r)
        return;
    small_server_stop(r->server);
    free(r);
}
