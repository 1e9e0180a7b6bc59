/* Responses of REST services: errors, and the data source http.response, the response to a GET. */
#include "base/json.h"
#include "provider/rest/rest.h"

/* ---- Errors of REST APIs: the formats differ, the HTTP status is common to all ---- */

enum { SHOWN_MAX = 300 };

static void add_message(struct arena *arena, struct buf *out, const struct value *v);

/* Formats {field: message} or [{loc: [body, field], msg: …}]. */
static void add_parts(struct arena *arena, struct buf *out, const struct value *v)
{
    for (uint32_t i = 0; i < v->count && out->n < SHOWN_MAX; i++) {
        bool map = v->kind == VALUE_MAP;
        if (i)
            buf_addz(out, "; ");
        if (map)
            buf_addf(out, "%.*s: ", STR_ARG(v->entries[i].key));
        add_message(arena, out, map ? v->entries[i].value : v->items[i]);
    }
}

/* Returns the last part of an error's location. */
static struct str location_text(struct arena *arena, const struct value *reported)
{
    const struct value *places = value_getz(reported, "loc");
    return places && places->kind == VALUE_LIST && places->count
               ? value_scalar_text(arena, places->items[places->count - 1])
               : STR_EMPTY;
}

static void add_message(struct arena *arena, struct buf *out, const struct value *v)
{
    static const char *const names[] = {
        "detail", "message", "msg", "error", "errors", "specific-errors", "reason", "title"};
    if (v->kind == VALUE_LIST) {
        add_parts(arena, out, v);
        return;
    }
    if (v->kind != VALUE_MAP) {
        buf_add_str(out, value_scalar_text(arena, v));
        return;
    }
    struct str place = location_text(arena, v);
    if (place.n)
        buf_addf(out, "%.*s: ", STR_ARG(place));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct value *reported = value_getz(v, names[i]);
        bool nothing = value_is_null(reported) || (reported->kind == VALUE_STRING && !reported->string.n) ||
                       ((reported->kind == VALUE_MAP || reported->kind == VALUE_LIST) && !reported->count);
        if (!nothing) {
            add_message(arena, out, reported);
            return;
        }
    }
    add_parts(arena, out, v);
}

static enum err_class class_of(int status)
{
    switch (status) {
    case 401:
    case 403: return ERR_AUTH;
    case 404:
    case 410: return ERR_ABSENT;
    case 409: return ERR_EXISTS;
    case 429: return ERR_THROTTLED;
    default: return ERR_SERVICE;
    }
}

void rest_decode_error(struct arena *arena, const struct wire_message *response, struct err *err)
{
    AUTO_BUF struct buf reported = BUF_INIT;
    const struct value *document;
    struct str body = str_trim(response->body);
    if (body.n && (body.p[0] == '{' || body.p[0] == '[' || body.p[0] == '"') &&
        !json_parse(arena, body, &document, ERR_IGNORED))
        add_message(arena, &reported, document);
    else if (body.n && body.p[0] != '<') /* an HTML page is not a useful message */
        buf_add_str(&reported, body);
    for (size_t i = 0; i < reported.n; i++)
        if ((unsigned char)reported.p[i] < ' ')
            reported.p[i] = ' ';
    int shown = reported.n < SHOWN_MAX ? (int)reported.n : SHOWN_MAX;
    *err = (struct err)ERR_INIT;
    err_set(err, class_of(response->status), "HTTP %d%s%.*s", response->status, shown ? ": " : "", shown,
        reported.p ? reported.p : "");
    snprintf(err->code, sizeof err->code, "%d", response->status);
    err->http_status = response->status;
    err->retryable = response->status == 429;
    bool down = response->status == 502 || response->status == 503 || response->status == 504;
    err->lost = down || response->status == 500;
}

static const struct value *headers_of(struct arena *arena, const struct wire_message *response)
{
    AUTO_BUILDER struct value_builder headers = VALUE_BUILDER(arena);
    for (size_t i = 0; i < response->header_count; i++)
        value_builder_set(&headers, arena_lower(arena, response->headers[i].name),
            value_string(arena, response->headers[i].value));
    return value_builder_map(&headers);
}

static const struct value *json_of(struct arena *arena, struct str body)
{
    const struct value *document = NULL;
    return str_trim(body).n && !json_parse(arena, body, &document, ERR_IGNORED) ? document : &value_null;
}

static const struct value *response_of(
    struct arena *arena, const struct value *prior, const struct wire_message *response)
{
    struct value_entry entries[] = {{STR("status"), value_int(arena, response->status)},
        {STR("text"), value_string(arena, response->body)}, {STR("json"), json_of(arena, response->body)},
        {STR("response_headers"), headers_of(arena, response)}};
    return value_merge(arena, prior, value_map(arena, entries, sizeof entries / sizeof *entries));
}

/* A busy server is asked again, as in all calls; after that its error is the result. */
static int response_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    const struct value *headers = value_getz(prior, "headers");
    struct wire_operation op = {.name = STR("read")};
    struct wire_message request = {.method = STR("GET")}, response = {0};
    struct repeats repeats = {.op = ctx, .what = op.name};
    struct kind_call call = {.op = &op,
        .request = &request,
        .idempotent = true,
        .cancel = ctx->cancel,
        .repeats = repeats_report,
        .repeats_ctx = &repeats};
    struct str path = value_gets(prior, "path");
    request.path = str_cut(path.n ? path : STR("/"), '?', &request.query);
    for (uint32_t i = 0; headers && headers->kind == VALUE_MAP && i < headers->count; i++)
        wire_header_add(ctx->arena, &request, headers->entries[i].key,
            value_scalar_text(ctx->arena, headers->entries[i].value));
    struct err why = ERR_INIT;
    if (rest_send(provider_self(ctx->provider), &call, ctx->arena, &response, &why) &&
        (!why.http_status || why.http_status != response.status))
        return err_raise(err, &why);
    repeats_done(&repeats);
    *live = response_of(ctx->arena, prior, &response);
    return 0;
}

const struct resource_ops rest_response_ops = {.read = response_read};
