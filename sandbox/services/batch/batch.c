/* Batch: jobs, each a container (container.h), array jobs, and job queues. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "sandbox/engine/script.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/container.h"

#include <inttypes.h>

/*
 * ---- Array jobs: a parent job starts a child for each index and waits for all children. A child has the id
 * "PARENT:INDEX" and its index in AWS_BATCH_JOB_ARRAY_INDEX. The parent fails if any child failed, after all
 * have ended. Stopping the parent stops its children.
 */

static const struct task_kind batch_kind; /* kind of a child */

enum { SIZE_MIN = 2, SIZE_MAX_HERE = 1000, LOOK_MS = 100, MAX_SHOWN = 100, MAX_RESULT = 64 * 1024 };

/* Reads arrayProperties of SubmitJob; 0: not an array job. */
static int array_read_size(const struct service_call *call, int64_t *size, struct err *err)
{
    const struct value *properties = value_getz(call->input, "arrayProperties");
    *size = service_int(properties, "size", 0);
    if (!properties || (*size >= SIZE_MIN && *size <= SIZE_MAX_HERE))
        return 0;
    return service_refuse(err, 400, "ClientException",
        "the size of an array job must be from %d to %d in the sandbox", SIZE_MIN, SIZE_MAX_HERE);
}

/* Returns the parent of a child's id, or "" if the id is not a child's. */
static struct str array_parent(struct str id)
{
    ptrdiff_t colon = str_find_char(id, ':', 0);
    return colon < 0 ? STR_EMPTY : str_slice(id, 0, (size_t)colon);
}

/* ---- running an array job ---- */

static struct str child_id(struct arena *arena, const struct task_info *parent, int64_t index)
{
    return arena_printf(arena, "%.*s:%" PRId64, STR_ARG(parent->id), index);
}

/* Returns the jobs a child waits for: the previous child (SEQUENTIAL), or other arrays' children of its index
 * (N_TO_N). */
static const struct value *child_waits(
    struct arena *arena, const struct value *depends, const struct task_info *parent, int64_t index)
{
    struct value_builder b = VALUE_BUILDER(arena);
    depends = value_as_list(depends);
    for (uint32_t i = 0; i < depends->count; i++) {
        struct str type = value_gets(depends->items[i], "type");
        const struct task_info other = {.id = value_gets(depends->items[i], "jobId")};
        if (str_eqz(type, "SEQUENTIAL") && index > 0)
            value_builder_add(&b, value_string(arena, child_id(arena, parent, index - 1)));
        if (str_eqz(type, "N_TO_N"))
            value_builder_add(&b, value_string(arena, child_id(arena, &other, index)));
    }
    return value_builder_list(&b);
}

/* True if every array that the children depend on (N_TO_N) has started all its children, or has ended. */
static bool others_have_begun(struct services *services, const struct task_info *self, int64_t size)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *depends = value_as_list(value_getz(self->request, "dependsOn"));
    for (uint32_t i = 0; i < depends->count; i++) {
        struct task_info other, child, named = {.id = value_gets(depends->items[i], "jobId")};
        bool waits = str_eqz(value_gets(depends->items[i], "type"), "N_TO_N");
        if (waits &&
            task_find(services, &arena, batch_kind.name, self->region, STR_EMPTY, named.id, &other) &&
            other.state < ACTIVITY_SUCCEEDED &&
            !task_find(services, &arena, batch_kind.name, self->region, STR_EMPTY,
                child_id(&arena, &named, size - 1), &child))
            return false;
    }
    return true;
}

