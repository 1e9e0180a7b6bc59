/*
 * Requests and responses as a whole, for each protocol.
 */
#include "provider/wire/wire.h"

#include "base/clock.h"
#include "base/hash.h"
#include "provider/wire/internal.h"

#include <assert.h>

static const struct {
    struct str name, content_type;
} protocols[WIRE_PROTOCOL_COUNT] = {
    [WIRE_QUERY] = {STR_INIT("query"), STR_INIT("application/x-www-form-urlencoded; charset=utf-8")},
    [WIRE_EC2] = {STR_INIT("ec2"), STR_INIT("application/x-www-form-urlencoded; charset=utf-8")},
    [WIRE_JSON10] = {STR_INIT("json-1.0"), STR_INIT("application/x-amz-json-1.0")},
    [WIRE_JSON11] = {STR_INIT("json-1.1"), STR_INIT("application/x-amz-json-1.1")},
    [WIRE_REST_JSON] = {STR_INIT("rest-json"), STR_INIT("application/json")},
    [WIRE_REST_XML] = {STR_INIT("rest-xml"), STR_INIT("application/xml")},
};

bool wire_protocol_find(struct str name, enum wire_protocol *out)
{
    for (int i = 0; i < WIRE_PROTOCOL_COUNT; i++) {
        if (str_eq(name, protocols[i].name)) {
            *out = (enum wire_protocol)i;
            return true;
        }
    }
    return false;
}

void wire_header_add(struct arena *arena, struct wire_message *message, struct str name, struct str value)
{
    ARENA_GROW(arena, message->headers, message->header_count, message->header_cap);
    message->headers[message->header_count++] = (struct wire_header){name, value};
}

struct str wire_header_get(const struct wire_message *message, struct str name)
{
    for (size_t i = 0; i < message->header_count; i++)
        if (str_ieq(message->headers[i].name, name))
            return message->headers[i].value;
    return STR_EMPTY;
}

int64_t wire_retry_after_ms(const struct wire_message *response, int64_t wall_ms)
{
    int64_t number;
    if (str_to_int(wire_header_get(response, STR("x-amz-retry-after")), &number) && number > 0)
        return number;
    struct str after = wire_header_get(response, STR("Retry-After"));
    if (str_to_int(after, &number))
        return number > 0 && number < INT32_MAX ? number * 1000 : 0;
    if (time_parse_http(after, &number) && number > wall_ms)
        return number - wall_ms;
    return 0;
}

bool wire_content_range(struct str header, int64_t *from, int64_t *to, int64_t *size)
{
    struct str rest;
    if (!str_starts(header, STR("bytes ")))
        return false;
    struct str first = str_cut(str_slice(header, 6, header.n), '-', &rest), last = str_cut(rest, '/', &rest);
    return str_to_int(first, from) && str_to_int(last, to) && str_to_int(rest, size) && *from >= 0 &&
           *to >= *from && *to < *size;
}

/* ---- requests ---- */

static void add_content_type(struct arena *arena, enum wire_protocol protocol, struct wire_message *out)
{
    if (!wire_header_get(out, STR("Content-Type")).n)
        wire_header_add(arena, out, STR("Content-Type"), protocols[protocol].content_type);
}

static const struct shape_member *raw_member(const struct shape *shape)
{
    for (size_t i = 0; i < shape->member_count; i++)
        if (shape->members[i].location == WIRE_RAW_BODY)
            return &shape->members[i];
    return NULL;
}

static bool has_body_members(const struct shape *shape)
{
    for (size_t i = 0; i < shape->member_count; i++)
        if (shape->members[i].location == WIRE_BODY)
            return true;
    return false;
}

static int found_member(
    void *ctx, const struct shape_member *member UNUSED, struct str name UNUSED, const struct value *v UNUSED)
{
    *(bool *)ctx = true;
    return 0;
}

/* The body is the value of one member, without its name. */
static int encode_payload(const struct wire_encoder *e, struct str payload, const struct shape *shape,
    const struct value *input, struct wire_message *out)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        const struct value *v = value_get(input, m->name);
        if (!str_eq(m->wire, payload) || value_is_null(v))
            continue;
        return wire_json_write(e, m->shape, v, false, &out->body);
    }
    out->body = STR("{}");
    return 0;
}

