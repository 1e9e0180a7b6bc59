/* Event patterns: matching events, and error messages for invalid patterns; see languages.h. */
#include "sandbox/notation/languages.h"

#include "base/buf.h"
#include "base/match.h"

#include <arpa/inet.h>
#include <ctype.h>

/* ---- position of an error in a pattern's source. The services' parser reports the end of its last token;
 * for a string, the position after the opening quote ---- */

static size_t after_space(struct str text, size_t at)
{
    while (at < text.n && (isspace((unsigned char)text.p[at]) || text.p[at] == ',' || text.p[at] == ':'))
        at++;
    return at;
}

/* Returns the position after the string that begins at `at`. */
static size_t after_text(struct str text, size_t at)
{
    for (at++; at < text.n && text.p[at] != '"'; at++)
        at += text.p[at] == '\\';
    return at + 1;
}

/* Returns the position after a number or a literal. */
static size_t after_word(struct str text, size_t at)
{
    while (at < text.n && !isspace((unsigned char)text.p[at]) && !strchr(",]}", text.p[at]))
        at++;
    return at;
}

/* Returns the position after the value that begins at `at`. */
static size_t after_value(struct str text, size_t at)
{
    size_t depth = 0;
    do {
        at = after_space(text, at);
        char c = at < text.n ? text.p[at] : '\0';
        depth += c == '{' || c == '[';
        depth -= (c == '}' || c == ']') && depth;
        at = c == '"' ? after_text(text, at) : strchr("{}[]", c) ? at + 1 : after_word(text, at);
    } while (depth && at < text.n);
    return at;
}

/* Returns the position of the value of a key or an index, or the end of the collection if it is missing. */
static size_t step_into(struct str text, size_t at, const struct value *step)
{
    bool list = step->kind == VALUE_INT;
    at = after_space(text, at + 1);
    for (int64_t i = 0; at < text.n && text.p[at] != ']' && text.p[at] != '}'; i++) {
        size_t key = at;
        at = list ? at : after_space(text, after_text(text, at));
        struct str name = list ? STR_EMPTY : str_slice(text, key + 1, after_text(text, key) - 1);
        if (list ? i == step->integer : str_eq(name, step->string))
            return at;
        at = after_space(text, after_value(text, at));
    }
    return at;
}

static size_t fault_position(struct str text, const struct event_pattern_fault *fault)
{
    size_t at = after_space(text, 0);
    for (uint32_t i = 0; i < fault->path->count && at < text.n && (text.p[at] == '{' || text.p[at] == '[');
         i++)
        at = step_into(text, at, fault->path->items[i]);
    if (at >= text.n)
        return text.n;
    return text.p[at] == '"'            ? (fault->read ? after_text(text, at) : at + 1)
           : strchr("{}[]", text.p[at]) ? at + 1
                                        : after_word(text, at);
}

struct str event_fault_message(struct arena *arena, const struct value *pattern, struct str text)
{
    struct event_pattern_fault fault;
    AUTO_BUF struct buf message = BUF_INIT;
    if (!event_pattern_fault(arena, pattern, &fault))
        return STR_EMPTY;
    struct str before = str_slice(text, 0, fault_position(text, &fault));
    size_t line = 1, begin = 0;
    for (size_t i = 0; i < before.n; i++)
        if (before.p[i] == '\n') {
            line++;
            begin = i + 1;
        }
    buf_addz(&message, fault.why);
    for (int times = fault.nowhere || !text.n ? 0 : fault.twice ? 2 : 1; times > 0; times--)
        buf_addf(&message, "\n at [Source: (String)\"%.*s\"; line: %zu, column: %zu]", STR_ARG(text), line,
            str_code_points(str_slice(before, begin, before.n)) + 1);
    return arena_str(arena, buf_str(&message));
}

static bool is_text(const struct value *v)
{
    return v && v->kind == VALUE_STRING;
}

/* ---- one comparison with one value (NULL: absent) ---- */

