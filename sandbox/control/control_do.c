/* Doing what a request asks for: making, changing, deleting, listing. */
#include "sandbox/control/control_internal.h"

#include "base/clock.h"
#include "base/mem.h"

/* ---- resources ---- */

/* Items that have more than key and value are kept as what a file says: texts, and the keys with the flag. */
static void take_tags(struct call *call, const struct value *items, struct value_builder *b)
{
    const struct spec_tags *tags = call->role->type->tags;
    value_builder_set(b, tags->attr->attr->name, spec_tag_texts(call->arena, items));
    if (tags->flag)
        value_builder_set(b, tags->flag->attr->name, spec_tags_flagged(call->arena, tags, items));
}

const struct value *do_given(struct call *call)
{
    const struct spec_type *type = call->role->type;
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < call->input->count; i++) {
        const struct spec_attr *attr = spec_attr_find(type, call->input->entries[i].key);
        if (attr && type->tags && attr == type->tags->attr && type->tags->structures)
            take_tags(call, call->input->entries[i].value, &b);
        else if (attr && !attr->steers)
            value_builder_set(&b, attr->attr->name,
                normalise_attribute(call, type, attr->attr->name, call->input->entries[i].value));
    }
    return value_builder_map(&b);
}

struct resource *do_add(
    struct call *call, const struct spec_type *type, struct str region, const struct value *attrs)
{
    struct err err = ERR_INIT;
    if (call->dry_run) {
        refuse_dry_run(call);
        return NULL;
    }
    struct resource *resource = store_add(call->control, type, region, attrs, &err);
    if (resource && number_given(call->control, resource, &err)) {
        store_remove(call->control, resource);
        resource = NULL;
    }
    if (!resource)
        refuse_unkept(call, &err);
    return resource;
}

/* Creating the same again gives what is there, where the service is so (CreateTopic). */
static bool is_idempotent(const struct spec_step *step)
{
    bool by_token = false;
    for (size_t i = 0; i < step->call.request.extra_count; i++)
        by_token = by_token || str_eqz(value_text(step->call.request.extras[i].value, STR_EMPTY), "${token}");
    struct str call = step->call.op->wire.name;
    return step->call.idempotent && !by_token &&
           (str_starts(call, STR("Create")) || str_starts(call, STR("Subscribe")));
}

/* A call that may be repeated answers the same again, unless it asks for something else by the same name:
 * call->item is then what differs. */
static bool asks_again(struct call *call, const struct resource *existing, const struct value *attrs)
{
    const struct value *token = find_token(call, call->role, call->input);
    if (token && value_equal(token, value_getz(existing->attrs, TOKEN_KEY)))
        return true;
    if (existing->deleted_ms)
        return false;
    const struct value *again =
        value_get(value_getz(call->role->type->sandbox, "again"), call->served->op->wire.name);
    for (uint32_t i = 0; i < attrs->count; i++) {
        const struct spec_attr *attr = spec_attr_find(call->role->type, attrs->entries[i].key);
        if (attr->owner != OWNER_TAGS && !value_list_has(again, attr->attr->name) &&
            !attr_equal(attr->attr, attrs->entries[i].value, value_get(existing->attrs, attr->attr->name))) {
            call->item = value_string(call->arena, str_last_part(attr->wire, "."));
            return false;
        }
    }
    return again || is_idempotent(call->role->step);
}

static int create(struct call *call, struct resource *existing, struct resource **out)
{
    const struct spec_type *type = call->role->type;
    const struct value *attrs = find_implied(call, call->role, do_given(call));
    if (check_reserved(call, attrs))
        return -1;
    bool waits = existing && (soft_is_waiting(existing) || fill_lingers(call->control, existing));
    if (existing && !waits && asks_again(call, existing, attrs)) {
        *out = existing;
        return 0;
    }
    if (existing)
        return waits ? soft_refuse(call, existing) : refuse_existing(call, existing);
    if (check_attributes(call, attrs) || check_forms(call, attrs) || check_together(call, attrs) ||
        check_references(call, attrs) || check_rules(call, attrs))
        return -1;
    attrs = fill_new(call, type, attrs);
    attrs = fill_kept(call, type, attrs);
    attrs = value_with(call->arena, attrs, STR(TOKEN_KEY), find_token(call, call->role, call->input));
    struct resource *made = do_add(call, type, find_region(call, type), attrs);
    if (!made)
        return -1;
    if (implied_make(call, made)) {
        implied_undo(call, made);
        return -1;
    }
    *out = made;
    return 0;
}

