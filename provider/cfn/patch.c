/*
 * Values in the Cloud Control API's form, and the smallest JSON Patch (RFC 6902) between two objects: see
 * cfn.h.
 */
#include "provider/cfn/cfn.h"

#include "base/json.h"

/* ---- Values in the service's form: as configured, except tags and unknown values ---- */

static const struct value *pairs(struct arena *arena, const struct type *type, const struct value *map)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++) {
        value_builder_add(&list, VALUE_MAP(arena, {type->key, value_string(arena, map->entries[i].key)},
                                     {type->value, map->entries[i].value}));
    }
    return value_builder_list(&list);
}

static const struct value *from_pairs(struct arena *arena, const struct type *type, const struct value *list)
{
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *v = value_get(list->items[i], type->value);
        value_builder_set(&map, value_text(value_get(list->items[i], type->key), STR_EMPTY),
            value_is_null(v) ? &value_empty_string : v);
    }
    return value_builder_map(&map);
}

typedef const struct value *translate(struct arena *arena, const struct type *type, const struct value *v);

static const struct value *each_item(
    struct arena *arena, const struct type *elem, const struct value *list, translate *one)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i]->kind != VALUE_UNKNOWN)
            value_builder_add(&out, one(arena, elem, list->items[i]));
    return value_builder_list(&out);
}

static const struct value *each_entry(
    struct arena *arena, const struct type *type, const struct value *map, translate *one)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct value *v = map->entries[i].value;
        const struct attr *field = type->kind == TYPE_OBJECT ? type_field(type, map->entries[i].key) : NULL;
        const struct type *inner = field ? field->type : type->elem;
        if (v->kind != VALUE_UNKNOWN && v->kind != VALUE_NULL)
            value_builder_set(&out, map->entries[i].key, inner ? one(arena, inner, v) : v);
    }
    return value_builder_map(&out);
}

static const struct value *inside(
    struct arena *arena, const struct type *type, const struct value *v, translate *one)
{
    bool list = type->kind == TYPE_LIST || type->kind == TYPE_SET;
    bool map = type->kind == TYPE_MAP || type->kind == TYPE_OBJECT;
    const struct value *out = v;
    if (list && v->kind == VALUE_LIST)
        out = each_item(arena, type->elem, v, one);
    else if (map && v->kind == VALUE_MAP)
        out = each_entry(arena, type, v, one);
    return value_mark(arena, out, v->marks & VALUE_SENSITIVE);
}

const struct value *cfn_to_service(struct arena *arena, const struct type *type, const struct value *v)
{
    if (type->kind == TYPE_TAGS && type->key.n && v->kind == VALUE_MAP)
        return value_mark(arena, pairs(arena, type, v), v->marks & VALUE_SENSITIVE);
    return inside(arena, type, v, cfn_to_service);
}

const struct value *cfn_from_service(struct arena *arena, const struct type *type, const struct value *v)
{
    if (type->kind == TYPE_TAGS && type->key.n && v->kind == VALUE_LIST)
        return from_pairs(arena, type, v);
    return inside(arena, type, v, cfn_from_service);
}

static struct str part_of(struct arena *arena, const struct value *object, struct str path)
{
    const struct value *at = object;
    for (struct str rest = path; rest.n && at;)
        at = value_get(at, str_cut(rest, '/', &rest));
    return at && at->kind != VALUE_UNKNOWN ? value_scalar_text(arena, at) : STR_EMPTY;
}

struct str cfn_identifier(const struct cfn_type *type, struct arena *arena, const struct value *object)
{
    struct str whole = type->id_composed ? part_of(arena, object, STR("id")) : STR_EMPTY;
    if (whole.n)
        return whole;
    AUTO_BUF struct buf id = BUF_INIT;
    for (size_t i = 0; i < type->id_count; i++) {
        struct str part = part_of(arena, object, type->id_parts[i]);
        if (!part.n)
            return STR_EMPTY;
        buf_addf(&id, "%s%.*s", i ? "|" : "", STR_ARG(part));
    }
    return arena_str(arena, buf_str(&id));
}

struct patch {
    struct arena *arena;
    bool changes; /* the current attribute is changed; otherwise it is only sent again */
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
        if (v->kind == VALUE_NULL) { /* removed from the configuration */
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

/* True if a write-only field is removed: the enclosing object then is replaced by one without it. */
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
 * Compares a set, whose items have no order. If the items differ only in removed fields, each is changed at
 * its live index. Returns false, with nothing added, if items differ otherwise.
 */
static bool compare_set(struct patch *p, const struct attr *attr, const struct type *type, struct str path,
    const struct value *want, const struct value *have)
{
    const struct attr inner = {.type = type->elem, .compare = attr->compare};
    if (want->count != have->count || !attr_removes_fields(type, want))
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

/* Returns the value without fields that force replacement; NULL if a required field is among them. */
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
 * Sends a write-only value again with each update, without its fields that force replacement, which Cloud
 * Control would take for a change. A value that is not valid without them is omitted, or, if changed, is sent
 * for the service to refuse.
 */
static void put_unread(struct patch *p, const struct type *type, struct str path, const struct value *want)
{
    const struct value *v = without_fixed(p->arena, type, want);
    if (v || p->changes)
        patch_add(p, "add", path, cfn_to_service(p->arena, type, v ? v : want));
}

/* `attr` has the comparison rule, `type` the type. */
static void compare(struct patch *p, const struct attr *attr, const struct type *type, struct str path,
    const struct value *want, const struct value *have)
{
    bool both_maps = have && want->kind == VALUE_MAP && have->kind == VALUE_MAP;
    bool both_lists = have && want->kind == VALUE_LIST && have->kind == VALUE_LIST;
    bool secret = attr->write_only || holds_write_only(type, want);
    const struct value *is = value_is_null(have) ? NULL : cfn_from_service(p->arena, type, have);
    if (!secret && attr_equal(attr, want, is) && !attr_removes_fields(type, want))
        return;
    if (attr->write_only)
        put_unread(p, type, path, want);
    else if (!is)
        patch_add(p, "add", path, cfn_to_service(p->arena, type, want));
    else if (type->kind == TYPE_OBJECT && both_maps && takes_unread(type, want, have))
        patch_add(
            p, "replace", path, cfn_to_service(p->arena, type, attr_after_update(p->arena, type, want, is)));
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
        if (!attr->settable || attr->replace) /* the service refuses these in a patch even unchanged */
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
