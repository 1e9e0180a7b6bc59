/*
 * Batch: jobs whose image is "local", or begins with "local/", run their command on this machine. The sandbox
 * has no containers, so the others fail and say so.
 */
#include "base/file.h"
#include "base/hash.h"
#include "sandbox/engine/logs.h"
#include "sandbox/engine/script.h"
#include "sandbox/engine/view.h"
#include "sandbox/http/exchange.h"
#include "sandbox/services/definitions.h"
#include "sandbox/services/registry.h"
#include "sandbox/services/roles.h"

enum { MAX_SHOWN = 100, MAX_OUTPUT = 16 * 1024 * 1024, GRACE_MS = 3000 };

static const int64_t MIB = 1024 * 1024, MAX_FILE = 4LL * 1024 * 1024 * 1024;
static const struct str log_group = STR_INIT("/aws/batch/job");

/* ---- what a job is made of: its request ---- */

/* [{name: A, value: b}] over {A: a}. */
static const struct value *with_pairs(struct arena *arena, const struct value *map, const struct value *pairs)
{
    for (uint32_t i = 0; pairs && pairs->kind == VALUE_LIST && i < pairs->count; i++)
        map =
            value_with(arena, map, value_gets(pairs->items[i], "name"), value_getz(pairs->items[i], "value"));
    return map;
}

/* "Ref::name" in a command is a parameter. */
static const struct value *fill_command(
    struct arena *arena, const struct value *command, const struct value *parameters)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; command && command->kind == VALUE_LIST && i < command->count; i++) {
        struct str word = value_text(command->items[i], STR_EMPTY);
        const struct value *v =
            str_starts(word, STR("Ref::")) ? value_get(parameters, str_slice(word, 5, word.n)) : NULL;
        value_builder_add(&b, v && v->kind == VALUE_STRING ? v : command->items[i]);
    }
    return value_builder_list(&b);
}

static int64_t memory_of(const struct value *resources, const struct value *overrides)
{
    int64_t mib = service_int(resources, "MEMORY", 0);
    for (uint32_t i = 0; overrides && overrides->kind == VALUE_LIST && i < overrides->count; i++)
        if (str_eqz(value_gets(overrides->items[i], "type"), "MEMORY"))
            mib = service_int(overrides->items[i], "value", mib);
    return mib;
}

static const struct value *make_request(
    const struct service_call *call, const struct control_record *definition, struct str id)
{
    struct arena *arena = call->arena;
    const struct value *container = value_getz(definition->attrs, "container");
    const struct value *over = value_getz(call->input, "containerOverrides");
    const struct value *parameters = value_merge(
        arena, value_getz(definition->attrs, "parameters"), value_getz(call->input, "parameters"));
    const struct value *command = value_getz(over, "command");
    const struct value *environment =
        with_pairs(arena, value_getz(container, "environment"), value_getz(over, "environment"));
    struct str name = value_gets(definition->attrs, "name");
    struct value_builder b = VALUE_BUILDER(arena);
    view_set(&b, "jobName", value_getz(call->input, "jobName"));
    view_set(&b, "jobQueue", value_getz(call->input, "jobQueue"));
    view_set(&b, "dependsOn", value_getz(call->input, "dependsOn"));
    view_text(&b, "jobDefinition", definition->id);
    view_text(&b, "definition", name);
    view_text(&b, "arn",
        arena_printf(arena, "arn:aws:batch:%.*s:%.*s:job/%.*s", STR_ARG(call->region),
            STR_ARG(services_account(call->services)), STR_ARG(id)));
    view_text(&b, "stream", arena_printf(arena, "%.*s/default/%.*s", STR_ARG(name), STR_ARG(id)));
    view_set(&b, "image", value_getz(container, "image"));
    view_set(&b, "role", value_getz(container, "job_role"));
    view_set(&b, "executionRole", value_getz(container, "execution_role"));
    view_set(
        &b, "command", fill_command(arena, command ? command : value_getz(container, "command"), parameters));
    view_set(&b, "environment", environment ? environment : &value_empty_map);
    view_set(&b, "parameters", parameters ? parameters : &value_empty_map);
    view_int(&b, "memory",
        memory_of(value_getz(container, "resources"), value_getz(over, "resourceRequirements")));
    view_int(&b, "timeout",
        service_int(value_getz(call->input, "timeout"), "attemptDurationSeconds",
            service_int(definition->attrs, "timeout", 0)));
    return value_builder_map(&b);
}

/* ---- the work ---- */

struct running {
    struct log_sink sink;
};

