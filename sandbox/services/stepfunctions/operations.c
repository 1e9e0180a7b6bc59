/* Step Functions' operations beyond the records of the control plane. */
#include "sandbox/services/stepfunctions/executions.h"

#include "base/json.h"
#include "provider/notation/asl_check.h"
#include "sandbox/calls/services_state.h"
#include "sandbox/engine/view.h"

enum { USUAL_PAGE = 100, MAX_PAGE = 1000, ACTIVITY_POLL_MS = 60000 };

/* ---- finding machines and executions ---- */

static bool is_express(const struct machine *machine)
{
    return str_eqz(value_gets(machine->record.attrs, "workflow_type"), "EXPRESS");
}

int executions_arn(struct str arn, struct err *err)
{
    return str_starts(arn, STR("arn:")) ? 0
                                        : service_refuse(err, 400, "InvalidArn",
                                              "Invalid Arn: 'Invalid ARN prefix: %.*s'", STR_ARG(arn));
}

static size_t most_shown(const struct service_call *call)
{
    return service_int(call->input, "maxResults", 0) > 0 ? MAX_PAGE : USUAL_PAGE;
}

static int refuse_page(struct err *err)
{
    return service_refuse(err, 400, "InvalidToken", "Invalid Token: 'Invalid token'");
}

int executions_answer_page(
    struct service_call *call, const char *member, const struct value *all, struct err *err)
{
    return service_answer_page(call, member, all, most_shown(call), ERR_IGNORED) ? refuse_page(err) : 0;
}

int execution_of(const struct service_call *call, struct execution **out, struct err *err)
{
    struct str arn;
    if (service_required(call, "executionArn", &arn, err) || executions_arn(arn, err))
        return -1;
    if (str_find(arn, STR(":express:"), 0) >= 0)
        return service_refuse(
            err, 400, "InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'");
    *out = execution_find(services_executions(call->services), arn);
    return *out ? 0
                : service_refuse(
                      err, 400, "ExecutionDoesNotExist", "Execution Does Not Exist: '%.*s'", STR_ARG(arn));
}

/* ---- starting ---- */

static int executions_operations_start(
    struct service_call *call, const struct machine *machine, struct execution **out, struct err *err)
{
    struct execution_request request = {.machine = machine,
        .region = call->region,
        .name = value_gets(call->input, "name"),
        .input = value_text(value_getz(call->input, "input"), (struct str){NULL, 0})};
    return execution_start(services_executions(call->services), &request, out, err);
}

static int do_start(struct service_call *call, struct err *err)
{
    struct execution *execution;
    struct machine machine;
    struct str arn = value_gets(call->input, "stateMachineArn");
    if (machine_find(call, arn, &machine, err) ||
        executions_operations_start(call, &machine, &execution, err))
        return -1;
    service_answer_text(call, "executionArn", execution->arn);
    service_answer(call, "startDate", service_time(call, execution->start_ms));
    if (call->wants_activity)
        call->activity = activity_keep(execution->activity);
    activity_release(execution->activity);
    return 0;
}

static int do_start_sync(struct service_call *call, struct err *err)
{
    struct execution *execution;
    struct machine machine;
    struct str arn = value_gets(call->input, "stateMachineArn");
    if (machine_find(call, arn, &machine, err))
        return -1;
    if (!is_express(&machine))
        return service_refuse(err, 400, "StateMachineTypeNotSupported",
            "This operation is not supported by this type of state machine");
    if (executions_operations_start(call, &machine, &execution, err))
        return -1;
    activity_wait(execution->activity, -1);
    struct value_entry bill[] = {{STR("billedMemoryUsedInMB"), value_int(call->arena, 64)},
        {STR("billedDurationInMilliseconds"), value_int(call->arena, 100)}};
    call->output = execution_describe(execution, call->arena);
    service_answer(call, "billingDetails", value_map(call->arena, bill, 2));
    activity_release(execution->activity);
    return 0;
}

/* ---- describing ---- */

static int do_describe(struct service_call *call, struct err *err)
{
    struct execution *execution;
    if (execution_of(call, &execution, err))
        return -1;
    call->output = execution_describe(execution, call->arena);
    pthread_mutex_lock(&execution->all->lock);
    const char *why = execution_not_redrivable(execution);
    pthread_mutex_unlock(&execution->all->lock);
    service_answer(call, "redriveCount", value_int(call->arena, execution->redrives));
    service_answer(call, "redriveDate", service_time(call, execution->redriven_ms));
    service_answer(call, "redriveStatus", value_stringz(call->arena, why ? "NOT_REDRIVABLE" : "REDRIVABLE"));
    if (why)
        service_answer(call, "redriveStatusReason", value_stringz(call->arena, why));
    activity_release(execution->activity);
    return 0;
}

