/* Finds the resource that a request names; filters of a listing. */
#include "sandbox/control/control_internal.h"

#include <ctype.h>
#include <fnmatch.h>

/* ---- filters of a listing: [{Name: vpc-id, Values: […]}], [{Key: tag-key, Values: […]}] ---- */

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

/* Returns the attribute of a filter: "vpc-id" is vpc_id unless the spec's `filters` differ. */
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

/* Returns the template that the response shows for a filter: "is-default" is IsDefault. NULL: none. */
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

/* Returns the value that a filter compares: tag:KEY, tag-key, or an attribute. NULL: absent. */
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

/* True if a part of the resource passes the filter: association.subnet-id of a route table. */
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

/* True for objects inside listed ones ("RouteTableSet[].AssociationSet[]"): filters apply to the outer
 * objects. */
static bool is_nested_listing(const struct call *call)
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

/* Returns the values of a filter: Value.1 (EC2), Values.Value.1 (RDS), Values.member.1, or JSON's list. */
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
    for (size_t k = 0; k < sizeof locations / sizeof *locations && !is_nested_listing(call); k++) {
        const struct value *filters = wire_path(call->arena, call->raw, str_z(locations[k]));
        for (uint32_t i = 0; filters && filters->kind == VALUE_LIST && i < filters->count; i++) {
            const struct value *filter = filters->items[i];
            if (filter->kind != VALUE_MAP || value_getz(filter, "Filter"))
                continue; /* IAM's filters are type names; RDS's are nested */
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

struct str find_region(const struct call *call, const struct spec_type *type)
{
    return type->service->aws.global ? STR_EMPTY : call->region;
}

/* ---- identification ---- */

/* True for attributes that identify a resource: id, ARN, name, and identifiers made by the service (a key
 * pair's key_pair_id). */
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
        folded.compare = COMPARE_NOCASE; /* RDS and Glue ignore case, and names never differ in case alone */
    return attr_equal(&folded, given, have);
}

bool find_refers(const struct attr *attr, const struct value *given, const struct value *have)
{
    struct str arn = value_text(given, STR_EMPTY), name = value_text(have, STR_EMPTY);
    bool names = str_starts(arn, STR("arn:")) && name.n && arn.n > name.n && str_ends(arn, name);
    return find_same(attr, given, have) ||
           (names && (arn.p[arn.n - name.n - 1] == ':' || arn.p[arn.n - name.n - 1] == '/'));
}

/* True if the value is the attribute, the id, the ARN or the name: many calls accept one for another
 * (SecretId, a job's role). */
static bool is_called(const struct resource *resource, const struct attr *attr, const struct value *given)
{
    struct str names[] = {resource->type->schema.id, STR("arn"), STR("name"), attr->name};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (find_same(attr, given, value_get(resource->attrs, names[i])))
            return true;
    return false;
}

/* True if no given name or immutable attribute contradicts the resource. */
static bool is_consistent(const struct role *role, const struct resource *resource, const struct value *input)
{
    for (uint32_t i = 0; i < input->count; i++) {
        const struct spec_attr *spec = spec_attr_find(resource->type, input->entries[i].key);
        const struct value *given = input->entries[i].value;
        if (!spec || value_is_null(given))
            continue;
        const struct attr *attr = spec->attr;
        const struct value *have = value_get(resource->attrs, attr->name);
        bool plain = attr->type->kind == TYPE_STRING || attr->type->kind == TYPE_INT;
        bool fixed = (attr->replace || !attr->settable) && plain && have && !spec->hidden;
        bool identity = find_identifies(role, attr->name);
        if (identity ? !is_called(resource, attr, given) : fixed && !find_refers(attr, given, have))
            return false;
    }
    return true;
}

bool find_has_text(const struct attr *attr, const struct value *given)
{
    double number;
    struct str text = value_text(given, STR_EMPTY);
    return attr && attr->type->kind == TYPE_STRING && text.n && !str_to_double(text, &number) &&
           !str_eqz(text, "true") && !str_eqz(text, "false") &&
           !str_ieq(text, value_text(attr->default_value, STR_EMPTY));
}

/* Compares all attributes of `find: {by: […]}`, for requests without a name. */
static bool matches_find_by(
    const struct role *role, const struct resource *resource, const struct value *input)
{
    const struct spec_names *names = &role->type->find_by;
    for (size_t i = 0; i < names->count; i++) {
        const struct attr *attr = schema_attr(&role->type->schema, names->items[i]);
        const struct value *given = value_get(input, names->items[i]);
        bool asked = given || !attr->default_value; /* "egress" is implied by the call */
        if (asked && !value_equal(given, value_get(resource->attrs, names->items[i])))
            return false;
    }
    return true;
}

/* Returns the only value that the attribute may have, by the tests. NULL: none, or several. */
static const struct value *single_value(const struct value_tests *tests, struct str name)
{
    for (size_t i = 0; i < tests->count; i++) {
        const struct value_test *test = &tests->items[i];
        if (test->kind == TEST_IS && test->values->count == 1 && str_eq(test->path, name))
            return test->values->items[0];
    }
    return NULL;
}

/* Returns the value that a call implies: DisableKey is called only `if: {enabled: false}`, EnableKey
 * `unless`. NULL: none. */
static const struct value *implied_value(const struct spec_step *step, const struct spec_attr *attr)
{
    struct str name = attr->attr->name;
    const struct value *only = single_value(&step->when.only, name),
                       *unless = single_value(&step->when.unless, name);
    if (!value_is_null(only) && !str_eqz(value_text(only, STR_EMPTY), "*"))
        return only;
    return unless && unless->kind == VALUE_BOOL ? value_bool(!unless->boolean) : NULL;
}

const struct value *find_implied(const struct call *call, const struct role *role, const struct value *attrs)
{
    const struct spec_type *type = role->type;
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        const struct value *v = implied_value(role->step, attr);
        bool says = attr->attr->settable || (attr->hidden && role->also);
        if (v && says && !attr->weir_only && !value_get(attrs, attr->attr->name))
            attrs = value_with(call->arena, attrs, attr->attr->name, v);
    }
    return attrs;
}

