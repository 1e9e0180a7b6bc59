/* The Cloud Control API for every type whose schema is in the program, and CloudFormation's DescribeType. An
 * operation is done at once and shown as in progress for a moment. A fault on operation
 * "handler/CreateResource" makes the request fail with the fault's code. */
#include "sandbox/services/cloudcontrol/cloudcontrol.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "provider/cfn/cfn.h"
#include "sandbox/engine/view.h"
#include "sandbox/http/server.h"

/* ---- requests in progress ---- */

enum { TAKES_MS = 60 };

/* ---- creating requests ---- */

/* Returns 32 random hex digits. */
static struct str random_digits(struct arena *arena)
{
    unsigned char bytes[16];
    hash_random(bytes, sizeof bytes);
    return hex_encode(arena, bytes, sizeof bytes);
}

static bool has_ended(const struct cloud_request *r)
{
    return r->cancelled || clock_wall_ms() >= r->ends_ms;
}

static const struct value *event_of(struct arena *arena, const struct cloud_request *r)
{
    bool ended = has_ended(r), failed = ended && r->code.n;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "TypeName", r->type);
    view_text(&b, "Identifier", ended || !str_eqz(r->operation, "CREATE") ? r->id : STR_EMPTY);
    view_text(&b, "RequestToken", r->token);
    view_text(&b, "Operation", r->operation);
    view_text(&b, "OperationStatus",
        r->cancelled ? STR("CANCEL_COMPLETE")
        : failed     ? STR("FAILED")
        : ended      ? STR("SUCCESS")
                     : STR("IN_PROGRESS"));
    view_time(&b, "EventTime", r->at_ms);
    if (failed) {
        view_text(&b, "ErrorCode", r->code);
        view_text(&b, "StatusMessage", r->message);
    } else if (!ended) {
        view_time(&b, "RetryAfter", r->ends_ms);
    }
    return value_builder_map(&b);
}

static void cloud_request_answer(struct service_call *call, const struct cloud_request *r)
{
    service_answer(call, "ProgressEvent", event_of(call->arena, r));
}

static bool same_client_token(const struct cloud_request *r, const void *ctx)
{
    const struct cloud_request *asked = ctx;
    return asked->client_token.n && str_eq(r->client_token, asked->client_token) &&
           str_eq(r->region, asked->region);
}

static bool at_work_on(const struct cloud_request *r, const void *ctx)
{
    const struct cloud_request *asked = ctx;
    return !has_ended(r) && asked->id.n && str_eq(r->id, asked->id) && str_eq(r->type, asked->type) &&
           str_eq(r->region, asked->region);
}

/* Sets the error of a fault rule for the type's handler, if one applies. */
static void apply_handler_fault(struct service_call *call, struct cloud_request *r)
{
    struct fault_strike strike = faults_strike(sandbox_faults(services_sandbox(call->services)),
        STR("cloudcontrolapi"), arena_printf(call->arena, "handler/%s", call->operation->name));
    if (strike.kind != FAULT_THROTTLE && strike.kind != FAULT_ERROR)
        return;
    r->code = strike.code[0]                  ? arena_str(call->arena, str_z(strike.code))
              : strike.kind == FAULT_THROTTLE ? STR("Throttling")
                                              : STR("InternalFailure");
    r->message = STR("a fault of the sandbox");
}

/* Fills in *r. 1: the client token was used for the same request, which is the response. 0: a new request. */
static int cloud_request_begin(struct service_call *call, const struct cloud_model *model,
    const char *operation, struct str id, struct cloud_request *r, struct err *err)
{
    size_t n;
    *r = (struct cloud_request){.token = random_digits(call->arena),
        .client_token = value_gets(call->input, "ClientToken"),
        .digest = sha256_hex(call->arena, value_text(json_as_text(call->arena, call->input), STR_EMPTY)),
        .region = model->region,
        .type = model->type,
        .operation = str_z(operation),
        .id = id,
        .at_ms = clock_wall_ms()};
    double speed = sandbox_speed(services_sandbox(call->services));
    r->ends_ms = r->at_ms + (int64_t)(TAKES_MS / speed);
    const struct cloud_request *before = cloud_requests_find(call, same_client_token, r, &n);
    if (n && str_eq(before->digest, r->digest)) {
        cloud_request_answer(call, before);
        return 1;
    }
    if (n)
        return service_refuse(err, 400, "ClientTokenConflictException",
            "The client token %.*s has been used for another request.", STR_ARG(r->client_token));
    cloud_requests_find(call, at_work_on, r, &n);
    if (n)
        return service_refuse(err, 400, "ConcurrentOperationException",
            "A resource operation is already in progress for %.*s.", STR_ARG(id));
    apply_handler_fault(call, r);
    return 0;
}

