/* Glue's job runs and job bookmarks. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "sandbox/engine/script.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/glue/glue.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Job bookmarks: what a job has read. python/awsglue/bookmarks.py writes them when the job commits:
 * DIR/jobs/bookmarks/DIGEST.json, {job, run_id, run, state} ---- */

enum { MAX_FILE = 64 * 1024 * 1024 };

/* Returns the bookmark's path, or "" if the folder cannot be created. */
static struct str glue_bookmark(
    struct services *services, struct arena *arena, struct str region, struct str job)
{
    struct str dir, whole = arena_printf(arena, "%.*s\n%.*s", STR_ARG(region), STR_ARG(job));
    if (services_dir(services, arena, "bookmarks", &dir, ERR_IGNORED))
        return STR_EMPTY;
    char *real = realpath(dir.p, NULL); /* the job runs in another working directory */
    struct str path = arena_printf(arena, "%s/%.32s.json", real ? real : dir.p, sha256_hex(arena, whole).p);
    free(real);
    return path;
}

static int glue_bookmarks_find(
    const struct service_call *call, struct str *name, struct str *path, struct err *err)
{
    struct control_record job;
    if (service_required(call, "JobName", name, err))
        return -1;
    if (!service_find(call, STR("aws.glue.job"), *name, &job))
        return service_refuse(err, 400, "EntityNotFoundException", "Job %.*s not found.", STR_ARG(*name));
    *path = glue_bookmark(call->services, call->arena, call->region, job.id);
    return 0;
}

/* Returns the bookmark as JobBookmarkEntry, or NULL if the job has none. */
static const struct value *read_entry(const struct service_call *call, struct str name, struct str path)
{
    AUTO_BUF struct buf state = BUF_INIT;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    struct str text;
    const struct value *doc;
    if (file_read(call->arena, path.p, MAX_FILE, &text, ERR_IGNORED) ||
        json_parse(call->arena, text, &doc, ERR_IGNORED))
        return NULL;
    json_write(&state, value_getz(doc, "state") ? value_getz(doc, "state") : &value_empty_map, JSON_PLAIN);
    view_text(&b, "JobName", name);
    view_int(&b, "Version", service_int(doc, "run", 0));
    view_int(&b, "Run", service_int(doc, "run", 0));
    view_int(&b, "Attempt", 0);
    view_set(&b, "RunId", value_getz(doc, "run_id"));
    view_text(&b, "JobBookmark", buf_str(&state));
    return value_builder_map(&b);
}

int glue_show_bookmark(struct service_call *call, struct err *err)
{
    struct str name, path;
    if (glue_bookmarks_find(call, &name, &path, err))
        return -1;
    const struct value *entry = read_entry(call, name, path);
    if (!entry)
        return service_refuse(
            err, 400, "EntityNotFoundException", "Continuation for job %.*s not found", STR_ARG(name));
    if (service_is(call, "ResetJobBookmark"))
        unlink(path.p);
    service_answer(call, "JobBookmarkEntry", entry);
    return 0;
}

enum {
    DEFAULT_TIMEOUT_MIN = 2880,
    MAX_RUNS_SHOWN = 200,
    MAX_STOPPED = 25,
    ARGUMENTS_EXTRA = 8,
    MAX_DPU = 1000000
};

static const struct task_kind glue_kind;

/* ---- the request of a run ---- */

/*
 * {job, role, command, arguments, timeout, max_capacity, worker_type, number_of_workers, glue_version,
 * connections, attempt, previous}: resolved when the run starts, so that later changes of the job do not
 * affect it.
 */
static const struct {
    const char *attribute, *member; /* member of StartJobRun that overrides it; NULL: none */
} taken[] = {{"role", NULL}, {"command", NULL}, {"max_capacity", "MaxCapacity"},
    {"worker_type", "WorkerType"}, {"number_of_workers", "NumberOfWorkers"}, {"glue_version", NULL},
    {"max_retries", NULL}, {"execution_class", "ExecutionClass"}, {"connections", NULL}};

