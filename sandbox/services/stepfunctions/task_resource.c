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
    {"lambda", "invoke", "lambda", "Invoke", "Lambda", .flags = ERRAND_TOKEN},
    {"glue", "startJobRun", "glue", "StartJobRun", "Glue", .flags = ERRAND_SYNC},
    {"batch", "submitJob", "batch", "SubmitJob", "Batch", .flags = ERRAND_SYNC | ERRAND_CAMEL},
    {"ecs", "runTask", "ecs", "RunTask", "ECS", .flags = ERRAND_SYNC | ERRAND_TOKEN | ERRAND_CAMEL},
    {"emr-serverless", "startJobRun", "emr-serverless", "StartJobRun", "EmrServerless",
        .flags = ERRAND_SYNC | ERRAND_CAMEL},
    {"athena", "startQueryExecution", "athena", "StartQueryExecution", "Athena", .flags = ERRAND_SYNC,
        .around = "QueryExecution"},
    {"athena", "stopQueryExecution", "athena", "StopQueryExecution", "Athena", .flags = 0},
    {"athena", "getQueryExecution", "athena", "GetQueryExecution", "Athena", .flags = 0},
    {"athena", "getQueryResults", "athena", "GetQueryResults", "Athena", .flags = 0},
    {"states", "startExecution", "states", "StartExecution", "StepFunctions",
        .flags = ERRAND_SYNC | ERRAND_TOKEN | ERRAND_CAMEL, .text = "Input"},
    {"sns", "publish", "sns", "Publish", "SNS", .flags = ERRAND_TOKEN, .text = "Message"},
    {"sqs", "sendMessage", "sqs", "SendMessage", "SQS", .flags = ERRAND_TOKEN, .text = "MessageBody"},
    {"events", "putEvents", "events", "PutEvents", "EventBridge", .flags = ERRAND_TOKEN, .text = "Detail"},
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

static bool read_sdk(struct errand *errand, struct str rest)
{
    struct str action, service = str_cut(rest, ':', &action);
    if (!action.n)
        return false;
    errand->service = arena_printf(errand->arena, "aws-sdk:%.*s", STR_ARG(service));
    errand->signing_name = services_sdk_service(service);
    errand->operation = capitalized(errand->arena, action);
    errand->errors = services_sdk_errors(errand->arena, service);
    bool camel = control_is_camel(services_control(errand->execution->all->services), errand->signing_name);
    errand->flags = ERRAND_TOKEN | (camel ? ERRAND_CAMEL : 0);
    return true;
}

static bool read_integration(struct errand *errand, struct str action)
{
    for (size_t i = 0; i < sizeof integrations / sizeof *integrations; i++) {
        const struct integration *known = &integrations[i];
        if (!str_eqz(errand->service, known->service) || !str_eqz(action, known->action))
            continue;
        errand->signing_name = str_z(known->signing_name);
        errand->operation = str_z(known->operation);
        errand->errors = str_z(known->errors);
        errand->flags = known->flags;
        errand->text = known->text;
        errand->around = known->around;
        return true;
    }
    return false;
}

static bool read_pattern(struct errand *errand, struct str pattern)
{
    errand->token = str_eqz(pattern, "waitForTaskToken");
    errand->json_output = str_eqz(pattern, "sync:2");
    errand->sync = errand->json_output || str_eqz(pattern, "sync");
    return !pattern.n || (errand->token && (errand->flags & ERRAND_TOKEN)) ||
           (errand->sync && (errand->flags & ERRAND_SYNC));
}

bool errand_read(struct errand *errand)
{
    struct str resource = errand->task->resource, pattern;
    if (str_find(resource, STR(":lambda:"), 0) > 0 && str_find(resource, STR(":function:"), 0) > 0) {
        errand->function = errand->lambda = true;
        errand->signing_name = STR("lambda");
        errand->operation = STR("Invoke");
        errand->errors = STR("Lambda");
        return true;
    }
    errand->activity =
        str_find(resource, STR(":states:"), 0) > 0 && str_find(resource, STR(":activity:"), 0) > 0;
    ptrdiff_t start = str_find(resource, STR(":states:::"), 0);
    if (start < 0)
        return errand->activity;
    struct str rest = str_slice(resource, (size_t)start + 10, resource.n), action;
    errand->service = str_cut(rest, ':', &action);
    errand->action = action.p ? action : STR_EMPTY;
    bool sdk = str_eqz(errand->service, "aws-sdk");
    rest = str_cut(errand->action, '.', &pattern);
    pattern = pattern.p ? pattern : STR_EMPTY;
    if (sdk) {
        str_cut(errand->action, ':', &action);
        errand->action = action.p ? action : STR_EMPTY;
    }
    bool known =
        (sdk ? read_sdk(errand, rest) : read_integration(errand, rest)) && read_pattern(errand, pattern);
    errand->lambda = known && str_eqz(errand->signing_name, "lambda") && str_eqz(errand->operation, "Invoke");
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
static const struct value *with_text(struct errand *errand, const struct value *input)
{
    struct arena *arena = errand->arena;
    const struct value *v = errand->text ? value_getz(input, errand->text) : NULL;
    const struct value *entries = errand->text ? value_getz(input, "Entries") : NULL;
    if (v && v->kind != VALUE_STRING)
        return value_with(arena, input, str_z(errand->text), json_as_text(arena, v));
    if (!entries || entries->kind != VALUE_LIST)
        return input;
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < entries->count; i++)
        value_builder_add(&b, with_text(errand, entries->items[i]));
    return value_with(arena, input, STR("Entries"), value_builder_list(&b));
}

const struct value *errand_request(struct errand *errand)
{
    const struct value *input = errand->task->input;
    if (errand->function) {
        struct value_entry call[] = {
            {STR("FunctionName"), value_string(errand->arena, errand->task->resource)},
            {STR("Payload"), json_as_text(errand->arena, input)}};
        return value_map(errand->arena, call, 2);
    }
    const struct value *payload = errand->lambda ? value_getz(input, "Payload") : NULL;
    if (payload)
        return value_with(errand->arena, input, STR("Payload"), json_as_text(errand->arena, payload));
    input = with_text(errand, input->kind == VALUE_MAP ? input : &value_empty_map);
    return errand->flags & ERRAND_CAMEL ? recased(errand->arena, input, tolower) : input;
}

/* A nested execution's output: text, or with sync:2 what the text says. */
static const struct value *with_json(struct errand *errand, const struct value *output)
{
    static const char *const members[] = {"Input", "Output"};
    for (size_t i = 0; i < 2 && errand->json_output; i++) {
        const struct value *v = value_getz(output, members[i]), *parsed;
        struct err err = ERR_INIT;
        if (v && v->kind == VALUE_STRING && !json_parse(errand->arena, v->string, &parsed, &err))
            output = value_with(errand->arena, output, str_z(members[i]), parsed);
    }
    return output;
}

const struct value *errand_answer(struct errand *errand, const struct value *output)
{
    output = errand->flags & ERRAND_CAMEL ? recased(errand->arena, output, toupper) : output;
    return with_json(errand, output);
}
