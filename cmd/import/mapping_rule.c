/* Applies the rules of a type's names (names.h) to a property: see mapping.h. */
#include "cmd/import/mapping.h"

#include "base/json.h"

/* Converts scalars in a map of strings: 3600 is "3600". */
static struct tree *as_text(struct arena *arena, const struct type *type, struct tree *s)
{
    bool texts = type->kind == TYPE_TAGS || (type->elem && type->elem->kind == TYPE_STRING);
    bool other = s->kind == TREE_LITERAL && s->value->kind != VALUE_STRING && !value_is_null(s->value);
    return texts && other ? tree_string(arena, value_scalar_text(arena, s->value), s->node) : s;
}

/* Convert a path between relative to this level and relative to the type; NULL if it is outside of the
 * level. */
static struct str target_of(struct arena *arena, const struct level *level, struct str path)
{
    return level->to.n ? arena_printf(arena, "%.*s.%.*s", STR_ARG(level->to), STR_ARG(path)) : path;
}

static struct str target_here(const struct level *level, struct str to)
{
    if (!level->to.n)
        return to;
    bool below = str_starts(to, level->to) && to.n > level->to.n + 1;
    return below ? str_slice(to, level->to.n + 1, to.n) : (struct str){NULL, 0};
}

static struct tree *list_of(struct arena *arena, struct tree *item)
{
    struct tree *list = tree_new(arena, TREE_LIST, item->node);
    tree_add(arena, list, item);
    return list;
}

/* Sets the attribute at the last step of a path. */
static bool place_attr(struct mapping *mapping, struct tree *into, const struct attr *attr, struct str from,
    struct str to, struct tree *value)
{
    bool document = attr->type->kind == TYPE_POLICY || attr->type->kind == TYPE_JSON;
    if (!attr->settable || (document && tree_is_text(value, "")))
        return true; /* values that the service reports, and empty documents, are not configured */
    struct tree *fitting = mapping_as_type(mapping, from, to, attr->type, value);
    if (!fitting)
        return mapping->lenient;
    tree_set(mapping->draft->arena, into, attr->name, fitting);
    return true;
}

/* Returns the value below a step of a path, in a list its first item; creates it if necessary. */
static struct tree *step_into(struct arena *arena, struct tree *into, struct str name, bool listed)
{
    struct tree *next = tree_get(into, arena_strz(arena, name));
    if (!next) {
        next = tree_new(arena, listed ? TREE_LIST : TREE_MAP, NULL);
        tree_set(arena, into, name, next);
    }
    if (listed && !next->n)
        tree_add(arena, next, tree_new(arena, TREE_MAP, NULL));
    return listed ? next->items[0] : next;
}

bool mapping_place(
    struct mapping *mapping, const struct level *level, struct str path, struct str from, struct tree *value)
{
    struct arena *arena = mapping->draft->arena;
    const struct attr *attrs = level->attrs;
    size_t n = level->n;
    struct tree *into = level->into;
    struct str rest, whole = path;
    for (;; path = rest) {
        struct str step = str_cut(path, '.', &rest);
        bool listed = str_ends(step, STR("[]"));
        const struct attr *attr = attr_find(attrs, n, listed ? str_slice(step, 0, step.n - 2) : step);
        if (!attr)
            return mapping_refuse(mapping, value->node, "`%.*s` is unknown here", STR_ARG(whole));
        if (!rest.p)
            return place_attr(mapping, into, attr, from, target_of(arena, level, whole),
                listed ? list_of(arena, value) : value);
        const struct type *type = listed ? attr->type->elem : attr->type;
        into = step_into(arena, into, attr->name, listed);
        if (into->kind != TREE_MAP)
            return false;
        if (type->kind == TYPE_MAP || type->kind == TYPE_TAGS) { /* the rest is one of its keys */
            tree_set(arena, into, rest, as_text(arena, type, value));
            return true;
        }
        attrs = type->fields;
        n = type->field_count;
    }
}

/* Converts another tool's value to weir's; NULL: no equivalent. */
static struct tree *renamed(struct arena *arena, const struct value *values, struct tree *s)
{
    if (s->kind == TREE_CHOICE) {
        struct tree *out = tree_choice(arena, s->node, s->code);
        for (size_t i = 0; i < 2; i++) {
            struct tree *branch = renamed(arena, values, s->items[i]);
            if (!branch)
                return NULL;
            tree_add(arena, out, branch);
        }
        bool is_itself = out->items[0]->value == &value_true && out->items[1]->value == &value_false;
        return is_itself ? tree_code(arena, s->node, "%.*s", STR_ARG(s->code)) : out;
    }
    if (s->kind == TREE_NOTHING)
        return s;
    struct str text = tree_literal_text(arena, s);
    const struct value *ours = text.p ? value_get(values, text) : NULL;
    return !ours ? NULL : ours->kind == VALUE_MAP ? tree_of(arena, ours) : tree_value(arena, ours, s->node);
}

