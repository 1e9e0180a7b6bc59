/* Calls of the Cloud Control API: see cfn.h. */
#include "provider/cfn/cfn.h"

#include "base/clock.h"
#include "base/embed.h"
#include "base/json.h"

enum {
    FIRST_PAUSE_MS = 250,
    LONGEST_PAUSE_MS = 5 * 1000,
    LONGEST_WAIT_MS = 60 * 1000, /* upper limit for RetryAfter */
    TIMEOUT_MS = 2 * 60 * 60 * 1000,
    BEGUN_ANEW = 8,
    CONFLICT_MS = 2 * 60 * 1000,
    ROLE_MS = 60 * 1000, /* until a new role is known everywhere */
};

const struct aws_service cfn_service = {.id = STR_INIT("cloudcontrol"),
    .endpoint_prefix = STR_INIT("cloudcontrolapi"),
    .signing_name = STR_INIT("cloudcontrolapi")};

/* ---- calls ---- */

/* Another request for the same resource is running; it will end. */
static bool may_pass(void *ctx, const struct err *err)
{
    char what[256];
    if (!str_eqz(STR("ConcurrentOperationException"), err->code))
        return false;
    snprintf(what, sizeof what, "waiting, the service says %.200s", err->message);
    op_progress(ctx, what);
    return true;
}

static int cfn_send(struct op_ctx *ctx, const char *operation, const struct value *input, bool sensitive,
    const char *needs, const struct value **document, struct err *err)
{
    struct wire_operation op = {.name = str_z(operation),
        .protocol = WIRE_JSON10,
        .target_prefix = STR("CloudApiService"),
        .method = STR("POST"),
        .path = STR("/")};
    struct repeats repeats = {.op = ctx, .what = op.name};
    struct aws_call request = {.service = &cfn_service,
        .op = &op,
        .idempotent = true, /* requests that change resources carry a token */
        .body_fd = -1,
        .cancel = ctx->cancel,
        .sensitive = sensitive || ctx->sensitive,
        .transient = may_pass,
        .transient_ctx = ctx,
        .transient_for_ms = CONFLICT_MS,
        .repeats = repeats_report,
        .repeats_ctx = &repeats};
    if (!aws_send_json(provider_aws(ctx->provider), &request, input, ctx->arena, needs, document, err)) {
        repeats_done(&repeats);
        return 0;
    }
    cfn_explain(ctx, err);
    return -1;
}

static const struct value *with_type(const struct op_ctx *ctx, const struct value *input)
{
    return value_with(ctx->arena, input, STR("TypeName"), value_string_ref(ctx->arena, ctx->schema->name));
}

/* ---- events ---- */

/* Parses a time: a number of seconds, or RFC 3339. */
static int64_t moment(const struct value *v)
{
    int64_t ms = 0;
    if (v && v->kind == VALUE_INT)
        return v->integer * 1000;
    if (v && v->kind == VALUE_FLOAT)
        return int_within(v->number * 1000);
    if (v && v->kind == VALUE_STRING)
        time_parse_rfc3339(v->string, &ms);
    return ms;
}

static struct cfn_event read_event(const struct value *doc)
{
    return (struct cfn_event){
        .token = value_gets(doc, "RequestToken"),
        .type = value_gets(doc, "TypeName"),
        .identifier = value_gets(doc, "Identifier"),
        .status = value_gets(doc, "OperationStatus"),
        .code = value_gets(doc, "ErrorCode"),
        .message = value_gets(doc, "StatusMessage"),
        .at_ms = moment(value_getz(doc, "EventTime")),
        .retry_after_ms = moment(value_getz(doc, "RetryAfter")),
    };
}

static bool has_ended(const struct cfn_event *event)
{
    return str_is_any(event->status, "SUCCESS FAILED CANCEL_COMPLETE");
}

static int event_failed(const struct op_ctx *ctx, const struct cfn_event *event, struct err *err)
{
    bool cancelled = str_eqz(event->status, "CANCEL_COMPLETE");
    struct str code = event->code.n ? event->code : cancelled ? STR("cancelled") : STR("failed");
    err_set(
        err, ERR_SERVICE, "%.*s%s%.*s", STR_ARG(code), event->message.n ? ": " : "", STR_ARG(event->message));
    snprintf(err->code, sizeof err->code, "%.*s", STR_ARG(event->code));
    snprintf(err->request_id, sizeof err->request_id, "%.*s", STR_ARG(event->token));
    if (cancelled)
        return err_hint(err, "somebody cancelled the request at the service");
    cfn_explain(ctx, err);
    return -1;
}

static int64_t pause_before(const struct op_ctx *ctx, const struct cfn_event *event, int64_t usual_ms)
{
    int64_t now_ms = clock_wall_ms() + aws_clock_ahead_ms(provider_aws(ctx->provider));
    int64_t asked_ms = event->retry_after_ms ? event->retry_after_ms - now_ms : 0;
    if (asked_ms <= 0)
        return usual_ms;
    return asked_ms < LONGEST_WAIT_MS ? asked_ms : LONGEST_WAIT_MS;
}

