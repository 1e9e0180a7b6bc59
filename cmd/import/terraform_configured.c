/* The configured attributes of an instance among all in the state; also instances that are several resources
 * in weir. */
#include "base/file.h"
#include "cmd/import/terraform.h"

#include "base/file.h"

#include <ctype.h>

/* ---- A state without a configuration has values of attributes that are not configured. Values that the
 * service fills in are listed with the names (`unconfigured:`). Zeros and false within blocks, values that
 * the type does not accept, and defaults count as not configured. */

/* ---- by the names ---- */

static bool is_unconfigured(
    struct arena *arena, const struct value *implied, struct str path, const struct tree *s)
{
    const struct value *v = value_get(implied, path);
    struct str text = v && !value_is_null(v) ? tree_literal_text(arena, s) : (struct str){NULL, 0};
    return v && (value_is_null(v) || (text.p && str_eq(text, value_scalar_text(arena, v))));
}

static void drop_unconfigured(
    struct arena *arena, const struct value *implied, struct tree *s, struct str path)
{
    size_t kept = 0;
    for (size_t i = 0; s->kind == TREE_LIST && i < s->n; i++)
        drop_unconfigured(arena, implied, s->items[i], arena_printf(arena, "%.*s[]", STR_ARG(path)));
    if (s->kind != TREE_MAP)
        return;
    for (size_t i = 0; i < s->n; i++) {
        struct tree_entry *e = &s->entries[i];
        struct str at = path.n ? arena_printf(arena, "%.*s.%.*s", STR_ARG(path), STR_ARG(e->key)) : e->key;
        if (is_unconfigured(arena, implied, at, e->value))
            continue;
        drop_unconfigured(arena, implied, e->value, at);
        s->entries[kept++] = *e;
    }
    s->n = kept;
}

/* ---- by the type ---- */

static bool is_zero(const struct value *v)
{
    return (v->kind == VALUE_INT && v->integer == 0) || (v->kind == VALUE_FLOAT && v->number == 0) ||
           (v->kind == VALUE_BOOL && !v->boolean);
}

static bool is_nothing(struct arena *arena, const struct names_type *type, const struct attr *attr,
    struct str path, bool within, const struct tree *s)
{
    const struct value *v, *converted;
    struct schema_issue issue = {0};
    if (s->kind != TREE_LITERAL || !tree_known(arena, s, &v) || value_list_has(type->zeros, path))
        return false;
    if (within && attr->default_value && !attr->required && attr_equal(attr, attr->default_value, v))
        return true;
    if (!is_zero(v))
        return false;
    bool refused = v->kind != VALUE_BOOL && schema_convert(arena, attr, v, &converted, &issue) != 0;
    return refused || (within && !attr->required && !attr->default_value);
}

/* Returns whether nothing in a block is configured although the type has required fields. */
static bool is_hollow(const struct type *type, const struct tree *s)
{
    if (type->kind == TYPE_LIST && s->kind == TREE_LIST && s->n == 1)
        return is_hollow(type->elem, s->items[0]);
    for (size_t i = 0; type->kind == TYPE_OBJECT && s->kind == TREE_MAP && !s->n && i < type->field_count;
         i++)
        if (type->fields[i].required && !type->fields[i].default_value)
            return true;
    return false;
}

static void drop_zeros(struct arena *arena, const struct names_type *type, const struct attr *attrs, size_t n,
    struct str path, struct tree *map);

/* Handles values within a type. */
static void drop_below(struct arena *arena, const struct names_type *names, const struct type *type,
    struct str path, struct tree *s)
{
    bool items = type->elem && (s->kind == TREE_LIST || s->kind == TREE_MAP);
    if (type->kind == TYPE_OBJECT)
        drop_zeros(arena, names, type->fields, type->field_count, path, s);
    for (size_t i = 0; items && i < s->n; i++)
        drop_below(arena, names, type->elem, arena_printf(arena, "%.*s[]", STR_ARG(path)),
            s->kind == TREE_LIST ? s->items[i] : s->entries[i].value);
}