static void cloud_request_fail(struct cloud_request *r, const char *code, struct str message)
{
    r->code = str_z(code);
    r->message = message;
}

/* Stores the request and answers the call with it. */
static int cloud_request_conclude(struct service_call *call, const struct cloud_request *r)
{
    cloud_requests_add(call, r);
    cloud_request_answer(call, r);
    return 0;
}

/* ---- operations on requests ---- */

static bool has_token(const struct cloud_request *r, const void *ctx)
{
    return str_eq(r->token, *(const struct str *)ctx);
}

static int find_request(struct service_call *call, struct cloud_request *out, struct err *err)
{
    struct str token;
    size_t n;
    if (service_required(call, "RequestToken", &token, err))
        return -1;
    const struct cloud_request *found = cloud_requests_find(call, has_token, &token, &n);
    if (!n)
        return service_refuse(err, 400, "RequestTokenNotFoundException",
            "Request with token %.*s was not found", STR_ARG(token));
    *out = *found;
    return 0;
}

static int cloud_request_status(struct service_call *call, struct err *err)
{
    struct cloud_request r;
    if (find_request(call, &r, err))
        return -1;
    cloud_request_answer(call, &r);
    return 0;
}

static int cloud_request_cancel(struct service_call *call, struct err *err)
{
    struct cloud_request r;
    if (find_request(call, &r, err))
        return -1;
    if (has_ended(&r))
        return service_refuse(err, 400, "ValidationException", "the request has ended");
    r.cancelled = cloud_requests_cancel(call, r.token);
    cloud_request_answer(call, &r);
    return 0;
}

static bool asked_for(const struct value *list, struct str word)
{
    return !list || value_list_has(list, word);
}

static bool in_region(const struct cloud_request *r, const void *ctx)
{
    return str_eq(r->region, *(const struct str *)ctx);
}

static int cloud_request_list(struct service_call *call, struct err *err)
{
    size_t n, kept = 0;
    const struct value *filter = value_getz(call->input, "ResourceRequestStatusFilter");
    struct cloud_request *all = cloud_requests_find(call, in_region, &call->region, &n);
    const struct value **events = ARENA_ARRAY(call->arena, const struct value *, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct value *event = event_of(call->arena, &all[i]);
        if (asked_for(value_getz(filter, "Operations"), all[i].operation) &&
            asked_for(value_getz(filter, "OperationStatuses"), value_gets(event, "OperationStatus")))
            events[kept++] = event;
    }
    size_t size = (size_t)service_int_within(call->input, "MaxResults", CLOUD_PAGE, 1, CLOUD_PAGE_MOST);
    return service_answer_page(
        call, "ResourceRequestStatusSummaries", value_list(call->arena, events, kept), size, err);
}

/* ---- finding types and resources ---- */

static bool has_handler(const struct cloud_model *model, const char *name)
{
    return value_getz(value_getz(model->schema, "handlers"), name) != NULL;
}

static int find_type(
    struct service_call *call, const char *handler, struct cloud_model *model, struct err *err)
{
    struct str type;
    if (service_required(call, "TypeName", &type, err))
        return -1;
    *model = (struct cloud_model){.arena = call->arena,
        .schema = cfn_published(call->arena, type),
        .type = type,
        .region = call->region,
        .account = services_account(call->services)};
    if (!model->schema)
        return service_refuse(
            err, 400, "TypeNotFoundException", "The type '%.*s' cannot be found.", STR_ARG(type));
    if (!has_handler(model, handler))
        return service_refuse(err, 400, "UnsupportedActionException",
            "Resource type %.*s does not support %s action", STR_ARG(type), handler);
    return 0;
}

static int read_json(const struct service_call *call, const char *member, enum value_kind kind,
    const struct value **out, struct err *err)
{
    struct str text;
    if (service_required(call, member, &text, err))
        return -1;
    if (json_parse(call->arena, text, out, ERR_IGNORED) || (*out)->kind != kind)
        return service_refuse(
            err, 400, "InvalidRequestException", "%s is not a JSON document of the right kind", member);
    return 0;
}

static int find_resource(
    struct service_call *call, const struct cloud_model *model, struct cloud_resource *out, struct err *err)
{
    struct str id;
    if (service_required(call, "Identifier", &id, err))
        return -1;
    struct cloud_resource key = {.region = model->region, .type = model->type, .id = id};
    if (cloud_resources_get(call, &key, out))
        return 0;
    return service_refuse(err, 400, "ResourceNotFoundException",
        "Resource of type '%.*s' with identifier '%.*s' was not found.", STR_ARG(model->type), STR_ARG(id));
}

/* ---- create, update, delete ---- */

