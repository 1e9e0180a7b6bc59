/* Lists of changes: made from two documents, and applied to one; see spec.h. */
#include "provider/spec/spec.h"

#include "base/json.h"

static const struct patch_rule *rule_at(const struct patch_spelling *spelling, struct str member)
{
    static const struct patch_rule usual;
    for (size_t i = 0; i < spelling->count; i++)
        if (str_eq(spelling->rules[i].member, member))
            return &spelling->rules[i];
    return &usual;
}

static struct str member_below(struct arena *arena, struct str member, struct str name)
{
    return member.n ? arena_printf(arena, "%.*s.%.*s", STR_ARG(member), STR_ARG(name)) : name;
}

static struct str member_items(struct arena *arena, struct str member)
{
    return arena_printf(arena, "%.*s[]", STR_ARG(member));
}

/* Returns a member's segment in paths. */
static struct str segment_of(const struct patch_spelling *spelling, struct str member, struct str name)
{
    const struct patch_rule *rule = rule_at(spelling, member);
    return rule->at.p ? rule->at : name;
}

/* Returns "a1b2c3:prod". */
static struct str joined_parts(struct arena *arena, struct str parts, const struct value *item)
{
    AUTO_BUF struct buf out = BUF_INIT;
    while (parts.n) {
        struct str name = str_cut(parts, ':', &parts);
        buf_addf(&out, "%s%.*s", out.n ? ":" : "", STR_ARG(value_text(value_get(item, name), STR_EMPTY)));
    }
    return arena_str(arena, buf_str(&out));
}

static const struct value *item_named(
    struct arena *arena, struct str parts, const struct value *list, struct str name)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (str_eq(joined_parts(arena, parts, list->items[i]), name))
            return list->items[i];
    return NULL;
}

/* ---- client side ---- */

struct comparing {
    struct arena *arena;
    const struct patch_spelling *spelling;
    struct value_builder out;
};

static struct str path_below(struct arena *arena, struct str path, struct str segment)
{
    return segment.n ? arena_printf(arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(segment)) : path;
}

static void add_change(struct comparing *c, const char *op, struct str path, const struct value *v)
{
    struct value_entry entries[] = {{STR("op"), value_stringz(c->arena, op)},
        {STR("path"), value_string(c->arena, path)}, {STR("value"), NULL}};
    if (v)
        entries[2].value = value_string(c->arena, value_scalar_text(c->arena, v));
    value_builder_add(&c->out, value_map(c->arena, entries, v ? 3 : 2));
}

static void add_removal(struct comparing *c, const struct patch_rule *rule, struct str path)
{
    bool replaced = rule->removed_as_null || rule->removed_as.p;
    add_change(c, replaced ? "replace" : "remove", path,
        rule->removed_as.p ? value_string(c->arena, rule->removed_as) : NULL);
}

static void compare_values(struct comparing *c, const struct shape *shape, struct str member, struct str path,
    const struct value *from, const struct value *to);

static void compare_items_by_parts(struct comparing *c, const struct shape *shape, struct str member,
    struct str path, const struct value *from, const struct value *to)
{
    struct str parts = rule_at(c->spelling, member)->parts;
    for (uint32_t i = 0; i < from->count; i++) {
        struct str name = joined_parts(c->arena, parts, from->items[i]);
        if (!item_named(c->arena, parts, to, name))
            add_change(c, "remove", path, value_string(c->arena, name));
    }
    for (uint32_t i = 0; i < to->count; i++) {
        struct str name = joined_parts(c->arena, parts, to->items[i]);
        const struct value *had = item_named(c->arena, parts, from, name), *item = to->items[i];
        if (!had)
            add_change(c, "add", path, value_string(c->arena, name));
        for (struct str rest = parts; rest.n;) { /* these members are its name */
            struct str part = str_cut(rest, ':', &rest);
            item = value_with(c->arena, item, part, NULL);
            had = value_with(c->arena, value_as_map(had), part, NULL);
        }
        compare_values(c, shape->elem, member_items(c->arena, member),
            path_below(c->arena, path, json_pointer_escaped(c->arena, name)), had, item);
    }
}