static void batch_take_output(void *ctx, enum process_stream stream, const char *bytes, size_t n)
{
    struct running *r = ctx;
    (void)stream;
    log_sink_add(&r->sink, bytes, n);
}

static const char **argv_of(struct arena *arena, const struct value *command)
{
    const char **argv = ARENA_ARRAY(arena, const char *, command->count + 1);
    for (uint32_t i = 0; i < command->count; i++)
        argv[i] = arena_strz(arena, value_text(command->items[i], STR_EMPTY));
    return argv;
}

static void tell_end(struct task *task, const struct process_end *end)
{
    if (task_over_limit(task, end))
        return;
    if (end->timed_out)
        task_end(task, ACTIVITY_TIMEOUT, end->exit_code, "Job attempt duration exceeded timeout");
    else if (end->exit_code == 0)
        task_end(task, ACTIVITY_SUCCEEDED, 0, "Essential container in task exited");
    else
        task_end(task, ACTIVITY_FAILED, end->exit_code < 0 ? 128 + end->signal : end->exit_code,
            "Essential container in task exited");
}

static int run_command(
    struct task *task, struct arena *arena, struct environment *env, struct running *r, struct err *err)
{
    const struct task_info *self = task_self(task);
    const struct value *own = value_getz(self->request, "environment");
    struct services *services = task_jobs(task);
    struct process_end end;
    int64_t memory = service_int_within(self->request, "memory", 0, 0, INT32_MAX);
    if (service_sink_open(
            services, self->region, log_group, value_gets(self->request, "stream"), arena, &r->sink, err))
        return -1;
    const struct environment_options surroundings = {.region = self->region,
        .home = task_folder(task),
        .role = value_gets(self->request, "role"),
        .session = self->id};
    environment_start(env, services, arena, &surroundings);
    environment_set(env, "AWS_BATCH_JOB_ID", self->id);
    environment_set(env, "AWS_BATCH_JOB_ATTEMPT", STR("1"));
    environment_set(env, "AWS_BATCH_JQ_NAME", path_base(self->owner));
    for (uint32_t i = 0; i < own->count; i++)
        environment_set(
            env, arena_strz(arena, own->entries[i].key), value_text(own->entries[i].value, STR_EMPTY));
    struct process_options options = {.argv = argv_of(arena, value_getz(self->request, "command")),
        .env = env->items,
        .dir = task_folder(task).p,
        .family = services_family(services),
        .timeout_ms = service_int(self->request, "timeout", 0) * 1000,
        .grace_ms = GRACE_MS,
        .memory = memory ? (memory + 512) * MIB : 0,
        .file_size = MAX_FILE,
        .max_output = MAX_OUTPUT,
        .output = batch_take_output,
        .ctx = r};
    task_set_room(task, &options);
    task_running(task);
    if (process_run(&options, task_switch(task), &end, err))
        return -1;
    log_sink_flush(&r->sink);
    tell_end(task, &end);
    return 0;
}

/* The first of its roles that ECS, which runs it, may not take on; "": there is none. */
static struct str untrusting_role(struct task *task, struct arena *arena)
{
    static const char *const members[] = {"role", "executionRole"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct str role = value_gets(task_self(task)->request, members[i]);
        if (!role_is_trusting(task_jobs(task), arena, role, "ecs-tasks.amazonaws.com"))
            return role;
    }
    return STR_EMPTY;
}

static void batch_work(struct task *task)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct environment env = {.arena = &arena};
    struct running r = {0};
    struct err err = ERR_INIT;
    const struct value *request = task_self(task)->request;
    struct str image = value_gets(request, "image"), untrusting = untrusting_role(task, &arena);
    if (untrusting.n)
        task_end(task, ACTIVITY_FAILED, -1,
            "ECS was unable to assume the role '%.*s' that was provided for this task. Please verify that "
            "the role being passed has the proper trust relationship and permissions and that your IAM user "
            "has permissions to pass this role.",
            STR_ARG(untrusting));
    else if (!str_eqz(image, "local") && !str_starts(image, STR("local/")))
        task_end(task, ACTIVITY_FAILED, -1,
            "the sandbox runs no containers: a job whose image is local, or begins with local/, runs its "
            "command on this machine");
    else if (!value_getz(request, "command")->count)
        task_end(task, ACTIVITY_FAILED, -1, "the job has no command");
    else if (run_command(task, &arena, &env, &r, &err))
        task_end(task, ACTIVITY_FAILED, -1, "%s", err.message);
    if (r.sink.logs)
        log_sink_release(&r.sink);
    environment_release(&env);
}

/* ---- what is shown: times are milliseconds here ---- */

