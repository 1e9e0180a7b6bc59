/* http.resource: see rest.h. */
#include "provider/rest/rest.h"

#include "base/hash.h"
#include "base/json.h"

/* An http.resource during one operation. */
struct resource {
    struct op_ctx *ctx;
    struct arena *arena;
    const struct value *attrs;  /* as configured or recorded */
    const struct value *answer; /* the last response; NULL: none */
    struct str id;
    bool secret; /* a part of it is sensitive */
};

static struct resource resource_of(struct op_ctx *ctx, const struct value *attrs)
{
    struct resource t = {.ctx = ctx,
        .arena = ctx->arena,
        .attrs = attrs,
        .answer = value_getz(attrs, "answer"),
        .id = value_gets(attrs, "id"),
        .secret = ctx->sensitive || value_is_sensitive(value_getz(attrs, "body")) ||
                  !value_is_null(value_getz(attrs, "secrets"))};
    return t;
}

/* ---- templates with {id}, {path} and {path.in.the.response} ---- */

static int add_place(
    const struct resource *t, struct str name, bool encoded, struct buf *out, struct err *err)
{
    struct str text = STR_EMPTY;
    if (str_eqz(name, "path")) {
        buf_add_str(out, op_text(t->ctx, t->attrs, "path"));
        return 0;
    }
    if (str_eqz(name, "id"))
        text = t->id;
    else if (t->answer)
        text = value_scalar_text(t->arena, wire_path(t->arena, t->answer, name));
    if (!text.n)
        return err_set(err, ERR_INVALID, "the resource has no value for {%.*s}", STR_ARG(name));
    if (encoded)
        url_encode(out, text, false);
    else
        buf_add_str(out, text);
    return 0;
}

static bool is_place(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (char_is_among(name.p[i], " \":,"))
            return false;
    return name.n > 0;
}

static int resource_fill_text(
    const struct resource *t, struct str text, bool encoded, struct str *out, struct err *err)
{
    AUTO_BUF struct buf filled = BUF_INIT;
    for (;;) {
        ptrdiff_t open = str_find_char(text, '{', 0);
        ptrdiff_t close = open < 0 ? -1 : str_find_char(text, '}', (size_t)open);
        if (close < 0)
            break;
        struct str name = str_slice(text, (size_t)open + 1, (size_t)close);
        buf_add(&filled, text.p, (size_t)open + !is_place(name));
        if (is_place(name) && add_place(t, name, encoded, &filled, err))
            return -1;
        text = str_slice(text, (size_t)(is_place(name) ? close : open) + 1, text.n);
    }
    buf_add_str(&filled, text);
    *out = arena_str(t->arena, buf_str(&filled));
    return 0;
}

static int resource_fill_body(
    const struct resource *t, const struct value *template, const struct value **out, struct err *err)
{
    *out = template;
    if (template->kind == VALUE_STRING) {
        struct str text;
        if (resource_fill_text(t, template->string, false, &text, err))
            return -1;
        *out = value_string(t->arena, text);
    }
    if (template->kind != VALUE_MAP && template->kind != VALUE_LIST)
        return 0;
    bool map = template->kind == VALUE_MAP;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(t->arena);
    for (uint32_t i = 0; i < template->count; i++) {
        const struct value *v;
        if (resource_fill_body(t, map ? template->entries[i].value : template->items[i], &v, err))
            return -1;
        value_builder_set(&b, map ? template->entries[i].key : STR_EMPTY, v);
    }
    *out = map ? value_builder_map(&b) : value_builder_list(&b);
    return 0;
}

/* ---- requests ---- */

/* Merges maps at every depth. */
static const struct value *with_inside(
    struct arena *arena, const struct value *under, const struct value *over)
{
    if (value_is_null(over) || value_is_null(under))
        return value_is_null(over) ? under : over;
    if (under->kind != VALUE_MAP || over->kind != VALUE_MAP)
        return over;
    const struct value *merged = under;
    for (uint32_t i = 0; i < over->count; i++)
        merged = value_with(arena, merged, over->entries[i].key,
            with_inside(arena, value_get(under, over->entries[i].key), over->entries[i].value));
    return merged;
}

struct request {
    const char *role, *method;
    struct str path; /* a template */
    bool with_body;  /* sends the object's `body` unless the request has its own */
    bool idempotent;
};

struct reading_answer {
    struct resource *resource;
    const struct value *document;
};

