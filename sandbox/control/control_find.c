/* Which things a request is about: by what names one, and by the filters of a listing. */
#include "sandbox/control/control_internal.h"

#include "base/hash.h"

#include <ctype.h>
#include <fnmatch.h>

struct str find_region(const struct call *call, const struct spec_type *type)
{
    return type->service->aws.global ? STR_EMPTY : call->region;
}

/* ---- by name ---- */

/* Attributes that tell things apart: id, ARN and name, and other words that the service made up for them (a
 * key pair's key_pair_id). */
static bool find_identifies(const struct role *role, struct str name)
{
    const struct spec_type *type = role->type;
    const struct spec_attr *attr = spec_attr_find(type, name);
    if (!attr)
        return false;
    bool lasts = attr->attr->replace || !attr->attr->settable;
    if (str_eq(name, type->schema.id) || str_eqz(name, "arn") || (str_eqz(name, "name") && lasts))
        return true;
    return role->part != PART_CREATE && role->part != PART_LIST && !attr->attr->settable && !attr->hidden &&
           attr->attr->type->kind == TYPE_STRING;
}

static bool find_same(const struct attr *attr, const struct value *given, const struct value *have)
{
    struct attr folded = *attr;
    if (attr->type->kind == TYPE_STRING)
        folded.compare = COMPARE_NOCASE; /* RDS and Glue fold names; no two things differ in case alone */
    return attr_equal(&folded, given, have);
}

/* Many calls take an ARN where they say name: …:function:ingest is ingest. */
static bool refers_to(const struct attr *attr, const struct value *given, const struct value *have)
{
    struct str arn = value_text(given, STR_EMPTY), name = value_text(have, STR_EMPTY);
    bool names = str_starts(arn, STR("arn:")) && name.n && arn.n > name.n && str_ends(arn, name);
    return find_same(attr, given, have) ||
           (names && (arn.p[arn.n - name.n - 1] == ':' || arn.p[arn.n - name.n - 1] == '/'));
}

/* Many calls take a name where they say id, and an ARN where they say name (SecretId, a job's role). */
static bool is_called(const struct thing *thing, const struct attr *attr, const struct value *given)
{
    struct str names[] = {thing->type->schema.id, STR("arn"), STR("name"), attr->name};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (find_same(attr, given, value_get(thing->attrs, names[i])))
            return true;
    return false;
}

