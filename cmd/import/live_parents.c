/* Finds the resources of a type: listed, listed for each parent, or read one by one: see live.h. */
#include "cmd/import/live.h"

#include "provider/cfn/cfn.h"
#include "provider/spec/spec.h"

/* Returns CloudFormation's schema of the type; NULL: not a CloudFormation type, or not published. */
static const struct value *live_published(struct live *l, const struct schema *schema)
{
    return str_find(schema->name, STR("::"), 0) >= 0 ? cfn_published(l->arena, schema->name) : NULL;
}

const struct spec_type *live_spec(const struct schema *schema)
{
    return str_starts(schema->name, STR("aws.")) ? schema->impl : NULL;
}

/* Returns the listing call of the type; NULL: none, or the type is not in a spec. */
static const struct spec_step *listing_of(const struct schema *schema, struct spec_names *needs)
{
    const struct spec_type *type = live_spec(schema);
    *needs = (struct spec_names){NULL, 0};
    return type && schema->ops->ids ? spec_ids_step(type, needs) : NULL;
}

/* ---- parents of resources ---- */

static struct str without_suffix(struct str attr)
{
    static const char *const suffixes[] = {"_arn", "_id", "_name"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (str_ends(attr, str_z(suffixes[i])))
            return str_slice(attr, 0, attr.n - strlen(suffixes[i]));
    return attr;
}

/* Returns the type that an attribute refers to: of the same service, with the attribute's name or with a name
 * that ends in it, as table_bucket for `bucket`. NULL: none. */
static const struct schema *named_by(struct live *l, const struct schema *schema, struct str attr)
{
    size_t n, service = str_after_last(schema->name, ".");
    struct str prefix = str_slice(schema->name, 0, service), word = without_suffix(attr), ending = STR_EMPTY;
    struct str exact = arena_printf(l->arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(word));
    struct str whole = arena_printf(l->arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(attr));
    const struct str *types = catalog_names(l->draft->catalog, false, &n);
    for (size_t i = 0; i < n; i++) {
        if (str_eq(types[i], schema->name) || !str_starts(types[i], prefix))
            continue;
        if (str_eq(types[i], exact) || str_eq(types[i], whole)) /* a type such as domain_name */
            return catalog_find(l->draft->catalog, types[i], false, ERR_IGNORED);
        if (str_ends(types[i], word) && types[i].p[types[i].n - word.n - 1] == '_')
            ending = types[i];
    }
    return ending.n ? catalog_find(l->draft->catalog, ending, false, ERR_IGNORED) : NULL;
}

/* Returns the type whose resources must be known before this type can be listed, or NULL. */
static const struct schema *parent_of(struct live *l, const struct schema *schema)
{
    struct spec_names needs;
    return listing_of(schema, &needs) && needs.count ? named_by(l, schema, needs.items[needs.count - 1])
                                                     : NULL;
}

/* ---- types without listing ---- */

/*
 * Determines the possible resources of a type without listing: account settings exist once, a function's
 * settings once for each function. Sets the attribute that names the parent, and its type. Returns false if
 * the possible resources are unknown.
 */
static bool follows_from(
    struct live *l, const struct schema *schema, struct str *attr, const struct schema **parent)
{
    const struct spec_type *type = live_spec(schema);
    const struct spec_attr *id = type ? spec_attr_find(type, schema->id) : NULL;
    *attr = STR_EMPTY;
    *parent = NULL;
    if (!id || !schema->ops->read || (!id->template.n && !id->attr->settable))
        return false;
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct attr *a = type->attrs[i].attr;
        bool part = id->template.n ? spec_template_has(id->template, a->name) : a == id->attr;
        if (!part || a->default_value)
            continue;
        if (!a->settable || parent[0] || !(*parent = named_by(l, schema, a->name)))
            return false;
        *attr = a->name;
    }
    return true;
}

/* ---- whether all resources can be found ---- */

/* Returns the attribute that a listing requires and that is not known from parents, or "". */
static struct str listed_for(struct live *l, const struct schema *schema)
{
    struct spec_names needs;
    const struct value *published = live_published(l, schema);
    const struct value *wanted = value_getz(
        value_getz(value_getz(value_getz(published, "handlers"), "list"), "handlerSchema"), "required");
    if (published)
        return wanted && wanted->count ? value_text(wanted->items[0], STR_EMPTY) : STR_EMPTY;
    return !listing_of(schema, &needs) || !needs.count || parent_of(l, schema) ? STR_EMPTY : needs.items[0];
}

bool live_is_listed(struct live *l, const struct schema *schema)
{
    const struct value *published = live_published(l, schema);
    if (published)
        return value_getz(value_getz(published, "handlers"), "list") != NULL;
    struct spec_names needs;
    return listing_of(schema, &needs) || (schema->ops->list && !schema->ops->ids);
}

int live_check_listed(struct live *l, const struct schema *schema, struct err *err)
{
    const struct schema *parent;
    struct spec_names needs;
    struct str rest, named = listed_for(l, schema), attr;
    struct str provider = schema->provider.n ? schema->provider : str_cut(schema->name, '.', &rest);
    if (!str_eqz(provider, "aws")) {
        err_set(err, ERR_USAGE, "%.*s is not in an AWS account", STR_ARG(schema->name));
        return err_hint(err, "`import live` reads AWS accounts; write it into the stack and import it by "
                             "its id (`imports:`)");
    }
    if (!live_is_listed(l, schema)
            ? !follows_from(l, schema, &attr, &parent)
            : schema->listed_per_parent && !listing_of(schema, &needs)) /* such as objects */
        err_set(err, ERR_USAGE, "%.*s cannot be listed", STR_ARG(schema->name));
    else if (named.n)
        err_set(
            err, ERR_USAGE, "%.*s can only be listed for each `%.*s`", STR_ARG(schema->name), STR_ARG(named));
    else
        return 0;
    return err_hint(err, schema->tags.n || schema_attr(schema, STR("tags"))
                             ? "--tag KEY=VALUE finds what has a tag; or write it into the stack and import "
                               "it by its id (`imports:`)"
                             : "write it into the stack and import it by its id (`imports:`)");
}

