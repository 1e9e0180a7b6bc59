/* What the rules of a type's names (names.h) say of a property: see fit.h. */
#include "cmd/import/fit.h"

#include "base/json.h"

/* Of a map of texts: 3600 is "3600". */
static struct said *as_text(struct arena *arena, const struct type *type, struct said *s)
{
    bool texts = type->kind == TYPE_TAGS || (type->elem && type->elem->kind == TYPE_STRING);
    bool other = s->kind == SAID_LITERAL && s->value->kind != VALUE_STRING && !value_is_null(s->value);
    return texts && other ? said_string(arena, value_scalar_text(arena, s->value), s->node) : s;
}

/* A path that is written from this level on, from the type on; and back: NULL where it lies elsewhere. */
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

static struct said *list_of(struct arena *arena, struct said *item)
{
    struct said *list = said_new(arena, SAID_LIST, item->node);
    said_add(arena, list, item);
    return list;
}

/* The last step of a path: the attribute itself. */
static bool place_attr(struct fit *fit, struct said *into, const struct attr *attr, struct str from,
    struct str to, struct said *value)
{
    bool document = attr->type->kind == TYPE_POLICY || attr->type->kind == TYPE_JSON;
    if (!attr->settable || (document && said_is_text(value, "")))
        return true; /* what the service says need not be said, nor a document without anything in it */
    struct said *fitting = fit_as_type(fit, from, to, attr->type, value);
    if (!fitting)
        return fit->lenient;
    said_set(fit->draft->arena, into, attr->name, fitting);
    return true;
}

/* What lies below a step of a path, of a list the first; made where it is not there yet. */
static struct said *step_into(struct arena *arena, struct said *into, struct str name, bool listed)
{
    struct said *next = said_get(into, arena_strz(arena, name));
    if (!next) {
        next = said_new(arena, listed ? SAID_LIST : SAID_MAP, NULL);
        said_set(arena, into, name, next);
    }
    if (listed && !next->n)
        said_add(arena, next, said_new(arena, SAID_MAP, NULL));
    return listed ? next->items[0] : next;
}

bool fit_place(
    struct fit *fit, const struct level *level, struct str path, struct str from, struct said *value)
{
    struct arena *arena = fit->draft->arena;
    const struct attr *attrs = level->attrs;
    size_t n = level->n;
    struct said *into = level->into;
    struct str rest, whole = path;
    for (;; path = rest) {
        struct str step = str_cut(path, '.', &rest);
        bool listed = str_ends(step, STR("[]"));
        const struct attr *attr = attr_find(attrs, n, listed ? str_slice(step, 0, step.n - 2) : step);
        if (!attr)
            return fit_refuse(fit, value->node, "`%.*s` is unknown here", STR_ARG(whole));
        if (!rest.p)
            return place_attr(fit, into, attr, from, target_of(arena, level, whole),
                listed ? list_of(arena, value) : value);
        const struct type *type = listed ? attr->type->elem : attr->type;
        into = step_into(arena, into, attr->name, listed);
        if (into->kind != SAID_MAP)
            return false;
        if (type->kind == TYPE_MAP || type->kind == TYPE_TAGS) { /* what follows is one of its keys */
            said_set(arena, into, rest, as_text(arena, type, value));
            return true;
        }
        attrs = type->fields;
        n = type->field_count;
    }
}

/* One of theirs as one of ours; NULL: it has none. */
static struct said *renamed(struct arena *arena, const struct value *values, struct said *s)
{
    if (s->kind == SAID_CHOICE) {
        struct said *out = said_code(arena, s->node, "%.*s", STR_ARG(s->code));
        out->kind = SAID_CHOICE;
        for (size_t i = 0; i < 2; i++) {
            struct said *branch = renamed(arena, values, s->items[i]);
            if (!branch)
                return NULL;
            said_add(arena, out, branch);
        }
        bool is_itself = out->items[0]->value == &value_true && out->items[1]->value == &value_false;
        return is_itself ? said_code(arena, s->node, "%.*s", STR_ARG(s->code)) : out;
    }
    if (s->kind == SAID_NOTHING)
        return s;
    struct str text = said_literal_text(arena, s);
    const struct value *ours = text.p ? value_get(values, text) : NULL;
    return !ours ? NULL : ours->kind == VALUE_MAP ? said_of(arena, ours) : said_value(arena, ours, s->node);
}