static bool test_prefix(const struct value *want, const struct value *v)
{
    const struct value *folded = value_getz(want, "equals-ignore-case");
    struct str prefix = folded ? value_text(folded, STR_EMPTY) : value_text(want, STR_EMPTY);
    if (!is_text(v) || v->string.n < prefix.n)
        return false;
    struct str front = str_slice(v->string, 0, prefix.n);
    return folded ? str_ieq(front, prefix) : str_eq(front, prefix);
}

static bool test_suffix(const struct value *want, const struct value *v)
{
    const struct value *folded = value_getz(want, "equals-ignore-case");
    struct str suffix = folded ? value_text(folded, STR_EMPTY) : value_text(want, STR_EMPTY);
    if (!is_text(v) || v->string.n < suffix.n)
        return false;
    struct str end = str_slice(v->string, v->string.n - suffix.n, v->string.n);
    return folded ? str_ieq(end, suffix) : str_eq(end, suffix);
}

static bool test_folded(const struct value *want, const struct value *v)
{
    for (uint32_t i = 0; want->kind == VALUE_LIST && i < want->count; i++)
        if (test_folded(want->items[i], v))
            return true;
    return is_text(want) && is_text(v) && str_ieq(want->string, v->string);
}

static bool test_wildcard(const struct value *want, const struct value *v)
{
    for (uint32_t i = 0; want->kind == VALUE_LIST && i < want->count; i++)
        if (test_wildcard(want->items[i], v))
            return true;
    return is_text(want) && is_text(v) && wildcard_match(want->string, v->string, '*', 0, WILDCARD_ESCAPES);
}

/* [">", 0, "<=", 5] */
static bool test_numeric(const struct value *want, const struct value *v)
{
    if (!value_is_number(v) || want->kind != VALUE_LIST)
        return false;
    for (uint32_t i = 0; i + 1 < want->count; i += 2) {
        struct str order = value_text(want->items[i], STR_EMPTY);
        double a = value_number(v),
               b = value_is_number(want->items[i + 1]) ? value_number(want->items[i + 1]) : 0;
        bool less = str_starts(order, STR("<")) && a < b, more = str_starts(order, STR(">")) && a > b;
        bool equal = str_ends(order, STR("=")) && !(a < b) && !(a > b);
        if (!less && !more && !equal)
            return false;
    }
    return true;
}

static bool test_cidr(const struct value *want, const struct value *v)
{
    char net[64];
    unsigned char a[16], b[16];
    struct str bits_text = STR_EMPTY, base = str_cut(value_text(want, STR_EMPTY), '/', &bits_text);
    int64_t bits;
    if (!is_text(v) || base.n >= sizeof net || !str_to_int(bits_text, &bits) || bits < 0)
        return false;
    memcpy(net, base.p, base.n);
    net[base.n] = '\0';
    int family = strchr(net, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, net, a) != 1 || inet_pton(family, v->string.p, b) != 1 ||
        bits > (family == AF_INET ? 32 : 128))
        return false;
    for (int64_t i = 0; i < bits; i++)
        if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

static bool test_anything_but(const struct value *want, const struct value *v)
{
    if (!v || v->kind == VALUE_MAP)
        return false;
    for (uint32_t i = 0; want->kind == VALUE_LIST && i < want->count; i++)
        if (value_equal(want->items[i], v))
            return false;
    if (want->kind == VALUE_LIST)
        return true;
    if (want->kind != VALUE_MAP || want->count != 1)
        return !value_equal(want, v);
    static const struct {
        const char *name;
        bool (*test)(const struct value *want, const struct value *v);
    } tests[] = {{"prefix", test_prefix}, {"suffix", test_suffix}, {"equals-ignore-case", test_folded},
        {"wildcard", test_wildcard}};
    const struct value *inner = want->entries[0].value;
    for (size_t t = 0; t < sizeof tests / sizeof *tests; t++) {
        if (!str_eqz(want->entries[0].key, tests[t].name))
            continue;
        bool any = inner->kind != VALUE_LIST && tests[t].test(inner, v);
        for (uint32_t i = 0; inner->kind == VALUE_LIST && i < inner->count; i++)
            any = any || tests[t].test(inner->items[i], v);
        return !any;
    }
    return false;
}

