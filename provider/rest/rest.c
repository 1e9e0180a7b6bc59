/* The client of one REST service: API selection, login, requests and their headers, retries. */
#include "provider/rest/rest.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/mem.h"
#include "provider/http/redact.h"
#include "provider/http/target.h"
#include "provider/ssh/connections.h"

#include <stdlib.h>

/* ---- templates with settings ---- */

static const struct value *login_setting(const struct rest_client *client, struct str token, struct str name)
{
    return str_eqz(name, "token") && token.n ? NULL : value_get(client->config, name);
}

static const struct value *login_fill_text(
    struct arena *arena, const struct rest_client *client, struct str token, struct str text, struct err *err)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str before, name;
    while (str_take_name(&text, "{", &before, &name)) {
        buf_add_str(&out, before);
        const struct value *v = login_setting(client, token, name);
        if (str_eqz(name, "token") && token.n)
            buf_add_str(&out, token);
        else if (!value_is_null(v))
            buf_add_str(&out, value_scalar_text(arena, v));
        else {
            err_set(err, ERR_AUTH, "%.*s: \"%.*s\" is not set", STR_ARG(client->name), STR_ARG(name));
            err_hint(err, "configure it in the stack's `providers:`");
            return NULL;
        }
    }
    buf_add_str(&out, text);
    return value_string(arena, buf_str(&out));
}

/* Replaces {setting} in all strings of a template, at every depth; returns NULL with err if a setting is
 * missing. */
static const struct value *rest_fill(struct arena *arena, const struct rest_client *client, struct str token,
    const struct value *template, struct err *err)
{
    if (template->kind == VALUE_STRING)
        return login_fill_text(arena, client, token, template->string, err);
    if (template->kind != VALUE_MAP)
        return template;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < template->count; i++) {
        const struct value *v = rest_fill(arena, client, token, template->entries[i].value, err);
        if (!v)
            return NULL;
        value_builder_set(&b, template->entries[i].key, v);
    }
    return value_builder_map(&b);
}

/* ---- selecting the API ---- */

static int rest_exchange(struct rest_client *client, struct arena *arena, const struct http_request *given,
    struct http_response *response, struct err *err);

static int api_probe(struct rest_client *client, struct arena *arena, struct str call,
    const atomic_bool *cancel, bool *knows, struct err *err)
{
    struct str path, method = str_cut(call, ' ', &path);
    struct http_request request = {.method = method,
        .url = arena_printf(arena, "%.*s%.*s", STR_ARG(client->url), STR_ARG(path)),
        .repeatable = true,
        .label = arena_printf(arena, "%.*s.probe", STR_ARG(client->name)),
        .cancel = cancel};
    struct http_response response;
    if (rest_exchange(client, arena, &request, &response, err))
        return -1;
    struct str type = http_header_get(&response, "Content-Type");
    *knows = response.status / 100 == 2 && str_find(type, STR("json"), 0) >= 0;
    return 0;
}

/* Selects the API named in the settings, or the first that the server supports. */
static int choose_api(struct rest_client *client, struct rest_session *s, struct arena *arena,
    const atomic_bool *cancel, struct err *err)
{
    const struct value *apis = value_getz(s->head, "apis"), *wanted = value_getz(client->config, "api");
    if (!apis) {
        s->api = s->head;
        return 0;
    }
    for (uint32_t i = 0; i < apis->count && !s->api; i++) {
        const struct value *api = apis->items[i];
        struct str name = value_scalar_text(arena, value_getz(api, "api")), call = value_gets(api, "probe");
        bool knows = !call.n;
        if (wanted)
            knows = str_eq(value_scalar_text(arena, wanted), name);
        else if (call.n && api_probe(client, arena, call, cancel, &knows, err))
            return err_context(err, "asking %.*s which API it has", STR_ARG(client->url));
        if (knows) {
            s->api = api;
            s->name = arena_str(&client->arena, name);
        }
    }
    if (s->api)
        return 0;
    err_set(err, ERR_INVALID, "%.*s: there is no such api", STR_ARG(client->name));
    return err_hint(err, "leave `api` out of the settings to have the server asked");
}

