/* Converts generic documents to our names and types by a shape, and scalars both ways. Differences of lists
 * and maps between JSON, XML and forms are removed here, so that a shape is valid for every protocol: XML
 * does not distinguish one item from a list of one. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "provider/wire/internal.h"

#include <math.h>

/* ---- Scalars in our form and the service's: numbers, booleans, timestamps, blobs, JSON strings ---- */

bool wire_plain_text(struct arena *arena, const struct value *v, struct str *out)
{
    struct str text = value_scalar_text(arena, v);
    if (!text.p)
        return false;
    *out = text;
    return true;
}

const struct value *wire_choose(struct arena *arena, const struct value *choices, const struct value *v)
{
    struct str text;
    if (!choices || !v || !wire_plain_text(arena, v, &text))
        return v;
    const struct value *chosen = value_get(choices, text);
    for (uint32_t i = 0; !chosen && i < choices->count; i++) /* responses may have them in different case */
        if (str_ieq(choices->entries[i].key, text))
            chosen = choices->entries[i].value;
    return chosen ? chosen : v;
}

/* ---- numbers and booleans, both ways; NULL: not one ---- */

static const struct value *coerce_int(struct arena *arena, const struct value *doc)
{
    int64_t integer;
    if (doc->kind == VALUE_INT)
        return doc;
    if (doc->kind == VALUE_FLOAT && doc->number >= -9e15 && doc->number <= 9e15)
        return value_int(arena, (int64_t)doc->number);
    return doc->kind == VALUE_STRING && str_to_int(str_trim(doc->string), &integer)
               ? value_int(arena, integer)
               : NULL;
}

static const struct value *coerce_float(struct arena *arena, const struct value *doc)
{
    double number;
    if (value_is_number(doc))
        return doc;
    return doc->kind == VALUE_STRING && str_to_double(str_trim(doc->string), &number)
               ? value_float(arena, number)
               : NULL;
}

static const struct value *coerce_bool(const struct value *doc)
{
    if (doc->kind == VALUE_BOOL)
        return doc;
    if (doc->kind != VALUE_STRING)
        return NULL;
    struct str text = str_trim(doc->string);
    bool yes = str_ieq(text, STR("true"));
    return yes || str_ieq(text, STR("false")) ? value_bool(yes) : NULL;
}

static bool is_whole_number(double number)
{
    return !(number < trunc(number)) && !(number > trunc(number));
}

static int mismatch(const struct wire_encoder *e, const char *wanted, const struct value *v)
{
    const char *got = value_kind_name(v->kind);
    return err_set(
        e->err, ERR_INVALID, "expected %s, got %s %s", wanted, strchr("aeiou", *got) ? "an" : "a", got);
}

static int encode_time(
    const struct wire_encoder *e, enum wire_time form, const struct value *v, const struct value **out)
{
    int64_t ms;
    if (v->kind != VALUE_STRING)
        return mismatch(e, "a timestamp", v);
    if (!time_parse_rfc3339(v->string, &ms))
        return err_set(e->err, ERR_INVALID, "\"%.*s\" is not a timestamp (such as 2026-11-21T09:30:00Z)",
            STR_ARG(v->string));
    switch (form) {
    case WIRE_TIME_DEFAULT:
    case WIRE_TIME_ISO: *out = value_string_ref(e->arena, time_rfc3339(e->arena, ms, ms % 1000 != 0)); break;
    case WIRE_TIME_HTTP: *out = value_string_ref(e->arena, time_http(e->arena, ms)); break;
    case WIRE_TIME_EPOCH:
        *out = ms % 1000 ? value_float(e->arena, (double)ms / 1000) : value_int(e->arena, ms / 1000);
        break;
    }
    return 0;
}

static int encode_text(const struct wire_encoder *e, const struct value *v, const struct value **out)
{
    struct str text;
    if (!wire_plain_text(e->arena, v, &text))
        return mismatch(e, "a string", v);
    *out = v->kind == VALUE_STRING ? v : value_string_ref(e->arena, text);
    return 0;
}

