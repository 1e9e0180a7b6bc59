/* Makes one call of a spec: classifies its errors and repeats it. */
#include "base/clock.h"
#include "base/json.h"
#include "provider/aws/client.h"
#include "provider/spec/act.h"

enum { RETRY_FOR_MS = 2 * 60 * 1000, SEEN_WITHIN_MS = 20 * 1000, USERS_SHOWN = 6 };

struct act act_of(struct op_ctx *ctx)
{
    static const struct attempt nothing_known;
    return (struct act){.ctx = ctx,
        .type = ctx->schema->impl,
        .arena = ctx->arena,
        .attempt = &nothing_known,
        .client = provider_aws(ctx->provider)};
}

/* ---- errors ---- */

static const struct spec_error *error_find(const struct spec_errors *errors, const struct err *err)
{
    for (size_t i = 0; i < errors->count; i++) {
        const struct spec_error *e = &errors->items[i];
        if (str_eqz(e->code, err->code) &&
            (!e->message.n || str_find(str_z(err->message), e->message, 0) >= 0))
            return e;
    }
    return NULL;
}

bool act_error_is(const struct spec_errors *errors, const struct err *err)
{
    return error_find(errors, err) != NULL;
}

struct retry_rules {
    struct act *act;
    const struct spec_step *step;
    const struct spec_service *service;
    const struct value *object;
    int64_t unseen_since_ms;      /* 0: the resource was visible, as far as known */
    const struct value *document; /* the response, once complete */
    struct repeats repeats;
};

/* Returns the number of items in all listings of what uses the resource, and the names of the first few. */
static uint32_t users_of(const struct retry_rules *rules, uint32_t most, struct buf *names)
{
    uint32_t total = 0;
    for (size_t i = 0; i < rules->step->again.user_count; i++) {
        const struct spec_users *users = &rules->step->again.users[i];
        const struct value *items = NULL;
        if (act_list(rules->act, users->step, rules->object, NULL, &items, ERR_IGNORED))
            continue;
        for (uint32_t k = 0; k < items->count && total + k < most; k++) {
            const struct value *known = wire_path(rules->act->arena, items->items[k], users->tells);
            buf_addz(names, total + k ? ", " : "");
            buf_add_str(names, value_text(known, STR("without a description")));
        }
        total += items->count;
    }
    buf_addz(names, total > most ? ", …" : "");
    return total;
}

/* "waiting for 3 that still use it: AWS Lambda VPC ENI-ingest, … (DependencyViolation)"; without a listing
 * the service's message. */
static void tell_users(const struct retry_rules *rules, const struct err *err, char *out, size_t size)
{
    AUTO_BUF struct buf names = BUF_INIT;
    uint32_t n = users_of(rules, 1, &names);
    if (n)
        snprintf(out, size, "waiting for %u that still use%s it: %.*s (%s)", n, n == 1 ? "s" : "",
            STR_ARG(buf_str(&names)), err->code);
    else
        snprintf(out, size, "waiting, the service says %.200s", err->message);
}

/* Adds what still uses the resource to the error after waiting in vain. */
static void hint_users(const struct retry_rules *rules, struct err *err)
{
    AUTO_BUF struct buf names = BUF_INIT;
    if (err->hint[0] || !act_error_is(&rules->step->again.retry, err) ||
        !users_of(rules, USERS_SHOWN, &names))
        return;
    err_hint(err, "still in it: %.*s; what others made there has to go first", STR_ARG(buf_str(&names)));
}

/*
 * During a creation, "does not exist" mostly refers to a resource that this run has just created, or to the
 * new one itself, and is retried. If nothing was created recently, it is a mistake in the configuration and
 * reported at once.
 */
static bool is_not_seen_yet(struct retry_rules *rules, const struct err *err)
{
    const struct spec_step *step = rules->step;
    if (!rules->act->after_creation || step->lookup || !act_error_is(&rules->service->absent, err) ||
        act_error_is(&step->call.ignore, err))
        return false;
    int64_t now_ms = clock_mono_ms();
    if (!rules->unseen_since_ms && rules->act->client &&
        aws_created_within(rules->act->client, SEEN_WITHIN_MS))
        rules->unseen_since_ms = now_ms;
    return rules->unseen_since_ms && now_ms - rules->unseen_since_ms < SEEN_WITHIN_MS;
}

/* Distinguishes errors with the same code by a lookup. */
static bool is_final(const struct retry_rules *rules)
{
    const struct value *document;
    return rules->step->again.retry_unless &&
           !act_step(rules->act, rules->step->again.retry_unless, rules->object, &document, ERR_IGNORED);
}

