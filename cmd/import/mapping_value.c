/* Converts another tool's value to the required type: see mapping.h. */
#include "cmd/import/mapping.h"

#include "base/hash.h"

/* Returns the key of an item in a map: one member, or two, of which the first is a path that begins with a
 * slash: [{ResourcePath: /~1a, HttpMethod: GET}] is {~1a/GET: …}. p NULL: the item has no such member. */
static struct str pair_name(struct arena *arena, struct tree *item, struct str key)
{
    struct str second, first = str_cut(key, '/', &second);
    struct str name = tree_literal_text(arena, tree_get(item, arena_strz(arena, first)));
    if (!second.p)
        return tree_key(arena, tree_get(item, arena_strz(arena, first)));
    if (!name.p)
        return name;
    struct str last = tree_literal_text(arena, tree_get(item, arena_strz(arena, second)));
    name = str_starts(name, STR("/")) ? str_slice(name, 1, name.n) : name;
    return last.p ? arena_printf(arena, "%.*s/%.*s", STR_ARG(name.n ? name : STR("~1")), STR_ARG(last))
                  : last;
}

static bool is_pair_name(struct str key, struct str member)
{
    struct str second, first = str_cut(key, '/', &second);
    return str_eq(first, member) || (second.p && str_eq(second, member));
}

/* Returns the value of an item: one member, or for "." all others. */
static struct tree *pair_value(struct arena *arena, struct tree *item, const char *key, const char *value)
{
    struct tree *rest = tree_new(arena, TREE_MAP, item->node);
    if (strcmp(value, ".") != 0)
        return tree_get(item, value);
    for (size_t i = 0; i < item->n; i++)
        if (!is_pair_name(str_z(key), item->entries[i].key))
            tree_set(arena, rest, item->entries[i].key, item->entries[i].value);
    return rest;
}

/* The same for the branches of a choice; a branch may be null. NULL: not such a choice. */
static struct tree *choice_pair(
    struct arena *arena, const struct tree *item, const char *key, const char *value, struct str *name)
{
    struct tree *out = tree_choice(arena, item->node, item->code);
    *name = (struct str){NULL, 0};
    for (size_t i = 0; i < 2; i++) {
        struct tree *branch = item->items[i], *nothing = tree_new(arena, TREE_NOTHING, NULL);
        bool is_map = branch->kind == TREE_MAP;
        struct str own = is_map ? pair_name(arena, branch, str_z(key)) : *name;
        if ((!is_map && branch->kind != TREE_NOTHING) || (name->p && !str_eq(*name, own)))
            return NULL;
        *name = own;
        struct tree *v = is_map ? pair_value(arena, branch, key, value) : NULL;
        tree_add(arena, out, v ? v : nothing);
    }
    return out;
}

struct tree *mapping_pairs(struct arena *arena, struct tree *list, const char *key, const char *value)
{
    struct tree *map = tree_new(arena, TREE_MAP, list->node);
    if (list->kind == TREE_MAP)
        return list;
    if (list->kind != TREE_LIST)
        return NULL;
    for (size_t i = 0; i < list->n; i++) {
        struct tree *item = list->items[i], *v;
        struct str name = STR_EMPTY;
        if (item->kind == TREE_CHOICE) {
            v = choice_pair(arena, item, key, value, &name);
        } else {
            name = pair_name(arena, item, str_z(key));
            v = name.p ? pair_value(arena, item, key, value) : NULL;
            v = v ? v : tree_string(arena, STR_EMPTY, NULL);
        }
        if (!v || !name.p)
            return NULL;
        tree_set(arena, map, name, v);
    }
    return map;
}

static struct tree *as_object(
    struct mapping *mapping, struct str from, struct str to, const struct type *type, struct tree *s)
{
    struct level level = {from, to, tree_new(mapping->draft->arena, TREE_MAP, s->node), type->fields,
        type->field_count, false, false};
    return mapping_entries(mapping, &level, s) ? level.into : NULL;
}

