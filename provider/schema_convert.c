/* Converts values to the types of a schema and reports what is wrong with them. */
#include "provider/schema_internal.h"

#include "base/clock.h"
#include "base/json.h"

#include <math.h>

static const struct value *place_path(struct arena *arena, const struct place *place)
{
    size_t depth = 0;
    for (const struct place *p = place; p; p = p->up)
        depth++;
    const struct value **steps = arena_alloc(arena, (depth + 1) * sizeof *steps);
    for (const struct place *p = place; p; p = p->up)
        steps[--depth] = p->key.p ? value_string(arena, p->key) : value_int(arena, (int64_t)p->index);
    for (const struct place *p = place; p; p = p->up)
        depth++;
    return value_list(arena, steps, depth);
}

const struct value *schema_fail(struct convert *c, const struct place *place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *c->issue = (struct schema_issue){
        .message = arena_vprintf(c->arena, format, args),
        .label = STR_EMPTY,
        .key = STR_EMPTY,
        .path = place_path(c->arena, place),
    };
    va_end(args);
    return NULL;
}

void schema_suggest(struct convert *c, struct str word, const struct str *candidates, size_t n)
{
    struct str nearest = str_nearest(word, candidates, n);
    if (nearest.n)
        c->issue->label = arena_printf(c->arena, "did you mean \"%.*s\"?", STR_ARG(nearest));
}

static const char *wanted(const struct type *type)
{
    switch (type->kind) {
    case TYPE_STRING: return "a string";
    case TYPE_INT: return "an integer";
    case TYPE_FLOAT: return "a number";
    case TYPE_BOOL: return "a boolean";
    case TYPE_TIMESTAMP: return "a timestamp";
    case TYPE_BLOB: return "a string";
    case TYPE_JSON: return "a map, a list or JSON text";
    case TYPE_POLICY: return "a policy document";
    case TYPE_TAGS: return "a map of tags";
    case TYPE_LIST: return "a list";
    case TYPE_SET: return "a list";
    case TYPE_MAP: return "a map";
    case TYPE_OBJECT: return "a map";
    case TYPE_ANY: break;
    }
    return "a value";
}

/* True for an integer that stayed a string because it is too large. */
static bool is_digits(struct str text)
{
    return str_is_digits(str_slice(text, str_starts(text, STR("-")), text.n));
}

/* True for 0644, 007: octal or an identifier, but not that decimal number. */
static bool leads_with_zero(struct str text)
{
    struct str digits = str_slice(text, str_starts(text, STR("-")), text.n);
    return digits.n > 1 && is_digits(digits) && digits.p[0] == '0';
}

const char *schema_boolean_meant(struct str text)
{
    static const char *const yes[] = {"yes", "on", "y", "1", "enabled", "true"}, *const no[] = {"no", "off",
                                                                                     "n", "0", "disabled",
                                                                                     "false"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (str_ieq(text, str_z(yes[i])) || str_ieq(text, str_z(no[i])))
            return str_ieq(text, str_z(yes[i])) ? "true" : "false";
    return NULL;
}

static const struct value *fail_kind(
    struct convert *c, const struct place *place, const struct type *type, const struct value *v)
{
    bool digits = v->kind == VALUE_STRING && is_digits(v->string) && !c->sensitive;
    if (digits && leads_with_zero(v->string) && (type->kind == TYPE_INT || type->kind == TYPE_FLOAT)) {
        schema_fail(c, place, "%.*s begins with a zero", STR_ARG(v->string));
        const char *sign = str_starts(v->string, STR("-")) ? "-" : "";
        struct str rest = str_slice(v->string, strlen(sign), v->string.n);
        while (rest.n > 1 && rest.p[0] == '0')
            rest = str_slice(rest, 1, rest.n);
        c->issue->label = sign[0] ? arena_printf(c->arena, "write -%.*s", STR_ARG(rest))
                                  : arena_printf(c->arena, "write %.*s, or 0o%.*s where it is octal",
                                        STR_ARG(rest), STR_ARG(rest));
        return NULL;
    }
    if (digits && type->kind == TYPE_INT)
        return schema_fail(c, place, "%.*s is too large for an integer", STR_ARG(v->string));
    schema_fail(c, place, "expected %s, got %s", wanted(type), value_with_article(v));
    bool scalar = v->kind != VALUE_LIST && v->kind != VALUE_MAP && v->kind != VALUE_NULL;
    const char *meant = type->kind == TYPE_BOOL && scalar && !c->sensitive
                            ? schema_boolean_meant(value_scalar_text(c->arena, v))
                            : NULL;
    if (meant)
        c->issue->label = arena_printf(c->arena, "write %s", meant);
    if ((type->kind == TYPE_LIST || type->kind == TYPE_SET) && scalar && type->elem->kind != TYPE_OBJECT)
        c->issue->label = STR("write [ ] around it");
    return NULL;
}

/* Parses a decimal number: no white space, hexadecimal, "nan" or overflow. */
static bool text_number(struct str text, double *number)
{
    return str_is_made_of(text, CHARS_DIGITS "+-.eE") && str_to_double(text, number) && isfinite(*number);
}

static bool schema_whole(double number, int64_t *out)
{
    if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0))
        return false;
    *out = (int64_t)number;
    return !((double)*out < number) && !((double)*out > number);
}

