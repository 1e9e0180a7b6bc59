/*
 * Converts properties of another tool to attributes of one of weir's types and checks constraints; formats
 * policies.
 */
#include "cmd/import/mapping.h"

/* ---- formatting of policies ---- */

struct tree *mapping_policy_in_order(struct arena *arena, struct tree *s)
{
    static const char *const order[] = {"Version", "Id", "Sid", "Effect", "Principal", "NotPrincipal",
        "Action", "NotAction", "Resource", "NotResource"};
    if (s->kind == TREE_LIST)
        for (size_t i = 0; i < s->n; i++)
            s->items[i] = mapping_policy_in_order(arena, s->items[i]);
    if (s->kind != TREE_MAP)
        return s;
    struct tree *out = tree_new(arena, TREE_MAP, s->node);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (tree_get(s, order[i]))
            tree_set(arena, out, str_z(order[i]), tree_get(s, order[i]));
    for (size_t i = 0; i < s->n; i++)
        tree_set(arena, out, s->entries[i].key, mapping_policy_in_order(arena, s->entries[i].value));
    return out;
}

struct tree *mapping_policy(struct arena *arena, struct tree *s)
{
    const struct value *v;
    if (!tree_known(arena, s, &v) || v->kind != VALUE_MAP || v->count != 2)
        return s;
    const struct value *all = value_getz(v, "Statement");
    const struct value *one = all && all->kind == VALUE_LIST && all->count == 1 ? all->items[0] : all;
    const struct value *action = value_getz(one, "Action"), *principal = value_getz(one, "Principal");
    if (action && action->kind == VALUE_LIST && action->count == 1)
        action = action->items[0];
    const struct value *who = value_getz(principal, "Service");
    who = who && who->kind == VALUE_LIST && who->count == 1 ? who->items[0] : who;
    struct str service = value_text(who, STR_EMPTY);
    bool plain = str_eqz(value_gets(v, "Version"), "2012-10-17") && one && one->kind == VALUE_MAP &&
                 one->count == 3 && str_eqz(value_gets(one, "Effect"), "Allow") &&
                 str_eqz(value_text(action, STR_EMPTY), "sts:AssumeRole") && principal &&
                 principal->kind == VALUE_MAP && principal->count == 1;
    return plain && service.n ? tree_code(arena, s->node, "trust(\"%.*s\")", STR_ARG(service)) : s;
}

/* ---- Constraints of a type on its attributes, checked as far as values are known. */