static bool call_may_pass(void *ctx, const struct err *err)
{
    struct retry_rules *rules = ctx;
    if (!act_error_is(&rules->step->again.retry, err) && !act_error_is(&rules->service->retry, err) &&
        !is_not_seen_yet(rules, err))
        return false;
    if (is_final(rules))
        return false;
    const struct op_ctx *op = rules->act->ctx;
    char what[256];
    const struct value *document;
    tell_users(rules, err, what, sizeof what);
    op_progress(op, what);
    if (rules->step->again.before_retry)
        act_step(rules->act, rules->step->again.before_retry, rules->object, &document, ERR_IGNORED);
    return true;
}

/* Sets the hint, which may contain attributes of the object; leaves it out if one has no value. */
static void call_hint(struct act *act, const struct value *object, struct str hint, struct err *err)
{
    const struct value *text = value_string(act->arena, hint);
    if (str_find(hint, STR("${"), 0) >= 0 && act_template(act, text, object, &text, ERR_IGNORED))
        return;
    if (text && text->kind == VALUE_STRING && !value_is_sensitive(text))
        err_hint(err, "%.*s", STR_ARG(text->string));
}

/* Sets the error's class by the spec. */
static void call_classify(
    struct act *act, const struct spec_step *step, const struct value *object, struct err *err)
{
    if (act_error_is(&step->call.absent, err) || act_error_is(&act->type->service->absent, err))
        err->class = ERR_ABSENT;
    else if (act_error_is(&act->type->service->exists, err))
        err->class = ERR_EXISTS;
    const struct spec_error *known = error_find(&act->type->service->hints, err);
    if (known && !err->hint[0])
        call_hint(act, object, known->hint, err);
}

/* A 200 response may contain a list of failures. */
static int check_failed(
    struct act *act, const struct spec_step *step, const struct value *document, struct err *err)
{
    const struct value *list =
        step->reply.failed.n ? wire_path(act->arena, document, step->reply.failed) : NULL;
    const struct value *first = list && list->kind == VALUE_LIST && list->count ? list->items[0] : NULL;
    if (list && list->kind == VALUE_MAP && list->count)
        first = list;
    if (!first)
        return 0;
    static const char *const codes[] = {"ErrorCode", "Code", "errorCode", "reason", "code"};
    static const char *const texts[] = {"ErrorMessage", "Message", "errorMessage", "detail", "message"};
    const struct value *error = value_getz(first, "Error");
    error = error ? error : value_getz(first, "ErrorDetail");
    error = error && error->kind == VALUE_MAP ? error : first;
    struct str code = STR_EMPTY, text = STR_EMPTY, place = value_gets(error, "location");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        code = code.n ? code : value_gets(error, codes[i]);
        text = text.n ? text : value_gets(error, texts[i]);
    }
    err_set(err, ERR_SERVICE, "%.*s: %.*s: %.*s%s%.*s", STR_ARG(step->call.op->wire.name), STR_ARG(code),
        STR_ARG(text), place.n ? " at " : "", STR_ARG(place));
    snprintf(err->code, sizeof err->code, "%.*s", STR_ARG(code));
    return -1;
}

/* ---- the call ---- */

/* The user's timeout applies if a long wait is expected. */
static int64_t retry_for(const struct act *act, const struct spec_step *step)
{
    return step->again.for_ms && act->ctx->timeout_ms > 0 ? act->ctx->timeout_ms : step->again.for_ms;
}

/* True if the response may contain a secret. AWS responses do not contain write-only attributes; other
 * services may return them under other names. */
static bool answer_may_tell(const struct act *act, const struct value *object)
{
    bool others = act->type->service->kind->send;
    if (act->ctx->sensitive)
        return true;
    for (size_t i = 0; i < act->type->attr_count; i++) {
        const struct attr *attr = act->type->attrs[i].attr;
        if ((others || !attr->write_only) &&
            (attr->sensitive || value_is_sensitive(value_get(object, attr->name))))
            return true;
    }
    return false;
}

/* Checks that the first part of the path exists, even if empty: this holds for lists in XML, and mostly in
 * JSON. */
static bool has_place(struct act *act, const struct spec_step *step, const struct value *document)
{
    struct str rest = step->reply.at, first = wire_path_cut(&rest).name;
    bool list = str_find(step->reply.at, STR("[]"), 0) >= 0;
    if (list && (!first.n || str_eqz(first, "@")))
        return document->kind == VALUE_LIST;
    const struct value *items = list ? value_get(document, first) : NULL;
    bool plain = items && items->kind == VALUE_STRING && str_trim(items->string).n;
    return list ? items && !plain : !value_is_null(wire_path(act->arena, document, step->reply.at));
}

