/* Converts one of weir's objects to Terraform resources: see exported.h. */
#include "cmd/export/exported.h"

/* ---- selecting rules ---- */

/* Returns Terraform's value for one of weir's values, or NULL. */
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

/* Compares the rule's other attributes (`beside`); an attribute that is not configured has its default. */
static bool has_beside_values(const struct names_rule *rule, const struct reverse_level *level)
{
    for (uint32_t i = 0; rule->beside && i < rule->beside->count; i++) {
        const struct value_entry *beside = &rule->beside->entries[i];
        const struct attr *attr = attr_find(level->attrs, level->n, beside->key);
        const struct value *v = value_get(level->object, beside->key);
        if (!value_equal(!v && attr ? attr->default_value : v, beside->value))
            return false;
    }
    return true;
}

/* Returns whether the rule converts the attribute at that path. */
static bool reverse_rule_is_for(const struct names_rule *rule, struct str path)
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
        if (!reverse_rule_is_for(rule, path) || !reverse_is_below(rule->from, level->from) ||
            !has_beside_values(rule, level))
            continue;
        bool translated = rule->values && has_values(rule, v);
        if (rule->values && !translated)
            continue;
        if (!best || (translated && !best->values))
            best = rule;
    }
    return best;
}

/* ---- conversion by rules ---- */

/* Converts {a: …} to [{name: a, …}]. A key of two parts is "path/METHOD". */
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
    if (str_ends(rule->to, STR("[]")) && v->kind == VALUE_LIST) /* at most one item */
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

/* ---- the resource that has an attribute ---- */

bool reverse_is_about(struct str path, struct str attr)
{
    return str_starts(path, attr) && (path.n == attr.n || path.p[attr.n] == '.' || path.p[attr.n] == '[');
}

static bool has_rule_for(const struct names_type *type, struct str attr)
{
    for (size_t i = 0; i < type->n; i++)
        if (reverse_is_about(type->rules[i].to, attr) && !type->rules[i].import_only &&
            !str_eqz(type->rules[i].from, "id"))
            return true;
    return type->at.n && str_eq(type->at, attr);
}

/* Returns the index of the type that has the attribute: the main type if it has a rule for it or no other
 * type has. */
static size_t owner_of(const struct reverse *r, struct str attr)
{
    for (size_t i = 0; i < r->n; i++)
        if (has_rule_for(r->types[i], attr))
            return i;
    return 0;
}

static bool is_named(const void *ctx, struct str attr)
{
    return str_eq(*(const struct str *)ctx, attr);
}

/* ---- one Terraform resource ---- */

static void add_source(struct reversed *one, struct arena *arena, struct str name, struct str attr)
{
    const struct value *existing = value_as_list(value_get(one->sources, name));
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < existing->count; i++)
        value_builder_add(&list, existing->items[i]);
    value_builder_add(&list, value_string_ref(arena, attr));
    one->sources = value_with(arena, one->sources, name, value_builder_list(&list));
}

/* Returns whether the map has a value at "a[0].b". */
static bool reverse_there(const struct value *map, struct str path)
{
    struct str rest, step = str_cut(path, '.', &rest);
    ptrdiff_t bracket = str_find_char(step, '[', 0);
    const struct value *v = value_get(map, bracket < 0 ? step : str_slice(step, 0, (size_t)bracket));
    if (bracket >= 0)
        v = v && v->kind == VALUE_LIST && v->count ? v->items[0] : NULL;
    return v && (!rest.p || v->kind != VALUE_MAP || reverse_there(v, rest));
}

/* Returns whether another attribute is also written to that Terraform attribute. */
static bool is_beside(const struct value *besides, struct str name)
{
    for (uint32_t i = 0; besides && i < besides->count; i++)
        if (reverse_is_about(besides->entries[i].key, name))
            return true;
    return false;
}

