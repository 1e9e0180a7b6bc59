/* Terraform's instances as weir's types; those that are settings of another become attributes of that. */
#include "base/json.h"
#include "cmd/import/terraform_parts.h"
#include "provider/cfn/published.h"
#include "provider/spec/spec.h"

#include <ctype.h>

/* ---- what was said, of all that the state has ---- */

static bool is_empty(const struct value *v)
{
    return value_is_null(v) || ((v->kind == VALUE_LIST || v->kind == VALUE_MAP) && !v->count) ||
           (v->kind == VALUE_STRING && !v->string.n);
}

/* Blocks that Terraform takes as attributes have all that could be in them. */
static struct said *said_filled(struct arena *arena, const struct value *v)
{
    if (v->kind != VALUE_LIST || !v->count || v->items[0]->kind != VALUE_MAP)
        return said_of(arena, v);
    struct said *list = said_new(arena, SAID_LIST, NULL);
    for (uint32_t i = 0; i < v->count; i++) {
        struct said *map = said_new(arena, SAID_MAP, NULL);
        for (uint32_t k = 0; v->items[i]->kind == VALUE_MAP && k < v->items[i]->count; k++)
            if (!is_empty(v->items[i]->entries[k].value))
                said_set(arena, map, v->items[i]->entries[k].key,
                    said_filled(arena, v->items[i]->entries[k].value));
        said_add(arena, list, v->items[i]->kind == VALUE_MAP ? map : said_of(arena, v->items[i]));
    }
    return list;
}

/* Of a value what the configuration says: its blocks have attributes that the provider filled in. */
static struct said *said_value_of(
    struct arena *arena, const struct value *v, const struct value *expression, const struct value *sensitive)
{
    bool secret = sensitive && sensitive->kind == VALUE_BOOL && sensitive->boolean;
    bool blocks = v->kind == VALUE_LIST && v->count && v->items[0]->kind == VALUE_MAP &&
                  (!expression || expression->kind == VALUE_LIST);
    if (secret || !blocks) {
        struct said *s = secret ? said_of(arena, v) : said_filled(arena, v);
        s->sensitive = secret;
        return s;
    }
    struct said *list = said_new(arena, SAID_LIST, NULL);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value *block = expression && expression->count == v->count ? expression->items[i] : NULL;
        struct said *map = said_new(arena, SAID_MAP, NULL);
        for (uint32_t k = 0; v->items[i]->kind == VALUE_MAP && k < v->items[i]->count; k++) {
            const struct value_entry *e = &v->items[i]->entries[k];
            const struct value *inner = value_get(block, e->key);
            const struct value *hidden = sensitive && sensitive->kind == VALUE_LIST && i < sensitive->count
                                             ? value_get(sensitive->items[i], e->key)
                                             : NULL;
            if ((block && !inner) || is_empty(e->value))
                continue;
            said_set(arena, map, e->key, said_value_of(arena, e->value, inner, hidden));
        }
        said_add(arena, list, map);
    }
    return list;
}

/* Unless it is the name of something that can be said, as that of an event's target is. */
static bool is_never_said(const struct names_type *type, struct str key)
{
    const struct names_rule *rule = type && !str_eqz(key, "id") ? names_rule(type, key) : NULL;
    if (rule && rule->to.n)
        return false;
    static const char *const keys[] = {"id", "arn", "tags_all", "timeouts", "region", "owner_id"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (str_eqz(key, keys[i]))
            return true;
    return false;
}

/* The command of a local-exec, where the plan tells it: of one that is made of others' values it does not. */
static void add_command(struct terraform *t, const struct instance *one, struct said *map)
{
    static const char *const words[] = {"command", "working_dir", "environment"};
    const struct value *all = value_getz(one->group->config, "provisioners");
    for (uint32_t i = 0; all && all->kind == VALUE_LIST && i < all->count; i++) {
        const struct value *expressions = value_getz(all->items[i], "expressions");
        struct said *command = said_new(t->arena, SAID_MAP, NULL);
        if (!str_eqz(value_gets(all->items[i], "type"), "local-exec"))
            continue;
        for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
            const struct value *v = value_getz(value_getz(expressions, words[k]), "constant_value");
            if (!value_is_null(v))
                said_set(t->arena, command, str_z(words[k]), said_of(t->arena, v));
        }
        said_set(t->arena, map, STR("local_exec"), command);
    }
}

