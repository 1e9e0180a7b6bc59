/*
 * Server side: decodes requests and encodes responses, with the client's shapes and writers.
 */
#include "base/hash.h"
#include "base/json.h"
#include "provider/wire/internal.h"

/* ---- finding the operation ---- */

/* Takes the next path segment, or the rest for a greedy label; returns false if there is none. */
static bool take_label(struct str *path, bool greedy, struct str *text)
{
    ptrdiff_t slash = greedy ? -1 : str_find_char(*path, '/', 0);
    *text = slash < 0 ? *path : str_slice(*path, 0, (size_t)slash);
    *path = str_slice(*path, text->n, path->n);
    return text->n > 0;
}

typedef bool label_fn(void *ctx, struct str label, struct str text);

/* Matches template and path; fn (may be NULL) gets each label with its text, still encoded. */
static bool match_path(struct str template, struct str path, label_fn *fn, void *ctx)
{
    while (template.n) {
        if (template.p[0] != '{') {
            if (!path.n || path.p[0] != template.p[0])
                return false;
            path = str_slice(path, 1, path.n);
            template = str_slice(template, 1, template.n);
            continue;
        }
        ptrdiff_t close = str_find_char(template, '}', 0);
        if (close < 0)
            return false;
        struct str text, label = str_slice(template, 1, (size_t)close);
        bool greedy = str_ends(label, STR("+"));
        if (!take_label(&path, greedy, &text) ||
            (fn && !fn(ctx, str_slice(label, 0, label.n - greedy), text)))
            return false;
        template = str_slice(template, (size_t)close + 1, template.n);
    }
    return !path.n || str_eq(path, STR("/"));
}

/* True if the query has name[=value]; without a value any value matches. */
static bool has_parameter(struct str query, struct str wanted)
{
    bool with_value = str_find_char(wanted, '=', 0) >= 0;
    while (query.n) {
        struct str rest, pair = str_cut(query, '&', &query);
        if (str_eq(with_value ? pair : str_cut(pair, '=', &rest), wanted))
            return true;
    }
    return false;
}

static int match_query(struct str constant, struct str query)
{
    int n = 0;
    for (; constant.n; n++)
        if (!has_parameter(query, str_cut(constant, '&', &constant)))
            return -1;
    return n;
}

struct str wire_request_name(
    struct arena *arena, enum wire_protocol protocol, const struct wire_message *request)
{
    if (protocol == WIRE_JSON10 || protocol == WIRE_JSON11) {
        struct str target = wire_header_get(request, STR("X-Amz-Target")), name = STR_EMPTY;
        for (str_cut(target, '.', &target); target.p; str_cut(target, '.', &target))
            name = target; /* the prefix before the last dot may contain dots */
        return name;
    }
    struct str forms[] = {request->body, request->query};
    for (size_t i = 0; i < 2; i++) {
        struct str form = forms[i], name;
        while (form.n) {
            struct str value, pair = str_cut(form, '&', &form);
            if (str_eq(str_cut(pair, '=', &value), STR("Action")) && url_decode(arena, value, true, &name))
                return name;
        }
    }
    return STR_EMPTY;
}

int wire_match(const struct wire_operation *op, const struct wire_message *request)
{
    if (wire_is_rest(op->protocol)) {
        if (!str_eq(wire_or(op->method, STR("POST")), request->method))
            return -1;
        return match_path(op->path, request->path, NULL, NULL) ? match_query(op->query, request->query) : -1;
    }
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    return str_eq(wire_request_name(&scratch, op->protocol, request), op->name) ? 0 : -1;
}

/* ---- requests ---- */

struct binding {
    struct arena *arena;
    const struct shape *shape;
    struct value_builder members;
};

static bool bind_label(void *ctx, struct str label, struct str text)
{
    struct binding *b = ctx;
    struct str decoded;
    if (!url_decode(b->arena, text, false, &decoded))
        return false;
    value_builder_set(&b->members, arena_str(b->arena, label), value_string_ref(b->arena, decoded));
    return true;
}

static const struct value *parameters(struct arena *arena, struct str query, struct str name)
{
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(arena);
    while (query.n) {
        struct str value, pair = str_cut(query, '&', &query), key, text;
        if (url_decode(arena, str_cut(pair, '=', &value), true, &key) && str_eq(key, name) &&
            url_decode(arena, value, true, &text))
            value_builder_add(&found, value_string_ref(arena, text));
    }
    if (found.n == 1)
        return found.entries[0].value;
    return found.n ? value_builder_list(&found) : NULL;
}