/* Adds an attribute of weir's object. */
static void add_attr(
    const struct reverse *r, const struct reverse_level *level, struct reversed *one, struct str attr)
{
    const struct value *before = one->values;
    const struct value *besides = value_get(one->type->besides, attr), *v = value_get(level->object, attr);
    one->values = reverse_fields(r->arena, level, before, is_named, &attr);
    for (uint32_t i = 0; besides && !value_is_empty(v) && i < besides->count; i++)
        if (!reverse_there(one->values, besides->entries[i].key)) /* unless another attribute sets it */
            one->values =
                reverse_set(r->arena, one->values, besides->entries[i].key, besides->entries[i].value);
    for (uint32_t i = 0; (one->values != before || besides) && i < one->values->count; i++) {
        const struct value_entry *entry = &one->values->entries[i];
        if (value_get(before, entry->key) != entry->value || is_beside(besides, entry->key))
            add_source(one, r->arena, entry->key, attr);
    }
}

/* Adds the reference of a part to its main resource: the id, or the attributes that identify it. */
static void add_owner(const struct reverse *r, struct reversed *one, const struct reversed *whole)
{
    const struct value *ids = whole->type->ids;
    struct str names = one->type->into_by;
    bool several = str_find_char(names, '/', 0) >= 0;
    for (uint32_t i = 0; names.n; i++) {
        struct str name = str_cut(names, '/', &names);
        struct str id = several && ids && i < ids->count ? value_text(ids->items[i], STR_EMPTY)
                        : one->type->of.n                ? one->type->of
                                                         : STR("id");
        const struct value *v = value_get(whole->values, id);
        one->values = value_with(r->arena, one->values, name, v ? v : &value_unknown);
        if (several)
            one->sources = value_with(r->arena, one->sources, name, value_get(whole->sources, id));
        else
            one->sources = value_with(r->arena, one->sources, name, &value_empty_list);
    }
}

static struct reverse_level level_of(
    const struct reverse *r, const struct names_type *type, const struct value *object)
{
    return (struct reverse_level){.type = type,
        .to = STR_EMPTY,
        .from = STR_EMPTY,
        .unruled = STR_EMPTY,
        .attrs = r->schema->attrs,
        .n = r->schema->attr_count,
        .object = object};
}

/* Adds the id, if an attribute of weir's object is the id. */
static void add_id(const struct reverse *r, struct reversed *one, const struct value *object)
{
    const struct names_rule *rule = names_rule(one->type, STR("id"));
    const struct value *id = value_get(object, rule && rule->to.n ? rule->to : r->schema->id);
    const struct value *ids = one->type->ids;
    if (!rule && ids && ids->count == 1)
        id = value_get(one->values, value_text(ids->items[0], STR_EMPTY));
    if (!value_get(one->values, STR("id")))
        one->values = value_with(r->arena, one->values, STR("id"), id ? id : &value_unknown);
}

static void add_whole(const struct reverse *r, struct reversed *one, const struct value *object, size_t index)
{
    struct reverse_level level = level_of(r, one->type, object);
    for (uint32_t i = 0; i < object->count; i++)
        if (owner_of(r, object->entries[i].key) == index)
            add_attr(r, &level, one, object->entries[i].key);
    const struct value *values = one->values;
    one->values = reverse_add_required(r->arena, &level, values);
    for (uint32_t i = 0; i < one->values->count; i++) {
        struct str name = one->values->entries[i].key;
        const struct names_rule *rule = names_rule(one->type, name);
        if (value_get(values, name) != one->values->entries[i].value) /* as in the attribute of `unless` */
            one->sources = value_with(
                r->arena, one->sources, name, value_get(one->sources, rule->unless->entries[0].key));
    }
}

/* ---- entries of a map or list ---- */

/* Returns the name of a list entry: the last part of a string, or its index. */
static struct str entry_name(struct arena *arena, const struct value *v, uint32_t index)
{
    struct str text = v->marks & VALUE_SENSITIVE ? STR_EMPTY : value_text(v, STR_EMPTY);
    size_t word = str_after_last(text, "/");
    return text.n > word ? str_slice(text, word, text.n) : arena_printf(arena, "%u", index);
}

