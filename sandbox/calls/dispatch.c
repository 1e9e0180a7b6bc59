/* Dispatch of operations: selection of the handler, decoding of input, encoding of output. */
#include "sandbox/calls/services_state.h"

#include "base/json.h"

/* ---- shapes of requests and responses ---- */

static const struct shape text_shape = {.kind = SHAPE_STRING}, int_shape = {.kind = SHAPE_INT};

static const struct shape *shape_of(struct arena *arena, const struct value *v);

/* Returns the union of the items' shapes, since items may omit members. */
static const struct shape *item_shape(struct arena *arena, const struct value *list)
{
    const struct value *all = NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind == VALUE_LIST) /* lists of lists exist only in JSON, which needs no shape */
            return &shape_any;
        if (list->items[i]->kind != VALUE_MAP)
            return shape_of(arena, list->items[i]);
        all = value_merge(arena, list->items[i], all);
    }
    return all ? shape_of(arena, all) : &shape_any;
}

/* The control plane's responses have lists and maps as in XML: repeated elements with this name. */
static bool is_repeated(struct str name)
{
    return str_eqz(name, "entry") || str_eqz(name, "item") || str_eqz(name, "member");
}

/* Derives a shape from a value. */
static const struct shape *shape_of(struct arena *arena, const struct value *v)
{
    if (v->kind == VALUE_LIST) {
        struct shape *list = ARENA_NEW(arena, struct shape);
        *list = (struct shape){.kind = SHAPE_LIST, .elem = item_shape(arena, v)};
        return list;
    }
    if (v->kind != VALUE_MAP)
        return v->kind == VALUE_INT ? &int_shape : v->kind == VALUE_STRING ? &text_shape : &shape_any;
    struct shape *made = ARENA_NEW(arena, struct shape);
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, v->count + 1);
    for (uint32_t i = 0; i < v->count; i++)
        members[i] = (struct shape_member){.name = v->entries[i].key,
            .wire = v->entries[i].key,
            .shape = is_repeated(v->entries[i].key) ? &shape_any : shape_of(arena, v->entries[i].value)};
    *made = (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = v->count};
    return made;
}

/* Renames parameters and headers to the members that they are. */
static const struct value *by_members(
    struct arena *arena, const struct shape *outside, const struct value *input)
{
    for (size_t i = 0; i < outside->member_count; i++) {
        const struct shape_member *member = &outside->members[i];
        const struct value *v = value_get(input, member->wire);
        if (str_eq(member->wire, member->name) || !v)
            continue;
        input = value_with(arena, input, member->wire, NULL);
        input = value_with(arena, input, member->name, v);
    }
    return input;
}

/* Derives the shape of a response from its value. JSON is written without shapes. */
static const struct shape *response_shape(
    struct arena *arena, enum wire_protocol protocol, const struct shape *outside, const struct value *output)
{
    const struct shape *shape = shape_of(arena, output);
    struct shape_member *members = (struct shape_member *)shape->members;
    for (size_t i = 0; i < shape->member_count; i++) {
        if (wire_is_json(protocol))
            members[i].shape = &shape_any;
        for (size_t k = 0; k < outside->member_count; k++)
            if (str_eq(members[i].name, outside->members[k].name) &&
                outside->members[k].location != WIRE_QUERY_STRING) {
                members[i].location = outside->members[k].location;
                members[i].wire = outside->members[k].wire;
            }
    }
    return shape;
}

/* ---- handling of a request ---- */

