/* A JSON reader by recursive descent that builds values at once. */
#include "base/json_scan.h"

#include "base/mem.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { DEPTH_MAX = 256 };

struct scanner {
    struct arena *arena;
    const char *start, *p, *end;
    const char *problem;
    struct value_entry *stack; /* members of the lists and maps that are not closed yet */
    size_t n, cap;
    int depth;
    bool owned; /* the text is ours */
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

/* ---- texts ---- */

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

/* After "\u". */
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

/* What is decoded is never longer than what is written, so the rest of the text bounds the room needed. */
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

/* After the opening quote. */
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
