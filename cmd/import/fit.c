/* Properties of others as attributes of a type of ours. */
#include "cmd/import/fit_internal.h"

bool fit_refuse(struct fit *fit, const struct node *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str why = arena_vprintf(fit->draft->arena, format, args);
    va_end(args);
    if (fit->lenient) {
        said_add(fit->draft->arena, fit->left_out, said_string(fit->draft->arena, why, where));
        return true;
    }
    if (!fit->why.n) {
        fit->why = why;
        fit->where = where;
    }
    return false;
}

static struct str path_of(const struct fit *fit, const struct level *level, struct str key)
{
    return level->from.n ? arena_printf(fit->draft->arena, "%.*s.%.*s", STR_ARG(level->from), STR_ARG(key))
                         : key;
}

/* Below a property that has no counterpart, but what is in it has. */
static bool descend(struct fit *fit, const struct level *level, struct str from, struct said *s)
{
    struct arena *arena = fit->draft->arena;
    struct level below = *level;
    below.top = false;
    below.passing = true;
    if (s->kind == SAID_NOTHING || ((s->kind == SAID_LIST || s->kind == SAID_MAP) && !s->n))
        return true;
    if (s->kind == SAID_LIST && s->n == 1 && s->items[0]->kind == SAID_MAP) {
        below.from = arena_printf(arena, "%.*s[0]", STR_ARG(from));
        return fit_entries(fit, &below, s->items[0]);
    }
    if (s->kind == SAID_LIST && s->n == 1) {
        const struct names_rule *sole = names_rule(fit->type, arena_printf(arena, "%.*s[0]", STR_ARG(from)));
        if (sole)
            return fit_by_rule(fit, level, sole, s->items[0]);
    }
    below.from = from;
    if (s->kind == SAID_MAP)
        return fit_entries(fit, &below, s);
    return fit_refuse(fit, s->node, "`%.*s` has another form", STR_ARG(from));
}

/* Do the rules below a property lead to what is within its counterpart? */
static bool leads_into(
    const struct fit *fit, const struct level *level, struct str from, const struct attr *attr)
{
    struct arena *arena = fit->draft->arena;
    struct str to =
        level->to.n ? arena_printf(arena, "%.*s.%.*s", STR_ARG(level->to), STR_ARG(attr->name)) : attr->name;
    for (size_t i = 0; i < fit->type->n; i++) {
        const struct names_rule *rule = &fit->type->rules[i];
        bool below =
            str_starts(rule->from, from) && rule->from.n > from.n && strchr(".[", rule->from.p[from.n]);
        if (below && rule->to.n &&
            !(str_starts(rule->to, to) && rule->to.n > to.n && strchr(".[", rule->to.p[to.n])))
            return false;
    }
    return true;
}

static bool map_entry(struct fit *fit, const struct level *level, const struct said_entry *entry)
{
    struct str from = path_of(fit, level, entry->key);
    const struct names_rule *rule = names_rule(fit->type, from);
    if (rule)
        return fit_by_rule(fit, level, rule, entry->value);
    /* Within a property that is only a way to others, names mean nothing by themselves. */
    const struct attr *same =
        !level->passing ? names_attr(fit->type, level->attrs, level->n, level->top, entry->key) : NULL;
    if (names_has_below(fit->type, from) && !(same && leads_into(fit, level, from, same)))
        return descend(fit, level, from, entry->value);
    if (!same || (!same->settable && !fit->lenient))
        return fit_refuse(fit, entry->value->node, "`%.*s` cannot be said", STR_ARG(from));
    return !same->settable || fit_place(fit, level, same->name, from, entry->value);
}

/* Does what stands beside it make it mean nothing? */
static bool is_moot(
    struct fit *fit, const struct level *level, const struct said *map, const struct said_entry *entry)
{
    struct str from = path_of(fit, level, entry->key);
    const struct names_rule *rule = names_rule(fit->type, from);
    for (uint32_t i = 0; rule && rule->unless && i < rule->unless->count; i++) {
        const struct value_entry *e = &rule->unless->entries[i];
        struct said *beside = said_get(map, e->key.p);
        bool whatever = value_is_null(e->value);
        struct str text = beside ? said_literal_text(fit->draft->arena, beside) : STR_EMPTY;
        if (beside && (whatever || str_eq(text, value_text(e->value, STR_EMPTY))))
            return true;
    }
    return false;
}

/* Of a rule that means another's value where it is true: with that. NULL: it is not. */
static const struct said_entry *same_entry(
    struct fit *fit, const struct level *level, const struct said *map, const struct said_entry *entry)
{
    const struct names_rule *rule = level->top ? names_rule(fit->type, entry->key) : NULL;
    if (!rule || !rule->same.n)
        return entry;
    struct said_entry *with = ARENA_NEW(fit->draft->arena, struct said_entry);
    *with = *entry;
    with->value = said_get(map, rule->same.p);
    return with->value && str_eqz(said_literal_text(fit->draft->arena, entry->value), "true") ? with : NULL;
}

bool fit_entries(struct fit *fit, const struct level *level, const struct said *map)
{
    for (size_t i = 0; i < map->n; i++) {
        size_t before = level->into->n;
        if (is_moot(fit, level, map, &map->entries[i]))
            continue;
        const struct said_entry *entry = same_entry(fit, level, map, &map->entries[i]);
        if (entry && !map_entry(fit, level, entry))
            return false;
        if (level->into->n > before)
            level->into->entries[before].comment = map->entries[i].comment;
    }
    return true;
}

bool fit_properties(struct fit *fit, const struct said *properties)
{
    const struct schema *schema = fit->type->schema;
    fit->attrs = said_new(fit->draft->arena, SAID_MAP, properties->node);
    fit->why = STR_EMPTY;
    struct level level = {STR_EMPTY, STR_EMPTY, fit->attrs, schema->attrs, schema->attr_count, true, false};
    return fit_entries(fit, &level, properties) && !fit->why.n;
}

bool fit_item(struct fit *fit, const struct attr *attr, const struct said *properties)
{
    struct arena *arena = fit->draft->arena;
    const struct type *type = attr->type->elem;
    struct said *map = said_new(arena, SAID_MAP, properties->node);
    bool object = type && type->kind == TYPE_OBJECT;
    struct str to = arena_printf(arena, "%.*s[]", STR_ARG(attr->name));
    struct level level = {STR_EMPTY, object ? to : STR_EMPTY, map, object ? type->fields : attr,
        object ? type->field_count : 1, false, false};
    fit->why = STR_EMPTY;
    fit->attrs = map;
    if (object)
        return fit_entries(fit, &level, properties) && !fit->why.n;
    for (size_t i = 0; i < properties->n; i++) { /* the one that is the item itself */
        const struct names_rule *rule = names_rule(fit->type, properties->entries[i].key);
        if (rule && str_eq(rule->to, attr->name))
            fit->attrs = properties->entries[i].value;
        else if (!(rule ? fit_by_rule(fit, &level, rule, properties->entries[i].value)
                        : fit_refuse(
                              fit, NULL, "`%.*s` cannot be said", STR_ARG(properties->entries[i].key))))
            return false;
    }
    return true;
}