static bool find_job(
    const struct service_call *call, struct str name, struct control_record *job, struct err *err)
{
    if (service_find(call, STR("aws.glue.job"), name, job))
        return true;
    service_refuse(err, 400, "EntityNotFoundException",
        "Failed to start job run due to missing metadata: %.*s", STR_ARG(name));
    return false;
}

static bool is_text_map(const struct value *map)
{
    for (uint32_t i = 0; map && map->kind == VALUE_MAP && i < map->count; i++)
        if (map->entries[i].value->kind != VALUE_STRING || str_find_char(map->entries[i].key, '\0', 0) >= 0)
            return false;
    return !map || map->kind == VALUE_MAP;
}

static const struct value *make_request(
    const struct service_call *call, const struct control_record *job, struct err *err)
{
    struct arena *arena = call->arena;
    const struct value *given = value_getz(call->input, "Arguments");
    if (!is_text_map(given)) {
        service_refuse(err, 400, "InvalidInputException", "Arguments is a map from texts to texts");
        return NULL;
    }
    const struct value *fixed = value_getz(job->attrs, "non_overridable_arguments");
    for (uint32_t i = 0; fixed && given && i < fixed->count; i++)
        if (value_get(given, fixed->entries[i].key)) {
            service_refuse(err, 400, "InvalidInputException", "the job does not let a run change %.*s",
                STR_ARG(fixed->entries[i].key));
            return NULL;
        }
    struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        const struct value *own = taken[i].member ? value_getz(call->input, taken[i].member) : NULL;
        view_set(&b, taken[i].attribute, own ? own : value_getz(job->attrs, taken[i].attribute));
    }
    const struct value *arguments = value_merge(arena, value_getz(job->attrs, "default_arguments"), given);
    int64_t timeout = service_int(job->attrs, "timeout", DEFAULT_TIMEOUT_MIN);
    value_builder_set(&b, STR("job"), value_string(arena, job->id));
    value_builder_set(&b, STR("given"), given ? given : &value_empty_map);
    value_builder_set(&b, STR("arguments"), value_merge(arena, arguments, fixed));
    value_builder_set(&b, STR("timeout"), value_int(arena, service_int(call->input, "Timeout", timeout)));
    value_builder_set(&b, STR("attempt"), value_int(arena, 0));
    view_set(&b, GLUE_TRIGGER, value_getz(call->input, GLUE_TRIGGER));
    view_set(&b, GLUE_WORKFLOW_RUN, value_getz(call->input, GLUE_WORKFLOW_RUN));
    return value_builder_map(&b);
}

static bool is_python(const struct value *request)
{
    return str_eqz(value_gets(value_getz(request, "command"), "name"), "pythonshell");
}

/* ---- running a job ---- */

static struct str argument(const struct value *request, const char *name)
{
    return value_gets(value_getz(request, "arguments"), name);
}

/* Returns Spark's settings, with the event log at the configured path if the Spark UI is enabled. */
static struct str spark_settings(struct arena *arena, const struct value *request)
{
    struct str own = argument(request, "--conf"), logs = argument(request, "--spark-event-logs-path");
    if (!logs.n || !str_eqz(argument(request, "--enable-spark-ui"), "true"))
        return own;
    return arena_printf(arena, "spark.eventLog.enabled=true --conf spark.eventLog.dir=%.*s%s%.*s",
        STR_ARG(logs), own.n ? " --conf " : "", STR_ARG(own));
}

/* Returns the arguments as Glue passes them: JOB_NAME and JOB_RUN_ID first. */
static struct str *make_arguments(struct arena *arena, const struct task_info *info, size_t *n)
{
    const struct value *arguments = value_as_map(value_getz(info->request, "arguments"));
    uint32_t count = arguments->count;
    struct str *argv = ARENA_ARRAY(arena, struct str, 2 * count + ARGUMENTS_EXTRA);
    *n = 0;
    argv[(*n)++] = STR("--JOB_NAME");
    argv[(*n)++] = info->owner;
    argv[(*n)++] = STR("--JOB_RUN_ID");
    argv[(*n)++] = info->id;
    for (uint32_t i = 0; i < count; i++) {
        const struct value_entry *entry = &arguments->entries[i];
        if (str_eqz(entry->key, "--JOB_NAME") || str_eqz(entry->key, "--JOB_RUN_ID"))
            continue;
        argv[(*n)++] = entry->key;
        argv[(*n)++] = value_text(entry->value, STR_EMPTY);
    }
    return argv;
}

