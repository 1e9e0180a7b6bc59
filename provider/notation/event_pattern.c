/* Checks event patterns: see notation.h. */
#include "provider/notation/notation.h"

#include <arpa/inet.h>

enum { MAX_DEPTH = 100 };

/* The path to the current value. */
struct pattern_scan {
    struct arena *arena;
    struct event_pattern_fault *fault;
    const struct value *steps[MAX_DEPTH * 2 + 8];
    size_t depth;
};

static bool is_unknown(const struct value *v)
{
    return v->kind == VALUE_UNKNOWN;
}

static bool is_text(const struct value *v)
{
    return v->kind == VALUE_STRING || is_unknown(v);
}

/* ---- operators: each check returns NULL, or what is wrong with the operand ---- */

/* Sets the index of the wrong value. */
static const char *wrong_at(struct pattern_scan *s, uint32_t index, const char *why)
{
    s->steps[s->depth++] = value_int(s->arena, index);
    return why;
}

/* Marks an error that services report at the end of the string. */
static const char *wrong_text(struct pattern_scan *s, const char *why)
{
    s->fault->read = true;
    return why;
}

/* Checks the first or second operator and number of a comparison, from this index. */
static const char *comparison_wrong(struct pattern_scan *s, const struct value *v, uint32_t i)
{
    const struct value *operator= i<v->count ? v->items[i] : NULL,
                       *number = i + 1 < v->count ? v->items[i + 1] : NULL;
    struct str order = value_text(operator, STR_EMPTY);
    if (operator&& is_unknown(operator))
        return NULL;
    if (!operator|| operator->kind != VALUE_STRING)
        return wrong_at(s, i,
            arena_printf(s->arena,
                i ? "Bad value in numeric range: %.*s" : "Invalid member in numeric match: %.*s",
                STR_ARG(operator? value_scalar_text(s->arena, operator) : STR("]")))
                .p);
    if (i && !str_is_any(order, "< <="))
        return wrong_at(s, i,
            wrong_text(s, arena_printf(s->arena, "Bad numeric range operator: %.*s", STR_ARG(order)).p));
    if (!str_is_any(order, "= < <= > >="))
        return wrong_at(
            s, i + 1, arena_printf(s->arena, "Unrecognized numeric range operator: %.*s", STR_ARG(order)).p);
    return number && (value_is_number(number) || is_unknown(number)) ? NULL
           : str_eqz(order, "=")
               ? wrong_at(s, i + 1, "Value of equals must be numeric")
               : wrong_at(
                     s, i + 1, arena_printf(s->arena, "Value of %.*s must be numeric", STR_ARG(order)).p);
}

static const char *numeric_wrong(struct pattern_scan *s, const struct value *v)
{
    if (v->kind != VALUE_LIST)
        return "Value of numeric must be an array.";
    const char *why = comparison_wrong(s, v, 0);
    bool range = !why && (is_unknown(v->items[0]) || str_starts(v->items[0]->string, STR(">")));
    if (!why && v->count > 2)
        why = range ? comparison_wrong(s, v, 2) : wrong_at(s, 2, "Too many elements in numeric expression");
    if (!why && v->count > 4)
        why = wrong_at(s, 4, "Too many terms in numeric range expression");
    bool known = !why && v->count == 4 && value_is_number(v->items[1]) && value_is_number(v->items[3]);
    return known && value_number(v->items[1]) >= value_number(v->items[3])
               ? wrong_at(s, 4, "Bottom must be less than top")
               : why;
}

static const char *text_needed(struct pattern_scan *s, const char *operator)
{
    return arena_printf(s->arena, "%s match pattern must be a string", operator).p;
}

/* Checks a string, or {equals-ignore-case: a string}. */
static const char *affix_wrong(struct pattern_scan *s, const struct value *v)
{
    const struct value *folded = value_getz(v, "equals-ignore-case");
    return is_text(v) || (folded && is_text(folded) && v->count == 1)
               ? NULL
               : text_needed(s, s->steps[s->depth - 1]->string.p);
}

static const char *folded_wrong(struct pattern_scan *s, const struct value *v)
{
    return is_text(v) ? NULL : text_needed(s, "equals-ignore-case");
}

static const char *wildcard_wrong(struct pattern_scan *s, const struct value *v)
{
    ptrdiff_t at = str_find(value_text(v, STR_EMPTY), STR("**"), 0);
    return !is_text(v) ? text_needed(s, "wildcard")
           : at >= 0
               ? wrong_text(s, arena_printf(s->arena, "Consecutive wildcard characters at pos %td", at + 1).p)
               : NULL;
}

static const char *exists_wrong(struct pattern_scan *s UNUSED, const struct value *v)
{
    return v->kind == VALUE_BOOL ? NULL : "exists match pattern must be either true or false.";
}

static const char *but_affix_wrong(struct pattern_scan *s, const struct value *v)
{
    return v->kind == VALUE_MAP ? "Value of anything-but must be an array or single string/number value."
           : !is_text(v)        ? "prefix/suffix match pattern must be a string"
           : v->kind == VALUE_STRING && !v->string.n ? wrong_text(s, "Null prefix/suffix not allowed")
                                                     : NULL;
}

static const char *but_folded_wrong(struct pattern_scan *s UNUSED, const struct value *v)
{
    return is_text(v)
               ? NULL
               : "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.";
}

static const char *but_plain_wrong(struct pattern_scan *s UNUSED, const struct value *v)
{
    return is_text(v) || value_is_number(v)
               ? NULL
               : "Inside anything but list, start|null|boolean is not supported.";
}

/* Checks the value, or each item of a non-empty list; services report the location of an error in a list
 * twice. */
