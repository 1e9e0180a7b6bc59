/* Resources of tasks, conversion of member names, and task tokens: see executions.h. */
#include "sandbox/services/stepfunctions/executions.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/calls/services_state.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- Task tokens: tasks that end by SendTaskSuccess or SendTaskFailure. Tasks of activities are first
 * offered to workers. */

struct task_token {
    struct task_token *next;
    struct executions *all;
    struct arena arena;
    struct str name;
    struct str activity, input; /* of an activity's task; from here on guarded by services->lock */
    bool taken;
    struct str worker;
    bool ended;
    int64_t alive_ms;
    const struct value *output;
    struct asl_error error;
};

struct task_token *task_token_new(struct executions *all, struct str name)
{
    struct task_token *token = mem_zalloc(sizeof *token);
    token->all = all;
    token->name = arena_str(&token->arena, name);
    token->alive_ms = clock_mono_ms();
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->services->lock);
    token->next = all->tokens;
    all->tokens = token;
    return token;
}

void task_token_free(struct executions *all, struct task_token *token)
{
    pthread_mutex_lock(&all->services->lock);
    for (struct task_token **at = &all->tokens; *at; at = &(*at)->next)
        if (*at == token) {
            *at = token->next;
            break;
        }
    pthread_mutex_unlock(&all->services->lock);
    arena_release(&token->arena);
    free(token);
}

bool task_token_report(struct executions *all, struct str name, enum token_report what,
    const struct value *output, const struct asl_error *error)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->services->lock);
    struct task_token *token = all->tokens;
    while (token && !str_eq(token->name, name))
        token = token->next;
    bool open = token && !token->ended;
    if (open) {
        token->alive_ms = clock_mono_ms();
        token->ended = what != TOKEN_REPORT_ALIVE;
        if (what == TOKEN_REPORT_DONE)
            token->output = value_copy(&token->arena, output);
        if (what == TOKEN_REPORT_FAILED)
            token->error = (struct asl_error){
                arena_str(&token->arena, error->name), arena_str(&token->arena, error->cause)};
        pthread_cond_broadcast(&all->services->changed);
    }
    return open;
}

/* ---- workers ---- */

void task_token_offer(struct task_token *token, struct str activity, struct str input)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&token->all->services->lock);
    token->input = input;
    token->activity = activity;
    pthread_cond_broadcast(&token->all->services->changed);
}

enum token_end task_token_wait_taken(
    struct task_token *token, const struct asl_task *task, struct str *worker)
{
    struct services *services = token->all->services;
    int64_t deadline = task->left_ms ? clock_mono_ms() + task->left_ms : -1;
    bool in_time = true;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    while (!token->taken && in_time && !services->stopping && !asl_stopped(task->scope))
        in_time = services_wait(services, deadline);
    enum token_end end = token->taken ? TOKEN_DONE : in_time ? TOKEN_STOPPED : TOKEN_TIMEOUT;
    *worker = token->worker;
    return end;
}

/* The last in the list is the oldest. */
static struct task_token *offered(struct executions *all, struct str activity)
{
    struct task_token *found = NULL;
    for (struct task_token *token = all->tokens; token; token = token->next)
        if (!token->taken && token->activity.n && str_eq(token->activity, activity))
            found = token;
    return found;
}

bool task_token_take(struct executions *all, struct arena *arena, struct str activity, struct str worker,
    int64_t timeout_ms, struct str *name, struct str *input)
{
    struct services *services = all->services;
    int64_t deadline = clock_mono_ms() + timeout_ms;
    struct task_token *token;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    while (!(token = offered(all, activity)) && !services->stopping && services_wait(services, deadline))
        ;
    if (token) {
        token->taken = true;
        token->worker = arena_str(&token->arena, worker);
        token->alive_ms = clock_mono_ms();
        *name = arena_str(arena, token->name);
        *input = arena_str(arena, token->input);
        pthread_cond_broadcast(&services->changed);
    }
    return token != NULL;
}

/* ---- waiting for the result ---- */

/* Returns the token's end, or -1 if it has not ended. *next: when to check again. */
static int executions_tokens_reached(
    const struct task_token *token, const struct asl_task *task, int64_t deadline, int64_t *next)
{
    int64_t now = clock_mono_ms(),
            beat = task->heartbeat_ms ? token->alive_ms + task->heartbeat_ms : INT64_MAX;
    *next = deadline < beat ? deadline : beat;
    *next = *next == INT64_MAX ? -1 : *next;
    if (token->ended)
        return token->output ? TOKEN_DONE : TOKEN_FAILED;
    if (token->all->services->stopping || asl_stopped(task->scope))
        return TOKEN_STOPPED;
    return now >= deadline ? TOKEN_TIMEOUT : now >= beat ? TOKEN_NO_HEARTBEAT : -1;
}

