/* Requests of the Cloud Control API on their way: see cloudcontrol.h. */
#include "sandbox/services/cloudcontrol/cloudcontrol.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/http/server.h"

enum { TAKES_MS = 60 };

/* ---- made ---- */

struct str cloud_chance(struct arena *arena)
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

static struct str digest_of(struct service_call *call)
{
    return sha256_hex(call->arena, value_text(json_as_text(call->arena, call->input), STR_EMPTY));
}

/* What the type's handler would fail with, as a fault on demand. */
static void strike_handler(struct service_call *call, struct cloud_request *r)
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

int cloud_request_begin(struct service_call *call, const struct cloud_model *model, const char *operation,
    struct str id, struct cloud_request *r, struct err *err)
{
    size_t n;
    *r = (struct cloud_request){.token = cloud_chance(call->arena),
        .client_token = value_gets(call->input, "ClientToken"),
        .digest = digest_of(call),
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
    strike_handler(call, r);
    return 0;
}

void cloud_request_fail(struct cloud_request *r, const char *code, struct str message)
{
    r->code = str_z(code);
    r->message = message;
}

int cloud_request_conclude(struct service_call *call, const struct cloud_request *r)
{
    cloud_requests_add(call, r);
    cloud_request_answer(call, r);
    return 0;
}

/* ---- looked at ---- */

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

int cloud_request_status(struct service_call *call, struct err *err)
{
    struct cloud_request r;
    if (find_request(call, &r, err))
        return -1;
    cloud_request_answer(call, &r);
    return 0;
}

int cloud_request_cancel(struct service_call *call, struct err *err)
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

int cloud_request_list(struct service_call *call, struct err *err)
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
