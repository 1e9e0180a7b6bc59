/*
 * Responses: the paths at which the client side reads attributes determine where they are written.
 */
#include "sandbox/control/control_internal.h"

#include "provider/spec/act.h"

/* ---- response of each role ---- */

/* Adds the list of a listing without items. */
static void render_empty_list(struct making *m, struct part_node *root, struct str at)
{
    ptrdiff_t end = str_find(at, STR("[]"), 0);
    bool list;
    if (end >= 0)
        render_node(m, root, str_slice(at, 0, (size_t)end + 2), &list);
}

static void render_owned(struct making *m, struct part_node *root, const struct resource *resource)
{
    const struct role *role = m->call->role;
    const struct value *v = value_get(resource->attrs, role->attr->attr->name);
    struct str at = role->step->reply.at;
    bool list;
    if (role->step->list.page.more.n) /* all items of a resource are on one page */
        document_put(m, root, role->step->list.page.more, &document_flag, &value_false);
    if (role->call != OWNED_GET && str_eqz(role->step->list.page.out, "Marker"))
        document_put(m, root, STR("IsTruncated"), &document_flag, &value_false);
    if (role->call == OWNED_GET) {
        struct part_node *node = render_node(m, root, at, &list);
        if (!value_is_null(v))
            document_put(m, node, act_answer_path(role->step, role->attr), role->attr->answer, v);
    } else if (owned_is(role, OWNER_TAGS, OWNED_LIST)) {
        document_put(m, root, at, role->owned->listed, v ? v : &value_empty_map);
    } else if (owned_is(role, OWNER_MEMBERS, OWNED_LIST)) {
        if (v && v->count)
            document_put(m, root, at, role->attr->answer, v);
        else
            render_empty_list(m, root, at);
        if (v)
            render_item_extras(m, root, at, role->type, role->attr, v);
    } else if (owned_is(role, OWNER_ENTRIES, OWNED_LIST)) {
        render_entries(m, root, at, role->owned, role->owned->get != NULL, v);
    }
}

static void render_entry(struct making *m, struct part_node *root, const struct resource *resource)
{
    const struct role *role = m->call->role;
    const struct spec_owned *e = role->owned;
    struct str key = STR_EMPTY;
    for (size_t i = 0; i < role->step->call.request.extra_count; i++)
        if (role->step->call.request.extras[i].from_item)
            key = value_text(value_get(m->call->input, role->step->call.request.extras[i].key), STR_EMPTY);
    const struct value *v = value_get(value_get(resource->attrs, role->attr->attr->name), key);
    bool list;
    struct part_node *node = render_node(m, root, role->step->reply.at, &list);
    /* Members that identified the entry are returned with it. */
    for (size_t i = 0; i < role->step->call.request.shape.member_count; i++) {
        const struct shape_member *member = &role->step->call.request.shape.members[i];
        const struct value *sent = value_get(m->call->input, member->name);
        if (member->wire.n && sent && !member->group)
            document_put(m, node, member->wire, member->shape, sent);
    }
    if (v)
        document_put(m, node, e->answer, e->attr->answer->elem, v);
}

static bool gives_objects(const struct role *role)
{
    return role->part == PART_CREATE || role->part == PART_READ || role->part == PART_LIST ||
           role->part == PART_UPDATE ||
           (role->part == PART_DELETE && (role->step->reply.at.n || role->step->reply.answer_count));
}

/* Adds `shows_in` to responses without an object. */
static void render_shown_in(struct making *m, struct part_node *root, const struct resource *resource)
{
    const struct role *role = m->call->role;
    m->call->subject = resource;
    render_shown(m, root, role->type,
        value_get(value_getz(role->type->sandbox, "shows_in"), role->step->call.op->wire.name),
        fill_now(m->call, resource));
}

/* Returns the path of the outer list of "Reservations[].Instances[]". */
static struct str outer_path(struct str at)
{
    return str_slice(at, 0, (size_t)str_find(at, STR("[]"), 0) + 2);
}

/* True if the element has one of the resource's required attributes under the same name. */
static bool is_parent(const struct part_node *element, const struct resource *resource)
{
    for (const struct part_node *at = element->first; at; at = at->next)
        for (size_t i = 0; i < resource->type->attr_count; i++) {
            const struct spec_attr *attr = &resource->type->attrs[i];
            if (str_eq(attr->read, at->name) && attr->attr->required && at->value &&
                value_equal(at->value, value_get(resource->attrs, attr->attr->name)))
                return true;
        }
    return false;
}

/* True if no role lists the objects of the outer list. */
static bool has_no_outer_listing(const struct making *m, struct str outer)
{
    for (size_t i = 0; i < m->call->served->role_count; i++) {
        const struct role *other = &m->call->served->roles[i];
        if (other->part == PART_LIST && str_eq(other->step->reply.at, outer))
            return false;
    }
    return true;
}

