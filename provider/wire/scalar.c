/*
 * Scalars between our side and the wire: numbers, booleans, timestamps, blobs, JSON in text.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "provider/wire/internal.h"

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
    for (uint32_t i = 0; !chosen && i < choices->count; i++) /* answers have them in other case, too */
        if (str_ieq(choices->entries[i].key, text))
            chosen = choices->entries[i].value;
    return chosen ? chosen : v;
}

static int mismatch(const struct wire_encoder *e, const char *wanted, const struct value *v)
{
    const char *got = value_kind_name(v->kind);
    return err_set(
        e->err, ERR_INVALID, "expected %s, got %s %s", wanted, strchr("aeiou", *got) ? "an" : "a", got);
}

static int encode_int(const struct wire_encoder *e, const struct value *v, const struct value **out)
{
    int64_t integer;
    if (v->kind == VALUE_INT)
        *out = v;
    else if (v->kind == VALUE_STRING && str_to_int(v->string, &integer))
        *out = value_int(e->arena, integer);
    else if (v->kind == VALUE_FLOAT && v->number >= -9e15 && v->number <= 9e15 &&
             !((double)(int64_t)v->number < v->number) && !((double)(int64_t)v->number > v->number))
        *out = value_int(e->arena, (int64_t)v->number);
    else
        return mismatch(e, "an integer", v);
    return 0;
}

static int encode_float(const struct wire_encoder *e, const struct value *v, const struct value **out)
{
    double number;
    if (value_is_number(v))
        *out = v;
    else if (v->kind == VALUE_STRING && str_to_double(v->string, &number))
        *out = value_float(e->arena, number);
    else
        return mismatch(e, "a number", v);
    return 0;
}

static int encode_bool(const struct wire_encoder *e, const struct value *v, const struct value **out)
{
    if (v->kind == VALUE_BOOL)
        *out = v;
    else if (v->kind == VALUE_STRING && (str_eqz(v->string, "true") || str_eqz(v->string, "false")))
        *out = value_bool(v->string.p[0] == 't');
    else
        return mismatch(e, "a boolean", v);
    return 0;
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

/* A text that is given instead is taken as it is. */
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
    case SHAPE_INT: return encode_int(e, v, out);
    case SHAPE_FLOAT: return encode_float(e, v, out);
    case SHAPE_BOOL: return encode_bool(e, v, out);
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