static void add_entry(const struct reverse *r, struct reversed *one, const struct attr *attr,
    const struct value *object, const struct value *entry)
{
    const struct type *elem = attr->type->elem;
    struct str to = arena_printf(r->arena, "%.*s[]", STR_ARG(attr->name));
    struct reverse_level level = level_of(r, one->type, object);
    if (elem && elem->kind == TYPE_OBJECT) {
        level = (struct reverse_level){.type = one->type,
            .to = to,
            .from = STR_EMPTY,
            .unruled = STR_EMPTY,
            .attrs = elem->fields,
            .n = elem->field_count,
            .object = entry};
        one->values = reverse_fields(r->arena, &level, one->values, NULL, NULL);
    } else {
        const struct names_rule *rule = reverse_rule(&level, attr->name, entry);
        if (rule)
            one->values = reverse_set(r->arena, one->values, rule->from,
                elem ? reverse_value(r->arena, &level, elem, to, rule->from, entry) : entry);
    }
    if (one->type->key.n)
        one->values =
            value_with(r->arena, one->values, one->type->key, value_string_ref(r->arena, one->entry));
    for (uint32_t i = 0; i < one->values->count; i++)
        add_source(one, r->arena, one->values->entries[i].key, attr->name);
}

/* ---- all resources ---- */

struct made {
    const struct reverse *reverse;
    struct reversed *items;
    size_t n, cap;
};

static struct reversed *made_add(struct made *made, const struct names_type *type, struct str entry)
{
    ARENA_GROW(made->reverse->arena, made->items, made->n, made->cap);
    made->items[made->n] = (struct reversed){
        .type = type, .entry = entry, .values = &value_empty_map, .sources = &value_empty_map};
    return &made->items[made->n++];
}

static void add_entries(struct made *made, const struct names_type *type, const struct value *object)
{
    const struct reverse *r = made->reverse;
    const struct attr *attr = schema_attr(r->schema, type->at);
    const struct value *all = value_get(object, type->at);
    bool maps = all && all->kind == VALUE_MAP, lists = all && all->kind == VALUE_LIST;
    for (uint32_t i = 0; attr && (maps || lists) && i < all->count; i++) {
        const struct value *entry = maps ? all->entries[i].value : all->items[i];
        struct reversed *one =
            made_add(made, type, maps ? all->entries[i].key : entry_name(r->arena, entry, i));
        add_entry(r, one, attr, object, entry);
        add_owner(r, one, &made->items[0]);
    }
}

static bool has_any(const struct reverse *r, const struct value *object, size_t index)
{
    for (uint32_t i = 0; i < object->count; i++)
        if (!value_is_empty(object->entries[i].value) && owner_of(r, object->entries[i].key) == index)
            return true;
    return false;
}

const struct reversed *reverse_object(const struct reverse *reverse, const struct value *object, size_t *n)
{
    struct made made = {.reverse = reverse};
    struct reversed *whole = made_add(&made, reverse->types[0], STR_EMPTY);
    add_whole(reverse, whole, object, 0);
    add_id(reverse, whole, object);
    for (size_t i = 1; i < reverse->n; i++) {
        const struct names_type *type = reverse->types[i];
        if (!has_any(reverse, object, i))
            continue;
        if (type->at.n) {
            add_entries(&made, type, object);
            continue;
        }
        struct reversed *part = made_add(&made, type, STR_EMPTY);
        add_whole(reverse, part, object, i);
        add_owner(reverse, part, &made.items[0]);
        part->values =
            value_with(reverse->arena, part->values, STR("id"), value_get(made.items[0].values, STR("id")));
    }
    *n = made.n;
    return made.items;
}

struct str reverse_output(const struct reverse *reverse, struct str attr)
{
    const struct names_type *type = reverse->types[0];
    const struct attr *ours = schema_attr(reverse->schema, attr);
    const struct names_rule *id = names_rule(type, STR("id"));
    for (size_t i = 0; i < type->n; i++)
        if (reverse_rule_is_for(&type->rules[i], attr))
            return type->rules[i].from;
    bool is_id = id ? str_eq(id->to, attr) : str_eq(reverse->schema->id, attr);
    bool lacking = value_list_has(type->unsupported, attr);
    if (is_id && ours && !ours->settable && (lacking || !str_eqz(attr, "arn")))
        return STR("id");
    return lacking ? STR_EMPTY : attr;
}