static bool is_digest(const struct names_type *type, const struct value_entry *e)
{
    const struct names_rule *rule = type ? names_rule(type, e->key) : NULL;
    struct str text = value_text(e->value, STR_EMPTY);
    size_t hex = 0;
    while (hex < text.n && isxdigit((unsigned char)text.p[hex]))
        hex++;
    return rule && rule->digest && text.n == 40 && hex == text.n;
}

/* Of what the state has only a digest: what the configuration says, where that is a plain text; or NULL. */
static const struct value *known_value(
    const struct names_type *type, const struct value_entry *e, const struct value *expression)
{
    return is_digest(type, e) ? value_getz(expression, "constant_value") : e->value;
}

/* name_prefix: the name is what came of it. */
static bool is_prefixed(struct terraform *t, const struct value *expressions, struct str key)
{
    return value_get(expressions, arena_printf(t->arena, "%.*s_prefix", STR_ARG(key))) != NULL;
}

/* Made up where nobody said it: a statement's id, a name. */
static bool is_demanded(struct terraform *t, const struct names_type *type, struct str key)
{
    struct str ours = type && type->schema && !str_eqz(key, "id") && !str_eqz(key, "arn")
                          ? names_output(type, t->arena, key)
                          : STR_EMPTY;
    const struct attr *attr = ours.n && !type->into_by.n ? schema_attr(type->schema, ours) : NULL;
    return attr && attr->required && !attr->default_value;
}

static bool says_of(const struct group *group, struct str attr, struct str id)
{
    for (size_t i = 0; i < group->n; i++)
        if (str_eq(value_gets(group->instances[i]->values, attr.p), id))
            return true;
    return false;
}

/* A block that only the configuration makes, and that is not in what the plan has of it: a dynamic one.
 * Unless resources of their own have said it. */
static bool is_dynamic(struct terraform *t, const struct instance *one, struct str key)
{
    const struct names_type *type = names_terraform(t->names, one->group->type);
    const struct value *by = type ? value_get(type->blocks, key) : NULL;
    for (size_t i = 0; by && by->string.n && i < t->groups.n; i++)
        if (says_of(t->groups.items[i].ptr, by->string, value_gets(one->values, "id")))
            return false;
    return by;
}

/* `whole`: with what the provider filled into blocks. Without a configuration the provider's default_tags are
 * not known either: all tags are the thing's own. */
static struct said *properties_of(struct terraform *t, const struct instance *one, bool whole)
{
    const struct value *expressions = value_getz(one->group->config, "expressions");
    const struct names_type *type = names_terraform(t->names, one->group->type);
    struct said *map = said_new(t->arena, SAID_MAP, NULL);
    for (uint32_t i = 0; one->values && i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        const struct value *expression = value_get(expressions, e->key);
        bool said = one->group->config ? expression || is_prefixed(t, expressions, e->key) ||
                                             is_demanded(t, type, e->key) || is_dynamic(t, one, e->key)
                                       : !is_never_said(type, e->key);
        if (str_eqz(e->key, "tags_all") && !one->group->config && !is_empty(e->value))
            said_set(t->arena, map, STR("tags"), said_of(t->arena, e->value));
        if (!said || is_empty(e->value) || str_eqz(e->key, "tags_all") || str_eqz(e->key, "timeouts"))
            continue;
        const struct value *v = known_value(type, e, expression);
        if (v)
            said_set(t->arena, map, e->key,
                said_value_of(t->arena, v, whole ? NULL : expression, value_get(one->sensitive, e->key)));
    }
    if (!one->group->config)
        terraform_drop_unsaid(t->arena, type, map);
    if (type && names_rule(type, STR("local_exec.command")))
        add_command(t, one, map);
    return map;
}

/* ---- documents ---- */

static void parse_documents(struct arena *arena, const struct attr *attrs, size_t n, struct said *map)
{
    for (size_t i = 0; map->kind == SAID_MAP && i < map->n; i++) {
        struct said *s = map->entries[i].value;
        const struct value *v;
        for (size_t k = 0; k < n; k++) {
            if (!str_eq(attrs[k].name, map->entries[i].key))
                continue;
            const struct type *type = attrs[k].type;
            if (type->kind == TYPE_OBJECT)
                parse_documents(arena, type->fields, type->field_count, s);
            if (type->kind == TYPE_MAP && s->kind == SAID_MAP)
                for (size_t m = 0; m < s->n; m++) {
                    struct attr each = {.name = s->entries[m].key, .type = type->elem};
                    parse_documents(arena, &each, 1, s);
                }
            struct str text = said_literal_text(arena, s);
            bool document = (type->kind == TYPE_POLICY || type->kind == TYPE_JSON) && text.n &&
                            (text.p[0] == '{' || text.p[0] == '[');
            if (document && json_parse(arena, text, &v, NULL) == 0)
                map->entries[i].value = type->kind == TYPE_POLICY
                                            ? fit_policy(arena, fit_policy_in_order(arena, said_of(arena, v)))
                                            : said_of(arena, v);
        }
    }
}

