/* What a live stack has made, under the ids by which it is taken over. */
#include "cmd/import/template.h"
#include "provider/cfn/published.h"
#include "provider/spec/spec.h"

/* "bus/", and nothing where it is the attribute's default. */
static struct said *as_folder(
    struct arena *arena, const struct schema *schema, struct str name, struct said *value)
{
    const struct attr *attr = schema_attr(schema, name);
    struct said *out = said_new(arena, SAID_TEXT, NULL);
    if (!value || (attr && said_is_text(value, value_text(attr->default_value, STR_EMPTY).p)))
        return out;
    said_append(arena, out, value);
    said_append(arena, out, said_string(arena, STR("/"), NULL));
    return out;
}

/* "${workgroup}/${name}" with the attributes' values; NULL where one is not there. */
static struct said *adopt_filled(
    struct arena *arena, const struct schema *schema, struct str template, const struct said *attrs)
{
    struct said *out = said_new(arena, SAID_TEXT, NULL);
    while (template.n) {
        ptrdiff_t open = str_find(template, STR("${"), 0),
                  close = open < 0 ? -1 : str_find_char(template, '}', (size_t)open);
        if (close < 0) {
            said_append(arena, out, said_string(arena, template, NULL));
            break;
        }
        struct str name = str_slice(template, (size_t)open + 2, (size_t)close);
        struct str filter;
        name = str_cut(name, '|', &filter);
        struct said *value = said_get(attrs, arena_strz(arena, name));
        if (str_eqz(filter, "folder"))
            value = as_folder(arena, schema, name, value);
        else if (filter.p)
            return NULL;
        if (!value)
            return NULL;
        said_append(arena, out, said_string(arena, str_slice(template, 0, (size_t)open), NULL));
        said_append(arena, out, value);
        template = str_slice(template, (size_t)close + 1, template.n);
    }
    return said_simple(arena, out);
}

static struct said *own_id(struct template *t, const struct thing *thing)
{
    const struct schema *schema = thing->resource->schema;
    struct str ref = names_output(thing->names, t->arena, STR("Ref"));
    if (str_eq(ref, schema->id) && thing->physical.n)
        return said_string(t->arena, thing->physical, NULL);
    struct said *given = said_get(thing->resource->attrs, arena_strz(t->arena, schema->id));
    if (given)
        return given;
    const struct spec_attr *attr = spec_attr_find(schema->impl, schema->id);
    return attr && attr->template.n ? adopt_filled(t->arena, schema, attr->template, thing->resource->attrs)
                                    : NULL;
}

/* The identifier of CloudFormation's own: its parts, of which the physical id is one. */
static struct said *their_id(struct template *t, const struct thing *thing)
{
    const struct schema *schema = thing->resource->schema;
    const struct value *ids = value_getz(cfn_published(t->arena, schema->name), "primaryIdentifier");
    struct str ref = template_ref_property(t, schema);
    struct said *out = said_new(t->arena, SAID_TEXT, NULL);
    for (uint32_t i = 0; ids && i < ids->count; i++) {
        struct str path = value_text(ids->items[i], STR_EMPTY),
                   name = str_slice(path, strlen("/properties/"), path.n);
        struct said *given = said_get(thing->resource->attrs, arena_strz(t->arena, name));
        const struct attr *attr = schema_attr(schema, name);
        bool is_physical =
            str_eq(name, ref) || ids->count == 1 || (!ref.n && !given && attr && !attr->settable);
        struct said *part = is_physical ? said_string(t->arena, thing->physical, NULL) : given;
        if (!part)
            return NULL;
        if (i)
            said_append(t->arena, out, said_string(t->arena, STR("|"), NULL));
        said_append(t->arena, out, part);
    }
    return ids ? said_simple(t->arena, out) : NULL;
}

struct said *template_import_id(struct template *t, const struct thing *thing)
{
    if (str_starts(thing->type, STR("aws."))) /* what was split off from something, by that one's id */
        return said_string(t->arena, thing->physical, NULL);
    return thing->names ? own_id(t, thing) : their_id(t, thing);
}