static const struct value *to_integer(struct arena *arena, const struct value *v)
{
    int64_t integer;
    if (v->kind == VALUE_INT)
        return v;
    if (v->kind == VALUE_FLOAT && schema_whole(v->number, &integer))
        return value_int(arena, integer);
    if (v->kind == VALUE_STRING && !leads_with_zero(v->string) && str_to_int(v->string, &integer))
        return value_int(arena, integer);
    return NULL;
}

static const struct value *to_number(struct arena *arena, const struct value *v)
{
    double number;
    if (v->kind == VALUE_FLOAT)
        return v;
    const struct value *integer = to_integer(arena, v);
    if (integer)
        return integer;
    bool decimal = v->kind == VALUE_STRING && !leads_with_zero(v->string);
    return decimal && text_number(v->string, &number) ? value_float(arena, number) : NULL;
}

static const struct value *to_boolean(const struct value *v)
{
    if (v->kind == VALUE_BOOL)
        return v;
    if (v->kind == VALUE_STRING && str_eqz(v->string, "true"))
        return &value_true;
    return v->kind == VALUE_STRING && str_eqz(v->string, "false") ? &value_false : NULL;
}

static const struct value *to_text(struct arena *arena, const struct value *v)
{
    if (v->kind == VALUE_STRING)
        return v;
    struct str text = value_scalar_text(arena, v);
    return text.p ? value_string_ref(arena, text) : NULL;
}

static const struct value *convert_scalar(
    struct convert *c, const struct place *place, const struct type *type, const struct value *v)
{
    const struct value *out = NULL;
    switch (type->kind) {
    case TYPE_INT: out = to_integer(c->arena, v); break;
    case TYPE_FLOAT: out = to_number(c->arena, v); break;
    case TYPE_BOOL: out = to_boolean(v); break;
    default: out = to_text(c->arena, v); break;
    }
    if (!out)
        return fail_kind(c, place, type, v);
    int64_t ms;
    if (type->kind == TYPE_TIMESTAMP && !time_parse_rfc3339(out->string, &ms)) {
        schema_fail(c, place, "expected a timestamp, got a string");
        c->issue->label = STR("such as 2026-11-21T09:30:00Z");
        return NULL;
    }
    return out;
}

/* A JSON string is checked and stays a string, so that the configured spelling is sent. */
static const struct value *convert_json(
    struct convert *c, const struct place *place, const struct type *type, const struct value *v)
{
    const struct value *document = v;
    if (v->kind == VALUE_STRING) {
        struct err err = ERR_INIT;
        if (json_parse(c->arena, v->string, &document, &err)) {
            schema_fail(c, place, "%s", err.message);
            if (type->kind == TYPE_POLICY && !str_starts(str_trim(v->string), STR("{")))
                c->issue->label = STR("write a map, or ${trust(…)} or ${allow(…)}");
            return NULL;
        }
    } else if (v->kind != VALUE_MAP && v->kind != VALUE_LIST) {
        return fail_kind(c, place, type, v);
    }
    if (type->kind != TYPE_POLICY)
        return type->parsed ? document : v;
    if (document->kind != VALUE_MAP)
        return fail_kind(c, place, type, document);
    if (!value_getz(document, "Statement"))
        return schema_fail(c, place, "a policy document needs \"Statement\"");
    return v;
}

static const struct value *convert_type(
    struct convert *c, const struct place *place, const struct type *type, const struct value *v);
static const struct value *convert_attr(
    struct convert *c, const struct place *place, const struct attr *attr, const struct value *v);

static const struct value *convert_items(
    struct convert *c, const struct place *place, const struct type *type, const struct value *v)
{
    if (v->kind != VALUE_LIST)
        return fail_kind(c, place, type, v);
    const struct value **items = arena_alloc(c->arena, (v->count + 1) * sizeof *items);
    for (uint32_t i = 0; i < v->count; i++) {
        struct place inside = {.up = place, .index = i};
        if (v->items[i]->kind == VALUE_NULL && type->elem->kind != TYPE_ANY)
            return fail_kind(c, &inside, type->elem, v->items[i]);
        if (!(items[i] = convert_type(c, &inside, type->elem, v->items[i])))
            return NULL;
    }
    return type->kind == TYPE_SET ? schema_sorted_set(c->arena, items, v->count)
                                  : value_list(c->arena, items, v->count);
}