/* In the order of the type's attributes, as people write them. */
static struct said *in_order(
    struct arena *arena, const struct schema *schema, const struct said *attrs, bool all)
{
    struct said *out = said_new(arena, SAID_MAP, NULL);
    for (size_t i = 0; i < schema->attr_count; i++) {
        struct said *s = said_get(attrs, schema->attrs[i].name.p);
        const struct value *v, *fallback = schema->attrs[i].default_value;
        bool is_default =
            s && said_known(arena, s, &v) && (fallback ? value_equal(v, fallback) : v == &value_false);
        if (s && (all || !is_default))
            said_set(arena, out, schema->attrs[i].name, s);
    }
    return out;
}

/* ---- a type for all of a group ---- */

static bool fit_all(struct terraform *t, struct group *group, const struct names_type *type, bool lenient,
    bool whole, struct str *why)
{
    for (size_t i = 0; i < group->n; i++) {
        struct fit fit = {.draft = t->draft,
            .type = type,
            .lenient = lenient,
            .left_out = said_new(t->arena, SAID_LIST, NULL)};
        bool fits = fit_properties(&fit, properties_of(t, group->instances[i], whole));
        for (uint32_t k = 0; fits && type->set && k < type->set->count; k++)
            if (!said_get(fit.attrs, type->set->entries[k].key.p))
                said_set(t->arena, fit.attrs, type->set->entries[k].key,
                    said_of(t->arena, type->set->entries[k].value));
        if (fits) {
            parse_documents(t->arena, type->schema->attrs, type->schema->attr_count, fit.attrs);
            fit.lenient = false;
            if (!group->config)
                terraform_drop_zeros(t->arena, type, fit.attrs);
            fits = fit_check(&fit);
        }
        if (!fits) {
            *why = arena_printf(t->arena, "%.*s: %.*s", STR_ARG(type->schema->name), STR_ARG(fit.why));
            return false;
        }
        for (size_t k = 0; i == 0 && k < fit.left_out->n; k++)
            *why = arena_printf(t->arena, "%.*s%s%.*s", STR_ARG(*why), why->n ? "; " : "",
                STR_ARG(fit.left_out->items[k]->value->string));
        group->instances[i]->attrs = in_order(t->arena, type->schema, fit.attrs, group->config != NULL);
    }
    return true;
}

static const struct names_type *their_type(struct terraform *t, struct str type)
{
    struct err err = ERR_INIT;
    struct str name = names_by_words(t->names, type);
    const struct schema *schema = name.n ? catalog_find(t->draft->catalog, name, false, &err) : NULL;
    if (!schema)
        return NULL;
    struct names_type *same = ARENA_NEW(t->arena, struct names_type);
    *same = (struct names_type){
        .other = name, .schema = schema, .into_by = STR_EMPTY, .at = STR_EMPTY, .key = STR_EMPTY};
    return same;
}

static void tell_digests(struct terraform *t, struct group *group)
{
    const struct names_type *type = names_terraform(t->names, group->type);
    const struct value *values = group->instances[0]->values,
                       *expressions = value_getz(group->config, "expressions");
    for (uint32_t i = 0; i < values->count; i++) {
        const struct value_entry *e = &values->entries[i];
        if (!is_digest(type, e) || known_value(type, e, value_get(expressions, e->key)))
            continue;
        group->why = arena_printf(t->arena, "%.*s%s`%.*s` is left out: the state has only a digest of it",
            STR_ARG(group->why), group->why.n ? "; " : "", STR_ARG(e->key));
        diag_warning(t->draft->diags, (struct span){0}, "%.*s: %.*s", STR_ARG(group_address(t->arena, group)),
            STR_ARG(group->why));
    }
}