/* True for a truncated document that is the whole body, without an enclosing element (GetBucketPolicy). */
static bool is_cut_document(struct act *act, const struct wire_operation *op, struct str body)
{
    const struct value *document;
    return op->raw.n && str_starts(str_trim(body), STR("{")) &&
           json_parse(act->arena, body, &document, ERR_IGNORED);
}

/* A complete response has the path of the step's object; a read has a non-empty response. */
static int read_whole(void *ctx, const struct wire_message *answer, struct err *err)
{
    struct retry_rules *rules = ctx;
    struct act *act = rules->act;
    const struct spec_step *step = rules->step;
    const struct wire_operation *op = &step->call.op->wire;
    bool empty = !str_trim(answer->body).n, reads = verb_reads(op->name);
    if (empty && reads && !str_eqz(op->method, "HEAD"))
        return err_set(err, ERR_PROTOCOL, "the answer to %.*s is empty", STR_ARG(op->name));
    if (reads && is_cut_document(act, op, answer->body))
        return err_set(err, ERR_PROTOCOL, "the answer to %.*s is incomplete: its document is truncated",
            STR_ARG(op->name));
    if (wire_decode_response(act->arena, op, answer, &rules->document, err))
        return -1;
    if (step->call.op->answer)
        rules->document = wire_add_headers(act->arena, step->call.op->answer, answer, rules->document);
    if (step->reply.parse.n) {
        static const struct shape text = {.kind = SHAPE_JSON_TEXT};
        const struct value *inner = wire_path(act->arena, rules->document, step->reply.parse);
        if (!inner && step->reply.required)
            return err_set(err, ERR_PROTOCOL, "the answer to %.*s is incomplete: it has no %.*s",
                STR_ARG(op->name), STR_ARG(step->reply.parse));
        rules->document = inner ? wire_coerce(act->arena, &text, inner) : &value_empty_map;
    }
    if (step->reply.required && !has_place(act, step, rules->document))
        return err_set(err, ERR_PROTOCOL, "the answer to %.*s is incomplete: it has no %.*s",
            STR_ARG(op->name), STR_ARG(step->reply.at));
    /* A create call may return {}; so may intermediaries that answer every request with it. */
    bool nothing = empty || (act->creating && str_eqz(str_trim(answer->body), "{}"));
    act->empty_answer |= nothing && !reads && answer->status == 200 && op->protocol != WIRE_REST_XML;
    return 0;
}

/* Makes the call through a provider type that sends itself. */
static int send_by_kind(struct act *act, const struct spec_step *step, const struct aws_call *call,
    struct wire_message *response, struct err *err)
{
    const struct kind_call own = {.head = act->type->service->head,
        .base = step->call.op->base,
        .op = call->op,
        .request = &call->request,
        .idempotent = call->idempotent,
        .sensitive = call->sensitive,
        .accept = call->accept,
        .accept_ctx = call->accept_ctx,
        .cancel = call->cancel,
        .transient = call->transient,
        .transient_ctx = call->transient_ctx,
        .transient_for_ms = call->transient_for_ms,
        .answers_in_ms = call->answers_in_ms,
        .repeats = call->repeats,
        .repeats_ctx = call->repeats_ctx};
    return act->type->service->kind->send(provider_self(act->ctx->provider), &own, act->arena, response, err);
}

static bool same_request(const struct wire_message *a, const struct wire_message *b)
{
    return str_eq(a->method, b->method) && str_eq(a->path, b->path) && str_eq(a->query, b->query) &&
           str_eq(a->body, b->body);
}

/* Returns the cached response to an identical call: two parts of a resource may come from one call. */
static const struct wire_message *answered_before(
    const struct act *act, const struct wire_operation *op, const struct wire_message *request)
{
    for (const struct act_answer *a = act->answers; a; a = a->before)
        if (str_eq(a->op->name, op->name) && same_request(&a->request, request))
            return &a->answer;
    return NULL;
}

static void keep_answer(struct act *act, const struct aws_call *call, const struct wire_message *answer)
{
    struct act_answer *kept = ARENA_NEW(act->arena, struct act_answer);
    *kept = (struct act_answer){call->op, call->request, *answer, act->answers};
    act->answers = kept;
}

