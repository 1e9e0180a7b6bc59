/* Which things a request is about: by what names one, and by the filters of a listing. */
#include "provider/sandbox/control_internal.h"

#include <fnmatch.h>

struct str find_region(const struct call *call, const struct spec_type *type)
{
    return type->service->aws.global ? STR_EMPTY : call->region;
}

/* ---- by name ---- */

/* Attributes that tell things apart. */
static bool identifies(const struct spec_type *type, struct str name)
{
    return str_eq(name, type->schema.id) || str_eqz(name, "arn") || str_eqz(name, "name");
}

static bool same(const struct attr *attr, const struct value *given, const struct value *have)
{
    struct attr folded = *attr;
    if (attr->type->kind == TYPE_STRING)
        folded.compare = COMPARE_NOCASE; /* RDS and Glue fold names; no two things differ in case alone */
    return attr_equal(&folded, given, have);
}

/* Many calls take a name where they say id, and an ARN where they say name (SecretId, a job's role). */
static bool is_called(const struct thing *thing, const struct attr *attr, const struct value *given)
{
    struct str names[] = {thing->type->schema.id, STR("arn"), STR("name")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (same(attr, given, value_get(thing->attrs, names[i])))
            return true;
    return false;
}

/* Nothing given speaks against it: neither its names nor, of what is there already, what never changes. */
static bool agrees(const struct role *role, const struct thing *thing, const struct value *input)
{
    bool creates = role->part == PART_CREATE;
    for (uint32_t i = 0; i < input->count; i++) {
        const struct attr *attr = schema_attr(&thing->type->schema, input->entries[i].key);
        const struct value *given = input->entries[i].value;
        if (!attr || value_is_null(given))
            continue;
        const struct value *have = value_get(thing->attrs, attr->name);
        bool fixed = (attr->replace || !attr->settable) && attr->type->kind == TYPE_STRING && have;
        if (identifies(thing->type, attr->name)
                ? (creates ? !same(attr, given, have) : !is_called(thing, attr, given))
                : !creates && fixed && !same(attr, given, have))
            return false;
    }
    return true;
}

/* Without a name it is found by all that it is: `find: {by: […]}`. */
static bool looks_like(const struct role *role, const struct thing *thing, const struct value *input)
{
    const struct spec_names *names = &role->type->find_by;
    for (size_t i = 0; i < names->count; i++) {
        const struct attr *attr = schema_attr(&role->type->schema, names->items[i]);
        const struct value *given = value_get(input, names->items[i]);
        bool asked = given || !attr->default_value; /* "egress" lies in the call's name */
        if (asked && !value_equal(given, value_get(thing->attrs, names->items[i])))
            return false;
    }
    return true;
}

struct thing *find_named(
    const struct call *call, const struct role *role, const struct value *input, bool *named)
{
    const struct spec_type *type = role->type;
    *named = false;
    for (uint32_t i = 0; i < input->count; i++)
        *named = *named || (identifies(type, input->entries[i].key) &&
                               schema_attr(&type->schema, input->entries[i].key) &&
                               !value_is_null(input->entries[i].value));
    bool by_content = !*named && type->find_by.count && role->part == PART_DELETE;
    for (size_t t = 0; (*named || by_content) && t < call->control->thing_count; t++) {
        struct thing *thing = call->control->things[t];
        if (thing->type == type && str_eq(thing->region, find_region(call, type)) && !thing->deleted_ms &&
            (by_content ? looks_like(role, thing, input) : agrees(role, thing, input)))
            return thing;
    }
    return NULL;
}

bool find_any(const struct call *call, struct str type, const struct value *reference)
{
    for (size_t i = 0; i < call->control->thing_count; i++) {
        const struct thing *thing = call->control->things[i];
        if (str_eq(thing->type->schema.name, type) &&
            (value_equal(value_get(thing->attrs, thing->type->schema.id), reference) ||
                value_equal(value_getz(thing->attrs, "arn"), reference) ||
                value_equal(value_getz(thing->attrs, "name"), reference)))
            return true;
    }
    return false;
}

/* ---- by filters: [{Name: vpc-id, Values: […]}], [{Key: tag-key, Values: […]}] ---- */

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
/* What a filter looks at: tag:KEY, tag-key, or an attribute ("vpc-id" is vpc_id unless the spec's
 * `filters` say otherwise). NULL: the thing has nothing of the sort. */
static const struct value *filtered(const struct call *call, const struct thing *thing, struct str name)
{
    const struct spec_type *type = thing->type;
    const struct value *tags = type->tags ? value_get(thing->attrs, type->tags->attr->attr->name) : NULL;
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
    return value_get(fill_now((struct call *)call, thing), attribute_of(call, type, name));
}

static bool knows(const struct call *call, const struct spec_type *type, struct str filter)
{
    return str_starts(filter, STR("tag")) || spec_attr_find(type, attribute_of(call, type, filter));
}

/* A filter on what lies inside of it: association.subnet-id of a route table. */
static bool part_passes(
    const struct call *call, const struct thing *thing, struct str filter, const struct value *wanted)
{
    for (size_t r = 0; r < call->served->role_count; r++) {
        const struct spec_type *type = call->served->roles[r].type;
        if (type == thing->type || !knows(call, type, filter))
            continue;
        for (size_t i = 0; i < call->control->thing_count; i++) {
            const struct thing *inner = call->control->things[i];
            if (inner->type == type && matches(call, filtered(call, inner, filter), wanted) &&
                value_equal(value_get(inner->attrs, thing->type->schema.id),
                    value_get(thing->attrs, thing->type->schema.id)))
                return true;
        }
    }
    return false;
}

/* `prefixes: {logGroupNamePrefix: name}`: a member with how an attribute begins. */
bool find_by_prefix(const struct call *call, const struct spec_type *type)
{
    const struct value *prefixes = value_getz(type->sandbox, "prefixes");
    for (uint32_t i = 0; prefixes && i < prefixes->count; i++)
        if (!value_is_null(value_get(call->raw, prefixes->entries[i].key)))
            return true;
    return false;
}

static bool begins_so(const struct call *call, const struct thing *thing)
{
    const struct value *prefixes = value_getz(thing->type->sandbox, "prefixes");
    for (uint32_t i = 0; prefixes && i < prefixes->count; i++) {
        struct str wanted = value_text(value_get(call->raw, prefixes->entries[i].key), STR_EMPTY);
        struct str name = value_text(prefixes->entries[i].value, STR_EMPTY);
        if (!str_starts(value_text(value_get(thing->attrs, name), STR_EMPTY), wanted))
            return false;
    }
    return true;
}

bool find_passes(const struct call *call, const struct thing *thing)
{
    if (!begins_so(call, thing))
        return false;
    for (size_t l = 0; l < 2; l++) {
        const struct value *filters =
            wire_path(call->arena, call->raw, l ? STR("Filters[]") : STR("Filter[]"));
        for (uint32_t i = 0; filters && filters->kind == VALUE_LIST && i < filters->count; i++) {
            const struct value *filter = filters->items[i];
            if (filter->kind != VALUE_MAP)
                continue; /* IAM's filters are names of types */
            struct str name = value_text(value_getz(filter, "Name"), STR_EMPTY);
            if (!name.n)
                name = value_text(value_getz(filter, "Key"), STR_EMPTY);
            const struct value *wanted = wire_path(call->arena, filter, STR("Values[]"));
            if (!wanted || !wanted->count)
                wanted = wire_path(call->arena, filter, STR("Value[]"));
            if (knows(call, thing->type, name) ? !matches(call, filtered(call, thing, name), wanted)
                                               : !part_passes(call, thing, name, wanted))
                return false;
        }
    }
    return true;
}
