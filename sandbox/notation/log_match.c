/* Matches log events against a filter pattern: see log_match.h. */
#include "sandbox/notation/log_match.h"

#include "base/json.h"
#include "base/match.h"

/* ---- parsing of an event ---- */

/* The unread rest of a message, and whether a " or [ without an end was seen: the end is searched only
 * once. */
struct unsplit {
    struct str rest;
    bool quote_open, bracket_open;
};

/* Returns the next field: a word, or the text within quotes or brackets. */
static struct str next_field(struct unsplit *of)
{
    struct str text = str_trim(of->rest);
    char close = str_starts(text, STR("\"")) ? '"' : str_starts(text, STR("[")) ? ']' : '\0';
    bool *open = close == '"' ? &of->quote_open : &of->bracket_open;
    ptrdiff_t end = close && !*open ? str_find_char(text, close, 1) : -1;
    *open = *open || (close && end < 0);
    size_t from = end > 0, to = from ? (size_t)end : 0;
    while (!from && to < text.n && !char_is_among(text.p[to], " \t\r\n"))
        to++;
    of->rest = str_trim(str_slice(text, to + from, text.n));
    return str_slice(text, from, to);
}

/* Splits a message into fields; the last of `most` takes the rest of the message. 0: unlimited. */
static void split_fields(struct log_event *event, size_t most)
{
    struct unsplit counted = {.rest = str_trim(event->message)}, left = counted;
    size_t words = 0;
    for (; counted.rest.n; words++)
        next_field(&counted);
    event->fields = ARENA_ARRAY(event->arena, struct log_event_field, words + 1);
    for (bool last = false; left.rest.n && !last;) {
        struct str rest = left.rest, one = next_field(&left);
        last = event->field_count + 1 == most && left.rest.n;
        event->fields[event->field_count++].text = last ? rest : one;
    }
}

/* Assigns a field to each name of the pattern; "..." takes the surplus. */
static void read_fields(const struct log_filter *filter, struct log_event *event)
{
    size_t names = 0, at = 0;
    bool any_number = !filter->fields;
    for (const struct log_field *f = filter->fields; f; f = f->next) {
        names += !f->any_number;
        any_number = any_number || f->any_number;
    }
    split_fields(event, any_number ? 0 : names);
    event->lacks_fields = event->field_count < names;
    size_t more = event->lacks_fields ? 0 : event->field_count - names;
    for (const struct log_field *f = filter->fields; f && !event->lacks_fields; f = f->next) {
        if (f->any_number) {
            at += more;
            more = 0;
        } else {
            event->fields[at++].field = f;
        }
    }
}

struct log_event log_event_read(struct arena *arena, const struct log_filter *filter, struct str message)
{
    struct log_event event = {.arena = arena, .message = message};
    if (filter->condition && json_parse(arena, message, &event.json, ERR_IGNORED))
        event.json = NULL;
    if (filter->has_fields)
        read_fields(filter, &event);
    return event;
}

/* ---- comparisons ---- */

static bool operand_equals(const struct log_operand *operand, struct str text)
{
    double wanted, given;
    if (operand->regex)
        return regex_matches(operand->regex, text);
    if (!operand->quoted && str_to_double(operand->text, &wanted) && str_to_double(text, &given))
        return !(wanted < given) && !(wanted > given);
    return str_find_char(operand->text, '*', 0) < 0
               ? str_eq(operand->text, text)
               : wildcard_match(operand->text, text, '*', 0, WILDCARD_ESCAPES);
}

static bool text_compares(const struct log_condition *condition, struct str text)
{
    double wanted, given;
    if (condition->comparison == LOG_EQUAL || condition->comparison == LOG_UNEQUAL)
        return operand_equals(&condition->operand, text) == (condition->comparison == LOG_EQUAL);
    if (!str_to_double(condition->operand.text, &wanted) || !str_to_double(text, &given))
        return false;
    switch (condition->comparison) {
    case LOG_LESS: return given < wanted;
    case LOG_AT_MOST: return given <= wanted;
    case LOG_MORE: return given > wanted;
    case LOG_AT_LEAST: return given >= wanted;
    default: return false;
    }
}

static const struct value *value_at(const struct value *v, const struct value *path)
{
    for (uint32_t i = 0; v && i < path->count; i++) {
        const struct value *step = path->items[i];
        if (step->kind == VALUE_STRING)
            v = value_get(v, step->string);
        else
            v = v->kind == VALUE_LIST && step->integer >= 0 && step->integer < (int64_t)v->count
                    ? v->items[step->integer]
                    : NULL;
    }
    return v;
}

