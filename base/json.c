/* JSON text <-> values, and a recursive descent parser that builds values directly: see json.h. */
#include "base/json.h"

#include "base/mem.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* ---- parsing directly into values ---- */

enum { DEPTH_MAX = 256 };

struct scanner {
    struct arena *arena;
    const char *start, *p, *end;
    const char *problem;
    struct value_entry *stack; /* members of the open lists and maps */
    size_t n, cap;
    int depth;
    bool owned; /* the text may be overwritten */
};

static const struct value *scan_value(struct scanner *s);

static void *scan_problem(struct scanner *s, const char *what)
{
    if (!s->problem)
        s->problem = what;
    return NULL;
}

static void skip_space(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

/* ---- strings ---- */

static bool take_hex4(struct scanner *s, uint32_t *out)
{
    if (s->end - s->p < 4)
        return false;
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int digit = str_hex_digit(*s->p++);
        if (digit < 0)
            return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}

/* Parses the digits after "\u", and a second escape for a surrogate pair. */
static bool take_code_point(struct scanner *s, char **out)
{
    uint32_t code, low;
    if (!take_hex4(s, &code) || (code >= 0xdc00 && code <= 0xdfff))
        return false;
    if (code >= 0xd800 && code <= 0xdbff) {
        if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
            return false;
        s->p += 2;
        if (!take_hex4(s, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    *out += str_utf8_encode(code, *out);
    return true;
}

static bool take_escape(struct scanner *s, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (s->p == s->end)
        return false;
    char c = *s->p++;
    if (c == 'u')
        return take_code_point(s, out);
    const char *found = c ? strchr(from, c) : NULL;
    if (!found)
        return false;
    *(*out)++ = to[found - from];
    return true;
}

/* Decodes the escapes. The decoded text is never longer than the encoded one, whose size is allocated. */
static bool scan_escaped(struct scanner *s, const char *start, const char *close, struct str *out)
{
    char *text = arena_alloc(s->arena, (size_t)(close - start) + 1), *at = text;
    s->p = start;
    while (s->p < close) {
        char c = *s->p++;
        if (c != '\\')
            *at++ = c;
        else if (!take_escape(s, &at))
            return scan_problem(s, "a bad escape");
    }
    *at = '\0';
    *out = str_n(text, (size_t)(at - text));
    return true;
}

/* Called after the opening quote. */
static bool scan_text(struct scanner *s, struct str *out)
{
    const char *start = s->p, *p = s->p;
    bool escaped = false;
    unsigned char high = 0;
    for (; p < s->end && *p != '"'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20)
            return scan_problem(s, "a control character in a text");
        high |= c;
        if (c == '\\') {
            escaped = true;
            if (++p == s->end)
                break;
        }
    }
    if (p >= s->end)
        return scan_problem(s, "a text without end");
    if ((high & 0x80) && !str_is_utf8(str_n(start, (size_t)(p - start))))
        return scan_problem(s, "a text that is not UTF-8");
    *out = str_n(start, (size_t)(p - start));
    if (escaped && !scan_escaped(s, start, p, out))
        return false;
    if (s->owned)
        *(char *)(uintptr_t)p = '\0';
    s->p = p + 1;
    return true;
}

/* ---- numbers ---- */

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static const struct value *scan_number(struct scanner *s)
{
    const char *start = s->p, *p = s->p;
    bool real = false;
    p += *p == '-';
    const char *digits = p;
    p = skip_digits(p, s->end);
    if (p == digits || (*digits == '0' && p > digits + 1))
        return scan_problem(s, "not a value");
    if (p < s->end && *p == '.') {
        real = true;
        const char *fraction = ++p;
        p = skip_digits(p, s->end);
        if (p == fraction)
            return scan_problem(s, "a bad number");
    }
    if (p < s->end && (*p | 32) == 'e') {
        real = true;
        p++;
        p += p < s->end && (*p == '+' || *p == '-');
        const char *exponent = p;
        p = skip_digits(p, s->end);
        if (p == exponent)
            return scan_problem(s, "a bad number");
    }
    s->p = p;
    struct str text = str_n(start, (size_t)(p - start));
    int64_t integer;
    if (!real)
        return str_to_int(text, &integer) ? value_int(s->arena, integer)
                                          : scan_problem(s, "a number that is too big");
    double number = strtod(arena_strz(s->arena, text), NULL);
    return isfinite(number) ? value_float(s->arena, number) : scan_problem(s, "a number that is too big");
}

/* ---- lists and maps ---- */

static void push_item(struct scanner *s, struct str key, const struct value *v)
{
    MEM_GROW(s->stack, s->cap, s->n + 1);
    s->stack[s->n++] = (struct value_entry){key, v};
}

/* 1: another member follows; 0: closed; -1: neither. */
static int after_member(struct scanner *s, char close)
{
    skip_space(s);
    if (s->p == s->end || (*s->p != ',' && *s->p != close))
        return scan_problem(s, "a list or map without end"), -1;
    if (*s->p++ == close)
        return 0;
    skip_space(s);
    return 1;
}

static bool closed_at_once(struct scanner *s, char close)
{
    s->p++;
    skip_space(s);
    if (s->p == s->end || *s->p != close)
        return false;
    s->p++;
    return true;
}

static const struct value *scan_list(struct scanner *s)
{
    size_t base = s->n;
    if (closed_at_once(s, ']'))
        return &value_empty_list;
    int more = 1;
    while (more > 0) {
        const struct value *item = scan_value(s);
        if (!item)
            return NULL;
        push_item(s, STR_EMPTY, item);
        more = after_member(s, ']');
    }
    if (more < 0)
        return NULL;
    size_t n = s->n - base;
    const struct value **items = arena_alloc(s->arena, n * sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] = s->stack[base + i].value;
    s->n = base;
    return value_list(s->arena, items, n);
}

static const struct value *scan_map(struct scanner *s)
{
    size_t base = s->n;
    if (closed_at_once(s, '}'))
        return &value_empty_map;
    int more = 1;
    while (more > 0) {
        struct str key;
        if (s->p == s->end || *s->p++ != '"')
            return scan_problem(s, "a map's key is missing");
        if (!scan_text(s, &key))
            return NULL;
        skip_space(s);
        if (s->p == s->end || *s->p++ != ':')
            return scan_problem(s, "a colon is missing");
        const struct value *v = scan_value(s);
        if (!v)
            return NULL;
        push_item(s, key, v);
        more = after_member(s, '}');
    }
    if (more < 0)
        return NULL;
    size_t n = s->n - base;
    const struct value *map = value_map(s->arena, s->stack + base, n);
    s->n = base;
    return map->count == n ? map : scan_problem(s, "a key twice");
}

static bool take_word(struct scanner *s, struct str word)
{
    if ((size_t)(s->end - s->p) < word.n || memcmp(s->p, word.p, word.n) != 0)
        return false;
    s->p += word.n;
    return true;
}

static const struct value *scan_nested(struct scanner *s)
{
    if (s->depth == DEPTH_MAX)
        return scan_problem(s, "nesting that is too deep");
    s->depth++;
    const struct value *v = *s->p == '{' ? scan_map(s) : scan_list(s);
    s->depth--;
    return v;
}

static const struct value *scan_value(struct scanner *s)
{
    struct str text;
    skip_space(s);
    if (s->p == s->end)
        return scan_problem(s, "the end where a value should be");
    switch (*s->p) {
    case '{':
    case '[': return scan_nested(s);
    case '"': s->p++; return scan_text(s, &text) ? value_string_ref(s->arena, text) : NULL;
    case 't': return take_word(s, STR("true")) ? &value_true : scan_problem(s, "not a value");
    case 'f': return take_word(s, STR("false")) ? &value_false : scan_problem(s, "not a value");
    case 'n': return take_word(s, STR("null")) ? &value_null : scan_problem(s, "not a value");
    default: return scan_number(s);
    }
}

static int scan_all(
    struct arena *arena, struct str text, bool owned, const struct value **out, struct err *err)
{
    struct scanner s = {.arena = arena, .start = text.p, .p = text.p, .end = text.p + text.n, .owned = owned};
    const struct value *v = scan_value(&s);
    if (v) {
        skip_space(&s);
        if (s.p != s.end)
            v = scan_problem(&s, "more than one value");
    }
    free(s.stack);
    if (!v)
        return err_set(
            err, ERR_DAMAGED, "not valid JSON at byte %zu: %s", (size_t)(s.p - s.start), s.problem);
    *out = v;
    return 0;
}

int scan_json(struct arena *arena, struct str text, const struct value **out, struct err *err)
{
    return scan_all(arena, text, false, out, err);
}

int scan_json_owned(struct arena *arena, char *bytes, size_t n, const struct value **out, struct err *err)
{
    return scan_all(arena, str_n(bytes, n), true, out, err);
}

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
        json_object_foreach((json_t *)(uintptr_t)json, key, item) /* jansson rejects keys with a NUL */
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

/* Cuts jansson's message before its quotation of the text, which may be secret. */
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
    ptrdiff_t nul = str_find_char(text, '\0', 0); /* jansson takes a NUL for the end of the text */
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
    size_t plain = 0, good = 0; /* up to here written, and up to here valid UTF-8 */
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= 0x80 && i >= good) {
            good = i + str_utf8_prefix(str_slice(text, i, text.n));
            if (i == good) { /* an invalid byte is replaced, so that the result can be parsed */
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

/* Writes the shortest text that reads back as the same number, always with a fraction or exponent. */
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
