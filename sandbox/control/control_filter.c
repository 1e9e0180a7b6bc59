/* Filters of a listing: [{Name: vpc-id, Values: […]}], [{Key: tag-key, Values: […]}]. */
#include "sandbox/control/control_internal.h"

#include <ctype.h>
#include <fnmatch.h>

static bool matches(const struct call *call, const struct value *have, const struct value *wanted)
{
    if (value_is_null(have))
        return false;
    if (have->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < have->count; i++)
            if (matches(call, have->items[i], wanted))
                return true;
        return false;
    }
    struct str text = value_scalar_text(call->arena, have);
    for (uint32_t i = 0; wanted && wanted->kind == VALUE_LIST && i < wanted->count; i++) {
        struct str pattern = value_text(wanted->items[i], STR_EMPTY);
        if (text.p && !fnmatch(arena_strz(call->arena, pattern), arena_strz(call->arena, text), 0))
            return true;
    }
    return false;
}

/* "vpc-id" as an attribute's name. */
static struct str attribute_of(const struct call *call, const struct spec_type *type, struct str filter)
{
    struct str own = value_text(value_get(value_getz(type->sandbox, "filters"), filter), STR_EMPTY);
    if (own.n)
        return own;
    char *name = arena_strz(call->arena, filter);
    for (char *c = name; *c; c++)
        *c = (char)(*c == '-' ? '_' : *c);
    return str_n(name, filter.n);
}

/* "is-default" as what answers show besides attributes: IsDefault. NULL: they do not. */
static const struct value *shown_as(const struct call *call, const struct spec_type *type, struct str filter)
{
    char *name = arena_strz(call->arena, filter);
    size_t n = 0;
    for (size_t i = 0; i < filter.n; i++)
        if (filter.p[i] != '-')
            name[n++] =
                (char)(i == 0 || filter.p[i - 1] == '-' ? toupper((unsigned char)filter.p[i]) : filter.p[i]);
    return value_get(value_getz(type->sandbox, "shows"), str_n(name, n));
}

/* What a filter looks at: tag:KEY, tag-key, or an attribute ("vpc-id" is vpc_id unless the spec's
 * `filters` say otherwise). NULL: the resource has nothing of the sort. */
static const struct value *filtered(const struct call *call, const struct resource *resource, struct str name)
{
    const struct spec_type *type = resource->type;
    const struct value *tags = type->tags ? value_get(resource->attrs, type->tags->attr->attr->name) : NULL;
    if (str_starts(name, STR("tag:")))
        return value_get(tags, str_slice(name, 4, name.n));
    struct value_builder keys = VALUE_BUILDER(call->arena);
    if (str_eqz(name, "tag-key") || str_eqz(name, "tag-value")) {
        for (uint32_t i = 0; tags && i < tags->count; i++)
            value_builder_add(&keys, str_eqz(name, "tag-key")
                                         ? value_string_ref(call->arena, tags->entries[i].key)
                                         : tags->entries[i].value);
        return value_builder_list(&keys);
    }
    struct str attribute = attribute_of(call, type, name);
    if (spec_attr_find(type, attribute))
        return value_get(fill_now((struct call *)call, resource), attribute);
    const struct value *v =
        fill_value((struct call *)call, type, shown_as(call, type, name), resource->attrs);
    return v && v->kind == VALUE_BOOL ? value_stringz(call->arena, v->boolean ? "true" : "false") : v;
}

bool filter_is_known(const struct call *call, const struct spec_type *type, struct str filter)
{
    return str_starts(filter, STR("tag")) || spec_attr_find(type, attribute_of(call, type, filter)) ||
           shown_as(call, type, filter);
}

struct str filter_name(const struct value *filter)
{
    struct str name = value_gets(filter, "Name");
    return name.n ? name : value_gets(filter, "Key");
}

