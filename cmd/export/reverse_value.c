/* Converts values to Terraform's form: see exported.h. */
#include "base/json.h"
#include "cmd/export/exported.h"

#include <ctype.h>

/* ---- paths in Terraform ---- */

static const struct value *reverse_merged(struct arena *arena, const struct value *a, const struct value *b)
{
    if (a && a->kind == VALUE_MAP && b->kind == VALUE_MAP)
        return value_merge(arena, a, b);
    if (a && a->kind == VALUE_LIST && b->kind == VALUE_LIST && a->count == 1 && b->count == 1 &&
        a->items[0]->kind == VALUE_MAP) {
        const struct value *one = reverse_merged(arena, a->items[0], b->items[0]);
        return value_list(arena, &one, 1);
    }
    return b;
}

const struct value *reverse_set(
    struct arena *arena, const struct value *map, struct str path, const struct value *v)
{
    struct str rest, step = str_cut(path, '.', &rest), name = step;
    ptrdiff_t bracket = str_find_char(step, '[', 0);
    if (bracket >= 0)
        name = str_slice(step, 0, (size_t)bracket);
    const struct value *existing = value_get(map, name), *within = existing;
    if (rest.p) {
        if (existing && existing->kind == VALUE_LIST)
            within = existing->count ? existing->items[0] : NULL;
        v = reverse_set(arena, within && within->kind == VALUE_MAP ? within : &value_empty_map, rest, v);
    }
    if (bracket >= 0)
        v = value_list(arena, &v, 1);
    return value_with(arena, map, arena_str(arena, name), reverse_merged(arena, existing, v));
}

/* ---- documents ---- */

/* port_mappings: portMappings. */
static struct str camel(struct arena *arena, struct str name)
{
    char *out = arena_alloc(arena, name.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '_' && i + 1 < name.n)
            out[n++] = (char)toupper((unsigned char)name.p[++i]);
        else
            out[n++] = name.p[i];
    out[n] = 0;
    return str_n(out, n);
}

const struct value *reverse_document(struct arena *arena, const struct value *v)
{
    const struct value *text = value_is_known(v) ? json_as_text(arena, v) : &value_unknown;
    return value_is_sensitive(v) ? value_mark(arena, text, VALUE_SENSITIVE) : text;
}

/* ---- fields ---- */

static struct str reverse_joined(struct arena *arena, struct str a, const char *between, struct str b)
{
    return a.n ? arena_printf(arena, "%.*s%s%.*s", STR_ARG(a), between, STR_ARG(b)) : b;
}

/* Returns the rest of a path: "rule[].filter[0].prefix" below "rule[]" is "filter[0].prefix". */
static struct str reverse_below(struct str path, struct str base)
{
    return base.n ? str_slice(path, base.n + 1, path.n) : path;
}

bool reverse_is_below(struct str path, struct str base)
{
    return !base.n || (str_starts(path, base) && path.n > base.n && path.p[base.n] == '.');
}

/* Returns the first rule for a value within the one at `path`, or NULL. */
static const struct names_rule *rule_within(const struct reverse_level *level, struct str path)
{
    for (size_t i = 0; i < level->type->n; i++) {
        const struct names_rule *rule = &level->type->rules[i];
        bool within =
            str_starts(rule->to, path) && rule->to.n > path.n &&
            (rule->to.p[path.n] == '.' || str_starts(str_slice(rule->to, path.n, rule->to.n), STR("[].")));
        if (within && !rule->import_only && reverse_is_below(rule->from, level->from))
            return rule;
    }
    return NULL;
}

/* "logging_config[0].format": "logging_config[0]."; "" without a dot. */
static struct str parent_of(struct str path)
{
    return str_slice(path, 0, str_after_last(path, "."));
}

/* Writes the fields of an object beside the attributes of this level, where their rules put them. */
static const struct value *reverse_descend(struct arena *arena, const struct reverse_level *level,
    const struct value *out, const struct attr *attr, struct str path, const struct names_rule *first,
    const struct value *v)
{
    bool listed = attr->type->kind == TYPE_LIST || attr->type->kind == TYPE_SET;
    const struct type *type = listed ? attr->type->elem : attr->type;
    if (listed)
        v = v->kind == VALUE_LIST && v->count == 1 ? v->items[0] : &value_null;
    if (v->kind != VALUE_MAP || type->kind != TYPE_OBJECT)
        return out;
    struct reverse_level inner = *level;
    inner.to = listed ? arena_printf(arena, "%.*s[]", STR_ARG(path)) : path;
    inner.unruled = parent_of(reverse_below(first->from, level->from));
    inner.attrs = type->fields;
    inner.n = type->field_count;
    inner.object = v;
    return reverse_fields(arena, &inner, out, NULL, NULL);
}

/* Ignores case: S3 reports Prefix for prefix. */
static bool is_like(const struct value *a, const struct value *b)
{
    bool texts = a && a->kind == VALUE_STRING && b->kind == VALUE_STRING;
    return texts ? str_ieq(a->string, b->string) : value_equal(a, b);
}

/* Returns the values of items that equal the rule's item: hash_key is taken from an item of key_schema.
 * Several values become a list. */