static int start_child(struct services *services, struct arena *arena, const struct task_info *parent,
    int64_t index, struct err *err)
{
    const struct value *request = value_with(arena, parent->request, STR("arraySize"), NULL);
    const char *const numbered[] = {"arn", "stream"};
    const char marks[] = {':', '-'};
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++)
        request = value_with(arena, request, str_z(numbered[i]),
            value_string(arena, arena_printf(arena, "%.*s%c%" PRId64,
                                    STR_ARG(value_gets(request, numbered[i])), marks[i], index)));
    const struct task_options options = {.kind = &batch_kind,
        .region = parent->region,
        .owner = parent->owner,
        .id = child_id(arena, parent, index),
        .request = value_with(arena, request, STR("arrayIndex"), value_int(arena, index)),
        .wait_for = child_waits(arena, value_getz(request, "dependsOn"), parent, index)};
    return task_start(services, &options, NULL, err);
}

struct children {
    int64_t going, failed;
};

static struct children look_at_children(
    struct services *services, const struct task_info *parent, int64_t size, bool stop)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct children seen = {0};
    for (int64_t i = 0; i < size; i++) {
        struct task_info child = {.state = ACTIVITY_FAILED};
        struct str id = child_id(&scratch, parent, i);
        task_find(services, &scratch, batch_kind.name, parent->region, STR_EMPTY, id, &child);
        seen.going += child.state < ACTIVITY_SUCCEEDED;
        seen.failed += child.state > ACTIVITY_SUCCEEDED;
        if (stop && child.state < ACTIVITY_SUCCEEDED)
            task_stop(services, batch_kind.name, parent->region, id, STR("Dependent Job was terminated"));
    }
    return seen;
}

/* The parent's work; `arraySize` is in its request. */
static void array_work(struct task *task)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct services *services = task_jobs(task);
    const struct task_info *self = task_self(task);
    int64_t size = service_int(self->request, "arraySize", 0), started = 0;
    struct err err = ERR_INIT;
    struct children seen;
    task_running(task);
    while (!others_have_begun(services, self, size) && !atomic_load(&task_switch(task)->stop_requested) &&
           services_sleep(services, LOOK_MS))
        ;
    while (started < size && !start_child(services, &arena, self, started, &err))
        started++;
    do
        seen = look_at_children(services, self, started, atomic_load(&task_switch(task)->stop_requested) > 0);
    while (seen.going && services_sleep(services, LOOK_MS));
    if (started < size)
        task_end(task, ACTIVITY_FAILED, -1, "%s", err.message);
    else if (seen.failed || seen.going)
        task_end(task, ACTIVITY_FAILED, -1, "Array Child Job failed");
    else
        task_end(task, ACTIVITY_SUCCEEDED, -1, "%s", "");
}

/* ---- views of an array job ---- */

static const struct value *summary_of(
    struct services *services, struct arena *arena, const struct task_info *parent, const char *const *states)
{
    size_t n;
    const struct task_info *all =
        task_list(services, arena, batch_kind.name, parent->region, parent->owner, &n);
    const struct value *summary = &value_empty_map;
    for (size_t i = 0; i < n; i++)
        if (str_eq(array_parent(all[i].id), parent->id))
            summary = value_with(arena, summary, str_z(states[all[i].state]),
                value_int(arena, service_int(summary, states[all[i].state], 0) + 1));
    return summary;
}

/* Returns arrayProperties of a parent or child, or NULL for other jobs. */
static const struct value *array_view(
    struct services *services, struct arena *arena, const struct task_info *info, const char *const *states)
{
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *index = value_getz(info->request, "arrayIndex"),
                       *size = value_getz(info->request, "arraySize");
    if (index)
        view_set(&b, "index", index);
    else if (size)
        view_set(&b, "size", size);
    if (size)
        view_set(&b, "statusSummary", summary_of(services, arena, info, states));
    return index || size ? value_builder_map(&b) : NULL;
}

/* ---- the request of a job's task ---- */

/* Replaces "Ref::name" in a command by the parameter's value. */
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