static int64_t memory_of(const struct value *request)
{
    static const int64_t gib = 1024LL * 1024 * 1024;
    const struct value *capacity = value_getz(request, "max_capacity");
    double dpu = !capacity                       ? 0.0625
                 : capacity->kind == VALUE_FLOAT ? capacity->number
                                                 : (double)service_int(request, "max_capacity", 1);
    return (int64_t)(fmin(fmax(dpu, 0), MAX_DPU) * 16 * (double)gib) + gib / 2; /* memory of Python itself */
}

/* Retries a failed run, each time as a run of its own, up to max_retries. */
static void repeat(struct services *services, const struct task_info *info)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    int64_t attempt = service_int(info->request, "attempt", 0) + 1;
    if (attempt > service_int(info->request, "max_retries", 0) || services_stopping(services))
        return;
    struct str base, rest;
    ptrdiff_t mark = str_find(info->id, STR("_attempt_"), 0);
    base = mark < 0 ? info->id : str_slice(info->id, 0, (size_t)mark);
    rest = arena_printf(&arena, "%.*s_attempt_%lld", STR_ARG(base), (long long)attempt);
    const struct value *request =
        value_with(&arena, info->request, STR("attempt"), value_int(&arena, attempt));
    request = value_with(&arena, request, STR("previous"), value_string(&arena, info->id));
    const struct task_options options = {
        .kind = &glue_kind, .region = info->region, .owner = info->owner, .id = rest, .request = request};
    struct err ignored = ERR_INIT; /* the failure is recorded; no caller waits for the retry */
    task_start(services, &options, NULL, &ignored);
}

/* Adds wheels in S3 to py_files, and returns the other modules, which must be installed already. */
static struct str add_wheels(struct arena *arena, struct str modules, struct str *py_files)
{
    AUTO_BUF struct buf files = BUF_INIT;
    AUTO_BUF struct buf others = BUF_INIT;
    buf_add_str(&files, *py_files);
    while (modules.n) {
        struct str one = str_trim(str_cut(modules, ',', &modules));
        bool wheel = str_starts(one, STR("s3://")) && str_ends(one, STR(".whl"));
        struct buf *list = wheel ? &files : &others;
        if (one.n)
            buf_addf(list, "%s%.*s", list->n ? "," : "", STR_ARG(one));
    }
    *py_files = arena_str(arena, buf_str(&files));
    return arena_str(arena, buf_str(&others));
}

/* Returns notes that are logged before the script runs: what was requested but is not supported. */
static struct str notes_of(struct task *task, struct arena *arena, struct str modules)
{
    AUTO_BUF struct buf notes = BUF_INIT;
    const struct value *metrics =
                           value_with(arena, NULL, STR("cloudwatch:namespace"), value_stringz(arena, "Glue")),
                       *arguments = value_getz(task_self(task)->request, "arguments");
    if (modules.n)
        buf_addf(&notes,
            "sandbox: --additional-python-modules %.*s: only wheels in S3 are taken from there, nothing is "
            "installed; the script sees what python3 has",
            STR_ARG(modules));
    if (value_getz(arguments, "--enable-metrics") &&
        !glue_role_may(task, arena, "cloudwatch:PutMetricData", metrics))
        buf_addf(&notes,
            "%ssandbox: --enable-metrics: there would be no metrics, for the role may not "
            "cloudwatch:PutMetricData in the namespace Glue",
            notes.n ? "\n" : "");
    return arena_str(arena, buf_str(&notes));
}

/* Returns the prefix of the run's two log groups. Spark jobs may set one since Glue 5.0. */
static struct str log_prefix(const struct value *request)
{
    struct str version = value_gets(request, "glue_version");
    struct str own = argument(request, "--custom-logGroup-prefix");
    if (is_python(request))
        return STR("/aws-glue/python-jobs");
    return own.n && version.n && version.p[0] >= '5' ? own : STR("/aws-glue/jobs");
}

