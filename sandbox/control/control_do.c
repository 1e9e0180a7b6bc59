/* Executes requests (create, update, delete, list); builds inner requests. */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/control/control_internal.h"

/* ---- inner requests, as a client would send them ---- */

static const struct served *served_by_name(
    const struct control *control, struct str service, struct str name, const struct spec_service **spec)
{
    *spec = NULL;
    for (const struct served_service *s = index_services(control, service); s; s = s->next) {
        *spec = s->spec;
        for (size_t k = 0; k < s->op_count; k++)
            if (str_eq(s->ops[k].op->wire.name, name))
                return &s->ops[k];
    }
    return NULL;
}

/* Returns the first letter of a member's name, which shows the case of all. */
static char first_letter(const struct shape *shape)
{
    for (size_t i = 0; shape->kind == SHAPE_STRUCT && i < shape->member_count; i++) {
        const struct shape_member *member = &shape->members[i];
        if (member->wire.n && member->location == WIRE_BODY)
            return member->wire.p[0];
    }
    return '\0';
}

bool control_is_camel(const struct control *control, struct str service)
{
    for (const struct served_service *s = index_services(control, service); s; s = s->next)
        for (size_t k = 0; k < s->op_count; k++)
            for (size_t r = 0; r < s->ops[k].role_count; r++) {
                char c = first_letter(&s->ops[k].roles[r].step->call.request.shape);
                if (c)
                    return c >= 'a' && c <= 'z';
            }
    return false;
}

/* Members are sent where the spec says; all others in the body. */
static struct shape shape_of(struct arena *arena, const struct spec_operation *op, const struct value *input)
{
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, input->count + 1);
    for (uint32_t i = 0; i < input->count; i++) {
        struct str name = input->entries[i].key;
        members[i] = (struct shape_member){.name = name, .wire = name, .shape = &shape_any};
        spec_place_member(op, &members[i]);
    }
    return (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = input->count};
}

/* Builds a JSON request with X-Amz-Target, which query services accept too. */
static void post(struct arena *arena, struct str prefix, struct str operation, const struct value *input,
    struct wire_message *out)
{
    AUTO_BUF struct buf body = BUF_INIT;
    *out = (struct wire_message){.method = STR("POST"), .path = STR("/"), .query = STR_EMPTY};
    json_write(&body, input, JSON_PLAIN);
    out->body = arena_str(arena, buf_str(&body));
    wire_header_add(arena, out, STR("X-Amz-Target"),
        arena_printf(arena, "%.*s.%.*s", STR_ARG(prefix.n ? prefix : STR("Inside")), STR_ARG(operation)));
}

int control_request(const struct control *control, struct arena *arena, struct str service,
    struct str operation, const struct value *input, struct wire_operation *wire, struct wire_message *out,
    struct err *err)
{
    const struct spec_service *spec;
    const struct served *served = served_by_name(control, service, operation, &spec);
    input = input ? input : &value_empty_map;
    bool callable = spec && spec->protocol != WIRE_REST_XML;
    if (!served || !callable)
        return err_set(err, ERR_INVALID, "the sandbox does not execute %.*s of %.*s for its own services",
            STR_ARG(operation), STR_ARG(service));
    *wire = served->op->wire;
    if (spec->protocol == WIRE_REST_JSON || spec->protocol == WIRE_EC2) {
        struct shape shape = shape_of(arena, served->op, input);
        return wire_encode_request(arena, wire, &shape, input, out, err);
    }
    wire->protocol = spec->protocol == WIRE_QUERY ? WIRE_JSON10 : spec->protocol;
    post(arena, wire->target_prefix, operation, input, out);
    return 0;
}

/* ---- resources ---- */

/* Tags with further members are stored as configured: strings, and the flagged keys. */
static void take_tags(struct call *call, const struct value *items, struct value_builder *b)
{
    const struct spec_owned *tags = call->role->type->tags;
    value_builder_set(b, tags->attr->attr->name, spec_tag_texts(call->arena, items));
    if (tags->flag)
        value_builder_set(b, tags->flag->attr->name, spec_tags_flagged(call->arena, tags, items));
}