/* Returns the parameters that no member names, for a map of parameters. */
static const struct value *other_parameters(struct arena *arena, const struct shape *shape, struct str query)
{
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(arena);
    while (query.n) {
        struct str value, pair = str_cut(query, '&', &query), key, text;
        if (!url_decode(arena, str_cut(pair, '=', &value), true, &key) ||
            !url_decode(arena, value, true, &text))
            continue;
        bool known = false;
        for (size_t i = 0; i < shape->member_count && !known; i++)
            known = shape->members[i].location == WIRE_QUERY_STRING && str_eq(shape->members[i].wire, key);
        if (!known)
            value_builder_set(&found, key, value_string_ref(arena, text));
    }
    return value_builder_map(&found);
}

static int bind_rest(
    struct binding *b, const struct wire_operation *op, const struct wire_message *request, struct err *err)
{
    if (!match_path(op->path, request->path, bind_label, b))
        return err_set(err, ERR_INVALID, "the path is not that of %.*s", STR_ARG(op->name));
    for (size_t i = 0; i < b->shape->member_count; i++) {
        const struct shape_member *m = &b->shape->members[i];
        if (m->location != WIRE_QUERY_STRING)
            continue;
        const struct value *v = m->shape->kind == SHAPE_MAP
                                    ? other_parameters(b->arena, b->shape, request->query)
                                    : parameters(b->arena, request->query, m->wire);
        if (v)
            value_builder_set(&b->members, m->wire, v);
    }
    return 0;
}

static bool has_raw_member(const struct shape *shape)
{
    for (size_t i = 0; i < shape->member_count; i++)
        if (shape->members[i].location == WIRE_RAW_BODY)
            return true;
    return false;
}

static int decode_rest_body(struct arena *arena, const struct wire_operation *op, const struct shape *shape,
    const struct wire_message *request, const struct value **document, struct err *err)
{
    *document = &value_empty_map;
    if (has_raw_member(shape) || !str_trim(request->body).n)
        return 0;
    if (op->protocol == WIRE_REST_XML) {
        struct str root;
        if (wire_xml_read(arena, request->body, &root, document, err))
            return -1;
    } else if (wire_json_read(arena, request->body, document, err)) {
        return -1;
    } else if (op->body.n) {
        *document = VALUE_MAP(arena, {op->body, *document});
    }
    if ((*document)->kind != VALUE_MAP)
        *document = &value_empty_map;
    return 0;
}

static int decode_rest(struct arena *arena, const struct wire_operation *op, const struct shape *shape,
    const struct wire_message *request, const struct value **document, struct err *err)
{
    const struct value *body;
    struct binding b = {.arena = arena, .shape = shape, .members = VALUE_BUILDER(arena)};
    int rc = decode_rest_body(arena, op, shape, request, &body, err);
    if (!rc)
        rc = bind_rest(&b, op, request, err);
    if (!rc) {
        *document = value_merge(arena, body, value_builder_map(&b.members));
        *document = wire_add_headers(arena, shape, request, *document);
    }
    value_builder_release(&b.members);
    return rc;
}

static int decode_rpc(struct arena *arena, const struct wire_operation *op,
    const struct wire_message *request, const struct value **document, struct err *err)
{
    if (wire_is_json(op->protocol)) {
        *document = &value_empty_map;
        return str_trim(request->body).n ? wire_json_read(arena, request->body, document, err) : 0;
    }
    if (wire_form_read(arena, request->body.n ? request->body : request->query, document, err))
        return -1;
    *document = value_with(arena, *document, STR("Action"), NULL);
    *document = value_with(arena, *document, STR("Version"), NULL);
    return 0;
}

int wire_decode_request(struct arena *arena, const struct wire_operation *op, const struct shape *shape,
    const struct wire_message *request, const struct value **document, struct err *err)
{
    int rc = wire_is_rest(op->protocol) ? decode_rest(arena, op, shape, request, document, err)
                                        : decode_rpc(arena, op, request, document, err);
    if (rc && err)
        err->class = ERR_INVALID;
    return rc;
}

/* ---- responses ---- */

static void add_request_id(
    struct arena *arena, const struct wire_operation *op, struct str id, struct wire_message *out)
{
    bool s3 = op->protocol == WIRE_REST_XML;
    wire_header_add(arena, out, s3 ? STR("x-amz-request-id") : STR("x-amzn-RequestId"), id);
}

static void add_type(struct arena *arena, const struct wire_operation *op, struct wire_message *out)
{
    static const char *const types[WIRE_PROTOCOL_COUNT] = {[WIRE_QUERY] = "text/xml",
        [WIRE_EC2] = "text/xml;charset=UTF-8",
        [WIRE_JSON10] = "application/x-amz-json-1.0",
        [WIRE_JSON11] = "application/x-amz-json-1.1",
        [WIRE_REST_JSON] = "application/json",
        [WIRE_REST_XML] = "application/xml"};
    wire_header_add(arena, out, STR("Content-Type"), str_z(types[op->protocol]));
}

