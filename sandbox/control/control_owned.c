/* What belongs to a resource: sub-resources, members, entries, tags. */
#include "sandbox/control/control_internal.h"

/* What the client took from the item at hand, by its path there: "add", "key", "items" … */
static const struct value *item_part(const struct call *call, const char *path)
{
    const struct spec_request *request = &call->role->step->call.request;
    for (size_t i = 0; i < request->extra_count; i++)
        if (request->extras[i].from_item && str_eqz(value_text(request->extras[i].value, STR_EMPTY), path))
            return value_get(call->input, request->extras[i].key);
    return NULL;
}

static const struct value *as_list(struct call *call, const struct value *v)
{
    if (value_is_null(v))
        return &value_empty_list;
    return v->kind == VALUE_LIST ? v : value_list(call->arena, &v, 1);
}

static bool list_has(const struct attr *attr, const struct value *list, const struct value *item)
{
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++)
        if (attr_equal(attr, item, list->items[i]))
            return true;
    return false;
}

/* have, plus what of `add` it lacks, minus `remove`. */
static const struct value *members_after(
    struct call *call, const struct value *have, const struct value *add, const struct value *remove)
{
    const struct attr item = {.type = call->role->attr->attr->type->elem};
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; have && have->kind == VALUE_LIST && i < have->count; i++)
        if (!list_has(&item, remove, have->items[i]))
            value_builder_add(&b, have->items[i]);
    for (uint32_t i = 0; i < add->count; i++)
        if (!list_has(&item, have, add->items[i]))
            value_builder_add(&b, add->items[i]);
    return value_builder_list(&b);
}

/* The key of an entry as the service writes it. */
static struct str folded_key(const struct call *call, const struct value *key)
{
    const struct role *role = call->role;
    return key ? value_text(normalise_attribute(call, role->type, role->attr->attr->name, key), STR_EMPTY)
               : STR_EMPTY;
}

static const struct value *with_entries(struct call *call, const struct value *have)
{
    const struct value *items = item_part(call, "items");
    if (!items) {
        const struct value *key = item_part(call, "key"), *v = item_part(call, "value");
        const struct type *elem = call->role->attr->attr->type->elem;
        if (!v && elem && elem->kind == TYPE_OBJECT)
            v = &value_empty_map; /* a request that says no more than the key */
        return value_with(call->arena, have, folded_key(call, key), v);
    }
    items = value_as_list(items);
    AUTO_BUILDER struct value_builder given = VALUE_BUILDER(call->arena);
    struct str *keys = ARENA_ARRAY(call->arena, struct str, items->count);
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *v = value_getz(items->items[i], "value");
        keys[i] = value_gets(items->items[i], "key");
        if (keys[i].n && v)
            value_builder_set(&given, keys[i], v);
    }
    return value_merge(
        call->arena, value_without(call->arena, have, keys, items->count), value_builder_map(&given));
}

static const struct value *without_keys(struct call *call, const struct value *have, const struct value *keys)
{
    keys = as_list(call, keys);
    struct str *removed = ARENA_ARRAY(call->arena, struct str, keys->count);
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct value *key = keys->items[i];
        removed[i] =
            folded_key(call, key->kind == VALUE_MAP ? value_getz(key, "key") : key); /* EC2: [{Key: k}] */
    }
    return value_without(call->arena, have, removed, keys->count);
}

static bool is_sent(const struct role *role)
{
    const struct spec_request *request = &role->step->call.request;
    for (size_t i = 0; i < request->attrs.count; i++)
        if (str_eq(request->attrs.items[i], role->attr->attr->name))
            return true;
    return false;
}

/* EnableKeyRotation says it by its name alone: not as it is by default. A call that could say it and does
 * not, such as ModifyInstanceAttribute about something else, leaves it as it is. */
static const struct value *sub_resource_value(struct call *call, const struct value *have)
{
    const struct spec_attr *attr = call->role->attr;
    const struct value *v = value_get(call->input, attr->attr->name);
    if (v)
        return v;
    v = value_get(find_implied(call, call->role, call->input), attr->attr->name);
    if (!v && attr->attr->type->kind == TYPE_BOOL && is_sent(call->role))
        return have;
    return v || attr->attr->type->kind != TYPE_BOOL
               ? v
               : value_bool(!value_equal(attr->attr->default_value, &value_true));
}

static const struct value *tags_after(struct call *call, const struct value *have)
{
    const struct value *given = item_part(call, "@");
    switch (call->role->call) {
    case OWNED_ADD: return value_merge(call->arena, have, given);
    case OWNED_REMOVE: return without_keys(call, have, given);
    case OWNED_PUT: return given;
    default: return NULL;
    }
}