/* Returns the job's own retry strategy, or its definition's. */
static const struct value *retry_strategy(
    const struct service_call *call, const struct control_record *definition)
{
    const struct value *own = value_getz(call->input, "retryStrategy");
    const struct value *attempts = value_getz(definition->attrs, "attempts");
    const struct value *rules = control_kept(definition, "retryStrategy.evaluateOnExit");
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (own)
        return own;
    view_set(&b, "attempts", attempts);
    view_set(&b, "evaluateOnExit", rules);
    return value_builder_map(&b);
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
        container_environment(arena, value_getz(container, "environment"), value_getz(over, "environment"));
    struct str name = value_gets(definition->attrs, "name");
    struct value_builder b = VALUE_BUILDER(arena);
    view_members(&b, call->input, "jobName jobQueue dependsOn");
    view_text(&b, "jobDefinition", definition->id);
    view_text(&b, "definition", name);
    view_text(&b, "arn",
        arena_printf(arena, "arn:aws:batch:%.*s:%.*s:job/%.*s", STR_ARG(call->region),
            STR_ARG(services_account(call->services)), STR_ARG(id)));
    view_text(&b, "group", STR("/aws/batch/job"));
    view_text(&b, "stream", arena_printf(arena, "%.*s/default/%.*s", STR_ARG(name), STR_ARG(id)));
    view_members(&b, container, "image role=job_role executionRole=execution_role");
    view_set(
        &b, "command", fill_command(arena, command ? command : value_getz(container, "command"), parameters));
    view_set(&b, "environment", environment);
    view_set(&b, "parameters", parameters ? parameters : &value_empty_map);
    view_set(&b, "retryStrategy", retry_strategy(call, definition));
    view_int(&b, "memory",
        memory_of(value_getz(container, "resources"), value_getz(over, "resourceRequirements")));
    view_int(&b, "timeout",
        service_int(value_getz(call->input, "timeout"), "attemptDurationSeconds",
            service_int(definition->attrs, "timeout", 0)));
    return value_builder_map(&b);
}

/* ---- running a job ---- */

/* Returns the job's first role that does not trust ECS, which runs the job, or "". */
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

/* Compares with a pattern, in which only a star at the end is special; without case. */
static bool fits(const struct value *pattern, struct str text)
{
    struct str wanted = value_text(pattern, STR_EMPTY);
    bool open = str_ends(wanted, STR("*"));
    wanted = str_slice(wanted, 0, wanted.n - open);
    return !pattern || str_ieq(wanted, open && text.n > wanted.n ? str_slice(text, 0, wanted.n) : text);
}

/* The first rule of evaluateOnExit that matches decides; without one, a failed attempt is repeated. */
static bool is_repeated(
    const struct value *strategy, const struct container_attempt *attempt, struct str code)
{
    const struct value *rules = value_as_list(value_getz(strategy, "evaluateOnExit"));
    if (attempt->number >= service_int(strategy, "attempts", 1))
        return false;
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct value *rule = rules->items[i];
        if (fits(value_getz(rule, "onExitCode"), code) && fits(value_getz(rule, "onReason"), STR_EMPTY) &&
            fits(value_getz(rule, "onStatusReason"), str_z(attempt->reason)))
            return str_ieq(value_gets(rule, "action"), STR("RETRY"));
    }
    return true;
}

static const struct value *attempts_of(
    struct services *services, struct arena *arena, const struct task_info *info)
{
    struct str text, path = task_result(services, arena, batch_kind.name, info->region, info->id);
    const struct value *attempts;
    bool there = !file_read(arena, path.p, MAX_RESULT, &text, ERR_IGNORED) &&
                 !json_parse(arena, text, &attempts, ERR_IGNORED);
    return there ? attempts : &value_empty_list;
}