/* Converts tags in the service's form, [{Key: a, Value: b}]; returns NULL on failure. The map is unknown
 * until all keys are known. */
static const struct value *pairs_as_map(
    struct convert *c, const struct place *place, const struct type *type, const struct value *list)
{
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(c->arena);
    bool known = true;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct place inside = {.up = place, .index = i};
        const struct value *item = list->items[i], *key = value_get(item, type->key),
                           *v = value_get(item, type->value);
        if (item->kind == VALUE_UNKNOWN || (key && key->kind == VALUE_UNKNOWN)) {
            known = false;
            continue;
        }
        if (!key || key->kind != VALUE_STRING || item->count != 1u + (v != NULL))
            return schema_fail(c, &inside, "expected a map of tags, or a list of {%.*s: …, %.*s: …}",
                STR_ARG(type->key), STR_ARG(type->value));
        for (uint32_t k = 0; k < i; k++)
            if (value_equal(key, value_get(list->items[k], type->key)))
                return schema_fail(c, &inside, "the tag \"%.*s\" is given twice", STR_ARG(key->string));
        value_builder_set(&map, key->string, v ? v : &value_empty_string);
    }
    return value_mark(
        c->arena, known ? value_builder_map(&map) : &value_unknown, list->marks & VALUE_SENSITIVE);
}

static const struct value *convert_entries(
    struct convert *c, const struct place *place, const struct type *type, const struct value *v)
{
    static const struct type text = {.kind = TYPE_STRING};
    if (v->kind == VALUE_LIST && type->key.n) {
        v = pairs_as_map(c, place, type, v);
        if (!v || v->kind == VALUE_UNKNOWN)
            return v;
    }
    if (v->kind != VALUE_MAP)
        return fail_kind(c, place, type, v);
    const struct type *elem = type->kind == TYPE_TAGS ? &text : type->elem;
    struct value_entry *entries = arena_alloc(c->arena, (v->count + 1) * sizeof *entries);
    size_t n = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        struct place inside = {.up = place, .key = v->entries[i].key};
        if (v->entries[i].value->kind == VALUE_NULL && elem->kind != TYPE_ANY)
            continue;
        entries[n].key = v->entries[i].key;
        if (!(entries[n++].value = convert_type(c, &inside, elem, v->entries[i].value)))
            return NULL;
    }
    return value_map(c->arena, entries, n);
}

static const struct value *fail_field(
    struct convert *c, const struct place *place, const struct type *type, struct str key)
{
    schema_fail(c, place, "unknown attribute \"%.*s\"", STR_ARG(key));
    c->issue->key = key;
    c->issue->at_key = true;
    struct str *names = arena_alloc(c->arena, (type->field_count + 1) * sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].settable)
            names[n++] = type->fields[i].name;
    schema_suggest(c, key, names, n);
    return NULL;
}

static enum given_how given_in(const void *map, struct str name)
{
    const struct value *v = value_get(map, name);
    return value_is_null(v) ? GIVEN_NOT : v->kind == VALUE_UNKNOWN ? GIVEN_MAYBE : GIVEN_SURELY;
}

/* Checks for missing and conflicting fields. */
static const struct value *check_fields(struct convert *c, const struct place *place, const struct type *type,
    const struct value *v, const struct value *out)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct attr *field = &type->fields[i];
        bool here = !value_is_null(value_get(v, field->name));
        if (field->required && !here) {
            schema_fail(c, place, "\"%.*s\" is missing", STR_ARG(field->name));
            c->issue->key = field->name;
            return NULL;
        }
        if (here && field->conflicts.n && !value_is_null(value_get(v, field->conflicts))) {
            struct place inside = {.up = place, .key = field->name};
            schema_fail(c, &inside, "\"%.*s\" and \"%.*s\" exclude each other", STR_ARG(field->name),
                STR_ARG(field->conflicts));
            c->issue->at_key = true;
            return NULL;
        }
    }
    for (size_t i = 0; i < type->rule_count; i++) {
        struct str broken = attr_rule_broken(c->arena, &type->rules[i], given_in, v);
        if (broken.n)
            return schema_fail(c, place, "%.*s", STR_ARG(broken));
    }
    return out;
}