/* Returns how the script is run, from the job's command and arguments. */
static struct script_options script_of(struct task *task, struct arena *arena)
{
    const struct task_info *self = task_self(task);
    const struct value *request = self->request;
    struct services *services = task_jobs(task);
    bool python = is_python(request);
    struct str logs = log_prefix(request);
    struct script_options options = {.spark = !python,
        .location = value_gets(value_getz(request, "command"), "script_location"),
        .role = value_gets(request, "role"),
        .session = GLUE_SESSION,
        .py_files = argument(request, "--extra-py-files"),
        .files = argument(request, "--extra-files"),
        .jars = argument(request, "--extra-jars"),
        .spark_conf = spark_settings(arena, request),
        .emrfs = script_version_before(value_gets(request, "glue_version"), 5, 1),
        .iceberg = str_find(argument(request, "--datalake-formats"), STR("iceberg"), 0) >= 0,
        .timeout_ms = service_int(request, "timeout", 0) * sandbox_minute_ms(services_sandbox(services)),
        .memory = python ? memory_of(request) : 0,
        .out_group = arena_printf(arena, "%.*s/output", STR_ARG(logs)),
        .err_group = arena_printf(arena, "%.*s/error", STR_ARG(logs)),
        .out_stream = self->id,
        .err_stream = self->id};
    options.arguments = make_arguments(arena, self, &options.argument_count);
    struct str modules =
        add_wheels(arena, argument(request, "--additional-python-modules"), &options.py_files);
    options.notes = notes_of(task, arena, modules);
    struct str bookmarks = argument(request, "--job-bookmark-option");
    options.bookmark_paused = str_eqz(bookmarks, "job-bookmark-pause");
    if (options.bookmark_paused || str_eqz(bookmarks, "job-bookmark-enable"))
        options.bookmark = glue_bookmark(services, arena, self->region, self->owner);
    return options;
}

static void glue_work(struct task *task)
{
    const struct task_info *self = task_self(task);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct services *services = task_jobs(task);
    struct script_options options = script_of(task, &arena);
    struct str why;
    struct str lakes = argument(self->request, "--datalake-formats");
    if (lakes.n && !str_eqz(lakes, "iceberg"))
        task_end(task, ACTIVITY_FAILED, -1, "the sandbox knows --datalake-formats iceberg only, not %.*s",
            STR_ARG(lakes));
    else if (str_eqz(value_gets(value_getz(self->request, "command"), "name"), "glueray"))
        task_end(task, ACTIVITY_FAILED, -1, "the sandbox runs no Ray jobs");
    else if (!glue_network_fits(task, &arena, value_getz(self->request, "connections"), &why))
        task_end(task, ACTIVITY_FAILED, -1, "%.*s", STR_ARG(why));
    else
        script_run(task, &options);
    struct task_info now;
    if (task_find(services, &arena, "glue", self->region, self->owner, self->id, &now) &&
        now.state == ACTIVITY_FAILED)
        repeat(services, &now);
    glue_run_ended(services, "glue", self);
}

/* ---- views ---- */

static const char *const states[] =
    ACTIVITY_NAMES("WAITING", "STARTING", "RUNNING", "STOPPING", "SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED");

static const struct value *glue_view(const struct task_info *info, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *request = info->request;
    int64_t changed = info->ended_ms     ? info->ended_ms
                      : info->started_ms ? info->started_ms
                                         : info->created_ms;
    int64_t until = info->ended_ms ? info->ended_ms : clock_wall_ms();
    view_set(&b, "Id", value_string(arena, info->id));
    view_set(&b, "Attempt", value_int(arena, service_int(request, "attempt", 0)));
    view_set(&b, "PreviousRunId", value_getz(request, "previous"));
    view_set(&b, "TriggerName", value_getz(request, GLUE_TRIGGER));
    view_set(&b, "JobName", value_string(arena, info->owner));
    view_time(&b, "StartedOn", info->created_ms);
    view_time(&b, "LastModifiedOn", changed);
    view_time(&b, "CompletedOn", info->ended_ms);
    view_set(&b, "JobRunState", value_stringz(arena, states[info->state]));
    view_set(&b, "Arguments", value_getz(request, "given"));
    if (info->message.n)
        view_set(&b, "ErrorMessage", value_string(arena, info->message));
    view_set(&b, "PredecessorRuns", &value_empty_list);
    view_set(&b, "ExecutionTime",
        value_int(arena, info->started_ms ? (until - info->started_ms + 500) / 1000 : 0));
    view_members(&b, request,
        "Timeout=timeout MaxCapacity=max_capacity WorkerType=worker_type NumberOfWorkers=number_of_workers "
        "GlueVersion=glue_version ExecutionClass=execution_class");
    view_set(&b, "LogGroupName",
        value_stringz(arena, is_python(request) ? "/aws-glue/python-jobs" : "/aws-glue/jobs"));
    return value_builder_map(&b);
}