/* ---- logging in ---- */

static int read_token(struct rest_client *client, const struct value *login, struct arena *arena,
    const struct http_response *response, struct str *token, struct err *err)
{
    const struct value *document = NULL;
    if (response->status / 100 != 2) {
        struct wire_message refused = {.status = response->status, .body = response->body};
        rest_decode_error(arena, &refused, err);
        err->class = ERR_AUTH;
        err->lost = false;
        err_context(err, "logging in to %.*s", STR_ARG(client->url));
        return err->hint[0] ? -1 : err_hint(err, "user and password are those of the stack's `providers:`");
    }
    struct str at = value_gets(login, "at");
    if (!json_parse(arena, response->body, &document, ERR_IGNORED))
        *token = value_scalar_text(arena, wire_path(arena, document, at));
    return token->n ? 0
                    : err_set(err, ERR_PROTOCOL, "logging in to %.*s: the answer has no %.*s",
                          STR_ARG(client->url), STR_ARG(at));
}

static int log_in(struct rest_client *client, struct rest_session *s, const struct value *login,
    struct arena *arena, const atomic_bool *cancel, struct err *err)
{
    struct str path, method = str_cut(value_gets(login, "call"), ' ', &path), token = STR_EMPTY;
    const struct value *send = value_getz(login, "send");
    bool own = login == value_getz(client->config, "login"); /* its strings are not templates */
    const struct value *body = !send ? &value_empty_map
                               : own ? send
                                     : rest_fill(arena, client, STR_EMPTY, send, err);
    if (!body)
        return -1;
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, body, JSON_PLAIN);
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")}};
    struct http_request request = {.method = method,
        .url = arena_printf(arena, "%.*s%.*s", STR_ARG(client->url), STR_ARG(path)),
        .headers = headers,
        .header_count = 1,
        .body = buf_str(&text),
        .sensitive = true,
        .label = arena_printf(arena, "%.*s.login", STR_ARG(client->name)),
        .cancel = cancel};
    struct http_response response;
    int failed = rest_exchange(client, arena, &request, &response, err) ||
                 read_token(client, login, arena, &response, &token, err);
    explicit_bzero(text.p, text.n);
    if (failed)
        return -1;
    mask_add(token, MASK_GIVEN);
    s->token = arena_str(&client->arena, token);
    s->logins++;
    return 0;
}

/* Returns the login to use, or NULL: a token in the settings takes precedence. The service's own login needs
 * `user`; a login in the settings contains the credentials itself. */
static const struct value *rest_login(const struct rest_client *client, const struct rest_session *s)
{
    const struct value *own = value_getz(client->config, "login");
    if (value_getz(client->config, "token"))
        return NULL;
    return own || !value_getz(client->config, "user") ? own : value_getz(s->api, "login");
}

int rest_session(struct rest_client *client, const struct value *head, uint64_t refused,
    const atomic_bool *cancel, struct rest_session *out, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    int failed = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&client->lock);
    struct rest_session *s = client->sessions;
    while (s && s->head != head)
        s = s->next;
    if (!s) {
        s = ARENA_NEW(&client->arena, struct rest_session);
        *s = (struct rest_session){.head = head, .next = client->sessions};
        client->sessions = s;
    }
    if (!s->api)
        failed = choose_api(client, s, &scratch, cancel, err);
    const struct value *login = failed ? NULL : rest_login(client, s);
    if (login && (!s->token.n || (refused && refused == s->logins)))
        failed = log_in(client, s, login, &scratch, cancel, err);
    *out = *s;
    return failed ? -1 : 0;
}

enum {
    ATTEMPTS = 5,
    TRANSIENT_FOR_MS = 2 * 60 * 1000,
    PAUSE_MS = 250,
    PAUSE_MAX_MS = 8000,
    AFTER_MAX_MS = 60 * 1000,
    UNREACHABLE_FOR_MS = 60 * 1000,
    ANSWER_FOR_MS = 2 * 60 * 1000,
    SLOWEST = 64,               /* bytes per second, over the allowed silence */
    SLOWEST_REQUEST = 4 * 1024, /* bytes per second of a whole request */
};

