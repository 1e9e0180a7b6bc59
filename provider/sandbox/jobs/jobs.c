/* Operations: which handler, what goes in, what comes out; and what all handlers stand on. */
#include "provider/sandbox/jobs/internal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/sandbox/exchange.h"
#include "provider/sandbox/jobs/executions.h"
#include "provider/sandbox/jobs/lambda.h"
#include "provider/sandbox/jobs/queues.h"
#include "provider/sandbox/jobs/schedules.h"
#include "provider/sandbox/jobs/task.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct job_operation *const tables[] = {
    athena_operations,
    batch_operations,
    emrserverless_operations,
    events_operations,
    glue_operations,
    lambda_operations,
    logs_operations,
    sns_operations,
    sqs_operations,
    states_operations,
};

enum { TABLES = sizeof tables / sizeof *tables, THREAD_STACK = 1024 * 1024 };

/* ---- what an operation looks like on the wire ---- */

static const struct shape any_shape = {.kind = SHAPE_ANY}, text_shape = {.kind = SHAPE_STRING},
                          int_shape = {.kind = SHAPE_INT};

static struct wire_operation wire_of(
    const struct wire_operation *common, const struct job_operation *operation)
{
    struct wire_operation wire = *common;
    wire.name = str_z(operation->name);
    wire.body = wire.result = wire.query = STR_EMPTY;
    if (operation->http) {
        wire.method = str_cut(str_z(operation->http), ' ', &wire.path);
        wire.path = str_cut(wire.path, '?', &wire.query);
        if (!wire.query.p)
            wire.query = STR_EMPTY;
    }
    return wire;
}

static const struct shape *shape_of(struct arena *arena, const struct value *v);

/* What the items of a list have between them: they may differ in what they leave out. */
static const struct shape *item_shape(struct arena *arena, const struct value *list)
{
    const struct value *all = NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != VALUE_MAP)
            return shape_of(arena, list->items[i]);
        all = value_merge(arena, list->items[i], all);
    }
    return all ? shape_of(arena, all) : &any_shape;
}

/* The structure that a value is. */
static const struct shape *shape_of(struct arena *arena, const struct value *v)
{
    if (v->kind == VALUE_LIST) {
        struct shape *list = ARENA_NEW(arena, struct shape);
        *list = (struct shape){.kind = SHAPE_LIST, .elem = item_shape(arena, v)};
        return list;
    }
    if (v->kind != VALUE_MAP)
        return v->kind == VALUE_INT ? &int_shape : v->kind == VALUE_STRING ? &text_shape : &any_shape;
    struct shape *made = ARENA_NEW(arena, struct shape);
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, v->count + 1);
    for (uint32_t i = 0; i < v->count; i++)
        members[i] = (struct shape_member){.name = v->entries[i].key,
            .wire = v->entries[i].key,
            .shape = shape_of(arena, v->entries[i].value)};
    *made = (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = v->count};
    return made;
}

/* A request's members that do not lie in the body; path members follow from the path. */
static struct shape request_shape(struct arena *arena, const struct job_operation *operation)
{
    size_t n = 0;
    while (operation->places && operation->places[n].member)
        n++;
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, n + 1);
    for (size_t i = 0; i < n; i++)
        members[i] = (struct shape_member){.name = str_z(operation->places[i].member),
            .wire = str_z(operation->places[i].name),
            .shape = &text_shape,
            .location = operation->places[i].location};
    return (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = n};
}

/* Parameters and headers come under their own names. */
static const struct value *by_members(
    struct arena *arena, const struct job_operation *operation, const struct value *input)
{
    for (const struct job_place *place = operation->places; place && place->member; place++) {
        const struct value *v = value_getz(input, place->name);
        if (str_eqz(str_z(place->name), place->member) || !v)
            continue;
        input = value_with(arena, input, str_z(place->name), NULL);
        input = value_with(arena, input, str_z(place->member), v);
    }
    return input;
}

/* An answer's shape follows from the answer. */
static const struct shape *response_shape(
    struct arena *arena, const struct job_operation *operation, const struct value *output)
{
    const struct shape *shape = shape_of(arena, output);
    struct shape_member *members = (struct shape_member *)shape->members;
    for (size_t i = 0; i < shape->member_count; i++)
        for (const struct job_place *place = operation->places; place && place->member; place++)
            if (str_eqz(members[i].name, place->member) && place->location != WIRE_QUERY_STRING) {
                members[i].location = place->location;
                members[i].wire = str_z(place->name);
            }
    return shape;
}