static const struct value *items_like(struct arena *arena, const struct value *like, const struct value *list)
{
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(arena);
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++) {
        const struct value *value = NULL;
        bool same = true;
        for (uint32_t k = 0; k < like->count; k++) {
            const struct value *existing = value_get(list->items[i], like->entries[k].key);
            if (str_eqz(value_text(like->entries[k].value, STR_EMPTY), "@"))
                value = existing;
            else
                same = same && is_like(existing, like->entries[k].value);
        }
        if (same && value)
            value_builder_add(&found, value);
    }
    return found.n == 1 ? found.entries[0].value : found.n ? value_builder_list(&found) : NULL;
}

/* Converts items that have rules with names of their own. Returns false without such rules. */
static bool by_items(struct arena *arena, const struct reverse_level *level, const struct value **out,
    struct str path, const struct value *v)
{
    bool any = false;
    for (size_t i = 0; i < level->type->n; i++) {
        const struct names_rule *rule = &level->type->rules[i];
        if (!rule->item || !str_eq(rule->to, path) || !reverse_is_below(rule->from, level->from))
            continue;
        const struct value *found = items_like(arena, rule->item, v);
        any = true;
        if (found && rule->each && found->kind != VALUE_LIST)
            found = value_list(arena, &found, 1);
        if (found)
            *out = reverse_set(arena, *out, reverse_below(rule->from, level->from), found);
    }
    return any;
}

/* In a map of strings numbers and booleans are strings; in Terraform they have their own type. */
static const struct value *as_itself(struct arena *arena, const struct value *v)
{
    struct str text = v->marks & VALUE_SENSITIVE ? STR_EMPTY : value_text(v, STR_EMPTY);
    int64_t number;
    if (str_eqz(text, "true") || str_eqz(text, "false"))
        return value_bool(str_eqz(text, "true"));
    return str_is_digits(text) && str_to_int(text, &number) ? value_int(arena, number) : v;
}

/* Converts entries of a map of strings that have names of their own:
 * settings.idle_timeout.timeout_seconds. */
static bool by_texts(struct arena *arena, const struct reverse_level *level, const struct value **out,
    const struct attr *attr, struct str path, const struct value *v)
{
    bool any = false, texts = attr->type->kind == TYPE_MAP && attr->type->elem->kind == TYPE_STRING;
    for (size_t i = 0; texts && i < level->type->n; i++) {
        const struct names_rule *rule = &level->type->rules[i];
        if (!reverse_is_below(rule->to, path) || !rule->to.n)
            continue;
        const struct value *entry = value_get(v, reverse_below(rule->to, path));
        any = true;
        if (entry)
            *out = reverse_set(arena, *out, reverse_below(rule->from, level->from), as_itself(arena, entry));
    }
    return any;
}

/* Converts map entries that are blocks of their own: instance_groups.master. */
static bool by_keys(struct arena *arena, const struct reverse_level *level, const struct value **out,
    const struct attr *attr, struct str path, const struct value *v)
{
    bool any = false, objects = attr->type->kind == TYPE_MAP && attr->type->elem->kind == TYPE_OBJECT;
    for (size_t i = 0; objects && i < level->type->n; i++) {
        const struct names_rule *rule = &level->type->rules[i];
        if (!rule->item || !reverse_is_below(rule->to, path))
            continue;
        const struct value *entry = value_get(v, reverse_below(rule->to, path));
        struct str to = arena_printf(arena, "%.*s[]", STR_ARG(path));
        any = true;
        for (uint32_t k = 0; entry && k < rule->item->count; k++)
            entry = value_with(arena, entry, rule->item->entries[k].key, NULL);
        if (!entry)
            continue;
        entry = reverse_value(arena, level, attr->type->elem, to, rule->from, entry);
        *out = reverse_set(arena, *out, reverse_below(rule->from, level->from), value_list(arena, &entry, 1));
    }
    return any;
}

/* Returns whether the attribute is not exported: a flag of another attribute, implied by another attribute,
 * or unsupported. */
static bool is_left_out(const struct reverse_level *level, struct str path)
{
    for (size_t i = 0; i < level->type->n; i++) {
        const struct names_rule *rule = &level->type->rules[i];
        if ((rule->beside && value_get(rule->beside, path)) ||
            (rule->flag && str_eq(value_text(rule->flag->items[1], STR_EMPTY), path)))
            return true;
    }
    return value_list_has(level->type->unsupported, path) ||
           (level->type->set &&
               value_equal(value_get(level->type->set, path), value_get(level->object, path)) &&
               value_get(level->type->set, path));
}

/* Returns the rule of another Terraform attribute that implies this value, as for force_destroy: true. NULL:
 * none. */
static const struct names_rule *rule_instead(
    const struct reverse_level *level, struct str path, const struct value *v, struct str *theirs)
{
    for (size_t i = 0; i < level->type->n; i++) {
        const struct value *instead = level->type->rules[i].instead;
        for (uint32_t k = 0; instead && k < instead->count; k++) {
            const struct value *ours = value_get(instead->entries[k].value, path);
            *theirs = instead->entries[k].key;
            if (ours && value_equal(ours, v))
                return &level->type->rules[i];
        }
    }
    return NULL;
}