static void drop_zeros(struct arena *arena, const struct names_type *type, const struct attr *attrs, size_t n,
    struct str path, struct tree *map)
{
    size_t kept = 0;
    if (map->kind != TREE_MAP)
        return;
    for (size_t i = 0; i < map->n; i++) {
        struct tree_entry *e = &map->entries[i];
        const struct attr *attr = attr_find(attrs, n, e->key);
        struct str at = path.n ? arena_printf(arena, "%.*s.%.*s", STR_ARG(path), STR_ARG(e->key)) : e->key;
        bool had = e->value->n > 0;
        if (attr)
            drop_below(arena, type, attr->type, at, e->value);
        bool emptied = attr && !attr->required && ((had && !e->value->n) || is_hollow(attr->type, e->value));
        if (!attr || (!emptied && !is_nothing(arena, type, attr, at, path.n > 0, e->value)))
            map->entries[kept++] = *e;
    }
    map->n = kept;
}

void terraform_drop_zeros(struct arena *arena, const struct names_type *type, struct tree *attrs)
{
    drop_zeros(arena, type, type->schema->attrs, type->schema->attr_count, STR_EMPTY, attrs);
}

/* ---- values ---- */

static bool is_blocks(const struct value *v)
{
    return v->kind == VALUE_LIST && v->count && v->items[0]->kind == VALUE_MAP;
}

/* Removes empty attributes of blocks that Terraform has as attributes, which list all possible members. */
static struct tree *tree_filled(struct arena *arena, const struct value *v)
{
    if (!is_blocks(v))
        return tree_of(arena, v);
    struct tree *list = tree_new(arena, TREE_LIST, NULL);
    for (uint32_t i = 0; i < v->count; i++) {
        struct tree *map = tree_new(arena, TREE_MAP, NULL);
        for (uint32_t k = 0; v->items[i]->kind == VALUE_MAP && k < v->items[i]->count; k++)
            if (!value_is_empty(v->items[i]->entries[k].value))
                tree_set(arena, map, v->items[i]->entries[k].key,
                    tree_filled(arena, v->items[i]->entries[k].value));
        tree_add(arena, list, v->items[i]->kind == VALUE_MAP ? map : tree_of(arena, v->items[i]));
    }
    return list;
}

/* Returns whether the value has only zeros. */
static bool is_void(const struct value *v)
{
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        return value_is_empty(v) || value_equal(v, &value_false) || (v->kind == VALUE_INT && !v->integer);
    for (uint32_t i = 0; i < v->count; i++)
        if (!is_void(v->kind == VALUE_MAP ? v->entries[i].value : v->items[i]))
            return false;
    return true;
}

/* Returns the configured part of a value: its blocks have attributes that the provider filled in. Blocks
 * within a block that the configuration does not have are dynamic, since providers rarely fill in blocks, and
 * if so with zeros. */
static struct tree *tree_value_of(
    struct arena *arena, const struct value *v, const struct value *expression, const struct value *sensitive)
{
    bool secret = sensitive && sensitive->kind == VALUE_BOOL && sensitive->boolean;
    bool blocks = is_blocks(v) && (!expression || expression->kind == VALUE_LIST);
    if (secret || !blocks) {
        struct tree *s = secret ? tree_of(arena, v) : tree_filled(arena, v);
        s->sensitive = secret;
        return s;
    }
    struct tree *list = tree_new(arena, TREE_LIST, NULL);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value *block = expression && expression->count == v->count ? expression->items[i] : NULL;
        struct tree *map = tree_new(arena, TREE_MAP, NULL);
        for (uint32_t k = 0; v->items[i]->kind == VALUE_MAP && k < v->items[i]->count; k++) {
            const struct value_entry *e = &v->items[i]->entries[k];
            const struct value *inner = value_get(block, e->key);
            const struct value *hidden = sensitive && sensitive->kind == VALUE_LIST && i < sensitive->count
                                             ? value_get(sensitive->items[i], e->key)
                                             : NULL;
            bool filled = block && !inner && (!is_blocks(e->value) || is_void(e->value));
            if (filled || value_is_empty(e->value))
                continue;
            tree_set(arena, map, e->key, tree_value_of(arena, e->value, inner, hidden));
        }
        tree_add(arena, list, map);
    }
    return list;
}

/* Returns whether only the provider sets the attribute. */
static bool is_never_given(struct str key)
{
    const struct node *computed = node_get(yaml_embedded("cmd/import/terraform.yaml"), "computed");
    for (uint32_t i = 0; i < computed->count; i++)
        if (str_eq(key, node_text(computed->items[i])))
            return true;
    return false;
}

/* Except attributes that are also a configurable name, as in an event's target. */
static bool is_never_configured(const struct names_type *type, struct str key)
{
    const struct names_rule *rule = type && !str_eqz(key, "id") ? names_rule(type, key) : NULL;
    if (rule && rule->to.n)
        return false;
    return str_is_any(key, "id arn tags_all timeouts region owner_id") || is_never_given(key);
}