static const struct value *convert_object(
    struct convert *c, const struct place *place, const struct type *type, const struct value *v)
{
    if (v->kind != VALUE_MAP)
        return fail_kind(c, place, type, v);
    struct value_entry *entries = arena_alloc(c->arena, (v->count + 1) * sizeof *entries);
    size_t n = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        struct str key = v->entries[i].key;
        struct place inside = {.up = place, .key = key};
        const struct attr *field = type_field(type, key);
        if (!field)
            return fail_field(c, &inside, type, key);
        if (v->entries[i].value->kind == VALUE_NULL)
            continue;
        if (!field->settable) {
            schema_fail(c, &inside, "\"%.*s\" is set by the service and cannot be given", STR_ARG(key));
            c->issue->at_key = true;
            return NULL;
        }
        entries[n].key = key;
        if (!(entries[n++].value = convert_attr(c, &inside, field, v->entries[i].value)))
            return NULL;
    }
    return check_fields(c, place, type, v, value_map(c->arena, entries, n));
}

/* Returns NULL on failure. `v` is never NULL, and null only if the type is `any`. */
static const struct value *convert_type(
    struct convert *c, const struct place *place, const struct type *type, const struct value *v)
{
    if (v->kind == VALUE_UNKNOWN || type->kind == TYPE_ANY)
        return v;
    bool around = c->sensitive;
    c->sensitive |= v->marks & VALUE_SENSITIVE;
    const struct value *out = NULL;
    switch (type->kind) {
    case TYPE_JSON:
    case TYPE_POLICY: out = convert_json(c, place, type, v); break;
    case TYPE_LIST:
    case TYPE_SET: out = convert_items(c, place, type, v); break;
    case TYPE_MAP:
    case TYPE_TAGS: out = convert_entries(c, place, type, v); break;
    case TYPE_OBJECT: out = convert_object(c, place, type, v); break;
    default: out = convert_scalar(c, place, type, v); break;
    }
    c->sensitive = around;
    return out ? value_mark(c->arena, out, v->marks & VALUE_SENSITIVE) : NULL;
}

/* Converts CIDR keys to the services' form: 10.1.2.3/8 is 10.0.0.0/8. Returns NULL if two keys are the same
 * range. */
static const struct value *with_canonical_keys(
    struct convert *c, const struct place *place, const struct value *map)
{
    struct value_entry *entries = ARENA_ARRAY(c->arena, struct value_entry, map->count + 1);
    for (uint32_t i = 0; i < map->count; i++) {
        entries[i] = map->entries[i];
        schema_canonical_cidr(c->arena, map->entries[i].key, &entries[i].key);
    }
    const struct value *out = value_map(c->arena, entries, map->count);
    for (uint32_t i = 1; out->count < map->count && i < map->count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (str_eq(entries[k].key, entries[i].key))
                return schema_fail(c, &(struct place){.up = place, .key = map->entries[i].key},
                    "\"%.*s\" and \"%.*s\" are both %.*s", STR_ARG(map->entries[k].key),
                    STR_ARG(map->entries[i].key), STR_ARG(entries[i].key));
    return value_mark(c->arena, out, map->marks & VALUE_SENSITIVE);
}

static const struct value *convert_attr(
    struct convert *c, const struct place *place, const struct attr *attr, const struct value *v)
{
    bool around = c->sensitive;
    c->sensitive |= attr->sensitive || (v->marks & VALUE_SENSITIVE);
    const struct value *out = convert_type(c, place, attr->type, v);
    if (out && attr->compare == COMPARE_CIDR && out->kind == VALUE_MAP)
        out = with_canonical_keys(c, place, out);
    if (out && !schema_check(c, place, attr, out))
        out = NULL;
    if (out)
        out = schema_spelt(c->arena, attr, out);
    c->sensitive = around;
    if (!out && !c->issue->attr)
        c->issue->attr = attr;
    return out && attr->sensitive ? value_mark(c->arena, out, VALUE_SENSITIVE) : out;
}

static int convert_whole(
    struct convert *c, const struct attr *attr, const struct value *v, const struct value **out)
{
    const struct value *converted = value_is_null(v) ? &value_null : convert_attr(c, NULL, attr, v);
    if (!converted)
        return -1;
    *out = converted;
    return 0;
}

int schema_convert(struct arena *arena, const struct attr *attr, const struct value *v,
    const struct value **out, struct schema_issue *issue)
{
    struct convert c = {.arena = arena, .issue = issue};
    return convert_whole(&c, attr, v, out);
}

int schema_convert_exact(struct arena *arena, const struct attr *attr, const struct value *v,
    const struct value **out, struct schema_issue *issue)
{
    struct convert c = {.arena = arena, .issue = issue, .exact = true};
    return convert_whole(&c, attr, v, out);
}
