/* What is wrong with an event pattern: see event_pattern.h. */
#include "provider/notation/event_pattern.h"

#include <arpa/inet.h>

enum { MAX_DEPTH = 100 };

/* The way down to what is looked at. */
struct pattern_scan {
    struct arena *arena;
    const struct value *steps[MAX_DEPTH * 2 + 4];
    size_t depth;
};

static bool is_unknown(const struct value *v)
{
    return v->kind == VALUE_UNKNOWN;
}

static double number_of(const struct value *v)
{
    return v->kind == VALUE_INT ? (double)v->integer : v->number;
}

static bool is_text(const struct value *v)
{
    return v->kind == VALUE_STRING || is_unknown(v);
}

static bool is_plain(const struct value *v)
{
    return is_text(v) || value_is_number(v) || v->kind == VALUE_BOOL || v->kind == VALUE_NULL;
}

/* The value itself, or each of a list with something in it. */
static bool each_is(const struct value *v, bool (*is)(const struct value *v))
{
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        if (!is(v->items[i]))
            return false;
    return v->kind == VALUE_LIST ? v->count > 0 : is(v);
}

/* ---- operators: NULL, or what is wrong with the operand ---- */

static const char *numeric_wrong(const struct value *v)
{
    static const char form[] = "numeric takes an operator and a number, once or twice";
    if (v->kind != VALUE_LIST || (v->count != 2 && v->count != 4))
        return form;
    for (uint32_t i = 0; i < v->count; i += 2) {
        bool known = is_unknown(v->items[i]) || str_is_any(value_text(v->items[i], STR_EMPTY), "= < <= > >=");
        if (!known || !(value_is_number(v->items[i + 1]) || is_unknown(v->items[i + 1])))
            return form;
    }
    bool range = v->count == 4 && str_starts(value_text(v->items[0], STR_EMPTY), STR(">")) &&
                 value_is_number(v->items[1]) && value_is_number(v->items[3]);
    return range && number_of(v->items[1]) >= number_of(v->items[3])
               ? "the bottom of the numeric range has to be below its top"
               : NULL;
}

/* A text, or {equals-ignore-case: a text}. */
static bool is_affix(const struct value *v)
{
    const struct value *folded = value_getz(v, "equals-ignore-case");
    return is_text(v) || (folded && is_text(folded) && v->count == 1);
}

static const char *affix_wrong(const struct value *v)
{
    return is_affix(v) ? NULL : "prefix and suffix take a text, or equals-ignore-case with one";
}

static const char *folded_wrong(const struct value *v)
{
    return each_is(v, is_text) ? NULL : "equals-ignore-case and wildcard take a text";
}

static bool is_wildcard(const struct value *v)
{
    return is_text(v) && str_find(value_text(v, STR_EMPTY), STR("**"), 0) < 0;
}

static const char *wildcard_wrong(const struct value *v)
{
    const char *why = folded_wrong(v);
    return why                       ? why
           : each_is(v, is_wildcard) ? NULL
                                     : "Consecutive wildcard characters in a row are not allowed";
}

static const char *exists_wrong(const struct value *v)
{
    return v->kind == VALUE_BOOL ? NULL : "exists takes true or false";
}

static bool is_mixed(const struct value *v)
{
    bool texts = false, numbers = false;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        texts = texts || v->items[i]->kind == VALUE_STRING;
        numbers = numbers || value_is_number(v->items[i]);
    }
    return texts && numbers;
}

static const char *anything_but_wrong(const struct value *v)
{
    static const char form[] =
        "anything-but takes texts or numbers, or one of prefix, suffix, equals-ignore-case, wildcard";
    static const struct {
        const char *name;
        bool (*is)(const struct value *v);
    } kinds[] = {{"prefix", is_affix}, {"suffix", is_affix}, {"equals-ignore-case", is_text},
        {"wildcard", is_wildcard}};
    if (v->kind != VALUE_MAP)
        return is_mixed(v)            ? "the list of anything-but has texts or numbers, not both"
               : each_is(v, is_plain) ? NULL
                                      : form;
    for (size_t i = 0; v->count == 1 && i < sizeof kinds / sizeof *kinds; i++)
        if (str_eqz(v->entries[0].key, kinds[i].name))
            return each_is(v->entries[0].value, kinds[i].is) ? NULL : form;
    return form;
}