static void fit_decide(struct terraform *t, struct group *group)
{
    const struct names_type *own = names_terraform(t->names, group->type),
                            *theirs = own && own->into_by.n ? NULL : their_type(t, group->type);
    struct str why = STR_EMPTY;
    if (own && (own->into_by.n || own->asked))
        return; /* later, when what it goes into is known, or who refers to it */
    if (own && str_starts(own->schema->name, STR("AWS::"))) {
        theirs = own;
        own = NULL;
    }
    const struct {
        const struct names_type *type;
        bool lenient, whole;
    } ways[] = {{own, false, false}, {own, false, true}, {theirs, false, false}, {theirs, false, true},
        {own, true, false}, {own, true, true}, {theirs, true, false}, {theirs, true, true}};
    for (size_t i = 0; !group->schema && i < sizeof ways / sizeof *ways; i++) {
        struct str now = STR_EMPTY;
        bool fits = ways[i].type && fit_all(t, group, ways[i].type, ways[i].lenient, ways[i].whole, &now);
        if (!fits) {
            why = why.n && !(ways[i].lenient && ways[i].type == own) ? why : now;
            continue;
        }
        group->names = own && ways[i].type == own ? own : NULL;
        group->schema = ways[i].type->schema;
        group->why = ways[i].lenient && now.n
                         ? arena_printf(t->arena, "without what it cannot say: %.*s", STR_ARG(now))
                     : ways[i].type == theirs ? why
                                              : STR_EMPTY;
    }
    if (!group->schema) {
        group->why = why.n ? arena_printf(t->arena, "left out: %.*s", STR_ARG(why))
                           : STR("left out: no type here is the same");
        diag_warning(t->draft->diags, (struct span){0}, "%.*s: %.*s", STR_ARG(group_address(t->arena, group)),
            STR_ARG(group->why));
        return;
    }
    tell_digests(t, group);
    struct str prefix = STR_EMPTY, module = group->module;
    while (module.n) { /* module.net.module.zone: net_zone */
        str_cut(module, '.', &module);
        struct str step = str_cut(module, '.', &module);
        prefix = arena_printf(t->arena, "%.*s%.*s_", STR_ARG(prefix), STR_ARG(step));
    }
    struct str plain =
        str_eqz(group->name, "this") || str_eqz(group->name, "main") || str_eqz(group->name, "default")
            ? STR_EMPTY
            : group->name;
    struct str last = group->type;
    for (size_t i = last.n; i; i--)
        if (last.p[i - 1] == '_') {
            last = str_slice(last, i, last.n);
            break;
        }
    group->resource = draft_resource(t->draft);
    group->resource->name = draft_name(t->draft,
        arena_printf(
            t->arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(plain.n || !prefix.n ? group->name : last)),
        last);
    group->resource->attrs = said_new(t->arena, SAID_MAP, NULL);
}

/* ---- parts of others ---- */