/* Nothing given speaks against it: neither its names nor what never changes. */
static bool agrees(const struct role *role, const struct thing *thing, const struct value *input)
{
    for (uint32_t i = 0; i < input->count; i++) {
        const struct spec_attr *spec = spec_attr_find(thing->type, input->entries[i].key);
        const struct value *given = input->entries[i].value;
        if (!spec || value_is_null(given))
            continue;
        const struct attr *attr = spec->attr;
        const struct value *have = value_get(thing->attrs, attr->name);
        bool plain = attr->type->kind == TYPE_STRING || attr->type->kind == TYPE_INT;
        bool fixed = (attr->replace || !attr->settable) && plain && have && !spec->hidden;
        bool identity = find_identifies(role, attr->name);
        if (identity ? !is_called(thing, attr, given) : fixed && !refers_to(attr, given, have))
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

/* What a call means without saying it: DisableKey is only made `if: {enabled: false}`, EnableKey `unless` so.
 * NULL: nothing. */
static const struct value *implied_value(const struct spec_step *step, const struct spec_attr *attr)
{
    struct str name = attr->attr->name;
    for (size_t i = 0; i < step->when.only.count; i++) {
        const struct value *values = step->when.only.items[i].values;
        if (str_eq(step->when.only.items[i].name, name) && values->count == 1 &&
            !value_is_null(values->items[0]) && !str_eqz(value_text(values->items[0], STR_EMPTY), "*"))
            return values->items[0];
    }
    for (size_t i = 0; i < step->when.unless.count; i++) {
        const struct value *values = step->when.unless.items[i].values;
        if (str_eq(step->when.unless.items[i].name, name) && values->count == 1 &&
            values->items[0]->kind == VALUE_BOOL)
            return value_bool(!values->items[0]->boolean);
    }
    return NULL;
}

const struct value *find_implied(const struct call *call, const struct role *role, const struct value *attrs)
{
    const struct spec_type *type = role->type;
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        const struct value *v = implied_value(role->step, attr);
        bool says = attr->attr->settable || (attr->hidden && role->also);
        if (v && says && !attr->steers && !value_get(attrs, attr->attr->name))
            attrs = value_with(call->arena, attrs, attr->attr->name, v);
    }
    return attrs;
}

/* ---- the one that is in a new one's way ---- */

/* What no two things may have in common: what `unique` says, or the id where the request implies it, or the
 * name. */
static const struct value *unique_names(const struct call *call, const struct spec_type *type)
{
    const struct value *own = value_getz(type->sandbox, "unique");
    if (own)
        return own;
    const struct spec_attr *id = spec_attr_find(type, type->schema.id);
    bool implied = id && (id->attr->settable || id->template.n);
    const struct value *name = value_string(call->arena, implied ? type->schema.id : STR("name"));
    return value_list(call->arena, &name, 1);
}

static const struct value *unique_value(
    const struct call *call, const struct spec_type *type, struct str name, const struct value *input)
{
    const struct spec_attr *attr = spec_attr_find(type, name);
    const struct value *v = value_get(input, name);
    if (!value_is_null(v) || !attr)
        return v;
    if (attr->template.n)
        return fill_text((struct call *)call, type, value_string(call->arena, attr->template), input, 1);
    return attr->attr->default_value;
}

static bool is_twin(const struct call *call, const struct thing *thing, const struct value *input)
{
    const struct value *names = unique_names(call, thing->type);
    bool any = false;
    for (uint32_t i = 0; i < names->count; i++) {
        struct str name = value_text(names->items[i], STR_EMPTY);
        const struct spec_attr *attr = spec_attr_find(thing->type, name);
        const struct value *v = unique_value(call, thing->type, name, input),
                           *have = value_get(thing->attrs, name);
        if (!attr || (value_is_null(v) ? !value_is_null(have) : !find_same(attr->attr, v, have)))
            return false;
        any = any || v;
    }
    return any;
}

bool find_is_token(struct str member)
{
    static const char *const names[] = {"ClientToken", "clientToken", "ClientRequestToken",
        "clientRequestToken", "idempotencyToken", "IdempotencyToken"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eqz(member, names[i]))
            return true;
    return false;
}

const struct value *find_token(const struct call *call, const struct role *role, const struct value *input)
{
    for (size_t i = 0; i < role->step->call.request.extra_count; i++)
        if (str_eqz(value_text(role->step->call.request.extras[i].value, STR_EMPTY), "${token}"))
            return value_get(input, role->step->call.request.extras[i].key);
    for (uint32_t i = 0; call->raw && call->raw->kind == VALUE_MAP && i < call->raw->count; i++)
        if (find_is_token(call->raw->entries[i].key))
            return call->raw->entries[i].value;
    return NULL;
}

/* What is deleted keeps its name for as long as that takes; what is only shown after it has none any more,
 * unless the type has a word for it: `errors: {going: code}`. */
static bool keeps_name(const struct call *call, const struct thing *thing)
{
    return value_gets(value_getz(thing->type->sandbox, "errors"), "going").n ||
           !check_is_only_shown((struct call *)call, thing);
}

/* What is there goes before what is being deleted. */
static struct thing *find_twin(const struct call *call, const struct role *role, const struct value *input)
{
    const struct value *token = find_token(call, role, input);
    struct thing *going = NULL;
    for (size_t t = 0; t < call->control->thing_count; t++) {
        struct thing *thing = call->control->things[t];
        bool same = token && value_equal(token, value_getz(thing->attrs, TOKEN_KEY));
        if (thing->type != role->type || !str_eq(thing->region, find_region(call, role->type)) ||
            (fill_lingers(call->control, thing) && !value_getz(thing->type->sandbox, "soft_delete")) ||
            (!same && !(is_twin(call, thing, input) && keeps_name(call, thing))))
            continue;
        if (!thing->deleted_ms)
            return thing;
        going = thing;
    }
    return going;
}

/* `prefixes: {QueueNamePrefix: name}`, `narrows: {status: status}`: members of a listing that an attribute
 * begins with, or is. Without such a member a listing narrows down to the attribute's default, if it has one:
 * rules are those of the default bus. */
/* Does the id begin with it as with a folder? ${event_bus|folder} */
static bool is_part_of_id(const struct call *call, const struct spec_type *type, struct str name)
{
    const struct spec_attr *id = spec_attr_find(type, type->schema.id);
    struct str part = arena_printf(call->arena, "${%.*s|folder}", STR_ARG(name));
    return id && str_find(id->template, part, 0) >= 0;
}

/* A member of the request: its texts. It may lie in the address without being in a shape. */
static const struct value *sent_texts(const struct call *call, struct str member)
{
    struct str query = call->request->query, value, name, text;
    const struct value *v = value_get(call->raw, member);
    struct value_builder b = VALUE_BUILDER(call->arena);
    const struct value *items = value_getz(v, "member"); /* of a list in a form */
    v = items ? items : v;
    if (v)
        return v->kind == VALUE_LIST ? v : value_list(call->arena, &v, 1);
    while (query.n) {
        struct str pair = str_cut(query, '&', &query);
        if (url_decode(call->arena, str_cut(pair, '=', &value), true, &name) && str_eq(name, member) &&
            url_decode(call->arena, value, true, &text))
            value_builder_add(&b, value_string(call->arena, text));
    }
    return value_builder_list(&b);
}

/* Is the attribute one of these, or does it begin with the first? */
static bool is_among_sent(const struct thing *thing, struct str name, const struct value *have,
    const struct value *sent, bool narrows)
{
    const struct attr *attr = schema_attr(&thing->type->schema, name);
    if (!narrows)
        return str_starts(value_text(have, STR_EMPTY), value_text(sent->items[0], STR_EMPTY));
    bool is = false;
    for (uint32_t k = 0; k < sent->count; k++)
        is = is || (attr ? refers_to(attr, sent->items[k], have) : value_equal(sent->items[k], have));
    for (uint32_t i = 0; have && have->kind == VALUE_LIST && i < have->count && !is; i++)
        for (uint32_t k = 0; k < sent->count; k++)
            is = is || value_equal(sent->items[k], have->items[i]);
    return is;
}

static bool is_in_scope(const struct call *call, const struct thing *thing, const char *which)
{
    const struct value *rules = value_getz(thing->type->sandbox, which), *attrs = NULL;
    bool narrows = str_eqz(str_z(which), "narrows");
    for (uint32_t i = 0; rules && i < rules->count; i++) {
        struct str name = value_text(rules->entries[i].value, STR_EMPTY);
        const struct attr *attr = schema_attr(&thing->type->schema, name);
        const struct value *sent = sent_texts(call, rules->entries[i].key);
        if (!sent->count && narrows && attr && is_part_of_id(call, thing->type, attr->name))
            sent = value_list(call->arena, &attr->default_value, 1);
        if (!sent->count)
            continue;
        attrs = attrs ? attrs : fill_now((struct call *)call, thing);
        if (!is_among_sent(thing, name, value_get(attrs, name), sent, narrows))
            return false;
    }
    return true;
}

static bool is_prefix(const struct spec_type *type, struct str name)
{
    const struct value *rules = value_getz(type->sandbox, "prefixes");
    for (uint32_t i = 0; rules && i < rules->count; i++)
        if (str_eq(value_text(rules->entries[i].value, STR_EMPTY), name))
            return true;
    return false;
}

/* A listing may be of what belongs to something: the aliases of one function. */
bool find_listed(const struct call *call, const struct thing *thing)
{
    const struct spec_request *request = &call->role->step->call.request;
    if (!is_in_scope(call, thing, "prefixes") || !is_in_scope(call, thing, "narrows"))
        return false;
    for (size_t i = 0; i < request->attr_count; i++) {
        const struct spec_attr *attr = spec_attr_find(thing->type, request->attrs[i]);
        const struct value *given = value_get(call->input, request->attrs[i]);
        if (attr && !value_is_null(given) && !is_prefix(thing->type, request->attrs[i]) &&
            !refers_to(attr->attr, given, value_get(thing->attrs, attr->attr->name)))
            return false;
    }
    return true;
}

/* Parts of such an id that have a default mean that where the request is silent: a rule without a bus is the
 * default bus's. */
static const struct value *with_parts(
    const struct call *call, const struct role *role, const struct value *input)
{
    for (size_t i = 0; i < role->type->attr_count; i++) {
        const struct attr *attr = role->type->attrs[i].attr;
        if (attr->default_value && !value_get(input, attr->name) &&
            is_part_of_id(call, role->type, attr->name))
            input = value_with(call->arena, input, attr->name, attr->default_value);
    }
    return input;
}

/* An id that is put together from other attributes, out of those that the request has. */
static const struct value *with_id(
    const struct call *call, const struct role *role, const struct value *input)
{
    const struct spec_attr *id = spec_attr_find(role->type, role->type->schema.id);
    bool looks = role->part == PART_LIST || role->part == PART_CREATE;
    if (!id || !id->template.n || looks || value_get(input, id->attr->name))
        return input;
    const struct value *v =
        fill_text((struct call *)call, role->type, value_string(call->arena, id->template), input, 1);
    return v ? value_with(call->arena, with_parts(call, role, input), id->attr->name, v) : input;
}

struct thing *find_named(
    const struct call *call, const struct role *role, const struct value *input, bool *named)
{
    const struct spec_type *type = role->type;
    *named = false;
    input = with_id(call, role, find_implied(call, role, input));
    for (uint32_t i = 0; i < input->count; i++)
        *named = *named ||
                 (find_identifies(role, input->entries[i].key) && !value_is_null(input->entries[i].value));
    if (role->part == PART_CREATE)
        return find_twin(call, role, input);
    bool by_content = !*named && type->find_by.count && role->part == PART_DELETE;
    struct thing *going = NULL;  /* what is being deleted can be looked at, but not changed */
    struct thing *latest = NULL; /* of what has numbers a name alone means the highest one */
    for (size_t t = 0; (*named || by_content) && t < call->control->thing_count; t++) {
        struct thing *thing = call->control->things[t];
        if (thing->type != type || !str_eq(thing->region, find_region(call, type)) ||
            !(by_content ? looks_like(role, thing, input) : agrees(role, thing, input)))
            continue;
        if (thing->deleted_ms)
            going = fill_lingers(call->control, thing) ? going : thing;
        else if (!latest || number_of(thing) > number_of(latest))
            latest = thing;
        if (latest && !number_of(latest))
            return latest;
    }
    if (latest)
        return latest;
    return role->part == PART_READ || role->part == PART_DELETE ? going : NULL;
}

/* The ARN of a thing's alias or version: its own, and that one's name. */
static bool find_qualifies(const struct thing *thing, const struct value *reference)
{
    struct str arn = value_gets(thing->attrs, "arn"), text = value_text(reference, STR_EMPTY);
    return arn.n && text.n > arn.n + 1 && str_starts(text, arn) && text.p[arn.n] == ':';
}

bool find_any(const struct call *call, struct str type, const struct value *reference)
{
    for (size_t i = 0; i < call->control->thing_count; i++) {
        const struct thing *thing = call->control->things[i];
        if (!thing->deleted_ms && str_eq(thing->type->schema.name, type) &&
            (value_equal(value_get(thing->attrs, thing->type->schema.id), reference) ||
                value_equal(value_getz(thing->attrs, "arn"), reference) ||
                value_equal(value_getz(thing->attrs, "name"), reference) || find_qualifies(thing, reference)))
            return true;
    }
    return false;
}

/* ---- by filters: [{Name: vpc-id, Values: […]}], [{Key: tag-key, Values: […]}] ---- */

static bool find_matches(const struct call *call, const struct value *have, const struct value *wanted)
{
    if (value_is_null(have))
        return false;
    if (have->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < have->count; i++)
            if (find_matches(call, have->items[i], wanted))
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
 * `filters` say otherwise). NULL: the thing has nothing of the sort. */
static const struct value *find_filtered(const struct call *call, const struct thing *thing, struct str name)
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
    struct str attribute = attribute_of(call, type, name);
    if (spec_attr_find(type, attribute))
        return value_get(fill_now((struct call *)call, thing), attribute);
    const struct value *v = fill_value((struct call *)call, type, shown_as(call, type, name), thing->attrs);
    return v && v->kind == VALUE_BOOL ? value_stringz(call->arena, v->boolean ? "true" : "false") : v;
}