static int encode_rest_body(const struct wire_encoder *e, const struct wire_operation *op,
    const struct shape *shape, const struct value *input, struct wire_message *out)
{
    const struct shape_member *raw = raw_member(shape);
    if (raw) {
        const struct value *v = value_get(input, raw->name);
        static const struct shape bytes = {.kind = SHAPE_STRING};
        const struct shape *as = raw->shape->kind == SHAPE_BLOB ? &bytes : raw->shape;
        return value_is_null(v) ? 0 : wire_scalar_text(e, as, v, WIRE_TIME_ISO, &out->body);
    }
    bool any = false;
    wire_each_member(shape, input, true, found_member, &any);
    if (op->protocol == WIRE_REST_JSON) {
        int rc = 0;
        if (op->body.n)
            rc = encode_payload(e, op->body, shape, input, out);
        else if (has_body_members(shape))
            rc = wire_json_write(e, shape, input, true, &out->body);
        if (out->body.n)
            add_content_type(e->arena, op->protocol, out);
        return rc;
    }
    if (!op->body.n && !any)
        return 0;
    AUTO_BUF struct buf text = BUF_INIT;
    struct str root = op->body.n ? op->body : arena_printf(e->arena, "%.*sRequest", STR_ARG(op->name));
    if (wire_xml_write(e, root, op->body_xmlns, shape, input, &text))
        return -1;
    out->body = arena_str(e->arena, buf_str(&text));
    add_content_type(e->arena, op->protocol, out);
    return 0;
}

static void add_md5(struct arena *arena, struct wire_message *out)
{
    unsigned char digest[MD5_SIZE];
    hash_md5(out->body, digest);
    wire_header_add(
        arena, out, STR("Content-MD5"), base64_encode(arena, str_n((const char *)digest, sizeof digest)));
}

static int encode_rest(const struct wire_encoder *e, const struct wire_operation *op,
    const struct shape *shape, const struct value *input, struct wire_message *out)
{
    if (wire_rest_bind(e, op, shape, input, out) || encode_rest_body(e, op, shape, input, out))
        return -1;
    if (op->md5)
        add_md5(e->arena, out);
    return 0;
}

static int encode_rpc(const struct wire_encoder *e, const struct wire_operation *op,
    const struct shape *shape, const struct value *input, struct wire_message *out)
{
    add_content_type(e->arena, op->protocol, out);
    if (op->protocol == WIRE_QUERY || op->protocol == WIRE_EC2)
        return wire_form_write(e, op, shape, input, &out->body);
    struct str target[] = {op->target_prefix, STR("."), op->name};
    wire_header_add(e->arena, out, STR("X-Amz-Target"), arena_concat(e->arena, target, 3));
    return wire_json_write(e, shape, input, true, &out->body);
}

int wire_encode_request(struct arena *arena, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct wire_message *out, struct err *err)
{
    assert(shape->kind == SHAPE_STRUCT && value_is_known(input));
    const struct wire_encoder e = {.arena = arena, .protocol = op->protocol, .err = err};
    *out = (struct wire_message){.method = wire_or(op->method, STR("POST")), .path = STR("/")};
    int rc = wire_is_rest(op->protocol) ? encode_rest(&e, op, shape, input, out)
                                        : encode_rpc(&e, op, shape, input, out);
    return rc ? err_context(err, "%.*s", STR_ARG(op->name)) : 0;
}

/* ---- responses ---- */

static const struct value *wire_message_without(
    struct arena *arena, const struct value *document, const char *key)
{
    return value_getz(document, key) ? value_with(arena, document, str_z(key), NULL) : document;
}

static bool is_blank(struct str text)
{
    return str_trim(text).n == 0;
}

static const struct value *unwrap_query(
    struct arena *arena, const struct wire_operation *op, const struct value *document)
{
    struct str result = op->result.n ? op->result : arena_printf(arena, "%.*sResult", STR_ARG(op->name));
    const struct value *inner = value_get(document, result);
    return inner ? inner : wire_message_without(arena, document, "ResponseMetadata");
}

/* vpcSet -> VpcSet, at every depth */
static const struct value *capitalise(struct arena *arena, const struct value *v)
{
    if (!wire_is_collection(v))
        return v;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->kind == VALUE_LIST) {
            value_builder_add(&b, capitalise(arena, v->items[i]));
            continue;
        }
        struct str key = v->entries[i].key;
        if (key.n && key.p[0] >= 'a' && key.p[0] <= 'z' && !str_eq(key, STR("item"))) {
            char *copy = arena_strz(arena, key);
            copy[0] = (char)(copy[0] - 'a' + 'A');
            key.p = copy;
        }
        value_builder_set(&b, key, capitalise(arena, v->entries[i].value));
    }
    return v->kind == VALUE_LIST ? value_builder_list(&b) : value_builder_map(&b);
}

