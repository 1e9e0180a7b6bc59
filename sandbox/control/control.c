/* A request: the operation, its roles, and the response. */
#include "sandbox/control/control_internal.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

int control_new(const struct control_options *options, struct control **out, struct err *err)
{
    struct control *control = mem_zalloc(sizeof *control);
    control->options = *options;
    if (!control->options.account.n)
        control->options.account = STR("000000000000");
    pthread_mutex_init(&control->lock, NULL);
    control->index = index_new();
    if (store_load(control, err)) {
        control_free(control);
        return -1;
    }
    *out = control;
    return 0;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    store_release(control);
    map_release(&control->numbers);
    map_release(&control->with_defaults);
    index_free(control->index);
    arena_release(&control->arena);
    pthread_mutex_destroy(&control->lock);
    free(control);
}

/* ---- dispatch ---- */

struct wire_operation call_operation(const struct call *call, const struct spec_operation *op)
{
    struct wire_operation own = op->wire;
    own.protocol = call->protocol;
    return own;
}

static const struct served *find_served(const struct call *call, const struct served_service *service)
{
    const struct served *best = NULL;
    int best_score = -1;
    struct str name = wire_is_rest(call->protocol)
                          ? STR_EMPTY
                          : wire_request_name(call->arena, call->protocol, call->request);
    for (size_t i = 0; i < service->op_count; i++) {
        const struct wire_operation *op = &service->ops[i].op->wire;
        int score = wire_is_rest(call->protocol) ? wire_match(op, call->request)
                    : str_eq(op->name, name)     ? 0
                                                 : -1;
        if (score > best_score) {
            best_score = score;
            best = &service->ops[i];
        }
    }
    return best;
}

void control_query_error(
    struct arena *arena, const struct wire_message *request, struct str code, struct wire_message *answer)
{
    if (wire_header_get(request, STR("x-amzn-query-mode")).n)
        wire_header_add(
            arena, answer, STR("x-amzn-query-error"), arena_printf(arena, "%.*s;Sender", STR_ARG(code)));
}

static void encode_refusal(
    struct call *call, const struct wire_operation *op, struct str request_id, struct wire_message *answer)
{
    const struct err *err = call->err;
    struct str code = err->code[0] ? str_z(err->code) : STR("ValidationException");
    wire_encode_error(call->arena, op, err->http_status ? err->http_status : 400, code, str_z(err->message),
        request_id, answer);
    control_query_error(call->arena, call->request, code, answer);
}

/* True unless constants that select a type ({Filter: [Role]}) were sent for another type. */
static bool means_type(const struct role *role, const struct value *input)
{
    for (size_t i = 0; i < role->step->call.request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->call.request.extras[i];
        const struct value *sent = value_get(input, extra->key);
        bool listed = extra->value->kind == VALUE_LIST;
        if (extra->from_item || extra->dynamic || value_is_null(sent) || !listed)
            continue;
        bool any = false;
        for (uint32_t k = 0; k < extra->value->count && sent->kind == VALUE_LIST; k++)
            for (uint32_t j = 0; j < sent->count; j++)
                any = any || value_equal(extra->value->items[k], sent->items[j]);
        if (!any)
            return false;
    }
    return true;
}

/* True if a role adds to the response of the chosen one: a listing includes all types that the operation
 * lists, a read includes objects inside its own. */
static bool adds_to_response(const struct role *chosen, const struct role *role)
{
    struct str at = chosen->step->reply.at;
    bool inside = role->step->reply.at.n > at.n && at.n && str_starts(role->step->reply.at, at);
    if (role->part == PART_LIST)
        return chosen->part == PART_LIST || (chosen->part == PART_READ && inside);
    if (role->type != chosen->type)
        return false;
    /* A call may change several attributes: tags with settings, members with others, sub-resources. */
    bool modifies = chosen->call == OWNED_MODIFY;
    bool owned = chosen->part == PART_OWNED && chosen->attr->owner <= OWNER_ENTRIES &&
                 (chosen->call == OWNED_PUT || chosen->call == OWNED_REMOVE);
    if (owned && role->part == PART_UPDATE)
        return !role->step->call.full;
    if (owned && owned_is(role, OWNER_SUB_RESOURCE, OWNED_PUT))
        return chosen->attr->owner == OWNER_SUB_RESOURCE;
    return (role->part == PART_READ && chosen->part == PART_READ) ||
           ((modifies || chosen->part == PART_UPDATE) && role->call == OWNED_MODIFY) ||
           (role->part == PART_UPDATE && modifies);
}