bool find_knows_filter(const struct call *call, const struct spec_type *type, struct str filter)
{
    return str_starts(filter, STR("tag")) || spec_attr_find(type, attribute_of(call, type, filter)) ||
           shown_as(call, type, filter);
}

struct str find_filter_name(const struct value *filter)
{
    struct str name = value_gets(filter, "Name");
    return name.n ? name : value_gets(filter, "Key");
}

/* A filter on what lies inside of it: association.subnet-id of a route table. */
static bool part_passes(
    const struct call *call, const struct thing *thing, struct str filter, const struct value *wanted)
{
    for (size_t r = 0; r < call->served->role_count; r++) {
        const struct spec_type *type = call->served->roles[r].type;
        if (type == thing->type || !find_knows_filter(call, type, filter))
            continue;
        for (size_t i = 0; i < call->control->thing_count; i++) {
            const struct thing *inner = call->control->things[i];
            if (inner->type == type && find_matches(call, find_filtered(call, inner, filter), wanted) &&
                value_equal(value_get(inner->attrs, thing->type->schema.id),
                    value_get(thing->attrs, thing->type->schema.id)))
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

bool find_passes(const struct call *call, const struct thing *thing)
{
    if (comes_inside(call))
        return true;
    for (size_t l = 0; l < 2; l++) {
        const struct value *filters =
            wire_path(call->arena, call->raw, l ? STR("Filters[]") : STR("Filter[]"));
        for (uint32_t i = 0; filters && filters->kind == VALUE_LIST && i < filters->count; i++) {
            const struct value *filter = filters->items[i];
            if (filter->kind != VALUE_MAP)
                continue; /* IAM's filters are names of types */
            struct str name = find_filter_name(filter);
            const struct value *wanted = wire_path(call->arena, filter, STR("Values[]"));
            if (!wanted || !wanted->count)
                wanted = wire_path(call->arena, filter, STR("Value[]"));
            if (find_knows_filter(call, thing->type, name)
                    ? !find_matches(call, find_filtered(call, thing, name), wanted)
                    : !part_passes(call, thing, name, wanted))
                return false;
        }
    }
    return true;
}
