/* One call of a spec: what it sends, what its errors mean, its pages and items. */
#include "base/clock.h"
#include "base/mem.h"
#include "provider/aws/pages.h"
#include "provider/aws/verb.h"
#include "provider/spec/act.h"

#include <stdio.h>
#include <stdlib.h>

enum { RETRY_FOR_MS = 2 * 60 * 1000, SEEN_WITHIN_MS = 20 * 1000 };

void act_init(struct act *act, struct op_ctx *ctx)
{
    static const struct attempt nothing_known;
    *act =
        (struct act){.ctx = ctx, .type = ctx->schema->impl, .arena = ctx->arena, .attempt = &nothing_known};
    act->client = provider_aws(ctx->provider);
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
    int64_t unseen_since_ms;      /* 0: what it is about was seen, as far as is known */
    const struct value *document; /* the answer, once there is a whole one */
};

/* "DependencyViolation, 3 still use it (AWS Lambda VPC ENI-ingest)"; without the listing just the code. */
static void tell_users(const struct retry_rules *rules, const char *code, char *out, size_t size)
{
    const struct spec_step *users = rules->step->again.users;
    const struct value *items = NULL;
    struct err ignored = ERR_INIT;
    snprintf(out, size, "waiting, the service says %s", code);
    if (!users || act_list(rules->act, users, rules->object, NULL, &items, &ignored) || !items->count)
        return;
    const struct value *first = wire_path(rules->act->arena, items->items[0], rules->step->again.tells);
    snprintf(out, size, "waiting for %u that still use%s it: %.*s%s (%s)", items->count,
        items->count == 1 ? "s" : "", STR_ARG(value_text(first, STR("without a description"))),
        items->count > 1 ? ", …" : "", code);
}

/*
 * While a thing is made, "there is no such thing" is mostly about another that this run has just made, or
 * about itself. Where nothing was made of late, it is a mistake in the file and told at once.
 */
static bool is_not_seen_yet(struct retry_rules *rules, const struct err *err)
{
    const struct spec_step *step = rules->step;
    if (!rules->act->making || step->look || step->must_be_absent ||
        !act_error_is(&rules->service->absent, err) || act_error_is(&step->ignore, err))
        return false;
    int64_t now_ms = clock_mono_ms();
    if (!rules->unseen_since_ms && rules->act->client && aws_made_within(rules->act->client, SEEN_WITHIN_MS))
        rules->unseen_since_ms = now_ms;
    return rules->unseen_since_ms && now_ms - rules->unseen_since_ms < SEEN_WITHIN_MS;
}

/* What the refusal means by its words alone is told apart by looking. */
static bool is_final(const struct retry_rules *rules)
{
    const struct value *document;
    struct err ignored = ERR_INIT;
    return rules->step->again.final_if &&
           !act_step(rules->act, rules->step->again.final_if, rules->object, &document, &ignored);
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
    struct err ignored = ERR_INIT;
    tell_users(rules, err->code, what, sizeof what);
    op_progress(op, what);
    if (rules->step->again.meanwhile)
        act_step(rules->act, rules->step->again.meanwhile, rules->object, &document, &ignored);
    return true;
}

/* What the spec calls this error. */
static void call_classify(const struct act *act, const struct spec_step *step, struct err *err)
{
    if (act_error_is(&step->absent, err) || act_error_is(&act->type->service->absent, err))
        err->class = ERR_ABSENT;
    else if (act_error_is(&act->type->service->exists, err))
        err->class = ERR_EXISTS;
    const struct spec_error *known = error_find(&act->type->service->hints, err);
    if (known && !err->hint[0])
        err_hint(err, "%.*s", STR_ARG(known->hint));
}

/* A 200 answer may list what failed. */
static int check_failed(
    struct act *act, const struct spec_step *step, const struct value *document, struct err *err)
{
    const struct value *list = step->failed.n ? wire_path(act->arena, document, step->failed) : NULL;
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
    err_set(err, ERR_SERVICE, "%.*s: %.*s: %.*s%s%.*s", STR_ARG(step->op->wire.name), STR_ARG(code),
        STR_ARG(text), place.n ? " at " : "", STR_ARG(place));
    snprintf(err->code, sizeof err->code, "%.*s", STR_ARG(code));
    return -1;
}

/* ---- requests ---- */