/* Adds the attempt to the job's result. */
static bool attempt_ended(struct task *task, const struct container_attempt *attempt)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    const struct task_info *self = task_self(task);
    const struct value *before = attempts_of(task_jobs(task), &arena, self);
    struct value_builder all = VALUE_BUILDER(&arena), container = VALUE_BUILDER(&arena),
                         b = VALUE_BUILDER(&arena);
    view_int(&container, "exitCode", attempt->code);
    view_set(&container, "logStreamName", value_getz(self->request, "stream"));
    view_set(&b, "container", value_builder_map(&container));
    view_int(&b, "startedAt", attempt->started_ms);
    view_int(&b, "stoppedAt", clock_wall_ms());
    view_text(&b, "statusReason", str_z(attempt->reason));
    for (uint32_t i = 0; i < before->count; i++)
        value_builder_add(&all, before->items[i]);
    value_builder_add(&all, value_builder_map(&b));
    json_write(&text, value_builder_list(&all), JSON_PLAIN);
    struct str path = task_result(task_jobs(task), &arena, batch_kind.name, self->region, self->id);
    file_write_atomic(path.p, buf_str(&text), 0600, ERR_IGNORED);
    return is_repeated(
        value_getz(self->request, "retryStrategy"), attempt, arena_printf(&arena, "%d", attempt->code));
}

static void batch_work(struct task *task)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct task_info *self = task_self(task);
    struct str untrusting = untrusting_role(task, &arena);
    const struct value *index = value_getz(self->request, "arrayIndex");
    struct container_variable variables[] = {
        {"AWS_BATCH_JOB_ID", self->id}, {"AWS_BATCH_JQ_NAME", path_base(self->owner)}, {0}, {0}};
    if (index)
        variables[2] = (struct container_variable){
            "AWS_BATCH_JOB_ARRAY_INDEX", arena_printf(&arena, "%" PRId64, index->integer)};
    if (untrusting.n)
        task_end(task, ACTIVITY_FAILED, -1,
            "ECS was unable to assume the role '%.*s' that was provided for this task. Please verify that "
            "the role being passed has the proper trust relationship and permissions and that your IAM user "
            "has permissions to pass this role.",
            STR_ARG(untrusting));
    else
        container_work(task, &(struct container){.noun = "job",
                                 .refusal = "",
                                 .variables = variables,
                                 .attempt_variable = "AWS_BATCH_JOB_ATTEMPT",
                                 .attempt_ended = attempt_ended});
}

/* ---- views; times are in milliseconds ---- */

static const char *const states[] =
    ACTIVITY_NAMES("PENDING", "RUNNABLE", "RUNNING", "RUNNING", "SUCCEEDED", "FAILED", "FAILED", "FAILED");

static const struct value *pairs_of(struct arena *arena, const struct value *map)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; map && i < map->count; i++)
        value_builder_add(&b, VALUE_MAP(arena, {STR("name"), value_string(arena, map->entries[i].key)},
                                  {STR("value"), map->entries[i].value}));
    return value_builder_list(&b);
}

static const struct value *container_of(const struct task_info *info, struct arena *arena, bool whole)
{
    struct value_builder b = VALUE_BUILDER(arena);
    if (info->exit_code >= 0)
        view_int(&b, "exitCode", info->exit_code);
    if (whole) {
        view_members(&b, info->request, "image command");
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
    view_members(b, info->request, "jobName jobDefinition");
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
    view_set(&b, "retryStrategy", value_getz(info->request, "retryStrategy"));
    view_set(&b, "container", container_of(info, arena, true));
    return value_builder_map(&b);
}

static const struct task_kind batch_kind = {.name = "batch", .work = batch_work, .view = batch_view};

static const struct task_kind array_kind = {
    .name = "batch", .waits = true, .work = array_work, .view = batch_view};

/* ---- operations ---- */

static int batch_refuse(struct err *err, const char *what, struct str name)
{
    return service_refuse(err, 400, "ClientException", "%s %.*s does not exist", what, STR_ARG(name));
}

/* Returns the jobs to wait for. An N_TO_N dependency of an array is waited for by its children instead. */
static const struct value *ids_of(struct arena *arena, const struct value *depends, bool array)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; depends && depends->kind == VALUE_LIST && i < depends->count; i++)
        if (value_gets(depends->items[i], "jobId").n &&
            !(array && str_eqz(value_gets(depends->items[i], "type"), "N_TO_N")))
            value_builder_add(&b, value_getz(depends->items[i], "jobId"));
    return value_builder_list(&b);
}

