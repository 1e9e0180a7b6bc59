/* What a rule of the names says, backwards: see reverse.h. */
#include "cmd/export/reverse.h"

/* ---- which one ---- */

/* Theirs for one of our values; NULL: none. */
static const struct value *their_value(struct arena *arena, const struct value *values, const struct value *v)
{
    for (uint32_t i = 0; values && i < values->count; i++) {
        struct str theirs = values->entries[i].key;
        if (!value_equal(values->entries[i].value, v))
            continue;
        if (str_eqz(theirs, "true") || str_eqz(theirs, "false"))
            return value_bool(str_eqz(theirs, "true"));
        return value_string(arena, theirs);
    }
    return NULL;
}

static bool has_values(const struct names_rule *rule, const struct value *v)
{
    for (uint32_t i = 0; i < rule->values->count; i++)
        if (value_equal(rule->values->entries[i].value, v))
            return true;
    return v->kind == VALUE_UNKNOWN;
}

static bool stands_beside(const struct names_rule *rule, const struct value *object)
{
    for (uint32_t i = 0; rule->beside && i < rule->beside->count; i++)
        if (!value_equal(value_get(object, rule->beside->entries[i].key), rule->beside->entries[i].value))
            return false;
    return true;
}

bool reverse_rule_is_for(const struct names_rule *rule, struct str path)
{
    bool sole = rule->to.n == path.n + 2 && str_starts(rule->to, path) && str_ends(rule->to, STR("[]"));
    return (sole || str_eq(rule->to, path)) && !rule->import_only && !rule->same.n && !rule->ask &&
           !rule->item && !str_eqz(rule->from, "id");
}

const struct names_rule *reverse_rule(
    const struct reverse_level *level, struct str path, const struct value *v)
{
    const struct names_rule *best = NULL;
    for (size_t i = 0; i < level->type->n; i++) {
        const struct names_rule *rule = &level->type->rules[i];
        if (!reverse_rule_is_for(rule, path) || !reverse_lies_below(rule->from, level->from) ||
            !stands_beside(rule, level->object))
            continue;
        bool translated = rule->values && has_values(rule, v);
        if (rule->values && !translated)
            continue;
        if (!best || (translated && !best->values))
            best = rule;
    }
    return best;
}

/* ---- what it makes ---- */

/* {a: …}: [{name: a, …}]. A name of two is "path/METHOD". */
static const struct value *as_pairs(struct arena *arena, const struct reverse_level *level,
    const struct names_rule *rule, const struct type *type, struct str path, const struct value *v)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    struct str key = value_text(rule->pairs->items[0], STR_EMPTY),
               member = value_text(rule->pairs->items[1], STR_EMPTY);
    struct str to = arena_printf(arena, "%.*s[]", STR_ARG(path)),
               from = arena_printf(arena, "%.*s[]", STR_ARG(rule->from));
    struct str flag = rule->flag ? value_text(rule->flag->items[0], STR_EMPTY) : STR_EMPTY;
    const struct value *flagged =
        rule->flag ? value_get(level->object, value_text(rule->flag->items[1], STR_EMPTY)) : NULL;
    const struct type *elem = type->elem;
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        struct str name = v->entries[i].key;
        const struct value *item = v->entries[i].value, *map = &value_empty_map;
        if (elem)
            item = reverse_value(arena, level, elem, to, from, item);
        if (str_eqz(member, "."))
            map = value_as_map(item);
        else
            map = value_with(arena, map, member, item);
        map = value_with(arena, map, key, value_string_ref(arena, name));
        if (flag.n)
            map = value_with(arena, map, flag, value_bool(value_list_has(flagged, name)));
        value_builder_add(&list, map);
    }
    return value_builder_list(&list);
}

const struct value *reverse_by_rule(struct arena *arena, const struct reverse_level *level,
    const struct names_rule *rule, const struct attr *attr, struct str path, const struct value *v)
{
    if (str_ends(rule->to, STR("[]")) && v->kind == VALUE_LIST) /* a list of the one that there may be */
        v = v->count ? v->items[0] : &value_null;
    struct reverse_level inside = *level;
    inside.document = level->document || rule->document;
    if (v->kind == VALUE_UNKNOWN || (v->marks & VALUE_SENSITIVE))
        return v;
    const struct value *theirs = their_value(arena, rule->values, v);
    if (theirs)
        v = theirs;
    else if (rule->pairs)
        v = as_pairs(arena, &inside, rule, attr->type, path, v);
    else
        v = reverse_value(arena, &inside, attr->type, path, rule->from, v);
    if (rule->document)
        v = reverse_document(arena, v);
    if (rule->each && !(theirs && theirs->kind == VALUE_BOOL))
        v = value_list(arena, &v, 1);
    return v;
}
