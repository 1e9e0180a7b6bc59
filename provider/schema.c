/* Schemas, and fields within attributes: see schema.h. */
#include "provider/schema.h"

#include "base/match.h"
#include "provider/schema_internal.h"

#include <assert.h>

const struct attr *attr_find(const struct attr *attrs, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(attrs[i].name, name))
            return &attrs[i];
    return NULL;
}

const struct attr *schema_attr(const struct schema *schema, struct str name)
{
    return attr_find(schema->attrs, schema->attr_count, name);
}

const struct value *schema_value(const struct schema *schema, const struct value *object, struct str name)
{
    const struct value *v = value_get(object, name);
    const struct attr *attr = value_is_null(v) ? schema_attr(schema, name) : NULL;
    v = attr ? attr->default_value : v;
    return value_is_null(v) ? NULL : v;
}

const struct attr *type_field(const struct type *type, struct str name)
{
    return attr_find(type->fields, type->field_count, name);
}

static bool secret_beyond(const struct type *type, const struct value *v)
{
    if (!value_is_sensitive(v) || !type || (v->marks & VALUE_SENSITIVE))
        return value_is_sensitive(v);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct attr *field = v->kind == VALUE_MAP ? type_field(type, v->entries[i].key) : NULL;
        const struct value *item = v->kind == VALUE_MAP ? v->entries[i].value : v->items[i];
        if (field ? !field->sensitive && !field->write_only && secret_beyond(field->type, item)
                  : secret_beyond(type->elem, item))
            return true;
    }
    return false;
}

bool attr_secret_beyond(const struct attr *attr, const struct value *v)
{
    return secret_beyond(attr ? attr->type : NULL, v);
}

static const struct value *mark_fields(struct arena *arena, const struct type *type, const struct value *v)
{
    bool list = v->kind == VALUE_LIST;
    const struct value *out = v;
    for (uint32_t i = 0;
         type && !(v->marks & VALUE_SENSITIVE) && (list || v->kind == VALUE_MAP) && i < v->count; i++) {
        const struct value *item = list ? v->items[i] : v->entries[i].value, *marked;
        const struct attr *field = list ? NULL : type_field(type, v->entries[i].key);
        const struct type *inner = field ? field->type : type->elem;
        marked = field && field->sensitive ? value_mark(arena, item, VALUE_SENSITIVE)
                 : inner                   ? mark_fields(arena, inner, item)
                                           : item;
        if (marked == item)
            continue;
        if (!list) {
            out = value_with(arena, out, v->entries[i].key, marked);
            continue;
        }
        const struct value **items = ARENA_ARRAY(arena, const struct value *, out->count);
        memcpy(items, out->items, out->count * sizeof *items);
        items[i] = marked;
        out = value_list(arena, items, out->count);
    }
    return out;
}

const struct value *attr_mark_secrets(struct arena *arena, const struct attr *attr, const struct value *v)
{
    return attr->sensitive ? value_mark(arena, v, VALUE_SENSITIVE) : mark_fields(arena, attr->type, v);
}

struct str type_name(struct arena *arena, const struct type *type)
{
    switch (type->kind) {
    case TYPE_ANY: return STR("any");
    case TYPE_STRING: return STR("string");
    case TYPE_INT: return STR("integer");
    case TYPE_FLOAT: return STR("number");
    case TYPE_BOOL: return STR("boolean");
    case TYPE_TIMESTAMP: return STR("timestamp");
    case TYPE_BLOB: return STR("blob");
    case TYPE_JSON: return STR("json");
    case TYPE_POLICY: return STR("policy");
    case TYPE_TAGS: return STR("tags");
    case TYPE_OBJECT: return STR("object");
    case TYPE_LIST: return arena_printf(arena, "list(%s)", type_name(arena, type->elem).p);
    case TYPE_SET: return arena_printf(arena, "set(%s)", type_name(arena, type->elem).p);
    case TYPE_MAP: return arena_printf(arena, "map(%s)", type_name(arena, type->elem).p);
    }
    assert(false);
    return STR_EMPTY;
}

/* ---- patterns ---- */

static const struct regex_code *compile_pattern(struct arena *arena, struct str pattern, struct err *err)
{
    struct str why;
    const struct regex_code *regex = regex_compile(arena, pattern, true, &why);
    if (!regex)
        err_set(err, ERR_INVALID, "pattern \"%.*s\": %.*s", STR_ARG(pattern), STR_ARG(why));
    return regex;
}

