/* Selects the role of an operation that a request means. */
#include "sandbox/control/control_internal.h"

static bool unify(
    struct arena *arena, const struct value *template, const struct value *sent, const struct value **input);

/* Unifies a template with the first matching item. */
static bool unify_item(
    struct arena *arena, const struct value *template, const struct value *sent, const struct value **input)
{
    for (uint32_t i = 0; i < sent->count; i++)
        if (unify(arena, template, sent->items[i], input))
            return true;
    return false;
}

/*
 * Reads a template backwards: [{Name: group-id, Value: ["${group_id}"]}] and the sent value give group_id.
 * False: a constant differs.
 */
static bool unify(
    struct arena *arena, const struct value *template, const struct value *sent, const struct value **input)
{
    if (value_is_null(sent))
        return true;
    struct str text = value_text(template, STR_EMPTY);
    if (str_starts(text, STR("${")) && str_ends(text, STR("}")) && str_find(text, STR("${"), 2) < 0) {
        *input = value_with(arena, *input, str_slice(text, 2, text.n - 1), sent);
        return true;
    }
    if (template->kind == VALUE_LIST && sent->kind == VALUE_LIST) {
        bool any = false;
        for (uint32_t i = 0; i < template->count; i++)
            any = unify_item(arena, template->items[i], sent, input) || any;
        return any || template->count != 1; /* with several items the client omits those without a value */
    }
    if (template->kind != VALUE_MAP || sent->kind != VALUE_MAP)
        return value_equal(template, sent) || template->kind == VALUE_INT;
    const struct value *found = *input;
    for (uint32_t i = 0; i < template->count; i++)
        if (!unify(arena, template->entries[i].value, value_get(sent, template->entries[i].key), &found))
            return false;
    *input = found;
    return true;
}

/* ---- requests for several resources: VpcId.1, VpcId.2; a permission with three ranges ---- */

static void grow_batch(struct call *call, uint32_t n)
{
    call->batch = n > call->batch ? n : call->batch;
}

const struct value *turn_name(struct call *call, const struct value *template, const struct value *sent)
{
    bool names = template->kind == VALUE_LIST && template->count == 1 && sent &&
                 str_starts(value_text(template->items[0], STR_EMPTY), STR("${"));
    if (!names || sent->kind != VALUE_LIST || sent->count < 2)
        return sent;
    grow_batch(call, sent->count);
    return value_list(call->arena, &sent->items[call->turn < sent->count ? call->turn : 0], 1);
}

/* Returns this turn's part of a request that struct control_type.parts splits. */
static const struct value *turn_part(struct call *call, const struct spec_type *type, const struct value *raw)
{
    const struct control_type *own = type_own(call->control, type);
    const struct value *parts = own->parts ? own->parts(call->arena, call->served->op->wire.name, raw) : NULL;
    if (!parts || !parts->count)
        return raw;
    grow_batch(call, parts->count);
    return parts->items[call->turn < parts->count ? call->turn : 0];
}

/* ---- input ---- */

static bool shape_has(const struct shape *shape, struct str wire)
{
    for (size_t i = 0; i < shape->member_count; i++)
        if (str_eq(shape->members[i].wire, wire))
            return true;
    return false;
}

/* `by_arn: {StreamARN: StreamName}`: an ARN takes the place of the name, as which it is looked up. */
static const struct value *with_names(struct call *call, const struct role *role, const struct value *raw)
{
    const struct value *rules = value_getz(role->type->sandbox, "by_arn");
    const struct shape *shape = &role->step->call.request.shape;
    for (uint32_t i = 0; raw && rules && i < rules->count; i++) {
        struct str arn = rules->entries[i].key, name = value_text(rules->entries[i].value, STR_EMPTY);
        const struct value *given = value_get(raw, arn);
        if (!value_is_null(given) && shape_has(shape, name) && !shape_has(shape, arn))
            raw = value_with(call->arena, value_without(call->arena, raw, &arn, 1), name, given);
    }
    return raw;
}

/* Decodes the members of this turn's request with the role's shape, or returns NULL. Decoded once per role,
 * since a request may name a thousand resources. */