static bool is_known_as(const struct instance *one, struct str text)
{
    static const char *const keys[] = {"id", "arn", "name", "bucket", "url"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (str_eq(value_gets(one->values, keys[i]), text))
            return true;
    return false;
}

/* Is that what its id is made of, with slashes between? */
static bool has_ids(struct terraform *t, const struct instance *one, struct str text)
{
    const struct value *ids = one->group->names->ids;
    AUTO_BUF struct buf own = BUF_INIT;
    for (uint32_t i = 0; ids && ids->kind == VALUE_LIST && i < ids->count; i++) {
        const struct value *v = value_get(one->values, value_text(ids->items[i], STR_EMPTY));
        buf_addf(&own, "%s%.*s", i ? "/" : "",
            STR_ARG(value_is_null(v) ? STR_EMPTY : value_scalar_text(t->arena, v)));
    }
    return ids && ids->kind == VALUE_LIST && ids->count > 1 && str_eq(buf_str(&own), text);
}

static struct instance *find_target(struct terraform *t, const struct names_type *part, struct str text)
{
    for (size_t i = 0; text.n && i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        if (!group->names || group->schema != part->schema)
            continue;
        for (size_t k = 0; k < group->n; k++)
            if (is_known_as(group->instances[k], text) || has_ids(t, group->instances[k], text))
                return group->instances[k];
    }
    return NULL;
}

static void merge_maps(struct arena *arena, struct said *into, const struct said *from)
{
    for (size_t i = 0; i < from->n; i++) {
        struct said *there = said_get(into, arena_strz(arena, from->entries[i].key)),
                    *s = from->entries[i].value;
        if (there && there->kind == SAID_MAP && s->kind == SAID_MAP)
            merge_maps(arena, there, s);
        else if (there && there->kind == SAID_LIST && s->kind == SAID_LIST)
            for (size_t k = 0; k < s->n; k++)
                said_add(arena, there, s->items[k]);
        else
            said_set(arena, into, from->entries[i].key, s);
    }
}

/* What it is in its target: {policies: {NAME: policy}}, one more of a list, or attributes of that itself. */
static struct said *part_attrs(struct terraform *t, const struct names_type *part, const struct said *rest,
    struct str key, bool lenient, struct str *why)
{
    struct arena *arena = t->arena;
    struct fit fit = {
        .draft = t->draft, .type = part, .lenient = lenient, .left_out = said_new(arena, SAID_LIST, NULL)};
    const struct attr *at = part->at.n ? schema_attr(part->schema, part->at) : NULL;
    bool fits = at ? fit_item(&fit, at, rest) : fit_properties(&fit, rest);
    *why = STR_EMPTY;
    for (size_t i = 0; fits && i < fit.left_out->n; i++)
        *why = arena_printf(arena, "%.*s%s%.*s", STR_ARG(*why),
            i ? "; " : "without what it cannot say: ", STR_ARG(fit.left_out->items[i]->value->string));
    if (!fits)
        *why = fit.why;
    for (uint32_t i = 0; fits && part->set && i < part->set->count; i++)
        if (!said_get(fit.attrs, part->set->entries[i].key.p))
            said_set(
                arena, fit.attrs, part->set->entries[i].key, said_of(arena, part->set->entries[i].value));
    if (!fits || !at)
        return fits ? fit.attrs : NULL;
    struct said *around = said_new(arena, part->key.n ? SAID_MAP : SAID_LIST, NULL),
                *out = said_new(arena, SAID_MAP, NULL);
    if (part->key.n)
        said_set(arena, around, key, fit.attrs);
    else
        said_add(arena, around, fit.attrs);
    said_set(arena, out, part->at, around);
    return out;
}

static bool leads_there(const struct names_type *part, struct str property)
{
    struct str names = part->into_by;
    while (names.n)
        if (str_eq(str_cut(names, '/', &names), property))
            return true;
    return false;
}

/* What it is a part of, as `by` says: the value of one attribute, or those of several with slashes between.
 */
static const struct value *owner_of(
    struct terraform *t, const struct names_type *part, const struct value *values)
{
    struct str names = part->into_by;
    if (str_find_char(names, '/', 0) < 0)
        return value_get(values, names);
    AUTO_BUF struct buf out = BUF_INIT;
    while (names.n) {
        struct str name = str_cut(names, '/', &names);
        buf_addf(&out, "%s%.*s", out.n ? "/" : "", STR_ARG(value_text(value_get(values, name), STR_EMPTY)));
    }
    return value_string(t->arena, buf_str(&out));
}

static bool into_target(
    struct terraform *t, struct instance *one, const struct names_type *part, struct str by, struct str *why)
{
    struct said *properties = properties_of(t, one, false), *rest = said_new(t->arena, SAID_MAP, NULL);
    const struct value *name = part->key.n ? value_get(one->values, part->key) : NULL;
    struct str key = value_is_null(name) ? STR_EMPTY : value_scalar_text(t->arena, name);
    struct instance *target = find_target(t, part, by);
    if (!target) {
        *why = arena_printf(t->arena, "left out: %.*s is not among what is imported", STR_ARG(by));
        return false;
    }
    for (size_t i = 0; i < properties->n; i++)
        if (!leads_there(part, properties->entries[i].key) && !str_eq(properties->entries[i].key, part->key))
            said_set(t->arena, rest, properties->entries[i].key, properties->entries[i].value);
    struct said *attrs = part_attrs(t, part, rest, key, false, why);
    attrs = attrs ? attrs : part_attrs(t, part, rest, key, true, why);
    if (!attrs) {
        *why = arena_printf(t->arena, "left out: %.*s", STR_ARG(*why));
        return false;
    }
    parse_documents(t->arena, part->schema->attrs, part->schema->attr_count, attrs);
    if (!one->group->config)
        terraform_drop_zeros(t->arena, part, attrs);
    merge_maps(t->arena, target->attrs, attrs);
    one->target = target;
    return true;
}

static void fold_parts(struct terraform *t, struct group *group)
{
    const struct names_type *part = names_terraform(t->names, group->type);
    if (group->data || group->schema || !part || !part->into_by.n)
        return;
    for (size_t i = 0; i < group->n; i++) {
        const struct value *by = owner_of(t, part, group->instances[i]->values);
        size_t n = by && by->kind == VALUE_LIST ? by->count : 1;
        for (size_t k = 0; k < n; k++) {
            const struct value *one = by && by->kind == VALUE_LIST ? by->items[k] : by;
            into_target(t, group->instances[i], part, value_text(one, STR_EMPTY), &group->why);
        }
        if (group->why.n)
            diag_warning(t->draft->diags, (struct span){0}, "%.*s: %.*s",
                STR_ARG(group->instances[i]->address), STR_ARG(group->why));
    }
}

/* ---- ids ---- */

/* The account that ARNs of the state are in; p NULL: none says so. */
static struct str account_there(const struct terraform *t)
{
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; k < group->n; k++) {
            struct str rest = value_gets(group->instances[k]->values, "arn"), account = STR_EMPTY;
            for (int field = 0; field < 5; field++)
                account = str_cut(rest, ':', &rest);
            if (account.n)
                return account;
        }
    }
    return (struct str){NULL, 0};
}