static int read_answer(void *ctx, const struct wire_message *answer, struct err *err)
{
    struct reading_answer *r = ctx;
    struct str body = str_trim(answer->body);
    r->document = &value_empty_map;
    if (!body.n)
        return 0;
    return json_parse(r->resource->arena, body, &r->document, err)
               ? err_context(err, "the response is not JSON")
               : 0;
}

static void add_headers(struct resource *t, struct wire_message *message)
{
    const struct value *headers = op_attr(t->ctx, t->attrs, "headers");
    if (message->body.n)
        wire_header_add(t->arena, message, STR("Content-Type"), STR("application/json"));
    for (uint32_t i = 0; headers && headers->kind == VALUE_MAP && i < headers->count; i++)
        wire_header_add(t->arena, message, headers->entries[i].key,
            value_scalar_text(t->arena, headers->entries[i].value));
}

static int resource_send(
    struct resource *t, const struct request *request, const struct value **document, struct err *err)
{
    const struct value *own = op_attr(t->ctx, t->attrs, request->role), *body = value_getz(own, "body");
    struct str method = value_gets(own, "method"), path = value_gets(own, "path"), target;
    if (resource_fill_text(t, path.n ? path : request->path, true, &target, err))
        return -1;
    if (body && resource_fill_body(t, body, &body, err))
        return -1;
    if (!body && request->with_body)
        body = with_inside(t->arena, op_attr(t->ctx, t->attrs, "body"), value_getz(t->attrs, "secrets"));
    struct wire_operation op = {.name = str_z(request->role)};
    struct reading_answer reading = {.resource = t};
    struct repeats repeats = {.op = t->ctx, .what = op.name};
    struct wire_message message = {0};
    struct kind_call call = {.op = &op,
        .request = &message,
        .idempotent = request->idempotent,
        .sensitive = t->secret,
        .accept = read_answer,
        .accept_ctx = &reading,
        .cancel = t->ctx->cancel,
        .repeats = repeats_report,
        .repeats_ctx = &repeats};
    message.method = method.n ? method : str_z(request->method);
    message.path = str_cut(target, '?', &message.query);
    if (!value_is_null(body))
        message.body = json_as_text(t->arena, body)->string;
    add_headers(t, &message);
    struct wire_message response = {0};
    if (rest_send(provider_self(t->ctx->provider), &call, t->arena, &response, err))
        return -1;
    repeats_done(&repeats);
    *document = reading.document;
    return 0;
}

/* ---- responses ---- */

/* Reduces the live value to the configured fields; fields that are configured as sensitive stay so. */
static const struct value *as_configured(
    struct arena *arena, const struct value *want, const struct value *have)
{
    if (value_is_null(want) || value_is_null(have))
        return have;
    if (want->kind == VALUE_MAP && have->kind == VALUE_MAP) {
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
        for (uint32_t i = 0; i < want->count; i++) {
            const struct value *v = value_get(have, want->entries[i].key);
            if (v)
                value_builder_set(&b, want->entries[i].key, as_configured(arena, want->entries[i].value, v));
        }
        have = value_builder_map(&b);
    } else if (want->kind == VALUE_LIST && have->kind == VALUE_LIST && want->count == have->count) {
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
        for (uint32_t i = 0; i < want->count; i++)
            value_builder_add(&b, as_configured(arena, want->items[i], have->items[i]));
        have = value_builder_list(&b);
    }
    return value_is_sensitive(want) ? value_mark(arena, have, VALUE_SENSITIVE) : have;
}

/* Returns the object in a response, or NULL. */
static const struct value *object_in(struct resource *t, const char *role, const struct value *document)
{
    struct str at = value_gets(op_attr(t->ctx, t->attrs, role), "at"),
               usual = op_text(t->ctx, t->attrs, "at");
    at = at.n ? at : usual;
    const struct value *object = at.n ? wire_path(t->arena, document, at) : document;
    return object && object->kind == VALUE_MAP && object->count ? object : NULL;
}

/* True for a body with a sensitive value in a state without a key (docs/state.md): its fields are not
 * known. */
static bool is_hashed(const struct value *body)
{
    return body && body->kind == VALUE_MAP && body->count == 1 && value_getz(body, "$hash");
}