static bool fails(struct mapping *mapping, const struct node *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fails(struct mapping *mapping, const struct node *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mapping->why = arena_vprintf(mapping->draft->arena, format, args);
    mapping->where = where;
    va_end(args);
    return false;
}

/* Checks a value that is completely known against the type. */
static bool check_value(struct mapping *mapping, const struct attr *attr, const struct tree *s)
{
    const struct value *v, *converted;
    struct schema_issue issue = {0};
    if (!tree_known(mapping->draft->arena, s, &v) || value_is_null(v) ||
        schema_convert(mapping->draft->arena, attr, v, &converted, &issue) == 0)
        return true;
    return fails(mapping, s->node, "%.*s: %.*s", STR_ARG(attr->name), STR_ARG(issue.message));
}

static bool lacks_fields(const struct type *type, const struct tree *s, struct str *which)
{
    if (type->kind == TYPE_OBJECT && s->kind == TREE_MAP) {
        for (size_t i = 0; i < type->field_count; i++) {
            const struct tree *field = tree_get(s, type->fields[i].name.p);
            *which = type->fields[i].name;
            if (!field && type->fields[i].required && !type->fields[i].default_value)
                return true;
            if (field && lacks_fields(type->fields[i].type, field, which))
                return true;
        }
    }
    for (size_t i = 0; s->kind == TREE_LIST && type->elem && i < s->n; i++)
        if (lacks_fields(type->elem, s->items[i], which))
            return true;
    return false;
}

struct givens {
    const struct tree *attrs;
};

static enum given_how is_given(const void *ctx, struct str name)
{
    const struct givens *givens = ctx;
    for (size_t i = 0; i < givens->attrs->n; i++)
        if (str_eq(givens->attrs->entries[i].key, name))
            return givens->attrs->entries[i].value->kind == TREE_NOTHING   ? GIVEN_NOT
                   : givens->attrs->entries[i].value->kind == TREE_LITERAL ? GIVEN_SURELY
                                                                           : GIVEN_MAYBE;
    return GIVEN_NOT;
}

bool mapping_check(struct mapping *mapping)
{
    const struct schema *schema = mapping->type->schema;
    struct str which = STR_EMPTY;
    for (size_t i = 0; i < schema->attr_count; i++) {
        const struct attr *attr = &schema->attrs[i];
        const struct tree *s = tree_get(mapping->attrs, attr->name.p);
        if (!s || s->kind == TREE_NOTHING) {
            if (attr->required && !attr->default_value)
                return fails(mapping, mapping->attrs->node, "`%.*s` is wanted", STR_ARG(attr->name));
            continue;
        }
        if (!check_value(mapping, attr, s))
            return false;
        if (lacks_fields(attr->type, s, &which))
            return fails(mapping, s->node, "`%.*s` in `%.*s` is wanted", STR_ARG(which), STR_ARG(attr->name));
        if (attr->conflicts.n && tree_get(mapping->attrs, attr->conflicts.p))
            return fails(mapping, s->node, "`%.*s` and `%.*s` exclude each other", STR_ARG(attr->name),
                STR_ARG(attr->conflicts));
    }
    struct givens givens = {mapping->attrs};
    for (size_t i = 0; i < schema->rule_count; i++) {
        struct str broken = attr_rule_broken(mapping->draft->arena, &schema->rules[i], is_given, &givens);
        if (broken.n)
            return fails(mapping, mapping->attrs->node, "%.*s", STR_ARG(broken));
    }
    return true;
}

/* ---- secrets ---- */

/* Returns whether other attributes make the value no secret, as for an SSM parameter that is not a
 * SecureString. */
static bool is_plain(struct arena *arena, const struct tree *attrs, const struct attr *attr)
{
    const struct value *when = attr ? attr->plain_if : NULL;
    for (uint32_t i = 0; when && i < when->count; i++) {
        const struct tree *other = tree_get(attrs, arena_strz(arena, when->entries[i].key));
        struct str text = other ? tree_literal_text(arena, other) : (struct str){NULL, 0};
        bool found = false;
        for (uint32_t k = 0; text.p && k < when->entries[i].value->count; k++)
            found = found || str_eq(value_text(when->entries[i].value->items[k], STR_EMPTY), text);
        if (!found)
            return false;
    }
    return when != NULL;
}

static struct tree *hide_value(
    struct draft *d, struct tree *s, struct str resource, struct str key, bool secret)
{
    struct str text = tree_literal_text(d->arena, s);
    if (s->sensitive && s->kind == TREE_MAP) { /* each value becomes an input; the keys are no secrets */
        for (size_t i = 0; i < s->n; i++) {
            struct str below = arena_printf(d->arena, "%.*s_%.*s", STR_ARG(key), STR_ARG(s->entries[i].key));
            s->entries[i].value->sensitive = true;
            s->entries[i].value = hide_value(d, s->entries[i].value, resource, below, false);
        }
        return s;
    }
    bool literal = text.p && s->value->kind == VALUE_STRING && text.n;
    if ((s->sensitive && (text.p || s->kind == TREE_LIST)) ||
        (literal && (secret || draft_is_secret(key, text))))
        return draft_hide(d, s,
            arena_printf(d->arena, "%.*s_%.*s", STR_ARG(resource), STR_ARG(draft_snake(d->arena, key))));
    for (size_t i = 0; i < s->n; i++) {
        struct str below = s->kind == TREE_MAP ? s->entries[i].key : key;
        struct tree **child = s->kind == TREE_MAP ? &s->entries[i].value : &s->items[i];
        if (s->kind != TREE_TEXT)
            *child = hide_value(d, *child, resource, below, false);
    }
    return s;
}

bool mapping_is_own(const struct schema *schema, struct str attr)
{
    const struct attr *known = schema_attr(schema, attr);
    return !known || known->type->kind == TYPE_TAGS || str_eq(attr, schema->id) ||
           str_is_any(attr, "name description");
}

struct tree *mapping_hide(struct draft *d, const struct tree *attrs, const struct tree_entry *e,
    const struct schema *schema, struct str resource)
{
    const struct attr *attr = schema_attr(schema, e->key);
    const struct tree *id = tree_get(attrs, arena_strz(d->arena, schema->id));
    struct str called = id ? tree_literal_text(d->arena, id) : (struct str){NULL, 0};
    bool secret = draft_is_secret(resource, STR("x")) || (called.p && draft_is_secret(called, STR("x")));
    bool plain = !secret && is_plain(d->arena, attrs, attr);
    e->value->sensitive = e->value->sensitive && !plain;
    return hide_value(d, e->value, resource, e->key, attr && attr->sensitive && !plain);
}

bool mapping_refuse(struct mapping *mapping, const struct node *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str why = arena_vprintf(mapping->draft->arena, format, args);
    va_end(args);
    if (mapping->lenient) {
        tree_add(mapping->draft->arena, mapping->left_out, tree_string(mapping->draft->arena, why, where));
        return true;
    }
    if (!mapping->why.n) {
        mapping->why = why;
        mapping->where = where;
    }
    return false;
}

static struct str path_of(const struct mapping *mapping, const struct level *level, struct str key)
{
    return level->from.n
               ? arena_printf(mapping->draft->arena, "%.*s.%.*s", STR_ARG(level->from), STR_ARG(key))
               : key;
}

/* Converts the members of a property that has no equivalent itself. */
static bool descend(struct mapping *mapping, const struct level *level, struct str from, struct tree *s)
{
    struct arena *arena = mapping->draft->arena;
    struct level below = *level;
    below.top = false;
    below.passing = true;
    if (s->kind == TREE_NOTHING || ((s->kind == TREE_LIST || s->kind == TREE_MAP) && !s->n))
        return true;
    if (s->kind == TREE_LIST && s->n == 1 && s->items[0]->kind == TREE_MAP) {
        below.from = arena_printf(arena, "%.*s[0]", STR_ARG(from));
        return mapping_entries(mapping, &below, s->items[0]);
    }
    if (s->kind == TREE_LIST && s->n == 1) {
        const struct names_rule *sole =
            names_rule(mapping->type, arena_printf(arena, "%.*s[0]", STR_ARG(from)));
        if (sole)
            return mapping_by_rule(mapping, level, sole, s->items[0]);
    }
    below.from = from;
    if (s->kind == TREE_MAP)
        return mapping_entries(mapping, &below, s);
    return mapping_refuse(mapping, s->node, "`%.*s` has another form", STR_ARG(from));
}

/* Returns whether rules below the property write into its equivalent. */
static bool leads_into(
    const struct mapping *mapping, const struct level *level, struct str from, const struct attr *attr)
{
    struct arena *arena = mapping->draft->arena;
    struct str to =
        level->to.n ? arena_printf(arena, "%.*s.%.*s", STR_ARG(level->to), STR_ARG(attr->name)) : attr->name;
    for (size_t i = 0; i < mapping->type->n; i++) {
        const struct names_rule *rule = &mapping->type->rules[i];
        bool below =
            str_starts(rule->from, from) && rule->from.n > from.n && strchr(".[", rule->from.p[from.n]);
        if (below && rule->to.n &&
            !(str_starts(rule->to, to) && rule->to.n > to.n && strchr(".[", rule->to.p[to.n])))
            return false;
    }
    return true;
}

static bool map_entry(struct mapping *mapping, const struct level *level, const struct tree_entry *entry)
{
    struct str from = path_of(mapping, level, entry->key);
    const struct names_rule *rule = names_rule(mapping->type, from);
    if (rule)
        return mapping_by_rule(mapping, level, rule, entry->value);
    /* Below a property without an equivalent, only rules apply, not names. */
    const struct attr *same =
        !level->passing ? names_attr(mapping->type, level->attrs, level->n, level->top, entry->key) : NULL;
    if (names_has_below(mapping->type, from) && !(same && leads_into(mapping, level, from, same)))
        return descend(mapping, level, from, entry->value);
    if (!same || (!same->settable && !mapping->lenient))
        return mapping_refuse(mapping, entry->value->node, "`%.*s` has no equivalent", STR_ARG(from));
    return !same->settable || mapping_place(mapping, level, same->name, from, entry->value);
}

/* Returns whether another property makes this one irrelevant. */
static bool is_moot(struct mapping *mapping, const struct level *level, const struct tree *map,
    const struct tree_entry *entry)
{
    struct str from = path_of(mapping, level, entry->key);
    const struct names_rule *rule = names_rule(mapping->type, from);
    for (uint32_t i = 0; rule && rule->unless && i < rule->unless->count; i++) {
        const struct value_entry *e = &rule->unless->entries[i];
        struct tree *beside = tree_get(map, e->key.p);
        bool whatever = value_is_null(e->value);
        struct str text = beside ? tree_literal_text(mapping->draft->arena, beside) : STR_EMPTY;
        if (beside && (whatever || str_eq(text, value_text(e->value, STR_EMPTY))))
            return true;
    }
    return false;
}

/* For a rule with `same`: returns the entry with the value of the other property, or NULL if it is not
 * true. */
static const struct tree_entry *same_entry(struct mapping *mapping, const struct level *level,
    const struct tree *map, const struct tree_entry *entry)
{
    const struct names_rule *rule = level->top ? names_rule(mapping->type, entry->key) : NULL;
    if (!rule || !rule->same.n)
        return entry;
    struct tree_entry *with = ARENA_NEW(mapping->draft->arena, struct tree_entry);
    *with = *entry;
    with->value = tree_get(map, rule->same.p);
    return with->value && str_eqz(tree_literal_text(mapping->draft->arena, entry->value), "true") ? with
                                                                                                  : NULL;
}

bool mapping_entries(struct mapping *mapping, const struct level *level, const struct tree *map)
{
    for (size_t i = 0; i < map->n; i++) {
        size_t before = level->into->n;
        if (is_moot(mapping, level, map, &map->entries[i]))
            continue;
        const struct tree_entry *entry = same_entry(mapping, level, map, &map->entries[i]);
        if (entry && !map_entry(mapping, level, entry))
            return false;
        if (level->into->n > before)
            level->into->entries[before].comment = map->entries[i].comment;
    }
    return true;
}

bool mapping_properties(struct mapping *mapping, const struct tree *properties)
{
    const struct schema *schema = mapping->type->schema;
    mapping->attrs = tree_new(mapping->draft->arena, TREE_MAP, properties->node);
    mapping->why = STR_EMPTY;
    struct level level = {
        STR_EMPTY, STR_EMPTY, mapping->attrs, schema->attrs, schema->attr_count, true, false};
    return mapping_entries(mapping, &level, properties) && !mapping->why.n;
}

bool mapping_item(struct mapping *mapping, const struct attr *attr, const struct tree *properties)
{
    struct arena *arena = mapping->draft->arena;
    const struct type *type = attr->type->elem;
    struct tree *map = tree_new(arena, TREE_MAP, properties->node);
    bool object = type && type->kind == TYPE_OBJECT;
    struct str to = arena_printf(arena, "%.*s[]", STR_ARG(attr->name));
    struct level level = {STR_EMPTY, object ? to : STR_EMPTY, map, object ? type->fields : attr,
        object ? type->field_count : 1, false, false};
    mapping->why = STR_EMPTY;
    mapping->attrs = map;
    if (object)
        return mapping_entries(mapping, &level, properties) && !mapping->why.n;
    for (size_t i = 0; i < properties->n; i++) { /* the property that is the item itself */
        const struct names_rule *rule = names_rule(mapping->type, properties->entries[i].key);
        if (rule && str_eq(rule->to, attr->name))
            mapping->attrs = properties->entries[i].value;
        else if (!(rule ? mapping_by_rule(mapping, &level, rule, properties->entries[i].value)
                        : mapping_refuse(mapping, NULL, "`%.*s` has no equivalent",
                              STR_ARG(properties->entries[i].key))))
            return false;
    }
    return true;
}
