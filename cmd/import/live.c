/* Stacks from what is there: see live.h. */
#include "cmd/import/live.h"

#include "cmd/import/fit.h"
#include "provider/aws/tagging.h"
#include "provider/cfn/published.h"
#include "provider/mark.h"
#include "provider/spec/spec.h"

#include <stdlib.h>

/* Something that is there. */
struct there {
    const struct schema *schema;
    struct str id, arn, marked; /* marked: the address that its mark says; "" none */
    const struct value *live;
    struct draft_resource *resource; /* NULL: left out */
    struct map needs;                /* names of those that it refers to -> struct there */
};

struct owned {
    struct there *there;
    struct str attr;
};

struct live {
    struct arena *arena;
    struct draft *draft;
    struct look *look;
    struct there **items;
    size_t n, cap;
    struct map known;   /* "type id" */
    struct map by_text; /* ARNs, ids, names -> struct owned */
    const struct schema *listed;
    struct str marked; /* of what is being added */
};

/* ---- finding ---- */

static void live_add(struct live *l, const struct schema *schema, struct str id, struct str arn)
{
    struct str key = arena_printf(l->arena, "%.*s %.*s", STR_ARG(schema->name), STR_ARG(id));
    if (!id.n || map_get(&l->known, key))
        return;
    ARENA_GROW(l->arena, l->items, l->n, l->cap);
    struct there *one = ARENA_NEW(l->arena, struct there);
    *one = (struct there){.schema = schema,
        .id = arena_str(l->arena, id),
        .arn = arena_str(l->arena, arn),
        .marked = l->marked};
    map_set(&l->known, key, one);
    l->items[l->n++] = one;
}

static struct str last_part(struct str id)
{
    for (size_t i = id.n; i; i--)
        if (id.p[i - 1] == ':' || id.p[i - 1] == '/')
            return str_slice(id, i, id.n);
    return id;
}

/* Which of weir's types an ARN is of. */
static bool add_arn(struct live *l, struct str arn)
{
    size_t n;
    const struct str *types = catalog_names(l->draft->catalog, false, &n);
    for (size_t i = 0; i < n; i++) {
        struct err err = ERR_INIT;
        const struct value *object = NULL;
        const struct schema *schema =
            str_starts(types[i], STR("aws.")) ? catalog_find(l->draft->catalog, types[i], false, &err) : NULL;
        if (!schema || !schema->ops->by_arn || look_by_arn(l->look, schema, arn, &object, &err) || !object)
            continue;
        const struct value *live = NULL, *named = object;
        if (!value_gets(object, schema->id.p).n && schema->ops->namesake && /* a queue is known by its URL */
            (look_namesake(l->look, schema, named, &object, &err) || !object))
            continue;
        struct str id = value_gets(object, schema->id.p);
        bool sure = !str_eq(id, arn); /* of what is known by its ARN only a look tells which type it is */
        if (!id.n || (!sure && (look_at(l->look, schema, id, &live, &err) || !live)))
            continue;
        live_add(l, schema, id, arn);
        return true;
    }
    return false;
}

static void on_tagged(void *ctx, struct str arn, const struct value *tags)
{
    struct live *l = ctx;
    struct str marked = value_gets(tags, "weir:address");
    l->marked = arena_str(l->arena, marked);
    arn = arena_str(l->arena, arn);
    if (add_arn(l, arn))
        return;
    l->draft->left_out++;
    draft_row(l->draft, arn, STR("-"),
        STR("left out: no type of weir's own has such ARNs; --type AWS::Service::Type lists one of "
            "CloudFormation's"));
}

static void on_listed(void *ctx, const struct value *live)
{
    struct live *l = ctx;
    live_add(l, l->listed, value_gets(live, l->listed->id.p), value_gets(live, "arn"));
}

/* CloudFormation's schema of the type; NULL: it is not CloudFormation's, or none is published. */
static const struct value *live_published(struct live *l, const struct schema *schema)
{
    return str_find(schema->name, STR("::"), 0) >= 0 ? cfn_published(l->arena, schema->name) : NULL;
}