/* An absent value, an object or a list is neither equal nor unequal to anything. */
static bool value_compares(struct arena *arena, const struct log_condition *condition, const struct value *v)
{
    switch (condition->comparison) {
    case LOG_EXISTS: return v;
    case LOG_ABSENT: return !v;
    case LOG_NULL: return v && v->kind == VALUE_NULL;
    case LOG_TRUE:
    case LOG_FALSE: return v && v->kind == VALUE_BOOL && v->boolean == (condition->comparison == LOG_TRUE);
    default: break;
    }
    if (!v || v->kind == VALUE_MAP || v->kind == VALUE_LIST || v->kind == VALUE_NULL)
        return false;
    if (v->kind != VALUE_STRING && condition->operand.quoted)
        return condition->comparison == LOG_UNEQUAL;
    return text_compares(condition, value_scalar_text(arena, v));
}

/* `field`: the text of the field with the condition; NULL: a condition on JSON. */
static bool log_condition_holds(
    const struct log_condition *condition, const struct log_event *event, const struct str *field)
{
    bool all = condition->comparison == LOG_ALL;
    if (!all && condition->comparison != LOG_ANY)
        return field ? text_compares(condition, *field)
                     : value_compares(event->arena, condition, value_at(event->json, condition->path));
    for (const struct log_condition *c = condition->within; c; c = c->next)
        if (log_condition_holds(c, event, field) != all)
            return !all;
    return all;
}

/* ---- pattern types ---- */

/* One optional term (?term) is enough; with required terms, optional ones are ignored. */
static bool terms_match(const struct log_term *terms, struct str message)
{
    bool wanted = false, optional = false, any = false;
    for (const struct log_term *term = terms; term; term = term->next) {
        bool has = term->operand.regex ? regex_matches(term->operand.regex, message)
                                       : str_find(message, term->operand.text, 0) >= 0;
        if (term->sign != '?' && has == (term->sign == '-'))
            return false;
        wanted = wanted || term->sign == '+';
        optional = optional || term->sign == '?';
        any = any || (has && term->sign == '?');
    }
    return wanted || any || !optional;
}

static bool fields_match(const struct log_event *event)
{
    for (size_t i = 0; i < event->field_count; i++) {
        const struct log_event_field *one = &event->fields[i];
        if (one->field && one->field->condition &&
            !log_condition_holds(one->field->condition, event, &one->text))
            return false;
    }
    return !event->lacks_fields;
}

bool log_matches(const struct log_filter *filter, const struct log_event *event)
{
    if (filter->condition)
        return event->json && log_condition_holds(filter->condition, event, NULL);
    return filter->has_fields ? fields_match(event) : terms_match(filter->terms, event->message);
}

/* ---- extraction ---- */

/* Returns a string, number or boolean as text; p is NULL for any other value. */
static struct str text_at(const struct log_event *event, const struct value *path)
{
    const struct value *v = path ? value_at(event->json, path) : NULL;
    return v && v->kind != VALUE_MAP && v->kind != VALUE_LIST && v->kind != VALUE_NULL
               ? value_scalar_text(event->arena, v)
               : (struct str){NULL, 0};
}

static void extract_selectors(
    struct value_builder *out, const struct log_condition *condition, const struct log_event *event)
{
    for (const struct log_condition *c = condition->within; c; c = c->next)
        extract_selectors(out, c, event);
    struct str text = text_at(event, condition->path);
    if (text.p)
        value_builder_set(out, condition->selector, value_string(event->arena, text));
}

/* Returns $name, or $1 for an unnamed field. */
static struct str field_key(const struct log_event *event, size_t at)
{
    const struct log_field *field = event->fields[at].field;
    return field && field->name.n ? arena_printf(event->arena, "$%.*s", STR_ARG(field->name))
                                  : arena_printf(event->arena, "$%zu", at + 1);
}

const struct value *log_extracted(const struct log_filter *filter, const struct log_event *event)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(event->arena);
    if (filter->condition)
        extract_selectors(&out, filter->condition, event);
    for (size_t i = 0; i < event->field_count; i++)
        value_builder_set(&out, field_key(event, i), value_string(event->arena, event->fields[i].text));
    return value_builder_map(&out);
}

struct str log_event_value(const struct log_event *event, struct str name)
{
    for (size_t i = 0; i < event->field_count; i++)
        if (str_eq(field_key(event, i), name))
            return event->fields[i].text;
    return text_at(event, log_filter_path(event->arena, name));
}
