/* EMR Serverless: runs Spark scripts as Glue does. */
#include "sandbox/engine/script.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/tables.h"

enum { DEFAULT_TIMEOUT_MIN = 720, MAX_SHOWN = 50 };

#define SERVICE "emr-serverless"

static const struct value *emrserverless_member(const struct value *v, const char *first, const char *second)
{
    return value_getz(value_getz(v, first), second);
}

/* ---- running a job ---- */

/* Splits spark-submit's options into words; quotes group words. */
static struct str *split_words(struct arena *arena, struct str text, size_t *count)
{
    size_t n = 0;
    struct str *out = ARENA_ARRAY(arena, struct str, text.n / 2 + 1);
    while ((text = str_trim(text)).n) {
        char *word = arena_alloc(arena, text.n + 1), quote = 0;
        size_t length = 0, i = 0;
        for (; i < text.n && (quote || (text.p[i] != ' ' && text.p[i] != '\n' && text.p[i] != '\t')); i++) {
            char c = text.p[i];
            if (quote ? c == quote : c == '"' || c == '\'')
                quote = quote ? 0 : c;
            else
                word[length++] = c;
        }
        word[length] = '\0';
        out[n++] = str_n(word, length);
        text = str_slice(text, i, text.n);
    }
    *count = n;
    return out;
}

/* Without a log group of its own a run logs to the service's group. */
static void set_logs(struct arena *arena, const struct task_info *self, struct script_options *options)
{
    const struct value *logging =
        value_getz(emrserverless_member(self->request, "configurationOverrides", "monitoringConfiguration"),
            "cloudWatchLoggingConfiguration");
    struct str prefix = value_gets(logging, "logStreamNamePrefix");
    struct str stream = arena_printf(arena, "%.*s%sapplications/%.*s/jobs/%.*s/SPARK_DRIVER", STR_ARG(prefix),
        prefix.n ? "/" : "", STR_ARG(self->owner), STR_ARG(self->id));
    options->out_group = options->err_group =
        value_text(value_getz(logging, "logGroupName"), STR("/aws/emr-serverless"));
    options->out_stream = arena_printf(arena, "%s/stdout", stream.p);
    options->err_stream = arena_printf(arena, "%s/stderr", stream.p);
}

/* Returns the timeout; 0: none, as for streaming jobs. */
static int64_t minutes_of(const struct value *request)
{
    bool streams = str_eqz(value_gets(request, "mode"), "STREAMING");
    return service_int(request, "executionTimeoutMinutes", streams ? 0 : DEFAULT_TIMEOUT_MIN);
}

static void emrserverless_work(struct task *task)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct task_info *self = task_self(task);
    const struct value *spark = emrserverless_member(self->request, "jobDriver", "sparkSubmit");
    const struct value *list = value_getz(spark, "entryPointArguments");
    uint32_t count = list && list->kind == VALUE_LIST ? list->count : 0;
    struct str *arguments = ARENA_ARRAY(&arena, struct str, count + 1);
    for (uint32_t i = 0; i < count; i++)
        arguments[i] = value_text(list->items[i], STR_EMPTY);
    struct script_options script = {.spark = true,
        .emrfs = script_version_before(value_gets(self->request, "releaseLabel"), 7, 10),
        .role = value_gets(self->request, "executionRoleArn"),
        .session = self->id,
        .location = value_gets(spark, "entryPoint"),
        .arguments = arguments,
        .argument_count = count,
        .py_files = STR_EMPTY,
        .files = STR_EMPTY,
        .jars = STR_EMPTY,
        .notes = STR_EMPTY,
        .timeout_ms = minutes_of(self->request) * sandbox_minute_ms(services_sandbox(task_jobs(task)))};
    script.spark_conf = spark_defaults(&arena,
        emrserverless_member(self->request, "configurationOverrides", "applicationConfiguration"),
        &script.notes);
    script.submit = split_words(&arena, value_gets(spark, "sparkSubmitParameters"), &script.submit_count);
    set_logs(&arena, self, &script);
    if (!role_is_trusting(task_jobs(task), &arena, script.role, "emr-serverless.amazonaws.com"))
        task_end(task, ACTIVITY_FAILED, -1,
            "Could not assume runtime role %.*s because it does not exist or isn't setup with the required "
            "trust relationship.",
            STR_ARG(script.role));
    else if (spark)
        script_run(task, &script);
    else
        task_end(task, ACTIVITY_FAILED, -1, "the sandbox runs Spark jobs, no Hive");
}

/* ---- views ---- */

static const char *const states[] = ACTIVITY_NAMES(
    "PENDING", "SUBMITTED", "RUNNING", "CANCELLING", "SUCCESS", "FAILED", "FAILED", "CANCELLED");

static void show_common(struct value_builder *b, const struct task_info *info)
{
    int64_t changed = info->ended_ms     ? info->ended_ms
                      : info->started_ms ? info->started_ms
                                         : info->created_ms;
    const struct value *role = value_getz(info->request, "executionRoleArn");
    view_text(b, "applicationId", info->owner);
    view_members(b, info->request, "name arn");
    view_set(b, "createdBy", role);
    view_time(b, "createdAt", info->created_ms);
    view_time(b, "updatedAt", changed);
    view_set(b, "executionRole", role);
    view_text(b, "mode", value_text(value_getz(info->request, "mode"), STR("BATCH")));
    view_text(b, "state", str_z(states[info->state]));
    view_set(b, "stateDetails", value_string(b->arena, info->message));
    view_set(b, "releaseLabel", value_getz(info->request, "releaseLabel"));
}