static int submit(struct service_call *call, struct err *err)
{
    struct control_record queue, definition = {.attrs = NULL};
    struct str name = value_gets(call->input, "jobName"), queue_name = value_gets(call->input, "jobQueue"),
               definition_name = value_gets(call->input, "jobDefinition");
    struct err why = ERR_INIT;
    if (!service_find(call, STR("aws.batch.job_queue"), queue_name, &queue))
        return batch_refuse(err, "Job queue", queue_name);
    if (str_eqz(value_gets(queue.attrs, "state"), "DISABLED"))
        return service_refuse(err, 400, "ClientException", "Job queue %.*s is disabled", STR_ARG(queue_name));
    if (!service_definition(call, STR("aws.batch.job_definition"), definition_name, &definition))
        return batch_refuse(err, "Job definition", definition_name);
    int64_t size;
    if (array_read_size(call, &size, err))
        return -1;
    struct str id = uuid_random(call->arena);
    const struct value *request = make_request(call, &definition, id);
    const struct task_options options = {.kind = size ? &array_kind : &batch_kind,
        .region = call->region,
        .owner = queue.id,
        .id = id,
        .request =
            size ? value_with(call->arena, request, STR("arraySize"), value_int(call->arena, size)) : request,
        .wait_for = ids_of(call->arena, value_getz(call->input, "dependsOn"), size > 0)};
    if (task_call_start(call, &options, &why))
        return service_refuse(err, 400, "ClientException", "%s", why.message);
    call->output = VALUE_MAP(call->arena, {STR("jobArn"), value_getz(options.request, "arn")},
        {STR("jobName"), value_string(call->arena, name)}, {STR("jobId"), value_string(call->arena, id)});
    return 0;
}

static const struct value *with_array(
    const struct service_call *call, const struct task_info *info, const struct value *shown)
{
    const struct value *array = array_view(call->services, call->arena, info, states);
    return array ? value_with(call->arena, shown, STR("arrayProperties"), array) : shown;
}

static int batch_describe(struct service_call *call, struct err *err)
{
    const struct value *ids;
    struct value_builder list = VALUE_BUILDER(call->arena);
    if (service_list_within(call, "jobs", 0, MAX_SHOWN, &ids, err))
        return -1;
    for (uint32_t i = 0; i < ids->count; i++) {
        struct task_info info;
        struct str id = path_base(value_text(ids->items[i], STR_EMPTY));
        if (task_call_find(call, batch_kind.name, STR_EMPTY, id, &info))
            value_builder_add(
                &list, value_with(call->arena, with_array(call, &info, batch_view(&info, call->arena)),
                           STR("attempts"), attempts_of(call->services, call->arena, &info)));
    }
    service_answer(call, "jobs", value_builder_list(&list));
    return 0;
}

/* Compares with a name, or with a prefix if the pattern ends with *. */
static bool is_like(struct str text, struct str pattern, bool any_case)
{
    if (str_ends(pattern, STR("*"))) {
        pattern = str_slice(pattern, 0, pattern.n - 1);
        text = str_slice(text, 0, pattern.n < text.n ? pattern.n : text.n);
    }
    return any_case ? str_ieq(text, pattern) : str_eq(text, pattern);
}

/* Children are listed only with arrayJobId. Without filters, jobs in jobStatus (default RUNNING) are
 * listed. */