static const struct value *reverse_place(struct arena *arena, const struct reverse_level *level,
    const struct value *out, const struct attr *attr, struct str path, const struct value *v)
{
    if (by_items(arena, level, &out, path, v) || by_keys(arena, level, &out, attr, path, v) ||
        by_texts(arena, level, &out, attr, path, v))
        return out;
    const struct names_rule *rule = reverse_rule(level, path, v);
    if (rule)
        return reverse_set(arena, out, reverse_below(rule->from, level->from),
            reverse_by_rule(arena, level, rule, attr, path, v));
    struct str theirs;
    const struct names_rule *instead = rule_instead(level, path, v, &theirs);
    int64_t number;
    if (instead)
        return reverse_set(arena, out, reverse_below(instead->from, level->from),
            str_to_int(theirs, &number) ? value_int(arena, number) : value_string(arena, theirs));
    const struct names_rule *within = rule_within(level, path);
    struct str name =
        reverse_joined(arena, level->unruled, "", level->document ? camel(arena, attr->name) : attr->name);
    struct str from = reverse_joined(arena, level->from, ".", name);
    if (within && !reverse_is_below(within->from, from) &&
        !str_starts(within->from, arena_printf(arena, "%.*s[", STR_ARG(from))))
        return reverse_descend(arena, level, out, attr, path, within, v);
    bool reported = str_eqz(path, "arn") || value_list_has(level->type->ids, path);
    if ((!attr->settable && !reported) || is_left_out(level, path))
        return out;
    return reverse_set(arena, out, name, reverse_value(arena, level, attr->type, path, from, v));
}

const struct value *reverse_fields(struct arena *arena, const struct reverse_level *level,
    const struct value *out, bool (*only)(const void *ctx, struct str attr), const void *ctx)
{
    for (size_t i = 0; i < level->n; i++) {
        const struct attr *attr = &level->attrs[i];
        const struct value *v = value_get(level->object, attr->name);
        if (!value_is_null(v) && (!only || only(ctx, attr->name)))
            out =
                reverse_place(arena, level, out, attr, reverse_joined(arena, level->to, ".", attr->name), v);
    }
    return out;
}

const struct value *reverse_add_required(
    struct arena *arena, const struct reverse_level *level, const struct value *out)
{
    for (size_t i = 0; i < level->type->n; i++) {
        const struct names_rule *rule = &level->type->rules[i];
        if (!rule->unless || !reverse_is_below(rule->from, level->from) ||
            value_is_null(rule->unless->entries[0].value))
            continue;
        struct str name = reverse_below(rule->from, level->from);
        const struct value_entry *beside = &rule->unless->entries[0];
        if (value_equal(value_get(out, beside->key), beside->value))
            out = value_with(arena, out, name, value_int(arena, 0));
    }
    return out;
}

/* ---- values ---- */

static const struct value *as_items(struct arena *arena, const struct reverse_level *level,
    const struct type *type, struct str to, struct str from, const struct value *v)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        value_builder_add(&b, reverse_value(arena, level, type->elem, to, from, v->items[i]));
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        value_builder_set(
            &b, v->entries[i].key, reverse_value(arena, level, type->elem, to, from, v->entries[i].value));
    return v->kind == VALUE_LIST ? value_builder_list(&b) : value_builder_map(&b);
}

const struct value *reverse_value(struct arena *arena, const struct reverse_level *level,
    const struct type *type, struct str to, struct str from, const struct value *v)
{
    if (v->kind == VALUE_UNKNOWN || (v->marks & VALUE_SENSITIVE))
        return v;
    bool within_list = str_ends(to, STR("[]")),
         items = type->elem && (v->kind == VALUE_LIST || v->kind == VALUE_MAP);
    if (type->kind == TYPE_OBJECT && v->kind == VALUE_MAP) {
        struct reverse_level inner = {.type = level->type,
            .to = to,
            .from = within_list || level->document ? from : arena_printf(arena, "%.*s[0]", STR_ARG(from)),
            .unruled = STR_EMPTY,
            .attrs = type->fields,
            .n = type->field_count,
            .object = v,
            .document = level->document};
        const struct value *map = reverse_fields(arena, &inner, &value_empty_map, NULL, NULL);
        map = reverse_add_required(arena, &inner, map);
        return within_list || level->document ? map : value_list(arena, &map, 1);
    }
    if (type->kind == TYPE_POLICY || type->kind == TYPE_JSON || (type->kind == TYPE_ANY && !level->document))
        return v->kind == VALUE_MAP || v->kind == VALUE_LIST ? reverse_document(arena, v) : v;
    /* In Terraform a set with an unknown item is unknown, since the number of its items is unknown. */
    if (type->kind == TYPE_SET && type->elem->kind != TYPE_OBJECT && !value_is_known(v))
        return &value_unknown;
    if (!items)
        return v;
    return as_items(arena, level, type, arena_printf(arena, "%.*s[]", STR_ARG(to)),
        arena_printf(arena, "%.*s[]", STR_ARG(from)), v);
}
