/* Which API a server has, and logging in to it. */
#include "base/buf.h"
#include "base/json.h"
#include "base/mask.h"
#include "provider/rest/rest.h"

/* ---- texts with settings ---- */

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
            err_hint(err, "say it in the stack's `providers:`");
            return NULL;
        }
    }
    buf_add_str(&out, text);
    return value_string(arena, buf_str(&out));
}

const struct value *rest_fill(struct arena *arena, const struct rest_client *client, struct str token,
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

/* ---- which API ---- */

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

/* The one that the settings name, or the first that the server knows. */
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
    bool own = login == value_getz(client->config, "login"); /* whose texts are meant as they are */
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

/* A token that the settings have goes before a login. The service's own is for a user; one of the settings
 * says itself who logs in. */
const struct value *rest_login(const struct rest_client *client, const struct rest_session *s)
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