static int send_to_service(
    struct retry_rules *rules, const struct aws_call *call, struct wire_message *response, struct err *err)
{
    struct act *act = rules->act;
    if (act->type->service->kind->send ? send_by_kind(act, rules->step, call, response, err)
                                       : aws_send(act->client, call, act->arena, response, err)) {
        call_classify(act, rules->step, rules->object, err);
        return -1;
    }
    repeats_done(&rules->repeats);
    return 0;
}

static int call_send_once(struct retry_rules *rules, const struct value *input, bool sensitive,
    const struct value **document, struct err *err)
{
    struct act *act = rules->act;
    const struct spec_step *step = rules->step;
    struct aws_call call = {.service = &act->type->service->aws,
        .op = &step->call.op->wire,
        .host_prefix = step->call.op->host_prefix,
        .idempotent = step->call.idempotent && !(act->lookup_first && step->call.by_token),
        .sensitive = sensitive,
        .body_fd = -1,
        .accept = read_whole,
        .accept_ctx = rules,
        .cancel = act->ctx->cancel,
        .transient = call_may_pass,
        .transient_ctx = rules,
        .transient_for_ms = retry_for(act, step),
        .repeats = repeats_report,
        .repeats_ctx = &rules->repeats,
        .answers_in_ms = step->call.answers_in_ms};
    if (wire_encode_request(act->arena, &step->call.op->wire, &step->call.whole, input, &call.request, err))
        return -1;
    const struct wire_message *known = answered_before(act, call.op, &call.request);
    struct wire_message response = {0};
    if (known ? read_whole(rules, known, err) : send_to_service(rules, &call, &response, err))
        return -1;
    *document = rules->document;
    if (check_failed(act, step, *document, err))
        return -1;
    if (act->read_only && !known)
        keep_answer(act, &call, &response);
    return 0;
}

/* Repeats failures inside a 200 response, which the client does not see. */
static int send_until_accepted(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *input, bool sensitive, const struct value **document, struct err *err)
{
    struct retry_rules rules = {.act = act,
        .step = step,
        .service = act->type->service,
        .object = object,
        .repeats = {.op = act->ctx, .what = step->call.op->wire.name}};
    int64_t for_ms = retry_for(act, step), pause = 500;
    int64_t until = clock_mono_ms() + (for_ms ? for_ms : RETRY_FOR_MS);
    for (;;) {
        struct err failure = ERR_INIT;
        if (call_send_once(&rules, input, sensitive, document, &failure) == 0)
            return 0;
        if (failure.http_status || !step->reply.failed.n || !call_may_pass(&rules, &failure) ||
            clock_mono_ms() > until) {
            hint_users(&rules, &failure);
            return err_raise(err, &failure);
        }
        if (cancel_sleep_ms(act->ctx->cancel, pause, err))
            return -1;
        pause = pause < 8000 ? pause * 2 : pause;
    }
}

int act_page(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value *token, const struct value **document, struct err *err)
{
    const struct value *input;
    if (act_input(act, step, object, item, token, &input, err))
        return -1;
    if (step->call.op->patch) {
        const struct value *list;
        if (act_patch(act, step, object, &list, err))
            return -1;
        *document = NULL;
        if (!list)
            return 0;
        input = value_with(act->arena, input, STR(PATCH_KEY), list);
    }
    struct err failure = ERR_INIT;
    bool sensitive = value_is_sensitive(input) || answer_may_tell(act, object);
    act->ignored = false;
    if (send_until_accepted(act, step, object, input, sensitive, document, &failure) == 0)
        return 0;
    act->ignored = act_error_is(&step->call.ignore, &failure);
    if (!act->ignored)
        return err_raise(err, &failure);
    if (step->lookup) /* the result of this lookup is unknown to later steps */
        op_warn(act->ctx, failure.message);
    *document = &value_empty_map;
    return 0;
}

int act_call(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value **document, struct err *err)
{
    *document = &value_empty_map;
    if (step->call.native)
        return step->call.native(act->ctx, object, document, err);
    return act_page(act, step, object, item, NULL, document, err);
}

/* ---- steps ---- */

bool act_applies(struct act *act, const struct spec_step *step, const struct value *object)
{
    return act_holds(act, &step->when.only, object) &&
           (!step->when.unless.count || !act_holds(act, &step->when.unless, object));
}

int act_step(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err)
{
    *document = NULL;
    return act_applies(act, step, object) ? act_now(act, step, object, document, err) : 0;
}

int act_now(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err)
{
    if (step->list.each)
        return act_each(act, step, object, document, err);
    return act_call(act, step, object, NULL, document, err);
}