/* Returns the inner list for a resource. If nothing lists the outer objects (an instance's reservation), an
 * element is created; otherwise NULL if the resource belongs to none of them. */
static struct part_node *parent_of(struct making *m, struct part_node *root, const struct resource *resource)
{
    struct str at = m->call->role->step->reply.at, outer = outer_path(at);
    bool list;
    struct part_node *elements = render_node(m, root, outer, &list), *home = NULL;
    for (struct part_node *e = elements->first; e && !home; e = e->next)
        home = is_parent(e, resource) ? e : NULL;
    if (!home && has_no_outer_listing(m, outer))
        home = document_child(m, elements, STR_EMPTY, true);
    return home ? render_node(m, home, str_slice(at, outer.n + 1, at.n), &list) : NULL;
}

static void render_collected(struct making *m, struct part_node *node, const struct value *collected)
{
    for (uint32_t i = 0; i < collected->count; i++) {
        const struct value *list = collected->entries[i].value;
        if (list->kind != VALUE_LIST) {
            document_put(m, node, collected->entries[i].key, render_shape(m, list), list);
            continue;
        }
        struct part_node *at = document_child(m, node, collected->entries[i].key, false);
        at->is_list = true;
        for (uint32_t k = 0; k < list->count; k++)
            document_put(m, document_child(m, at, STR_EMPTY, true), STR_EMPTY,
                render_shape(m, list->items[k]), list->items[k]);
    }
}

/* True if the element has the attributes that the spec reads around the resource (answers: {resource:
 * ^.id}). */
static bool is_enclosing(
    const struct making *m, const struct part_node *element, const struct resource *resource)
{
    const struct spec_reply *reply = &m->call->role->step->reply;
    bool around = false;
    for (size_t i = 0; i < reply->answer_count; i++) {
        struct str path = reply->answers[i].path;
        if (!str_starts(path, STR("^.")))
            continue;
        const struct part_node *at = element->first;
        while (at && !str_eq(at->name, str_slice(path, 2, path.n)))
            at = at->next;
        if (!at || !at->value || !value_equal(at->value, value_get(resource->attrs, reply->answers[i].attr)))
            return false;
        around = true;
    }
    return around;
}

/* Returns the attribute that is the key of a map: the required one that is not read around it. */
static struct str value_key(const struct role *role)
{
    for (size_t i = 0; i < role->type->attr_count; i++) {
        const struct spec_attr *attr = &role->type->attrs[i];
        struct str path = act_answer_path(role->step, attr);
        if (attr->attr->required && attr->attr->replace && attr->readable && !str_starts(path, STR("^.")))
            return attr->attr->name;
    }
    return STR_EMPTY;
}

/* Adds map values (items[].resourceMethods{}) to the elements that they belong to. */
static void render_values(
    struct making *m, struct part_node *root, struct resource *const *resources, size_t n)
{
    struct str at = m->call->role->step->reply.at, outer = outer_path(at);
    struct str map = str_slice(at, outer.n + 1, at.n - 2);
    bool list;
    struct part_node *elements = render_node(m, root, outer, &list);
    for (size_t i = 0; i < n; i++) {
        struct part_node *e = elements->first;
        while (e && !is_enclosing(m, e, resources[i]))
            e = e->next;
        if (!e)
            continue;
        struct part_node *values = document_child(m, e, map, false);
        struct str key = value_text(value_get(resources[i]->attrs, value_key(m->call->role)), STR_EMPTY);
        m->call->subject = resources[i];
        render_object(
            m, document_child(m, values, key, false), m->call->role, fill_now(m->call, resources[i]));
    }
}

static void render_resources(
    struct making *m, struct part_node *root, struct resource *const *resources, size_t n)
{
    const struct role *role = m->call->role;
    bool list;
    if (str_ends(role->step->reply.at, STR("{}"))) {
        render_values(m, root, resources, n);
        return;
    }
    bool nested = role->part == PART_LIST && str_find(role->step->reply.at, STR("[]."), 0) >= 0;
    struct part_node *node = nested ? render_node(m, root, outer_path(role->step->reply.at), &list)
                                    : render_node(m, root, role->step->reply.at, &list);
    /* Objects inside a listed resource are all on its page. */
    bool paged =
        role->part == PART_LIST && !(nested && !has_no_outer_listing(m, outer_path(role->step->reply.at)));
    size_t first = 0, end = paged ? page_cut(m, root, &resources, n, &first) : n;
    /* Services with markers also return whether the listing is truncated. */
    bool marks = str_eqz(role->step->list.page.out, "Marker"),
         next = str_eqz(role->step->list.page.out, "NextMarker");
    if (paged && (marks || next))
        document_put(
            m, root, marks ? STR("IsTruncated") : STR("Truncated"), &document_flag, value_bool(end < n));
    for (size_t i = first; i < end; i++) {
        struct part_node *home = nested ? parent_of(m, root, resources[i]) : node;
        if (!home)
            continue;
        struct part_node *at = list ? document_child(m, home, STR_EMPTY, true) : node;
        m->call->subject = resources[i];
        render_object(m, at, role, fill_now(m->call, resources[i]));
        if (!role->step->reply.sparse)
            render_collected(m, at, collect(m->call, resources[i]));
    }
    if (!n && role->type->schema.is_data && !value_getz(role->type->sandbox, "standing"))
        render_object(m, list ? document_child(m, node, STR_EMPTY, true) : node, role,
            fill_new(m->call, role->type, m->call->input));
}