/* Checks what the service refuses before it calls a handler. */
static int check_model(const struct cloud_model *model, const struct value *properties, struct err *err)
{
    struct str wrong = cloud_model_wrong(model, properties),
               reported = cloud_model_gives(model, "readOnlyProperties", properties);
    if (wrong.n)
        return service_refuse(
            err, 400, "ValidationException", "Model validation failed (%.*s)", STR_ARG(wrong));
    if (reported.n)
        return service_refuse(err, 400, "ValidationException",
            "Encountered read-only properties in the desired state: [%.*s]", STR_ARG(reported));
    return 0;
}

static int cloudcontrol_create(struct service_call *call, struct err *err)
{
    struct cloud_model model;
    struct cloud_request r;
    const struct value *given;
    if (find_type(call, "create", &model, err) || read_json(call, "DesiredState", VALUE_MAP, &given, err) ||
        check_model(&model, given, err))
        return -1;
    const struct value *whole = cloud_model_filled(&model, given, random_digits(call->arena));
    struct cloud_resource resource = {model.region, model.type, cloud_model_identifier(&model, whole), whole},
                          there;
    int known = cloud_request_begin(call, &model, "CREATE", resource.id, &r, err);
    if (known)
        return known < 0 ? -1 : 0;
    if (!resource.id.n)
        cloud_request_fail(&r, "InvalidRequest", STR("the primary identifier cannot be told"));
    else if (!r.code.n && cloud_resources_get(call, &resource, &there))
        cloud_request_fail(&r, "AlreadyExists",
            arena_printf(call->arena, "Resource of type '%.*s' with identifier '%.*s' already exists.",
                STR_ARG(model.type), STR_ARG(resource.id)));
    if (!r.code.n && cloud_resources_put(call, &resource, err))
        return -1;
    return cloud_request_conclude(call, &r);
}

static int cloudcontrol_update(struct service_call *call, struct err *err)
{
    struct cloud_model model;
    struct cloud_resource resource;
    struct cloud_request r;
    const struct value *patch, *now;
    struct err why = ERR_INIT;
    if (find_type(call, "update", &model, err) || find_resource(call, &model, &resource, err) ||
        read_json(call, "PatchDocument", VALUE_LIST, &patch, err))
        return -1;
    const struct value *shown = cloud_model_shown(&model, resource.properties);
    if (cloud_model_patch(call->arena, shown, patch, &now, &why))
        return service_refuse(err, 400, "ValidationException", "%s", why.message);
    struct str reported = cloud_model_differs(&model, "readOnlyProperties", shown, now),
               fixed = cloud_model_differs(&model, "createOnlyProperties", shown, now),
               wrong = cloud_model_wrong(&model, now);
    if (wrong.n && !cloud_model_wrong(&model, shown).n) /* made-up values may be invalid already */
        return service_refuse(
            err, 400, "ValidationException", "Model validation failed (%.*s)", STR_ARG(wrong));
    if (reported.n || fixed.n)
        return service_refuse(err, 400, reported.n ? "ValidationException" : "NotUpdatableException",
            "Invalid patch update: %s properties [%.*s] cannot be updated",
            reported.n ? "readOnly" : "createOnly", STR_ARG(reported.n ? reported : fixed));
    int known = cloud_request_begin(call, &model, "UPDATE", resource.id, &r, err);
    if (known)
        return known < 0 ? -1 : 0;
    resource.properties = now;
    if (!r.code.n && cloud_resources_put(call, &resource, err))
        return -1;
    return cloud_request_conclude(call, &r);
}

static int delete (struct service_call *call, struct err *err)
{
    struct cloud_model model;
    struct cloud_resource resource;
    struct cloud_request r;
    struct err absent = ERR_INIT;
    struct str id;
    if (find_type(call, "delete", &model, err) || service_required(call, "Identifier", &id, err))
        return -1;
    int known = cloud_request_begin(call, &model, "DELETE", id, &r, err);
    if (known)
        return known < 0 ? -1 : 0;
    if (find_resource(call, &model, &resource, &absent))
        cloud_request_fail(&r, "NotFound", arena_str(call->arena, str_z(absent.message)));
    resource.properties = NULL;
    if (!r.code.n && cloud_resources_put(call, &resource, err))
        return -1;
    return cloud_request_conclude(call, &r);
}

/* ---- reading ---- */

static const struct value *description(struct service_call *call, const struct cloud_model *model,
    const struct cloud_resource *resource, bool whole)
{
    const struct value *shown = cloud_model_shown(model, resource->properties),
                       *ids = value_getz(model->schema, "primaryIdentifier");
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena), parts = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < ids->count && !whole; i++) {
        struct str name = str_slice(value_text(ids->items[i], STR_EMPTY), STR("/properties/").n, SIZE_MAX);
        view_set(&parts, name.p, value_get(shown, name));
    }
    view_text(&b, "Identifier", resource->id);
    view_text(&b, "Properties",
        value_text(json_as_text(call->arena, whole ? shown : value_builder_map(&parts)), STR_EMPTY));
    return value_builder_map(&b);
}

