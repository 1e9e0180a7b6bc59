/* The smallest JSON Patch (RFC 6902) that brings a live resource to what is wanted: see patch.h. */
#include "provider/cfn/patch.h"

#include "base/json.h"

struct patch {
    struct arena *arena;
    bool changes; /* the attribute at hand, which otherwise is put as it was */
    struct value_builder operations;
};

static struct str path_below(struct arena *arena, struct str path, struct str name)
{
    return arena_printf(arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(json_pointer_escaped(arena, name)));
}

static void patch_add(struct patch *p, const char *what, struct str path, const struct value *v)
{
    struct value_entry entries[] = {{STR("op"), value_stringz(p->arena, what)},
        {STR("path"), value_string_ref(p->arena, path)}, {STR("value"), v}};
    value_builder_add(&p->operations, value_map(p->arena, entries, v ? 3 : 2));
}

static void compare(struct patch *p, const struct attr *attr, const struct type *type, struct str path,
    const struct value *want, const struct value *have);

static bool holds_write_only(const struct type *type, const struct value *want)
{
    if (type->elem && want->kind == VALUE_LIST)
        for (uint32_t i = 0; i < want->count; i++)
            if (holds_write_only(type->elem, want->items[i]))
                return true;
    for (uint32_t i = 0; type->kind == TYPE_OBJECT && want->kind == VALUE_MAP && i < want->count; i++) {
        const struct attr *field = type_field(type, want->entries[i].key);
        if (field && (field->write_only || holds_write_only(field->type, want->entries[i].value)))
            return true;
    }
    return false;
}

static void compare_fields(struct patch *p, const struct type *type, struct str path,
    const struct value *want, const struct value *have)
{
    for (uint32_t i = 0; i < want->count; i++) {
        struct str key = want->entries[i].key, at = path_below(p->arena, path, key);
        const struct attr *field = type_field(type, key);
        const struct value *v = want->entries[i].value;
        if (v->kind == VALUE_UNKNOWN || (field && field->replace))
            continue;
        if (v->kind == VALUE_NULL) { /* taken out of the file */
            if (!value_is_null(value_get(have, key)))
                patch_add(p, "remove", at, NULL);
        } else if (field)
            compare(p, field, field->type, at, v, value_get(have, key));
        else if (!value_equal(v, value_get(have, key)))
            patch_add(p, "add", at, v);
    }
}

static void compare_entries(struct patch *p, const struct attr *attr, const struct type *type,
    struct str path, const struct value *want, const struct value *have)
{
    const struct attr inner = {.type = type->elem, .compare = attr->compare};
    for (uint32_t i = 0; i < want->count; i++) {
        struct str key = want->entries[i].key;
        if (want->entries[i].value->kind != VALUE_NULL)
            compare(p, &inner, type->elem, path_below(p->arena, path, key), want->entries[i].value,
                value_get(have, key));
    }
    for (uint32_t i = 0; i < have->count; i++)
        if (value_is_null(value_get(want, have->entries[i].key)))
            patch_add(p, "remove", path_below(p->arena, path, have->entries[i].key), NULL);
}

/* A write-only field is taken out by putting all of what it lies in, but for it. */
static bool takes_unread(const struct type *type, const struct value *want, const struct value *have)
{
    bool takes = false;
    for (uint32_t i = 0; i < want->count; i++) {
        struct str key = want->entries[i].key;
        const struct attr *field = type_field(type, key);
        takes |= want->entries[i].value->kind == VALUE_NULL && field && field->write_only &&
                 value_is_null(value_get(have, key));
    }
    return takes;
}

/*
 * Items of a set have no order: of one that is the same but for what is taken out of its items, each is
 * changed where the service has it. False, with nothing added, where it is another.
 */
static bool compare_set(struct patch *p, const struct attr *attr, const struct type *type, struct str path,
    const struct value *want, const struct value *have)
{
    const struct attr inner = {.type = type->elem, .compare = attr->compare};
    if (want->count != have->count || !attr_takes_away(type, want))
        return false;
    const int64_t *at = attr_items_paired(p->arena, &inner, want, cfn_from_service(p->arena, type, have));
    for (uint32_t i = 0; i < want->count; i++)
        if (at[i] < 0)
            return false;
    for (uint32_t i = 0; i < want->count; i++)
        compare(p, &inner, type->elem, arena_printf(p->arena, "%.*s/%u", STR_ARG(path), (unsigned)at[i]),
            want->items[i], have->items[at[i]]);
    return true;
}