/* Answers a call that lists the users of a resource, named by `used_by`. */
static void render_users(struct making *m, struct part_node *root)
{
    const struct role *role = m->call->role;
    const struct value *by = value_getz(value_getz(role->type->sandbox, "used_by"), "by");
    bool named, list;
    const struct resource *resource = find_named(m->call, role, m->call->input, &named);
    for (uint32_t r = 0; resource && by && r < by->count; r++) {
        if (!str_eq(value_gets(by->items[r], "call"), role->step->call.op->wire.name))
            continue;
        struct part_node *node = render_node(m, root, role->step->reply.at, &list);
        const struct resources users = check_users(m->call, by->items[r], resource);
        for (size_t i = 0; i < users.n; i++)
            render_shown(m, document_child(m, node, STR_EMPTY, true), users.items[i]->type,
                value_getz(by->items[r], "shows"), users.items[i]->attrs);
    }
}

void answer_start(struct call *call, struct answer *answer)
{
    enum wire_protocol protocol = call->protocol;
    *answer = (struct answer){.root = ARENA_NEW(call->arena, struct part_node),
        .xml = protocol == WIRE_QUERY || protocol == WIRE_EC2 || protocol == WIRE_REST_XML};
}

/* Adds `shows_beside: {Call: {Path: value}}`: members beside the objects. */
static void render_beside(struct making *m, struct part_node *root)
{
    const struct role *role = m->call->role;
    render_shown(m, root, role->type,
        value_get(value_getz(role->type->sandbox, "shows_beside"), role->step->call.op->wire.name),
        &value_empty_map);
}

/* Returns the root for objects, which may be encoded as JSON text. */
static struct part_node *content_root(struct call *call, struct answer *answer)
{
    if (!call->role->step->reply.parse.n)
        return answer->root;
    answer->parse = call->role->step->reply.parse;
    if (!answer->parsed)
        answer->parsed = ARENA_NEW(call->arena, struct part_node);
    return answer->parsed;
}

void answer_add(struct call *call, struct answer *answer, struct resource *const *resources, size_t n)
{
    struct making m = {.call = call, .arena = call->arena, .xml = answer->xml};
    bool list;
    if (gives_objects(call->role)) {
        struct part_node *root = content_root(call, answer);
        render_beside(&m, root); /* objects take precedence over defaults */
        render_resources(&m, root, resources, n);
        return;
    }
    if (n)
        render_shown_in(&m, answer->root, resources[0]);
    else
        render_beside(&m, answer->root);
    if (call->role->part == PART_SIDE)
        render_users(&m, answer->root);
    if (owned_is(call->role, OWNER_ENTRIES, OWNED_GET) && n)
        render_entry(&m, answer->root, resources[0]);
    else if (call->role->attr && n)
        render_owned(&m, answer->root, resources[0]);
    else if (call->role->step->reply.at.n)
        render_node(&m, answer->root, call->role->step->reply.at, &list); /* an empty list is returned */
}

static int render_parsed(struct making *m, const struct answer *answer)
{
    static const struct wire_operation json = {.protocol = WIRE_JSON11};
    const struct shape *shape;
    const struct value *value;
    struct wire_message text = {0};
    document_finish(m, answer->parsed, &shape, &value);
    if (wire_encode_response(m->arena, &json, shape, value, STR_EMPTY, &text, m->call->err))
        return -1;
    document_put(m, answer->root, answer->parse, &document_text, value_string(m->arena, text.body));
    return 0;
}

int answer_encode(
    struct call *call, const struct answer *answer, struct str request_id, struct wire_message *out)
{
    struct making m = {.call = call, .arena = call->arena, .xml = answer->xml};
    const struct shape *shape;
    const struct value *value;
    if (answer->parsed && render_parsed(&m, answer))
        return -1;
    document_finish(&m, answer->root, &shape, &value);
    struct wire_operation op = call_operation(call, call->served->op);
    return wire_encode_response(call->arena, &op, shape, value, request_id, out, call->err);
}