/* The new value of the attribute that the role is about; NULL: it is taken away. */
static const struct value *owned_after(struct call *call, const struct value *have)
{
    bool adds = call->role->call == OWNED_ADD, removes = call->role->call == OWNED_REMOVE;
    const struct value *keys = item_part(call, "key");
    switch (call->role->attr->owner) {
    case OWNER_SUB_RESOURCE:
        return removes ? call->role->attr->attr->default_value : sub_resource_value(call, have);
    case OWNER_MEMBERS:
        return members_after(call, have, as_list(call, item_part(call, adds ? "@" : "add")),
            as_list(call, item_part(call, removes ? "@" : "remove")));
    case OWNER_ENTRIES:
        return removes ? without_keys(call, have, keys ? keys : item_part(call, "items"))
                       : with_entries(call, have);
    default: return tags_after(call, have);
    }
}

bool owned_is(const struct role *role, enum spec_owner owner, enum owned_call call)
{
    return role->part == PART_OWNED && role->call == call && role->attr->owner == owner;
}

bool owned_changes(const struct role *role)
{
    return role->part == PART_OWNED && role->call >= OWNED_PUT;
}

/* The one that is taken away, or the first of them. */
static const struct value *taken_of(struct call *call)
{
    const struct value *keys = item_part(call, "key");
    const struct value *all = as_list(call, keys ? keys : item_part(call, "@"));
    return all->count ? all->items[0] : NULL;
}

/* `once: {AttachInternetGateway: code}`: what is there already is not put again by this call. */
static int check_taken(struct call *call, const struct value *have, const struct value *after)
{
    const struct value *code =
        value_get(value_getz(call->role->type->sandbox, "once"), call->role->step->call.op->wire.name);
    bool entries = owned_is(call->role, OWNER_ENTRIES, OWNED_PUT);
    bool taken = entries ? have && after && have->count == after->count : !value_is_null(have);
    if (!code || !taken)
        return 0;
    return refuse(call, refuse_status(call, 409), value_text(code, STR_EMPTY), "%.*s is there already",
        STR_ARG(call->role->attr->attr->name));
}

/* What is taken away has to be there, and what is added has to exist, where the service looks at that. */
static int check_change_owned(struct call *call, const struct value *have, const struct value *after)
{
    const struct spec_type *type = call->role->type;
    struct str name = call->role->attr->attr->name;
    const struct value *strict = value_getz(type->sandbox, "strict");
    bool removes = call->role->call == OWNED_REMOVE && call->role->attr->owner != OWNER_TAGS;
    for (uint32_t i = 0; removes && strict && i < strict->count; i++)
        if (str_eq(value_text(strict->items[i], STR_EMPTY), name) && (!have || value_equal(have, after)))
            return refuse_absent_part(call, call->role, taken_of(call));
    bool adds = owned_is(call->role, OWNER_MEMBERS, OWNED_ADD),
         sets = adds || owned_is(call->role, OWNER_SUB_RESOURCE, OWNED_PUT);
    if (check_taken(call, have, after) || check_fixed(call, have, after) ||
        (sets && check_values(call, value_with(call->arena, NULL, name, after))))
        return -1;
    return adds ? check_reference(call, name, after) : 0;
}

/* What the request says besides counts: a new index comes with the attributes of its key. */
static int check_owned_constraints(
    struct call *call, const struct resource *resource, struct str name, const struct value *after)
{
    if (call->role->call == OWNED_REMOVE || call->role->call == OWNED_CLEAR)
        return 0;
    const struct value *attrs = value_merge(call->arena, resource->attrs, do_given(call));
    attrs = value_with(call->arena, attrs, name, after);
    return check_constraints(call, resource->attrs, attrs) || check_own(call, resource->attrs, attrs) ? -1
                                                                                                      : 0;
}

/* What goes when this setting is put. */
static const struct value *without_wiped(struct call *call, const struct value *attrs, struct str setting)
{
    const struct spec_type *type = call->role->type;
    for (size_t i = 0; i < type->owned_count; i++)
        if (spec_names_have(&type->owned[i].wiped_by, setting))
            attrs = value_with(call->arena, attrs, type->owned[i].attr->attr->name, NULL);
    return attrs;
}

int owned_change(struct call *call, struct resource *resource)
{
    struct str name = call->role->attr->attr->name;
    const struct value *have = value_get(resource->attrs, name), *after = owned_after(call, have);
    const struct value *attrs = value_with(call->arena, resource->attrs, name, after);
    if (check_change_owned(call, have, after) || check_owned_constraints(call, resource, name, after))
        return -1;
    return do_change(call, resource, without_wiped(call, attrs, name));
}

int owned_check(struct call *call, const struct resource *resource)
{
    const struct role *role = call->role;
    const struct value *v = value_get(resource->attrs, role->attr->attr->name);
    if (owned_is(role, OWNER_SUB_RESOURCE, OWNED_GET) && value_is_null(v) && role->step->call.absent.count)
        return refuse_absent_part(call, role, NULL);
    if (owned_is(role, OWNER_ENTRIES, OWNED_GET) &&
        !value_get(v, value_text(item_part(call, "key"), STR_EMPTY)))
        return refuse_absent_part(call, role, item_part(call, "key"));
    return 0;
}
