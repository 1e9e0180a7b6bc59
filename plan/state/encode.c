/* Values to JSON and back, with markers for values that JSON lacks. */
#include "plan/state/encode.h"

#include "base/hash.h"
#include "base/json.h"
#include "plan/state/state.h"

#include <openssl/crypto.h>

enum { DEPTH_MAX = 128 };

/* ---- writing ---- */

static bool is_marker(const struct value *v)
{
    return v->kind == VALUE_MAP && v->count == 1 && v->entries[0].key.n && v->entries[0].key.p[0] == '$';
}

static void write_marker(struct buf *out, const char *name, struct str text)
{
    buf_addf(out, "{\"%s\":", name);
    json_write_string(out, text);
    buf_add_char(out, '}');
}

static void write_text(struct buf *out, struct str text)
{
    if (str_is_utf8(text)) {
        json_write_string(out, text);
        return;
    }
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    write_marker(out, "$bytes", base64_encode(&scratch, text));
}

static void write_secret(struct buf *out, struct secrets *secrets, const struct value *v)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf plain = BUF_INIT;
    encode_value(&plain, NULL, value_unmark(&scratch, v));
    if (secrets_have_key(secrets))
        write_marker(out, "$sealed", secrets_encrypt(secrets, &scratch, buf_str(&plain)));
    else
        write_marker(out, "$hash", secret_hash(&scratch, buf_str(&plain)));
    OPENSSL_cleanse(plain.p, plain.n);
}

static void write_value(struct buf *out, struct secrets *secrets, const struct value *v, int depth);

static void write_list(struct buf *out, struct secrets *secrets, const struct value *v, int depth)
{
    buf_add_char(out, '[');
    for (uint32_t i = 0; i < v->count; i++) {
        if (i)
            buf_add_char(out, ',');
        write_value(out, secrets, v->items[i], depth + 1);
    }
    buf_add_char(out, ']');
}

/* A key that is not UTF-8 would make the record unreadable. No service has such keys, so it need not be
 * restored. */
static void write_key(struct buf *out, struct str key)
{
    if (str_is_utf8(key)) {
        json_write_string(out, key);
        return;
    }
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    json_write_string(out, base64_encode(&scratch, key));
}

static void write_map(struct buf *out, struct secrets *secrets, const struct value *v, int depth)
{
    bool first = true;
    buf_add_char(out, '{');
    for (uint32_t i = 0; i < v->count; i++) {
        if (value_is_unknown(v->entries[i].value))
            continue;
        if (!first)
            buf_add_char(out, ',');
        first = false;
        write_key(out, v->entries[i].key);
        buf_add_char(out, ':');
        write_value(out, secrets, v->entries[i].value, depth + 1);
    }
    buf_add_char(out, '}');
}

static void write_deep(struct buf *out, struct secrets *secrets, const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    write_value(&text, secrets, v, 0);
    write_marker(out, "$json", buf_str(&text));
}

static void write_value(struct buf *out, struct secrets *secrets, const struct value *v, int depth)
{
    if (v->marks & VALUE_SENSITIVE) {
        if (state_is_hash(v)) /* from the log: written unchanged */
            write_map(out, secrets, v, depth);
        else
            write_secret(out, secrets, v);
        return;
    }
    switch ((enum value_kind)v->kind) {
    case VALUE_STRING: write_text(out, v->string); break;
    case VALUE_LIST:
    case VALUE_MAP:
        if (depth >= DEPTH_MAX) {
            write_deep(out, secrets, v);
        } else if (v->kind == VALUE_LIST) {
            write_list(out, secrets, v, depth);
        } else if (is_marker(v)) {
            buf_addz(out, "{\"$map\":");
            write_map(out, secrets, v, depth + 1);
            buf_add_char(out, '}');
        } else {
            write_map(out, secrets, v, depth);
        }
        break;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_UNKNOWN: json_write(out, v, JSON_PLAIN); break;
    }
}

void encode_value(struct buf *out, struct secrets *secrets, const struct value *v)
{
    write_value(out, secrets, v ? v : &value_null, 0);
}

/* ---- reading ---- */

void interner_release(struct interner *interner)
{
    map_release(&interner->keys);
}

struct str intern_name(struct interner *interner, struct str text)
{
    const char *kept = map_get(&interner->keys, text);
    if (kept)
        return str_n(kept, text.n);
    struct str copy = arena_str(interner->arena, text);
    map_set(&interner->keys, copy, (void *)(uintptr_t)copy.p);
    return copy;
}

struct decoder {
    struct interner *keeper;
    struct secrets *secrets;
    bool plain; /* copy only: markers are not decoded */
    struct err *err;
};