/* Operations that read, change and write a record: serialised per service. */
static const struct {
    const char *service, *operations;
} alone[] = {
    {"apigateway",
        "UpdateRestApi CreateResource UpdateResource PutMethod UpdateMethod UpdateApiKey UpdateUsagePlan "
        "ImportDocumentationParts PutRestApi PutIntegration UpdateIntegration PutIntegrationResponse "
        "UpdateIntegrationResponse PutMethodResponse UpdateMethodResponse PutGatewayResponse "
        "UpdateGatewayResponse UpdateStage CreateDeployment"},
    {"athena", "StartQueryExecution"},
    {"autoscaling", "CreateOrUpdateTags DeleteTags SetDesiredCapacity"},
    {"ec2", "CreateLaunchTemplateVersion DeleteLaunchTemplateVersions ModifyLaunchTemplate"},
    {"ecr", "PutImage BatchDeleteImage DeleteRepository"},
    {"ecs", "RunTask"},
    {"elasticmapreduce", "ModifyInstanceGroups ModifyInstanceFleet"},
    {"emr-serverless", "StartJobRun"},
    {"events", "PutPermission RemovePermission UpdateArchive"},
    {"glue", "UpdateTable DeleteTableVersion"},
    {"lambda", "CreateFunction UpdateFunctionCode UpdateFunctionConfiguration PublishVersion DeleteFunction "
               "AddPermission RemovePermission AddLayerVersionPermission RemoveLayerVersionPermission "
               "PutFunctionConcurrency PutProvisionedConcurrencyConfig DeleteProvisionedConcurrencyConfig "
               "PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig CreateAlias UpdateAlias"},
    {"logs", "PutSubscriptionFilter PutResourcePolicy"},
    {"sns", "SetTopicAttributes TagResource AddPermission RemovePermission SetSubscriptionAttributes "
            "SetPlatformApplicationAttributes SetEndpointAttributes SetSMSAttributes"},
    {"sqs", "SetQueueAttributes AddPermission RemovePermission"},
    {"ssm", "PutParameter LabelParameterVersion"},
    {"states", "CreateStateMachine UpdateStateMachine PublishStateMachineVersion DeleteStateMachineVersion "
               "CreateStateMachineAlias UpdateStateMachineAlias DeleteStateMachineAlias"},
};

pthread_mutex_t *service_enter(struct services *services, const struct service_operation *operation)
{
    _Static_assert(sizeof alone / sizeof *alone <= SERVICE_LOCKS, "each service has a lock of its own");
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        if (!strcmp(alone[i].service, operation->service) &&
            str_is_any(str_z(operation->name), alone[i].operations))
            return mutex_hold(&services->alone[i]);
    return NULL;
}

const struct service_operation *service_operation_find(
    const struct services *services, struct str service, struct str name)
{
    for (size_t t = 0; services->tables[t]; t++)
        for (const struct service_operation *row = services->tables[t]; row->service; row++)
            if (str_eqz(service, row->service) && str_eqz(name, row->name))
                return row;
    return NULL;
}

static int may_call(const struct service_call *call, struct err *err)
{
    const struct gate_request request = {.who = {.session = call->caller},
        .service = str_z(call->operation->service),
        .operation = str_z(call->operation->name),
        .region = call->region,
        .input = call->input};
    return gate_check(sandbox_gate(call->services->sandbox), call->arena, &request, err);
}

static int dispatch_answer(struct service_call *call, const struct wire_operation *wire,
    const struct shape *outside, const struct wire_message *request, struct wire_message *out,
    struct err *err)
{
    if (wire_decode_request(call->arena, wire, outside, request, &call->input, err))
        return -1;
    call->input = by_members(call->arena, outside, call->input);
    if (may_call(call, err) || service_check_members(call, err) || call->operation->handler(call, err))
        return -1;
    if (call->forward || call->declined)
        return 0;
    const struct value *output = call->output ? call->output : &value_empty_map;
    struct wire_operation answered = *wire;
    answered.status = call->status ? call->status : wire->status;
    return wire_encode_response(call->arena, &answered,
        response_shape(call->arena, wire->protocol, outside, output), output, call->request_id, out, err);
}

