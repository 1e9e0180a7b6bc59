/* Values that services report otherwise than they were sent. */
#include "plan/objects/objects.h"

/* True if all configured fields are live and equal, except for strings. */
static bool only_texts_differ(const struct value *given, const struct value *live)
{
    if (!live || value_is_sensitive(given) || value_is_sensitive(live) || given->kind != live->kind)
        return false;
    if (given->kind == VALUE_STRING)
        return given->string.n && live->string.n;
    if (given->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < given->count && given->count == live->count; i++)
            if (!only_texts_differ(given->items[i], live->items[i]))
                return false;
        return given->count == live->count;
    }
    if (given->kind != VALUE_MAP)
        return value_equal(given, live);
    for (uint32_t i = 0; i < given->count; i++)
        if (!value_is_null(given->entries[i].value) &&
            !only_texts_differ(given->entries[i].value, value_get(live, given->entries[i].key)))
            return false;
    return true;
}

bool reported_omits(const struct attr *attr, const struct value *given, const struct value *live)
{
    bool own = attr->local || attr->write_only || attr->sensitive || attr->prepared;
    return !own && given && value_is_known(given) && value_is_null(live) && !attr_equal(attr, given, live);
}

bool reported_otherwise(const struct attr *attr, const struct value *given, const struct value *live)
{
    bool own = attr->local || attr->write_only || attr->sensitive || attr->choices || attr->prepared;
    return !own && given && live && value_is_known(given) && only_texts_differ(given, live) &&
           !attr_equal(attr, given, live);
}

bool reported_omitted_before(const struct record *record, const struct attr *attr, const struct value *wanted,
    const struct value *live)
{
    const struct value *given = record ? value_get(record->reported, attr->name) : NULL;
    return given && value_is_null(live) && value_is_known(wanted) && attr_equal(attr, wanted, given) &&
           attr_equal(attr, given, value_get(record->attrs, attr->name));
}

bool reported_before(const struct record *record, const struct attr *attr, const struct value *wanted,
    const struct value *live)
{
    const struct value *given = record ? value_get(record->reported, attr->name) : NULL;
    if (value_is_null(live))
        return reported_omitted_before(record, attr, wanted, live);
    return given && value_is_known(wanted) && attr_equal(attr, wanted, given) &&
           attr_equal(attr, value_get(record->attrs, attr->name), live);
}

const struct value *reported_unconfirmed(
    struct arena *arena, const struct record *record, const struct attr_change *changes, size_t n)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; record && i < n; i++) {
        const struct attr_change *change = &changes[i];
        const struct value *reported = value_get(record->reported, change->name),
                           *applied = reported ? reported : value_get(record->attrs, change->name);
        bool doubtful = reported_otherwise(change->attr, change->after, change->before) ||
                        reported_omits(change->attr, change->after, change->before);
        if (applied && doubtful && attr_equal(change->attr, change->after, applied))
            value_builder_add(&names, value_string_ref(arena, change->name));
    }
    return value_builder_list(&names);
}

static bool is_changed(const struct reported_change *c, struct str name)
{
    for (size_t i = 0; i < c->n; i++)
        if (str_eq(c->changes[i].name, name))
            return true;
    return false;
}

const struct value *reported_applied(
    struct arena *arena, const struct reported_change *c, const struct value *whole)
{
    const struct value *reported = c->before ? c->before->reported : NULL;
    for (uint32_t i = 0; reported && i < reported->count; i++) {
        struct str name = reported->entries[i].key;
        const struct attr *attr = schema_attr(c->schema, name);
        const struct value *wanted = value_get(c->desired, name), *live = value_get(c->before->attrs, name);
        if (attr && wanted && !is_changed(c, name) && reported_before(c->before, attr, wanted, live))
            whole = value_with(arena, whole, name, live);
    }
    return whole;
}

const struct value *reported_found(struct arena *arena, const struct reported_change *c,
    const struct value *whole, const struct value *left_out)
{
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(arena);
    for (uint32_t i = 0; c->desired && i < c->desired->count; i++) {
        const struct value *given = c->desired->entries[i].value;
        const struct attr *attr = schema_attr(c->schema, c->desired->entries[i].key);
        if (attr &&
            (reported_otherwise(attr, given, value_get(whole, attr->name)) ||
                value_list_has(left_out, attr->name) ||
                (!is_changed(c, attr->name) && reported_omitted_before(c->before, attr, given, NULL))))
            value_builder_set(&found, attr->name, given);
    }
    return found.n ? value_builder_map(&found) : NULL;
}

/* ---- fields that no response has ---- */

static bool is_list(const struct type *type, const struct value *v)
{
    return (type->kind == TYPE_LIST || type->kind == TYPE_SET) && type->elem && v && v->kind == VALUE_LIST;
}

static bool is_map(const struct type *type, const struct value *v)
{
    bool entries = type->kind == TYPE_OBJECT || (type->kind == TYPE_MAP && type->elem);
    return entries && v && v->kind == VALUE_MAP && !state_is_hash(v);
}

/* The attribute of an object's field or a map's entry; without a type if it is not in the schema. */
static struct attr entry_attr(const struct type *type, struct str key)
{
    const struct attr *field = type->kind == TYPE_OBJECT ? type_field(type, key) : NULL;
    return field ? *field : (struct attr){.type = type->elem};
}

/* True if the value has a field that no response has. Rare; the functions below return early without one. */
static bool holds_unreported(const struct type *type, const struct value *v)
{
    for (uint32_t i = 0; is_list(type, v) && i < v->count; i++)
        if (holds_unreported(type->elem, v->items[i]))
            return true;
    for (uint32_t i = 0; is_map(type, v) && i < v->count; i++) {
        const struct value *item = v->entries[i].value;
        struct attr attr = entry_attr(type, v->entries[i].key);
        if (!value_is_null(item) && (attr.write_only || (attr.type && holds_unreported(attr.type, item))))
            return true;
    }
    return false;
}