static const char *const states[] = {[ACTIVITY_WAITING] = "PENDING",
    [ACTIVITY_STARTING] = "RUNNABLE",
    [ACTIVITY_RUNNING] = "RUNNING",
    [ACTIVITY_STOPPING] = "RUNNING",
    [ACTIVITY_SUCCEEDED] = "SUCCEEDED",
    [ACTIVITY_FAILED] = "FAILED",
    [ACTIVITY_TIMEOUT] = "FAILED",
    [ACTIVITY_STOPPED] = "FAILED"};

static const struct value *pairs_of(struct arena *arena, const struct value *map)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; map && i < map->count; i++) {
        const struct value_entry pair[] = {
            {STR("name"), value_string(arena, map->entries[i].key)}, {STR("value"), map->entries[i].value}};
        value_builder_add(&b, value_map(arena, pair, 2));
    }
    return value_builder_list(&b);
}

static const struct value *container_of(const struct task_info *info, struct arena *arena, bool whole)
{
    struct value_builder b = VALUE_BUILDER(arena);
    if (info->exit_code >= 0)
        view_int(&b, "exitCode", info->exit_code);
    if (whole) {
        view_set(&b, "image", value_getz(info->request, "image"));
        view_set(&b, "command", value_getz(info->request, "command"));
        view_set(&b, "environment", pairs_of(arena, value_getz(info->request, "environment")));
        if (info->started_ms)
            view_set(&b, "logStreamName", value_getz(info->request, "stream"));
    }
    return value_builder_map(&b);
}

static void show_common(struct value_builder *b, const struct task_info *info)
{
    view_set(b, "jobArn", value_getz(info->request, "arn"));
    view_text(b, "jobId", info->id);
    view_set(b, "jobName", value_getz(info->request, "jobName"));
    view_set(b, "jobDefinition", value_getz(info->request, "jobDefinition"));
    view_text(b, "status", str_z(states[info->state]));
    view_text(b, "statusReason", info->message);
    view_int(b, "createdAt", info->created_ms);
    if (info->started_ms)
        view_int(b, "startedAt", info->started_ms);
    if (info->ended_ms)
        view_int(b, "stoppedAt", info->ended_ms);
}

static const struct value *batch_view(const struct task_info *info, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *depends = value_getz(info->request, "dependsOn");
    show_common(&b, info);
    view_set(&b, "jobQueue", value_getz(info->request, "jobQueue"));
    view_set(&b, "dependsOn", depends ? depends : &value_empty_list);
    view_set(&b, "parameters", value_getz(info->request, "parameters"));
    view_set(&b, "container", container_of(info, arena, true));
    return value_builder_map(&b);
}

static const struct task_kind kind = {.name = "batch", .work = batch_work, .view = batch_view};

/* ---- operations ---- */

static int batch_refuse(struct err *err, const char *what, struct str name)
{
    return service_refuse(err, 400, "ClientException", "%s %.*s does not exist", what, STR_ARG(name));
}

static const struct value *ids_of(struct arena *arena, const struct value *depends)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; depends && depends->kind == VALUE_LIST && i < depends->count; i++)
        if (value_gets(depends->items[i], "jobId").n)
            value_builder_add(&b, value_getz(depends->items[i], "jobId"));
    return value_builder_list(&b);
}

static int submit(struct service_call *call, struct err *err)
{
    struct control_record queue, definition = {.attrs = NULL};
    struct str name, queue_name, definition_name;
    struct err why = ERR_INIT;
    if (service_required(call, "jobName", &name, err) ||
        service_required(call, "jobQueue", &queue_name, err) ||
        service_required(call, "jobDefinition", &definition_name, err))
        return -1;
    if (!control_find(services_control(call->services), call->arena, STR("aws.batch.job_queue"), call->region,
            queue_name, &queue))
        return batch_refuse(err, "Job queue", queue_name);
    if (!service_definition(call, STR("aws.batch.job_definition"), definition_name, &definition))
        return batch_refuse(err, "Job definition", definition_name);
    if (value_getz(call->input, "arrayProperties"))
        return service_refuse(err, 400, "ClientException", "the sandbox runs no array jobs");
    struct str id = uuid_random(call->arena);
    const struct task_options options = {.kind = &kind,
        .region = call->region,
        .owner = queue.id,
        .id = id,
        .request = make_request(call, &definition, id),
        .wait_for = ids_of(call->arena, value_getz(call->input, "dependsOn"))};
    if (task_start(call->services, &options, call->wants_activity ? &call->activity : NULL, &why))
        return service_refuse(err, 400, "ClientException", "%s", why.message);
    const struct value_entry entries[] = {{STR("jobArn"), value_getz(options.request, "arn")},
        {STR("jobName"), value_string(call->arena, name)}, {STR("jobId"), value_string(call->arena, id)}};
    call->output = value_map(call->arena, entries, 3);
    return 0;
}