enum token_end task_token_wait(struct task_token *token, struct arena *arena, const struct asl_task *task,
    const struct value **output, struct asl_error *error)
{
    struct services *services = token->all->services;
    int64_t deadline = task->timeout_ms ? clock_mono_ms() + task->timeout_ms : INT64_MAX, next;
    int end;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    while ((end = executions_tokens_reached(token, task, deadline, &next)) < 0)
        services_wait(services, next);
    if (end == TOKEN_DONE)
        *output = value_copy(arena, token->output);
    if (end == TOKEN_FAILED)
        *error =
            (struct asl_error){arena_str(arena, token->error.name), arena_str(arena, token->error.cause)};
    return (enum token_end)end;
}

static const struct integration {
    const char *service, *action, *signing_name, *operation, *errors;
    unsigned flags;
    const char *text;   /* member that may be JSON in the input, and is sent as text */
    const char *around; /* member that has the result */
} integrations[] = {
    {"lambda", "invoke", "lambda", "Invoke", "Lambda", .flags = TASK_RESOURCE_TOKEN},
    {"glue", "startJobRun", "glue", "StartJobRun", "Glue", .flags = TASK_RESOURCE_SYNC},
    {"batch", "submitJob", "batch", "SubmitJob", "Batch", .flags = TASK_RESOURCE_SYNC | TASK_RESOURCE_CAMEL},
    {"ecs", "runTask", "ecs", "RunTask", "ECS",
        .flags = TASK_RESOURCE_SYNC | TASK_RESOURCE_TOKEN | TASK_RESOURCE_CAMEL},
    {"emr-serverless", "startJobRun", "emr-serverless", "StartJobRun", "EmrServerless",
        .flags = TASK_RESOURCE_SYNC | TASK_RESOURCE_CAMEL},
    {"athena", "startQueryExecution", "athena", "StartQueryExecution", "Athena", .flags = TASK_RESOURCE_SYNC,
        .around = "QueryExecution"},
    {"athena", "stopQueryExecution", "athena", "StopQueryExecution", "Athena", .flags = 0},
    {"athena", "getQueryExecution", "athena", "GetQueryExecution", "Athena", .flags = 0},
    {"athena", "getQueryResults", "athena", "GetQueryResults", "Athena", .flags = 0},
    {"states", "startExecution", "states", "StartExecution", "StepFunctions",
        .flags = TASK_RESOURCE_SYNC | TASK_RESOURCE_TOKEN | TASK_RESOURCE_CAMEL, .text = "Input"},
    {"sns", "publish", "sns", "Publish", "SNS", .flags = TASK_RESOURCE_TOKEN, .text = "Message"},
    {"sqs", "sendMessage", "sqs", "SendMessage", "SQS", .flags = TASK_RESOURCE_TOKEN, .text = "MessageBody"},
    {"events", "putEvents", "events", "PutEvents", "EventBridge", .flags = TASK_RESOURCE_TOKEN,
        .text = "Detail"},
    {"dynamodb", "getItem", "dynamodb", "GetItem", "DynamoDB", .flags = 0},
    {"dynamodb", "putItem", "dynamodb", "PutItem", "DynamoDB", .flags = 0},
    {"dynamodb", "updateItem", "dynamodb", "UpdateItem", "DynamoDB", .flags = 0},
    {"dynamodb", "deleteItem", "dynamodb", "DeleteItem", "DynamoDB", .flags = 0},
};

/* ---- the resource ---- */

static struct str capitalized(struct arena *arena, struct str name)
{
    char *copy = arena_strz(arena, name);
    copy[0] = (char)toupper((unsigned char)copy[0]);
    return str_n(copy, name.n);
}

static bool read_sdk(struct task_resource *call, struct str rest)
{
    struct str action, service = str_cut(rest, ':', &action);
    if (!action.n)
        return false;
    call->service = arena_printf(call->arena, "aws-sdk:%.*s", STR_ARG(service));
    call->signing_name = services_sdk_service(service);
    call->operation = capitalized(call->arena, action);
    call->errors = services_sdk_errors(call->arena, service);
    bool camel = control_is_camel(services_control(call->execution->all->services), call->signing_name);
    call->flags = TASK_RESOURCE_TOKEN | (camel ? TASK_RESOURCE_CAMEL : 0);
    return true;
}

static bool read_integration(struct task_resource *call, struct str action)
{
    for (size_t i = 0; i < sizeof integrations / sizeof *integrations; i++) {
        const struct integration *known = &integrations[i];
        if (!str_eqz(call->service, known->service) || !str_eqz(action, known->action))
            continue;
        call->signing_name = str_z(known->signing_name);
        call->operation = str_z(known->operation);
        call->errors = str_z(known->errors);
        call->flags = known->flags;
        call->text = known->text;
        call->around = known->around;
        return true;
    }
    return false;
}