static bool dispatch_forward(
    const struct service_call *call, const struct exchange *x, struct wire_message *out)
{
    AUTO_BUF struct buf body = BUF_INIT;
    struct wire_message changed = x->request;
    json_write(&body, call->forward, JSON_PLAIN);
    changed.body = arena_str(call->arena, buf_str(&body));
    return control_handle(
        call->services->control, call->arena, x->auth.service, call->region, &changed, call->request_id, out);
}

/* Adds services that have no spec, because they have no resource types. */
static bool find_protocol(const struct services *services, struct str service, struct wire_operation *out)
{
    static const struct {
        const char *service;
        struct wire_operation common;
    } others[] = {
        {"cloudcontrolapi", {.protocol = WIRE_JSON10,
                                .target_prefix = STR_INIT("CloudApiService"),
                                .method = STR_INIT("POST"),
                                .path = STR_INIT("/")}},
        {"cloudformation", {.protocol = WIRE_QUERY,
                               .version = STR_INIT("2010-05-15"),
                               .method = STR_INIT("POST"),
                               .path = STR_INIT("/")}},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_eqz(service, others[i].service)) {
            *out = others[i].common;
            return true;
        }
    return control_protocol(services->control, service, out);
}

/* Returns false if the control plane has to answer the original request. */
static bool dispatch_call(struct service_call *call, struct exchange *x, const struct wire_operation *wire,
    const struct shape *outside, struct wire_message *out)
{
    struct err err = ERR_INIT;
    if (dispatch_answer(call, wire, outside, &x->request, out, &err)) {
        struct str code = err.code[0] ? str_z(err.code) : STR("ValidationException");
        int status = err.http_status ? err.http_status : 400;
        wire_encode_error(&x->arena, wire, status, code, str_z(err.message), call->request_id, out);
        control_query_error(&x->arena, &x->request, code, out);
        if (call->refusal)
            out->body = json_as_text(&x->arena, call->refusal)->string;
        return true;
    }
    if (call->stream.read) {
        *out = (struct wire_message){.status = out->status};
        wire_header_add(&x->arena, out, STR("Content-Type"), STR("application/vnd.amazon.eventstream"));
        x->reader = call->stream.read;
        x->reader_ctx = call->stream.ctx;
        x->reader_free = call->stream.free;
        x->reply_length = -1;
    }
    if (call->forward && !call->declined)
        return dispatch_forward(call, x, out);
    return !call->declined;
}

/* Finds the operation of a request: with REST by method and path, which the spec has. */
static const struct service_operation *find_requested(
    struct services *services, struct exchange *x, struct wire_operation *wire, struct shape *outside)
{
    *outside = (struct shape){.kind = SHAPE_STRUCT};
    if (!find_protocol(services, x->auth.service, wire))
        return NULL;
    if (wire->protocol == WIRE_QUERY && wire_header_get(&x->request, STR("X-Amz-Target")).n)
        wire->protocol = WIRE_JSON10; /* query services that also accept JSON */
    if (!wire_is_rest(wire->protocol))
        wire->name = wire_request_name(&x->arena, wire->protocol, &x->request);
    else if (!control_operation(services->control, &x->arena, x->auth.service, &x->request, wire, outside))
        return NULL;
    return service_operation_find(services, x->auth.service, wire->name);
}

bool services_handle(struct services *services, struct exchange *x, struct wire_message *out)
{
    struct wire_operation wire;
    struct shape outside;
    const struct service_operation *operation = find_requested(services, x, &wire, &outside);
    if (!operation)
        return false;
    struct service_call call = {.services = services,
        .arena = &x->arena,
        .region = x->auth.region,
        .operation = operation,
        .protocol = wire.protocol,
        .request_id = str_z(x->request_id),
        .host = wire_header_get(&x->request, STR("Host")),
        .trace = wire_header_get(&x->request, STR("X-Amzn-Trace-Id")),
        .caller = session_is_limited(&x->auth.session) ? &x->auth.session : NULL};
    AUTO_UNLOCK pthread_mutex_t *held = service_enter(services, operation);
    return dispatch_call(&call, x, &wire, &outside, out);
}