static const char *each_wrong(struct pattern_scan *s, const struct value *v,
    const char *(*wrong)(struct pattern_scan *s, const struct value *v))
{
    const char *why = NULL;
    if (v->kind != VALUE_LIST)
        return wrong(s, v);
    if (!v->count)
        return wrong_at(s, 0, "Empty arrays are not allowed");
    for (uint32_t i = 0; !why && i < v->count; i++)
        if ((why = wrong(s, v->items[i])))
            wrong_at(s, i, why);
    s->fault->twice = why != NULL;
    return why;
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

static const char *anything_but_wrong(struct pattern_scan *s, const struct value *v)
{
    static const struct {
        const char *name;
        const char *(*wrong)(struct pattern_scan *s, const struct value *v);
    } kinds[] = {{"prefix", but_affix_wrong}, {"suffix", but_affix_wrong},
        {"equals-ignore-case", but_folded_wrong}, {"wildcard", wildcard_wrong}};
    if (v->kind == VALUE_LIST)
        return is_mixed(v) ? "Either all values are number or string, mixed type is not supported"
                           : each_wrong(s, v, but_plain_wrong);
    if (v->kind != VALUE_MAP)
        return is_text(v) || value_is_number(v)
                   ? NULL
                   : "Value of anything-but must be an array or single string/number value.";
    if (v->count != 1)
        return "Only one key allowed in match expression";
    s->steps[s->depth++] = value_string(s->arena, v->entries[0].key);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eqz(v->entries[0].key, kinds[i].name)) {
            const char *why = each_wrong(s, v->entries[0].value, kinds[i].wrong);
            s->depth -= !why;
            return why;
        }
    return arena_printf(s->arena, "Unsupported anything-but pattern: %.*s", STR_ARG(v->entries[0].key)).p;
}

static const char *cidr_wrong(struct pattern_scan *s, const struct value *v)
{
    unsigned char a[16];
    struct str bits_text, base = str_cut(value_text(v, STR_EMPTY), '/', &bits_text);
    int64_t bits;
    if (v->kind != VALUE_STRING)
        return text_needed(s, "prefix");
    s->fault->nowhere = true;
    if (!bits_text.p || str_find_char(bits_text, '/', 0) >= 0)
        return "Malformed CIDR, one '/' required";
    if (!str_to_int(bits_text, &bits))
        return "Malformed CIDR, mask bits must be an integer";
    if (bits < 0)
        return "Malformed CIDR, mask bits must not be negative";
    bool six = str_find_char(base, ':', 0) >= 0;
    if (inet_pton(six ? AF_INET6 : AF_INET, arena_strz(s->arena, base), a) != 1)
        return arena_printf(s->arena, "Nonstandard IP address: %.*s", STR_ARG(base)).p;
    s->fault->nowhere = bits > (six ? 128 : 32);
    return !s->fault->nowhere ? NULL : six ? "IPv6 mask bits must be < 128" : "IPv4 mask bits must be < 32";
}

static const struct str operator_names[] = {STR_INIT("prefix"), STR_INIT("suffix"), STR_INIT("anything-but"),
    STR_INIT("numeric"), STR_INIT("exists"), STR_INIT("equals-ignore-case"), STR_INIT("wildcard"),
    STR_INIT("cidr")};
enum { OPERATORS = sizeof operator_names / sizeof *operator_names };
static const char *(*const operand_wrong[OPERATORS])(struct pattern_scan *s, const struct value *operand) = {
    affix_wrong, affix_wrong, anything_but_wrong, numeric_wrong, exists_wrong, folded_wrong, wildcard_wrong,
    cidr_wrong};

/* ---- patterns ---- */

static const char *alternative_wrong(struct pattern_scan *s, const struct value *want)
{
    if (want->kind == VALUE_LIST)
        return "Match value must be String, number, true, false, or null";
    if (want->kind != VALUE_MAP)
        return NULL;
    if (want->count != 1)
        return want->count ? "Only one key allowed in match expression" : "Match expression name not found";
    const struct value_entry *entry = &want->entries[0];
    s->steps[s->depth++] = value_string(s->arena, entry->key);
    for (size_t i = 0; i < OPERATORS; i++) {
        if (!str_eq(entry->key, operator_names[i]))
            continue;
        const char *why = is_unknown(entry->value) ? NULL : operand_wrong[i](s, entry->value);
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
    if (part->kind == VALUE_LIST)
        return wrong_at(s, 0, "Empty arrays are not allowed");
    return arena_printf(s->arena, "\"%.*s\" must be an object or an array", STR_ARG(entry->key)).p;
}

static const char *map_wrong(struct pattern_scan *s, const struct value *pattern)
{
    if (pattern->kind != VALUE_MAP)
        return "a pattern is an object";
    if (s->depth >= (size_t)MAX_DEPTH * 2)
        return "it is nested too deeply";
    if (!pattern->count)
        return wrong_at(s, 0, "Empty objects are not allowed");
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
    *n = OPERATORS;
    return operator_names;
}

const char *event_pattern_fault(
    struct arena *arena, const struct value *pattern, struct event_pattern_fault *out)
{
    *out = (struct event_pattern_fault){0};
    struct pattern_scan s = {.arena = arena, .fault = out};
    if (!pattern || (!is_unknown(pattern) && pattern->kind != VALUE_MAP))
        out->why = "Filter is not an object";
    else if (!is_unknown(pattern))
        out->why = map_wrong(&s, pattern);
    out->path = value_list(arena, s.steps, s.depth);
    return out->why;
}

const char *event_pattern_wrong(struct arena *arena, const struct value *pattern, const struct value **path)
{
    struct event_pattern_fault fault;
    event_pattern_fault(arena, pattern, &fault);
    if (path)
        *path = fault.path;
    return fault.why;
}