static const struct value *item_value(
    struct act *act, const struct spec_extra *extra, const struct value *item)
{
    const struct value *v = item ? wire_path(act->arena, item, extra->value->string) : NULL;
    return v && extra->listed ? value_list(act->arena, &v, 1) : v;
}

static int add_extras(struct act *act, const struct spec_request *request, const struct value *object,
    const struct value *item, struct value_builder *input, struct err *err)
{
    for (size_t i = 0; i < request->extra_count; i++) {
        const struct spec_extra *extra = &request->extras[i];
        const struct value *v = extra->value;
        if (extra->from_item)
            v = item_value(act, extra, item);
        else if (extra->dynamic && act_template(act, extra->value, object, &v, err))
            return -1;
        if (!value_is_null(v))
            value_builder_set(input, extra->key, v);
    }
    return 0;
}

/* What steers weir has its default even where the file is silent; services mostly know their own. */
static const struct value *default_to_send(const struct spec_attr *attr)
{
    return attr && (attr->steers || attr->attr->send_default) ? attr->attr->default_value : NULL;
}

/* Services refuse an empty list where they take none at all: a new thing has that anyway. */
static bool is_left_out(const struct act *act, const struct spec_attr *attr, const struct value *v)
{
    const struct value *usual = attr ? attr->attr->default_value : NULL;
    bool collection = usual && (usual->kind == VALUE_MAP || usual->kind == VALUE_LIST);
    return act->making && collection && !usual->count && v->kind == usual->kind && !v->count;
}

static bool has_fields_to_fill(const struct type *type)
{
    for (; type; type = type->elem)
        for (size_t i = 0; i < type->field_count; i++)
            if (type->fields[i].send_default || has_fields_to_fill(type->fields[i].type))
                return true;
    return false;
}

/* The same for what lies inside objects. */
static const struct value *fill_fields(struct arena *arena, const struct type *type, const struct value *v)
{
    if (value_is_null(v) || !value_is_known(v) || !has_fields_to_fill(type))
        return v;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (v->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < v->count; i++)
            value_builder_add(&b, fill_fields(arena, type->elem, v->items[i]));
        return value_builder_list(&b);
    }
    if (v->kind != VALUE_MAP)
        return v;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct attr *field = type->elem ? NULL : type_field(type, v->entries[i].key);
        const struct type *inner = field ? field->type : type->elem;
        value_builder_set(&b, v->entries[i].key, fill_fields(arena, inner, v->entries[i].value));
    }
    for (size_t i = 0; i < type->field_count; i++) {
        const struct attr *field = &type->fields[i];
        if (field->send_default && value_is_null(value_get(v, field->name)))
            value_builder_set(&b, field->name, field->default_value);
    }
    return value_builder_map(&b);
}

static int build_input(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value *token, const struct value **out, struct err *err)
{
    AUTO_BUILDER struct value_builder input = VALUE_BUILDER(act->arena);
    const struct spec_request *request = &step->request;
    for (size_t i = 0; i < request->attr_count; i++) {
        const struct spec_attr *attr = spec_attr_find(act->type, request->attrs[i]);
        const struct value *v = value_get(object, request->attrs[i]);
        if (value_is_null(v))
            v = default_to_send(attr);
        if (!value_is_null(v) && value_is_known(v) && !is_left_out(act, attr, v))
            value_builder_set(
                &input, request->attrs[i], attr ? fill_fields(act->arena, attr->attr->type, v) : v);
    }
    const struct spec_tags *tags = act->type->tags;
    if (tags && tags->with_create && value_get(object, tags->attr->attr->name))
        value_builder_set(&input, tags->attr->attr->name, value_get(object, tags->attr->attr->name));
    if (add_extras(act, request, object, item, &input, err))
        return -1;
    if (token)
        value_builder_set(&input, step->list.page.in_key, token);
    *out = value_builder_map(&input);
    return 0;
}

/* The user's own timeout counts where waiting long is to be expected. */
static int64_t retry_for(const struct act *act, const struct spec_step *step)
{
    return step->again.for_ms && act->ctx->timeout_ms > 0 ? act->ctx->timeout_ms : step->again.for_ms;
}

/* May the answer repeat a secret? What cannot be read back is not in AWS's; other services give it back under
 * another name, or to who asks nicely. */
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