static const struct value *decode_any(const struct decoder *d, const struct value *v);

/* Decodes the text of a marker; NULL with err. */
static const struct value *decode_text(const struct decoder *d, struct str text)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *v;
    struct err why = ERR_INIT;
    if (scan_json(&scratch, text, &v, &why)) { /* accepts NULs in keys, like records do */
        err_set(d->err, ERR_DAMAGED, "it holds a value that is %s", why.message);
        return NULL;
    }
    return decode_any(d, v);
}

static const struct value *decode_map(const struct decoder *d, const struct value *v)
{
    struct value_entry *entries = arena_alloc(d->keeper->arena, v->count * sizeof *entries);
    struct value *copy = ARENA_NEW(d->keeper->arena, struct value);
    *copy = (struct value){.kind = VALUE_MAP, .marks = v->marks, .count = v->count, .entries = entries};
    for (uint32_t i = 0; i < v->count; i++) {
        entries[i].key = intern_name(d->keeper, v->entries[i].key);
        if (!(entries[i].value = decode_any(d, v->entries[i].value)))
            return NULL;
        copy->marks |= entries[i].value->marks & (VALUE_DEEP_SENSITIVE | VALUE_DEEP_UNKNOWN);
    }
    return v->count || v->marks ? copy : &value_empty_map;
}

static const struct value *decode_list(const struct decoder *d, const struct value *v)
{
    const struct value **items = arena_alloc(d->keeper->arena, v->count * sizeof *items);
    struct value *copy = ARENA_NEW(d->keeper->arena, struct value);
    *copy = (struct value){.kind = VALUE_LIST, .marks = v->marks, .count = v->count, .items = items};
    for (uint32_t i = 0; i < v->count; i++) {
        if (!(items[i] = decode_any(d, v->items[i])))
            return NULL;
        copy->marks |= items[i]->marks & (VALUE_DEEP_SENSITIVE | VALUE_DEEP_UNKNOWN);
    }
    return v->count || v->marks ? copy : &value_empty_list;
}

static const struct value *decode_marker(const struct decoder *d, struct str key, const struct value *v)
{
    struct arena *arena = d->keeper->arena;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str plain;
    if (str_eqz(key, "$map") && v->kind == VALUE_MAP)
        return decode_map(d, v);
    if (v->kind == VALUE_STRING && str_eqz(key, "$json"))
        return decode_text(d, v->string);
    if (v->kind == VALUE_STRING && str_eqz(key, "$bytes") && base64_decode(arena, v->string, &plain))
        return value_string(arena, plain);
    if (v->kind == VALUE_STRING && str_eqz(key, "$hash") && secret_is_hash(v->string)) {
        struct value_entry entry = {intern_name(d->keeper, key), value_string(arena, v->string)};
        return value_mark(arena, value_map(arena, &entry, 1), VALUE_SENSITIVE);
    }
    if (v->kind == VALUE_STRING && str_eqz(key, "$sealed")) {
        if (secrets_decrypt(d->secrets, &scratch, v->string, &plain, d->err))
            return NULL;
        const struct value *opened = decode_text(d, plain);
        return opened ? value_mark(arena, opened, VALUE_SENSITIVE) : NULL;
    }
    err_set(d->err, ERR_DAMAGED, "it has a value with the unknown marker \"%.*s\"", STR_ARG(key));
    return NULL;
}

static const struct value *decode_any(const struct decoder *d, const struct value *v)
{
    struct arena *arena = d->keeper->arena;
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: return v->marks ? value_copy(arena, v) : &value_null;
    case VALUE_BOOL: return v->marks ? value_copy(arena, v) : value_bool(v->boolean);
    case VALUE_UNKNOWN: return &value_unknown;
    case VALUE_STRING:
    case VALUE_INT:
    case VALUE_FLOAT: return value_copy(arena, v);
    case VALUE_LIST: return decode_list(d, v);
    case VALUE_MAP:
        if (!d->plain && is_marker(v))
            return decode_marker(d, v->entries[0].key, v->entries[0].value);
        return decode_map(d, v);
    }
    return NULL;
}

const struct value *intern_value(struct interner *interner, const struct value *v)
{
    return v ? decode_any(&(struct decoder){.keeper = interner, .plain = true}, v) : NULL;
}

int decode_value(struct interner *interner, struct secrets *secrets, const struct value *v,
    const struct value **out, struct err *err)
{
    const struct value *decoded =
        decode_any(&(struct decoder){.keeper = interner, .secrets = secrets, .err = err}, v);
    if (!decoded)
        return -1;
    *out = decoded;
    return 0;
}
