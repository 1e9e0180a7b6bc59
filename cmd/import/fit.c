/* Properties of others as attributes of a type of ours. */
#include "cmd/import/fit.h"

#include "base/hash.h"

#include "base/json.h"

/* Where in both worlds a value lies: the properties' path so far, and the attributes' of the item around. */
struct level {
    struct str from;          /* "LifecycleConfiguration.Rules[]" */
    struct str to;            /* prefix of rules' targets that are relative to `into`: "lifecycle_rules[]" */
    struct said *into;        /* the map that is being filled */
    const struct attr *attrs; /* its attributes; NULL: only rules count */
    size_t n;
    bool top;
    bool passing; /* below a property without a counterpart: only rules count */
};

static bool no_fit(struct fit *fit, const struct node *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool no_fit(struct fit *fit, const struct node *where, const char *format, ...)
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

static bool map_entries(struct fit *fit, const struct level *level, const struct said *map);

/* ---- values of a type ---- */

/* What an item is called in the map: a member of it, or two, of which the first is a path that begins with a
 * slash: [{ResourcePath: /~1a, HttpMethod: GET}] is {~1a/GET: …}. A NULL text: it does not say. */
static struct str pair_name(struct arena *arena, struct said *item, struct str key)
{
    struct str second, first = str_cut(key, '/', &second);
    struct str name = said_literal_text(arena, said_get(item, arena_strz(arena, first)));
    if (!second.p || !name.p)
        return name;
    struct str last = said_literal_text(arena, said_get(item, arena_strz(arena, second)));
    name = str_starts(name, STR("/")) ? str_slice(name, 1, name.n) : name;
    return last.p ? arena_printf(arena, "%.*s/%.*s", STR_ARG(name.n ? name : STR("~1")), STR_ARG(last))
                  : last;
}

static bool is_pair_name(struct str key, struct str member)
{
    struct str second, first = str_cut(key, '/', &second);
    return str_eq(first, member) || (second.p && str_eq(second, member));
}

/* [{Key, Value}] as a map; NULL where it is no such list. */
static struct said *fit_pairs(struct arena *arena, struct said *list, const char *key, const char *value)
{
    struct said *map = said_new(arena, SAID_MAP, list->node);
    if (list->kind == SAID_MAP)
        return list;
    if (list->kind != SAID_LIST)
        return NULL;
    for (size_t i = 0; i < list->n; i++) {
        struct said *item = list->items[i], *v = said_get(item, value);
        struct str name = pair_name(arena, item, str_z(key));
        if (!name.p)
            return NULL;
        if (!strcmp(value, ".")) {
            v = said_new(arena, SAID_MAP, item->node);
            for (size_t k = 0; k < item->n; k++)
                if (!is_pair_name(str_z(key), item->entries[k].key))
                    said_set(arena, v, item->entries[k].key, item->entries[k].value);
        }
        said_set(arena, map, name, v ? v : said_string(arena, STR_EMPTY, NULL));
    }
    return map;
}

static struct said *as_type(
    struct fit *fit, struct str from, struct str to, const struct type *type, struct said *s);

static struct said *as_object(
    struct fit *fit, struct str from, struct str to, const struct type *type, struct said *s)
{
    struct level level = {from, to, said_new(fit->draft->arena, SAID_MAP, s->node), type->fields,
        type->field_count, false, false};
    return map_entries(fit, &level, s) ? level.into : NULL;
}

static struct said *said_without(struct arena *arena, const struct said *map, struct str key, struct said *s)
{
    struct said *out = said_new(arena, SAID_MAP, map->node);
    for (size_t i = 0; i < map->n; i++)
        if (!str_eq(map->entries[i].key, key))
            said_set(arena, out, map->entries[i].key, map->entries[i].value);
    if (s)
        said_set(arena, out, key, s);
    return out;
}

/* {ports, cidr_blocks: [a, b], security_groups: [c], self: true}: as many with one of those each. */
static struct said *spread(struct fit *fit, struct str from, struct said *list)
{
    struct arena *arena = fit->draft->arena;
    struct said *out = said_new(arena, SAID_LIST, list->node);
    for (size_t i = 0; i < list->n; i++) {
        struct said *item = list->items[i], *plain = item;
        size_t before = out->n;
        for (size_t k = 0; item->kind == SAID_MAP && k < item->n; k++) {
            const struct names_rule *rule = names_rule(
                fit->type, arena_printf(arena, "%.*s.%.*s", STR_ARG(from), STR_ARG(item->entries[k].key)));
            if (rule && rule->each)
                plain = said_without(arena, plain, item->entries[k].key, NULL);
        }
        for (size_t k = 0; plain != item && k < item->n; k++) {
            const struct said *values = item->entries[k].value;
            if (said_get(plain, arena_strz(arena, item->entries[k].key)))
                continue;
            if (str_eqz(said_literal_text(arena, values), "true"))
                said_add(
                    arena, out, said_without(arena, plain, item->entries[k].key, item->entries[k].value));
            if (values->kind != SAID_LIST)
                continue;
            for (size_t m = 0; m < values->n; m++)
                said_add(arena, out, said_without(arena, plain, item->entries[k].key, values->items[m]));
        }
        if (out->n == before)
            said_add(arena, out, plain);
    }
    return out;
}

static struct said *as_list(
    struct fit *fit, struct str from, struct str to, const struct type *type, struct said *s)
{
    struct arena *arena = fit->draft->arena;
    struct said *out = said_new(arena, SAID_LIST, s->node);
    from = arena_printf(arena, "%.*s[]", STR_ARG(from));
    s = spread(fit, from, s);
    to = arena_printf(arena, "%.*s[]", STR_ARG(to));
    for (size_t i = 0; i < s->n; i++) {
        struct said *item = as_type(fit, from, to, type->elem, s->items[i]);
        if (!item)
            return NULL;
        said_add(arena, out, item);
    }
    return out;
}

static struct said *as_map(
    struct fit *fit, struct str from, struct str to, const struct type *type, struct said *s)
{
    struct arena *arena = fit->draft->arena;
    struct said *out = said_new(arena, SAID_MAP, s->node);
    from = arena_printf(arena, "%.*s[]", STR_ARG(from));
    to = arena_printf(arena, "%.*s[]", STR_ARG(to));
    for (size_t i = 0; i < s->n; i++) {
        struct said *value = as_type(fit, from, to, type->elem, s->entries[i].value);
        if (!value)
            return NULL;
        said_set(arena, out, s->entries[i].key, value);
    }
    return out;
}

/* A policy's keys in the order in which people write them. */
struct said *fit_policy_in_order(struct arena *arena, struct said *s)
{
    static const char *const order[] = {"Version", "Id", "Sid", "Effect", "Principal", "NotPrincipal",
        "Action", "NotAction", "Resource", "NotResource"};
    if (s->kind == SAID_LIST)
        for (size_t i = 0; i < s->n; i++)
            s->items[i] = fit_policy_in_order(arena, s->items[i]);
    if (s->kind != SAID_MAP)
        return s;
    struct said *out = said_new(arena, SAID_MAP, s->node);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (said_get(s, order[i]))
            said_set(arena, out, str_z(order[i]), said_get(s, order[i]));
    for (size_t i = 0; i < s->n; i++)
        said_set(arena, out, s->entries[i].key, fit_policy_in_order(arena, s->entries[i].value));
    return out;
}

/* The policy that nearly every role has is a function of ours. */
struct said *fit_policy(struct arena *arena, struct said *s)
{
    const struct value *v;
    if (!said_known(arena, s, &v) || v->kind != VALUE_MAP || v->count != 2)
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
    return plain && service.n ? said_code(arena, s->node, "trust(\"%.*s\")", STR_ARG(service)) : s;
}

static bool is_scalar(enum type_kind kind)
{
    return kind == TYPE_STRING || kind == TYPE_INT || kind == TYPE_FLOAT || kind == TYPE_BOOL ||
           kind == TYPE_TIMESTAMP || kind == TYPE_BLOB;
}

/* "true" and "12" are how templates often have what is neither text. */
static struct said *as_scalar(struct fit *fit, const struct type *type, struct said *s)
{
    struct arena *arena = fit->draft->arena;
    int64_t integer;
    double number;
    if (s->kind != SAID_LITERAL || s->value->kind != VALUE_STRING)
        return s;
    struct str text = s->value->string;
    if (type->kind == TYPE_BOOL && (str_ieq(text, STR("true")) || str_ieq(text, STR("false"))))
        return said_value(arena, value_bool(str_ieq(text, STR("true"))), s->node);
    if (type->kind == TYPE_INT && str_to_int(text, &integer))
        return said_value(arena, value_int(arena, integer), s->node);
    if (type->kind == TYPE_FLOAT && str_to_double(text, &number))
        return said_value(arena, value_float(arena, number), s->node);
    return s;
}

/* Others say bytes in base64, weir as the text that they are. */
static struct said *as_bytes(struct arena *arena, struct said *s)
{
    struct str text = said_literal_text(arena, s), plain;
    if (s->encoded)
        return s->encoded;
    bool encoded = text.n && text.n % 4 == 0 && base64_decode(arena, text, &plain) && str_is_utf8(plain);
    return encoded && plain.n && !memchr(plain.p, 0, plain.n) ? said_string(arena, plain, s->node) : s;
}

static struct said *as_type(
    struct fit *fit, struct str from, struct str to, const struct type *type, struct said *s)
{
    struct arena *arena = fit->draft->arena;
    if (type->kind == TYPE_BLOB)
        s = as_bytes(fit->draft->arena, s);
    if (s->kind == SAID_NOTHING || s->kind == SAID_CODE)
        return s;
    if (s->kind == SAID_CHOICE) {
        struct said *out = said_code(arena, s->node, "%.*s", STR_ARG(s->code));
        out->kind = SAID_CHOICE;
        for (size_t i = 0; i < 2; i++) {
            struct said *branch = as_type(fit, from, to, type, s->items[i]);
            if (!branch)
                return NULL;
            said_add(arena, out, branch);
        }
        return out;
    }
    struct said *out = NULL;
    switch (type->kind) {
    case TYPE_POLICY: return fit_policy(fit->draft->arena, s);
    case TYPE_ANY:
    case TYPE_JSON: return s;
    case TYPE_TAGS:
        out = fit_pairs(arena, s, "Key", "Value");
        out = out || !type->key.n ? out : s; /* where files may give the service's list as well */
        break;
    case TYPE_OBJECT:
        if (s->kind == SAID_MAP)
            out = as_object(fit, from, to, type, s);
        else if (s->kind == SAID_LIST && s->n == 1 &&
                 s->items[0]->kind == SAID_MAP) /* a block of Terraform's */
            out = as_object(fit, arena_printf(arena, "%.*s[0]", STR_ARG(from)), to, type, s->items[0]);
        break;
    case TYPE_LIST:
    case TYPE_SET: out = s->kind == SAID_LIST ? as_list(fit, from, to, type, s) : NULL; break;
    case TYPE_MAP: out = s->kind == SAID_MAP ? as_map(fit, from, to, type, s) : NULL; break;
    default:
        out = is_scalar(type->kind) && s->kind != SAID_LIST && s->kind != SAID_MAP ? as_scalar(fit, type, s)
                                                                                   : NULL;
    }
    if (!out && !fit->why.n)
        no_fit(fit, s->node, "`%.*s` has another form", STR_ARG(from));
    return out;
}

/* ---- where it goes ---- */

/* Of a map of texts: 3600 is "3600". */
static struct said *as_text(struct arena *arena, const struct type *type, struct said *s)
{
    bool texts = type->kind == TYPE_TAGS || (type->elem && type->elem->kind == TYPE_STRING);
    bool other = s->kind == SAID_LITERAL && s->value->kind != VALUE_STRING && !value_is_null(s->value);
    return texts && other ? said_string(arena, value_scalar_text(arena, s->value), s->node) : s;
}

/* Puts a value at "a.b" of the level's map; "a[]" makes a list of the one. */
static bool place_below(
    struct fit *fit, const struct level *level, struct str path, struct str from, struct said *value)
{
    struct arena *arena = fit->draft->arena;
    const struct attr *attrs = level->attrs;
    size_t n = level->n;
    struct said *into = level->into;
    struct str whole = path;
    for (;;) {
        struct str rest, step = str_cut(path, '.', &rest);
        bool listed = str_ends(step, STR("[]"));
        struct str name = listed ? str_slice(step, 0, step.n - 2) : step;
        const struct attr *attr = attr_find(attrs, n, name);
        if (!attr)
            return no_fit(fit, value->node, "`%.*s` is unknown here", STR_ARG(whole));
        if (!rest.p && !attr->settable)
            return true; /* what the service says need not be said */
        if (!rest.p) {
            struct str to =
                level->to.n ? arena_printf(arena, "%.*s.%.*s", STR_ARG(level->to), STR_ARG(whole)) : whole;
            if (listed) {
                struct said *list = said_new(arena, SAID_LIST, value->node);
                said_add(arena, list, value);
                value = list;
            }
            struct said *fitting = as_type(fit, from, to, attr->type, value);
            if (!fitting)
                return fit->lenient;
            said_set(arena, into, name, fitting);
            return true;
        }
        const struct type *type = listed ? attr->type->elem : attr->type;
        struct said *next = said_get(into, arena_strz(arena, name));
        if (!next) {
            next = said_new(arena, listed ? SAID_LIST : SAID_MAP, NULL);
            said_set(arena, into, name, next);
        }
        if (listed && !next->n)
            said_add(arena, next, said_new(arena, SAID_MAP, NULL));
        into = listed ? next->items[0] : next;
        if (type->kind == TYPE_MAP || type->kind == TYPE_TAGS || into->kind != SAID_MAP) {
            if (into->kind == SAID_MAP)
                said_set(arena, into, rest, as_text(arena, type, value));
            return into->kind == SAID_MAP;
        }
        attrs = type->fields;
        n = type->field_count;
        path = rest;
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
                *entry = as_type(fit, rule->from, to, attr->type->elem, s);
    if (!entry || entry->kind != SAID_MAP)
        return no_fit(fit, s->node, "`%.*s` has another form", STR_ARG(rule->from));
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
            return no_fit(fit, list->node, "`%.*s` has a `%.*s` that is not known here", STR_ARG(rule->from),
                STR_ARG(member));
        if (str_eqz(text, "true"))
            said_add(arena, keys, name);
    }
    return !keys->n || place_below(fit, level, to, rule->from, keys);
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
        if (!place_below(fit, level, e->key, rule->from, said_code(arena, NULL, "%s", code.p)))
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

static bool by_rule(struct fit *fit, const struct level *level, const struct names_rule *rule, struct said *s)
{
    struct arena *arena = fit->draft->arena;
    if (!rule->to.n) {
        if (!rule->only || is_among(arena, rule->only, s))
            return true;
        return no_fit(fit, s->node, "`%.*s` cannot be said", STR_ARG(rule->from));
    }
    if (rule->values) {
        struct said *ours = renamed(arena, rule->values, s);
        if (!ours)
            return no_fit(fit, s->node, "`%.*s` has a value that cannot be said", STR_ARG(rule->from));
        s = ours;
    }
    struct str to = rule->to;
    if (level->to.n) {
        if (!str_starts(to, level->to) || to.n <= level->to.n + 1)
            return no_fit(fit, s->node, "`%.*s` cannot be said", STR_ARG(rule->from));
        to = str_slice(to, level->to.n + 1, to.n);
    }
    struct str said = rule->instead ? said_literal_text(arena, s) : STR_EMPTY;
    const struct value *otherwise = said.p ? value_get(rule->instead, said) : NULL;
    for (uint32_t i = 0; otherwise && i < otherwise->count; i++)
        said_set(arena, level->into, otherwise->entries[i].key, said_of(arena, otherwise->entries[i].value));
    if (otherwise)
        return true;
    if (rule->document && !(s = read_document(arena, s)))
        return no_fit(fit, NULL, "`%.*s` is no JSON", STR_ARG(rule->from));
    for (uint32_t i = 0; rule->beside && i < rule->beside->count; i++)
        said_set(
            arena, level->into, rule->beside->entries[i].key, said_of(arena, rule->beside->entries[i].value));
    if (rule->ask && !ask_beside(fit, level, rule, &s))
        return false;
    struct str key;
    const struct attr *map = rule->item ? map_of_objects(level, to, &key) : NULL;
    if (map)
        return add_entry(fit, level, map, key, rule, s);
    if (rule->item)
        return add_item(arena, level->into, to, rule, s);
    if (rule->flag && !place_flagged(fit, level, rule, s))
        return false;
    if (rule->pairs) {
        s = fit_pairs(arena, s, value_text(rule->pairs->items[0], STR_EMPTY).p,
            value_text(rule->pairs->items[1], STR_EMPTY).p);
        if (!s)
            return no_fit(fit, NULL, "`%.*s` has names that are not known here", STR_ARG(rule->from));
    }
    return place_below(fit, level, to, rule->from, s);
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
        return map_entries(fit, &below, s->items[0]);
    }
    if (s->kind == SAID_LIST && s->n == 1) {
        const struct names_rule *sole = names_rule(fit->type, arena_printf(arena, "%.*s[0]", STR_ARG(from)));
        if (sole)
            return by_rule(fit, level, sole, s->items[0]);
    }
    below.from = from;
    if (s->kind == SAID_MAP)
        return map_entries(fit, &below, s);
    return no_fit(fit, s->node, "`%.*s` has another form", STR_ARG(from));
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
    struct arena *arena = fit->draft->arena;
    struct str from = level->from.n
                          ? arena_printf(arena, "%.*s.%.*s", STR_ARG(level->from), STR_ARG(entry->key))
                          : entry->key;
    const struct names_rule *rule = names_rule(fit->type, from);
    if (rule)
        return by_rule(fit, level, rule, entry->value);
    const struct attr *same =
        !level->passing ? names_attr(fit->type, level->attrs, level->n, level->top, entry->key) : NULL;
    if (names_has_below(fit->type, from) && !(same && leads_into(fit, level, from, same)))
        return descend(fit, level, from, entry->value);
    /* Within a property that is only a way to others, names mean nothing by themselves. */
    const struct attr *attr = same;
    if (!attr || (!attr->settable && !fit->lenient))
        return no_fit(fit, entry->value->node, "`%.*s` cannot be said", STR_ARG(from));
    if (!attr->settable)
        return true;
    return place_below(fit, level, attr->name, from, entry->value);
}

/* Does what stands beside it make it mean nothing? */
static bool is_moot(
    struct fit *fit, const struct level *level, const struct said *map, const struct said_entry *entry)
{
    struct arena *arena = fit->draft->arena;
    struct str from = level->from.n
                          ? arena_printf(arena, "%.*s.%.*s", STR_ARG(level->from), STR_ARG(entry->key))
                          : entry->key;
    const struct names_rule *rule = names_rule(fit->type, from);
    for (uint32_t i = 0; rule && rule->unless && i < rule->unless->count; i++) {
        const struct value_entry *e = &rule->unless->entries[i];
        struct said *beside = said_get(map, e->key.p);
        bool whatever = value_is_null(e->value);
        if (beside && (whatever || str_eq(said_literal_text(arena, beside), value_text(e->value, STR_EMPTY))))
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

static bool map_entries(struct fit *fit, const struct level *level, const struct said *map)
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
    return map_entries(fit, &level, properties) && !fit->why.n;
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
        return map_entries(fit, &level, properties) && !fit->why.n;
    for (size_t i = 0; i < properties->n; i++) { /* the one that is the item itself */
        const struct names_rule *rule = names_rule(fit->type, properties->entries[i].key);
        if (rule && str_eq(rule->to, attr->name))
            fit->attrs = properties->entries[i].value;
        else if (!(rule ? by_rule(fit, &level, rule, properties->entries[i].value)
                        : no_fit(fit, NULL, "`%.*s` cannot be said", STR_ARG(properties->entries[i].key))))
            return false;
    }
    return true;
}
