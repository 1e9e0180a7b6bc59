/* Converts reported values of a resource to attributes of a stack: see live.h. */
#include "cmd/import/live.h"

#include "cmd/import/mapping.h"
#include "provider/cfn/cfn.h"
#include "provider/iam/policy.h"
#include "provider/spec/spec.h"

struct settings {
    struct live *l;
    const struct live_resource *one;
    struct tree *attrs;
    struct buf *comment;
    const struct value *answers;
};

void live_comment(struct buf *comment, const char *format, ...)
{
    AUTO_BUF struct buf line = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_addvf(&line, format, args);
    va_end(args);
    buf_addz(comment, "# ");
    diag_add_text(comment, buf_str(&line));
    buf_add_char(comment, '\n');
}

/* Tells the reader of the draft what is missing. */
static void not_configured(struct settings *s, struct str name, struct str why)
{
    live_comment(s->comment, "not configured: %.*s, %.*s", STR_ARG(name), STR_ARG(why));
}

/* ---- values ---- */

/* Returns whether the attribute is left out because another one excludes it. A service may report both: the
 * one that declares the conflict is left out, or if both do, the earlier one in the spec. */
static bool loses(const struct attr *attrs, size_t n, const struct attr *attr, const struct value *object)
{
    for (size_t i = 0; i < n; i++) {
        const struct attr *other = &attrs[i];
        if (other == attr || value_is_empty(value_get(object, other->name)))
            continue;
        bool here = str_eq(attr->conflicts, other->name), there = str_eq(other->conflicts, attr->name);
        if (here && (!there || other > attr))
            return true;
    }
    return false;
}

/* Removes fields that other fields exclude, at any depth. */
static const struct value *without_losers(struct arena *arena, const struct type *type, const struct value *v)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (type->kind == TYPE_OBJECT && v->kind == VALUE_MAP) {
        for (size_t i = 0; i < type->field_count; i++) {
            const struct attr *field = &type->fields[i];
            const struct value *held = value_get(v, field->name);
            if (held && !loses(type->fields, type->field_count, field, v))
                value_builder_set(&b, field->name, without_losers(arena, field->type, held));
        }
        return value_mark(arena, value_builder_map(&b), v->marks);
    }
    if (!type->elem || (v->kind != VALUE_LIST && v->kind != VALUE_MAP))
        return v;
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->kind == VALUE_MAP)
            value_builder_set(&b, v->entries[i].key, without_losers(arena, type->elem, v->entries[i].value));
        else
            value_builder_add(&b, without_losers(arena, type->elem, v->items[i]));
    }
    return value_mark(arena, v->kind == VALUE_MAP ? value_builder_map(&b) : value_builder_list(&b), v->marks);
}

/* Removes the service's own tags and weir's ownership tags. */
static const struct value *own_tags(struct arena *arena, const struct value *tags)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < tags->count; i++)
        if (!str_starts(tags->entries[i].key, STR("aws:")) && !str_starts(tags->entries[i].key, STR("weir:")))
            value_builder_set(&out, tags->entries[i].key, tags->entries[i].value);
    return value_builder_map(&out);
}

/* Returns the value for the draft, or NULL. */
static const struct value *setting_of(const struct settings *s, const struct attr *attr)
{
    struct arena *arena = s->l->arena;
    const struct value *v = value_get(s->one->live, attr->name);
    if (attr->required && value_is_empty(v) && str_eqz(attr->name, "name"))
        return value_string(arena, str_last_part(s->one->id, ":/"));
    if (attr->required && v && v->kind == VALUE_STRING && !v->string.n)
        return v; /* such as a filter pattern that matches every event */
    if (v && attr->type->kind == TYPE_TAGS && v->kind == VALUE_MAP)
        v = own_tags(arena, v);
    if (!attr->settable || (attr->weir_only && !attr->required) || value_is_empty(v) ||
        (!attr->required &&
            (attr->default_value ? attr_equal(attr, attr->default_value, v) : v == &value_false)))
        return NULL;
    if (attr->default_value && schema_is_others(arena, s->one->schema, attr, s->one->live))
        return NULL; /* the service chooses the value, and a new resource does not need it */
    if (attr->type->kind == TYPE_POLICY && str_eqz(value_gets(v, "Id"), "__default_policy_ID"))
        return NULL; /* the default policy of an SNS topic */
    return without_losers(arena, attr->type, v);
}

static struct tree *setting_given(struct live *l, const struct attr *attr, const struct value *v)
{
    struct tree *s = tree_of(l->arena, v);
    s->sensitive = attr->sensitive || value_is_sensitive(v);
    bool policies = attr->type->kind == TYPE_MAP && attr->type->elem->kind == TYPE_POLICY;
    return attr->type->kind == TYPE_POLICY ? mapping_policy(l->arena, mapping_policy_in_order(l->arena, s))
           : policies                      ? mapping_policy_in_order(l->arena, s)
                                           : s;
}