/* In query and ec2 the response's root is named after the operation. */
static bool is_answer_root(const struct wire_operation *op, struct str root)
{
    if (op->protocol == WIRE_REST_XML)
        return !op->root.n || str_eq(root, op->root);
    return root.n > op->name.n && str_starts(root, op->name) &&
           str_eqz(str_slice(root, op->name.n, root.n), "Response");
}

static int decode_xml(struct arena *arena, const struct wire_operation *op, struct str body,
    const struct value **document, struct err *err)
{
    struct str root;
    const struct value *v;
    if (wire_xml_read(arena, body, &root, &v, err))
        return -1;
    if (!is_answer_root(op, root))
        return err_set(err, ERR_PROTOCOL, "it is a %.*s", STR_ARG(root));
    if (op->protocol == WIRE_QUERY)
        v = unwrap_query(arena, op, v);
    if (op->protocol == WIRE_EC2)
        v = wire_message_without(arena, capitalise(arena, v), "RequestId");
    if (v->kind == VALUE_STRING) {
        v = is_blank(v->string) ? &value_empty_map : VALUE_MAP(arena, {root, v});
    }
    *document = v;
    return 0;
}

int wire_decode_response(struct arena *arena, const struct wire_operation *op,
    const struct wire_message *response, const struct value **document, struct err *err)
{
    int rc = 0;
    if (is_blank(response->body)) {
        *document = &value_empty_map;
        if (op->protocol == WIRE_QUERY || op->protocol == WIRE_EC2 || op->root.n)
            rc = err_set(err, ERR_PROTOCOL, "it is empty");
    } else if (op->raw.n) {
        *document = value_with(arena, NULL, op->raw, value_string(arena, response->body));
    } else if (wire_is_json(op->protocol)) {
        rc = wire_json_read(arena, response->body, document, err);
        if (rc == 0 && value_is_null(*document))
            *document = &value_empty_map; /* some servers send null for an empty response */
        bool listing = rc == 0 && (*document)->kind == VALUE_LIST && op->protocol == WIRE_REST_JSON;
        if (rc == 0 && (*document)->kind != VALUE_MAP && !listing && !op->body.n)
            rc =
                err_set(err, ERR_PROTOCOL, "it is %s, not a JSON object", value_kind_name((*document)->kind));
    } else {
        rc = decode_xml(arena, op, response->body, document, err);
    }
    if (!rc)
        return 0;
    if (err)
        err->lost = true;
    return err_context(err, "the answer to %.*s cannot be read", STR_ARG(op->name));
}

static const struct value *header_map(
    struct arena *arena, struct str prefix, const struct wire_message *response)
{
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(arena);
    for (size_t i = 0; i < response->header_count; i++) {
        struct str name = response->headers[i].name;
        if (name.n <= prefix.n || !str_ieq(str_slice(name, 0, prefix.n), prefix))
            continue;
        value_builder_set(&map, arena_lower(arena, str_slice(name, prefix.n, name.n)),
            value_string(arena, response->headers[i].value));
    }
    return map.n ? value_builder_map(&map) : NULL;
}

static const struct value *header_value(
    struct arena *arena, const struct shape_member *m, const struct wire_message *message)
{
    struct str text = wire_header_get(message, m->wire);
    if (!text.n)
        return NULL;
    return m->shape->kind == SHAPE_LIST ? wire_split_header(arena, text) : value_string(arena, text);
}

const struct value *wire_add_headers(struct arena *arena, const struct shape *shape,
    const struct wire_message *response, const struct value *document)
{
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(arena);
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        const struct value *v = NULL;
        switch (m->location) {
        case WIRE_HEADER: v = header_value(arena, m, response); break;
        case WIRE_HEADER_MAP: v = header_map(arena, m->wire, response); break;
        case WIRE_STATUS: v = value_int(arena, response->status); break;
        case WIRE_RAW_BODY: v = response->body.n ? value_string(arena, response->body) : NULL; break;
        case WIRE_BODY:
        case WIRE_PATH:
        case WIRE_QUERY_STRING: break;
        }
        if (v)
            value_builder_set(&found, m->wire, v);
    }
    return value_merge(arena, document, value_builder_map(&found));
}
