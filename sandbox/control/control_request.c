/* Requests from inside the sandbox, as a client would make them. */
#include "sandbox/control/control_internal.h"

#include "base/json.h"

static const struct shape any = {.kind = SHAPE_ANY};

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

int control_status(const struct control *control, struct str service, struct str operation)
{
    const struct spec_service *spec;
    const struct served *served = served_by_name(control, service, operation, &spec);
    return served ? served->op->wire.status : 0;
}

/* The first name that a shape has says how all are written. */
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

/* Is the member part of the path? */
static bool lies_in_path(struct str path, struct str member)
{
    ptrdiff_t at = -1;
    while ((at = str_find(path, member, (size_t)(at + 1))) >= 0) {
        size_t end = (size_t)at + member.n;
        if (at && path.p[at - 1] == '{' && end < path.n && (path.p[end] == '}' || path.p[end] == '+'))
            return true;
    }
    return false;
}

/* Members go where the spec says they lie; all others are the body as they are. */
static struct shape shape_of(struct arena *arena, const struct spec_operation *op, const struct value *input)
{
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, input->count + 1);
    for (uint32_t i = 0; i < input->count; i++) {
        struct str name = input->entries[i].key;
        struct shape_member *member = &members[i];
        *member = (struct shape_member){.name = name, .wire = name, .shape = &any};
        for (size_t k = 0; k < op->place_count; k++)
            if (str_eq(op->places[k].member, name)) {
                member->wire = op->places[k].name;
                member->location = op->places[k].location;
            }
        if (lies_in_path(op->wire.path, name))
            member->location = WIRE_PATH;
    }
    return (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = input->count};
}

/* A post with the operation's name in a header: the services of the query protocol take that too. */
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
        return err_set(err, ERR_INVALID, "the sandbox does not carry out %.*s of %.*s from inside",
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