/* Values of maps inside listed objects (items[].resourceMethods{}) are added after those. */
static bool is_in_listed_objects(const struct role *role)
{
    return str_ends(role->step->reply.at, STR("{}"));
}

static int answer_roles_that(
    struct call *call, const struct choice *choice, bool inner, struct answer *answer)
{
    for (size_t i = 0; i < call->served->role_count; i++) {
        const struct role *role = &call->served->roles[i];
        bool chosen = role == choice->role;
        if (is_in_listed_objects(role) != inner || (!chosen && !adds_to_response(choice->role, role)))
            continue;
        call->role = role;
        call->input = chosen ? choice->input : choose_input(call, role);
        if (!call->input)
            return -1;
        if (role->part == PART_LIST && !means_type(role, call->input))
            continue;
        if (!chosen && owned_is(role, OWNER_SUB_RESOURCE, OWNED_PUT) &&
            !choose_sends_setting(role, call->input))
            continue;
        struct resource **resources = NULL;
        size_t n = 0;
        bool same = chosen || (role->type == choice->role->type && role->part != PART_LIST);
        int status = do_call(call, same ? choice->resource : NULL, &resources, &n);
        if (!status)
            answer_add(call, answer, resources, n);
        free(resources);
        if (status)
            return -1;
    }
    return 0;
}

/* Executes the chosen role and those that add to its response. */
static int answer_roles(struct call *call, const struct choice *choice, struct answer *answer)
{
    return answer_roles_that(call, choice, false, answer) || answer_roles_that(call, choice, true, answer)
               ? -1
               : 0;
}

/* True for an EC2 request with DryRun. */
static bool is_dry_run(const struct call *call)
{
    const struct value *given = value_getz(call->decoded[0].raw, "DryRun");
    return call->protocol == WIRE_EC2 && str_ieq(value_text(given, STR_EMPTY), STR("true"));
}

/* Handles one of the resources that the request names. */
static int answer_turn(struct call *call, struct answer *answer)
{
    struct choice choice;
    const struct spec_service *spec = call->service->spec;
    if (!choose_role(call, &choice) ||
        control_constraints(call->control, call->arena, spec->aws.signing_name, call->served->op->wire.name,
            call->decoded[0].raw, call->err) ||
        unknown_check(call))
        return -1;
    call->dry_run = is_dry_run(call);
    return answer_roles(call, &choice, answer);
}

static void answer_call(struct call *call, struct str request_id, struct wire_message *out)
{
    struct answer answer;
    int status = 0;
    answer_start(call, &answer);
    call->decoded = ARENA_ARRAY(call->arena, struct decoded, call->served->role_count);
    do
        status = answer_turn(call, &answer);
    while (!status && ++call->turn < call->batch);
    if (!status && call->dry_run)
        status = refuse_dry_run(call);
    if (status || answer_encode(call, &answer, request_id, out)) {
        struct wire_operation op = call_operation(call, call->served->op);
        encode_refusal(call, &op, request_id, out);
    }
}

/* Responds that a change was made but could not be synced. */
static void answer_unkept(
    struct call *call, const struct err *why, struct str request_id, struct wire_message *out)
{
    *out = (struct wire_message){.status = 500};
    if (!call->served)
        return;
    struct wire_operation op = call_operation(call, call->served->op);
    refuse_unkept(call, why);
    encode_refusal(call, &op, request_id, out);
}

static void drop_gone(struct control *control)
{
    int64_t now = control->deleting_count ? clock_wall_ms() : 0;
    for (size_t i = control->deleting_count; i-- > 0;)
        if (control->deleting[i]->gone_ms <= now)
            store_remove(control, control->deleting[i]);
}

