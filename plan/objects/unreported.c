/* Fields within an attribute that cannot be read back: see unreported.h. */
#include "plan/objects/unreported.h"

#include "plan/state/state.h"

static bool is_list(const struct type *type, const struct value *v)
{
    return (type->kind == TYPE_LIST || type->kind == TYPE_SET) && type->elem && v && v->kind == VALUE_LIST;
}

static bool is_map(const struct type *type, const struct value *v)
{
    bool entries = type->kind == TYPE_OBJECT || (type->kind == TYPE_MAP && type->elem);
    return entries && v && v->kind == VALUE_MAP && !state_is_hash(v);
}

/* A field, or one of a map's entries; without a type: nothing is known of it. */
static struct attr entry_attr(const struct type *type, struct str key)
{
    const struct attr *field = type->kind == TYPE_OBJECT ? type_field(type, key) : NULL;
    return field ? *field : (struct attr){.type = type->elem};
}

/* Is there something in the value that cannot be read back? Mostly not, and then nothing is to be done. */
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

/* ---- in their places ---- */

/* What a list has for an item of another one: in its place, of a set what is equal to it. */
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

/* ---- kept, and left out ---- */

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

const struct value *unreported_kept(struct arena *arena, const struct type *type, const struct value *v)
{
    return without_clear(arena, type, v, true);
}

const struct value *unreported_left_out(struct arena *arena, const struct type *type, const struct value *v)
{
    return without_clear(arena, type, v, false);
}

/* ---- compared ---- */

/* Of a set: is there an item as it is live that was recorded with what this one wants? */
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
    bool whole = recorded && (recorded->marks & VALUE_SENSITIVE); /* one secret: nobody can tell */
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