/* ---- settings ---- */

static const struct attr settings[] = {
    SETTING_LOCATION("url", setting_text, "URL of the service, such as https://airflow.example.com"),
    SETTING_ATTR("user", setting_text, "User name, for basic authentication or the service's own login"),
    SETTING_ATTR("password", setting_text, "Password of the user"),
    SETTING_ATTR("token", setting_text, "Token or API key, instead of user and password"),
    SETTING_ATTR(
        "token_header", setting_text, "Header with the token, if it is not `Authorization: Bearer {token}`"),
    SETTING_ATTR("login", setting_any,
        "Request that returns a token: {call: POST /login, send: {user: me}, at: token}"),
    SETTING_ATTR("headers", setting_texts, "Headers of every request"),
    SETTING_ATTR(
        "api", setting_any, "API version, if the service has several; without it weir asks the server"),
    SETTING_ATTR("via", setting_text, "Name of the connection to the service"),
    SETTING_ATTR("insecure", setting_flag, "Allow http:// to other machines"),
    SETTING_ATTR("ca_bundle", setting_text, "Path of a file with trusted CA certificates"),
};

const struct type rest_settings_type = OBJECT_TYPE(settings);

static int open_tunnel(struct rest_client *client, const struct provider_options *options, struct err *err)
{
    struct http_target target;
    if (!options->via.n)
        return 0;
    if (!options->ssh_pool)
        return err_set(err, ERR_INVALID, "%.*s: there are no connections here", STR_ARG(client->name));
    if (http_target_parse(client->url, &target, err))
        return err_context(err, "%.*s", STR_ARG(client->name));
    return ssh_pool_forward(
        options->ssh_pool, options->via, target.host, (int)target.port, &client->local_port, err);
}

static int read_settings(struct rest_client *client, struct err *err)
{
    client->url = value_gets(client->config, "url");
    while (str_ends(client->url, STR("/")))
        client->url.n--;
    if (!str_starts(client->url, STR("http://")) && !str_starts(client->url, STR("https://"))) {
        err_set(
            err, ERR_INVALID, "%.*s: \"url\" has to begin with http:// or https://", STR_ARG(client->name));
        return err_hint(err, "say where it is: providers: {%.*s: {url: …}}", STR_ARG(client->name));
    }
    mask_add(value_gets(client->config, "password"), MASK_GIVEN);
    mask_add(value_gets(client->config, "token"), MASK_GIVEN);
    const struct value *headers = value_getz(client->config, "headers");
    if (headers && headers->kind == VALUE_MAP)
        redact_learn_map(headers);
    client->insecure = value_getb(client->config, "insecure");
    struct str bundle = value_gets(client->config, "ca_bundle");
    client->ca_file = bundle.n ? arena_strz(&client->arena, bundle) : NULL;
    return 0;
}