static bool is_among(struct arena *arena, const struct value *list, const struct said *s)
{
    struct str text = said_literal_text(arena, s);
    for (uint32_t i = 0; text.p && i < list->count; i++)
        if (str_eq(value_scalar_text(arena, list->items[i]), text))
            return true;
    return s->kind == SAID_NOTHING || ((s->kind == SAID_LIST || s->kind == SAID_MAP) && !s->n);
}

/* hash_key: id is one more of key_schema: {attribute_name: id, key_type: HASH}; of a list each is one more.
 */
static bool add_item(
    struct arena *arena, struct said *into, struct str to, const struct names_rule *rule, struct said *s)
{
    struct said *list = said_get(into, arena_strz(arena, to)), *item = said_new(arena, SAID_MAP, s->node);
    for (size_t i = 0; s->kind == SAID_LIST && i < s->n; i++)
        add_item(arena, into, to, rule, s->items[i]);
    if (s->kind == SAID_LIST)
        return true;
    if (!list) {
        list = said_new(arena, SAID_LIST, s->node);
        said_set(arena, into, to, list);
    }
    for (uint32_t i = 0; i < rule->item->count; i++) {
        const struct value_entry *e = &rule->item->entries[i];
        said_set(arena, item, e->key,
            str_eqz(value_text(e->value, STR_EMPTY), "@") ? s : said_of(arena, e->value));
    }
    said_add(arena, list, item);
    return true;
}

/* MasterInstanceGroup: {…} is the entry `master` of the map instance_groups, with what the rule says besides.
 * NULL: the attribute is no such map. */
static const struct attr *map_of_objects(const struct level *level, struct str to, struct str *key)
{
    const struct attr *attr = attr_find(level->attrs, level->n, str_cut(to, '.', key));
    bool map = attr && attr->type->kind == TYPE_MAP && attr->type->elem->kind == TYPE_OBJECT;
    return map && key->p ? attr : NULL;
}

static bool add_entry(struct fit *fit, const struct level *level, const struct attr *attr, struct str key,
    const struct names_rule *rule, struct said *s)
{
    struct arena *arena = fit->draft->arena;
    struct str to = arena_printf(arena, "%.*s[]", STR_ARG(attr->name));
    struct said *map = said_get(level->into, arena_strz(arena, attr->name)),
                *entry = fit_as_type(fit, rule->from, to, attr->type->elem, s);
    if (!entry || entry->kind != SAID_MAP)
        return fit_refuse(fit, s->node, "`%.*s` has another form", STR_ARG(rule->from));
    for (uint32_t i = 0; i < rule->item->count; i++)
        said_set(arena, entry, rule->item->entries[i].key, said_of(arena, rule->item->entries[i].value));
    if (!map) {
        map = said_new(arena, SAID_MAP, s->node);
        said_set(arena, level->into, attr->name, map);
    }
    said_set(arena, map, key, entry);
    return true;
}

/* The keys of those pairs that have a flag, which are a set of ours. */
static bool place_flagged(
    struct fit *fit, const struct level *level, const struct names_rule *rule, const struct said *list)
{
    struct arena *arena = fit->draft->arena;
    struct said *keys = said_new(arena, SAID_LIST, list->node);
    const char *key = value_text(rule->pairs->items[0], STR_EMPTY).p;
    struct str member = value_text(rule->flag->items[0], STR_EMPTY),
               to = value_text(rule->flag->items[1], STR_EMPTY);
    for (size_t i = 0; list->kind == SAID_LIST && i < list->n; i++) {
        struct said *flag = said_get(list->items[i], member.p), *name = said_get(list->items[i], key);
        struct str text = flag ? said_literal_text(arena, flag) : STR("false");
        if (!text.p || !name)
            return fit_refuse(fit, list->node, "`%.*s` has a `%.*s` that is not known here",
                STR_ARG(rule->from), STR_ARG(member));
        if (str_eqz(text, "true"))
            said_add(arena, keys, name);
    }
    return !keys->n || fit_place(fit, level, to, rule->from, keys);
}