static bool is_listed(const struct service_call *call, const struct task_info *info)
{
    const struct value *filters = value_getz(call->input, "filters");
    if (!str_eq(array_parent(info->id), value_text(value_getz(call->input, "arrayJobId"), STR_EMPTY)))
        return false;
    struct str status = value_text(value_getz(call->input, "jobStatus"), STR("RUNNING"));
    for (uint32_t i = 0; filters && filters->kind == VALUE_LIST && i < filters->count; i++) {
        struct str by = value_gets(filters->items[i], "name");
        const struct value *values = value_getz(filters->items[i], "values");
        bool definition = str_eqz(by, "JOB_DEFINITION"), any = false;
        struct str name = value_gets(info->request, definition ? "definition" : "jobName");
        for (uint32_t k = 0; values && values->kind == VALUE_LIST && k < values->count; k++)
            any = any || is_like(name, value_text(values->items[k], STR_EMPTY), !definition) ||
                  (definition && value_equal(values->items[k], value_getz(info->request, "jobDefinition")));
        if (!any)
            return false;
    }
    return filters || str_eqz(status, states[info->state]);
}

static int batch_list(struct service_call *call, struct err *err)
{
    struct control_record queue;
    struct str name;
    size_t n;
    struct value_builder list = VALUE_BUILDER(call->arena);
    bool children = value_getz(call->input, "arrayJobId");
    queue.id = STR_EMPTY;
    if (!children && service_required(call, "jobQueue", &name, err))
        return -1;
    if (!children && !service_find(call, STR("aws.batch.job_queue"), name, &queue))
        return batch_refuse(err, "Job queue", name);
    const struct value *filters = value_as_list(value_getz(call->input, "filters"));
    for (uint32_t i = 0; i < filters->count; i++)
        if (!str_is_any(value_gets(filters->items[i], "name"), "JOB_NAME JOB_DEFINITION"))
            return service_refuse(err, 400, "ClientException", "ListJobs: the sandbox does not know %.*s",
                STR_ARG(value_gets(filters->items[i], "name")));
    const struct task_info *all = task_call_list(call, batch_kind.name, queue.id, &n);
    for (size_t i = 0; i < n; i++) {
        struct value_builder one = VALUE_BUILDER(call->arena);
        if (!is_listed(call, &all[i]))
            continue;
        show_common(&one, &all[i]);
        view_set(&one, "container", container_of(&all[i], call->arena, false));
        value_builder_add(&list, with_array(call, &all[i], value_builder_map(&one)));
    }
    return service_answer_page(call, "jobSummaryList", value_builder_list(&list), MAX_SHOWN, err);
}

/* CancelJob does not stop a running job. */
static int batch_stop(struct service_call *call, struct err *err UNUSED)
{
    struct str id = value_gets(call->input, "jobId"), reason = value_gets(call->input, "reason");
    struct task_info info;
    id = path_base(id);
    bool known = task_call_find(call, batch_kind.name, STR_EMPTY, id, &info);
    if (known && (service_is(call, "TerminateJob") || info.state < ACTIVITY_RUNNING))
        task_call_stop(call, batch_kind.name, id, reason);
    return 0; /* the service gives the same response to unknown ids */
}

/* The definition is named by its ARN, or by name and revision. */
static int deregister(struct service_call *call, struct err *err UNUSED)
{
    struct control_record definition = {.attrs = NULL};
    struct str name = value_gets(call->input, "jobDefinition");
    call->forward = call->input;
    if (service_definition(call, STR("aws.batch.job_definition"), name, &definition))
        call->forward = value_with(
            call->arena, call->input, STR("jobDefinition"), value_string(call->arena, definition.id));
    return 0;
}

const struct service_operation batch_operations[] = {
    {"batch", "DeregisterJobDefinition", deregister},
    {"batch", "SubmitJob", submit},
    {"batch", "DescribeJobs", batch_describe},
    {"batch", "ListJobs", batch_list},
    {"batch", "TerminateJob", batch_stop},
    {"batch", "CancelJob", batch_stop},
    {0},
};