/* Returns whether it is a zero or false of an attribute that weir's type does not have; these are not
 * reported. */
static bool is_foreign_zero(const struct names_type *type, const struct value_entry *e)
{
    const struct value *v = e->value;
    bool zero = (v->kind == VALUE_INT && !v->integer) || (v->kind == VALUE_BOOL && !v->boolean);
    return zero && type && type->schema && !type->into_by.n && !names_rule(type, e->key) &&
           !names_has_below(type, e->key) &&
           !names_attr(type, type->schema->attrs, type->schema->attr_count, true, e->key);
}

/* Adds the command of a local-exec, if the plan has it: commands with computed values are omitted there. */
static void add_command(struct terraform *t, const struct tf_instance *one, struct tree *map)
{
    static const char *const words[] = {"command", "working_dir", "environment"};
    const struct value *all = value_getz(one->group->config, "provisioners");
    for (uint32_t i = 0; all && all->kind == VALUE_LIST && i < all->count; i++) {
        const struct value *expressions = value_getz(all->items[i], "expressions");
        struct tree *command = tree_new(t->arena, TREE_MAP, NULL);
        if (!str_eqz(value_gets(all->items[i], "type"), "local-exec"))
            continue;
        for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
            const struct value *v = value_getz(value_getz(expressions, words[k]), "constant_value");
            if (!value_is_null(v))
                tree_set(t->arena, command, str_z(words[k]), tree_of(t->arena, v));
        }
        tree_set(t->arena, map, STR("local_exec"), command);
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

/* Returns the file of an object relative to the stack's folder. */
static const struct value *file_from_stack(struct terraform *t, const struct value *v)
{
    struct str file = value_text(v, STR_EMPTY);
    if (!file.n || file.p[0] == '/' || !t->draft->beside.n)
        return v;
    file = str_starts(file, STR("./")) ? str_slice(file, 2, file.n) : file;
    return value_string(t->arena, path_join(t->arena, t->draft->beside, file));
}

/* Returns the value; for one of which the state has only a digest, the configuration's constant or NULL. */
static const struct value *known_value(struct terraform *t, const struct names_type *type,
    const struct value_entry *e, const struct value *expression)
{
    if (is_digest(type, e))
        return value_getz(expression, "constant_value");
    bool file =
        str_eqz(e->key, "source") && type && type->schema && str_eqz(type->schema->name, "aws.s3.object");
    return file ? file_from_stack(t, e->value) : e->value;
}

/* With name_prefix the name is computed. */
static bool is_prefixed(struct terraform *t, const struct value *expressions, struct str key)
{
    return value_get(expressions, arena_printf(t->arena, "%.*s_prefix", STR_ARG(key))) != NULL;
}

/* Returns whether the attribute is required in weir and generated by Terraform if it is not configured: a
 * statement's id, a name. */
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

/* Returns whether the block is dynamic: it is in the plan's values but not in its configuration, and no
 * separate resource configures it. */
static bool is_dynamic(struct terraform *t, const struct tf_instance *one, struct str key)
{
    const struct names_type *type = terraform_names(t, one->group);
    const struct value *by = type ? value_get(type->blocks, key) : NULL;
    for (size_t i = 0; by && by->string.n && i < t->groups.n; i++)
        if (says_of(t->groups.items[i].ptr, by->string, value_gets(one->values, "id")))
            return false;
    return by;
}

/* `whole`: including values that the provider filled into blocks. Without a configuration the provider's
 * default_tags are unknown too, so all tags are the resource's own. */
struct tree *terraform_configured(struct terraform *t, const struct tf_instance *one, bool whole)
{
    const struct value *expressions = value_getz(one->group->config, "expressions");
    const struct names_type *type = terraform_names(t, one->group);
    struct tree *map = tree_new(t->arena, TREE_MAP, NULL);
    for (uint32_t i = 0; one->values && i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        const struct value *expression = value_get(expressions, e->key);
        bool configured = one->group->config
                              ? expression || is_prefixed(t, expressions, e->key) ||
                                    is_demanded(t, type, e->key) || is_dynamic(t, one, e->key)
                              : !is_never_configured(type, e->key) && !is_foreign_zero(type, e);
        if (str_eqz(e->key, "tags_all") && !one->group->config && !value_is_empty(e->value))
            tree_set(t->arena, map, STR("tags"), tree_of(t->arena, e->value));
        if (!configured || value_is_empty(e->value) || str_eqz(e->key, "tags_all") ||
            str_eqz(e->key, "timeouts"))
            continue;
        const struct value *v = known_value(t, type, e, expression);
        if (v)
            tree_set(t->arena, map, e->key,
                tree_value_of(t->arena, v, whole ? NULL : expression, value_get(one->sensitive, e->key)));
    }
    if (!one->group->config && type && type->unconfigured)
        drop_unconfigured(t->arena, type->unconfigured, map, STR_EMPTY);
    if (type && names_rule(type, STR("local_exec.command")))
        add_command(t, one, map);
    return map;
}

void terraform_note_digests(struct terraform *t, struct group *group)
{
    const struct names_type *type = terraform_names(t, group);
    const struct value *values = group->instances[0]->values,
                       *expressions = value_getz(group->config, "expressions");
    for (uint32_t i = 0; i < values->count; i++) {
        const struct value_entry *e = &values->entries[i];
        if (!is_digest(type, e) || known_value(t, type, e, value_get(expressions, e->key)))
            continue;
        group->why = arena_printf(t->arena, "%.*s%s`%.*s` is left out: the state has only a digest of it",
            STR_ARG(group->why), group->why.n ? "; " : "", STR_ARG(e->key));
        diag_warning(t->draft->diags, (struct span){0}, "%.*s: %.*s", STR_ARG(group_address(t->arena, group)),
            STR_ARG(group->why));
    }
}

static struct str plain_path(struct str path)
{
    while (str_starts(path, STR("./")))
        path = str_slice(path, 2, path.n);
    return path;
}

/* Returns the data source archive_file that creates the file, or NULL. */
static const struct value *archive_of(const struct terraform *t, struct str file)
{
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; str_eqz(group->type, "archive_file") && k < group->n; k++)
            if (str_eq(plain_path(value_gets(group->instances[k]->values, "output_path")), file))
                return group->instances[k]->values;
    }
    return NULL;
}