/* What has to be known before anything can be listed: a rule's listener, the ids themselves. "" nothing. */
static struct str listed_for(struct live *l, const struct schema *schema)
{
    const struct spec_type *type = schema->impl;
    const struct value *published = live_published(l, schema);
    const struct value *wanted = value_getz(
        value_getz(value_getz(value_getz(published, "handlers"), "list"), "handlerSchema"), "required");
    if (published)
        return wanted && wanted->count ? value_text(wanted->items[0], STR_EMPTY) : STR_EMPTY;
    if (!str_starts(schema->name, STR("aws.")) || !type || !type->list.count)
        return STR_EMPTY;
    const struct spec_step *first = &type->list.items[0];
    return first->list.per.count ? first->list.per.items[0] : first->list.of ? schema->id : STR_EMPTY;
}

static bool is_listed(struct live *l, const struct schema *schema)
{
    const struct value *published = live_published(l, schema);
    if (published)
        return value_getz(value_getz(published, "handlers"), "list") != NULL;
    return schema->ops->list && (schema->bulk || str_find(schema->name, STR("::"), 0) >= 0);
}

/* Why not everything of a type can be found; 0: it can. */
static int check_listed(struct live *l, const struct schema *schema, struct err *err)
{
    struct str rest, named = listed_for(l, schema);
    struct str provider = schema->provider.n ? schema->provider : str_cut(schema->name, '.', &rest);
    if (!str_eqz(provider, "aws")) {
        err_set(err, ERR_USAGE, "%.*s is not in an AWS account", STR_ARG(schema->name));
        return err_hint(err, "`import live` reads AWS accounts; write it into the stack and take it over by "
                             "its id (`imports:`)");
    }
    if (!is_listed(l, schema) || (schema->scattered && !named.n)) /* objects of a bucket */
        err_set(err, ERR_USAGE, "%.*s cannot be listed", STR_ARG(schema->name));
    else if (named.n)
        err_set(
            err, ERR_USAGE, "%.*s can only be listed for each `%.*s`", STR_ARG(schema->name), STR_ARG(named));
    else
        return 0;
    return err_hint(err, schema->tags.n || schema_attr(schema, STR("tags"))
                             ? "--tag KEY=VALUE finds what bears a tag; or write it into the stack and take "
                               "it over by its id (`imports:`)"
                             : "write it into the stack and take it over by its id (`imports:`)");
}

static int find_all(struct live *l, const struct live_wanted *wanted, struct err *err)
{
    struct aws_client *client = provider_aws(l->look->provider);
    if (wanted->tag_key.n) {
        const struct aws_tagged tagged = {.type = STR_EMPTY,
            .filters = aws_tag_filter(l->arena, arena_strz(l->arena, wanted->tag_key), wanted->tag_value)};
        if (aws_tagged(client, l->arena, &tagged, on_tagged, l, err))
            return err_context(err, "asking the tagging API");
    }
    for (size_t i = 0; i < wanted->type_count; i++) {
        l->listed = catalog_find(l->draft->catalog, wanted->types[i], false, err);
        if (!l->listed)
            return -1;
        if (check_listed(l, l->listed, err))
            return -1;
        if (look_list(l->look, l->listed, on_listed, l, err))
            return err_context(err, "listing %.*s", STR_ARG(wanted->types[i]));
    }
    return 0;
}

/* In the order of their types and ids, whatever order they came in. */
static int by_type_and_id(const void *a, const void *b)
{
    const struct there *x = *(struct there *const *)a, *y = *(struct there *const *)b;
    int types = str_cmp(x->schema->name, y->schema->name);
    return types ? types : str_cmp(x->id, y->id);
}

/* ---- what it is like ---- */

/* Without the service's own tags and weir's marks. */
static const struct value *own_tags(struct arena *arena, const struct value *tags)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < tags->count; i++)
        if (!str_starts(tags->entries[i].key, STR("aws:")) && !str_starts(tags->entries[i].key, STR("weir:")))
            value_builder_set(&out, tags->entries[i].key, tags->entries[i].value);
    return value_builder_map(&out);
}