/* A filter on what lies inside of it: association.subnet-id of a route table. */
static bool part_passes(
    const struct call *call, const struct resource *resource, struct str filter, const struct value *wanted)
{
    for (size_t r = 0; r < call->served->role_count; r++) {
        const struct spec_type *type = call->served->roles[r].type;
        if (type == resource->type || !filter_is_known(call, type, filter))
            continue;
        struct str id = value_text(value_get(resource->attrs, resource->type->schema.id), STR_EMPTY);
        const struct resources within = words_find_rarest(call->control, call->arena, &id, 1);
        for (size_t i = 0; i < within.n; i++) {
            const struct resource *inner = within.items[i];
            if (inner->type == type && matches(call, filtered(call, inner, filter), wanted) &&
                value_equal(value_get(inner->attrs, resource->type->schema.id),
                    value_get(resource->attrs, resource->type->schema.id)))
                return true;
        }
    }
    return false;
}

/* What stands inside of others in the answer ("RouteTableSet[].AssociationSet[]") comes with them: filters
 * are about these. */
static bool comes_inside(const struct call *call)
{
    struct str at = call->role->step->reply.at;
    ptrdiff_t end = str_find(at, STR("[]."), 0);
    for (size_t i = 0; end > 0 && i < call->served->role_count; i++) {
        const struct role *around = &call->served->roles[i];
        if (around->part == PART_LIST && str_eq(around->step->reply.at, str_slice(at, 0, (size_t)end + 2)))
            return true;
    }
    return false;
}

/* What a filter wants: Value.1 (EC2), Values.Value.1 (RDS), Values.member.1 and JSON's list. */
static const struct value *wanted_by(const struct call *call, const struct value *filter)
{
    static const char *const paths[] = {"Values.Value[]", "Values[]", "Value[]"};
    const struct value *wanted = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && (!wanted || !wanted->count); i++)
        wanted = wire_path(call->arena, filter, str_z(paths[i]));
    return value_as_list(wanted);
}

void filters_read(const struct call *call, struct filters *out)
{
    static const char *const locations[] = {"Filter[]", "Filters[]", "Filters.Filter[]"};
    size_t cap = 0;
    *out = (struct filters){0};
    for (size_t k = 0; k < sizeof locations / sizeof *locations && !comes_inside(call); k++) {
        const struct value *filters = wire_path(call->arena, call->raw, str_z(locations[k]));
        for (uint32_t i = 0; filters && filters->kind == VALUE_LIST && i < filters->count; i++) {
            const struct value *filter = filters->items[i];
            if (filter->kind != VALUE_MAP || value_getz(filter, "Filter"))
                continue; /* IAM's filters are names of types, RDS's are within */
            ARENA_GROW(call->arena, out->items, out->n, cap);
            out->items[out->n++] = (struct filter){filter_name(filter), wanted_by(call, filter)};
        }
    }
}

bool filters_pass(const struct call *call, const struct filters *filters, const struct resource *resource)
{
    for (size_t i = 0; i < filters->n; i++) {
        const struct filter *filter = &filters->items[i];
        if (filter_is_known(call, resource->type, filter->name)
                ? !matches(call, filtered(call, resource, filter->name), filter->wanted)
                : !part_passes(call, resource, filter->name, filter->wanted))
            return false;
    }
    return true;
}

const struct str *filters_texts(const struct call *call, const struct filter *filter, size_t *n)
{
    const struct spec_type *type = call->role->type;
    struct str name = attribute_of(call, type, filter->name);
    const struct attr *attr = schema_attr(&type->schema, name);
    bool text = attr && attr->type->kind == TYPE_STRING && !fill_changes(type, name);
    struct str *texts = ARENA_ARRAY(call->arena, struct str, filter->wanted->count + 1);
    *n = 0;
    for (uint32_t i = 0; (text || str_starts(filter->name, STR("tag:"))) && i < filter->wanted->count; i++) {
        texts[i] = value_text(filter->wanted->items[i], STR_EMPTY);
        *n = i + 1;
        if (texts[i].n && !strpbrk(arena_strz(call->arena, texts[i]), "*?[\\"))
            continue;
        *n = 0;
        break;
    }
    return texts;
}