/* Converts a local file of code, or the source of its archive, to an artifact. Returns false if there is no
 * such file. */
static bool keep_as_artifact(
    struct terraform *t, struct group *group, const struct names_rule *rule, struct str file)
{
    struct draft *d = t->draft;
    const struct value *archive = archive_of(t, file);
    struct str source = plain_path(value_gets(archive, "source_dir")), within;
    source = source.n ? source : plain_path(value_gets(archive, "source_file"));
    bool zip = archive && source.n;
    source = zip ? source : file;
    struct tree *code =
        tree_get(group->instances[0]->attrs, arena_strz(t->arena, str_cut(rule->to, '.', &within)));
    if (group->n != 1 || !code || code->kind != TREE_MAP ||
        !path_exists(path_join(t->arena, d->from, source).p))
        return false;
    draft_artifact(d, arena_printf(t->arena, "%.*s_code", STR_ARG(group->name)),
        path_join(t->arena, d->beside, source), zip ? "zip" : "file", tree_get(code, "s3_bucket"), code);
    return true;
}

void terraform_note_files(struct terraform *t, struct group *group)
{
    const struct names_type *type = terraform_names(t, group);
    const struct value *values = group->instances[0]->values;
    for (uint32_t i = 0; type && i < values->count; i++) {
        const struct names_rule *rule = names_rule(type, values->entries[i].key);
        struct str file = plain_path(value_text(values->entries[i].value, STR_EMPTY));
        if (!rule || !rule->ask || !file.n || keep_as_artifact(t, group, rule, file))
            continue;
        group->why = arena_printf(t->arena, "%.*s%sput %.*s into the bucket that the input `%.*s` names",
            STR_ARG(group->why), group->why.n ? "; " : "", STR_ARG(file),
            STR_ARG(value_text(rule->ask->entries[0].value, STR_EMPTY)));
    }
}

/* ---- instances that are several resources ---- */

static void add_copy(
    struct terraform *t, struct group *group, struct tf_instance *one, struct str attr, const struct value *v)
{
    const struct names_type *type = terraform_names(t, group);
    struct tf_instance *copy = ARENA_NEW(t->arena, struct tf_instance);
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

/* Splits a rule for several address ranges into several rules. */
void terraform_split(struct terraform *t, struct group *group)
{
    const struct names_type *type = terraform_names(t, group);
    struct tf_instance **before = group->instances;
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
