/* Compares objects attribute by attribute. */
#include "plan/objects/diff.h"

#include "plan/objects/objects.h"

/*
 *   configured                       desired against live, by the attribute's rule
 *   recorded, no longer configured   back to the default, or the sub-resource is deleted;
 *                                    likewise the fields within an attribute (diff.h)
 *   neither                          not managed, whatever its value
 *   live differs from recorded       drift; shown as such, then handled by the rules above
 */

/* ---- changes ---- */

static bool is_ignored(const struct lifecycle *lifecycle, struct str name)
{
    for (size_t i = 0; lifecycle && i < lifecycle->ignore_count; i++)
        if (str_eq(lifecycle->ignore_changes[i], name) || str_eq(lifecycle->ignore_changes[i], STR("*")))
            return true;
    return false;
}

/* True if only other systems change it, in the present and in the desired object. */
static bool stays_others(const struct comparison *c, const struct value *desired, const struct attr *attr)
{
    return schema_is_others(c->arena, c->schema, attr, c->live) &&
           schema_is_others(c->arena, c->schema, attr, value_merge(c->arena, c->live, desired));
}

bool diff_ignores(const struct comparison *c, const struct value *desired, const struct attr *attr)
{
    return is_ignored(c->lifecycle, attr->name) || stays_others(c, desired, attr);
}

/* It never changes, and a response may omit it. */
static bool is_fixed(const struct attr *attr)
{
    return attr->replace && !attr->attached;
}

/* The value that an attribute is compared with: the live one, or the recorded one if responses do not have
 * it. An attribute that never changes counts as unchanged if a response omits it. */
static const struct value *compared_value(const struct comparison *c, const struct attr *attr)
{
    const struct value *live = value_get(c->live, attr->name);
    bool unreported = attr->local || attr->write_only || (is_fixed(attr) && value_is_null(live));
    if (unreported && c->record)
        return value_get(c->record->attrs, attr->name);
    return value_is_sensitive(live) ? unreported_removed(c->arena, attr->type, live) : live;
}

static bool is_same_value(const struct attr *attr, const struct value *wanted, const struct value *have)
{
    if (!value_is_known(wanted))
        return false;
    if (!have && attr->default_value)
        have = attr->default_value; /* a sub-resource that does not exist means the default */
    return (!attr->write_only && attr_equal(attr, wanted, have)) || object_hash_matches(have, wanted);
}

/* Compares fields that no response has with their recorded hashes. */
static bool is_unreported_same(const struct comparison *c, const struct attr *attr,
    const struct value *wanted, const struct value *before)
{
    const struct value *recorded = c->record ? value_get(c->record->attrs, attr->name) : NULL;
    return !recorded || attr->write_only || attr->local ||
           !unreported_differs(attr->type, wanted, before, recorded);
}

/* True if an attribute that was removed from the file has to be reset. */
static bool is_to_reset(const struct attr *attr, const struct value *have)
{
    if (attr->write_only || value_is_null(have))
        return false;
    if (attr->default_value)
        return !attr_equal(attr, attr->default_value, have);
    return !attr->local && !attr->computed; /* a value that the service chose is kept */
}

/* For imported resources, unreported values are unknown: the configured ones are recorded without
 * replacement. */
static bool forces_replacement(const struct comparison *c, const struct attr *attr,
    const struct value *wanted, const struct value *before)
{
    bool unreported = (attr->local || attr->write_only) && value_is_null(before);
    bool comes_or_goes = attr->replace_whole && value_is_null(wanted) != value_is_null(before);
    bool fixed = attr->replace || comes_or_goes || attr_replaces_within(attr, wanted, before);
    return fixed && !(unreported && c->record && c->record->adopted);
}

/* True if a change of it was interrupted, or the resource was created without it. */
static bool is_halfway(const struct comparison *c, const struct attr *attr)
{
    return c->record && c->record->interrupted && value_list_has(c->record->interrupted, attr->name);
}