void rest_close(void *self)
{
    struct rest_client *client = self;
    arena_wipe(&client->arena);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

int rest_open(
    const struct provider_options *options, struct arena *arena UNUSED, void **self, struct err *err)
{
    struct rest_client *client = mem_zalloc(sizeof *client);
    pthread_mutex_init(&client->lock, NULL);
    client->name = options->name;
    client->config = options->config;
    client->http = options->http;
    if (read_settings(client, err) || open_tunnel(client, options, err)) {
        rest_close(client);
        return -1;
    }
    *self = client;
    return 0;
}

int rest_tell(void *self, const struct value *head, struct str name, const atomic_bool *cancel,
    struct arena *arena, struct str *out, struct err *err)
{
    struct rest_session session;
    *out = STR_EMPTY;
    if (!str_eqz(name, "api"))
        return 0;
    if (rest_session(self, head, 0, cancel, &session, err))
        return -1;
    *out = arena_str(arena, session.name);
    return 0;
}

/* ---- one request ---- */

/* Sends one request without retries; `call` is "POST /path". */
static int rest_exchange(struct rest_client *client, struct arena *arena, const struct http_request *given,
    struct http_response *response, struct err *err)
{
    struct http_request request = *given;
    int64_t silence_ms = given->timeout_ms ? given->timeout_ms : UNREACHABLE_FOR_MS;
    request.min_rate = SLOWEST; /* a minimum rate, and a limit for the whole request */
    request.deadline_ms = silence_ms + ANSWER_FOR_MS + (int64_t)given->body.n * 1000 / SLOWEST_REQUEST;
    request.insecure_ok = client->insecure || client->local_port;
    request.ca_file = client->ca_file;
    request.local_port = client->local_port;
    return http_send(client->http, &request, arena, response, err);
}

struct headers {
    struct http_header *items;
    size_t n;
};

static void add_header(struct headers *h, struct str name, struct str value)
{
    h->items[h->n++] = (struct http_header){name, value};
}

/* Adds a header from a template: "X-Api-Key: {token}". */
static int add_header_line(struct headers *h, const struct rest_client *client, struct str token,
    const struct value *line, struct arena *arena, struct err *err)
{
    const struct value *filled = rest_fill(arena, client, token, line, err);
    if (!filled)
        return -1;
    struct str text, name = str_cut(filled->string, ':', &text);
    add_header(h, str_trim(name), str_trim(text));
    return 0;
}

/* Adds the credentials: the token of the settings, that of a login, or basic authentication, if there are
 * any. */
static int add_identity(struct headers *h, const struct rest_client *client,
    const struct rest_session *session, struct arena *arena, struct err *err)
{
    static const struct value bearer = {
        .kind = VALUE_STRING, .string = STR_INIT("Authorization: Bearer {token}")};
    struct str fixed = value_gets(client->config, "token"), user = value_gets(client->config, "user");
    const struct value *line = value_getz(session->api, "token");
    line = line ? line : value_getz(client->config, "token_header");
    if (fixed.n)
        return add_header_line(h, client, fixed, line ? line : &bearer, arena, err);
    if (session->token.n) {
        line = value_getz(rest_login(client, session), "header");
        return add_header_line(h, client, session->token, line ? line : &bearer, arena, err);
    }
    if (!user.n)
        return 0;
    AUTO_BUF struct buf plain = BUF_INIT;
    buf_addf(&plain, "%.*s:%.*s", STR_ARG(user), STR_ARG(value_gets(client->config, "password")));
    struct str coded = base64_encode(arena, buf_str(&plain));
    add_header(h, STR("Authorization"), arena_printf(arena, "Basic %.*s", STR_ARG(coded)));
    explicit_bzero(plain.p, plain.n);
    return 0;
}

static int make_headers(struct headers *h, const struct rest_client *client,
    const struct rest_session *session, const struct kind_call *call, struct arena *arena, struct err *err)
{
    const struct value *always = value_getz(client->config, "headers"),
                       *more = value_getz(session->api, "headers");
    size_t room = call->request->header_count + (always ? always->count : 0) + (more ? more->count : 0) + 2;
    h->items = ARENA_ARRAY(arena, struct http_header, room);
    add_header(h, STR("Accept"), STR("application/json"));
    for (size_t i = 0; i < call->request->header_count; i++)
        add_header(h, call->request->headers[i].name, call->request->headers[i].value);
    for (uint32_t i = 0; more && i < more->count; i++)
        add_header(h, more->entries[i].key, value_scalar_text(arena, more->entries[i].value));
    for (uint32_t i = 0; always && i < always->count; i++)
        add_header(h, always->entries[i].key, value_scalar_text(arena, always->entries[i].value));
    return add_identity(h, client, session, arena, err);
}

static int send_as(struct rest_client *client, const struct rest_session *session,
    const struct kind_call *call, int attempt, struct arena *arena, struct wire_message *out, struct err *err)
{
    struct headers headers = {0};
    if (make_headers(&headers, client, session, call, arena, err))
        return -1;
    struct str base = call->base.n ? call->base : value_gets(session->api, "base");
    struct http_request request = {.method = call->request->method,
        .url = arena_printf(arena, "%.*s%.*s%.*s%s%.*s", STR_ARG(client->url), STR_ARG(base),
            STR_ARG(call->request->path), call->request->query.n ? "?" : "", STR_ARG(call->request->query)),
        .headers = headers.items,
        .header_count = headers.n,
        .body = call->request->body,
        .repeatable = call->idempotent,
        .sensitive = call->sensitive,
        .cancel = call->cancel,
        .timeout_ms = (int)call->answers_in_ms,
        .attempt = attempt,
        .label = arena_printf(arena, "%.*s.%.*s", STR_ARG(client->name), STR_ARG(call->op->name))};
    struct http_response response;
    if (rest_exchange(client, arena, &request, &response, err))
        return -1;
    *out = (struct wire_message){.status = response.status, .body = response.body};
    for (size_t i = 0; i < response.header_count; i++)
        wire_header_add(arena, out, response.headers[i].name, response.headers[i].value);
    return 0;
}

/* After a 401 for an expired token, logs in once more and repeats the call, which was not executed. */
static int send_logged_in(struct rest_client *client, const struct kind_call *call, int attempt,
    struct arena *arena, struct wire_message *response, struct err *err)
{
    struct rest_session session;
    if (rest_session(client, call->head, 0, call->cancel, &session, err) ||
        send_as(client, &session, call, attempt, arena, response, err))
        return -1;
    if (response->status == 401 && session.token.n &&
        (rest_session(client, call->head, session.logins, call->cancel, &session, err) ||
            send_as(client, &session, call, attempt, arena, response, err)))
        return -1;
    if (response->status / 100 != 2) {
        rest_decode_error(arena, response, err);
        if (response->status == 401 && !err->hint[0])
            err_hint(err, "user and password, or a token, are settings in the stack's `providers:`");
        return -1;
    }
    if (call->accept && call->accept(call->accept_ctx, response, err)) {
        err->lost = true;
        return -1;
    }
    return 0;
}

/* ---- retries ---- */

/* `after_ms`: asked for by the service (Retry-After); 0: nothing. */
static int pause_before(int nth, int64_t after_ms, const atomic_bool *cancel, struct err *err)
{
    uint32_t random;
    int64_t most = PAUSE_MS;
    for (int i = 1; i < nth && most < PAUSE_MAX_MS; i++)
        most *= 2;
    hash_random(&random, sizeof random);
    int64_t pause_ms = most / 2 + random % most;
    if (after_ms > AFTER_MAX_MS)
        after_ms = AFTER_MAX_MS;
    return cancel_sleep_ms(cancel, pause_ms > after_ms ? pause_ms : after_ms, err);
}

int rest_send(void *self, const struct kind_call *call, struct arena *arena, struct wire_message *response,
    struct err *err)
{
    int64_t for_ms = call->transient_for_ms ? call->transient_for_ms : TRANSIENT_FOR_MS;
    int64_t until_ms = clock_mono_ms() + for_ms;
    bool lost = false;
    for (int attempt = 1;; attempt++) {
        struct err failure = ERR_INIT;
        *response = (struct wire_message){0};
        if (!send_logged_in(self, call, attempt, arena, response, &failure))
            return 0;
        lost |= failure.lost;
        bool passes = failure.retryable || (failure.lost && call->idempotent);
        bool waits = call->transient && clock_mono_ms() < until_ms && failure.class != ERR_INTERRUPTED &&
                     call->transient(call->transient_ctx, &failure);
        if (!waits && (!passes || attempt >= ATTEMPTS)) {
            *err = failure;
            err->unsure = lost;
            return -1;
        }
        if (!waits && call->repeats)
            call->repeats(call->repeats_ctx, &failure, attempt + 1);
        if (pause_before(attempt, wire_retry_after_ms(response, clock_wall_ms()), call->cancel, err))
            return -1;
    }
}

/* ---- Provider types for services with a REST API, described in specs ---- */

REST_KIND(airflow_kind, "airflow", "airflow");
REST_KIND(grafana_kind, "grafana", "grafana");
REST_KIND(metabase_kind, "metabase", "metabase");
REST_KIND(http_kind, "http", "rest");
