/* What a live stack has made, under the ids by which it is taken over. */
#include "cmd/import/template.h"
#include "provider/cfn/published.h"
#include "provider/spec/spec.h"

/* "bus/", and nothing where it is the attribute's default. */
static struct tree *as_folder(
    struct arena *arena, const struct schema *schema, struct str name, struct tree *value)
{
    const struct attr *attr = schema_attr(schema, name);
    struct tree *out = tree_new(arena, TREE_TEXT, NULL);
    if (!value || (attr && tree_is_text(value, value_text(attr->default_value, STR_EMPTY).p)))
        return out;
    tree_append(arena, out, value);
    tree_append(arena, out, tree_string(arena, STR("/"), NULL));
    return out;
}

/*
 * "${workgroup}/${name}" with the attributes' values, and the physical id for the one that it is; NULL where
 * one is not there.
 */
static struct tree *adopt_filled(
    struct arena *arena, const struct template_resource *declared, struct str template, struct str ref)
{
    const struct schema *schema = declared->resource->schema;
    const struct tree *attrs = declared->resource->attrs;
    struct tree *out = tree_new(arena, TREE_TEXT, NULL);
    struct str before, inner, filter;
    while (str_take_name(&template, "${", &before, &inner)) {
        struct str name = str_cut(inner, '|', &filter);
        struct tree *value = tree_get(attrs, arena_strz(arena, name));
        if (!value && str_eq(name, ref))
            value = tree_string(arena, declared->physical, NULL);
        if (str_eqz(filter, "folder"))
            value = as_folder(arena, schema, name, value);
        else if (filter.p)
            return NULL;
        if (!value)
            return NULL;
        tree_append(arena, out, tree_string(arena, before, NULL));
        tree_append(arena, out, value);
    }
    if (template.n)
        tree_append(arena, out, tree_string(arena, template, NULL));
    return tree_simple(arena, out);
}

/* Of what is known by something else than its id: an address by its IP, a server by its ARN. */
static struct tree *listed_id(struct template *t, const struct template_resource *declared, struct str ref)
{
    const struct schema *schema = declared->resource->schema;
    struct look look = t->live->look;
    const struct value *object = NULL;
    struct err err = ERR_INIT;
    if (!look.provider || !ref.n)
        return NULL;
    if (str_starts(declared->physical, STR("arn:")) && schema->ops->by_arn &&
        look_by_arn(&look, schema, declared->physical, &object, &err) == 0 &&
        value_gets(object, schema->id.p).n)
        return tree_string(t->arena, value_gets(object, schema->id.p), NULL);
    if (look_find(&look, schema, ref, declared->physical, &object, &err))
        return NULL;
    struct str id = value_gets(object, schema->id.p);
    return id.n ? tree_string(t->arena, id, NULL) : NULL;
}

static struct tree *own_id(struct template *t, const struct template_resource *declared)
{
    const struct schema *schema = declared->resource->schema;
    struct str ref = names_output(declared->names, t->arena, STR("Ref"));
    if (str_eq(ref, schema->id) && declared->physical.n)
        return tree_string(t->arena, declared->physical, NULL);
    struct tree *given = tree_get(declared->resource->attrs, arena_strz(t->arena, schema->id));
    if (given)
        return given;
    const struct spec_attr *attr = spec_attr_find(schema->impl, schema->id);
    if (attr && attr->template.n)
        return adopt_filled(t->arena, declared, attr->template, ref);
    return listed_id(t, declared, ref);
}

/* The identifier of CloudFormation's own: its parts, of which the physical id is one. */
static struct tree *their_id(struct template *t, const struct template_resource *declared)
{
    const struct schema *schema = declared->resource->schema;
    const struct value *ids = value_getz(cfn_published(t->arena, schema->name), "primaryIdentifier");
    struct str ref = template_ref_property(t, schema);
    struct tree *out = tree_new(t->arena, TREE_TEXT, NULL);
    for (uint32_t i = 0; ids && i < ids->count; i++) {
        struct str path = value_text(ids->items[i], STR_EMPTY),
                   name = str_slice(path, strlen("/properties/"), path.n);
        struct tree *given = tree_get(declared->resource->attrs, arena_strz(t->arena, name));
        const struct attr *attr = schema_attr(schema, name);
        bool is_physical =
            str_eq(name, ref) || ids->count == 1 || (!ref.n && !given && attr && !attr->settable);
        struct tree *part = is_physical ? tree_string(t->arena, declared->physical, NULL) : given;
        if (!part)
            return NULL;
        if (i)
            tree_append(t->arena, out, tree_string(t->arena, STR("|"), NULL));
        tree_append(t->arena, out, part);
    }
    return ids ? tree_simple(t->arena, out) : NULL;
}

struct tree *template_import_id(struct template *t, const struct template_resource *declared)
{
    if (str_starts(declared->type, STR("aws."))) /* what was split off from something, by that one's id */
        return tree_string(t->arena, declared->physical, NULL);
    return declared->names ? own_id(t, declared) : their_id(t, declared);
}