int attr_compile_pattern(struct arena *arena, struct attr *attr, struct err *err)
{
    if (attr->pattern.n)
        attr->pattern_code = compile_pattern(arena, attr->pattern, err);
    return attr->pattern.n && !attr->pattern_code ? -1 : 0;
}

bool attr_matches_pattern(struct arena *arena, const struct attr *attr, struct str text)
{
    const struct regex_code *regex = attr->pattern_code;
    if (!regex)
        regex = compile_pattern(arena, attr->pattern, NULL);
    /* An invalid pattern of an attribute that was not checked allows every value. */
    return !regex || regex_matches(regex, text);
}

/* ---- The types that settings have ---- */

const struct type setting_text = {.kind = TYPE_STRING}, setting_flag = {.kind = TYPE_BOOL},
                  setting_number = {.kind = TYPE_INT}, setting_any = {.kind = TYPE_ANY},
                  setting_texts = {.kind = TYPE_MAP, .elem = &setting_text};

/* ---- live values, as a stack file could configure them ---- */

static bool is_empty(const struct value *v)
{
    bool holds = v->kind == VALUE_LIST || v->kind == VALUE_MAP;
    return v->kind == VALUE_NULL || (v->kind == VALUE_STRING && !v->string.n) || (holds && !v->count);
}

bool attr_is_unnamed(struct str key)
{
    return str_starts(key, STR("@"));
}

/* Returns the value without computed fields and without empty ones. */
static const struct value *given_part(
    struct arena *arena, const struct type *type, const struct value *v, bool unnamed)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    struct attr elem;
    if (!type_has_fields(type) || (v->kind != VALUE_LIST && v->kind != VALUE_MAP))
        return v;
    for (uint32_t i = 0; v->kind == VALUE_LIST && type->elem && i < v->count; i++)
        value_builder_add(&out, given_part(arena, type->elem, v->items[i], unnamed));
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        struct str key = v->entries[i].key;
        const struct attr *field = type_entry(type, key, &elem);
        bool given = field && (field->settable || type->kind != TYPE_OBJECT);
        const struct value *item =
            given ? given_part(arena, field->type, v->entries[i].value, unnamed) : NULL;
        if (unnamed && attr_is_unnamed(key))
            value_builder_set(&out, key, v->entries[i].value);
        else if (item && !is_empty(item))
            value_builder_set(&out, key, item);
    }
    const struct value *part = v->kind == VALUE_LIST ? value_builder_list(&out) : value_builder_map(&out);
    return value_mark(arena, part, v->marks & VALUE_SENSITIVE);
}

/* True if the field would be invalid by itself, or conflicts with a field of the desired object. */
static bool is_out_of_place(struct arena *arena, const struct type *type, const struct attr *field,
    const struct value *wanted, const struct value *v)
{
    struct schema_issue issue = {0};
    const struct value *converted, *named = given_part(arena, field->type, v, false);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct attr *other = &type->fields[i];
        bool rivals = str_eq(other->conflicts, field->name) || str_eq(field->conflicts, other->name);
        if (rivals && !value_is_null(value_get(wanted, other->name)))
            return true;
    }
    return schema_convert(arena, field, named, &converted, &issue) != 0;
}

/* ---- completing the desired value ---- */

static const struct value *object_completed(
    struct arena *arena, const struct type *type, const struct value *wanted, const struct value *live)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < live->count; i++) {
        struct str key = live->entries[i].key;
        const struct value *v = live->entries[i].value;
        const struct attr *field = type_field(type, key);
        if (value_get(wanted, key))
            continue;
        if (attr_is_unnamed(key))
            value_builder_set(&out, key, v);
        if (!field || !field->settable)
            continue;
        v = given_part(arena, field->type, v, true);
        if (!is_empty(v) && !is_out_of_place(arena, type, field, wanted, v))
            value_builder_set(&out, key, v);
    }
    for (uint32_t i = 0; i < wanted->count; i++) {
        const struct attr *field = type_field(type, wanted->entries[i].key);
        const struct value *v = wanted->entries[i].value, *is = value_get(live, wanted->entries[i].key);
        value_builder_set(&out, wanted->entries[i].key, field ? attr_completed(arena, field, v, is) : v);
    }
    return value_builder_map(&out);
}

static const struct value *entries_completed(
    struct arena *arena, const struct attr *elem, const struct value *wanted, const struct value *live)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < wanted->count; i++) {
        struct str key = wanted->entries[i].key;
        value_builder_set(
            &out, key, attr_completed(arena, elem, wanted->entries[i].value, value_get(live, key)));
    }
    return value_builder_map(&out);
}