/* A file beside the configuration: what weir takes from a bucket. */
static bool ask_beside(
    struct fit *fit, const struct level *level, const struct names_rule *rule, struct said **s)
{
    struct arena *arena = fit->draft->arena;
    struct str file = said_literal_text(arena, *s);
    file = str_starts(file, STR("./")) ? str_slice(file, 2, file.n) : file;
    *s = said_string(arena, file, (*s)->node);
    for (uint32_t i = 0; i < rule->ask->count; i++) {
        const struct value_entry *e = &rule->ask->entries[i];
        struct str code = draft_ask(fit->draft, value_text(e->value, STR_EMPTY), "string",
            STR("Where the files are that were beside the configuration"), false);
        if (!fit_place(fit, level, e->key, rule->from, said_code(arena, NULL, "%s", code.p)))
            return false;
    }
    return true;
}

static struct said *read_document(struct arena *arena, struct said *s)
{
    const struct value *v;
    struct str text = said_literal_text(arena, s);
    return text.p && json_parse(arena, text, &v, NULL) == 0 ? said_of(arena, v) : NULL;
}

static void say_all(struct arena *arena, const struct level *level, const struct value *attrs)
{
    for (uint32_t i = 0; attrs && i < attrs->count; i++)
        said_set(arena, level->into, attrs->entries[i].key, said_of(arena, attrs->entries[i].value));
}

/* Attributes that say this very value in another way; NULL: none do. */
static const struct value *said_instead(
    struct arena *arena, const struct names_rule *rule, const struct said *s)
{
    struct str text = rule->instead ? said_literal_text(arena, s) : (struct str){NULL, 0};
    return text.p ? value_get(rule->instead, text) : NULL;
}

/* One more item of a list, or entry of a map. */
static bool add_one(
    struct fit *fit, const struct level *level, const struct names_rule *rule, struct str to, struct said *s)
{
    struct str key;
    const struct attr *map = map_of_objects(level, to, &key);
    return map ? add_entry(fit, level, map, key, rule, s)
               : add_item(fit->draft->arena, level->into, to, rule, s);
}

/* A list of pairs is a map here, and the keys of those that have a flag a set. */
static bool place_pairs(
    struct fit *fit, const struct level *level, const struct names_rule *rule, struct str to, struct said *s)
{
    if (rule->flag && !place_flagged(fit, level, rule, s))
        return false;
    struct said *map = fit_pairs(fit->draft->arena, s, value_text(rule->pairs->items[0], STR_EMPTY).p,
        value_text(rule->pairs->items[1], STR_EMPTY).p);
    if (!map)
        return fit_refuse(fit, NULL, "`%.*s` has names that are not known here", STR_ARG(rule->from));
    return fit_place(fit, level, to, rule->from, map);
}

bool fit_by_rule(struct fit *fit, const struct level *level, const struct names_rule *rule, struct said *s)
{
    struct arena *arena = fit->draft->arena;
    const struct node *node = s->node;
    if (!rule->to.n && (!rule->only || is_among(arena, rule->only, s)))
        return true;
    if (!rule->to.n)
        return fit_refuse(fit, node, "`%.*s` cannot be said", STR_ARG(rule->from));
    if (rule->values && !(s = renamed(arena, rule->values, s)))
        return fit_refuse(fit, node, "`%.*s` has a value that cannot be said", STR_ARG(rule->from));
    struct str to = target_here(level, rule->to);
    if (!to.p)
        return fit_refuse(fit, node, "`%.*s` cannot be said", STR_ARG(rule->from));
    const struct value *instead = said_instead(arena, rule, s);
    if (instead) {
        say_all(arena, level, instead);
        return true;
    }
    if (rule->document && !(s = read_document(arena, s)))
        return fit_refuse(fit, NULL, "`%.*s` is no JSON", STR_ARG(rule->from));
    say_all(arena, level, rule->beside);
    if (rule->ask && !ask_beside(fit, level, rule, &s))
        return false;
    if (rule->item)
        return add_one(fit, level, rule, to, s);
    return rule->pairs ? place_pairs(fit, level, rule, to, s) : fit_place(fit, level, to, rule->from, s);
}