static int encode_json_text(const struct wire_encoder *e, const struct value *v, const struct value **out)
{
    if (!wire_is_collection(v))
        return encode_text(e, v, out);
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, v, JSON_PLAIN);
    *out = value_string(e->arena, buf_str(&text));
    return 0;
}

/* A string in place of the list is sent unchanged. */
static int encode_joined(
    const struct wire_encoder *e, struct str between, const struct value *v, const struct value **out)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct str item;
    if (v->kind == VALUE_STRING) {
        *out = v;
        return 0;
    }
    if (v->kind != VALUE_LIST)
        return mismatch(e, "a list", v);
    for (uint32_t i = 0; i < v->count; i++) {
        if (!wire_plain_text(e->arena, v->items[i], &item))
            return mismatch(e, "a string", v->items[i]);
        buf_add_str(&text, i ? between : STR_EMPTY);
        buf_add_str(&text, item);
    }
    *out = value_string(e->arena, buf_str(&text));
    return 0;
}

int wire_scalar(const struct wire_encoder *e, const struct shape *shape, const struct value *v,
    enum wire_time fallback, const struct value **out)
{
    if (shape->choices_in) {
        const struct value *chosen = wire_choose(e->arena, shape->choices_in, v);
        if (chosen != v) {
            *out = chosen;
            return 0;
        }
    }
    switch (shape->kind) {
    case SHAPE_ANY: *out = v; return 0;
    case SHAPE_STRING: return encode_text(e, v, out);
    case SHAPE_INT:
        *out = v->kind == VALUE_FLOAT && !is_whole_number(v->number) ? NULL : coerce_int(e->arena, v);
        return *out ? 0 : mismatch(e, "an integer", v);
    case SHAPE_FLOAT: *out = coerce_float(e->arena, v); return *out ? 0 : mismatch(e, "a number", v);
    case SHAPE_BOOL: *out = coerce_bool(v); return *out ? 0 : mismatch(e, "a boolean", v);
    case SHAPE_TIMESTAMP:
        return encode_time(e, shape->time == WIRE_TIME_DEFAULT ? fallback : shape->time, v, out);
    case SHAPE_BLOB:
        if (v->kind != VALUE_STRING)
            return mismatch(e, "a string", v);
        *out = value_string_ref(e->arena, base64_encode(e->arena, v->string));
        return 0;
    case SHAPE_JSON_TEXT: return encode_json_text(e, v, out);
    case SHAPE_JOINED: return encode_joined(e, shape->item, v, out);
    case SHAPE_LIST: return mismatch(e, "a list", v);
    case SHAPE_MAP:
    case SHAPE_PAIRS:
    case SHAPE_STRUCT: break;
    }
    return mismatch(e, "a map", v);
}

int wire_scalar_text(const struct wire_encoder *e, const struct shape *shape, const struct value *v,
    enum wire_time fallback, struct str *out)
{
    const struct value *scalar;
    if (wire_scalar(e, shape, v, fallback, &scalar))
        return -1;
    return wire_plain_text(e->arena, scalar, out) ? 0 : mismatch(e, "a string", v);
}

static bool is_blank_text(const struct value *v)
{
    return v->kind == VALUE_STRING && str_trim(v->string).n == 0;
}

/* ---- scalars ---- */

static const struct value *coerce_text(struct arena *arena, const struct value *doc)
{
    struct str text;
    if (doc->kind == VALUE_STRING)
        return doc;
    return wire_plain_text(arena, doc, &text) ? value_string_ref(arena, text) : NULL;
}

/* Converts seconds since 1970 (a number or a numeric string), ISO 8601 or an HTTP date; anything else is
 * unchanged. */