static const struct task_kind glue_kind = {.name = "glue", .work = glue_work, .view = glue_view};

/* ---- operations ---- */

static int refuse_start(
    const struct service_call *call, const struct err *why, struct str name, struct err *err)
{
    if (why->class == ERR_EXISTS)
        return service_refuse(
            err, 400, "ConcurrentRunsExceededException", "Concurrent runs exceeded for %.*s", STR_ARG(name));
    return why->class == ERR_THROTTLED
               ? service_refuse(err, 400, "ResourceNumberLimitExceededException", "%s", why->message)
               : service_cannot_store(call, why, err);
}

static int start_run(struct service_call *call, struct err *err)
{
    struct arena *arena = call->arena;
    struct str name = value_gets(call->input, "JobName");
    struct control_record job;
    struct err why = ERR_INIT;
    if (!find_job(call, name, &job, err))
        return -1;
    const struct value *request = make_request(call, &job, err);
    if (!request)
        return -1;
    int64_t at_once = service_int(value_getz(job.attrs, "execution_property"), "max_concurrent_runs", 1);
    const struct task_options options = {.kind = &glue_kind,
        .region = call->region,
        .owner = job.id,
        .id = arena_printf(arena, "jr_%.64s", sha256_hex(arena, uuid_random(arena)).p),
        .request = request,
        .at_once = at_once > 0 ? (size_t)at_once : 1};
    if (task_call_start(call, &options, &why))
        return refuse_start(call, &why, job.id, err);
    call->output = value_with(arena, NULL, STR("JobRunId"), value_string(arena, options.id));
    return 0;
}

static int get_run(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "JobName"), id = value_gets(call->input, "RunId");
    struct task_info info;
    (void)value_getz(call->input, "PredecessorsIncluded"); /* runs are shown without predecessors */
    if (!task_call_find(call, "glue", name, id, &info))
        return service_refuse(err, 400, "EntityNotFoundException", "Job run %.*s of job %.*s was not found",
            STR_ARG(id), STR_ARG(name));
    service_answer(call, "JobRun", glue_view(&info, call->arena));
    return 0;
}

static int get_runs(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "JobName");
    struct control_record job;
    size_t n;
    struct value_builder list = VALUE_BUILDER(call->arena);
    const struct task_info *runs = task_call_list(call, "glue", name, &n);
    if (!n && !service_find(call, STR("aws.glue.job"), name, &job))
        return service_refuse(
            err, 400, "EntityNotFoundException", "Job with name: %.*s not found.", STR_ARG(name));
    for (size_t i = 0; i < n; i++)
        value_builder_add(&list, glue_view(&runs[i], call->arena));
    return service_answer_page(call, "JobRuns", value_builder_list(&list), MAX_RUNS_SHOWN, err);
}

static const struct value *stop_one(
    const struct service_call *call, struct str name, const struct value *id, bool *stopped)
{
    struct arena *arena = call->arena;
    struct task_info info;
    const struct value *job = value_string(arena, name);
    struct str text = value_text(id, STR_EMPTY);
    bool known = task_call_find(call, "glue", name, text, &info);
    *stopped = known && task_call_stop(call, "glue", text, STR_EMPTY);
    if (*stopped)
        return VALUE_MAP(arena, {STR("JobName"), job}, {STR("JobRunId"), id});
    const struct value *error = glue_item_error(arena, "JobRunId", id,
        known ? "JobRunInvalidStateTransitionException" : "EntityNotFoundException",
        known ? arena_printf(arena, "the run is %s already", states[info.state]).p
              : "there is no such run of this job");
    return value_with(arena, error, STR("JobName"), job);
}