/* Adds the current settings of the machine. */
static void as_configured(struct service_call *call, const struct control_record *machine)
{
    struct arena *arena = call->arena;
    const struct value *logging = value_getz(machine->attrs, "logging");
    struct value_entry log[] = {
        {STR("level"), value_string(arena, value_text(value_getz(logging, "level"), STR("OFF")))},
        {STR("includeExecutionData"),
            value_bool(value_equal(value_getz(logging, "include_execution_data"), &value_true))}};
    struct value_entry tracing = {
        STR("enabled"), value_bool(value_equal(value_getz(machine->attrs, "tracing"), &value_true))};
    service_answer(call, "loggingConfiguration", value_map(arena, log, 2));
    service_answer(call, "tracingConfiguration", value_map(arena, &tracing, 1));
    struct value_entry key = {STR("type"), value_stringz(arena, "AWS_OWNED_KEY")};
    service_answer(call, "encryptionConfiguration", value_map(arena, &key, 1));
    service_answer(call, "revisionId", value_getz(machine->attrs, "revision_id"));
}

static int do_describe_machine(struct service_call *call, struct err *err)
{
    struct execution *execution;
    if (execution_of(call, &execution, err))
        return -1;
    const struct value *record = execution_record(execution, call->arena);
    service_answer_text(call, "stateMachineArn", execution->machine);
    service_answer_text(call, "name", execution->machine_name);
    service_answer(call, "definition", json_as_text(call->arena, value_getz(record, "definition")));
    service_answer(
        call, "variableReferences", machine_references(call->arena, value_getz(record, "definition")));
    service_answer(call, "roleArn", value_getz(record, "role"));
    service_answer(call, "updateDate", service_time(call, execution->start_ms));
    struct control_record machine;
    if (control_find(services_control(call->services), call->arena, STR("aws.stepfunctions.state_machine"),
            execution->region, execution->machine, &machine))
        as_configured(call, &machine);
    activity_release(execution->activity);
    return 0;
}

static const struct value *executions_operations_summary(
    const struct service_call *call, struct execution *execution)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&execution->all->lock);
    view_text(&b, "executionArn", execution->arn);
    view_text(&b, "stateMachineArn", execution->machine);
    view_text(&b, "name", execution->name);
    view_text(&b, "status", str_z(execution_status(execution)));
    view_int(&b, "redriveCount", execution->redrives);
    view_time(&b, "startDate", execution->start_ms);
    view_time(&b, "stopDate", execution->ended ? execution->stop_ms : 0);
    view_time(&b, "redriveDate", execution->redriven_ms);
    view_text(&b, "stateMachineVersionArn", execution->version);
    view_text(&b, "stateMachineAliasArn", execution->alias);
    return value_builder_map(&b);
}

/* Returns the executions of a machine, version or alias that pass the call's filters, newest first, each with
 * a reference. */
static struct execution **executions_of(const struct service_call *call, struct str machine, size_t *n)
{
    struct executions *all = services_executions(call->services);
    struct str status = value_gets(call->input, "statusFilter"),
               redrive = value_gets(call->input, "redriveFilter");
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->lock);
    executions_load(all);
    struct execution **found = ARENA_ARRAY(call->arena, struct execution *, all->n + 1);
    *n = 0;
    for (size_t i = all->n; i-- > 0;) {
        struct execution *execution = all->items[i];
        bool its = str_eq(execution->machine, machine) || str_eq(execution->version, machine) ||
                   str_eq(execution->alias, machine);
        if (!its || (status.n && !str_eqz(status, execution_status(execution))) ||
            (redrive.n && str_eqz(redrive, "REDRIVEN") != (execution->redrives > 0)))
            continue;
        activity_keep(execution->activity);
        found[(*n)++] = execution;
    }
    return found;
}

static int do_list(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "stateMachineArn");
    struct machine machine;
    size_t n;
    if (machine_find(call, arn, &machine, err))
        return -1;
    if (is_express(&machine))
        return service_refuse(err, 400, "StateMachineTypeNotSupported",
            "This operation is not supported by this type of state machine");
    struct execution **found = executions_of(call, arn, &n);
    struct value_builder list = VALUE_BUILDER(call->arena);
    for (size_t i = 0; i < n; i++) {
        value_builder_add(&list, executions_operations_summary(call, found[i]));
        activity_release(found[i]->activity);
    }
    return executions_answer_page(call, "executions", value_builder_list(&list), err);
}

const struct value *execution_without_data(struct arena *arena, const struct value *details)
{
    static const char *const data[] = {"input", "output", "parameters", "assignedVariables", "inputDetails",
        "outputDetails", "assignedVariablesDetails"};
    for (size_t i = 0; i < sizeof data / sizeof *data; i++)
        if (value_getz(details, data[i]))
            details = value_with(arena, details, str_z(data[i]), NULL);
    return details;
}