/* A structure stands in an id as JSON. */
static struct str text_said(struct arena *arena, const struct said *s)
{
    const struct value *v = NULL;
    bool whole = s && s->kind == SAID_MAP && said_known(arena, s, &v);
    return whole ? json_as_text(arena, v)->string : said_literal_text(arena, s);
}

/* An attribute's text: as the file has it, or, where that is a reference, as the state has it. */
static struct str text_there(struct terraform *t, const struct instance *one, struct str name)
{
    if (str_eqz(name, "account"))
        return account_there(t);
    struct str text = text_said(t->arena, said_get(one->attrs, arena_strz(t->arena, name)));
    for (uint32_t i = 0; !text.p && one->values && i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        const struct names_rule *rule = names_rule(one->group->names, e->key);
        if (rule ? str_eq(rule->to, name) && !rule->values : names_same(e->key, name))
            text = value_text(e->value, (struct str){NULL, 0});
    }
    return text;
}

static struct str fit_filled(struct terraform *t, struct str template, const struct instance *one)
{
    AUTO_BUF struct buf out = BUF_INIT;
    while (template.n) {
        ptrdiff_t open = str_find(template, STR("${"), 0),
                  close = open < 0 ? -1 : str_find_char(template, '}', (size_t)open);
        if (close < 0)
            break;
        struct str filter, name = str_cut(str_slice(template, (size_t)open + 2, (size_t)close), '|', &filter);
        struct str text = text_there(t, one, name);
        bool folder = str_eqz(filter, "folder");
        if (!text.p && !folder)
            return STR_EMPTY;
        buf_add_str(&out, str_slice(template, 0, (size_t)open));
        if (!folder || (text.n && !str_eqz(text, "default")))
            buf_addf(&out, "%.*s%s", STR_ARG(text), folder ? "/" : "");
        template = str_slice(template, (size_t)close + 1, template.n);
    }
    buf_add_str(&out, template);
    return arena_str(t->arena, buf_str(&out));
}

static struct str own_id(struct terraform *t, const struct instance *one)
{
    const struct schema *schema = one->group->schema;
    const struct value *ids = one->group->names->ids;
    struct str given = said_literal_text(t->arena, said_get(one->attrs, arena_strz(t->arena, schema->id)));
    if (given.p)
        return given;
    if (str_eqz(schema->id, "arn") && value_gets(one->values, "arn").n)
        return value_gets(one->values, "arn");
    const struct spec_attr *attr = spec_attr_find(schema->impl, schema->id);
    bool made_of_others = attr && attr->template.n;
    struct str filled = made_of_others ? fit_filled(t, attr->template, one) : STR_EMPTY;
    if (filled.n || (made_of_others && !ids))
        return filled;
    if (ids && ids->count == 1) {
        const struct value *id = value_get(one->values, value_text(ids->items[0], STR_EMPTY));
        return value_is_null(id) ? STR_EMPTY : value_scalar_text(t->arena, id);
    }
    return value_gets(one->values, "id");
}