static void cfn_tell(const struct op_ctx *ctx, const struct cfn_event *event)
{
    char what[256];
    snprintf(what, sizeof what, "waiting, the service says %.*s%s%.*s", STR_ARG(event->status),
        event->message.n ? ": " : "", STR_ARG(event->message));
    op_progress(ctx, what);
}

int cfn_follow(struct op_ctx *ctx, struct cfn_event *event, struct err *err)
{
    int64_t until = clock_mono_ms() + (ctx->timeout_ms > 0 ? ctx->timeout_ms : TIMEOUT_MS);
    for (int64_t pause = FIRST_PAUSE_MS; !has_ended(event);) {
        if (!event->token.n)
            return err_set(err, ERR_PROTOCOL, "the response does not name its request");
        if (clock_mono_ms() > until)
            return err_set(err, ERR_TIMEOUT, "the request %.*s has not ended in time, the service says %.*s",
                STR_ARG(event->token), STR_ARG(event->status));
        cfn_tell(ctx, event);
        if (cancel_sleep_ms(ctx->cancel, pause_before(ctx, event, pause), err))
            return -1;
        pause = pause * 3 / 2 < LONGEST_PAUSE_MS ? pause * 3 / 2 : LONGEST_PAUSE_MS;
        struct value_entry token = {STR("RequestToken"), value_string_ref(ctx->arena, event->token)};
        const struct value *document;
        if (cfn_send(ctx, "GetResourceRequestStatus", value_map(ctx->arena, &token, 1), false,
                "ProgressEvent", &document, err))
            return -1;
        *event = read_event(value_getz(document, "ProgressEvent"));
    }
    return str_eqz(event->status, "SUCCESS") ? 0 : event_failed(ctx, event, err);
}

/* Returns the intent's token, with a suffix for each further attempt. */
static const struct value *client_token(const struct op_ctx *ctx, int attempt)
{
    struct str token = ctx->owner.token;
    if (attempt)
        token = arena_printf(ctx->arena, "%.*s-%d", STR_ARG(ctx->owner.token), attempt);
    return ctx->owner.token.n ? value_string(ctx->arena, token) : NULL;
}

static bool may_start_again(const struct cfn_request *request, const struct cfn_event *event)
{
    static const char *const codes[] = {
        "Throttling", "ResourceConflict", "ServiceInternalError", "NetworkFailure"};
    return str_is_one_of(event->code, codes, request->repeats ? sizeof codes / sizeof *codes : 2);
}

/* Handlers do not wait for a role that was just created. */
static bool is_new_role(const struct op_ctx *ctx, const struct cfn_event *event)
{
    return str_is_any(event->code, "InvalidRequest AccessDenied GeneralServiceException") &&
           str_find(event->message, STR("assume"), 0) >= 0 &&
           aws_created_within(provider_aws(ctx->provider), ROLE_MS);
}

static int carry_out_once(struct op_ctx *ctx, const struct cfn_request *request, int attempt,
    struct cfn_event *event, struct err *err)
{
    const struct value *input = value_with(
        ctx->arena, with_type(ctx, request->input), STR("ClientToken"), client_token(ctx, attempt));
    const struct value *document;
    *event = (struct cfn_event){0};
    if (cfn_send(ctx, request->operation, input, request->sensitive, "ProgressEvent", &document, err))
        return -1;
    *event = read_event(value_getz(document, "ProgressEvent"));
    return cfn_follow(ctx, event, err);
}

int cfn_carry_out(
    struct op_ctx *ctx, const struct cfn_request *request, struct cfn_event *event, struct err *err)
{
    int64_t pause = FIRST_PAUSE_MS, until = clock_mono_ms() + CONFLICT_MS;
    struct repeats repeats = {.op = ctx, .what = str_z(request->operation)};
    for (int attempt = 0;; attempt++, pause *= 2) {
        struct err failure = ERR_INIT;
        if (!carry_out_once(ctx, request, attempt, event, &failure)) {
            repeats_done(&repeats);
            return 0;
        }
        if (failure.class == ERR_THROTTLED && event->token.n)
            aws_throttled(provider_aws(ctx->provider), &cfn_service);
        bool again = is_new_role(ctx, event) ? clock_mono_ms() < until
                                             : may_start_again(request, event) && attempt < BEGUN_ANEW;
        if (!event->token.n || !again)
            return err_raise(err, &failure);
        repeats_because(&repeats, failure.message, attempt + 2);
        if (cancel_sleep_ms(ctx->cancel, pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS, err))
            return -1;
    }
}

/* ---- reading ---- */

static int read_properties(
    struct arena *arena, const struct value *description, const struct value **properties, struct err *err)
{
    struct str text = value_gets(description, "Properties");
    if (json_parse(arena, text, properties, err))
        return err_context(err, "properties of the answer");
    return (*properties)->kind == VALUE_MAP
               ? 0
               : err_set(err, ERR_PROTOCOL, "the properties of the answer are no map");
}