static const struct value *without_data(struct arena *arena, const struct value *event)
{
    for (uint32_t i = 0; i < event->count; i++)
        if (event->entries[i].value->kind == VALUE_MAP)
            event = value_with(
                arena, event, event->entries[i].key, execution_without_data(arena, event->entries[i].value));
    return event;
}

static int do_history(struct service_call *call, struct err *err)
{
    struct execution *execution;
    size_t first, end;
    const struct value *next;
    if (execution_of(call, &execution, err))
        return -1;
    bool backward = value_equal(value_getz(call->input, "reverseOrder"), &value_true);
    bool bare = value_equal(value_getz(call->input, "includeExecutionData"), &value_false);
    size_t n = execution_event_count(execution);
    AUTO_BUILDER struct value_builder events = VALUE_BUILDER(call->arena), list = VALUE_BUILDER(call->arena);
    int status =
        service_page(call, "nextToken", "maxResults", most_shown(call), n, &first, &end, &next, ERR_IGNORED);
    if (!status)
        execution_events(execution, n, first, end, backward, &events);
    activity_release(execution->activity);
    const struct value *all = value_builder_list(&events);
    for (uint32_t i = 0; i < all->count; i++)
        value_builder_add(&list, bare ? without_data(call->arena, all->items[i]) : all->items[i]);
    service_answer(call, "events", value_builder_list(&list));
    service_answer(call, "nextToken", next);
    return status ? refuse_page(err) : 0;
}

/* ---- stopping ---- */

static int do_stop(struct service_call *call, struct err *err)
{
    struct execution *execution;
    if (execution_of(call, &execution, err))
        return -1;
    execution_stop(execution, value_gets(call->input, "error"), value_gets(call->input, "cause"));
    activity_wait(execution->activity, -1);
    service_answer(call, "stopDate", value_getz(execution_describe(execution, call->arena), "stopDate"));
    activity_release(execution->activity);
    return 0;
}

/* ---- task tokens ---- */

/* True for a token's format: 64 hexadecimal digits. */
static bool is_token(struct str token)
{
    size_t n = 0;
    while (n < token.n && strchr("0123456789abcdef", token.p[n]))
        n++;
    return n == token.n && n == 64;
}

static int report_token(struct service_call *call, enum token_report what, const struct value *output,
    const struct asl_error *error, struct err *err)
{
    struct str token;
    if (service_required(call, "taskToken", &token, err))
        return -1;
    if (!is_token(token))
        return service_refuse(err, 400, "InvalidToken", "Invalid Token: 'Invalid token'");
    if (!task_token_report(services_executions(call->services), token, what, output, error))
        return service_refuse(err, 400, "TaskTimedOut",
            "Task Timed Out: 'Provided task does not exist anymore' (nobody waits for this token)");
    return 0;
}

static int do_success(struct service_call *call, struct err *err)
{
    const struct value *output;
    struct err why = ERR_INIT;
    if (json_parse(call->arena, value_gets(call->input, "output"), &output, &why))
        return service_refuse(err, 400, "InvalidOutput", "Invalid Output: %s", why.message);
    return report_token(call, TOKEN_REPORT_DONE, output, NULL, err);
}

static int do_failure(struct service_call *call, struct err *err)
{
    struct str error = value_gets(call->input, "error");
    const struct asl_error why = {
        error.n ? error : STR("States.TaskFailed"), value_gets(call->input, "cause")};
    return report_token(call, TOKEN_REPORT_FAILED, NULL, &why, err);
}

static int do_heartbeat(struct service_call *call, struct err *err)
{
    return report_token(call, TOKEN_REPORT_ALIVE, NULL, NULL, err);
}

/* GetActivityTask: a worker polls for a task. */
static int do_get_activity_task(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "activityArn"), token, input;
    struct control_record activity;
    if (executions_arn(value_gets(call->input, "activityArn"), err))
        return -1;
    if (!service_find(call, STR("aws.stepfunctions.activity"), arn, &activity))
        return service_refuse(
            err, 400, "ActivityDoesNotExist", "Activity Does Not Exist: '%.*s'", STR_ARG(arn));
    if (!task_token_take(services_executions(call->services), call->arena, arn,
            value_gets(call->input, "workerName"), ACTIVITY_POLL_MS, &token, &input))
        return 0;
    service_answer_text(call, "taskToken", token);
    service_answer_text(call, "input", input);
    return 0;
}

/* ---- definitions ---- */

