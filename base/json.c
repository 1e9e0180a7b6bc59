/* JSON text <-> values: see json.h. */
#include "base/json.h"

#include <jansson.h>
#include <math.h>

enum { MAX_DEPTH = 256 };

static const struct value *from_jansson(struct arena *arena, const json_t *json, int depth)
{
    if (depth > MAX_DEPTH)
        return NULL;
    switch (json_typeof(json)) {
    case JSON_NULL: return &value_null;
    case JSON_TRUE: return &value_true;
    case JSON_FALSE: return &value_false;
    case JSON_INTEGER: return value_int(arena, json_integer_value(json));
    case JSON_REAL: return value_float(arena, json_real_value(json));
    case JSON_STRING: return value_string(arena, str_n(json_string_value(json), json_string_length(json)));
    case JSON_ARRAY: {
        size_t n = json_array_size(json);
        const struct value **items = arena_alloc(arena, n * sizeof *items);
        for (size_t i = 0; i < n; i++)
            if (!(items[i] = from_jansson(arena, json_array_get(json, i), depth + 1)))
                return NULL;
        return value_list(arena, items, n);
    }
    case JSON_OBJECT: {
        AUTO_BUILDER struct value_builder entries = VALUE_BUILDER(arena);
        const char *key;
        json_t *item;
        json_object_foreach((json_t *)(uintptr_t)json, key, item) /* jansson takes no key with a NUL */
        {
            const struct value *v = from_jansson(arena, item, depth + 1);
            if (!v)
                return NULL;
            value_builder_set(&entries, arena_str(arena, str_z(key)), v);
        }
        return value_builder_map(&entries);
    }
    }
    return NULL;
}

static void decref(json_t **json)
{
    json_decref(*json);
}

/* jansson's reason goes on with what stands there, which may be secret. */
static struct str without_text(struct str reason)
{
    static const char *const leads[] = {" near '", " escape '", " Unicode '", " byte 0x"};
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
        ptrdiff_t at = str_find(reason, str_z(leads[i]), 0);
        reason.n = at < 0 ? reason.n : (size_t)at;
    }
    return reason;
}

int json_parse(struct arena *arena, struct str text, const struct value **out, struct err *err)
{
    json_error_t why;
    ptrdiff_t nul = str_find_char(text, '\0', 0); /* jansson takes it for the end of the text */
    if (nul >= 0)
        return err_set(err, ERR_PROTOCOL, "not valid JSON: a NUL at byte %td", nul);
    size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    __attribute__((cleanup(decref))) json_t *json = json_loadb(text.p, text.n, flags, &why);
    if (!json) {
        struct str reason = without_text(str_z(why.text));
        return err_set(err, ERR_PROTOCOL, "not valid JSON at line %d, column %d: %.*s", why.line, why.column,
            STR_ARG(reason));
    }
    const struct value *v = from_jansson(arena, json, 0);
    if (!v)
        return err_set(err, ERR_PROTOCOL, "JSON is nested deeper than %d levels", MAX_DEPTH);
    *out = v;
    return 0;
}

void json_write_string(struct buf *out, struct str text)
{
    buf_add_char(out, '"');
    size_t plain = 0, good = 0; /* up to where it is written, and known to be UTF-8 */
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= 0x80 && i >= good) {
            good = i + str_utf8_prefix(str_slice(text, i, text.n));
            if (i == good) { /* no text: what is written can be read, whatever it is */
                buf_add(out, text.p + plain, i - plain);
                buf_addz(out, "\xef\xbf\xbd");
                plain = i + 1;
            }
        }
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(out, text.p + plain, i - plain);
        plain = i + 1;
        switch (c) {
        case '"': buf_addz(out, "\\\""); break;
        case '\\': buf_addz(out, "\\\\"); break;
        case '\n': buf_addz(out, "\\n"); break;
        case '\r': buf_addz(out, "\\r"); break;
        case '\t': buf_addz(out, "\\t"); break;
        default: buf_addf(out, "\\u%04x", c);
        }
    }
    buf_add(out, text.p + plain, text.n - plain);
    buf_add_char(out, '"');
}