int cfn_get(struct op_ctx *ctx, struct str identifier, const struct value **properties, struct err *err)
{
    struct value_entry id = {STR("Identifier"), value_string(ctx->arena, identifier)};
    const struct value *document;
    struct err failure = ERR_INIT;
    *properties = NULL;
    if (!cfn_send(ctx, "GetResource", with_type(ctx, value_map(ctx->arena, &id, 1)), false,
            "ResourceDescription", &document, &failure))
        return read_properties(ctx->arena, value_getz(document, "ResourceDescription"), properties, err);
    if (failure.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &failure);
}

typedef int page_items(void *ctx, const struct value *items, bool *done, struct err *err);

static int each_page(struct op_ctx *ctx, const char *operation, const struct value *input, const char *at,
    page_items *take, void *take_ctx, struct err *err)
{
    AUTO_PAGES struct pages pages = PAGES_INIT;
    for (bool done = false; !done;) {
        const struct value *document;
        if (cfn_send(ctx, operation, input, false, at, &document, err))
            return -1;
        const struct value *items = value_getz(document, at);
        if (items->kind == VALUE_LIST && take(take_ctx, items, &done, err))
            return -1;
        struct str next = value_gets(document, "NextToken");
        if (!next.n)
            return 0;
        if (pages_next(&pages, str_z(operation), next, err))
            return -1;
        input = value_with(ctx->arena, input, STR("NextToken"), value_string(ctx->arena, next));
    }
    return 0;
}

struct listing {
    struct op_ctx *ctx;
    cfn_seen *seen;
    void *seen_ctx;
};

static int take_resources(void *ctx, const struct value *items, bool *done, struct err *err)
{
    struct listing *l = ctx;
    *done = false;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *properties;
        if (read_properties(l->ctx->arena, items->items[i], &properties, err) ||
            l->seen(l->seen_ctx, value_gets(items->items[i], "Identifier"), properties, err))
            return -1;
    }
    return 0;
}

int cfn_list(struct op_ctx *ctx, cfn_seen *seen, void *seen_ctx, struct err *err)
{
    struct listing listing = {ctx, seen, seen_ctx};
    struct value_entry most = {STR("MaxResults"), value_int(ctx->arena, 100)};
    return each_page(ctx, "ListResources", with_type(ctx, value_map(ctx->arena, &most, 1)),
        "ResourceDescriptions", take_resources, &listing, err);
}

struct requests {
    cfn_request_seen *seen;
    void *seen_ctx;
};

static int take_requests(void *ctx, const struct value *items, bool *done, struct err *err UNUSED)
{
    const struct requests *r = ctx;
    for (uint32_t i = 0; i < items->count && !*done; i++) {
        struct cfn_event event = read_event(items->items[i]);
        *done = r->seen(r->seen_ctx, &event);
    }
    return 0;
}

int cfn_list_creations(struct op_ctx *ctx, cfn_request_seen *seen, void *seen_ctx, struct err *err)
{
    struct requests requests = {seen, seen_ctx};
    const struct value *create = value_stringz(ctx->arena, "CREATE");
    struct value_entry operations = {STR("Operations"), value_list(ctx->arena, &create, 1)};
    struct value_entry filter[] = {{STR("MaxResults"), value_int(ctx->arena, 100)},
        {STR("ResourceRequestStatusFilter"), value_map(ctx->arena, &operations, 1)}};
    return each_page(ctx, "ListResourceRequests", value_map(ctx->arena, filter, 2),
        "ResourceRequestStatusSummaries", take_requests, &requests, err);
}

/* ---- Errors of the Cloud Control API: handler error codes, and the exceptions of the same names
 * (explained.txt: a code, its class, and a hint in each line). */

static struct str without_exception(struct str code)
{
    struct str end = STR("Exception");
    return str_ends(code, end) ? str_slice(code, 0, code.n - end.n) : code;
}

static enum err_class cfn_class_of(struct str word)
{
    return str_eqz(word, "absent")      ? ERR_ABSENT
           : str_eqz(word, "exists")    ? ERR_EXISTS
           : str_eqz(word, "auth")      ? ERR_AUTH
           : str_eqz(word, "throttled") ? ERR_THROTTLED
                                        : ERR_SERVICE;
}

void cfn_explain(const struct op_ctx *ctx, struct err *err)
{
    struct str code = without_exception(str_z(err->code)), hint,
               class = str_cut(embedded_line("provider/cfn/explained.txt", code), ' ', &hint);
    if (!class.n)
        return;
    err->class = cfn_class_of(class);
    if (str_eqz(code, "NotUpdatable"))
        err_hint(err, "the service does not change this in place: --replace %.*s makes it anew",
            STR_ARG(ctx->address));
    else if (hint.n && !err->hint[0])
        err_hint(err, "%.*s", STR_ARG(hint));
}