static bool list_has(const struct value *list, const struct value *item)
{
    bool any = false;
    for (uint32_t i = 0; i < list->count && !any; i++)
        any = value_equal(list->items[i], item);
    return any;
}

static struct str path_of_item(struct comparing *c, struct str path, const struct value *item)
{
    return path_below(c->arena, path, json_pointer_escaped(c->arena, value_scalar_text(c->arena, item)));
}

/* Adds the items of one list that the other lacks. */
static void add_items_of(struct comparing *c, enum patch_items items, const char *op, struct str path,
    const struct value *list, const struct value *other)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (!list_has(other, list->items[i]))
            add_change(c, op, items == PATCH_BY_VALUE ? path : path_of_item(c, path, list->items[i]),
                items == PATCH_BY_VALUE ? list->items[i] : NULL);
}

static void compare_lists(struct comparing *c, const struct shape *shape, struct str member, struct str path,
    const struct value *from, const struct value *to)
{
    enum patch_items items = rule_at(c->spelling, member)->items;
    if (items == PATCH_BY_PARTS) {
        compare_items_by_parts(c, shape, member, path, from, to);
        return;
    }
    for (uint32_t i = 0; items == PATCH_BY_OLD && i < to->count && i < from->count; i++)
        if (!value_equal(from->items[i], to->items[i]))
            add_change(c, "replace", path_of_item(c, path, from->items[i]), to->items[i]);
    if (items == PATCH_BY_OLD)
        return;
    add_items_of(c, items, "remove", path, from, to);
    add_items_of(c, items, "add", path, to, from);
}

static void compare_members(struct comparing *c, const struct shape *shape, struct str member,
    struct str path, const struct value *from, const struct value *to)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        if (m->spread) {
            compare_members(c, m->shape, member, path, from, to);
            continue;
        }
        struct str below = member_below(c->arena, member, m->wire);
        compare_values(c, m->shape, below,
            path_below(c->arena, path, segment_of(c->spelling, below, m->wire)), value_get(from, m->wire),
            value_get(to, m->wire));
    }
}

static void compare_entries(struct comparing *c, const struct shape *shape, struct str member,
    struct str path, const struct value *from, const struct value *to)
{
    bool raw = rule_at(c->spelling, member)->segments > 0;
    const struct value *both = value_merge(c->arena, from, to);
    for (uint32_t i = 0; i < both->count; i++) {
        struct str key = both->entries[i].key;
        compare_values(c, shape->elem, member_items(c->arena, member),
            path_below(c->arena, path, raw ? key : json_pointer_escaped(c->arena, key)), value_get(from, key),
            value_get(to, key));
    }
}

static bool loses_member(const struct value *from, const struct value *to)
{
    bool loses = false;
    for (uint32_t i = 0; i < value_as_map(from)->count && !loses; i++)
        loses = value_is_null(value_get(to, from->entries[i].key));
    return loses;
}

static void compare_values(struct comparing *c, const struct shape *shape, struct str member, struct str path,
    const struct value *from, const struct value *to)
{
    bool gone = value_is_null(to), was = !value_is_null(from);
    if (gone && !was)
        return;
    if (shape->kind == SHAPE_LIST) {
        compare_lists(c, shape, member, path, value_as_list(from), value_as_list(to));
    } else if (shape->kind == SHAPE_MAP) {
        compare_entries(c, shape, member, path, value_as_map(from), value_as_map(to));
    } else if (gone) {
        add_removal(c, rule_at(c->spelling, member), path);
    } else if (shape->kind == SHAPE_STRUCT) {
        bool again = rule_at(c->spelling, member)->whole && loses_member(from, to);
        if (again)
            add_removal(c, rule_at(c->spelling, member), path);
        compare_members(c, shape, member, path, value_as_map(again ? NULL : from), value_as_map(to));
    } else if (!was || !value_equal(from, to)) {
        bool below = str_find_char(path, '/', 1) >= 0;
        add_change(c, !was && below && !c->spelling->replaces ? "add" : "replace", path, to);
    }
}