void json_write_member(struct buf *out, const char *name, struct str text)
{
    buf_addf(out, ",\"%s\":", name);
    json_write_string(out, text);
}

void json_write_member_if_any(struct buf *out, const char *name, struct str text)
{
    if (text.n)
        json_write_member(out, name, text);
}

/* The shortest text that reads back as the same number, and always as a real one. */
static void write_float(struct buf *out, double number)
{
    if (!isfinite(number)) {
        buf_addz(out, "null");
        return;
    }
    char text[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, number);
        double back;
        if (str_to_double(str_z(text), &back) && !(back < number) && !(back > number))
            break;
    }
    buf_addz(out, text);
    if (!strpbrk(text, ".eE"))
        buf_addz(out, ".0");
}

static void newline(struct buf *out, unsigned flags, int depth)
{
    if (flags & JSON_PRETTY)
        buf_addf(out, "\n%*s", depth * 2, "");
}

static void write_at(struct buf *out, const struct value *v, unsigned flags, int depth)
{
    if (!v)
        v = &value_null;
    if ((flags & JSON_REDACT) && (v->marks & VALUE_SENSITIVE)) {
        buf_addz(out, "\"(sensitive)\"");
        return;
    }
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: buf_addz(out, "null"); break;
    case VALUE_UNKNOWN: buf_addz(out, flags & JSON_MARK_UNKNOWN ? "\"(known after apply)\"" : "null"); break;
    case VALUE_BOOL: buf_addz(out, v->boolean ? "true" : "false"); break;
    case VALUE_INT: buf_addf(out, "%lld", (long long)v->integer); break;
    case VALUE_FLOAT: write_float(out, v->number); break;
    case VALUE_STRING: json_write_string(out, v->string); break;
    case VALUE_LIST:
    case VALUE_MAP: {
        bool map = v->kind == VALUE_MAP;
        buf_add_char(out, map ? '{' : '[');
        for (uint32_t i = 0; i < v->count; i++) {
            if (i)
                buf_add_char(out, ',');
            newline(out, flags, depth + 1);
            if (map) {
                json_write_string(out, v->entries[i].key);
                buf_addz(out, flags & JSON_PRETTY ? ": " : ":");
            }
            write_at(out, map ? v->entries[i].value : v->items[i], flags, depth + 1);
        }
        if (v->count)
            newline(out, flags, depth);
        buf_add_char(out, map ? '}' : ']');
        break;
    }
    }
}

void json_write(struct buf *out, const struct value *v, unsigned flags)
{
    write_at(out, v, flags, 0);
}

struct str json_or_text(struct arena *arena, const struct value *v)
{
    bool scalar = v->kind != VALUE_MAP && v->kind != VALUE_LIST;
    return scalar ? value_scalar_text(arena, v) : json_as_text(arena, v)->string;
}

const struct value *json_or_string(struct arena *arena, struct str text)
{
    const struct value *v;
    return json_parse(arena, text, &v, ERR_IGNORED) ? value_string(arena, text) : v;
}

const struct value *json_as_text(struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, v, JSON_PLAIN);
    return value_string(arena, buf_str(&out));
}

struct str json_pointer_escaped(struct arena *arena, struct str name)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '~' || name.p[i] == '/')
            buf_addz(&out, name.p[i] == '~' ? "~0" : "~1");
        else
            buf_add_char(&out, name.p[i]);
    return arena_str(arena, buf_str(&out));
}

struct str json_pointer_unescaped(struct arena *arena, struct str step)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < step.n; i++) {
        char next = step.p[i] == '~' && i + 1 < step.n ? step.p[i + 1] : '\0';
        bool escape = next == '0' || next == '1';
        buf_add_char(&out, !escape ? step.p[i] : next == '1' ? '/' : '~');
        i += escape;
    }
    return arena_str(arena, buf_str(&out));
}
