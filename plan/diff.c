/*
 * Comparing objects attribute by attribute.
 *
 *   in the file                    desired against live, under the attribute's rule
 *   recorded, not in the file      it was taken out: back to the default, or the facet is deleted
 *   neither                        not ours, whatever its value
 *   live differs from recorded     drift; shown as such, then handled by the rules above
 */
#include "plan/diff.h"

#include "plan/objects.h"

/* ---- what is to change ---- */

static bool is_ignored(const struct lifecycle *lifecycle, struct str name)
{
    for (size_t i = 0; lifecycle && i < lifecycle->ignore_count; i++)
        if (str_eq(lifecycle->ignore_changes[i], name) || str_eq(lifecycle->ignore_changes[i], STR("*")))
            return true;
    return false;
}

/* What an attribute is compared with: the live value, or the record where the service does not tell. */
static const struct value *compared_value(
    const struct attr *attr, const struct value *live, const struct record *record)
{
    if ((attr->local || attr->write_only) && record)
        return value_get(record->attrs, attr->name);
    return value_get(live, attr->name);
}

static bool is_same_value(const struct attr *attr, const struct value *wanted, const struct value *have)
{
    if (!value_is_known(wanted))
        return false;
    if (!have && attr->default_value)
        have = attr->default_value; /* a facet that is not there means the default */
    return (!attr->write_only && attr_equal(attr, wanted, have)) || object_hash_matches(have, wanted);
}

/* An attribute taken out of the file: is there something to put back? */
static bool is_to_reset(const struct attr *attr, const struct value *have)
{
    if (attr->local || attr->write_only || value_is_null(have))
        return false;
    if (attr->default_value)
        return !attr_equal(attr, attr->default_value, have);
    return !attr->computed; /* where the service chooses, its choice stands */
}

/* Of what was taken over nobody knows what the service does not tell; the file's word is recorded. */
static bool forces_replacement(const struct attr *attr, const struct value *wanted,
    const struct value *before, const struct record *record)
{
    bool untold = (attr->local || attr->write_only) && value_is_null(before);
    bool fixed = attr->replace || attr_replaces_within(attr, wanted, before);
    return fixed && !(untold && record && record->adopted);
}

/* Does the attribute differ that the file gives? */
static bool diff_given(const struct attr *attr, const struct lifecycle *lifecycle, const struct value *wanted,
    const struct value *live, const struct record *record, struct attr_change *out)
{
    if (!(attr->settable || attr->prepared) || is_ignored(lifecycle, attr->name))
        return false;
    const struct value *before = compared_value(attr, live, record);
    *out = (struct attr_change){
        attr->name, attr, before, wanted, forces_replacement(attr, wanted, before, record)};
    return !is_same_value(attr, wanted, before);
}

/* Is there something to put back of one that the file gave and does not give any more? */
static bool diff_taken_out(const struct attr *attr, const struct lifecycle *lifecycle,
    const struct value *live, const struct record *record, struct attr_change *out)
{
    const struct value *before = compared_value(attr, live, record);
    *out = (struct attr_change){attr->name, attr, before, NULL, attr->replace};
    return !is_ignored(lifecycle, attr->name) && is_to_reset(attr, before);
}

size_t diff_objects(struct arena *arena, const struct schema *schema, const struct lifecycle *lifecycle,
    const struct value *desired, const struct value *live, const struct record *record,
    struct attr_change **out)
{
    size_t n = 0, most = desired->count + (record && record->set ? record->set->count : 0);
    struct attr_change *list = NULL, one;
    for (uint32_t i = 0; i < desired->count; i++) {
        const struct attr *attr = schema_attr(schema, desired->entries[i].key);
        if (!attr || !diff_given(attr, lifecycle, desired->entries[i].value, live, record, &one))
            continue;
        if (!list)
            list = ARENA_ARRAY(arena, struct attr_change, most);
        list[n++] = one;
    }
    for (uint32_t i = 0; record && record->set && i < record->set->count; i++) {
        const struct attr *attr = schema_attr(schema, record->set->items[i]->string);
        if (!attr || value_get(desired, attr->name) || !diff_taken_out(attr, lifecycle, live, record, &one))
            continue;
        if (!list)
            list = ARENA_ARRAY(arena, struct attr_change, most);
        list[n++] = one;
    }
    *out = list;
    return n;
}