static void add_leaf(struct buf *out, const char *name, struct str text)
{
    buf_addf(out, "<%s>", name);
    wire_xml_escape(out, text, false);
    buf_addf(out, "</%s>", name);
}

/* <OpResponse><OpResult>…</OpResult><ResponseMetadata>… */
static int write_query(const struct wire_encoder *e, const struct wire_operation *op,
    const struct shape *shape, const struct value *output, struct str id, struct buf *out)
{
    buf_addf(out, "<%.*sResponse", STR_ARG(op->name));
    if (op->body_xmlns.n)
        buf_addf(out, " xmlns=\"%.*s\"", STR_ARG(op->body_xmlns));
    buf_addz(out, ">");
    struct str result = op->result.n ? op->result : arena_printf(e->arena, "%.*sResult", STR_ARG(op->name));
    if (wire_xml_write(e, result, STR_EMPTY, shape, output, out))
        return -1;
    buf_addz(out, "<ResponseMetadata>");
    add_leaf(out, "RequestId", id);
    buf_addf(out, "</ResponseMetadata></%.*sResponse>", STR_ARG(op->name));
    return 0;
}

/* <OpResponse><requestId>…</requestId>…</OpResponse> */
static int write_ec2(const struct wire_encoder *e, const struct wire_operation *op, const struct shape *shape,
    const struct value *output, struct str id, struct buf *out)
{
    AUTO_BUF struct buf members = BUF_INIT;
    if (wire_xml_write(e, STR("r"), STR_EMPTY, shape, output, &members))
        return -1;
    struct str inner = buf_str(&members); /* "<r>…</r>", or "<r/>" */
    inner = inner.n > 4 ? str_slice(inner, 3, inner.n - 4) : STR_EMPTY;
    buf_addf(out, "<%.*sResponse", STR_ARG(op->name));
    if (op->body_xmlns.n)
        buf_addf(out, " xmlns=\"%.*s\"", STR_ARG(op->body_xmlns));
    buf_addz(out, ">");
    add_leaf(out, "requestId", id);
    buf_add_str(out, inner);
    buf_addf(out, "</%.*sResponse>", STR_ARG(op->name));
    return 0;
}

static const struct shape_member *find_at(
    const struct shape *shape, enum wire_location location, struct str wire)
{
    for (size_t i = 0; i < shape->member_count; i++)
        if (shape->members[i].location == location && (!wire.n || str_eq(shape->members[i].wire, wire)))
            return &shape->members[i];
    return NULL;
}