static bool read_pattern(struct task_resource *call, struct str pattern)
{
    call->token = str_eqz(pattern, "waitForTaskToken");
    call->json_output = str_eqz(pattern, "sync:2");
    call->sync = call->json_output || str_eqz(pattern, "sync");
    return !pattern.n || (call->token && (call->flags & TASK_RESOURCE_TOKEN)) ||
           (call->sync && (call->flags & TASK_RESOURCE_SYNC));
}

bool task_resource_read(struct task_resource *call)
{
    struct str resource = call->task->resource, pattern;
    if (str_find(resource, STR(":lambda:"), 0) > 0 && str_find(resource, STR(":function:"), 0) > 0) {
        call->function = call->lambda = true;
        call->signing_name = STR("lambda");
        call->operation = STR("Invoke");
        call->errors = STR("Lambda");
        return true;
    }
    call->activity =
        str_find(resource, STR(":states:"), 0) > 0 && str_find(resource, STR(":activity:"), 0) > 0;
    ptrdiff_t start = str_find(resource, STR(":states:::"), 0);
    if (start < 0)
        return call->activity;
    struct str rest = str_slice(resource, (size_t)start + 10, resource.n), action;
    call->service = str_cut(rest, ':', &action);
    call->action = action.p ? action : STR_EMPTY;
    bool sdk = str_eqz(call->service, "aws-sdk");
    rest = str_cut(call->action, '.', &pattern);
    pattern = pattern.p ? pattern : STR_EMPTY;
    if (sdk) {
        str_cut(call->action, ':', &action);
        call->action = action.p ? action : STR_EMPTY;
    }
    bool known = (sdk ? read_sdk(call, rest) : read_integration(call, rest)) && read_pattern(call, pattern);
    call->lambda = known && str_eqz(call->signing_name, "lambda") && str_eqz(call->operation, "Invoke");
    return known;
}

/* ---- member names ---- */

/* True for maps whose keys are chosen by the user. */
static bool is_free(struct str key)
{
    static const char *const names[] = {"tags", "parameters", "properties", "variables", "arguments"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_ieq(key, str_z(names[i])))
            return true;
    return false;
}

static const struct value *recased(struct arena *arena, const struct value *v, int (*change)(int))
{
    struct value_builder b = VALUE_BUILDER(arena);
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        return v;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        value_builder_add(&b, recased(arena, v->items[i], change));
    if (v->kind == VALUE_LIST)
        return value_builder_list(&b);
    for (uint32_t i = 0; i < v->count; i++) {
        char *key = arena_strz(arena, v->entries[i].key);
        key[0] = (char)change((unsigned char)key[0]);
        struct str name = str_n(key, v->entries[i].key.n);
        const struct value *inner = v->entries[i].value;
        value_builder_set(&b, name, is_free(name) ? inner : recased(arena, inner, change));
    }
    return value_builder_map(&b);
}

/* Converts JSON to text where the service takes text; for PutEvents in each entry. */
static const struct value *with_text(struct task_resource *call, const struct value *input)
{
    struct arena *arena = call->arena;
    const struct value *v = call->text ? value_getz(input, call->text) : NULL;
    const struct value *entries = call->text ? value_getz(input, "Entries") : NULL;
    if (v && v->kind != VALUE_STRING)
        return value_with(arena, input, str_z(call->text), json_as_text(arena, v));
    if (!entries || entries->kind != VALUE_LIST)
        return input;
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < entries->count; i++)
        value_builder_add(&b, with_text(call, entries->items[i]));
    return value_with(arena, input, STR("Entries"), value_builder_list(&b));
}

const struct value *task_resource_request(struct task_resource *call)
{
    const struct value *input = call->task->input;
    if (call->function) {
        return VALUE_MAP(call->arena, {STR("FunctionName"), value_string(call->arena, call->task->resource)},
            {STR("Payload"), json_as_text(call->arena, input)});
    }
    const struct value *payload = call->lambda ? value_getz(input, "Payload") : NULL;
    if (payload)
        return value_with(call->arena, input, STR("Payload"), json_as_text(call->arena, payload));
    input = with_text(call, input->kind == VALUE_MAP ? input : &value_empty_map);
    return call->flags & TASK_RESOURCE_CAMEL ? recased(call->arena, input, tolower) : input;
}

/* Returns the output of a nested execution, with sync:2 parsed from JSON. */
static const struct value *with_json(struct task_resource *call, const struct value *output)
{
    static const char *const members[] = {"Input", "Output"};
    for (size_t i = 0; i < 2 && call->json_output; i++) {
        const struct value *v = value_getz(output, members[i]);
        if (v && v->kind == VALUE_STRING)
            output =
                value_with(call->arena, output, str_z(members[i]), json_or_string(call->arena, v->string));
    }
    return output;
}

const struct value *task_resource_answer(struct task_resource *call, const struct value *output)
{
    output = call->flags & TASK_RESOURCE_CAMEL ? recased(call->arena, output, toupper) : output;
    return with_json(call, output);
}