static const char *cidr_wrong(const struct value *v)
{
    static const char form[] = "cidr takes a network such as 10.0.0.0/24";
    unsigned char a[16];
    struct str bits_text, base = str_cut(value_text(v, STR_EMPTY), '/', &bits_text);
    char net[64];
    int64_t bits;
    if (base.n >= sizeof net || !bits_text.p || !str_to_int(bits_text, &bits) || bits < 0)
        return form;
    memcpy(net, base.p, base.n);
    net[base.n] = '\0';
    bool six = strchr(net, ':') != NULL;
    return inet_pton(six ? AF_INET6 : AF_INET, net, a) == 1 && bits <= (six ? 128 : 32) ? NULL : form;
}

static const struct {
    const char *name;
    const char *(*wrong)(const struct value *operand);
} operators[] = {
    {"prefix", affix_wrong},
    {"suffix", affix_wrong},
    {"anything-but", anything_but_wrong},
    {"numeric", numeric_wrong},
    {"exists", exists_wrong},
    {"equals-ignore-case", folded_wrong},
    {"wildcard", wildcard_wrong},
    {"cidr", cidr_wrong},
};

/* ---- patterns ---- */

static const char *alternative_wrong(struct pattern_scan *s, const struct value *want)
{
    if (want->kind == VALUE_LIST)
        return "a list of alternatives holds no lists";
    if (want->kind != VALUE_MAP)
        return NULL;
    if (want->count != 1)
        return "a comparison has one operator";
    const struct value_entry *entry = &want->entries[0];
    s->steps[s->depth++] = value_string(s->arena, entry->key);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (!str_eqz(entry->key, operators[i].name))
            continue;
        const char *why = is_unknown(entry->value) ? NULL : operators[i].wrong(entry->value);
        s->depth -= !why;
        return why;
    }
    return arena_printf(s->arena, "Unrecognized match type %.*s", STR_ARG(entry->key)).p;
}

static const char *map_wrong(struct pattern_scan *s, const struct value *pattern);

static const char *list_wrong(struct pattern_scan *s, const struct value *list, bool either)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *item = list->items[i];
        if (is_unknown(item))
            continue;
        s->steps[s->depth++] = value_int(s->arena, i);
        const char *why = either ? map_wrong(s, item) : alternative_wrong(s, item);
        if (why)
            return why;
        s->depth--;
    }
    return NULL;
}

static const char *part_wrong(struct pattern_scan *s, const struct value_entry *entry)
{
    const struct value *part = entry->value;
    bool either = str_eqz(entry->key, "$or");
    if (part->kind == VALUE_MAP && !either)
        return map_wrong(s, part);
    if (part->kind == VALUE_LIST && part->count)
        return list_wrong(s, part, either);
    return arena_printf(
        s->arena, "\"%.*s\" must be an object or an array with something in it", STR_ARG(entry->key))
        .p;
}

static const char *map_wrong(struct pattern_scan *s, const struct value *pattern)
{
    if (pattern->kind != VALUE_MAP)
        return "a pattern is an object";
    if (s->depth >= (size_t)MAX_DEPTH * 2)
        return "it is nested too deeply";
    for (uint32_t i = 0; i < pattern->count; i++) {
        const struct value_entry *entry = &pattern->entries[i];
        if (is_unknown(entry->value))
            continue;
        s->steps[s->depth++] = value_string(s->arena, entry->key);
        const char *why = part_wrong(s, entry);
        if (why)
            return why;
        s->depth--;
    }
    return NULL;
}

const struct str *event_pattern_operators(size_t *n)
{
    static const struct str names[] = {STR_INIT("prefix"), STR_INIT("suffix"), STR_INIT("anything-but"),
        STR_INIT("numeric"), STR_INIT("exists"), STR_INIT("equals-ignore-case"), STR_INIT("wildcard"),
        STR_INIT("cidr")};
    *n = sizeof names / sizeof *names;
    return names;
}

const char *event_pattern_wrong(struct arena *arena, const struct value *pattern, const struct value **path)
{
    struct pattern_scan s = {.arena = arena};
    const char *why = NULL;
    if (!pattern || (!is_unknown(pattern) && (pattern->kind != VALUE_MAP || !pattern->count)))
        why = "a pattern is an object with something in it";
    else if (!is_unknown(pattern))
        why = map_wrong(&s, pattern);
    if (path)
        *path = value_list(arena, s.steps, s.depth);
    return why;
}