static int stop_runs(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "JobName");
    const struct value *ids;
    if (service_list_within(call, "JobRunIds", 1, MAX_STOPPED, &ids, err))
        return -1;
    struct value_builder done = VALUE_BUILDER(call->arena), failed = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < ids->count; i++) {
        bool stopped;
        const struct value *one = stop_one(call, name, ids->items[i], &stopped);
        value_builder_add(stopped ? &done : &failed, one);
    }
    service_answer(call, "SuccessfulSubmissions", value_builder_list(&done));
    service_answer(call, "Errors", value_builder_list(&failed));
    return 0;
}

/* ---- resource policy of the data catalog ---- */

/* Checks the request's conditions on the existing policy; the control plane stores the new one. */
static int put_resource_policy(struct service_call *call, struct err *err)
{
    size_t n;
    const struct control_record *all = service_list(call, STR("aws.glue.resource_policy"), &n);
    struct str exists = value_gets(call->input, "PolicyExistsCondition"),
               hash = value_gets(call->input, "PolicyHashCondition");
    bool wrong = n ? str_eqz(exists, "NOT_EXIST") : str_eqz(exists, "MUST_EXIST") || hash.n;
    if (wrong || (n && hash.n && !str_eq(hash, value_gets(all[0].attrs, "hash"))))
        return service_refuse(
            err, 400, "ConditionCheckFailureException", "Policy %s", n ? "already exists" : "not found");
    call->declined = true;
    return 0;
}

const struct service_operation glue_operations[] = {
    {"glue", "StartJobRun", start_run},
    {"glue", "GetJobRun", get_run},
    {"glue", "GetJobRuns", get_runs},
    {"glue", "BatchStopJobRun", stop_runs},
    {"glue", "StartCrawler", glue_start_crawler},
    {"glue", "StopCrawler", glue_stop_crawler},
    {"glue", "GetCrawler", glue_get_crawlers},
    {"glue", "GetCrawlers", glue_get_crawlers},
    {"glue", "BatchGetCrawlers", glue_get_crawlers},
    {"glue", "ListCrawls", glue_list_crawls},
    {"glue", "GetCrawlerMetrics", glue_crawler_metrics},
    {"glue", "GetJobBookmark", glue_show_bookmark},
    {"glue", "ResetJobBookmark", glue_show_bookmark},
    {"glue", "StartTrigger", glue_start_trigger},
    {"glue", "StartWorkflowRun", glue_start_workflow},
    {"glue", "GetWorkflowRun", glue_get_workflow_run},
    {"glue", "GetWorkflowRuns", glue_get_workflow_runs},
    {"glue", "StopWorkflowRun", glue_stop_workflow_run},
    {"glue", "CreatePartition", glue_create_partition},
    {"glue", "BatchCreatePartition", glue_batch_create_partition},
    {"glue", "DeletePartition", glue_delete_partition},
    {"glue", "BatchDeletePartition", glue_batch_delete_partition},
    {"glue", "UpdatePartition", glue_update_partition},
    {"glue", "BatchUpdatePartition", glue_batch_update_partition},
    {"glue", "BatchDeleteTable", glue_batch_delete_table},
    {"glue", "GetPartition", glue_get_partition},
    {"glue", "GetPartitions", glue_get_partitions},
    {"glue", "BatchGetPartition", glue_batch_get_partition},
    {"glue", "CreateTable", glue_create_table},
    {"glue", "PutResourcePolicy", put_resource_policy},
    {"glue", "UpdateTable", glue_update_table},
    {"glue", "DeleteTableVersion", glue_delete_table_version},
    {"glue", "GetTableVersions", glue_get_table_versions},
    {"glue", "GetTableVersion", glue_get_table_version},
    {"glue", "SearchTables", glue_search_tables},
    {0},
};