static const struct value *live_of(struct resource *t, const struct value *object)
{
    const struct value *live = value_with(t->arena, t->attrs, STR("secrets"), NULL),
                       *body = op_attr(t->ctx, t->attrs, "body");
    live = value_with(t->arena, live, STR("id"), value_string(t->arena, t->id));
    if (object && !value_is_null(body) && !is_hashed(body))
        live = value_with(t->arena, live, STR("body"), as_configured(t->arena, body, object));
    if (object && t->secret)
        object = value_mark(t->arena, object, VALUE_SENSITIVE);
    return value_with(t->arena, live, STR("answer"), object ? object : t->answer ? t->answer : &value_null);
}

static bool says_absent(const struct resource *t, const struct err *failure)
{
    const struct value *statuses = op_attr(t->ctx, t->attrs, "absent");
    for (uint32_t i = 0; statuses && statuses->kind == VALUE_LIST && i < statuses->count; i++)
        if (statuses->items[i]->kind == VALUE_INT && statuses->items[i]->integer == failure->http_status)
            return true;
    return false;
}

static struct request read_request(const struct resource *t)
{
    return (struct request){.role = "read",
        .method = "GET",
        .path = op_text(t->ctx, t->attrs, "object_path"),
        .idempotent = true};
}

static int read_object(struct resource *t, const struct value **object, struct err *err)
{
    struct request request = read_request(t);
    const struct value *document;
    struct err failure = ERR_INIT;
    *object = NULL;
    if (resource_send(t, &request, &document, &failure)) {
        if (says_absent(t, &failure))
            return 0;
        return err_raise(err, &failure);
    }
    *object = object_in(t, "read", document);
    return *object ? 0
                   : err_set(err, ERR_PROTOCOL, "the answer to reading it has no object where \"at\" says");
}

/* ---- operations ---- */

/* Fails if an object with the id already exists, which a creation would overwrite. A response without an
 * object has nothing to lose. The check is skipped if the path needs values of a response. */
static int refuse_namesake(struct resource *t, struct err *err)
{
    const struct value *document;
    struct request request = read_request(t);
    struct str own = value_gets(op_attr(t->ctx, t->attrs, "read"), "path"), ignored;
    struct err failure = ERR_INIT;
    if (resource_fill_text(t, own.n ? own : request.path, true, &ignored, &failure))
        return 0;
    if (!resource_send(t, &request, &document, &failure))
        return object_in(t, "read", document) ? err_set(err, ERR_EXISTS, "it exists already") : 0;
    if (says_absent(t, &failure))
        return 0;
    *err = failure;
    return err_context(err, "looking up whether it exists");
}

static int resource_create(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    struct resource t = resource_of(ctx, desired);
    bool named = t.id.n > 0;
    if (named && !attempt->is_repeated && refuse_namesake(&t, err))
        return -1;
    struct request request = {.role = "create",
        .method = named ? "PUT" : "POST",
        .path = named ? op_text(t.ctx, t.attrs, "object_path") : op_text(t.ctx, t.attrs, "path"),
        .with_body = true,
        .idempotent = named};
    const struct value *document;
    if (resource_send(&t, &request, &document, err))
        return -1;
    struct str id_at = op_text(t.ctx, t.attrs, "id_at");
    const struct value *object = object_in(&t, "create", document);
    if (!named)
        t.id = value_scalar_text(ctx->arena, wire_path(ctx->arena, document, id_at));
    if (!t.id.n && object)
        t.id = value_scalar_text(ctx->arena, wire_path(ctx->arena, object, id_at));
    if (!t.id.n) {
        err_set(err, ERR_PROTOCOL, "the answer to its creation has no id at \"%.*s\"", STR_ARG(id_at));
        err_hint(err, "say with `id_at` where it is, or with `id` what it is to be");
        err->lost = true;
        return -1;
    }
    t.answer = object;
    *live = live_of(&t, object);
    if (read_object(&t, &object, err)) /* the response to a creation is often incomplete */
        return -1;
    *live = live_of(&t, object ? object : t.answer);
    return 0;
}

static int resource_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    struct resource t = resource_of(ctx, prior);
    const struct value *object;
    *live = NULL;
    if (!t.id.n)
        return err_set(err, ERR_FAILED, "the state has no id for it, and weir makes no request without one");
    if (read_object(&t, &object, err))
        return -1;
    if (object) {
        t.answer = object;
        *live = live_of(&t, object);
    }
    return 0;
}

