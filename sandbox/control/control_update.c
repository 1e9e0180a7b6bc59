/* Changes of a resource's own attributes, immediate, deferred or merged; and of its parts. */
#include "sandbox/control/control_internal.h"

#include "provider/spec/act.h"

/* True unless the value changes only with other attributes (changes_with) that the request does not set. */
static bool is_affected(const struct spec_type *type, struct str name, const struct value *given)
{
    const struct spec_attr *attr = spec_attr_find(type, name);
    for (size_t i = 0; attr && i < attr->changes_with.count; i++)
        if (value_get(given, attr->changes_with.items[i]))
            return true;
    return !attr || !attr->changes_with.count;
}

/* ---- `defers: {unless: apply_immediately, attributes: […]}`: deferred changes ---- */

static bool is_urgent(const struct call *call, const struct resource *resource)
{
    struct str unless = value_gets(value_getz(resource->type->sandbox, "defers"), "unless");
    return value_equal(value_get(call->input, unless), &value_true);
}

static bool is_deferred(
    const struct call *call, const struct resource *resource, const struct attr *attr, const struct value *v)
{
    const struct value *names = value_getz(value_getz(resource->type->sandbox, "defers"), "attributes");
    return value_list_has(names, attr->name) && !is_urgent(call, resource) &&
           !attr_equal(attr, v, value_get(resource->attrs, attr->name));
}

static const struct value *deferred(
    struct call *call, const struct value *attrs, const struct attr *attr, const struct value *v)
{
    const struct value *waiting = value_getz(attrs, PENDING_KEY);
    return value_with(call->arena, attrs, STR(PENDING_KEY), value_with(call->arena, waiting, attr->name, v));
}

/* Applies earlier deferred changes together with an immediate one. */
static const struct value *with_deferred(
    struct call *call, const struct resource *resource, const struct value *attrs)
{
    const struct value *waiting = value_getz(attrs, PENDING_KEY);
    if (!waiting || !is_urgent(call, resource))
        return attrs;
    return value_with(call->arena, value_merge(call->arena, attrs, waiting), STR(PENDING_KEY), NULL);
}

/* True for a call that keeps members that it does not set (`merges`). */
static bool is_merging(const struct call *call)
{
    return value_list_has(
        value_getz(call->role->type->sandbox, "merges"), call->role->step->call.op->wire.name);
}

/* Merges objects: fields that the request does not set are kept. */
static const struct value *with_fields(
    struct arena *arena, const struct type *type, const struct value *have, const struct value *given)
{
    if (type->kind != TYPE_OBJECT || !have || have->kind != VALUE_MAP || given->kind != VALUE_MAP)
        return given;
    const struct value *merged = have;
    for (uint32_t i = 0; i < given->count; i++) {
        const struct attr *field = type_field(type, given->entries[i].key);
        const struct value *v = given->entries[i].value;
        if (field)
            v = with_fields(arena, field->type, value_get(have, field->name), v);
        merged = value_with(arena, merged, given->entries[i].key, v);
    }
    return merged;
}

/* Keeps immutable fields of a structure that is replaced. */
static const struct value *with_fixed(
    struct arena *arena, const struct type *type, const struct value *have, const struct value *given)
{
    for (size_t i = 0; type->kind == TYPE_OBJECT && i < type->field_count; i++) {
        const struct attr *field = &type->fields[i];
        const struct value *had = value_get(have, field->name);
        if (field->replace && had && !value_get(given, field->name))
            given = value_with(arena, given, field->name, had);
    }
    return given;
}

/* Merges an attribute in `whole`: each given field is replaced as a whole, an empty one is removed. */
static const struct value *with_wholes(
    struct arena *arena, const struct type *type, const struct value *have, const struct value *given)
{
    const struct value *merged = have;
    for (uint32_t i = 0; given->kind == VALUE_MAP && i < given->count; i++) {
        struct str name = given->entries[i].key;
        const struct attr *field = type_field(type, name);
        const struct value *v = given->entries[i].value;
        if (field)
            v = with_fixed(arena, field->type, value_get(have, name), v);
        bool empty = v->kind == VALUE_STRING ? !v->string.n : value_is_null(v) || !v->count;
        merged = value_with(arena, merged, name, empty ? NULL : v);
    }
    return merged;
}