/* ---- existing resource with the same identity ---- */

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

static bool is_twin(const struct call *call, const struct resource *resource, const struct value *input)
{
    const struct spec_names *names = &resource->type->unique;
    bool any = false;
    for (size_t i = 0; i < names->count; i++) {
        struct str name = names->items[i];
        const struct spec_attr *attr = spec_attr_find(resource->type, name);
        const struct value *v = unique_value(call, resource->type, name, input),
                           *have = value_get(resource->attrs, name);
        if (!attr || (value_is_null(v) ? !value_is_null(have) : !find_same(attr->attr, v, have)))
            return false;
        any = any || v;
    }
    return any;
}

bool find_is_token(struct str member)
{
    return str_is_any(member,
        "ClientToken clientToken ClientRequestToken clientRequestToken idempotencyToken IdempotencyToken");
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

/* True while a deleted resource reserves its name. One that is only listed does not, unless the type has
 * `errors: {deleting: code}`. */
static bool keeps_name(const struct call *call, const struct resource *resource)
{
    return value_gets(value_getz(resource->type->sandbox, "errors"), "deleting").n ||
           !check_is_only_shown((struct call *)call, resource);
}

/* Returns the resources that may have the same unique attributes or token. */
static struct resources possible_twins(
    const struct call *call, const struct role *role, const struct value *input, const struct value *token)
{
    const struct spec_names *names = &role->type->unique;
    struct str *texts = ARENA_ARRAY(call->arena, struct str, names->count + 1);
    size_t n = 0;
    for (size_t i = 0; i < names->count; i++) {
        struct str name = names->items[i];
        const struct value *v = unique_value(call, role->type, name, input);
        if (find_has_text(schema_attr(&role->type->schema, name), v))
            texts[n++] = v->string;
    }
    const struct str *rarest = words_rarest(&call->control->words, texts, n);
    const struct str both[] = {rarest ? *rarest : STR_EMPTY, value_text(token, STR_EMPTY)};
    return rarest && (!token || both[1].n) ? words_find(call->control, call->arena, both, 2)
                                           : words_all(call->control);
}

/* An existing resource takes precedence over one being deleted. */
static struct resource *find_twin(const struct call *call, const struct role *role, const struct value *input)
{
    const struct value *token = find_token(call, role, input);
    const struct resources twins = possible_twins(call, role, input, token);
    struct resource *deleting = NULL;
    for (size_t t = 0; t < twins.n; t++) {
        struct resource *resource = twins.items[t];
        bool same = token && value_equal(token, value_getz(resource->attrs, TOKEN_KEY));
        if (resource->type != role->type || !str_eq(resource->region, find_region(call, role->type)) ||
            (fill_still_uses(call->control, resource) &&
                !value_getz(resource->type->sandbox, "soft_delete")) ||
            (!same && !(is_twin(call, resource, input) && keeps_name(call, resource))))
            continue;
        if (!resource->deleted_ms)
            return resource;
        deleting = resource;
    }
    return deleting;
}

bool find_is_part_of_id(const struct call *call, const struct spec_type *type, struct str name)
{
    const struct spec_attr *id = spec_attr_find(type, type->schema.id);
    struct str part = arena_printf(call->arena, "${%.*s|folder}", STR_ARG(name));
    return id && str_find(id->template, part, 0) >= 0;
}

/* Adds defaults of such parts of the id: a rule without a bus is on the default bus. */
static const struct value *with_parts(
    const struct call *call, const struct role *role, const struct value *input)
{
    for (size_t i = 0; i < role->type->attr_count; i++) {
        const struct attr *attr = role->type->attrs[i].attr;
        if (attr->default_value && !value_get(input, attr->name) &&
            find_is_part_of_id(call, role->type, attr->name))
            input = value_with(call->arena, input, attr->name, attr->default_value);
    }
    return input;
}

/* Adds an id that is composed of other attributes. */
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

/* Returns the resources that may match the given names or `find: {by: […]}`. */
static struct resources possible_resources(
    const struct call *call, const struct role *role, const struct value *input, bool by_content)
{
    const struct spec_names *by = &role->type->find_by;
    struct str *texts = ARENA_ARRAY(call->arena, struct str, input->count + by->count + 1);
    size_t n = 0;
    for (size_t i = 0; by_content && i < by->count; i++)
        texts[n++] = value_text(value_get(input, by->items[i]), STR_EMPTY);
    for (uint32_t i = 0; !by_content && i < input->count; i++) {
        const struct value_entry *entry = &input->entries[i];
        if (find_identifies(role, entry->key) &&
            find_has_text(schema_attr(&role->type->schema, entry->key), entry->value))
            texts[n++] = entry->value->string;
    }
    return words_find_rarest(call->control, call->arena, texts, n);
}

struct resource *find_named(
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
    if (!*named && !by_content)
        return NULL;
    const struct resources resources = possible_resources(call, role, input, by_content);
    struct resource *deleting = NULL; /* can be read and deleted, but not changed */
    struct resource *latest = NULL;   /* a name alone means the highest number */
    for (size_t t = 0; t < resources.n; t++) {
        struct resource *resource = resources.items[t];
        if (resource->type != type || !str_eq(resource->region, find_region(call, type)) ||
            !(by_content ? matches_find_by(role, resource, input) : is_consistent(role, resource, input)))
            continue;
        if (resource->deleted_ms)
            deleting = fill_still_uses(call->control, resource) ? deleting : resource;
        else if (!latest || number_of(resource) > number_of(latest))
            latest = resource;
        if (latest && !number_of(latest))
            return latest;
    }
    if (latest)
        return latest;
    return role->part == PART_READ || role->part == PART_DELETE ? deleting : NULL;
}

/* True for the ARN of a resource's alias or version. */
static bool find_qualifies(const struct resource *resource, const struct value *reference)
{
    struct str arn = value_gets(resource->attrs, "arn"), text = value_text(reference, STR_EMPTY);
    return arn.n && text.n > arn.n + 1 && str_starts(text, arn) && text.p[arn.n] == ':';
}

/* Returns the resources that the reference, or a prefix of it before a colon, may name. */
static struct resources possibly_referred(const struct call *call, const struct value *reference)
{
    struct str text = value_text(reference, STR_EMPTY);
    struct str *texts = ARENA_ARRAY(call->arena, struct str, text.n + 1);
    size_t n = 0;
    texts[n++] = text;
    for (size_t i = text.n; i-- > 0;)
        if (text.p[i] == ':')
            texts[n++] = str_n(text.p, i);
    return text.n ? words_find(call->control, call->arena, texts, n) : words_all(call->control);
}

bool find_any(const struct call *call, struct str type, const struct value *reference)
{
    const struct resources known = possibly_referred(call, reference);
    for (size_t i = 0; i < known.n; i++) {
        const struct resource *resource = known.items[i];
        if (!resource->deleted_ms && str_eq(resource->type->schema.name, type) &&
            (value_equal(value_get(resource->attrs, resource->type->schema.id), reference) ||
                value_equal(value_getz(resource->attrs, "arn"), reference) ||
                value_equal(value_getz(resource->attrs, "name"), reference) ||
                find_qualifies(resource, reference)))
            return true;
    }
    return false;
}