/* Completes each item with the live item that it is paired with. An item without a partner is new. */
static const struct value *items_completed(
    struct arena *arena, const struct attr *elem, const struct value *wanted, const struct value *live)
{
    const int64_t *pairs = attr_items_paired(arena, elem, wanted, live);
    const struct value **items = ARENA_ARRAY(arena, const struct value *, wanted->count + 1);
    for (uint32_t i = 0; i < wanted->count; i++)
        items[i] = pairs[i] < 0 ? wanted->items[i]
                                : attr_completed(arena, elem, wanted->items[i], live->items[pairs[i]]);
    return value_list(arena, items, wanted->count);
}

const struct value *attr_completed(
    struct arena *arena, const struct attr *attr, const struct value *wanted, const struct value *live)
{
    const struct type *type = attr->type;
    const struct attr elem = {.type = type->elem, .compare = attr->compare};
    const struct value *out = wanted;
    if (value_is_null(wanted) || value_is_null(live) || wanted->kind != live->kind)
        return wanted;
    if (attr->compare == COMPARE_CHOICE && wanted->kind == VALUE_STRING && attr_equal(attr, wanted, live))
        return live;
    if (!type_has_fields(type))
        return wanted;
    if (type->kind == TYPE_OBJECT && wanted->kind == VALUE_MAP)
        out = object_completed(arena, type, wanted, live);
    else if (type->kind == TYPE_MAP && wanted->kind == VALUE_MAP)
        out = entries_completed(arena, &elem, wanted, live);
    else if (wanted->kind == VALUE_LIST)
        out = items_completed(arena, &elem, wanted, live);
    return value_mark(arena, out, (wanted->marks | live->marks) & VALUE_SENSITIVE);
}

static bool within_list(const struct type *type, const struct value *v)
{
    return (type->kind == TYPE_LIST || type->kind == TYPE_SET) && v && v->kind == VALUE_LIST;
}

static bool within_map(const struct type *type, const struct value *v)
{
    return (type->kind == TYPE_OBJECT || type->kind == TYPE_MAP) && v && v->kind == VALUE_MAP;
}

bool type_has_fields(const struct type *type)
{
    while (type && type->kind != TYPE_OBJECT)
        type =
            type->kind == TYPE_LIST || type->kind == TYPE_SET || type->kind == TYPE_MAP ? type->elem : NULL;
    return type && type->field_count;
}

const struct attr *type_entry(const struct type *type, struct str key, struct attr *elem)
{
    *elem = (struct attr){.type = type->elem};
    return type->kind == TYPE_OBJECT ? type_field(type, key) : type->elem ? elem : NULL;
}

bool attr_is_chosen(const struct attr *attr)
{
    bool holds = false;
    for (size_t i = 0; attr->type->kind == TYPE_OBJECT && i < attr->type->field_count; i++)
        holds |= attr->type->fields[i].computed;
    return attr->computed && !holds;
}

/* True if all items have a string or integer in this field, and equal items have the same. */
static bool tells_apart(const struct attr *field, const struct value *items)
{
    enum value_kind kind = field->type->kind == TYPE_INT ? VALUE_INT : VALUE_STRING;
    bool all = field->compare == COMPARE_EXACT && (field->type->kind == TYPE_STRING || kind == VALUE_INT);
    for (uint32_t i = 0; all && i < items->count; i++) {
        const struct value *v = value_get(items->items[i], field->name);
        all = v && v->kind == kind;
    }
    return all;
}

/* Returns a number for each item that equal items of both sets share: of large sets few are compared. */
static const uint64_t *item_hashes(
    struct arena *arena, const struct attr *elem, const struct value *items, const struct value *others)
{
    uint64_t *hashes = ARENA_ARRAY(arena, uint64_t, items->count + 1);
    const struct type *type = elem->type;
    for (size_t f = 0; type && type->kind == TYPE_OBJECT && f < type->field_count; f++) {
        const struct attr *field = &type->fields[f];
        if (!tells_apart(field, items) || !tells_apart(field, others))
            continue;
        for (uint32_t i = 0; i < items->count; i++) {
            const struct value *v = value_get(items->items[i], field->name);
            hashes[i] = 31 * hashes[i] + (v->kind == VALUE_INT ? (uint64_t)v->integer : str_hash(v->string));
        }
    }
    return hashes;
}