/* ---- one request ---- */

/* The row whose request this is; of REST operations the one that fits best. */
static const struct job_operation *find_by_request(struct arena *arena, const struct wire_operation *common,
    struct str service, const struct wire_message *request)
{
    const struct job_operation *best = NULL;
    int best_score = -1;
    bool rest = common->protocol == WIRE_REST_JSON || common->protocol == WIRE_REST_XML;
    struct str name = rest ? STR_EMPTY : wire_request_name(arena, common->protocol, request);
    for (size_t t = 0; t < TABLES; t++)
        for (const struct job_operation *row = tables[t]; row->service; row++) {
            if (!str_eqz(service, row->service))
                continue;
            struct wire_operation wire = wire_of(common, row);
            int score = rest ? wire_match(&wire, request) : str_eq(wire.name, name) ? 0 : -1;
            if (score > best_score) {
                best_score = score;
                best = row;
            }
        }
    return best;
}

static const struct job_operation *find_by_name(struct str service, struct str name)
{
    for (size_t t = 0; t < TABLES; t++)
        for (const struct job_operation *row = tables[t]; row->service; row++)
            if (str_eqz(service, row->service) && str_eqz(name, row->name))
                return row;
    return NULL;
}

static int answer(struct job_call *call, const struct wire_operation *wire,
    const struct wire_message *request, struct wire_message *out, struct err *err)
{
    struct shape in = request_shape(call->arena, call->operation);
    if (wire_decode_request(call->arena, wire, &in, request, &call->input, err))
        return -1;
    call->input = by_members(call->arena, call->operation, call->input);
    if (call->operation->handler(call, err))
        return -1;
    if (call->forward)
        return 0;
    const struct value *output = call->output ? call->output : &value_empty_map;
    return wire_encode_response(call->arena, wire, response_shape(call->arena, call->operation, output),
        output, call->request_id, out, err);
}

static bool forward(const struct job_call *call, struct str service, const struct wire_message *request,
    struct wire_message *out)
{
    AUTO_BUF struct buf body = BUF_INIT;
    struct wire_message changed = *request;
    json_write(&body, call->forward, JSON_PLAIN);
    changed.body = arena_str(call->arena, buf_str(&body));
    return control_handle(
        call->jobs->control, call->arena, service, call->region, &changed, call->request_id, out);
}

bool jobs_handle(struct jobs *jobs, struct arena *arena, struct str service, struct str region,
    const struct wire_message *request, struct str request_id, struct wire_message *out)
{
    struct wire_operation common;
    if (!control_protocol(jobs->control, service, &common))
        return false;
    const struct job_operation *operation = find_by_request(arena, &common, service, request);
    if (!operation)
        return false;
    struct wire_operation wire = wire_of(&common, operation);
    struct job_call call = {
        .jobs = jobs, .arena = arena, .region = region, .operation = operation, .protocol = common.protocol};
    struct err err = ERR_INIT;
    if (answer(&call, &wire, request, out, &err)) {
        struct str code = err.code[0] ? str_z(err.code) : STR("ValidationException");
        wire_encode_error(
            arena, &wire, err.http_status ? err.http_status : 400, code, str_z(err.message), request_id, out);
    }
    if (call.forward)
        return forward(&call, service, request, out);
    return true;
}

/* ---- inner calls ---- */

/* What the control plane answers; its own operations are data, so the request goes the way of the others. */
static int call_control(struct jobs *jobs, struct arena *arena, const struct job_request *request,
    const struct wire_operation *common, const struct value **output, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    struct wire_message in = {.method = STR("POST"), .path = STR("/"), .query = STR_EMPTY}, out;
    struct wire_operation wire = *common;
    wire.name = request->operation;
    json_write(&body, request->input ? request->input : &value_empty_map, JSON_PLAIN);
    in.body = arena_str(arena, buf_str(&body));
    wire_header_add(arena, &in, STR("X-Amz-Target"),
        arena_printf(arena, "%.*s.%.*s", STR_ARG(common->target_prefix), STR_ARG(request->operation)));
    if (!control_handle(jobs->control, arena, request->service, request->region, &in, STR("inside"), &out))
        return err_set(err, ERR_INVALID, "the sandbox has no service %.*s", STR_ARG(request->service));
    if (!wire_is_error(&out))
        return wire_decode_response(arena, &wire, &out, output, err);
    wire_decode_error(&wire, &out, err);
    return -1;
}