/* `whole: {parameters: target}`: the parameters are not kept if the request changes the target. */
static bool is_reset(const struct resource *resource, const struct value *given, const struct value *with)
{
    struct str name = value_text(with, STR_EMPTY);
    const struct value *v = name.n ? value_get(given, name) : NULL;
    return v && !value_equal(v, value_get(resource->attrs, name));
}

static const struct value *merged_attribute(struct call *call, const struct resource *resource,
    const struct attr *attr, const struct value *given, const struct value *v)
{
    const struct value *whole = value_getz(resource->type->sandbox, "whole"),
                       *with = value_get(whole, attr->name), *have = value_get(resource->attrs, attr->name);
    if (!with)
        return with_fields(call->arena, attr->type, have, v);
    return with_wholes(
        call->arena, attr->type, have && !is_reset(resource, given, with) ? have : &value_empty_map, v);
}

static const struct value *given_to_update(struct call *call, const struct resource *resource)
{
    const struct value *given = do_given(call);
    if (!is_merging(call))
        return given;
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < given->count; i++) {
        const struct spec_attr *attr = spec_attr_find(resource->type, given->entries[i].key);
        value_builder_set(&b, attr->attr->name,
            merged_attribute(call, resource, attr->attr, given, given->entries[i].value));
    }
    return value_builder_map(&b);
}

/* True for document types: a removed document is absent, not empty. */
static bool is_document(const struct attr *attr)
{
    return attr->type->kind == TYPE_JSON || attr->type->kind == TYPE_POLICY;
}

const struct value *update_new(struct call *call, const struct resource *resource, const char *when,
    const struct value *given, const struct value *attrs)
{
    const struct value *values = value_getz(resource->type->sandbox, when);
    for (uint32_t i = 0; values && i < values->count; i++) {
        const struct value *template = is_affected(resource->type, values->entries[i].key, given)
                                           ? fill_fitting(values->entries[i].value, attrs)
                                           : NULL;
        const struct value *v =
            template ? fill_text(call, resource->type, template, attrs, resource->revision + 1) : NULL;
        if (v)
            attrs = value_with(call->arena, attrs, values->entries[i].key, v);
    }
    return attrs;
}

/* Applies the configured attributes. With `full`, omitted attributes are reset to their defaults. */
static const struct value *updated(
    struct call *call, const struct resource *resource, const struct value *given)
{
    const struct spec_step *step = call->role->step;
    const struct value *attrs = resource->attrs;
    bool full = step->call.full && !is_merging(call);
    given = find_implied(call, call->role, given);
    for (size_t i = 0; full && i < step->call.request.attrs.count; i++) {
        const struct attr *attr = schema_attr(&resource->type->schema, step->call.request.attrs.items[i]);
        bool filled = attr && !value_list_has(value_getz(resource->type->sandbox, "unfilled"), attr->name);
        if (attr && attr->settable && !attr->replace && !value_get(given, attr->name))
            attrs = value_with(call->arena, attrs, attr->name, filled ? attr->default_value : NULL);
    }
    attrs = with_deferred(call, resource, fill_kept(call, resource->type, attrs));
    for (uint32_t i = 0; i < given->count; i++) {
        const struct spec_attr *spec = spec_attr_find(resource->type, given->entries[i].key);
        const struct attr *attr = spec->attr;
        const struct value *v = given->entries[i].value;
        bool says = attr->settable || (spec->hidden && call->role->also);
        if (!says || attr->replace) /* only identify the resource */
            continue;
        if (is_document(attr) && check_takes_away(spec, v))
            v = NULL;
        attrs = v && is_deferred(call, resource, attr, v) ? deferred(call, attrs, attr, v)
                                                          : value_with(call->arena, attrs, attr->name, v);
    }
    bool changed = !value_equal(attrs, resource->attrs);
    attrs = update_new(call, resource, "on_update", given, attrs);
    return changed ? update_new(call, resource, "on_change", given, attrs) : attrs;
}