const int64_t *attr_items_paired(
    struct arena *arena, const struct attr *elem, const struct value *items, const struct value *among)
{
    const uint64_t *ours = item_hashes(arena, elem, items, among),
                   *theirs = item_hashes(arena, elem, among, items);
    int64_t *pairs = ARENA_ARRAY(arena, int64_t, items->count + 1);
    bool *taken = ARENA_ARRAY(arena, bool, among->count + 1);
    uint32_t slots = among->count + 1, *first = ARENA_ARRAY(arena, uint32_t, slots), /* index + 1; 0: none */
                                           *next = ARENA_ARRAY(arena, uint32_t, slots);
    for (uint32_t k = among->count; k; k--) {
        uint32_t slot = (uint32_t)(theirs[k - 1] % slots);
        next[k - 1] = first[slot];
        first[slot] = k;
    }
    for (uint32_t i = 0; i < items->count; i++)
        pairs[i] = -1;
    for (int more = 0; more < 2; more++)
        for (uint32_t i = 0; i < items->count; i++)
            for (uint32_t k = first[ours[i] % slots]; pairs[i] < 0 && k; k = next[k - 1])
                if (!taken[k - 1] && attr_equal(elem, items->items[i], among->items[k - 1]) &&
                    (more || attr_equal(elem, among->items[k - 1], items->items[i]))) {
                    taken[k - 1] = true;
                    pairs[i] = k - 1;
                }
    return pairs;
}

bool attr_removes_fields(const struct type *type, const struct value *v)
{
    struct attr elem;
    for (uint32_t i = 0; within_list(type, v) && i < v->count; i++)
        if (attr_removes_fields(type->elem, v->items[i]))
            return true;
    for (uint32_t i = 0; within_map(type, v) && i < v->count; i++) {
        const struct attr *field = type_entry(type, v->entries[i].key, &elem);
        bool null = v->entries[i].value->kind == VALUE_NULL && type->kind == TYPE_OBJECT;
        if (null || (field && attr_removes_fields(field->type, v->entries[i].value)))
            return true;
    }
    return false;
}

/* Returns the value that a removed field gets, or NULL. An empty default is the same as none. */
static const struct value *back_to(const struct attr *field)
{
    const struct value *v = field ? field->default_value : NULL;
    if (field && field->unset)
        return field->unset;
    return v && !attr_equal(field, NULL, v) ? v : NULL;
}

const struct value *attr_without_nulls(
    struct arena *arena, const struct type *type, const struct value *v, bool defaults)
{
    struct attr elem;
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    if (!attr_removes_fields(type, v))
        return v;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        value_builder_add(&out, attr_without_nulls(arena, type->elem, v->items[i], defaults));
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        const struct attr *field = type_entry(type, v->entries[i].key, &elem);
        const struct value *item = v->entries[i].value;
        if (item->kind == VALUE_NULL)
            item = defaults ? back_to(field) : NULL;
        else if (field)
            item = attr_without_nulls(arena, field->type, item, defaults);
        if (item)
            value_builder_set(&out, v->entries[i].key, item);
    }
    const struct value *left = v->kind == VALUE_LIST ? value_builder_list(&out) : value_builder_map(&out);
    return value_mark(arena, left, v->marks & VALUE_SENSITIVE);
}

const struct value *schema_without_nulls(
    struct arena *arena, const struct schema *schema, const struct value *object, bool defaults)
{
    const struct value *out = object;
    for (uint32_t i = 0; object && i < object->count; i++) {
        const struct attr *attr = schema_attr(schema, object->entries[i].key);
        const struct value *v = object->entries[i].value,
                           *left = attr ? attr_without_nulls(arena, attr->type, v, defaults) : v;
        if (left != v)
            out = value_with(arena, out, attr->name, left);
    }
    return out;
}

static const struct value *list_over(
    struct arena *arena, const struct type *type, const struct value *wanted, const struct value *live)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < wanted->count; i++)
        value_builder_add(&out, attr_after_update(arena, type->elem, wanted->items[i], live->items[i]));
    return value_mark(arena, value_builder_list(&out), wanted->marks & VALUE_SENSITIVE);
}

/* Returns the live value if it is the same enumeration value in different case; else the desired value over
 * the live one. */
static const struct value *field_over(
    struct arena *arena, const struct attr *field, const struct value *wanted, const struct value *live)
{
    bool spelt = field->compare == COMPARE_CHOICE && !value_is_null(live) && attr_equal(field, wanted, live);
    return spelt ? live : attr_after_update(arena, field->type, wanted, live);
}