static const struct value *read_members(struct call *call, const struct role *role)
{
    const struct shape *shape = &role->step->call.request.shape;
    struct wire_operation op = call_operation(call, role->step->call.op);
    struct decoded *known = &call->decoded[role - call->served->roles];
    if (!known->raw) {
        if (wire_decode_request(call->arena, &op, shape, call->request, &known->raw, call->err))
            return NULL;
        known->raw = with_names(call, role, known->raw);
    }
    call->raw = turn_part(call, role->type, known->raw);
    if (call->raw == known->raw && known->input)
        return known->input;
    const struct value *input = wire_coerce(call->arena, shape, call->raw);
    input = input ? input : &value_empty_map;
    known->input = call->raw == known->raw ? input : NULL;
    return input;
}

const struct value *choose_input(struct call *call, const struct role *role)
{
    const struct value *input = read_members(call, role);
    if (!input)
        return NULL;
    /* A member that the client fills from one attribute provides that attribute. */
    for (size_t i = 0; i < role->step->call.request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->call.request.extras[i];
        /* With several filters it is unknown which one identifies the resource. */
        bool several = role->part != PART_CREATE && role->part != PART_UPDATE &&
                       extra->value->kind == VALUE_LIST && extra->value->count > 1;
        if (!extra->from_item && !several)
            unify(call->arena, extra->value, turn_name(call, extra->value, value_get(input, extra->key)),
                &input);
    }
    return input;
}

/*
 * Ranks a role by what the request names and what exists. An operation may create or change a resource
 * (PutRule), describe one or list all (DescribeDBInstances), and tag resources of several types.
 */
static int rank_of(enum part part, bool found, bool named)
{
    switch (part) {
    case PART_CREATE: return found ? 2 : 5;
    case PART_LIST: return named ? 1 : 4;
    case PART_SIDE: return 0;
    case PART_UPDATE: return found ? 5 : named ? 3 : 1; /* tags and other parts have calls of their own */
    default: return found ? 6 : named ? 3 : 1;
    }
}

/* True if the request adds or removes members of the role's set. */
static bool sends_members(const struct role *role, const struct value *input)
{
    for (size_t i = 0; i < role->step->call.request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->call.request.extras[i];
        if (extra->from_item && !value_is_null(value_get(input, extra->key)))
            return true;
    }
    return false;
}

/* True unless the request has items without the keys that the role's entries need. */
static bool names_entries(const struct role *role, const struct value *input)
{
    for (size_t i = 0; i < role->step->call.request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->call.request.extras[i];
        const struct value *sent = value_get(input, extra->key);
        if (!extra->from_item || !str_eqz(value_text(extra->value, STR_EMPTY), "items"))
            continue;
        bool any = false;
        for (uint32_t k = 0; sent && sent->kind == VALUE_LIST && k < sent->count && !any; k++)
            any = value_getz(sent->items[k], "key");
        if (!any)
            return false;
    }
    return true;
}

/* Among several sub-resources of one call, the one whose constants or attribute are in the request fits;
 * among several member sets, the one for which items were sent. */
static bool role_fits(const struct role *role, const struct value *input)
{
    if (role->call == OWNED_MODIFY && !sends_members(role, input))
        return false;
    for (size_t i = 0; i < role->step->call.request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->call.request.extras[i];
        const struct value *sent = value_get(input, extra->key);
        if (!extra->dynamic && !extra->from_item && extra->value->kind == VALUE_STRING && sent &&
            !value_equal(extra->value, sent))
            return false;
    }
    return !owned_is(role, OWNER_SUB_RESOURCE, OWNED_PUT) || value_get(input, role->attr->attr->name);
}

/* A flag may distinguish two forms of a call: PutParameter creates, with Overwrite it changes. An absent flag
 * does not reset a sub-resource. */
static bool flags_fit(const struct role *role, const struct value *input)
{
    for (size_t i = 0; i < role->step->call.request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->call.request.extras[i];
        const struct value *sent = value_get(input, extra->key);
        bool unset = !sent && owned_is(role, OWNER_SUB_RESOURCE, OWNED_REMOVE);
        if (extra->value->kind == VALUE_BOOL &&
            (unset || extra->value->boolean != value_equal(sent, &value_true)))
            return false;
    }
    return true;
}

/* A call may create resources of several forms (CreateClassifier), with a step for each that requires an
 * attribute, which must be in the request. */