static int resource_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    const struct value *attrs = value_with(ctx->arena, desired, STR("id"), value_getz(prior, "id"));
    struct resource t = resource_of(ctx, attrs);
    t.answer = value_getz(prior, "answer");
    bool put = str_eqz(value_gets(value_getz(desired, "create"), "method"), "PUT");
    struct request request = {.role = "update",
        .method = put ? "PUT" : "PATCH",
        .path = op_text(t.ctx, t.attrs, "object_path"),
        .with_body = true,
        .idempotent = true};
    const struct value *object;
    if ((value_list_has(changed, STR("body")) || value_list_has(changed, STR("secrets"))) &&
        resource_send(&t, &request, &object, err))
        return -1;
    if (read_object(&t, &object, err))
        return -1;
    if (!object) {
        err_set(err, ERR_ABSENT, "it no longer exists: the service does not report it after the change");
        return err_hint(err, "run the same command again: the next plan creates it");
    }
    *live = live_of(&t, object);
    return 0;
}

static int resource_delete(
    struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    struct resource t = resource_of(ctx, prior);
    struct request request = {.role = "delete",
        .method = "DELETE",
        .path = op_text(t.ctx, t.attrs, "object_path"),
        .idempotent = true};
    const struct value *document;
    struct err failure = ERR_INIT;
    if (str_eqz(value_gets(op_attr(t.ctx, t.attrs, "delete"), "method"), "NONE") ||
        !resource_send(&t, &request, &document, &failure) || says_absent(&t, &failure))
        return 0;
    return err_raise(err, &failure);
}

/* ---- recovery after a lost response to a creation ---- */

static bool looks_like(struct resource *t, const struct value *by, const struct value *item)
{
    const struct value *body = op_attr(t->ctx, t->attrs, "body");
    for (uint32_t i = 0; i < by->count; i++) {
        struct str path = value_text(by->items[i], STR_EMPTY);
        const struct value *want = wire_path(t->arena, body, path);
        if (value_is_null(want) || !value_equal(want, wire_path(t->arena, item, path)))
            return false;
    }
    return by->count > 0;
}

static int find_listed(struct resource *t, const struct attempt *attempt, const struct value *find,
    const struct value **live, struct err *err)
{
    struct str at = value_gets(find, "at"), path = value_gets(find, "path");
    struct request request = {.role = "find",
        .method = "GET",
        .path = path.n ? path : op_text(t->ctx, t->attrs, "path"),
        .idempotent = true};
    const struct value *document, *by = value_getz(find, "by");
    if (is_hashed(op_attr(t->ctx, t->attrs, "body"))) {
        err_set(err, ERR_FAILED,
            "the request to create it got no response, and it cannot be looked up: its body has a secret, of "
            "which the state keeps only a hash");
        return err_hint(err, "look for it: `weir state rm` if it is not there, `weir state import` with its "
                             "id if it is; a state "
                             "with a key keeps the body (WEIR_STATE_KEY), and what is secret may also be "
                             "given under `secrets`");
    }
    if (resource_send(t, &request, &document, err))
        return -1;
    const struct value *items = wire_path(t->arena, document, at);
    for (uint32_t i = 0; items && items->kind == VALUE_LIST && i < items->count; i++) {
        if (!by || by->kind != VALUE_LIST || !looks_like(t, by, items->items[i]))
            continue;
        t->id = value_scalar_text(
            t->arena, wire_path(t->arena, items->items[i], op_text(t->ctx, t->attrs, "id_at")));
        if (t->id.n && attempt_claims(attempt, t->id)) {
            *live = live_of(t, items->items[i]);
            return 0;
        }
    }
    return 0;
}

static int resource_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    struct resource t = resource_of(ctx, desired);
    const struct value *find = value_getz(desired, "find");
    *live = NULL;
    if (t.id.n)
        return resource_read(ctx, desired, NULL, live, err);
    if (find)
        return find_listed(&t, attempt, find, live, err);
    err_set(err, ERR_FAILED, "the request to create it got no response, and its outcome cannot be looked up");
    return err_hint(err,
        "look for it: `weir state rm` if it is not there, `weir state import` with its id if it "
        "is; with `find` weir looks by itself");
}

static const struct resource_ops resource_ops = {.create = resource_create,
    .read = resource_read,
    .update = resource_update,
    .delete = resource_delete,
    .find = resource_find};

const struct native rest_natives[] = {{.name = "http_resource", .ops = &resource_ops},
    {.name = "http_response", .ops = &rest_response_ops}, {0}};