static bool is_among(struct arena *arena, const struct value *list, const struct tree *s)
{
    struct str text = tree_literal_text(arena, s);
    for (uint32_t i = 0; text.p && i < list->count; i++)
        if (str_eq(value_scalar_text(arena, list->items[i]), text))
            return true;
    return s->kind == TREE_NOTHING || ((s->kind == TREE_LIST || s->kind == TREE_MAP) && !s->n);
}

/* Adds an item to a list: hash_key: id becomes {attribute_name: id, key_type: HASH} in key_schema. For a
 * list, each item. */
static bool add_item(
    struct arena *arena, struct tree *into, struct str to, const struct names_rule *rule, struct tree *s)
{
    struct tree *list = tree_get(into, arena_strz(arena, to)), *item = tree_new(arena, TREE_MAP, s->node);
    for (size_t i = 0; s->kind == TREE_LIST && i < s->n; i++)
        add_item(arena, into, to, rule, s->items[i]);
    if (s->kind == TREE_LIST)
        return true;
    if (!list) {
        list = tree_new(arena, TREE_LIST, s->node);
        tree_set(arena, into, to, list);
    }
    for (uint32_t i = 0; i < rule->item->count; i++) {
        const struct value_entry *e = &rule->item->entries[i];
        tree_set(arena, item, e->key,
            str_eqz(value_text(e->value, STR_EMPTY), "@") ? s : tree_of(arena, e->value));
    }
    tree_add(arena, list, item);
    return true;
}

/* Returns the attribute if the target is an entry of a map of objects, as MasterInstanceGroup becomes the
 * entry `master` of instance_groups; otherwise NULL. */
static const struct attr *map_of_objects(const struct level *level, struct str to, struct str *key)
{
    const struct attr *attr = attr_find(level->attrs, level->n, str_cut(to, '.', key));
    bool map = attr && attr->type->kind == TYPE_MAP && attr->type->elem->kind == TYPE_OBJECT;
    return map && key->p ? attr : NULL;
}

static bool add_entry(struct mapping *mapping, const struct level *level, const struct attr *attr,
    struct str key, const struct names_rule *rule, struct tree *s)
{
    struct arena *arena = mapping->draft->arena;
    struct str to = arena_printf(arena, "%.*s[]", STR_ARG(attr->name));
    struct tree *map = tree_get(level->into, arena_strz(arena, attr->name)),
                *entry = mapping_as_type(mapping, rule->from, to, attr->type->elem, s);
    if (!entry || entry->kind != TREE_MAP)
        return mapping_refuse(mapping, s->node, "`%.*s` has another form", STR_ARG(rule->from));
    for (uint32_t i = 0; i < rule->item->count; i++)
        tree_set(arena, entry, rule->item->entries[i].key, tree_of(arena, rule->item->entries[i].value));
    if (!map) {
        map = tree_new(arena, TREE_MAP, s->node);
        tree_set(arena, level->into, attr->name, map);
    }
    tree_set(arena, map, key, entry);
    return true;
}

/* Sets the list of the keys whose pairs have a flag. */
static bool place_flagged(struct mapping *mapping, const struct level *level, const struct names_rule *rule,
    const struct tree *list)
{
    struct arena *arena = mapping->draft->arena;
    struct tree *keys = tree_new(arena, TREE_LIST, list->node);
    const char *key = value_text(rule->pairs->items[0], STR_EMPTY).p;
    struct str member = value_text(rule->flag->items[0], STR_EMPTY),
               to = value_text(rule->flag->items[1], STR_EMPTY);
    for (size_t i = 0; list->kind == TREE_LIST && i < list->n; i++) {
        struct tree *flag = tree_get(list->items[i], member.p), *name = tree_get(list->items[i], key);
        struct str text = flag ? tree_literal_text(arena, flag) : STR("false");
        if (!text.p || !name)
            return mapping_refuse(mapping, list->node, "`%.*s` has a `%.*s` that is not known here",
                STR_ARG(rule->from), STR_ARG(member));
        if (str_eqz(text, "true"))
            tree_add(arena, keys, name);
    }
    return !keys->n || mapping_place(mapping, level, to, rule->from, keys);
}