static void refuse_unknown(struct call *call, const struct served_service *service, struct str request_id,
    struct wire_message *answer)
{
    struct str name = wire_is_rest(call->protocol)
                          ? arena_printf(call->arena, "%.*s %.*s", STR_ARG(call->request->method),
                                STR_ARG(call->request->path))
                          : wire_request_name(call->arena, call->protocol, call->request);
    bool form = call->protocol == WIRE_QUERY || call->protocol == WIRE_EC2;
    refuse(call, 400, form ? STR("InvalidAction") : STR("UnknownOperationException"),
        "the sandbox serves what weir's specs describe; %.*s is not among it", STR_ARG(name));
    struct wire_operation op = service->spec->operation;
    op.protocol = call->protocol;
    encode_refusal(call, &op, request_id, answer);
}

/* Query services also accept JSON (CloudWatch, as boto3 calls it). */
static enum wire_protocol protocol_of(const struct spec_service *spec, const struct wire_message *request)
{
    bool json = spec->protocol == WIRE_QUERY && wire_header_get(request, STR("X-Amz-Target")).n;
    return json ? WIRE_JSON10 : spec->protocol;
}

/* Returns the shape of members outside the body; path members follow from the path. */
static struct shape put_shape(struct arena *arena, const struct spec_operation *op)
{
    struct str raw = op->send_raw.n ? op->send_raw : op->wire.raw;
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, op->place_count + 1);
    size_t n = 0;
    for (; n < op->place_count; n++)
        members[n] = (struct shape_member){.name = op->places[n].member,
            .wire = op->places[n].name,
            .shape = &shape_text,
            .location = op->places[n].location};
    if (raw.n)
        members[n++] =
            (struct shape_member){.name = raw, .wire = raw, .shape = &shape_text, .location = WIRE_RAW_BODY};
    return (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = n};
}

static bool reads_operation(const struct served_service *known, struct arena *arena,
    const struct wire_message *request, struct wire_operation *op, struct shape *outside)
{
    struct call call = {.arena = arena, .request = request, .protocol = protocol_of(known->spec, request)};
    const struct served *served = find_served(&call, known);
    if (!served)
        return false;
    *op = call_operation(&call, served->op);
    *outside = put_shape(arena, served->op);
    return true;
}

bool control_operation(const struct control *control, struct arena *arena, struct str service,
    const struct wire_message *request, struct wire_operation *op, struct shape *outside)
{
    const struct served_service *first = index_services(control, service);
    return first && reads_operation(first, arena, request, op, outside);
}

bool control_reads(const struct control *control, struct arena *arena, struct str service,
    const struct wire_message *request, struct str *operation, const struct value **input)
{
    struct wire_operation op;
    struct shape outside;
    const struct served_service *known = index_services(control, service);
    while (known && !reads_operation(known, arena, request, &op, &outside))
        known = known->next;
    if (!known)
        return false;
    *operation = op.name;
    if (wire_decode_request(arena, &op, &outside, request, input, ERR_IGNORED))
        *input = &value_empty_map;
    return true;
}

bool control_handle(struct control *control, struct arena *arena, struct str service, struct str region,
    const struct wire_message *request, struct str request_id, struct wire_message *answer)
{
    struct err err = ERR_INIT;
    struct call call = {
        .control = control, .arena = arena, .region = region, .request = request, .err = &err};
    const struct served_service *known = NULL;
    pthread_mutex_lock(&control->lock);
    drop_gone(control);
    for (const struct served_service *next = index_services(control, service); next && !call.served;
         next = next->next) {
        call.service = known = next;
        call.protocol = protocol_of(known->spec, request);
        call.served = find_served(&call, known);
    }
    if (call.served && !call.served->role_count)
        call.served = NULL; /* only a handler executes it */
    if (known)
        store_make_defaults(&call, known);
    if (str_eqz(service, "tagging"))
        tagging_answer(&call, request_id, answer);
    else if (call.served)
        answer_call(&call, request_id, answer);
    else if (known && !tags_describe(&call, request_id, answer))
        refuse_unknown(&call, known, request_id, answer);
    store_free_retired(control);
    struct err unkept = ERR_INIT;
    if (store_leave(control, &unkept))
        answer_unkept(&call, &unkept, request_id, answer);
    return known || str_eqz(service, "tagging");
}
