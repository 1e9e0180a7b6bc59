/*
 * MWAA: an environment is an Airflow where the machine has one (airflow.c). Who connects to its web server,
 * or asks for a token or for its REST API, starts it; a change of the environment ends it, and the next one
 * who asks finds it as it is then.
 */
#include "sandbox/services/mwaa/mwaa.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/endpoints.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TOKEN_S = 60, REFUSED_MS = 1000, MAX_ANSWER = 16 * 1024 * 1024 };

static const struct str environment_type = STR_INIT("aws.mwaa.environment");

/* ---- its web server's listener ---- */

static void refuse_visit(int fd, const char *why)
{
    char answer[1024];
    int n = snprintf(answer, sizeof answer,
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n%.800s\n",
        why);
    send(fd, answer, (size_t)n, MSG_NOSIGNAL);
    /* What he still sends is read: otherwise the end would take the answer away from him. */
    struct pollfd more = {fd, POLLIN, 0};
    shutdown(fd, SHUT_WR);
    while (poll(&more, 1, REFUSED_MS) > 0 && recv(fd, answer, sizeof answer, 0) > 0)
        ;
}

static void mwaa_visit(
    struct services *services, const struct listener_of *of, const void *ctx UNUSED, int fd)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control_record record;
    struct daemon_self self;
    struct err err = ERR_INIT;
    if (!endpoint_record(services, &arena, of, &record))
        return;
    if (mwaa_want(services, &arena, &record, &self, &err)) {
        refuse_visit(fd, err.message);
        return;
    }
    AUTO_FD int server = listener_dial(self.ports[0]);
    if (server >= 0)
        listener_join(services_parts(services)->listeners, fd, server);
}

static const uint16_t web_port[] = {8080, 0};

const struct endpoint mwaa_endpoint = {.type = "aws.mwaa.environment",
    .ports = web_port,
    .visit = mwaa_visit,
    .daemons = mwaa_daemons,
    .rests_on_change = true};

/* ---- operations ---- */

static int find_environment(const struct service_call *call, struct control_record *out, struct err *err)
{
    struct str name;
    if (service_required(call, "Name", &name, err))
        return -1;
    return service_find(call, environment_type, name, out)
               ? 0
               : service_refuse(err, 404, "ResourceNotFoundException", "Environment %.*s could not be found.",
                     STR_ARG(name));
}

static int find_running(
    const struct service_call *call, struct control_record *out, struct daemon_self *self, struct err *err)
{
    struct err why = ERR_INIT;
    if (find_environment(call, out, err))
        return -1;
    return mwaa_want(call->services, call->arena, out, self, &why)
               ? service_refuse(err, 400, "ValidationException", "%s", why.message)
               : 0;
}

/* KIND.EXPIRES.SIGNATURE, as weir_mwaa_web.py reads it. */
static struct str token_of(
    const struct service_call *call, const struct control_record *record, const char *kind)
{
    unsigned char digest[SHA256_SIZE];
    struct str head =
        arena_printf(call->arena, "%s.%lld", kind, (long long)(clock_wall_ms() / 1000 + TOKEN_S));
    hash_hmac_sha256(mwaa_secret(call->services, call->arena, record), head, digest);
    return arena_printf(
        call->arena, "%.*s.%s", STR_ARG(head), hex_encode(call->arena, digest, sizeof digest).p);
}

static int give_token(struct service_call *call, const char *kind, const char *member, struct err *err)
{
    struct control_record record;
    struct daemon_self self;
    if (find_running(call, &record, &self, err))
        return -1;
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, member, token_of(call, &record, kind));
    view_set(&b, "WebServerHostname", value_getz(record.attrs, "webserver_url"));
    if (strcmp(kind, "web") == 0) {
        view_text(&b, "AirflowIdentity", STR("admin"));
        view_text(&b, "IamIdentity",
            call->caller ? session_arn(call->arena, services_account(call->services), call->caller)
                         : arena_printf(call->arena, "arn:aws:iam::%.*s:user/sandbox",
                               STR_ARG(services_account(call->services))));
    }
    call->output = value_builder_map(&b);
    return 0;
}

static int create_web_login_token(struct service_call *call, struct err *err)
{
    return give_token(call, "web", "WebToken", err);
}

static int create_cli_token(struct service_call *call, struct err *err)
{
    return give_token(call, "cli", "CliToken", err);
}