static const struct value *coerce_time(struct arena *arena, const struct value *doc)
{
    int64_t ms;
    double seconds;
    bool number = value_is_number(doc);
    if (!number && doc->kind != VALUE_STRING)
        return NULL;
    if (number || str_to_double(str_trim(doc->string), &seconds)) {
        if (number)
            seconds = value_number(doc);
        if (!(seconds > -6e10 && seconds < 2.5e11)) /* the years 68 to 9892, the range of the text format */
            return coerce_text(arena, doc);
        ms = (int64_t)(seconds * 1000 + (seconds < 0 ? -0.5 : 0.5));
    } else if (!time_parse_rfc3339(str_trim(doc->string), &ms) &&
               !time_parse_http(str_trim(doc->string), &ms)) {
        return doc;
    }
    return value_string_ref(arena, time_rfc3339(arena, ms, ms % 1000 != 0));
}

static const struct value *coerce_blob(struct arena *arena, const struct value *doc)
{
    struct str bytes;
    if (doc->kind != VALUE_STRING)
        return NULL;
    return base64_decode(arena, doc->string, &bytes) ? value_string(arena, bytes) : doc;
}

/* Decodes {\"Version\": …}: JSON within a JSON string (policies of API Gateway). */
static struct str without_escapes(struct arena *arena, struct str text)
{
    const struct value *inner;
    struct str quoted = arena_printf(arena, "[\"%.*s\"]", STR_ARG(text));
    if (wire_json_read(arena, quoted, &inner, ERR_IGNORED) || inner->kind != VALUE_LIST || inner->count != 1)
        return text;
    return value_text(inner->items[0], text);
}

/* Policies of IAM are percent-encoded. */
static const struct value *coerce_json_text(struct arena *arena, const struct value *doc)
{
    if (wire_is_collection(doc))
        return doc;
    if (doc->kind != VALUE_STRING)
        return coerce_text(arena, doc);
    struct str text = str_trim(doc->string), decoded;
    if ((str_starts(text, STR("%7B")) || str_starts(text, STR("%7b")) || str_starts(text, STR("%5B")) ||
            str_starts(text, STR("%5b"))) &&
        url_decode(arena, text, false, &decoded))
        text = decoded;
    if (str_starts(text, STR("{\\\"")) || str_starts(text, STR("[\\\"")) || str_starts(text, STR("[{\\\"")))
        text = without_escapes(arena, text);
    const struct value *parsed;
    bool json = text.n && (text.p[0] == '{' || text.p[0] == '[');
    return json && !wire_json_read(arena, text, &parsed, ERR_IGNORED) ? parsed : doc;
}

/* ---- lists ---- */

/* Returns the items in an XML wrapper such as {member: […]}, or doc itself. */
static const struct value *coerce_unwrap(const struct shape *shape, const struct value *doc)
{
    if (doc->kind != VALUE_MAP || shape->flat)
        return doc;
    const struct value *inner = shape->item.n ? value_get(doc, shape->item) : NULL;
    if (!inner)
        inner = value_getz(doc, "member");
    if (!inner)
        inner = value_getz(doc, "item");
    return inner ? inner : doc;
}

static const struct value *coerce_items(
    struct arena *arena, const struct shape *elem, const struct value *const *items, size_t n)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++) {
        const struct value *item = elem ? wire_coerce(arena, elem, items[i]) : items[i];
        if (!value_is_null(item))
            value_builder_add(&list, item);
    }
    return value_builder_list(&list);
}

/* Returns the items of a list, a wrapper, a single item, or an empty element (*n is 0). */
static const struct value *const *items_of(const struct shape *shape, const struct value **doc, size_t *n)
{
    const struct value *outer = *doc;
    *doc = coerce_unwrap(shape, outer);
    *n = 0;
    if ((*doc)->kind == VALUE_LIST) {
        *n = (*doc)->count;
        return (*doc)->items;
    }
    if (*doc == outer && (is_blank_text(outer) || (outer->kind == VALUE_MAP && !outer->count)))
        return NULL;
    *n = 1;
    return doc;
}

static const struct value *coerce_list(
    struct arena *arena, const struct shape *shape, const struct value *doc)
{
    size_t n;
    const struct value *const *items = items_of(shape, &doc, &n);
    return coerce_items(arena, shape->elem, items, n);
}