/* What the path begins with is there, empty or not: so XML's lists, and JSON's but for a few. */
static bool has_place(struct act *act, const struct spec_step *step, const struct value *document)
{
    struct str rest = step->at, first = wire_path_cut(&rest).name;
    bool list = str_find(step->at, STR("[]"), 0) >= 0;
    if (list && (!first.n || str_eqz(first, "@")))
        return document->kind == VALUE_LIST;
    return list ? value_get(document, first) != NULL
                : !value_is_null(wire_path(act->arena, document, step->at));
}

/* A whole answer has what the step is about; and what is asked for is answered with something. */
static int read_whole(struct retry_rules *rules, const struct wire_message *answer, struct err *err)
{
    struct act *act = rules->act;
    const struct spec_step *step = rules->step;
    const struct wire_operation *op = &step->op->wire;
    bool empty = !str_trim(answer->body).n, reads = verb_reads(op->name);
    if (empty && reads && !str_eqz(op->method, "HEAD"))
        return err_set(err, ERR_PROTOCOL, "the answer to %.*s is empty", STR_ARG(op->name));
    if (wire_decode_response(act->arena, op, answer, &rules->document, err))
        return -1;
    if (step->op->answer)
        rules->document = wire_add_headers(act->arena, step->op->answer, answer, rules->document);
    if (step->parse.n) {
        static const struct shape text = {.kind = SHAPE_JSON_TEXT};
        const struct value *inner = wire_path(act->arena, rules->document, step->parse);
        if (!inner && step->demands)
            return err_set(err, ERR_PROTOCOL, "the answer to %.*s is not whole: it has no %.*s",
                STR_ARG(op->name), STR_ARG(step->parse));
        rules->document = inner ? wire_coerce(act->arena, &text, inner) : &value_empty_map;
    }
    if (step->demands && !has_place(act, step, rules->document))
        return err_set(err, ERR_PROTOCOL, "the answer to %.*s is not whole: it has no %.*s",
            STR_ARG(op->name), STR_ARG(step->at));
    /* What makes the thing may say so with {}, too; so do those who answer anything with that. */
    bool silent = empty || (act->makes && str_eqz(str_trim(answer->body), "{}"));
    act->silent |= silent && !reads && answer->status == 200 && op->protocol != WIRE_REST_XML;
    return 0;
}

static int call_take_answer(void *ctx, const struct wire_message *answer, struct err *err)
{
    return read_whole(ctx, answer, err);
}

/* The same call for a kind that sends by itself. */
static int send_by_kind(struct act *act, const struct spec_step *step, const struct aws_call *call,
    struct wire_message *response, struct err *err)
{
    const struct kind_call own = {.head = act->type->service->head,
        .base = step->op->base,
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
        .answers_in_ms = call->answers_in_ms};
    return act->type->service->kind->send(provider_self(act->ctx->provider), &own, act->arena, response, err);
}

static int call_send_once(struct retry_rules *rules, const struct value *input, bool sensitive,
    const struct value **document, struct err *err)
{
    struct act *act = rules->act;
    const struct spec_step *step = rules->step;
    struct aws_call call = {.service = &act->type->service->aws,
        .op = &step->op->wire,
        .host_prefix = step->op->host_prefix,
        .idempotent = step->idempotent && !(act->looks_first && step->by_token),
        .sensitive = sensitive,
        .body_fd = -1,
        .accept = call_take_answer,
        .accept_ctx = rules,
        .cancel = act->ctx->cancel,
        .transient = call_may_pass,
        .transient_ctx = rules,
        .transient_for_ms = retry_for(act, step),
        .answers_in_ms = step->answers_in_ms};
    struct wire_message response = {0};
    if (wire_encode_request(act->arena, &step->op->wire, &step->request.shape, input, &call.request, err))
        return -1;
    if (act->type->service->kind->send ? send_by_kind(act, step, &call, &response, err)
                                       : aws_send(act->client, &call, act->arena, &response, err)) {
        call_classify(act, step, err);
        return -1;
    }
    *document = rules->document;
    return check_failed(act, step, *document, err);
}