/* ---- its REST API: one request over a connection that ends with the answer ---- */

static void add_query(struct buf *out, const struct value *parameters)
{
    bool first = true;
    for (uint32_t i = 0; parameters && parameters->kind == VALUE_MAP && i < parameters->count; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        buf_add_char(out, first ? '?' : '&');
        first = false;
        url_encode(out, parameters->entries[i].key, false);
        buf_add_char(out, '=');
        url_encode(out, value_scalar_text(&arena, parameters->entries[i].value), false);
    }
}

static void write_request(
    const struct service_call *call, const struct control_record *record, struct buf *out)
{
    AUTO_BUF struct buf body = BUF_INIT;
    struct str login =
        arena_printf(call->arena, "admin:%s", mwaa_secret(call->services, call->arena, record).p);
    if (value_getz(call->input, "Body"))
        json_write(&body, value_getz(call->input, "Body"), JSON_PLAIN);
    buf_addf(out, "%.*s /api/v1%.*s", STR_ARG(value_gets(call->input, "Method")),
        STR_ARG(value_gets(call->input, "Path")));
    add_query(out, value_getz(call->input, "QueryParameters"));
    buf_addf(out,
        " HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Basic %s\r\nContent-Type: "
        "application/json\r\nContent-Length: "
        "%zu\r\n\r\n%.*s",
        base64_encode(call->arena, login).p, buf_str(&body).n, STR_ARG(buf_str(&body)));
}

static int mwaa_exchange(uint16_t port, struct str request, struct buf *answer, struct err *err)
{
    char block[16 * 1024];
    ssize_t n;
    AUTO_FD int fd = listener_dial(port);
    if (fd < 0 || fd_write_all(fd, request.p, request.n, err, "Airflow"))
        return -1;
    while ((n = recv(fd, block, sizeof block, 0)) > 0)
        buf_add(answer, block, (size_t)n);
    return answer->overflow ? -1 : 0;
}

static bool is_path(struct str path)
{
    for (size_t i = 0; i < path.n; i++)
        if ((unsigned char)path.p[i] <= ' ' || path.p[i] == 0x7f)
            return false;
    return path.n && path.p[0] == '/';
}

static int invoke_rest_api(struct service_call *call, struct err *err)
{
    AUTO_BUF struct buf request = BUF_INIT;
    AUTO_BUF struct buf answer = {.max = MAX_ANSWER};
    struct control_record record;
    struct daemon_self self;
    struct str method, path, head, body;
    if (service_required(call, "Method", &method, err) || service_required(call, "Path", &path, err))
        return -1;
    if (!str_is_any(method, "GET PUT POST PATCH DELETE") || !is_path(path))
        return service_refuse(err, 400, "ValidationException", "Method or Path is invalid");
    if (find_running(call, &record, &self, err))
        return -1;
    write_request(call, &record, &request);
    if (mwaa_exchange(self.ports[0], buf_str(&request), &answer, ERR_IGNORED))
        return service_refuse(err, 500, "InternalServerException", "Airflow does not answer");
    ptrdiff_t end = str_find(buf_str(&answer), STR("\r\n\r\n"), 0);
    head = str_slice(buf_str(&answer), 0, end < 0 ? 0 : (size_t)end);
    body = end < 0 ? STR_EMPTY
                   : arena_str(call->arena, str_slice(buf_str(&answer), (size_t)end + 4, buf_str(&answer).n));
    int64_t status = 0;
    str_to_int(str_slice(head, 9, 12), &status);
    const struct value *parsed = NULL;
    if (body.n && json_parse(call->arena, body, &parsed, ERR_IGNORED))
        parsed = value_string(call->arena, body);
    if (status < 200 || status >= 300)
        return service_refuse(err, 400, status >= 500 ? "RestApiServerException" : "RestApiClientException",
            "%lld: %.*s", (long long)status, STR_ARG(body));
    service_answer(call, "RestApiStatusCode", value_int(call->arena, status));
    service_answer(call, "RestApiResponse", parsed);
    return 0;
}

const struct service_operation mwaa_operations[] = {
    {"airflow", "CreateWebLoginToken", create_web_login_token, "POST /webtoken/{Name}", NULL},
    {"airflow", "CreateCliToken", create_cli_token, "POST /clitoken/{Name}", NULL},
    {"airflow", "InvokeRestApi", invoke_rest_api, "POST /restapi/{Name}", NULL},
    {0},
};
