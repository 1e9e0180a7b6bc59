/* Values of a plan in JSON that everybody may read, and back. */
#include "plan/saved/saved_value.h"

#include "base/hash.h"
#include "plan/state/state.h"

/* ---- writing ---- */

static const struct value *marker(struct arena *arena, const char *name, const struct value *v)
{
    return value_with(arena, NULL, str_z(name), v);
}

static const struct value *secret_number(struct veil *veil, const struct value *v)
{
    size_t i = 0;
    while (i < veil->secrets.n && !state_hash_matches(veil->secrets.entries[i].value, v))
        i++;
    if (i == veil->secrets.n)
        value_builder_add(&veil->secrets, v);
    return value_int(veil->arena, (int64_t)i);
}

static const struct value *veil_any(
    struct veil *veil, const struct type *type, bool hidden, const struct value *v);

static const struct value *veil_secret(struct veil *veil, const struct value *v)
{
    if (v->kind != VALUE_MAP || !veil->names)
        return secret_number(veil, v);
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(veil->arena);
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_set(&map, v->entries[i].key, secret_number(veil, v->entries[i].value));
    return value_builder_map(&map);
}

static const struct value *veil_list(
    struct veil *veil, const struct type *type, bool hidden, const struct value *v)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(veil->arena);
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_add(&list, veil_any(veil, type ? type->elem : NULL, hidden, v->items[i]));
    return value_builder_list(&list);
}

static const struct value *veil_map(
    struct veil *veil, const struct type *type, bool hidden, const struct value *v)
{
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(veil->arena);
    for (uint32_t i = 0; i < v->count; i++) {
        struct str key = v->entries[i].key;
        const struct attr *field = type && type->kind == TYPE_OBJECT ? type_field(type, key) : NULL;
        const struct type *within = field ? field->type : type ? type->elem : NULL;
        value_builder_set(
            &map, key, veil_any(veil, within, hidden || (field && field->sensitive), v->entries[i].value));
    }
    const struct value *whole = value_builder_map(&map);
    bool like_marker = v->count == 1 && str_starts(v->entries[0].key, STR("$"));
    return like_marker ? marker(veil->arena, "$map", whole) : whole;
}

static const struct value *veil_any(
    struct veil *veil, const struct type *type, bool hidden, const struct value *v)
{
    struct arena *arena = veil->arena;
    bool secret = hidden || (v->marks & VALUE_SENSITIVE);
    if (v->kind == VALUE_UNKNOWN)
        return marker(arena, "$unknown", value_bool(v->marks & VALUE_SENSITIVE));
    if (state_is_hash(v)) {
        secret_number(veil, v); /* as it would have been, were it known */
        return value_unmark(arena, v);
    }
    if (secret)
        return marker(arena, "$secret", veil_secret(veil, v));
    if (v->kind == VALUE_STRING && !str_is_utf8(v->string))
        return marker(arena, "$bytes", value_string_ref(arena, base64_encode(arena, v->string)));
    if (v->kind == VALUE_LIST)
        return veil_list(veil, type, hidden, v);
    return v->kind == VALUE_MAP ? veil_map(veil, type, hidden, v) : v;
}

const struct value *veil_value(struct veil *veil, const struct value *v)
{
    return veil_any(veil, veil->type, veil->hidden, v);
}

/* ---- reading ---- */

/* What cannot be known any more, but that it is secret, and which it equals. */
static const struct value *hidden_value(struct arena *arena, const struct value *number)
{
    struct str text = value_scalar_text(arena, number);
    return value_mark(arena, value_string(arena, text.p ? text : STR_EMPTY), VALUE_SENSITIVE);
}

static const struct value *lift_secret(struct arena *arena, const struct value *v)
{
    if (v->kind != VALUE_MAP)
        return hidden_value(arena, v);
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_set(
            &map, arena_str(arena, v->entries[i].key), hidden_value(arena, v->entries[i].value));
    return value_mark(arena, value_builder_map(&map), VALUE_SENSITIVE);
}

static const struct value *lift_map(struct arena *arena, const struct value *v)
{
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_set(&map, arena_str(arena, v->entries[i].key), veil_lifted(arena, v->entries[i].value));
    return value_builder_map(&map);
}

/* NULL: it is none of ours. */
static const struct value *lift_marker(struct arena *arena, struct str name, const struct value *v)
{
    struct str bytes;
    if (str_eqz(name, "$unknown"))
        return value_mark(arena, &value_unknown, value_equal(v, &value_true) ? VALUE_SENSITIVE : 0);
    if (str_eqz(name, "$secret"))
        return lift_secret(arena, v);
    if (str_eqz(name, "$map") && v->kind == VALUE_MAP)
        return lift_map(arena, v);
    if (str_eqz(name, "$bytes") && v->kind == VALUE_STRING && base64_decode(arena, v->string, &bytes))
        return value_string(arena, bytes);
    return NULL;
}

const struct value *veil_lifted(struct arena *arena, const struct value *v)
{
    if (v->kind == VALUE_LIST) {
        AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
        for (uint32_t i = 0; i < v->count; i++)
            value_builder_add(&list, veil_lifted(arena, v->items[i]));
        return value_builder_list(&list);
    }
    if (v->kind != VALUE_MAP)
        return value_copy(arena, v);
    bool marked = v->count == 1 && str_starts(v->entries[0].key, STR("$"));
    const struct value *lifted = marked ? lift_marker(arena, v->entries[0].key, v->entries[0].value) : NULL;
    if (lifted)
        return lifted;
    const struct value *map = lift_map(arena, v), *hash = value_mark(arena, map, VALUE_SENSITIVE);
    return state_is_hash(hash) ? hash : map;
}