static int call_inside(struct jobs *jobs, struct arena *arena, const struct job_request *request,
    bool wants_run, struct job_call *call, struct err *err)
{
    struct wire_operation common;
    const struct job_operation *operation = find_by_name(request->service, request->operation);
    bool known = control_protocol(jobs->control, request->service, &common);
    if (known && !operation && (common.protocol == WIRE_JSON10 || common.protocol == WIRE_JSON11))
        return call_control(jobs, arena, request, &common, &call->output, err);
    if (!known || !operation)
        return err_set(err, ERR_INVALID, "the sandbox does not carry out %.*s of %.*s",
            STR_ARG(request->operation), STR_ARG(request->service));
    *call = (struct job_call){.jobs = jobs,
        .arena = arena,
        .region = request->region,
        .operation = operation,
        .protocol = common.protocol,
        .input = request->input ? request->input : &value_empty_map,
        .wants_run = wants_run};
    if (operation->handler(call, err))
        return -1;
    if (call->forward)
        return err_set(err, ERR_INVALID, "the sandbox carries out %.*s only for its clients",
            STR_ARG(request->operation));
    if (!call->output)
        call->output = &value_empty_map;
    return 0;
}

int jobs_call(struct jobs *jobs, struct arena *arena, const struct job_request *request,
    const struct value **output, struct err *err)
{
    struct job_call call = {0};
    if (call_inside(jobs, arena, request, false, &call, err))
        return -1;
    *output = call.output;
    return 0;
}

int jobs_start(struct jobs *jobs, struct arena *arena, const struct job_request *request,
    const struct value **output, struct job_run **out, struct err *err)
{
    struct job_call call = {0};
    if (call_inside(jobs, arena, request, true, &call, err))
        return -1;
    if (!call.run)
        return err_set(err, ERR_INVALID, "%.*s of %.*s starts nothing whose end could be waited for",
            STR_ARG(request->operation), STR_ARG(request->service));
    *output = call.output;
    *out = call.run;
    return 0;
}

/* ---- what handlers need ---- */

int job_refuse(struct err *err, int status, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_vset(err, ERR_SERVICE, format, args);
    va_end(args);
    if (err) {
        err->http_status = status;
        snprintf(err->code, sizeof err->code, "%s", code);
    }
    return -1;
}

int job_required(const struct job_call *call, const char *member, struct str *out, struct err *err)
{
    *out = value_text(value_getz(call->input, member), STR_EMPTY);
    if (out->n)
        return 0;
    static const struct {
        const char *service, *code;
    } codes[] = {{"glue", "InvalidInputException"}, {"logs", "InvalidParameterException"},
        {"batch", "ClientException"}, {"athena", "InvalidRequestException"}};
    const char *code = "ValidationException";
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (!strcmp(call->operation->service, codes[i].service))
            code = codes[i].code;
    return job_refuse(err, 400, code, "%s needs %s", call->operation->name, member);
}

int64_t job_int(const struct value *map, const char *member, int64_t fallback)
{
    const struct value *v = value_getz(map, member);
    int64_t n;
    if (v && v->kind == VALUE_INT)
        return v->integer;
    if (v && v->kind == VALUE_FLOAT) /* what fits: of others the conversion would be undefined */
        return fabs(v->number) < 9.2e18 ? (int64_t)v->number : fallback;
    return v && v->kind == VALUE_STRING && str_to_int(v->string, &n) ? n : fallback;
}

const struct value *job_time(const struct job_call *call, int64_t wall_ms)
{
    bool text = call->protocol == WIRE_QUERY || call->protocol == WIRE_EC2 || call->protocol == WIRE_REST_XML;
    if (!wall_ms)
        return NULL;
    return text ? value_string(call->arena, time_rfc3339(call->arena, wall_ms, true))
                : value_float(call->arena, (double)wall_ms / 1000);
}

int job_page(const struct job_call *call, const char *token, const char *size, size_t most, size_t n,
    size_t *first, size_t *end, const struct value **next, struct err *err)
{
    int64_t wanted = job_int(call->input, size, (int64_t)most), start = 0;
    struct str from = value_text(value_getz(call->input, token), STR_EMPTY);
    if (from.n && (!str_to_int(from, &start) || start < 0))
        return job_refuse(err, 400, "InvalidInputException", "%s is none that was given", token);
    size_t count = wanted < 1 || (uint64_t)wanted > most ? most : (size_t)wanted;
    *first = (size_t)start < n ? (size_t)start : n;
    *end = n - *first > count ? *first + count : n;
    *next = *end < n ? value_string(call->arena, arena_printf(call->arena, "%zu", *end)) : NULL;
    return 0;
}