static struct str their_id(struct terraform *t, const struct instance *one)
{
    const struct schema *schema = one->group->schema;
    const struct value *ids = value_getz(cfn_published(t->arena, schema->name), "primaryIdentifier");
    AUTO_BUF struct buf out = BUF_INIT;
    for (uint32_t i = 0; ids && i < ids->count; i++) {
        struct str path = value_text(ids->items[i], STR_EMPTY),
                   name = str_slice(path, strlen("/properties/"), path.n);
        struct str text = said_literal_text(t->arena, said_get(one->attrs, arena_strz(t->arena, name)));
        for (uint32_t k = 0; !text.n && k < one->values->count; k++)
            if (names_same(one->values->entries[k].key, name) ||
                (str_ends(name, STR("Arn")) && str_eqz(one->values->entries[k].key, "arn")))
                text = value_text(one->values->entries[k].value, STR_EMPTY);
        if (!text.n)
            text = value_gets(one->values, "id");
        buf_addf(&out, "%s%.*s", i ? "|" : "", STR_ARG(text));
    }
    return arena_str(t->arena, buf_str(&out));
}

bool terraform_is_adopted(const struct group *group)
{
    return !group->names || !str_starts(group->schema->name, STR("weir.")) || group->names->ids;
}

/* One that is there or not: count = var.x ? 1 : 0. */
static bool is_switch(const struct group *group)
{
    return str_eqz(group->instances[0]->key, "0") && !value_getz(group->config, "for_each_expression");
}

/* ---- one that is several here ---- */

static void add_copy(
    struct terraform *t, struct group *group, struct instance *one, struct str attr, const struct value *v)
{
    const struct names_type *type = names_terraform(t->names, group->type);
    struct instance *copy = ARENA_NEW(t->arena, struct instance);
    struct str text = value_scalar_text(t->arena, v);
    *copy = *one;
    copy->key = one->has_key ? arena_printf(t->arena, "%.*s %.*s", STR_ARG(one->key), STR_ARG(text)) : text;
    copy->has_key = true;
    for (uint32_t i = 0; i < type->split->count; i++)
        copy->values = value_with(
            t->arena, copy->values, value_text(type->split->items[i], STR_EMPTY), &value_empty_list);
    copy->values = value_with(t->arena, copy->values, attr, value_list(t->arena, &v, 1));
    ARENA_GROW(t->arena, group->instances, group->n, group->cap);
    group->instances[group->n++] = copy;
}

/* A rule for several ranges of addresses: as many rules. */
static void fit_split(struct terraform *t, struct group *group)
{
    const struct names_type *type = names_terraform(t->names, group->type);
    struct instance **before = group->instances;
    size_t n = group->n;
    if (!type || !type->split)
        return;
    group->instances = NULL;
    group->n = group->cap = 0;
    for (size_t i = 0; i < n; i++) {
        size_t values = 0;
        for (uint32_t k = 0; k < type->split->count; k++) {
            const struct value *list =
                value_get(before[i]->values, value_text(type->split->items[k], STR_EMPTY));
            values += list && list->kind == VALUE_LIST ? list->count : 0;
        }
        for (uint32_t k = 0; values > 1 && k < type->split->count; k++) {
            struct str attr = value_text(type->split->items[k], STR_EMPTY);
            const struct value *list = value_get(before[i]->values, attr);
            for (uint32_t m = 0; list && list->kind == VALUE_LIST && m < list->count; m++)
                add_copy(t, group, before[i], attr, list->items[m]);
        }
        if (values > 1)
            continue;
        ARENA_GROW(t->arena, group->instances, group->n, group->cap);
        group->instances[group->n++] = before[i];
    }
}

void terraform_fit(struct terraform *t)
{
    for (size_t i = 0; i < t->groups.n; i++)
        fit_split(t, t->groups.items[i].ptr);
    for (size_t i = 0; i < t->groups.n; i++) {
        struct group *group = t->groups.items[i].ptr;
        if (!group->data)
            fit_decide(t, group);
    }
    for (size_t i = 0; i < t->groups.n; i++)
        fold_parts(t, t->groups.items[i].ptr);
    for (size_t i = 0; i < t->groups.n; i++) {
        struct group *group = t->groups.items[i].ptr;
        group->folded = group->n > 1 || (group->n == 1 && group->instances[0]->has_key && !is_switch(group));
        for (size_t k = 0; group->schema && terraform_is_adopted(group) && k < group->n; k++)
            group->instances[k]->id =
                group->names ? own_id(t, group->instances[k]) : their_id(t, group->instances[k]);
    }
}