/* Asks for the bucket of a file that the other tool has beside the configuration. */
static bool ask_beside(
    struct mapping *mapping, const struct level *level, const struct names_rule *rule, struct tree **s)
{
    struct arena *arena = mapping->draft->arena;
    struct str file = tree_literal_text(arena, *s);
    file = str_starts(file, STR("./")) ? str_slice(file, 2, file.n) : file;
    *s = tree_string(arena, file, (*s)->node);
    for (uint32_t i = 0; i < rule->ask->count; i++) {
        const struct value_entry *e = &rule->ask->entries[i];
        struct str code = draft_ask(mapping->draft, value_text(e->value, STR_EMPTY), "string",
            STR("Where the files are that were beside the configuration"), false);
        if (!mapping_place(mapping, level, e->key, rule->from, tree_code(arena, NULL, "%s", code.p)))
            return false;
    }
    return true;
}

static struct tree *read_document(struct arena *arena, struct tree *s)
{
    const struct value *v;
    struct str text = tree_literal_text(arena, s);
    return text.p && json_parse(arena, text, &v, NULL) == 0 ? tree_of(arena, v) : NULL;
}

static void say_all(struct arena *arena, const struct level *level, const struct value *attrs)
{
    for (uint32_t i = 0; attrs && i < attrs->count; i++)
        tree_set(arena, level->into, attrs->entries[i].key, tree_of(arena, attrs->entries[i].value));
}

/* Returns the attributes that express this value in another way, or NULL. */
static const struct value *tree_instead(
    struct arena *arena, const struct names_rule *rule, const struct tree *s)
{
    struct str text = rule->instead ? tree_literal_text(arena, s) : (struct str){NULL, 0};
    return text.p ? value_get(rule->instead, text) : NULL;
}

/* Adds an item to a list, or an entry to a map. */
static bool add_one(struct mapping *mapping, const struct level *level, const struct names_rule *rule,
    struct str to, struct tree *s)
{
    struct str key;
    const struct attr *map = map_of_objects(level, to, &key);
    return map ? add_entry(mapping, level, map, key, rule, s)
               : add_item(mapping->draft->arena, level->into, to, rule, s);
}

/* Converts a list of pairs to a map, and the keys of pairs with a flag to a set. */
static bool place_pairs(struct mapping *mapping, const struct level *level, const struct names_rule *rule,
    struct str to, struct tree *s)
{
    if (rule->flag && !place_flagged(mapping, level, rule, s))
        return false;
    struct tree *map = mapping_pairs(mapping->draft->arena, s, value_text(rule->pairs->items[0], STR_EMPTY).p,
        value_text(rule->pairs->items[1], STR_EMPTY).p);
    if (!map)
        return mapping_refuse(mapping, NULL, "`%.*s` has names that are not known here", STR_ARG(rule->from));
    return mapping_place(mapping, level, to, rule->from, map);
}

bool mapping_by_rule(
    struct mapping *mapping, const struct level *level, const struct names_rule *rule, struct tree *s)
{
    struct arena *arena = mapping->draft->arena;
    const struct node *node = s->node;
    if (!rule->to.n && (!rule->only || is_among(arena, rule->only, s)))
        return true;
    if (!rule->to.n)
        return mapping_refuse(mapping, node, "`%.*s` has no equivalent", STR_ARG(rule->from));
    if (rule->values && !(s = renamed(arena, rule->values, s)))
        return mapping_refuse(mapping, node, "`%.*s` has a value without an equivalent", STR_ARG(rule->from));
    struct str to = target_here(level, rule->to);
    if (!to.p)
        return mapping_refuse(mapping, node, "`%.*s` has no equivalent", STR_ARG(rule->from));
    const struct value *instead = tree_instead(arena, rule, s);
    if (instead) {
        say_all(arena, level, instead);
        return true;
    }
    if (rule->document && !(s = read_document(arena, s)))
        return mapping_refuse(mapping, NULL, "`%.*s` is not JSON", STR_ARG(rule->from));
    say_all(arena, level, rule->beside);
    if (rule->ask && !ask_beside(mapping, level, rule, &s))
        return false;
    if (rule->item)
        return add_one(mapping, level, rule, to, s);
    return rule->pairs ? place_pairs(mapping, level, rule, to, s)
                       : mapping_place(mapping, level, to, rule->from, s);
}