/* Tags that an interrupted creation did not set; weir's own are among them. */
static const struct attr *missing_tags(const struct comparison *c)
{
    bool lacks = c->record && c->record->interrupted;
    for (size_t i = 0; lacks && i < c->schema->attr_count; i++)
        if (c->schema->attrs[i].type->kind == TYPE_TAGS && is_halfway(c, &c->schema->attrs[i]))
            return &c->schema->attrs[i];
    return NULL;
}

/* True if a configured attribute differs; fills *out. */
static bool diff_given(
    const struct comparison *c, const struct value *desired, const struct attr *attr, struct attr_change *out)
{
    const struct value *wanted = value_get(desired, attr->name);
    const struct value *before = compared_value(c, attr), *after;
    bool halfway = is_halfway(c, attr);
    if (!(attr->settable || attr->prepared) || diff_ignores(c, desired, attr))
        return false;
    bool immutable = is_fixed(attr) && !attr->local && !attr->write_only;
    if (immutable && value_is_null(before) && c->live && !c->record)
        return false; /* not reported, and it cannot be changed */
    after = configured_with_removals(c->arena, c->record, attr, wanted, before);
    bool whole = !halfway && after == wanted;
    if (whole && ((is_same_value(attr, wanted, before) && is_unreported_same(c, attr, wanted, before)) ||
                     reported_before(c->record, attr, wanted, before)))
        return false;
    if (attr->compare == COMPARE_CONFIGURED) /* null is a value in a document */
        after = wanted;
    bool leaves =
        before && before == value_get(c->live, attr->name) && c->schema->ops && c->schema->ops->keeps_fields;
    *out = (struct attr_change){.name = attr->name,
        .attr = attr,
        .before = leaves ? attr_restricted(c->arena, attr->type, after, before, c->schema->ops->keeps_items)
                         : before,
        .after = after,
        .replaces = forces_replacement(c, attr, after, before)};
    return true;
}

/* True if an attribute that was removed from the file has to be reset; fills *out. */
static bool diff_taken_out(
    const struct comparison *c, const struct value *desired, const struct attr *attr, struct attr_change *out)
{
    const struct value *before = compared_value(c, attr);
    if (diff_ignores(c, desired, attr) || !is_to_reset(attr, before))
        return false;
    *out = (struct attr_change){
        .name = attr->name, .attr = attr, .before = before, .replaces = attr->replace || attr->replace_whole};
    return true;
}

size_t diff_objects(const struct comparison *c, const struct value *desired, struct attr_change **out)
{
    const struct value *set = c->record ? c->record->set : NULL;
    size_t n = 0, most = desired->count + (set ? set->count : 0) + 1;
    struct attr_change *list = NULL, one;
    for (uint32_t i = 0; i < desired->count; i++) {
        const struct attr *attr = schema_attr(c->schema, desired->entries[i].key);
        if (!attr || !diff_given(c, desired, attr, &one))
            continue;
        if (!list)
            list = ARENA_ARRAY(c->arena, struct attr_change, most);
        list[n++] = one;
    }
    const struct attr *tags = missing_tags(c);
    if (tags && !value_get(desired, tags->name)) {
        list = list ? list : ARENA_ARRAY(c->arena, struct attr_change, most);
        list[n++] = (struct attr_change){.name = tags->name, .attr = tags, .after = &value_empty_map};
    }
    for (uint32_t i = 0; set && i < set->count; i++) {
        const struct attr *attr = schema_attr(c->schema, set->items[i]->string);
        if (!attr || value_get(desired, attr->name) || !diff_taken_out(c, desired, attr, &one))
            continue;
        if (!list)
            list = ARENA_ARRAY(c->arena, struct attr_change, most);
        list[n++] = one;
    }
    *out = list;
    return n;
}

const struct value *diff_names(struct arena *arena, const struct attr_change *list, size_t n)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&names, value_string_ref(arena, list[i].name));
    return value_builder_list(&names);
}

/* ---- changes during the apply, when all values are known ---- */

static const struct attr_change *find_shown(
    const struct attr_change *shown, size_t n, const struct attr *attr)
{
    for (size_t i = 0; i < n; i++)
        if (shown[i].attr == attr)
            return &shown[i];
    return NULL;
}