static bool test_exists(const struct value *want, const struct value *v)
{
    bool leaf = v && v->kind != VALUE_MAP;
    return want->kind == VALUE_BOOL && want->boolean == leaf;
}

static const struct event_test {
    const char *name;
    bool (*test)(const struct value *want, const struct value *v);
} tests_known[] = {
    {"prefix", test_prefix},
    {"suffix", test_suffix},
    {"anything-but", test_anything_but},
    {"numeric", test_numeric},
    {"exists", test_exists},
    {"equals-ignore-case", test_folded},
    {"wildcard", test_wildcard},
    {"cidr", test_cidr},
};

static const struct event_test *test_of(const struct value *want)
{
    for (size_t i = 0;
         want->kind == VALUE_MAP && want->count == 1 && i < sizeof tests_known / sizeof *tests_known; i++)
        if (str_eqz(want->entries[0].key, tests_known[i].name))
            return &tests_known[i];
    return NULL;
}

static bool test_one(const struct value *want, const struct value *v)
{
    if (want->kind != VALUE_MAP)
        return v && value_equal(want, v);
    const struct event_test *found = test_of(want);
    return found && found->test(want->entries[0].value, v);
}

/* A list in the event matches if any item matches any alternative. */
static bool leaf_matches(const struct value *alternatives, const struct value *v)
{
    for (uint32_t i = 0; i < alternatives->count; i++) {
        const struct value *want = alternatives->items[i];
        if (!v || v->kind != VALUE_LIST) {
            if (test_one(want, v))
                return true;
            continue;
        }
        if (value_getz(want, "exists") && test_one(want, v->count ? v->items[0] : NULL))
            return true;
        for (uint32_t k = 0; !value_getz(want, "exists") && k < v->count; k++)
            if (test_one(want, v->items[k]))
                return true;
    }
    return false;
}

static bool map_matches(const struct value *pattern, const struct value *event);

static bool member_matches(const struct value *pattern, const struct value *v)
{
    if (pattern->kind == VALUE_LIST)
        return leaf_matches(pattern, v);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++)
        if (member_matches(pattern, v->items[i])) /* also nested lists */
            return true;
    return pattern->kind == VALUE_MAP && (!v || v->kind != VALUE_LIST) && map_matches(pattern, v);
}

/* Keys may be joined by dots in patterns and events: a: {b: 1} equals a.b: 1. */
static const struct value *find_joined(const struct value *event, struct str key)
{
    const struct value *v = value_get(event, key);
    for (ptrdiff_t dot = -1; !v && (dot = str_find_char(key, '.', (size_t)(dot + 1))) > 0;)
        v = find_joined(
            value_get(event, str_slice(key, 0, (size_t)dot)), str_slice(key, (size_t)dot + 1, key.n));
    return v;
}

static bool joined_matches(const struct value *pattern, struct str before, const struct value *event)
{
    const struct value *v = find_joined(event, before);
    if (v || pattern->kind != VALUE_MAP)
        return member_matches(pattern, v);
    for (uint32_t i = 0; i < pattern->count; i++) {
        AUTO_BUF struct buf key = BUF_INIT;
        buf_addf(&key, "%.*s.%.*s", STR_ARG(before), STR_ARG(pattern->entries[i].key));
        if (!joined_matches(pattern->entries[i].value, buf_str(&key), event))
            return false;
    }
    return true;
}

static bool map_matches(const struct value *pattern, const struct value *event)
{
    for (uint32_t i = 0; i < pattern->count; i++) {
        const struct value *part = pattern->entries[i].value;
        if (!str_eqz(pattern->entries[i].key, "$or")) {
            if (!joined_matches(part, pattern->entries[i].key, event))
                return false;
            continue;
        }
        bool any = false;
        for (uint32_t k = 0; part->kind == VALUE_LIST && k < part->count && !any; k++)
            any = part->items[k]->kind == VALUE_MAP && map_matches(part->items[k], event);
        if (!any)
            return false;
    }
    return true;
}

bool event_matches(const struct value *pattern, const struct value *event)
{
    return pattern && pattern->kind == VALUE_MAP && pattern->count && map_matches(pattern, event);
}