static const struct value *emrserverless_view(const struct task_info *info, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena);
    show_common(&b, info);
    view_text(&b, "jobRunId", info->id);
    view_members(&b, info->request, "jobDriver configurationOverrides");
    view_int(&b, "executionTimeoutMinutes", minutes_of(info->request));
    view_set(&b, "tags", value_getz(info->request, "tags"));
    view_time(&b, "startedAt", info->started_ms);
    view_time(&b, "endedAt", info->ended_ms);
    if (info->started_ms && info->ended_ms)
        view_int(&b, "totalExecutionDurationSeconds", (info->ended_ms - info->started_ms) / 1000);
    return value_builder_map(&b);
}

static const struct value *emrserverless_summary(const struct task_info *info, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena);
    show_common(&b, info);
    view_text(&b, "id", info->id);
    view_text(&b, "type", STR("SPARK"));
    return value_builder_map(&b);
}

static const struct task_kind kind = {.name = "emr", .work = emrserverless_work, .view = emrserverless_view};

/* ---- operations ---- */

static int find_application(
    const struct service_call *call, struct str *id, struct control_record *out, struct err *err)
{
    if (service_required(call, "applicationId", id, err))
        return -1;
    if (service_find(call, STR("aws.emrserverless.application"), *id, out))
        return 0;
    return service_refuse(
        err, 404, "ResourceNotFoundException", "Application %.*s does not exist", STR_ARG(*id));
}

static int start_run(struct service_call *call, struct err *err)
{
    struct arena *arena = call->arena;
    struct control_record application;
    struct str app, role;
    struct err why = ERR_INIT;
    struct task_info before;
    if (find_application(call, &app, &application, err) ||
        service_required(call, "executionRoleArn", &role, err))
        return -1;
    const struct value *spark = emrserverless_member(call->input, "jobDriver", "sparkSubmit");
    if (!spark && !emrserverless_member(call->input, "jobDriver", "hive"))
        return service_refuse(err, 400, "ValidationException", "jobDriver has sparkSubmit or hive");
    struct str id =
        arena_printf(arena, "00%.14s", task_token_digits(call, value_gets(call->input, "clientToken")));
    const struct value *arn = value_string(arena,
        arena_printf(arena, "arn:aws:emr-serverless:%.*s:%.*s:/applications/%.*s/jobruns/%.*s",
            STR_ARG(call->region), STR_ARG(services_account(call->services)), STR_ARG(app), STR_ARG(id)));
    const struct value *request = value_with(arena, call->input, STR("arn"), arn);
    request = value_with(arena, request, STR("releaseLabel"), value_getz(application.attrs, "release_label"));
    const struct task_options options = {
        .kind = &kind, .region = call->region, .owner = app, .id = id, .request = request};
    if (!task_call_find(call, kind.name, app, id, &before) && task_call_start(call, &options, &why))
        return service_refuse(err, 402, "ServiceQuotaExceededException", "%s", why.message);
    call->output = VALUE_MAP(arena, {STR("applicationId"), value_string(arena, app)},
        {STR("jobRunId"), value_string(arena, id)}, {STR("arn"), arn});
    return 0;
}

static int find_run(const struct service_call *call, struct task_info *out, struct err *err)
{
    struct str app, id;
    if (service_required(call, "applicationId", &app, err) || service_required(call, "jobRunId", &id, err))
        return -1;
    if (task_call_find(call, kind.name, app, id, out))
        return 0;
    return service_refuse(err, 404, "ResourceNotFoundException", "Job run %.*s does not exist", STR_ARG(id));
}

static int get_run(struct service_call *call, struct err *err)
{
    struct task_info info;
    if (find_run(call, &info, err))
        return -1;
    service_answer(call, "jobRun", emrserverless_view(&info, call->arena));
    return 0;
}

static int list_runs(struct service_call *call, struct err *err)
{
    struct control_record application;
    struct str app;
    size_t n;
    struct value_builder list = VALUE_BUILDER(call->arena);
    const struct value *wanted = service_items(call->arena, call->input, "states");
    if (find_application(call, &app, &application, err))
        return -1;
    const struct task_info *runs = task_call_list(call, kind.name, app, &n);
    for (size_t i = 0; i < n; i++)
        if (!wanted || value_list_has(wanted, str_z(states[runs[i].state])))
            value_builder_add(&list, emrserverless_summary(&runs[i], call->arena));
    return service_answer_page(call, "jobRuns", value_builder_list(&list), MAX_SHOWN, err);
}

static int cancel_run(struct service_call *call, struct err *err)
{
    struct task_info info;
    if (find_run(call, &info, err))
        return -1;
    if (!task_call_stop(call, kind.name, info.id, STR("Job run was cancelled")))
        return service_refuse(
            err, 400, "ValidationException", "Job run is in the terminal state %s", states[info.state]);
    call->output = VALUE_MAP(call->arena, {STR("applicationId"), value_string(call->arena, info.owner)},
        {STR("jobRunId"), value_string(call->arena, info.id)});
    return 0;
}

const struct service_operation emrserverless_operations[] = {
    {SERVICE, "StartJobRun", start_run},
    {SERVICE, "GetJobRun", get_run},
    {SERVICE, "ListJobRuns", list_runs},
    {SERVICE, "CancelJobRun", cancel_run},
    {0},
};
