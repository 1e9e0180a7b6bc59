/* What services write otherwise than it was given. */
#include "plan/objects/reported.h"

/* Texts may differ, all else is there and the same. */
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

bool reported_nothing(const struct attr *attr, const struct value *given, const struct value *live)
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

bool reported_left_out(const struct record *record, const struct attr *attr, const struct value *wanted,
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
        return reported_left_out(record, attr, wanted, live);
    return given && value_is_known(wanted) && attr_equal(attr, wanted, given) &&
           attr_equal(attr, value_get(record->attrs, attr->name), live);
}

const struct value *reported_doubtful(
    struct arena *arena, const struct record *record, const struct attr_change *changes, size_t n)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; record && i < n; i++) {
        const struct attr_change *change = &changes[i];
        const struct value *reported = value_get(record->reported, change->name),
                           *applied = reported ? reported : value_get(record->attrs, change->name);
        bool doubtful = reported_otherwise(change->attr, change->after, change->before) ||
                        reported_nothing(change->attr, change->after, change->before);
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

const struct value *reported_carried(
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
        if (attr && (reported_otherwise(attr, given, value_get(whole, attr->name)) ||
                        value_list_has(left_out, attr->name) ||
                        (!is_changed(c, attr->name) && reported_left_out(c->before, attr, given, NULL))))
            value_builder_set(&found, attr->name, given);
    }
    return found.n ? value_builder_map(&found) : NULL;
}