/* ---- completing live values ---- */

/* The item of `among` that corresponds to list->items[at]: by index in lists, by equality in sets. */
static const struct value *counterpart(
    const struct type *type, const struct value *list, const struct value *among, uint32_t at)
{
    struct attr elem = {.type = type->elem};
    if (type->kind == TYPE_LIST)
        return list->count == among->count ? among->items[at] : NULL;
    for (uint32_t i = 0; i < among->count; i++)
        if (attr_equal(&elem, among->items[i], list->items[at]))
            return among->items[i];
    return NULL;
}

const struct value *unreported_completed(
    struct arena *arena, const struct type *type, const struct value *given, const struct value *live)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    if (!holds_unreported(type, given))
        return live;
    if (is_list(type, given) && is_list(type, live)) {
        for (uint32_t i = 0; i < live->count; i++) {
            const struct value *one = counterpart(type, live, given, i);
            value_builder_add(
                &out, one ? unreported_completed(arena, type->elem, one, live->items[i]) : live->items[i]);
        }
        return value_mark(arena, value_builder_list(&out), live->marks & VALUE_SENSITIVE);
    }
    if (!is_map(type, given) || !is_map(type, live))
        return live;
    for (uint32_t i = 0; i < live->count; i++)
        value_builder_set(&out, live->entries[i].key, live->entries[i].value);
    for (uint32_t i = 0; i < given->count; i++) {
        struct str key = given->entries[i].key;
        const struct value *item = given->entries[i].value, *there = value_get(live, key);
        struct attr attr = entry_attr(type, key);
        if (!value_is_null(there) && attr.type)
            value_builder_set(&out, key, unreported_completed(arena, attr.type, item, there));
        else if (attr.write_only && !value_is_null(item) && value_is_known(item))
            value_builder_set(&out, key, item);
    }
    return value_mark(arena, value_builder_map(&out), live->marks & VALUE_SENSITIVE);
}

/* ---- values for the state, and as reported ---- */

static const struct value *without_clear(
    struct arena *arena, const struct type *type, const struct value *v, bool hashes)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    if (!holds_unreported(type, v))
        return v;
    if (is_list(type, v)) {
        for (uint32_t i = 0; i < v->count; i++)
            value_builder_add(&out, without_clear(arena, type->elem, v->items[i], hashes));
        return value_mark(arena, value_builder_list(&out), v->marks & VALUE_SENSITIVE);
    }
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value *item = v->entries[i].value;
        struct attr attr = entry_attr(type, v->entries[i].key);
        if (attr.write_only && hashes)
            item = value_is_known(item) ? state_hash_secret(arena, item) : NULL;
        else if (attr.write_only)
            item = NULL;
        else if (attr.type)
            item = without_clear(arena, attr.type, item, hashes);
        if (item)
            value_builder_set(&out, v->entries[i].key, item);
    }
    return value_mark(arena, value_builder_map(&out), v->marks & VALUE_SENSITIVE);
}

const struct value *unreported_hashed(struct arena *arena, const struct type *type, const struct value *v)
{
    return without_clear(arena, type, v, true);
}

const struct value *unreported_removed(struct arena *arena, const struct type *type, const struct value *v)
{
    return without_clear(arena, type, v, false);
}

/* ---- comparison ---- */

/* For sets: true unless a live item equals the desired one and its recorded hashes match. */
static bool item_differs(const struct type *type, const struct value *wanted, const struct value *live,
    const struct value *recorded)
{
    struct attr elem = {.type = type->elem};
    for (uint32_t i = 0; i < live->count; i++)
        for (uint32_t k = 0; attr_equal(&elem, wanted, live->items[i]) && k < recorded->count; k++)
            if (attr_equal(&elem, live->items[i], recorded->items[k]) &&
                !unreported_differs(type->elem, wanted, live->items[i], recorded->items[k]))
                return false;
    return true;
}

static bool items_differ(const struct type *type, const struct value *wanted, const struct value *live,
    const struct value *recorded)
{
    bool set = type->kind == TYPE_SET;
    if (!is_list(type, live) || !is_list(type, recorded))
        return true;
    if (!set && (wanted->count != live->count || wanted->count != recorded->count))
        return true;
    for (uint32_t i = 0; i < wanted->count; i++)
        if (set ? holds_unreported(type->elem, wanted->items[i]) &&
                      item_differs(type, wanted->items[i], live, recorded)
                : unreported_differs(type->elem, wanted->items[i], live->items[i], recorded->items[i]))
            return true;
    return false;
}

bool unreported_differs(const struct type *type, const struct value *wanted, const struct value *live,
    const struct value *recorded)
{
    bool whole = recorded && (recorded->marks & VALUE_SENSITIVE); /* a single secret: cannot be compared */
    if (whole || !holds_unreported(type, wanted))
        return false;
    if (is_list(type, wanted))
        return items_differ(type, wanted, live, recorded);
    for (uint32_t i = 0; i < wanted->count; i++) {
        struct str key = wanted->entries[i].key;
        const struct value *item = wanted->entries[i].value, *there = value_get(live, key),
                           *kept = value_get(recorded, key);
        struct attr attr = entry_attr(type, key);
        if (value_is_null(item) || (attr.write_only && !value_is_null(there)))
            continue;
        if (attr.write_only ? !kept || !state_hash_matches(kept, item)
                            : attr.type && unreported_differs(attr.type, item, there, kept))
            return true;
    }
    return false;
}