/* Returns the configured attributes; `steering`: also those used by weir itself (`local`). */
static const struct value *given_attributes(struct call *call, bool steering)
{
    const struct spec_type *type = call->role->type;
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < call->input->count; i++) {
        const struct spec_attr *attr = spec_attr_find(type, call->input->entries[i].key);
        if (attr && type->tags && attr == type->tags->attr && type->tags->structures)
            take_tags(call, call->input->entries[i].value, &b);
        else if (attr && (steering || !attr->weir_only))
            value_builder_set(&b, attr->attr->name,
                normalise_attribute(call, type, attr->attr->name, call->input->entries[i].value));
    }
    return value_builder_map(&b);
}

const struct value *do_given(struct call *call)
{
    return given_attributes(call, false);
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

/* True if creating an existing resource returns it (CreateTopic). */
static bool is_idempotent(const struct spec_step *step)
{
    bool by_token = false;
    for (size_t i = 0; i < step->call.request.extra_count; i++)
        by_token = by_token || str_eqz(value_text(step->call.request.extras[i].value, STR_EMPTY), "${token}");
    struct str call = step->call.op->wire.name;
    return step->call.idempotent && !by_token &&
           (str_starts(call, STR("Create")) || str_starts(call, STR("Subscribe")));
}

/* True if the request repeats the one that created the resource; otherwise call->item is the differing
 * member. */
static bool repeats_creation(struct call *call, const struct resource *existing, const struct value *attrs)
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
    bool waits = existing && (soft_is_waiting(existing) || fill_still_uses(call->control, existing));
    if (existing && !waits && repeats_creation(call, existing, attrs)) {
        *out = existing;
        return 0;
    }
    if (check_attributes(call, attrs) || check_forms(call, attrs) ||
        check_together(call, value_merge(call->arena, given_attributes(call, true), attrs)))
        return -1;
    if (existing)
        return waits ? soft_refuse(call, existing) : refuse_existing(call, existing);
    if (check_references(call, attrs) || check_own(call, NULL, attrs))
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
    /* the tagging API has no role */
    bool tags = !call->role || (call->role->attr && call->role->attr->owner == OWNER_TAGS);
    if (tags)
        attrs = update_new(call, resource, "on_tags", &value_empty_map, attrs);
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

/* ---- execution of a role ---- */

static void found_one(struct resource *resource, struct resource ***found, size_t *n)
{
    *found = mem_alloc(sizeof **found);
    (*found)[0] = resource;
    *n = 1;
}

/* True for a data source without `standing`, which is answered from the spec. */
static bool is_data(const struct call *call)
{
    const struct spec_type *type = call->role->type;
    return type->schema.is_data && type->sandbox && !value_getz(type->sandbox, "standing");
}

/* True if the call returns an empty result for a missing resource (`quiet`). */
static bool is_quiet(const struct call *call)
{
    return value_list_has(value_getz(call->role->type->sandbox, "quiet"), call->served->op->wire.name);
}

/* Returns an empty result, after checking that the parent resource exists. */
static int answer_empty(struct call *call)
{
    const struct value *parts = value_getz(call->role->type->sandbox, "part_of");
    for (uint32_t i = 0; parts && i < parts->count; i++)
        if (check_reference(call, parts->entries[i].key, value_get(call->input, parts->entries[i].key)))
            return -1;
    return 0;
}

/* True for a document built from resources (Lambda's policies) without any. */
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
        return is_quiet(call) ? answer_empty(call) : refuse_absent(call, role);
    }
    if (role->part == PART_UPDATE && update_resource(call, resource))
        return -1;
    if (role->part == PART_DELETE && delete (call, resource))
        return -1;
    if (owned_changes(role) && owned_change(call, resource))
        return -1;
    if (role->attr && owned_check(call, resource))
        return -1;
    if (resource)
        found_one(resource, found, n);
    return 0;
}