/* Splits a string at the separator, ignoring white space around the parts. */
static const struct value *coerce_joined(
    struct arena *arena, const struct shape *shape, const struct value *doc)
{
    if (doc->kind != VALUE_STRING)
        return doc->kind == VALUE_LIST ? doc : NULL;
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    struct str rest = doc->string;
    while (rest.n) {
        ptrdiff_t end = str_find(rest, shape->item, 0);
        struct str part = str_trim(end < 0 ? rest : str_slice(rest, 0, (size_t)end));
        rest = end < 0 ? STR_EMPTY : str_slice(rest, (size_t)end + shape->item.n, rest.n);
        if (part.n)
            value_builder_add(&list, value_string(arena, part));
    }
    return value_builder_list(&list);
}

/* ---- maps ---- */

static void add_pair(struct arena *arena, const struct shape *shape, struct str key_name,
    struct str value_name, const struct value *pair, struct value_builder *map)
{
    const struct value *key = value_get(pair, key_name),
                       *value = str_eqz(value_name, ".") ? pair : value_get(pair, value_name);
    struct str text;
    if (!key || !wire_plain_text(arena, key, &text))
        return;
    value = value_is_null(value) ? &value_empty_string : value;
    value = shape->elem ? wire_coerce(arena, shape->elem, value) : value;
    if (value)
        value_builder_set(map, text, value);
}

static const struct value *coerce_pairs(
    struct arena *arena, const struct shape *shape, const struct value *doc)
{
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(arena);
    size_t n;
    const struct value *const *items = items_of(shape, &doc, &n);
    for (size_t i = 0; i < n; i++)
        add_pair(arena, shape, wire_or(shape->key_name, STR("Key")), wire_or(shape->value_name, STR("Value")),
            items[i], &map);
    return value_builder_map(&map);
}

/* Returns the entries of an XML map, or NULL if doc is a plain (JSON) map. */
static const struct value *xml_entries(
    const struct shape *shape, struct str key_name, const struct value *doc)
{
    if (doc->kind == VALUE_LIST)
        return doc;
    if (shape->flat)
        return value_get(doc, key_name) && doc->count <= 2 ? doc : NULL;
    const struct value *inner = doc->count == 1 ? value_get(doc, wire_or(shape->entry, STR("entry"))) : NULL;
    const struct value *first = inner && inner->kind == VALUE_LIST && inner->count ? inner->items[0] : inner;
    return value_get(first, key_name) ? inner : NULL;
}

static const struct value *coerce_map(struct arena *arena, const struct shape *shape, const struct value *doc)
{
    if (is_blank_text(doc))
        return &value_empty_map;
    if (!wire_is_collection(doc))
        return NULL;
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(arena);
    struct str key_name = wire_or(shape->key_name, STR("key"));
    const struct value *entries = xml_entries(shape, key_name, doc);
    if (entries) {
        bool list = entries->kind == VALUE_LIST;
        for (uint32_t i = 0; i < (list ? entries->count : 1); i++)
            add_pair(arena, shape, key_name, wire_or(shape->value_name, STR("value")),
                list ? entries->items[i] : entries, &map);
        return value_builder_map(&map);
    }
    for (uint32_t i = 0; i < doc->count; i++) {
        const struct value *v = doc->entries[i].value;
        v = shape->elem ? wire_coerce(arena, shape->elem, v) : v;
        if (!value_is_null(v))
            value_builder_set(&map, doc->entries[i].key, v);
    }
    return value_builder_map(&map);
}

/* ---- structures ---- */

const struct value *wire_entries(const struct value *doc)
{
    const struct value *list = doc->kind == VALUE_MAP && doc->count == 1 ? value_getz(doc, "entry") : NULL;
    bool entries = list && list->kind == VALUE_LIST && list->count && value_getz(list->items[0], "key");
    return entries ? list : NULL;
}

/* Query protocol: finds items of a list by number (IpPermissions.1.IpProtocol), and members that are keys of
 * a map given as entries (Attributes.entry.1.key). */