static bool is_taken(struct settings *s, const struct attr *attr, const struct value *v, struct str *message)
{
    const struct value *converted;
    struct schema_issue issue = {0};
    if (schema_convert(s->l->arena, attr, v, &converted, &issue)) {
        *message = issue.message;
        return false;
    }
    bool whole = attr->type->kind == TYPE_POLICY,
         each = attr->type->elem && attr->type->elem->kind == TYPE_POLICY;
    for (uint32_t i = 0; whole ? !i : each && i < v->count; i++) {
        struct err err = ERR_INIT;
        size_t statement;
        if (iam_policy_check(s->l->arena, whole ? v : v->entries[i].value,
                whole ? attr->type->place : attr->type->elem->place, &statement, &err)) {
            *message = arena_str(s->l->arena, str_z(err.message));
            return false;
        }
    }
    return true;
}

/* Removes fields that the type does not accept and lists them. NULL: the whole value is not accepted. */
static const struct value *what_is_taken(
    struct settings *s, const struct attr *attr, struct str path, const struct value *v, struct str *message)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(s->l->arena);
    if (is_taken(s, attr, v, message))
        return v;
    if (attr->type->kind != TYPE_OBJECT || v->kind != VALUE_MAP)
        return NULL;
    for (size_t i = 0; i < attr->type->field_count; i++) {
        const struct attr *field = &attr->type->fields[i];
        const struct value *held = value_get(v, field->name), *taken;
        struct str below = arena_printf(s->l->arena, "%.*s.%.*s", STR_ARG(path), STR_ARG(field->name));
        if (!held)
            continue;
        taken = what_is_taken(s, field, below, held, message);
        if (taken)
            value_builder_set(&b, field->name, taken);
        else if (field->required)
            return NULL;
        else
            not_configured(s, below, *message);
    }
    v = value_mark(s->l->arena, value_builder_map(&b), v->marks);
    return is_taken(s, attr, v, message) ? v : NULL;
}

/* Returns an input for a required value that no service reports. For an object: the fields in the type's
 * example. */
static struct tree *input_tree(struct settings *s, const struct attr *attr, struct str name)
{
    struct arena *arena = s->l->arena;
    struct tree *map = tree_new(arena, TREE_MAP, NULL);
    if (attr->type->kind != TYPE_OBJECT)
        return tree_code(
            arena, NULL, "%s", draft_ask(s->l->draft, name, "string", attr->doc, attr->sensitive).p);
    for (size_t i = 0; i < attr->type->field_count; i++) {
        const struct attr *field = &attr->type->fields[i];
        struct str key = arena_printf(arena, "%.*s:", STR_ARG(field->name));
        if (field->required || str_find(s->one->schema->example, key, 0) >= 0)
            tree_set(arena, map, field->name,
                input_tree(s, field, arena_printf(arena, "%.*s_%.*s", STR_ARG(name), STR_ARG(field->name))));
    }
    return map;
}

/* Adds the attribute without values that the type does not accept, which are listed. Returns false if the
 * value is required. */
static bool add_setting(struct settings *s, const struct attr *attr, const struct value *v, struct str *why)
{
    const struct schema *schema = s->one->schema;
    struct str message = STR_EMPTY;
    if (loses(schema->attrs, schema->attr_count, attr, s->one->live))
        return true;
    v = what_is_taken(s, attr, attr->name, v, &message);
    if (!v && (attr->required || attr->replace_whole)) {
        *why = arena_printf(s->l->arena, "%.*s: %.*s", STR_ARG(attr->name), STR_ARG(message));
        return false;
    }
    if (!v)
        not_configured(s, attr->name, message);
    else
        tree_set(s->l->arena, s->attrs, attr->name, setting_given(s->l, attr, v));
    return true;
}

/* Adds an input; applying the draft does not change the live value. */
static void ask_for(struct settings *s, const struct attr *attr)
{
    struct arena *arena = s->l->arena;
    struct str input =
        arena_printf(arena, "%.*s_%.*s", STR_ARG(str_last_part(s->one->id, ":/")), STR_ARG(attr->name));
    struct tree *found = live_composed(s->l, s->one, attr, s->answers, s->comment);
    tree_set(arena, s->attrs, attr->name, found ? found : input_tree(s, attr, input));
    if (attr->replace)
        return;
    struct tree *lifecycle = tree_get(s->attrs, "lifecycle"), *ignored;
    if (!lifecycle) {
        lifecycle = tree_new(arena, TREE_MAP, NULL);
        tree_set(arena, lifecycle, STR("ignore_changes"), tree_new(arena, TREE_LIST, NULL));
        tree_set(arena, s->attrs, STR("lifecycle"), lifecycle);
    }
    ignored = tree_get(lifecycle, "ignore_changes");
    tree_add(arena, ignored, tree_string(arena, attr->name, NULL));
    live_comment(s->comment, "%s `%.*s`: ignore_changes leaves it as it is",
        found ? "No response says whether this is" : "No response has", STR_ARG(attr->name));
}

