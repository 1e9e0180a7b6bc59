/* The resource of a task, and names of members on the way there and back: see task_resource.h. */
#include "sandbox/services/stepfunctions/task_resource.h"

#include "base/json.h"
#include "sandbox/calls/services_state.h"

#include <ctype.h>

static const struct integration {
    const char *service, *action, *signing_name, *operation, *errors;
    unsigned flags;
    const char *text;   /* a member that may be given as JSON and goes as text */
    const char *around; /* what the end is a member of */
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

/* ---- names of members ---- */

/* Maps whose keys are the user's own. */
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

/* JSON where the service wants text; of events in each entry. */
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

/* A nested execution's output: text, or with sync:2 what the text says. */
static const struct value *with_json(struct task_resource *call, const struct value *output)
{
    static const char *const members[] = {"Input", "Output"};
    for (size_t i = 0; i < 2 && call->json_output; i++) {
        const struct value *v = value_getz(output, members[i]), *parsed;
        if (v && v->kind == VALUE_STRING && !json_parse(call->arena, v->string, &parsed, ERR_IGNORED))
            output = value_with(call->arena, output, str_z(members[i]), parsed);
    }
    return output;
}

const struct value *task_resource_answer(struct task_resource *call, const struct value *output)
{
    output = call->flags & TASK_RESOURCE_CAMEL ? recased(call->arena, output, toupper) : output;
    return with_json(call, output);
}