static int batch_describe(struct service_call *call, struct err *err)
{
    const struct value *ids = value_getz(call->input, "jobs");
    struct value_builder list = VALUE_BUILDER(call->arena);
    if (!ids || ids->kind != VALUE_LIST || ids->count > MAX_SHOWN)
        return service_refuse(err, 400, "ClientException", "jobs has up to %d ids", MAX_SHOWN);
    for (uint32_t i = 0; i < ids->count; i++) {
        struct task_info info;
        struct str id = path_base(value_text(ids->items[i], STR_EMPTY));
        if (task_find(call->services, call->arena, kind.name, call->region, STR_EMPTY, id, &info))
            value_builder_add(&list, batch_view(&info, call->arena));
    }
    const struct value_entry services = {STR("jobs"), value_builder_list(&list)};
    call->output = value_map(call->arena, &services, 1);
    return 0;
}

/* Without filters it is the running ones that are meant, or those with jobStatus. */
static bool is_listed(const struct service_call *call, const struct task_info *info)
{
    const struct value *filters = value_getz(call->input, "filters");
    struct str status = value_text(value_getz(call->input, "jobStatus"), STR("RUNNING"));
    for (uint32_t i = 0; filters && filters->kind == VALUE_LIST && i < filters->count; i++) {
        struct str by = value_gets(filters->items[i], "name");
        const struct value *values = value_getz(filters->items[i], "values");
        const char *member = str_eqz(by, "JOB_DEFINITION") ? "definition" : "jobName";
        bool any = false;
        for (uint32_t k = 0; values && values->kind == VALUE_LIST && k < values->count; k++)
            any = any || value_equal(values->items[k], value_getz(info->request, member)) ||
                  value_equal(values->items[k], value_getz(info->request, "jobDefinition"));
        if (!any)
            return false;
    }
    return filters || str_eqz(status, states[info->state]);
}

static int batch_list(struct service_call *call, struct err *err)
{
    struct control_record queue;
    struct str name;
    size_t n, kept = 0, first, end;
    const struct value *next;
    if (service_required(call, "jobQueue", &name, err))
        return -1;
    if (!control_find(services_control(call->services), call->arena, STR("aws.batch.job_queue"), call->region,
            name, &queue))
        return batch_refuse(err, "Job queue", name);
    struct task_info *all = task_list(call->services, call->arena, kind.name, call->region, queue.id, &n);
    for (size_t i = 0; i < n; i++)
        if (is_listed(call, &all[i]))
            all[kept++] = all[i];
    if (service_page(call, "nextToken", "maxResults", MAX_SHOWN, kept, &first, &end, &next, err))
        return -1;
    struct value_builder services = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    for (size_t i = first; i < end; i++) {
        struct value_builder one = VALUE_BUILDER(call->arena);
        show_common(&one, &all[i]);
        view_set(&one, "container", container_of(&all[i], call->arena, false));
        value_builder_add(&services, value_builder_map(&one));
    }
    value_builder_set(&b, STR("jobSummaryList"), value_builder_list(&services));
    view_set(&b, "nextToken", next);
    call->output = value_builder_map(&b);
    return 0;
}

/* CancelJob leaves alone what runs already. */
static int batch_stop(struct service_call *call, bool running_too, struct err *err)
{
    struct str id, reason;
    struct task_info info;
    if (service_required(call, "jobId", &id, err) || service_required(call, "reason", &reason, err))
        return -1;
    id = path_base(id);
    bool known = task_find(call->services, call->arena, kind.name, call->region, STR_EMPTY, id, &info);
    if (known && (running_too || info.state < ACTIVITY_RUNNING))
        task_stop(call->services, kind.name, call->region, id, reason);
    return 0; /* the service answers the same to ids that are none */
}

static int terminate(struct service_call *call, struct err *err)
{
    return batch_stop(call, true, err);
}

static int batch_cancel(struct service_call *call, struct err *err)
{
    return batch_stop(call, false, err);
}

const struct service_operation batch_operations[] = {
    {"batch", "SubmitJob", submit, "POST /v1/submitjob", NULL},
    {"batch", "DescribeJobs", batch_describe, "POST /v1/describejobs", NULL},
    {"batch", "ListJobs", batch_list, "POST /v1/listjobs", NULL},
    {"batch", "TerminateJob", terminate, "POST /v1/terminatejob", NULL},
    {"batch", "CancelJob", batch_cancel, "POST /v1/canceljob", NULL},
    {0},
};