static int write_rest(const struct wire_encoder *e, const struct wire_operation *op,
    const struct shape *shape, const struct value *output, struct wire_message *out)
{
    static const struct shape bytes = {.kind = SHAPE_STRING};
    const struct shape_member *status = find_at(shape, WIRE_STATUS, STR_EMPTY);
    const struct shape_member *raw = find_at(shape, WIRE_RAW_BODY, STR_EMPTY);
    const struct value *v = status ? value_get(output, status->name) : NULL;
    if (v && v->kind == VALUE_INT)
        out->status = (int)v->integer;
    if (wire_rest_headers(e, shape, output, out))
        return -1;
    if (raw) {
        v = value_get(output, raw->name);
        const struct shape *as = raw->shape->kind == SHAPE_BLOB ? &bytes : raw->shape;
        return value_is_null(v) ? 0 : wire_scalar_text(e, as, v, WIRE_TIME_ISO, &out->body);
    }
    if (op->protocol == WIRE_REST_JSON) {
        const struct shape_member *payload = op->body.n ? find_at(shape, WIRE_BODY, op->body) : NULL;
        v = payload ? value_get(output, payload->name) : NULL;
        return v ? wire_json_write(e, payload->shape, v, false, &out->body)
                 : wire_json_write(e, shape, output, true, &out->body);
    }
    if (!find_at(shape, WIRE_BODY, STR_EMPTY))
        return 0;
    AUTO_BUF struct buf text = BUF_INIT;
    buf_addz(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    struct str root = op->body.n ? op->body : arena_printf(e->arena, "%.*sResult", STR_ARG(op->name));
    if (wire_xml_write(e, root, op->body_xmlns, shape, output, &text))
        return -1;
    out->body = arena_str(e->arena, buf_str(&text));
    return 0;
}

int wire_encode_response(struct arena *arena, const struct wire_operation *op, const struct shape *shape,
    const struct value *output, struct str request_id, struct wire_message *out, struct err *err)
{
    const struct wire_encoder e = {.arena = arena, .protocol = op->protocol, .answer = true, .err = err};
    AUTO_BUF struct buf text = BUF_INIT;
    int rc = 0;
    *out = (struct wire_message){.status = op->status ? op->status : 200};
    add_request_id(arena, op, request_id, out);
    switch (op->protocol) {
    case WIRE_QUERY: rc = write_query(&e, op, shape, output, request_id, &text); break;
    case WIRE_EC2: rc = write_ec2(&e, op, shape, output, request_id, &text); break;
    case WIRE_JSON10:
    case WIRE_JSON11: rc = wire_json_write(&e, shape, output, true, &out->body); break;
    case WIRE_REST_JSON:
    case WIRE_REST_XML: rc = write_rest(&e, op, shape, output, out); break;
    case WIRE_PROTOCOL_COUNT: break;
    }
    if (rc)
        return err_context(err, "the answer of %.*s", STR_ARG(op->name));
    if (text.n)
        out->body = arena_str(arena, buf_str(&text));
    if (out->status == 204)
        out->body = STR_EMPTY;
    if (out->body.n && !wire_header_get(out, STR("Content-Type")).n)
        add_type(arena, op, out);
    return 0;
}

/* ---- error responses ---- */

static void write_json_error(
    const struct wire_operation *op, struct str code, struct str text, struct buf *out)
{
    bool rest = op->protocol == WIRE_REST_JSON;
    buf_addz(out, "{");
    if (!rest) {
        buf_addz(out, "\"__type\":");
        json_write_string(out, code);
    }
    if (text.n) { /* KMS returns no message if it cannot decrypt */
        buf_addz(out, rest ? "" : ",");
        json_write_string(out, wire_or(op->error_text, STR("message")));
        buf_addz(out, ":");
        json_write_string(out, text);
    }
    buf_addz(out, "}");
}

/* Writes an error as Lambda does; clients read one of the spellings depending on the code. */
static void write_typed_error(int status, struct str text, struct buf *out)
{
    static const char *const spellings[] = {"Message", "message"};
    buf_addf(out, "{\"Type\":\"%s\"", status >= 500 ? "Service" : "User");
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        buf_addf(out, ",\"%s\":", spellings[i]);
        json_write_string(out, text);
    }
    buf_addz(out, "}");
}

static void write_xml_error(
    enum wire_protocol protocol, int status, struct str code, struct str text, struct str id, struct buf *out)
{
    bool query = protocol == WIRE_QUERY, ec2 = protocol == WIRE_EC2;
    buf_addz(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    buf_addz(out, query ? "<ErrorResponse><Error>" : ec2 ? "<Response><Errors><Error>" : "<Error>");
    if (query)
        add_leaf(out, "Type", status >= 500 ? STR("Receiver") : STR("Sender"));
    add_leaf(out, "Code", code);
    add_leaf(out, "Message", text);
    buf_addz(out, query ? "</Error>" : ec2 ? "</Error></Errors>" : "");
    add_leaf(out, ec2 ? "RequestID" : "RequestId", id);
    buf_addz(out, query ? "</ErrorResponse>" : ec2 ? "</Response>" : "</Error>");
}

/* Replaces characters that a response cannot contain by "?", since error messages quote requests. */
static struct str representable(struct arena *arena, bool json, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t at = 0, n; at < text.n; at += n) {
        n = str_char_size(text, at);
        struct str one = str_slice(text, at, at + n);
        buf_add_str(&out, str_is_utf8(one) && (json || wire_xml_can_say(one)) ? one : STR("?"));
    }
    return arena_str(arena, buf_str(&out));
}

void wire_encode_error(struct arena *arena, const struct wire_operation *op, int status, struct str code,
    struct str text, struct str request_id, struct wire_message *out)
{
    AUTO_BUF struct buf body = BUF_INIT;
    *out = (struct wire_message){.status = status};
    add_request_id(arena, op, request_id, out);
    add_type(arena, op, out);
    text = representable(arena, wire_is_json(op->protocol), text);
    if (op->protocol == WIRE_REST_JSON)
        wire_header_add(arena, out, STR("x-amzn-ErrorType"),
            arena_str(arena, code)); /* copied, since the message outlives the error */
    if (op->typed_errors)
        write_typed_error(status, text, &body);
    else if (wire_is_json(op->protocol))
        write_json_error(op, code, text, &body);
    else
        write_xml_error(op->protocol, status, code, text, request_id, &body);
    out->body = arena_str(arena, buf_str(&body));
}