static int cloudcontrol_get(struct service_call *call, struct err *err)
{
    struct cloud_model model;
    struct cloud_resource resource;
    if (find_type(call, "read", &model, err) || find_resource(call, &model, &resource, err))
        return -1;
    service_answer_text(call, "TypeName", model.type);
    service_answer(call, "ResourceDescription", description(call, &model, &resource, true));
    return 0;
}

/* True if ListResources returns all properties: its permissions include all those of the read handler.
 * Otherwise it returns identifiers only. */
static bool lists_whole(const struct cloud_model *model)
{
    const struct value *handlers = value_getz(model->schema, "handlers"),
                       *read = value_getz(value_getz(handlers, "read"), "permissions"),
                       *list = value_getz(value_getz(handlers, "list"), "permissions");
    for (uint32_t i = 0; read && i < read->count; i++) {
        bool found = false;
        for (uint32_t k = 0; list && k < list->count; k++)
            found |= value_equal(read->items[i], list->items[k]);
        if (!found)
            return false;
    }
    return read && read->count;
}

static int check_list_model(const struct service_call *call, const struct cloud_model *model, struct err *err)
{
    const struct value *needed = value_getz(
        value_getz(value_getz(value_getz(model->schema, "handlers"), "list"), "handlerSchema"), "required");
    const struct value *given = NULL;
    if (needed && value_gets(call->input, "ResourceModel").n &&
        read_json(call, "ResourceModel", VALUE_MAP, &given, err))
        return -1;
    for (uint32_t i = 0; needed && i < needed->count; i++)
        if (!value_get(given, value_text(needed->items[i], STR_EMPTY)))
            return service_refuse(err, 400, "InvalidRequestException",
                "Missing or invalid ResourceModel property in %.*s list handler request input. Required "
                "property: [%.*s]",
                STR_ARG(model->type), STR_ARG(value_text(needed->items[i], STR_EMPTY)));
    return 0;
}

static int cloudcontrol_list(struct service_call *call, struct err *err)
{
    struct cloud_model model;
    size_t n;
    AUTO_BUILDER struct value_builder items = VALUE_BUILDER(call->arena);
    if (find_type(call, "list", &model, err) || check_list_model(call, &model, err))
        return -1;
    const struct cloud_resource *all = cloud_resources_list(call, model.type, &n);
    size_t size = (size_t)service_int_within(call->input, "MaxResults", CLOUD_PAGE, 1, CLOUD_PAGE_MOST);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&items, description(call, &model, &all[i], lists_whole(&model)));
    service_answer_text(call, "TypeName", model.type);
    return service_answer_page(call, "ResourceDescriptions", value_builder_list(&items), size, err);
}

/* ---- CloudFormation ---- */

static int describe_type(struct service_call *call, struct err *err)
{
    struct str type = value_gets(call->input, "TypeName");
    const struct value *schema = cfn_published(call->arena, type);
    if (!schema)
        return service_refuse(
            err, 404, "TypeNotFoundException", "The type '%.*s' cannot be found.", STR_ARG(type));
    service_answer_text(call, "Arn",
        arena_printf(call->arena, "arn:aws:cloudformation:%.*s::type/resource/%.*s", STR_ARG(call->region),
            STR_ARG(type)));
    service_answer_text(call, "Type", STR("RESOURCE"));
    service_answer_text(call, "TypeName", type);
    service_answer_text(call, "DefaultVersionId", STR("00000001"));
    service_answer_text(call, "ProvisioningType", STR("FULLY_MUTABLE"));
    service_answer_text(call, "Visibility", STR("PUBLIC"));
    service_answer_text(call, "Schema", value_text(json_as_text(call->arena, schema), STR_EMPTY));
    return 0;
}

const struct service_operation cloudcontrol_operations[] = {
    {"cloudcontrolapi", "CreateResource", cloudcontrol_create},
    {"cloudcontrolapi", "UpdateResource", cloudcontrol_update},
    {"cloudcontrolapi", "DeleteResource", delete},
    {"cloudcontrolapi", "GetResource", cloudcontrol_get},
    {"cloudcontrolapi", "ListResources", cloudcontrol_list},
    {"cloudcontrolapi", "GetResourceRequestStatus", cloud_request_status},
    {"cloudcontrolapi", "CancelResourceRequest", cloud_request_cancel},
    {"cloudcontrolapi", "ListResourceRequests", cloud_request_list},
    {"cloudformation", "DescribeType", describe_type},
    {0},
};