/* Failures inside a 200 answer are repeated here; the client knows nothing of them. */
static int send_until_accepted(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *input, bool sensitive, const struct value **document, struct err *err)
{
    struct retry_rules rules = {.act = act, .step = step, .service = act->type->service, .object = object};
    int64_t until = clock_mono_ms() + RETRY_FOR_MS, pause = 500;
    for (;;) {
        struct err failure = ERR_INIT;
        if (call_send_once(&rules, input, sensitive, document, &failure) == 0)
            return 0;
        if (failure.http_status || !step->failed.n || !call_may_pass(&rules, &failure) ||
            clock_mono_ms() > until) {
            *err = failure;
            return -1;
        }
        if (act_sleep(act, pause, err))
            return -1;
        pause = pause < 8000 ? pause * 2 : pause;
    }
}

int act_page(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value *token, const struct value **document, struct err *err)
{
    const struct value *input;
    if (build_input(act, step, object, item, token, &input, err))
        return -1;
    struct err failure = ERR_INIT;
    bool sensitive = value_is_sensitive(input) || answer_may_tell(act, object);
    act->ignored = false;
    if (send_until_accepted(act, step, object, input, sensitive, document, &failure) == 0)
        return 0;
    bool warned = act_error_is(&step->warn, &failure);
    act->ignored = warned || act_error_is(&step->ignore, &failure);
    if (warned)
        op_warn(act->ctx, failure.message);
    if (act->ignored) {
        *document = &value_empty_map;
        return 0;
    }
    *err = failure;
    return -1;
}

int act_call(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value **document, struct err *err)
{
    *document = &value_empty_map;
    if (step->native)
        return step->native(act->ctx, object, document, err);
    return act_page(act, step, object, item, NULL, document, err);
}

/* ---- lists ---- */

bool act_skips(struct act *act, const struct spec_skip *skip, const struct value *item)
{
    for (; skip && skip->path.n; skip = skip->next) {
        struct str have = value_scalar_text(act->arena, wire_path(act->arena, item, skip->path));
        for (uint32_t i = 0; i < skip->values->count; i++)
            if (have.n && str_ieq(have, value_scalar_text(act->arena, skip->values->items[i])))
                return true;
    }
    return false;
}

static void add_items(
    struct act *act, const struct spec_step *step, struct value_builder *items, const struct value *found)
{
    if (value_is_null(found))
        return;
    bool list = found->kind == VALUE_LIST;
    for (uint32_t i = 0; i < (list ? found->count : 1); i++) {
        const struct value *item = list ? found->items[i] : found;
        if (!act_skips(act, &step->list.skip, item))
            value_builder_add(items, item);
    }
}

/* The items of one page, as a list or as what is one. */
static uint32_t count_items(const struct value *found)
{
    return value_is_null(found) ? 0 : found->kind == VALUE_LIST ? found->count : 1;
}

/* By the last item's key, as long as the answer says that there is more. */
static int page_after_last(struct act *act, const struct spec_step *step, const struct value *document,
    const struct value *found, const struct value **next, struct err *err)
{
    const struct value *more = wire_path(act->arena, document, step->list.page.more);
    if (!str_eqz(value_scalar_text(act->arena, more), "true"))
        return 0;
    uint32_t n = count_items(found);
    const struct value *last = !n ? NULL : found->kind == VALUE_LIST ? found->items[n - 1] : found;
    *next = last ? wire_path(act->arena, last, step->list.page.last) : NULL;
    if (!value_is_null(*next))
        return 0;
    err_set(err, ERR_PROTOCOL, "%.*s says that there is more, but gives nothing to go on by",
        STR_ARG(step->op->wire.name));
    err->lost = true;
    return -1;
}

/* The page with this number, or from this item on: until one is empty, or all are told. */
static const struct value *page_counted(struct act *act, const struct spec_step *step,
    const struct value *document, const struct value *found, const struct value *token)
{
    const struct spec_page *page = &step->list.page;
    int64_t n = count_items(found), total, at = token ? token->integer : page->first;
    if (!n)
        return NULL;
    if (page->by == PAGE_NUMBER)
        return value_int(act->arena, at + 1);
    const struct value *told = page->total.n ? wire_path(act->arena, document, page->total) : NULL;
    if (told && str_to_int(value_scalar_text(act->arena, told), &total) && at + n >= total)
        return NULL;
    return value_int(act->arena, at + n);
}