/* Returns whether no response contains the attribute. */
static bool is_unreported(const struct live_resource *one, const struct attr *attr)
{
    const struct spec_type *type = live_spec(one->schema);
    const struct spec_attr *known = type ? spec_attr_find(type, attr->name) : NULL;
    return known && !known->readable && attr->settable;
}

/* ---- settings for which weir has no attribute ---- */

/* Returns whether an attribute of the type reads this member of a response. */
static bool is_read(const struct spec_type *type, struct str member)
{
    for (size_t i = 0; i < type->attr_count; i++) {
        struct str rest, first = str_cut(type->attrs[i].read, '.', &rest);
        struct str plain = str_cut(first, '[', &rest);
        if (str_eq(plain, member))
            return true;
    }
    return false;
}

/* Returns whether the member is a settable CloudFormation property, and so a setting. */
static bool is_property(const struct value *published, struct str member)
{
    const struct value *properties = value_getz(published, "properties"),
                       *read_only = value_getz(published, "readOnlyProperties");
    for (uint32_t i = 0; properties && i < properties->count; i++) {
        struct str name = properties->entries[i].key;
        if (!str_ieq(name, member))
            continue;
        for (uint32_t k = 0; read_only && k < read_only->count; k++)
            if (str_ends(read_only->items[k]->string, name))
                return false;
        return true;
    }
    return false;
}

/* Returns whether everything in the value is empty or false. In XML false is a string. */
static bool says_nothing(const struct value *v)
{
    if (value_is_empty(v) || (v->kind == VALUE_BOOL && !v->boolean) ||
        str_eqz(value_text(v, STR_EMPTY), "false"))
        return true;
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        if (!says_nothing(v->entries[i].value))
            return false;
    return v->kind == VALUE_MAP;
}

static void name_unsupported(struct settings *s)
{
    const struct schema *schema = s->one->schema;
    const struct spec_type *type = live_spec(schema);
    const struct value *published = type && schema->cfn.n ? cfn_published(s->l->arena, schema->cfn) : NULL;
    for (uint32_t i = 0; published && s->answers && i < s->answers->count; i++) {
        const struct value *answer = s->answers->items[i];
        for (uint32_t k = 0; answer->kind == VALUE_MAP && k < answer->count; k++) {
            struct str member = answer->entries[k].key;
            const struct value *v = answer->entries[k].value;
            if (!says_nothing(v) && !is_read(type, member) && is_property(published, member))
                not_configured(s, member, STR("weir has no attribute for it"));
        }
    }
}

/* Returns whether the attribute describes an unreported one, as code_sha256 describes `code`. */
static bool goes_with_unreported(const struct live_resource *one, const struct attr *attr)
{
    for (size_t i = 0; attr->computed && i < one->schema->attr_count; i++) {
        const struct attr *other = &one->schema->attrs[i];
        if (other->required && is_unreported(one, other) && str_starts(attr->name, other->name) &&
            value_is_empty(value_get(one->live, other->name)))
            return true;
    }
    return false;
}

struct tree *live_settings(struct live *l, const struct live_resource *one, const struct value *answers,
    struct str *comment, struct str *why)
{
    AUTO_BUF struct buf lines = BUF_INIT;
    struct settings s = {.l = l,
        .one = one,
        .attrs = tree_new(l->arena, TREE_MAP, NULL),
        .comment = &lines,
        .answers = answers};
    struct names_type type = {.other = one->schema->name, .schema = one->schema};
    struct mapping mapping = {.draft = l->draft, .attrs = s.attrs, .type = &type, .why = STR_EMPTY};
    for (size_t i = 0; i < one->schema->attr_count; i++) {
        const struct attr *attr = &one->schema->attrs[i];
        const struct value *v = goes_with_unreported(one, attr) ? NULL : setting_of(&s, attr);
        if (v && !add_setting(&s, attr, v, why))
            return NULL;
        if (!v && attr->required && !attr->default_value && is_unreported(one, attr))
            ask_for(&s, attr);
    }
    if (!mapping_check(&mapping)) {
        *why = mapping.why;
        return NULL;
    }
    name_unsupported(&s);
    *comment = arena_str(l->arena, buf_str(&lines));
    return s.attrs;
}