static struct tree *tree_without(struct arena *arena, const struct tree *map, struct str key, struct tree *s)
{
    struct tree *out = tree_new(arena, TREE_MAP, map->node);
    for (size_t i = 0; i < map->n; i++)
        if (!str_eq(map->entries[i].key, key))
            tree_set(arena, out, map->entries[i].key, map->entries[i].value);
    if (s)
        tree_set(arena, out, key, s);
    return out;
}

/* Returns the item without the members for which a rule has `each`. */
static struct tree *common_part(struct mapping *mapping, struct str from, struct tree *item)
{
    struct arena *arena = mapping->draft->arena;
    struct tree *common = item;
    for (size_t k = 0; item->kind == TREE_MAP && k < item->n; k++) {
        struct str key = item->entries[k].key;
        const struct names_rule *rule =
            names_rule(mapping->type, arena_printf(arena, "%.*s.%.*s", STR_ARG(from), STR_ARG(key)));
        if (rule && rule->each)
            common = tree_without(arena, common, key, NULL);
    }
    return common;
}

/* Expands {ports, cidr_blocks: [a, b], security_groups: [c], self: true} to one item for each value. */
static struct tree *spread(struct mapping *mapping, struct str from, struct tree *list)
{
    struct arena *arena = mapping->draft->arena;
    struct tree *out = tree_new(arena, TREE_LIST, list->node);
    for (size_t i = 0; i < list->n; i++) {
        struct tree *item = list->items[i], *common = common_part(mapping, from, item);
        size_t before = out->n;
        for (size_t k = 0; common != item && k < item->n; k++) {
            struct str key = item->entries[k].key;
            struct tree *values = item->entries[k].value;
            if (tree_get(common, arena_strz(arena, key)))
                continue;
            if (str_eqz(tree_literal_text(arena, values), "true"))
                tree_add(arena, out, tree_without(arena, common, key, values));
            for (size_t m = 0; values->kind == TREE_LIST && m < values->n; m++)
                tree_add(arena, out, tree_without(arena, common, key, values->items[m]));
        }
        if (out->n == before)
            tree_add(arena, out, common);
    }
    return out;
}

static struct tree *as_list(
    struct mapping *mapping, struct str from, struct str to, const struct type *type, struct tree *s)
{
    struct arena *arena = mapping->draft->arena;
    struct tree *out = tree_new(arena, TREE_LIST, s->node);
    from = arena_printf(arena, "%.*s[]", STR_ARG(from));
    s = spread(mapping, from, s);
    to = arena_printf(arena, "%.*s[]", STR_ARG(to));
    for (size_t i = 0; i < s->n; i++) {
        struct tree *item = mapping_as_type(mapping, from, to, type->elem, s->items[i]);
        if (!item)
            return NULL;
        tree_add(arena, out, item);
    }
    return out;
}

static struct tree *as_map(
    struct mapping *mapping, struct str from, struct str to, const struct type *type, struct tree *s)
{
    struct arena *arena = mapping->draft->arena;
    struct tree *out = tree_new(arena, TREE_MAP, s->node);
    from = arena_printf(arena, "%.*s[]", STR_ARG(from));
    to = arena_printf(arena, "%.*s[]", STR_ARG(to));
    for (size_t i = 0; i < s->n; i++) {
        struct tree *value = mapping_as_type(mapping, from, to, type->elem, s->entries[i].value);
        if (!value)
            return NULL;
        tree_set(arena, out, s->entries[i].key, value);
    }
    return out;
}

static bool is_scalar(enum type_kind kind)
{
    return kind == TYPE_STRING || kind == TYPE_INT || kind == TYPE_FLOAT || kind == TYPE_BOOL ||
           kind == TYPE_TIMESTAMP || kind == TYPE_BLOB;
}