/* Applies patch operations. *removed: removed attributes with their defaults. */
static int patched(struct call *call, const struct resource *resource, const struct value **given,
    const struct value **removed)
{
    const struct spec_step *step = call->role->step;
    const struct spec_request *request = &step->call.request;
    const struct value *list = value_get(call->input, STR(PATCH_KEY)), *before, *after;
    struct str unknown;
    struct str service = call->service->spec->aws.signing_name, operation = call->served->op->wire.name;
    if (control_patch_check(call->control, call->arena, service, operation, list, call->err) ||
        act_patch_document(call->arena, request, resource->attrs, &before, call->err))
        return -1;
    if (!patch_apply(call->arena, step->call.op->patch, &request->patched, before, list, &after, &unknown))
        return refuse(call, 400, invalid_code(call, unknown), "Invalid patch path %.*s", STR_ARG(unknown));
    struct value_builder says = VALUE_BUILDER(call->arena), takes = VALUE_BUILDER(call->arena);
    after = wire_coerce(call->arena, &request->patched, after);
    for (size_t i = 0; i < request->attrs.count; i++) {
        const struct attr *attr = schema_attr(&resource->type->schema, request->attrs.items[i]);
        const struct value *have = attr ? value_get(resource->attrs, attr->name) : NULL,
                           *v = attr ? value_get(after, attr->name) : NULL;
        if (v && !(have && value_equal(have, v)))
            value_builder_set(&says, attr->name, normalise_attribute(call, resource->type, attr->name, v));
        else if (!v && have && attr->settable && !attr->replace)
            value_builder_set(&takes, attr->name, attr->default_value ? attr->default_value : &value_null);
    }
    *given = value_builder_map(&says);
    *removed = value_builder_map(&takes);
    return 0;
}

int update_implied(struct call *call, struct resource *made, const struct value *given)
{
    const struct value *attrs = value_merge(call->arena, made->attrs, given);
    return value_equal(attrs, made->attrs)
               ? 0
               : do_change(call, made, update_new(call, made, "on_update", given, attrs));
}

int update_resource(struct call *call, struct resource *resource)
{
    const struct value *given = &value_empty_map, *removed = &value_empty_map;
    if (!call->role->step->call.op->patch)
        given = given_to_update(call, resource);
    else if (patched(call, resource, &given, &removed))
        return -1;
    if (check_values(call, given) || check_own(call, NULL, given))
        return -1;
    const struct value *attrs = updated(call, resource, given);
    for (uint32_t i = 0; i < removed->count; i++)
        attrs = value_with(call->arena, attrs, removed->entries[i].key,
            value_is_null(removed->entries[i].value) ? NULL : removed->entries[i].value);
    return soft_restore(call, resource, &attrs) || check_constraints(call, resource->attrs, attrs) ||
           check_forms(call, attrs) || check_references(call, attrs) || do_change(call, resource, attrs) ||
           implied_follow(call, resource);
}

/* ---- parts of a resource: sub-resources, members, entries, tags ---- */

/* Returns the member that the client fills from the item, by its path: "add", "key", "items" … */
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

/* Returns `have` with the items of `add` and without those of `remove`. */
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

/* Returns an entry's key as the service stores it. */
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
            v = &value_empty_map; /* the request has only the key */
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

/* EnableKeyRotation implies the opposite of the default. A call that could set the value but does not, such
 * as ModifyInstanceAttribute for another attribute, keeps it. */
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

/* Returns the new value of the role's attribute; NULL: removed. */
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

/* Returns the first removed item. */
static const struct value *taken_of(struct call *call)
{
    const struct value *keys = item_part(call, "key");
    const struct value *all = as_list(call, keys ? keys : item_part(call, "@"));
    return all->count ? all->items[0] : NULL;
}

/* `once: {AttachInternetGateway: code}`: the call is refused if the value exists. */
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

/* Removed items must exist, and added ones must refer to existing resources, if the service checks it. */
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

/* The request's other attributes are included: a new index is sent with the attributes of its key. */
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

/* Removes attributes that putting this setting resets. */
static const struct value *without_deleted(struct call *call, const struct value *attrs, struct str setting)
{
    const struct spec_type *type = call->role->type;
    for (size_t i = 0; i < type->owned_count; i++)
        if (spec_names_have(&type->owned[i].deleted_by, setting))
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
    return do_change(call, resource, without_deleted(call, attrs, name));
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