const struct value *attr_after_update(
    struct arena *arena, const struct type *type, const struct value *wanted, const struct value *live)
{
    struct attr elem;
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    if (type->kind == TYPE_LIST && within_list(type, wanted) && within_list(type, live) &&
        wanted->count == live->count)
        return list_over(arena, type, wanted, live);
    if (!within_map(type, wanted) || !within_map(type, live))
        return wanted ? attr_without_nulls(arena, type, wanted, false) : NULL;
    for (uint32_t i = 0; type->kind == TYPE_OBJECT && i < live->count; i++)
        if (!value_get(wanted, live->entries[i].key) && !value_is_null(live->entries[i].value))
            value_builder_set(&out, live->entries[i].key, live->entries[i].value);
    for (uint32_t i = 0; i < wanted->count; i++) {
        struct str key = wanted->entries[i].key;
        const struct value *item = wanted->entries[i].value;
        const struct attr *field = type_entry(type, key, &elem);
        if (field && item->kind != VALUE_NULL)
            item = field_over(arena, field, item, value_get(live, key));
        if (item->kind != VALUE_NULL)
            value_builder_set(&out, key, item);
    }
    return value_mark(arena, value_builder_map(&out), (wanted->marks | live->marks) & VALUE_SENSITIVE);
}

/* Which fields that the desired value lacks are left out. */
enum restriction {
    RESTRICT_ITEMS,    /* all */
    RESTRICT_OBJECTS,  /* all; in objects in lists those that have their default */
    RESTRICT_DEFAULTS, /* those that have their default */
};
static const struct value *restricted(struct arena *arena, const struct type *type,
    const struct value *wanted, const struct value *live, enum restriction how);

/* Returns the live items in their order, each restricted by its desired partner. */
static const struct value *set_mentioned(struct arena *arena, const struct type *type,
    const struct value *wanted, const struct value *live, enum restriction how)
{
    const struct attr elem = {.type = type->elem};
    const int64_t *pairs = attr_items_paired(arena, &elem, wanted, live);
    const struct value **items = ARENA_ARRAY(arena, const struct value *, live->count + 1);
    for (uint32_t i = 0; i < live->count; i++)
        items[i] = live->items[i];
    for (uint32_t i = 0; i < wanted->count; i++)
        if (pairs[i] >= 0)
            items[pairs[i]] = restricted(arena, type->elem, wanted->items[i], live->items[pairs[i]], how);
    return value_mark(arena, value_list(arena, items, live->count), live->marks & VALUE_SENSITIVE);
}

/* Returns whether an update that omits this live field keeps it, because it has its default. */
static bool stays_default(const struct attr *field, const struct value *live)
{
    return field && field->default_value && attr_equal(field, field->default_value, live);
}

static const struct value *restricted(struct arena *arena, const struct type *type,
    const struct value *wanted, const struct value *live, enum restriction how)
{
    struct attr elem;
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    bool lists = within_list(type, wanted) && within_list(type, live);
    if (lists && how == RESTRICT_OBJECTS)
        how = RESTRICT_DEFAULTS;
    if (lists && type->kind == TYPE_SET)
        return type_has_fields(type) ? set_mentioned(arena, type, wanted, live, how) : live;
    lists = lists && (wanted->count == live->count || how == RESTRICT_DEFAULTS);
    if (!type_has_fields(type) || !(lists || (within_map(type, wanted) && within_map(type, live))))
        return live;
    for (uint32_t i = 0; lists && i < live->count; i++)
        value_builder_add(&out, i < wanted->count
                                    ? restricted(arena, type->elem, wanted->items[i], live->items[i], how)
                                    : live->items[i]);
    for (uint32_t i = 0; !lists && i < live->count; i++) {
        struct str key = live->entries[i].key;
        const struct value *of = value_get(wanted, key), *item = live->entries[i].value;
        const struct attr *field = type_entry(type, key, &elem);
        if (of && field)
            item = restricted(arena, field->type, of, item, how);
        if (of || type->kind == TYPE_MAP || (how == RESTRICT_DEFAULTS && !stays_default(field, item)))
            value_builder_set(&out, key, item);
    }
    const struct value *normal = lists ? value_builder_list(&out) : value_builder_map(&out);
    return value_mark(arena, normal, live->marks & VALUE_SENSITIVE);
}

const struct value *attr_restricted(struct arena *arena, const struct type *type, const struct value *wanted,
    const struct value *live, bool items)
{
    return restricted(arena, type, wanted, live, items ? RESTRICT_ITEMS : RESTRICT_OBJECTS);
}