const struct value *patch_between(struct arena *arena, const struct patch_spelling *spelling,
    const struct shape *shape, const struct value *from, const struct value *to)
{
    struct comparing c = {arena, spelling, VALUE_BUILDER(arena)};
    compare_members(&c, shape, STR_EMPTY, STR_EMPTY, value_as_map(from), value_as_map(to));
    const struct value *list = value_builder_list(&c.out);
    value_builder_release(&c.out);
    return list;
}

/* ---- server side ---- */

struct applying {
    struct arena *arena;
    const struct patch_spelling *spelling;
    bool removes, replaces;
    const struct value *v; /* the new value; NULL: none */
};

static bool apply_at(const struct applying *a, const struct shape *shape, struct str member, struct str rest,
    const struct value *doc, const struct value **out);

/* Returns the path after this segment; false if the path has another one. */
static bool path_goes_on(struct str rest, struct str segment, struct str *after)
{
    *after = rest;
    if (!segment.n)
        return true;
    if (!str_starts(rest, segment) || (rest.n > segment.n && rest.p[segment.n] != '/'))
        return false;
    *after = str_slice(rest, rest.n > segment.n ? segment.n + 1 : segment.n, rest.n);
    return true;
}

/* Members with their own segment precede the one without. */
static bool apply_to_member(const struct applying *a, const struct shape *shape, struct str member,
    struct str rest, bool unnamed, const struct value *doc, const struct value **out)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        struct str below = member_below(a->arena, member, m->wire), after;
        struct str segment = segment_of(a->spelling, below, m->wire);
        const struct value *inner;
        if (m->spread && apply_to_member(a, m->shape, member, rest, unnamed, doc, out))
            return true;
        if (m->spread || (segment.n == 0) != unnamed || !path_goes_on(rest, segment, &after) ||
            !apply_at(a, m->shape, below, after, value_get(doc, m->wire), &inner))
            continue;
        *out = value_with(a->arena, doc, m->wire, inner);
        return true;
    }
    return false;
}

static struct str cut_key(const struct applying *a, struct str member, struct str *rest)
{
    int64_t segments = rule_at(a->spelling, member)->segments;
    if (!segments)
        return json_pointer_unescaped(a->arena, str_cut(*rest, '/', rest));
    size_t end = 0;
    for (; end < rest->n && (segments -= rest->p[end] == '/') > 0; end++)
        ;
    struct str key = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end < rest->n ? end + 1 : end, rest->n);
    return key;
}

static bool apply_to_entry(const struct applying *a, const struct shape *shape, struct str member,
    struct str rest, const struct value *doc, const struct value **out)
{
    const struct value *inner;
    struct str key = cut_key(a, member, &rest);
    if (!key.n ||
        !apply_at(a, shape->elem, member_items(a->arena, member), rest, value_get(doc, key), &inner))
        return false;
    *out = value_with(a->arena, doc, key, inner);
    return true;
}

/* Returns the list without one item (NULL: with all), and with another one (NULL: without). */
static const struct value *list_with(
    struct arena *arena, const struct value *list, const struct value *without, const struct value *item)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < list->count; i++)
        if (!without || !value_equal(list->items[i], without))
            value_builder_add(&b, list->items[i]);
        else if (item) /* in its place */
            value_builder_add(&b, item);
    if (item && !without)
        value_builder_add(&b, item);
    return value_builder_list(&b);
}