static struct said *live_attribute(struct live *l, const struct there *one, const struct attr *attr)
{
    const struct value *v = value_get(one->live, attr->name);
    if (attr->required && value_is_empty(v) && str_eqz(attr->name, "name"))
        return said_string(l->arena, last_part(one->id), NULL);
    if (v && attr->type->kind == TYPE_TAGS && v->kind == VALUE_MAP)
        v = own_tags(l->arena, v);
    bool is_default =
        v && (attr->default_value ? attr_equal(attr, attr->default_value, v) : v == &value_false);
    if (!attr->settable || attr->steers || value_is_empty(v) || (is_default && !attr->required) ||
        (attr->computed && !attr->required))
        return NULL;
    if (attr->type->kind == TYPE_POLICY && str_eqz(value_gets(v, "Id"), "__default_policy_ID"))
        return NULL; /* what SNS gives every topic */
    struct said *s = said_of(l->arena, v);
    s->sensitive = attr->sensitive || value_is_sensitive(v);
    bool policies = attr->type->kind == TYPE_MAP && attr->type->elem->kind == TYPE_POLICY;
    return attr->type->kind == TYPE_POLICY ? fit_policy(l->arena, fit_policy_in_order(l->arena, s))
           : policies                      ? fit_policy_in_order(l->arena, s)
                                           : s;
}

static struct str kind_of(const struct there *one)
{
    struct str type = one->schema->name;
    for (size_t i = type.n; i; i--)
        if (type.p[i - 1] == '.' || type.p[i - 1] == ':')
            return str_slice(type, i, type.n);
    return type;
}

static struct str wanted_name(const struct there *one)
{
    const struct value *tags = value_get(one->live, one->schema->tags.n ? one->schema->tags : STR("tags"));
    struct str named = value_gets(tags, "Name"), name = value_gets(one->live, "name");
    ptrdiff_t bracket = str_find_char(one->marked, '[', 0);
    if (one->marked.n)
        return bracket < 0 ? one->marked : str_slice(one->marked, 0, (size_t)bracket);
    if (named.n || name.n)
        return named.n ? named : last_part(name);
    bool telling = str_find_char(one->id, '/', 0) >= 0 || str_starts(one->id, STR("arn:")) ||
                   str_find_char(one->id, '-', 0) < 0;
    return telling ? last_part(one->id) : kind_of(one);
}

static void leave_out(struct live *l, const struct there *one, struct str why)
{
    l->draft->left_out++;
    draft_row(l->draft, one->id, STR("-"), arena_printf(l->arena, "left out: %.*s", STR_ARG(why)));
}

static void live_describe(struct live *l, struct there *one)
{
    struct err err = ERR_INIT;
    if (look_at(l->look, one->schema, one->id, &one->live, &err) || !one->live) {
        leave_out(l, one,
            one->live               ? str_z(err.message)
            : err.class == ERR_NONE ? STR("it is not there any more")
                                    : str_z(err.message));
        return;
    }
    struct fit fit = {.draft = l->draft, .attrs = said_new(l->arena, SAID_MAP, NULL)};
    struct names_type type = {.other = one->schema->name, .schema = one->schema};
    fit.type = &type;
    fit.why = STR_EMPTY;
    for (size_t i = 0; i < one->schema->attr_count; i++) {
        struct said *s = live_attribute(l, one, &one->schema->attrs[i]);
        if (s)
            said_set(l->arena, fit.attrs, one->schema->attrs[i].name, s);
    }
    if (!fit_check(&fit)) {
        leave_out(l, one, fit.why);
        return;
    }
    one->resource = draft_resource(l->draft);
    one->resource->name = draft_name(l->draft, arena_str(l->arena, wanted_name(one)), kind_of(one));
    one->resource->attrs = fit.attrs;
    one->resource->schema = one->schema;
    one->resource->type = one->schema->name;
}

/* ---- references ---- */

static void know(struct live *l, struct there *one, struct str attr)
{
    struct str text = value_gets(one->live, arena_strz(l->arena, attr));
    text = !text.n && str_eqz(attr, "arn") ? one->arn : text;
    struct owned *there = text.n >= 3 ? map_get(&l->by_text, text) : NULL;
    if (text.n < 3)
        return;
    if (there) { /* two have it: neither is meant */
        there->there = there->there == one ? one : NULL;
        return;
    }
    there = ARENA_NEW(l->arena, struct owned);
    *there = (struct owned){one, attr};
    map_set(&l->by_text, text, there);
}