/* ---- collecting parents ---- */

struct parents {
    struct live *l;
    const struct schema *schema, *of; /* the type to find, and the type of its parent */
    struct spec_names per;
    const struct value **priors;
    size_t n, cap;
};

/* Returns the parent's attribute that the listing needs: its ARN if the part's attribute is one, else its id,
 * or its name if the id has more parts or the part's ARN contains the name. */
static struct str named_as(const struct parents *p, struct str attr)
{
    const struct spec_attr *arn = spec_attr_find(p->schema->impl, STR("arn"));
    if (str_ends(attr, STR("_arn")) || str_starts(schema_attr(p->schema, attr)->pattern, STR("arn:")))
        return STR("arn");
    bool within = arn && str_eqz(p->of->id, "arn") && spec_template_has(arn->template, attr);
    return p->per.count > 1 || within ? STR("name") : p->of->id;
}

/* Adds the attributes of this parent, and of its own parents, that the listing needs. */
static void on_parent(void *ctx, const struct value *parent)
{
    struct parents *p = ctx;
    struct arena *arena = p->l->arena;
    const struct value *prior = NULL;
    for (size_t i = 0; i < p->per.count; i++) {
        struct str attr = p->per.items[i], from = i + 1 < p->per.count ? attr : named_as(p, attr);
        const struct value *v = value_get(parent, from);
        if (v)
            prior = value_with(arena, prior, attr, value_copy(arena, v));
    }
    ARENA_GROW(arena, p->priors, p->n, p->cap);
    p->priors[p->n++] = prior;
}

/* ---- resources of a part instead of the whole: the URL of a function or of one of its aliases ---- */

struct part_priors {
    struct parents *parents;
    struct str attr; /* the attribute that names the part */
};

static void on_part(void *ctx, const struct value *part)
{
    struct part_priors *to = ctx;
    struct parents *p = to->parents;
    struct str whole = p->per.items[p->per.count - 1];
    const struct value *name = value_getz(part, "name"), *of = value_get(part, whole);
    if (!name || !of)
        return;
    ARENA_GROW(p->l->arena, p->priors, p->n, p->cap);
    p->priors[p->n++] =
        value_with(p->l->arena, value_with(p->l->arena, NULL, whole, value_copy(p->l->arena, of)), to->attr,
            value_copy(p->l->arena, name));
}

/* Handles `refers: {alias: {qualifier: aws.lambda.alias}}` if the attribute is optional. */
static int add_parts(struct parents *p, struct err *err)
{
    for (size_t i = 0; p->per.count && i < p->schema->refer_count; i++) {
        const struct schema_refer *refer = &p->schema->refers[i];
        const struct attr *attr = schema_attr(p->schema, refer->attribute);
        struct part_priors to = {.parents = p, .attr = refer->attribute};
        if (attr && attr->default_value &&
            live_list(p->l, catalog_find(p->l->draft->catalog, refer->type, false, err), on_part, &to, err))
            return -1;
    }
    return 0;
}

/* Calls `found` for each possible resource with its id. */
static int think_of(struct live *l, const struct schema *schema, const struct parents *parents,
    resource_found *found, void *found_ctx, struct err *err)
{
    for (size_t i = 0; i < parents->n; i++) {
        const struct value *object = parents->priors[i], *whole;
        struct op_ctx op = lookup_context(l->lookup, schema);
        for (size_t k = 0; k < schema->attr_count; k++)
            if (schema->attrs[k].default_value && !value_get(object, schema->attrs[k].name))
                object = value_with(l->arena, object, schema->attrs[k].name, schema->attrs[k].default_value);
        if (schema->ops->predict(&op, object, NULL, &whole, err))
            return err_context(err, "listing %.*s", STR_ARG(schema->name));
        struct str id = value_text(value_get(whole, schema->id), STR_EMPTY);
        found(found_ctx, value_with(l->arena, parents->priors[i], schema->id, value_string(l->arena, id)));
    }
    return 0;
}

int live_list(
    struct live *l, const struct schema *schema, resource_found *found, void *found_ctx, struct err *err)
{
    struct parents parents = {.l = l, .schema = schema, .of = parent_of(l, schema)};
    struct str attr;
    bool listed = live_is_listed(l, schema);
    if (listed)
        (void)listing_of(schema, &parents.per);
    else if (follows_from(l, schema, &attr, &parents.of) && parents.of)
        parents.per = (struct spec_names){&attr, 1};
    if (parents.of && (live_list(l, parents.of, on_parent, &parents, err) || add_parts(&parents, err)))
        return err_context(err, "listing %.*s", STR_ARG(schema->name));
    if (parents.of && !parents.n)
        return 0;
    if (!listed && !parents.of)
        on_parent(&parents, NULL);
    if (!listed)
        return think_of(l, schema, &parents, found, found_ctx, err);
    if (lookup_list(l->lookup, schema, parents.priors, parents.n, found, found_ctx, err))
        return err_context(err, "listing %.*s", STR_ARG(schema->name));
    return 0;
}