/* ---- and when all is known ---- */

static const struct attr_change *find_shown(
    const struct attr_change *shown, size_t n, const struct attr *attr)
{
    for (size_t i = 0; i < n; i++)
        if (shown[i].attr == attr)
            return &shown[i];
    return NULL;
}

static bool has_set(const struct record *record, struct str name)
{
    for (uint32_t i = 0; record && record->set && i < record->set->count; i++)
        if (str_eq(record->set->items[i]->string, name))
            return true;
    return false;
}

/* Does the attribute differ now, whose value was not known then, or was but is another? */
static bool differs_now(const struct attr *attr, const struct lifecycle *lifecycle, const struct value *now,
    const struct value *live, const struct record *record, struct attr_change *out)
{
    if (now)
        return diff_given(attr, lifecycle, now, live, record, out);
    return has_set(record, attr->name) && diff_taken_out(attr, lifecycle, live, record, out);
}

size_t diff_known(struct arena *arena, const struct schema *schema, const struct lifecycle *lifecycle,
    const struct diff_then *then, const struct value *desired, const struct value *live,
    const struct record *record, struct attr_change **out)
{
    size_t n = 0;
    struct attr_change *list = ARENA_ARRAY(arena, struct attr_change, schema->attr_count + 1);
    for (size_t i = 0; i < schema->attr_count; i++) {
        const struct attr *attr = &schema->attrs[i];
        const struct value *was = value_get(then->desired, attr->name), *now = value_get(desired, attr->name);
        const struct attr_change *shown = find_shown(then->shown, then->count, attr);
        bool same = was == now || (was && now && value_equal(was, now));
        if (same && shown)
            list[n++] = *shown;
        else if (!same && differs_now(attr, lifecycle, now, live, record, &list[n]))
            n++;
    }
    *out = list;
    return n;
}

/* ---- what is only told ---- */

/* What the service does not tell, the record knows: such things have not changed by being replaced. */
static const struct value *value_replaced(
    const struct attr *attr, const struct value *after, const struct value *live, const struct record *record)
{
    const struct value *v = value_get(live, attr->name);
    if (!v && record && (attr->local || attr->write_only))
        v = value_get(record->attrs, attr->name);
    return v && object_hash_matches(v, after) ? after : v;
}

size_t diff_made(struct arena *arena, const struct schema *schema, const struct value *planned,
    const struct value *live, const struct record *record, struct attr_change **out)
{
    struct attr_change *list = ARENA_ARRAY(arena, struct attr_change, planned->count ? planned->count : 1);
    size_t n = 0;
    for (uint32_t i = 0; i < planned->count; i++) {
        const struct attr *attr = schema_attr(schema, planned->entries[i].key);
        const struct value *after = planned->entries[i].value;
        if (attr && !value_is_null(after))
            list[n++] = (struct attr_change){.name = attr->name,
                .attr = attr,
                .before = value_replaced(attr, after, live, record),
                .after = after};
    }
    *out = list;
    return n;
}

size_t diff_drift(struct arena *arena, const struct schema *schema, const struct record *record,
    const struct value *live, struct attr_change **out)
{
    size_t n = 0;
    *out = NULL;
    for (uint32_t i = 0; record->set && i < record->set->count; i++) {
        const struct attr *attr = schema_attr(schema, record->set->items[i]->string);
        if (!attr || attr->local || attr->write_only)
            continue;
        const struct value *recorded = value_get(record->attrs, attr->name),
                           *is = value_get(live, attr->name);
        if (attr_equal(attr, recorded, is) || object_hash_matches(recorded, is))
            continue;
        if (!*out)
            *out = ARENA_ARRAY(arena, struct attr_change, record->set->count);
        bool secret = attr->sensitive || value_is_sensitive(recorded);
        (*out)[n++] = (struct attr_change){.name = attr->name,
            .attr = attr,
            .before = recorded,
            .after = secret && is ? value_mark(arena, is, VALUE_SENSITIVE) : is};
    }
    return n;
}