static bool live_reaches(const struct there *from, const struct there *to, int depth)
{
    if (from == to || depth > 64)
        return true;
    for (size_t i = 0; i < from->needs.n; i++)
        if (live_reaches(from->needs.items[i].ptr, to, depth + 1))
            return true;
    return false;
}

/* The code of what a text is, or begins with; *n: so much of it. */
static struct str code_of(struct live *l, struct there *one, struct str text, size_t *n)
{
    for (*n = text.n; *n >= 3; --*n) {
        char next = *n < text.n ? text.p[*n] : 0;
        if (next && (!str_starts(text, STR("arn:")) || (next != '/' && next != ':')))
            continue;
        const struct owned *owned = map_get(&l->by_text, str_slice(text, 0, *n));
        if (!owned || !owned->there || !owned->there->resource || live_reaches(owned->there, one, 0))
            continue;
        map_set(&one->needs, owned->there->resource->name, owned->there);
        return arena_printf(
            l->arena, "%.*s.%.*s", STR_ARG(owned->there->resource->name), STR_ARG(owned->attr));
    }
    return STR_EMPTY;
}

static struct said *live_related(struct live *l, struct there *one, struct said *s)
{
    struct str text = said_literal_text(l->arena, s);
    size_t n;
    if (text.p && s->value->kind == VALUE_STRING && !s->sensitive) {
        struct str code = code_of(l, one, text, &n);
        if (!code.n)
            return s;
        struct said *out = said_new(l->arena, SAID_TEXT, NULL);
        said_append(l->arena, out, said_code(l->arena, NULL, "%s", code.p));
        said_append(l->arena, out, said_string(l->arena, str_slice(text, n, text.n), NULL));
        return said_simple(l->arena, out);
    }
    for (size_t i = 0; i < s->n; i++) {
        struct said **child = s->kind == SAID_MAP ? &s->entries[i].value : &s->items[i];
        *child = live_related(l, one, *child);
    }
    return s;
}

static void relate(struct live *l, struct there *one)
{
    struct said *attrs = one->resource->attrs;
    for (size_t i = 0; i < attrs->n; i++) {
        struct said_entry *e = &attrs->entries[i];
        const struct attr *attr = schema_attr(one->schema, e->key);
        bool own = str_eqz(e->key, "name") || str_eq(e->key, one->schema->id) ||
                   attr->type->kind == TYPE_TAGS || str_eqz(e->key, "description");
        if (!own)
            e->value = live_related(l, one, e->value);
        e->value = fit_hide(l->draft, e->value, one->resource->name, e->key, attr);
    }
}

/* ---- the whole ---- */

static struct str no_references(void *ctx, struct draft_reference *reference)
{
    (void)ctx;
    return reference->code;
}

int live_read(struct draft *draft, struct look *look, const struct live_wanted *wanted, struct err *err)
{
    struct live l = {.arena = draft->arena, .draft = draft, .look = look, .marked = STR_EMPTY};
    draft->settle = no_references;
    int status = find_all(&l, wanted, err);
    if (l.n)
        qsort(l.items, l.n, sizeof *l.items, by_type_and_id);
    for (size_t i = 0; !status && i < l.n; i++)
        live_describe(&l, l.items[i]);
    for (size_t i = 0; !status && i < l.n; i++)
        if (l.items[i]->resource) {
            know(&l, l.items[i], STR("arn"));
            know(&l, l.items[i], l.items[i]->schema->id);
            know(&l, l.items[i], STR("name"));
        }
    for (size_t i = 0; !status && i < l.n; i++) {
        struct there *one = l.items[i];
        if (!one->resource)
            continue;
        relate(&l, one);
        draft_import(draft, one->resource->name, said_string(l.arena, one->id, NULL));
        draft_row(draft, one->id,
            arena_printf(l.arena, "%.*s (%.*s)", STR_ARG(one->resource->name), STR_ARG(one->resource->type)),
            STR_EMPTY);
        draft->ours += str_starts(one->schema->name, STR("aws."));
        draft->theirs += !str_starts(one->schema->name, STR("aws."));
    }
    for (size_t i = 0; i < l.n; i++)
        map_release(&l.items[i]->needs);
    map_release(&l.known);
    map_release(&l.by_text);
    return status;
}