/* Converts "true" and "12", as templates often write booleans and numbers. */
static struct tree *as_scalar(struct mapping *mapping, const struct type *type, struct tree *s)
{
    struct arena *arena = mapping->draft->arena;
    int64_t integer;
    double number;
    if (s->kind != TREE_LITERAL || s->value->kind != VALUE_STRING)
        return s;
    struct str text = s->value->string;
    if (type->kind == TYPE_BOOL && (str_ieq(text, STR("true")) || str_ieq(text, STR("false"))))
        return tree_value(arena, value_bool(str_ieq(text, STR("true"))), s->node);
    if (type->kind == TYPE_INT && str_to_int(text, &integer))
        return tree_value(arena, value_int(arena, integer), s->node);
    if (type->kind == TYPE_FLOAT && str_to_double(text, &number))
        return tree_value(arena, value_float(arena, number), s->node);
    return s;
}

/* Converts bytes from base64 to the text that weir uses. */
static struct tree *as_bytes(struct arena *arena, struct tree *s)
{
    struct str text = tree_literal_text(arena, s), plain;
    if (s->encoded)
        return s->encoded;
    bool encoded = text.n && text.n % 4 == 0 && base64_decode(arena, text, &plain) && str_is_utf8(plain);
    return encoded && plain.n && !memchr(plain.p, 0, plain.n) ? tree_string(arena, plain, s->node) : s;
}

/* Converts both branches of a choice. */
static struct tree *as_choice(
    struct mapping *mapping, struct str from, struct str to, const struct type *type, const struct tree *s)
{
    struct arena *arena = mapping->draft->arena;
    struct tree *out = tree_choice(arena, s->node, s->code);
    for (size_t i = 0; i < 2; i++) {
        struct tree *branch = mapping_as_type(mapping, from, to, type, s->items[i]);
        if (!branch)
            return NULL;
        tree_add(arena, out, branch);
    }
    return out;
}

/* If stack files may also contain the service's list, it is kept. */
static struct tree *as_tags(struct arena *arena, const struct type *type, struct tree *s)
{
    struct tree *map = mapping_pairs(arena, s, "Key", "Value");
    return map || !type->key.n ? map : s;
}

/* Converts by the kind of the type; NULL: the value has another form. */
static struct tree *as_kind(
    struct mapping *mapping, struct str from, struct str to, const struct type *type, struct tree *s)
{
    struct arena *arena = mapping->draft->arena;
    bool block = s->kind == TREE_LIST && s->n == 1 && s->items[0]->kind == TREE_MAP; /* a Terraform block */
    switch (type->kind) {
    case TYPE_POLICY: return mapping_policy(arena, tree_document(arena, s));
    case TYPE_ANY:
    case TYPE_JSON: return tree_document(arena, s);
    case TYPE_TAGS: return as_tags(arena, type, s);
    case TYPE_OBJECT:
        if (block)
            return as_object(mapping, arena_printf(arena, "%.*s[0]", STR_ARG(from)), to, type, s->items[0]);
        return s->kind == TREE_MAP ? as_object(mapping, from, to, type, s) : NULL;
    case TYPE_LIST:
    case TYPE_SET: return s->kind == TREE_LIST ? as_list(mapping, from, to, type, s) : NULL;
    case TYPE_MAP: return s->kind == TREE_MAP ? as_map(mapping, from, to, type, s) : NULL;
    default:
        return is_scalar(type->kind) && s->kind != TREE_LIST && s->kind != TREE_MAP
                   ? as_scalar(mapping, type, s)
                   : NULL;
    }
}

struct tree *mapping_as_type(
    struct mapping *mapping, struct str from, struct str to, const struct type *type, struct tree *s)
{
    if (type->kind == TYPE_BLOB)
        s = as_bytes(mapping->draft->arena, s);
    if (s->kind == TREE_NOTHING || s->kind == TREE_CODE)
        return s;
    if (s->kind == TREE_CHOICE)
        return as_choice(mapping, from, to, type, s);
    struct tree *out = as_kind(mapping, from, to, type, s);
    if (!out && !mapping->why.n)
        mapping_refuse(mapping, s->node, "`%.*s` has another form", STR_ARG(from));
    return out;
}