static void compare_items(struct patch *p, const struct attr *attr, const struct type *type, struct str path,
    const struct value *want, const struct value *have)
{
    const struct attr inner = {.type = type->elem, .compare = attr->compare};
    for (uint32_t i = 0; i < want->count; i++)
        compare(p, &inner, type->elem, arena_printf(p->arena, "%.*s/%u", STR_ARG(path), i), want->items[i],
            have->items[i]);
}

/* NULL: it is none without what is fixed in it. */
static const struct value *without_fixed(
    struct arena *arena, const struct type *type, const struct value *want)
{
    const struct value *out = want;
    for (uint32_t i = 0; type->kind == TYPE_OBJECT && want->kind == VALUE_MAP && i < want->count; i++) {
        const struct value *is = want->entries[i].value;
        const struct attr *field = type_field(type, want->entries[i].key);
        const struct value *v = !field ? is : field->replace ? NULL : without_fixed(arena, field->type, is);
        if (!v && field->required)
            return NULL;
        if (v != is)
            out = value_with(arena, out, want->entries[i].key, v);
    }
    return out == want ? want : value_mark(arena, out, want->marks);
}

/*
 * What is never shown is put again with each change, but for what is fixed in it: Cloud Control takes that
 * for a change of it. What cannot be put without stays away, or, changed, is refused by the service's words.
 */
static void put_unread(struct patch *p, const struct type *type, struct str path, const struct value *want)
{
    const struct value *v = without_fixed(p->arena, type, want);
    if (v || p->changes)
        patch_add(p, "add", path, cfn_to_service(p->arena, type, v ? v : want));
}

/* `attr` says how it is compared, `type` what it is. */
static void compare(struct patch *p, const struct attr *attr, const struct type *type, struct str path,
    const struct value *want, const struct value *have)
{
    bool both_maps = have && want->kind == VALUE_MAP && have->kind == VALUE_MAP;
    bool both_lists = have && want->kind == VALUE_LIST && have->kind == VALUE_LIST;
    bool secret = attr->write_only || holds_write_only(type, want);
    const struct value *is = value_is_null(have) ? NULL : cfn_from_service(p->arena, type, have);
    if (!secret && attr_equal(attr, want, is) && !attr_takes_away(type, want))
        return;
    if (attr->write_only)
        put_unread(p, type, path, want);
    else if (!is)
        patch_add(p, "add", path, cfn_to_service(p->arena, type, want));
    else if (type->kind == TYPE_OBJECT && both_maps && takes_unread(type, want, have))
        patch_add(p, "replace", path, cfn_to_service(p->arena, type, attr_over(p->arena, type, want, is)));
    else if (type->kind == TYPE_OBJECT && both_maps)
        compare_fields(p, type, path, want, have);
    else if (type->kind == TYPE_MAP && both_maps)
        compare_entries(p, attr, type, path, want, have);
    else if (type->kind == TYPE_LIST && both_lists && want->count == have->count)
        compare_items(p, attr, type, path, want, have);
    else if (type->kind != TYPE_SET || !both_lists || !compare_set(p, attr, type, path, want, have))
        patch_add(p, "replace", path, cfn_to_service(p->arena, type, want));
}

const struct value *cfn_patch(struct arena *arena, const struct cfn_type *type, const struct value *live,
    const struct value *desired, const struct value *changed)
{
    struct patch patch = {.arena = arena, .operations = VALUE_BUILDER(arena)};
    for (size_t i = 0; i < type->schema.attr_count; i++) {
        const struct attr *attr = &type->schema.attrs[i];
        const struct value *want = value_get(desired, attr->name), *have = value_get(live, attr->name);
        struct str path = path_below(arena, STR_EMPTY, attr->name);
        if (!attr->settable || attr->replace) /* which the service refuses in a patch, changed or not */
            continue;
        patch.changes = value_list_has(changed, attr->name);
        if (value_is_null(want) || !value_is_known(want)) {
            if (patch.changes && have && value_is_null(want))
                patch_add(&patch, "remove", path, NULL);
        } else if (patch.changes || attr->write_only || holds_write_only(attr->type, want)) {
            compare(&patch, attr, attr->type, path, want, have);
        }
    }
    return value_builder_list(&patch.operations);
}