static const struct value *structure_of_parts(struct arena *arena, struct str parts, struct str name)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    while (parts.n) {
        struct str part = str_cut(parts, ':', &parts);
        value_builder_set(&b, part, value_string(arena, str_cut(name, ':', &name)));
    }
    return value_builder_map(&b);
}

static bool apply_to_parts(const struct applying *a, const struct shape *shape, struct str member,
    struct str rest, const struct value *list, const struct value **out)
{
    struct str parts = rule_at(a->spelling, member)->parts,
               name = rest.n ? json_pointer_unescaped(a->arena, str_cut(rest, '/', &rest))
                             : value_text(a->v, STR_EMPTY);
    const struct value *had = item_named(a->arena, parts, list, name), *inner = NULL;
    if (rest.n && (!had || !apply_at(a, shape->elem, member_items(a->arena, member), rest, had, &inner)))
        return false;
    if (!rest.n && a->removes)
        *out = had ? list_with(a->arena, list, had, NULL) : list;
    else
        *out = list_with(a->arena, list, had, inner ? inner : structure_of_parts(a->arena, parts, name));
    return true;
}

static bool apply_to_list(const struct applying *a, const struct shape *shape, struct str member,
    struct str rest, const struct value *list, const struct value **out)
{
    enum patch_items items = rule_at(a->spelling, member)->items;
    if (items == PATCH_BY_PARTS)
        return apply_to_parts(a, shape, member, rest, list, out);
    bool by_value = items == PATCH_BY_VALUE;
    if (by_value ? rest.n > 0 : !rest.n)
        return false;
    const struct value *item =
        by_value ? a->v : value_string(a->arena, json_pointer_unescaped(a->arena, rest));
    if (value_is_null(item))
        return false;
    if (items == PATCH_BY_OLD)
        *out = list_with(a->arena, list, item, a->v);
    else if (a->replaces && !by_value && a->v) /* moves to the end */
        *out = list_with(a->arena, list_with(a->arena, list, item, NULL), NULL, a->v);
    else
        *out = list_with(a->arena, list_with(a->arena, list, item, NULL), NULL, a->removes ? NULL : item);
    return true;
}

static bool apply_at(const struct applying *a, const struct shape *shape, struct str member, struct str rest,
    const struct value *doc, const struct value **out)
{
    if (shape->kind == SHAPE_LIST)
        return apply_to_list(a, shape, member, rest, value_as_list(doc), out);
    if (rest.n && shape->kind == SHAPE_MAP)
        return apply_to_entry(a, shape, member, rest, value_as_map(doc), out);
    if (rest.n && shape->kind == SHAPE_STRUCT)
        return apply_to_member(a, shape, member, rest, false, value_as_map(doc), out) ||
               apply_to_member(a, shape, member, rest, true, value_as_map(doc), out);
    bool whole = shape->kind != SHAPE_STRUCT && shape->kind != SHAPE_MAP;
    if (rest.n || (!a->removes && !whole))
        return false;
    bool flag = shape->kind == SHAPE_BOOL && a->v; /* anything but true is false */
    *out = a->removes ? NULL : flag ? value_bool(str_eqz(value_text(a->v, STR_EMPTY), "true")) : a->v;
    return true;
}

bool patch_apply(struct arena *arena, const struct patch_spelling *spelling, const struct shape *shape,
    const struct value *document, const struct value *list, const struct value **out, struct str *unknown)
{
    *out = value_as_map(document);
    for (uint32_t i = 0; i < value_as_list(list)->count; i++) {
        const struct value *change = list->items[i];
        struct str path = value_gets(change, "path"), op = value_gets(change, "op");
        const struct applying a = {
            arena, spelling, str_eqz(op, "remove"), str_eqz(op, "replace"), value_getz(change, "value")};
        *unknown = path;
        if (!str_starts(path, STR("/")) ||
            !apply_at(&a, shape, STR_EMPTY, str_slice(path, 1, path.n), *out, out))
            return false;
    }
    return true;
}