struct str executions_not_json(struct arena *arena, struct str text, size_t *column)
{
    struct str rest = str_trim(text);
    size_t word = 0, at = (size_t)(rest.p - text.p);
    while (word < rest.n && char_is_among(rest.p[word], CHARS_ALNUM "_$"))
        word++;
    *column = at + word + 1;
    if (word && !char_is_among(rest.p[0], CHARS_DIGITS))
        return arena_printf(arena,
            "Unrecognized token '%.*s': was expecting (JSON String, Number, Array, Object or token 'null', "
            "'true' or 'false')",
            (int)word, rest.p);
    if (!str_starts(rest, STR("{")))
        return STR("Invalid execution input.");
    rest = str_trim(str_slice(rest, 1, rest.n));
    *column = (size_t)(rest.p - text.p) + 2;
    if (!rest.n || rest.p[0] == '"' || rest.p[0] == '}')
        return STR("Invalid execution input.");
    return arena_printf(arena,
        "Unexpected character ('%.*s' (code %d)): was expecting double-quote to start field name",
        (int)str_char_size(rest, 0), rest.p, (unsigned char)rest.p[0]);
}

static const struct value *diag_value(struct arena *arena, const struct asl_diag *diag)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "severity", STR("ERROR"));
    view_text(&b, "code", diag->code);
    view_text(&b, "message", diag->message);
    view_text(&b, "location", diag->location);
    return value_builder_map(&b);
}

/* Reports a definition that is empty or not JSON. */
static void report_no_json(struct arena *arena, struct str text, struct asl_diag *diag)
{
    size_t column;
    struct str why = executions_not_json(arena, text, &column);
    if (!str_trim(text).n) {
        diag->code = STR("SCHEMA_VALIDATION_FAILED");
        diag->message = STR("Definition must be a valid JSON object");
        diag->location = STR_EMPTY;
        return;
    }
    diag->location =
        arena_printf(arena, "[Source: (String)\"%.*s\"; line: 1, column: %zu]", STR_ARG(text), column);
    diag->message = arena_printf(arena, "%.*s\n at %.*s", STR_ARG(why), STR_ARG(diag->location));
}

static int do_create_activity(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "name");
    if (!asl_is_name(name))
        return service_refuse(err, 400, "InvalidName", "Invalid Name: '%.*s'", STR_ARG(name));
    call->declined = true; /* the control plane creates it */
    return 0;
}

static int do_validate(struct service_call *call, struct err *err UNUSED)
{
    const struct value *definition = NULL;
    struct str text = value_gets(call->input, "definition");
    struct asl_diags diags = {.arena = call->arena,
        .interpreted = true,
        .express = str_eqz(value_gets(call->input, "type"), "EXPRESS")};
    json_parse(call->arena, text, &definition, ERR_IGNORED);
    asl_validate(definition, &diags);
    if (!definition)
        report_no_json(call->arena, text, &diags.items[0]);
    size_t most = (size_t)service_int(call->input, "maxResults", 100);
    most = most ? most : 100;
    struct value_builder list = VALUE_BUILDER(call->arena);
    for (size_t i = 0; i < diags.n && i < most; i++)
        value_builder_add(&list, diag_value(call->arena, &diags.items[i]));
    service_answer(call, "result", value_stringz(call->arena, diags.n ? "FAIL" : "OK"));
    service_answer(call, "diagnostics", value_builder_list(&list));
    service_answer(call, "truncated", value_bool(diags.n > most));
    asl_diags_release(&diags);
    return 0;
}

const struct service_operation stepfunctions_operations[] = {
    {"states", "CreateStateMachine", do_create_machine},
    {"states", "UpdateStateMachine", do_update_machine},
    {"states", "DescribeStateMachine", do_describe_versioned},
    {"states", "PublishStateMachineVersion", do_publish},
    {"states", "ListStateMachineVersions", do_list_versions},
    {"states", "DeleteStateMachineVersion", do_delete_version},
    {"states", "CreateStateMachineAlias", do_create_alias},
    {"states", "DescribeStateMachineAlias", do_describe_alias},
    {"states", "UpdateStateMachineAlias", do_update_alias},
    {"states", "DeleteStateMachineAlias", do_delete_alias},
    {"states", "ListStateMachineAliases", do_list_aliases},
    {"states", "StartExecution", do_start},
    {"states", "StartSyncExecution", do_start_sync},
    {"states", "DescribeExecution", do_describe},
    {"states", "DescribeStateMachineForExecution", do_describe_machine},
    {"states", "ListExecutions", do_list},
    {"states", "GetExecutionHistory", do_history},
    {"states", "StopExecution", do_stop},
    {"states", "RedriveExecution", do_redrive},
    {"states", "DescribeMapRun", do_describe_map_run},
    {"states", "ListMapRuns", do_list_map_runs},
    {"states", "CreateActivity", do_create_activity},
    {"states", "GetActivityTask", do_get_activity_task},
    {"states", "SendTaskSuccess", do_success},
    {"states", "SendTaskFailure", do_failure},
    {"states", "SendTaskHeartbeat", do_heartbeat},
    {"states", "ValidateStateMachineDefinition", do_validate},
    {"states", "TestState", do_test_state},
    {0},
};