int act_next_page(struct act *act, const struct spec_step *step, const struct value *document,
    const struct value *token, const struct value **next, struct err *err)
{
    const struct spec_page *page = &step->list.page;
    *next = NULL;
    if (!page->in_key.n)
        return 0;
    const struct value *found = page->by == PAGE_TOKEN ? NULL : wire_path(act->arena, document, step->at);
    switch (page->by) {
    case PAGE_TOKEN: *next = wire_path(act->arena, document, page->out); break;
    case PAGE_LAST_ITEM: return page_after_last(act, step, document, found, next, err);
    case PAGE_ITEM_COUNT:
    case PAGE_NUMBER: *next = page_counted(act, step, document, found, token); return 0;
    }
    if (!value_text(*next, STR_EMPTY).n)
        *next = NULL;
    return 0;
}

int act_list(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value **items, struct err *err)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(act->arena);
    AUTO_PAGES struct pages pages = PAGES_INIT;
    const struct value *token = NULL;
    for (;;) {
        const struct value *document;
        if (act_page(act, step, object, item, token, &document, err))
            return -1;
        add_items(act, step, &all, wire_path(act->arena, document, step->at));
        const struct value *next;
        if (act_next_page(act, step, document, token, &next, err))
            return -1;
        if (!next) {
            *items = value_builder_list(&all);
            return 0;
        }
        if (pages_next_value(&pages, step->op->wire.name, next, err))
            return -1;
        token = next;
    }
}

int act_page_items(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *token, const struct value **next, const struct value **items, struct err *err)
{
    const struct spec_step *paged = step->list.each ? step->list.each : step;
    const struct value *document, *found;
    *items = &value_empty_list;
    if (act_page(act, paged, object, NULL, token, &document, err))
        return -1;
    if (act_next_page(act, paged, document, token, next, err))
        return -1;
    found = wire_path(act->arena, document, paged->at);
    if (paged != step) {
        if (!found || found->kind != VALUE_LIST || !found->count)
            return 0;
        if (act_page(act, step, object, found, NULL, &document, err))
            return -1;
        found = wire_path(act->arena, document, step->at);
    }
    if (!value_is_null(found)) /* what is no list is one */
        *items = found->kind == VALUE_LIST ? found : value_list(act->arena, &found, 1);
    return 0;
}

/* ---- steps ---- */

bool act_applies(struct act *act, const struct spec_step *step, const struct value *object)
{
    return act_holds(act, &step->only, object) &&
           (!step->unless.count || !act_holds(act, &step->unless, object));
}

struct ordered {
    const struct value *item, *by;
};

static int newest_first(const void *a, const void *b)
{
    return value_compare(((const struct ordered *)b)->by, ((const struct ordered *)a)->by);
}

/* The items that a step with `each` is to be made for. */
static int each_items(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **out, struct err *err)
{
    const struct spec_step *each = step->list.each;
    const struct value *items;
    if (act_list(act, each, object, NULL, &items, err))
        return -1;
    struct ordered *left = ARENA_ARRAY(act->arena, struct ordered, items->count);
    size_t n = 0;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *item = items->items[i];
        if (act_matches(act, each, item, object))
            left[n++] = (struct ordered){
                item, step->list.newest.n ? wire_path(act->arena, item, step->list.newest) : NULL};
    }
    if (step->list.newest.n)
        qsort(left, n, sizeof *left, newest_first);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    for (size_t i = (size_t)step->list.keep; i < n; i++)
        value_builder_add(&b, left[i].item);
    *out = value_builder_list(&b);
    return 0;
}

static int act_each(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err)
{
    const struct value *items;
    if (each_items(act, step, object, &items, err))
        return -1;
    for (uint32_t i = 0; i < items->count; i++)
        if (act_call(act, step, object, items->items[i], document, err))
            return -1;
    return 0;
}

static int act_probe(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err)
{
    struct err failure = ERR_INIT;
    if (act_call(act, step, object, NULL, document, &failure) == 0)
        return err_set(err, ERR_EXISTS, "there is one already");
    if (failure.class == ERR_ABSENT) {
        *document = NULL;
        return 0;
    }
    if (failure.http_status == 403) { /* an answer to HEAD has no body that would tell which */
        err_set(err, ERR_SERVICE, "the service does not let these credentials look whether there is one");
        return err_hint(err, "there is one in another account, or the credentials are wrong: a name that all "
                             "accounts share may "
                             "be taken, so try another");
    }
    *err = failure;
    return -1;
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
    if (step->must_be_absent)
        return act_probe(act, step, object, document, err);
    if (step->list.each)
        return act_each(act, step, object, document, err);
    return act_call(act, step, object, NULL, document, err);
}