/* ---- surroundings ---- */

struct sandbox *jobs_sandbox(struct jobs *jobs)
{
    return jobs->sandbox;
}

struct control *jobs_control(struct jobs *jobs)
{
    return jobs->control;
}

struct str jobs_account(struct jobs *jobs)
{
    return sandbox_account(jobs->sandbox);
}

struct functions *jobs_functions(struct jobs *jobs)
{
    return jobs->functions;
}

struct logs *jobs_logs(struct jobs *jobs)
{
    return jobs->logs;
}

struct queues *jobs_queues(struct jobs *jobs)
{
    return jobs->queues;
}

struct executions *jobs_executions(struct jobs *jobs)
{
    return jobs->executions;
}

int jobs_dir(struct jobs *jobs, struct arena *arena, const char *name, struct str *out, struct err *err)
{
    *out = arena_printf(arena, "%s/jobs/%s", sandbox_dir(jobs->sandbox), name);
    return dir_make(out->p, err);
}

bool jobs_wait(struct jobs *jobs, int64_t deadline_ms)
{
    if (deadline_ms < 0) {
        pthread_cond_wait(&jobs->changed, &jobs->lock);
        return true;
    }
    struct timespec at = {deadline_ms / 1000, (long)(deadline_ms % 1000) * 1000000};
    return pthread_cond_timedwait(&jobs->changed, &jobs->lock, &at) != ETIMEDOUT;
}

bool jobs_stopping(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    bool stopping = jobs->stopping;
    pthread_mutex_unlock(&jobs->lock);
    return stopping;
}

bool jobs_sleep(struct jobs *jobs, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping && jobs_wait(jobs, deadline))
        ;
    bool stopping = jobs->stopping;
    pthread_mutex_unlock(&jobs->lock);
    return !stopping;
}

struct thread_start {
    struct jobs *jobs;
    void (*fn)(void *ctx);
    void *ctx;
};

static void *run_thread(void *ctx)
{
    struct thread_start start = *(struct thread_start *)ctx;
    free(ctx);
    start.fn(start.ctx);
    pthread_mutex_lock(&start.jobs->lock);
    start.jobs->threads--;
    pthread_cond_broadcast(&start.jobs->changed);
    pthread_mutex_unlock(&start.jobs->lock);
    return NULL;
}

int jobs_thread(struct jobs *jobs, void (*fn)(void *ctx), void *ctx)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_mutex_lock(&jobs->lock);
    bool stopping = jobs->stopping;
    jobs->threads += !stopping;
    pthread_mutex_unlock(&jobs->lock);
    if (stopping)
        return -1;
    struct thread_start *start = mem_alloc(sizeof *start);
    *start = (struct thread_start){jobs, fn, ctx};
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    int failed = pthread_create(&thread, &attr, run_thread, start);
    pthread_attr_destroy(&attr);
    if (!failed)
        return 0;
    free(start);
    pthread_mutex_lock(&jobs->lock);
    jobs->threads--;
    pthread_mutex_unlock(&jobs->lock);
    return -1;
}

int jobs_new(struct sandbox *sandbox, struct control *control, struct jobs **out, struct err *err)
{
    struct jobs *jobs = mem_zalloc(sizeof *jobs);
    pthread_condattr_t attr;
    jobs->sandbox = sandbox;
    jobs->control = control;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->changed, &attr);
    pthread_condattr_destroy(&attr);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str dir;
    if (jobs_dir(jobs, &arena, "logs", &dir, err) || logs_open(dir.p, &jobs->logs, err) ||
        tasks_open(jobs, &jobs->tasks, err) || functions_open(jobs, &jobs->functions, err)) {
        jobs_free(jobs);
        return -1;
    }
    jobs->executions = executions_new(jobs);
    jobs->queues = queues_new(jobs);
    if (sandbox_schedules(sandbox))
        schedules_start(jobs);
    *out = jobs;
    return 0;
}

void jobs_stop(struct jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
    tasks_stop(jobs->tasks);
    functions_stop(jobs->functions);
    pthread_mutex_lock(&jobs->lock);
    while (jobs->threads)
        jobs_wait(jobs, -1);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    executions_free(jobs->executions); /* may still hold runs of the others */
    functions_close(jobs->functions);
    tasks_close(jobs->tasks);
    logs_close(jobs->logs);
    queues_free(jobs->queues);
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}