/* True if an attribute differs whose value was unknown in the plan, or has changed since. */
static bool differs_now(
    const struct comparison *c, const struct value *desired, const struct attr *attr, struct attr_change *out)
{
    if (value_get(desired, attr->name))
        return diff_given(c, desired, attr, out);
    return c->record && value_list_has(c->record->set, attr->name) && diff_taken_out(c, desired, attr, out);
}

size_t diff_known(const struct comparison *c, const struct planned_diff *planned, const struct value *desired,
    struct attr_change **out)
{
    size_t n = 0;
    struct attr_change *list = ARENA_ARRAY(c->arena, struct attr_change, c->schema->attr_count + 1);
    for (size_t i = 0; i < c->schema->attr_count; i++) {
        const struct attr *attr = &c->schema->attrs[i];
        const struct value *was = value_get(planned->desired, attr->name),
                           *now = value_get(desired, attr->name);
        const struct attr_change *shown = find_shown(planned->changes, planned->count, attr);
        bool same = was == now || (was && now && value_equal(was, now));
        if (same && shown)
            list[n++] = *shown;
        else if (!same && differs_now(c, desired, attr, &list[n]))
            n++;
    }
    *out = list;
    return n;
}

/* ---- for display only ---- */

/* Unreported values come from the record: a replacement does not change them. */
static const struct value *value_replaced(
    const struct comparison *c, const struct attr *attr, const struct value *after)
{
    const struct value *v = value_get(c->live, attr->name);
    if (!v && c->record && (attr->local || attr->write_only))
        v = value_get(c->record->attrs, attr->name);
    return v && object_hash_matches(v, after) ? after : v;
}

static bool is_as_before(const struct comparison *c, const struct attr *attr, const struct value *before,
    const struct value *after)
{
    if (!before || !value_is_known(after))
        return false;
    return attr->write_only ? value_equal(before, after)
                            : attr_equal(attr, after, before) && is_unreported_same(c, attr, after, before);
}

size_t diff_made(const struct comparison *c, const struct value *planned, struct attr_change **out)
{
    struct attr_change *list = ARENA_ARRAY(c->arena, struct attr_change, planned->count ? planned->count : 1);
    size_t n = 0;
    for (uint32_t i = 0; i < planned->count; i++) {
        const struct attr *attr = schema_attr(c->schema, planned->entries[i].key);
        const struct value *after = planned->entries[i].value;
        const struct value *before = attr ? value_replaced(c, attr, after) : NULL;
        if (attr && !value_is_null(after))
            list[n++] = (struct attr_change){.name = attr->name,
                .attr = attr,
                .before = before,
                .after = after,
                .unchanged = is_as_before(c, attr, before, after)};
    }
    *out = list;
    return n;
}

size_t diff_drift(const struct comparison *c, struct attr_change **out)
{
    const struct value *set = c->record->set;
    size_t n = 0;
    *out = NULL;
    for (uint32_t i = 0; set && i < set->count; i++) {
        const struct attr *attr = schema_attr(c->schema, set->items[i]->string);
        if (!attr || attr->local || attr->write_only || schema_is_others(c->arena, c->schema, attr, c->live))
            continue;
        const struct value *recorded = value_get(c->record->attrs, attr->name),
                           *is = value_get(c->live, attr->name);
        bool never = value_is_null(recorded) && value_is_null(is);
        bool left_out =
            value_is_null(is) && (is_fixed(attr) || reported_omitted_before(c->record, attr, recorded, is));
        if (never || left_out || attr_equal(attr, recorded, is) || object_hash_matches(recorded, is))
            continue;
        if (!*out)
            *out = ARENA_ARRAY(c->arena, struct attr_change, set->count);
        bool secret = attr->sensitive || value_is_sensitive(recorded);
        (*out)[n++] = (struct attr_change){.name = attr->name,
            .attr = attr,
            .before = recorded,
            .after = secret && is ? value_mark(c->arena, is, VALUE_SENSITIVE) : is};
    }
    return n;
}