static bool has_its_form(const struct role *role, const struct value *input)
{
    const struct value_tests *own = &role->step->when.only;
    for (size_t i = 0; (role->part == PART_CREATE || role->part == PART_UPDATE) && i < own->count; i++) {
        const struct value *values = own->items[i].values;
        bool sent = false;
        for (size_t k = 0; k < role->step->call.request.attrs.count && !sent; k++)
            sent = str_eq(role->step->call.request.attrs.items[k], own->items[i].path);
        if (sent && values->kind == VALUE_LIST && values->count == 1 &&
            str_eqz(value_text(values->items[0], STR_EMPTY), "*") && !value_get(input, own->items[i].path))
            return false;
    }
    return true;
}

bool choose_sends_setting(const struct role *role, const struct value *input)
{
    return role_fits(role, input) && flags_fit(role, input);
}

static bool has_all(const struct value *have, const struct value *wanted)
{
    for (uint32_t i = 0; wanted && i < wanted->count; i++)
        if (!have || !value_list_has(have, value_text(wanted->items[i], STR_EMPTY)))
            return false;
    return true;
}

/* A call may remove members and delete (RevokePermissions): true if members remain, so it does not delete. */
static bool leaves_some(const struct call *call, const struct role *role, const struct value *input,
    const struct resource *resource)
{
    for (size_t i = 0; role->part == PART_DELETE && resource && i < call->served->role_count; i++) {
        const struct role *other = &call->served->roles[i];
        if (other->type == role->type && owned_is(other, OWNER_MEMBERS, OWNED_REMOVE) &&
            !has_all(value_get(input, other->attr->attr->name),
                value_get(resource->attrs, other->attr->attr->name)))
            return true;
    }
    return false;
}

/* Returns the part after the account of an ARN or its template: rule/nightly,
 * rule/${event_bus|folder}${name}. */
static struct str after_account(struct str arn)
{
    for (int i = 0; i < 5 && arn.p; i++)
        str_cut(arn, ':', &arn);
    return arn;
}

/* Adds the names from the ARN of a resource that does not exist, by the type's ARN template: the last part
 * and the folder before it. Unchanged if the form differs. */
static const struct value *with_names_in_arn(
    struct call *call, const struct role *role, const struct value *input)
{
    const struct spec_attr *own = spec_attr_find(role->type, STR("arn"));
    struct str form = own ? after_account(own->template) : STR_EMPTY, folder, last;
    struct str arn = after_account(value_gets(input, "arn")), before, name;
    if (!str_take_name(&form, "${", &before, &name) || !before.n || !str_starts(arn, before))
        return input;
    arn = str_slice(arn, before.n, arn.n);
    last = str_last_part(arn, "/:");
    if (str_ends(name, STR("|folder")) && str_take_name(&form, "${", &before, &folder)) {
        struct str part = str_slice(name, 0, name.n - 7);
        const struct attr *attr = schema_attr(&role->type->schema, part);
        const struct value *usual = attr ? attr->default_value : NULL;
        bool has = arn.n > last.n;
        if (has || usual)
            input = value_with(call->arena, input, part,
                has ? value_string(call->arena, str_slice(arn, 0, arn.n - last.n - 1)) : usual);
        name = folder;
    }
    return form.n ? input : value_with(call->arena, input, name, value_string(call->arena, last));
}

bool choose_role(struct call *call, struct choice *best)
{
    struct choice absent = {.rank = -1}; /* named, but does not exist */
    *best = (struct choice){.rank = -1};
    for (size_t i = 0; i < call->served->role_count; i++) {
        const struct role *role = &call->served->roles[i];
        const struct value *input = choose_input(call, role);
        if (!input)
            return false;
        bool named = false;
        struct resource *resource = find_named(call, role, input, &named);
        if (named && !resource && role->part == PART_OWNED && role->attr->owner == OWNER_TAGS)
            input = with_names_in_arn(call, role, input);
        int rank = 2 * rank_of(role->part, resource != NULL, named) + role_fits(role, input);
        bool fitting = flags_fit(role, input) && has_its_form(role, input) && names_entries(role, input) &&
                       !leaves_some(call, role, input, resource);
        rank = fitting ? rank : rank / 4;
        bool knows_more = rank == best->rank && input->count > best->input->count;
        if (rank > best->rank || knows_more)
            *best = (struct choice){role, input, resource, rank};
        if (role->part == PART_READ && named && !resource)
            absent = (struct choice){role, input, NULL, rank};
    }
    if (best->role && best->role->part == PART_LIST && absent.role)
        *best = absent;
    return best->role != NULL;
}