static const struct value *member_of(const struct value *doc, struct str wire)
{
    int64_t number;
    if (doc && doc->kind == VALUE_LIST)
        return str_to_int(wire, &number) && number >= 1 && number <= doc->count ? doc->items[number - 1]
                                                                                : NULL;
    const struct value *own = value_get(doc, wire), *entries = doc ? wire_entries(doc) : NULL;
    for (uint32_t i = 0; !own && entries && i < entries->count; i++)
        if (str_eq(value_gets(entries->items[i], "key"), wire))
            own = value_getz(entries->items[i], "value");
    return own;
}

static void add_members(
    struct arena *arena, const struct shape *shape, const struct value *doc, struct value_builder *map)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        if (m->group) {
            const struct value *inner = member_of(doc, m->wire);
            if (inner && m->shape->kind == SHAPE_LIST)
                inner = inner->kind == VALUE_LIST && inner->count ? inner->items[0] : NULL;
            if (inner && (inner->kind == VALUE_MAP || inner->kind == VALUE_LIST))
                add_members(arena, wire_group_shape(m->shape), inner, map);
            continue;
        }
        const struct value *v = m->spread ? doc : member_of(doc, m->wire);
        if (value_is_null(v))
            continue;
        bool raw_bytes = m->location == WIRE_RAW_BODY && m->shape->kind == SHAPE_BLOB;
        v = raw_bytes ? v : wire_coerce(arena, m->shape, v);
        if (!value_is_null(v) && !(m->spread && !v->count))
            value_builder_set(map, m->name, v);
    }
}

static const struct value *coerce_struct(
    struct arena *arena, const struct shape *shape, const struct value *doc)
{
    if (is_blank_text(doc))
        return &value_empty_map;
    if (doc->kind != VALUE_MAP)
        return NULL;
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(arena);
    add_members(arena, shape, doc, &map);
    return value_builder_map(&map);
}

/* Some services answer with the text of a structure of theirs: IamRole(applyStatus=in-sync,
 * iamRoleArn=arn:…). */
static const struct value *value_within(struct arena *arena, struct str name, const struct value *text)
{
    if (!text || text->kind != VALUE_STRING || !str_ends(text->string, STR(")")))
        return text;
    struct str rest, value;
    str_cut(text->string, '(', &rest);
    while (rest.n) {
        struct str key = str_cut(str_cut(rest, ',', &rest), '=', &value);
        if (str_eq(str_trim(key), name)) {
            value.n -= str_ends(value, STR(")"));
            return value_string(arena, str_trim(value));
        }
    }
    return text;
}

const struct value *wire_coerce(struct arena *arena, const struct shape *shape, const struct value *doc)
{
    if (value_is_null(doc))
        return NULL;
    if (shape->choices_out) {
        const struct value *chosen = wire_choose(arena, shape->choices_out, doc);
        if (chosen != doc)
            return chosen;
    }
    switch (shape->kind) {
    case SHAPE_ANY: return doc;
    case SHAPE_STRING:
        doc = coerce_text(arena, doc);
        return shape->within.n ? value_within(arena, shape->within, doc) : doc;
    case SHAPE_INT: return coerce_int(arena, doc);
    case SHAPE_FLOAT: return coerce_float(arena, doc);
    case SHAPE_BOOL: return coerce_bool(doc);
    case SHAPE_TIMESTAMP: return coerce_time(arena, doc);
    case SHAPE_BLOB: return coerce_blob(arena, doc);
    case SHAPE_JSON_TEXT: return coerce_json_text(arena, doc);
    case SHAPE_LIST: return coerce_list(arena, shape, doc);
    case SHAPE_MAP: return coerce_map(arena, shape, doc);
    case SHAPE_PAIRS: return coerce_pairs(arena, shape, doc);
    case SHAPE_STRUCT: return coerce_struct(arena, shape, doc);
    case SHAPE_JOINED: return coerce_joined(arena, shape, doc);
    }
    return NULL;
}