int do_change(struct call *call, struct resource *resource, const struct value *attrs)
{
    struct err err = ERR_INIT;
    if (call->dry_run)
        return refuse_dry_run(call);
    /* the tagging API is no operation of a type */
    enum part part = call->role ? call->role->part : PART_TAGS_ADD;
    bool tags =
        part == PART_TAGS_ADD || part == PART_TAGS_REMOVE || part == PART_TAGS_PUT || part == PART_TAGS_CLEAR;
    return store_change(call->control, resource, attrs, tags, &err) ? refuse_unkept(call, &err) : 0;
}

static int delete (struct call *call, struct resource *resource)
{
    if (resource->deleted_ms)
        return 0;
    if (check_delete(call, resource))
        return -1;
    bool at_once = value_equal(
        value_get(call->input, value_text(soft_rule(resource, "unless"), STR_EMPTY)), &value_true);
    if (soft_mark(resource).n && !at_once) {
        const struct value *now =
            value_string(call->arena, time_rfc3339(call->arena, clock_wall_ms(), false));
        return do_change(call, resource, value_with(call->arena, resource->attrs, soft_mark(resource), now));
    }
    struct err err = ERR_INIT;
    if (call->dry_run)
        return refuse_dry_run(call);
    if (store_delete(call->control, resource, clock_wall_ms(), &err))
        return refuse_unkept(call, &err);
    return implied_delete(call, resource) || implied_leave(call, resource) ? -1 : 0;
}

/* ---- the call ---- */

static void found_one(struct resource *resource, struct resource ***found, size_t *n)
{
    *found = mem_alloc(sizeof **found);
    (*found)[0] = resource;
    *n = 1;
}

/* A data source is answered from the spec alone: there is always one, unless it says which there are. */
static bool is_data(const struct call *call)
{
    const struct spec_type *type = call->role->type;
    return type->schema.is_data && type->sandbox && !value_getz(type->sandbox, "standing");
}

/* Some describing calls leave out what is not there: `quiet` names them. */
static bool is_quiet(const struct call *call)
{
    return value_list_has(value_getz(call->role->type->sandbox, "quiet"), call->served->op->wire.name);
}

/* Nothing of the kind is there: what it would be a part of has to be, as for a function without settings. */
static int leave_out(struct call *call)
{
    const struct value *parts = value_getz(call->role->type->sandbox, "part_of");
    for (uint32_t i = 0; parts && i < parts->count; i++)
        if (check_reference(call, parts->entries[i].key, value_get(call->input, parts->entries[i].key)))
            return -1;
    return 0;
}

/* A document that resources make up (Lambda's policies) is not there where none of them is. */
static bool is_empty_document(const struct call *call, size_t n)
{
    return !n && call->role->step->reply.parse.n;
}

int do_call(struct call *call, struct resource *resource, struct resource ***found, size_t *n)
{
    const struct role *role = call->role;
    if (role->part == PART_LIST) {
        list_resources(call, found, n);
        return is_empty_document(call, *n) ? refuse_absent(call, role) : 0;
    }
    if (role->part == PART_SIDE)
        return 0;
    if (role->part == PART_CREATE) {
        if (create(call, resource, &resource))
            return -1;
    } else if (!resource && !is_data(call)) {
        bool lists =
            role->step->reply.at.n && str_ends(role->step->reply.at, STR("[]")) && role->part == PART_READ;
        bool named = false;
        find_named(call, role, call->input, &named);
        if (lists && !named)
            return 0;
        return is_quiet(call) ? leave_out(call) : refuse_absent(call, role);
    }
    if (role->part == PART_UPDATE && update_resource(call, resource))
        return -1;
    if (role->part == PART_DELETE && delete (call, resource))
        return -1;
    if (owned_changes(role->part) && owned_change(call, resource))
        return -1;
    if (role->attr && owned_check(call, resource))
        return -1;
    if (resource)
        found_one(resource, found, n);
    return 0;
}
