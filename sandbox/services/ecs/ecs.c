/*
 * ECS: tasks with one container whose image is "local", or begins with "local/", run its command on this
 * machine. Other tasks stop with an error, since the sandbox has no containers. Services start no tasks.
 */
#include "base/file.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/container.h"

enum { MAX_SHOWN = 100, MAX_TASKS = 10 };

/* ---- the request of a task ---- */

struct asked {
    struct str cluster, id; /* cluster: its name */
    struct control_record definition;
};

static const struct value *override_of(const struct service_call *call, struct str container)
{
    const struct value *all = value_getz(value_getz(call->input, "overrides"), "containerOverrides");
    return value_list_find(all, "name", container);
}

/* Returns the container's entry point and command. */
static const struct value *command_of(
    struct arena *arena, const struct value *container, const struct value *over)
{
    const struct value *parts[] = {value_getz(container, "entry_point"),
        value_getz(over, "command") ? value_getz(over, "command") : value_getz(container, "command")};
    struct value_builder b = VALUE_BUILDER(arena);
    for (size_t p = 0; p < 2; p++)
        for (uint32_t i = 0; parts[p] && parts[p]->kind == VALUE_LIST && i < parts[p]->count; i++)
            value_builder_add(&b, parts[p]->items[i]);
    return value_builder_list(&b);
}

static struct str arn_of(
    const struct service_call *call, const char *what, struct str cluster, struct str name)
{
    return arena_printf(call->arena, "arn:aws:ecs:%.*s:%.*s:%s/%.*s%s%.*s", STR_ARG(call->region),
        STR_ARG(services_account(call->services)), what, STR_ARG(cluster), name.n ? "/" : "", STR_ARG(name));
}

static void set_log(
    struct value_builder *b, struct arena *arena, const struct value *container, struct str id)
{
    const struct value *options = value_getz(container, "log_options");
    struct str prefix = value_gets(options, "awslogs-stream-prefix");
    if (!str_eqz(value_gets(container, "log_driver"), "awslogs") || !value_gets(options, "awslogs-group").n)
        return;
    view_set(b, "group", value_getz(options, "awslogs-group"));
    view_text(b, "stream",
        prefix.n ? arena_printf(arena, "%.*s/%.*s/%.*s", STR_ARG(prefix),
                       STR_ARG(value_gets(container, "name")), STR_ARG(id))
                 : id);
}

/* Sets the launch type, or that of the first capacity provider. */
static void set_launch(struct value_builder *b, const struct service_call *call)
{
    const struct value *providers = value_as_list(value_getz(call->input, "capacityProviderStrategy"));
    struct str provider = providers->count ? value_gets(providers->items[0], "capacityProvider") : STR_EMPTY;
    if (!provider.n) {
        view_members(b, call->input, "launchType");
        return;
    }
    view_text(b, "capacityProviderName", provider);
    view_text(b, "launchType", str_starts(provider, STR("FARGATE")) ? STR("FARGATE") : STR("EC2"));
}

static const struct value *make_request(const struct service_call *call, const struct asked *asked)
{
    struct arena *arena = call->arena;
    const struct value *attrs = asked->definition.attrs, *all = value_getz(attrs, "containers");
    const struct value *container = all && all->kind == VALUE_LIST && all->count ? all->items[0] : NULL;
    struct str name = value_gets(container, "name");
    const struct value *over = override_of(call, name);
    const struct value *role = value_getz(value_getz(call->input, "overrides"), "taskRoleArn");
    const struct value *memory = value_getz(attrs, "memory");
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "arn", arn_of(call, "task", asked->cluster, asked->id));
    view_text(&b, "cluster", arn_of(call, "cluster", asked->cluster, STR_EMPTY));
    view_text(&b, "definition", asked->definition.id);
    view_members(&b, attrs, "family=name cpu");
    view_set(&b, "size", memory);
    set_launch(&b, call);
    view_members(&b, call->input, "taskGroup=group startedBy overrides tags");
    view_text(&b, "container", name);
    view_int(&b, "containers", all ? all->count : 0);
    view_set(&b, "image", value_getz(container, "image"));
    view_set(&b, "role", role ? role : value_getz(attrs, "task_role"));
    view_set(&b, "command", command_of(arena, container, over));
    view_set(&b, "environment",
        container_environment(arena, value_getz(container, "environment"), value_getz(over, "environment")));
    view_int(&b, "memory", service_int(container, "memory", memory ? service_int(attrs, "memory", 0) : 0));
    set_log(&b, arena, container, asked->id);
    return value_builder_map(&b);
}

/* ---- running a task ---- */

static void work(struct task *task)
{
    static const struct container container = {.noun = "task", .refusal = "CannotPullContainerError: "};
    if (service_int(task_self(task)->request, "containers", 0) > 1)
        task_end(task, ACTIVITY_FAILED, -1, "the sandbox runs tasks of one container");
    else
        container_work(task, &container);
}

/* ---- views ---- */

static const char *status_of(const struct task_info *info)
{
    static const char *const states[] = ACTIVITY_NAMES(
        "PROVISIONING", "PENDING", "RUNNING", "DEACTIVATING", "STOPPED", "STOPPED", "STOPPED", "STOPPED");
    return states[info->state];
}

/* Returns the stop code. */
static const char *code_of(const struct task_info *info)
{
    return info->state == ACTIVITY_STOPPED ? "UserInitiated"
           : info->exit_code < 0           ? "TaskFailedToStart"
                                           : "EssentialContainerExited";
}

static const struct value *container_of(const struct task_info *info, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_members(&b, info->request, "taskArn=arn name=container image");
    view_text(&b, "lastStatus", str_z(info->ended_ms || info->started_ms ? status_of(info) : "PENDING"));
    if (info->exit_code >= 0 && info->ended_ms)
        view_int(&b, "exitCode", info->exit_code);
    return value_builder_map(&b);
}

static void show_times(struct value_builder *b, const struct service_call *call, const struct task_info *info)
{
    view_set(b, "createdAt", service_time(call, info->created_ms));
    if (info->started_ms)
        view_set(b, "startedAt", service_time(call, info->started_ms));
    if (info->ended_ms)
        view_set(b, "stoppedAt", service_time(call, info->ended_ms));
}

static struct str group_of(struct arena *arena, const struct task_info *info)
{
    struct str own = value_gets(info->request, "taskGroup");
    return own.n ? own : arena_printf(arena, "family:%.*s", STR_ARG(value_gets(info->request, "family")));
}

static const struct value *view_task(const struct service_call *call, const struct task_info *info)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    const struct value *container = container_of(info, call->arena);
    bool ended = str_eqz(str_z(status_of(info)), "STOPPED");
    view_members(
        &b, info->request, "taskArn=arn clusterArn=cluster taskDefinitionArn=definition memory=size");
    view_text(&b, "group", group_of(call->arena, info));
    view_members(&b, info->request, "cpu launchType capacityProviderName startedBy overrides tags");
    view_text(&b, "lastStatus", str_z(status_of(info)));
    view_text(&b, "desiredStatus", ended ? STR("STOPPED") : STR("RUNNING"));
    if (ended) {
        view_text(&b, "stopCode", str_z(code_of(info)));
        view_text(&b, "stoppedReason", info->message);
    }
    view_set(&b, "containers", value_list(call->arena, &container, 1));
    show_times(&b, call, info);
    return value_builder_map(&b);
}

/* View for callers inside the sandbox that wait for the task, such as state machines. */
static const struct value *view(const struct task_info *info, struct arena *arena)
{
    const struct service_call call = {.arena = arena, .protocol = WIRE_JSON11};
    return view_task(&call, info);
}

static const struct task_kind kind = {.name = "ecs", .work = work, .view = view};

/* ---- operations ---- */

/* Finds the cluster by name or ARN; without one, "default". */
static int find_cluster(struct service_call *call, struct str *out, struct err *err)
{
    struct control_record found;
    struct str name = value_text(value_getz(call->input, "cluster"), STR("default"));
    *out = path_base(name);
    return service_find(call, STR("aws.ecs.cluster"), *out, &found)
               ? 0
               : service_refuse(err, 400, "ClusterNotFoundException", "Cluster not found.");
}

static void answer_tasks(
    struct service_call *call, struct value_builder *tasks, struct value_builder *failures)
{
    service_answer(call, "tasks", value_builder_list(tasks));
    service_answer(call, "failures", value_builder_list(failures));
}

/* Starts one of the request's tasks; with a known client token, reports the existing task. */
static int start_one(struct service_call *call, struct asked *asked, int64_t number,
    struct value_builder *tasks, struct err *err)
{
    struct err why = ERR_INIT;
    struct task_info info;
    struct str token = value_gets(call->input, "clientToken");
    if (token.n)
        token = arena_printf(call->arena, "%.*s %lld", STR_ARG(token), (long long)number);
    asked->id = arena_printf(call->arena, "%.32s", task_token_digits(call, token));
    const struct task_options options = {.kind = &kind,
        .region = call->region,
        .owner = asked->cluster,
        .id = asked->id,
        .request = make_request(call, asked)};
    bool known = token.n && task_call_find(call, kind.name, STR_EMPTY, asked->id, &info);
    if (!known && task_call_start(call, &options, &why))
        return service_refuse(err, 400, "ClientException", "%s", why.message);
    if (task_call_find(call, kind.name, STR_EMPTY, asked->id, &info))
        value_builder_add(tasks, view_task(call, &info));
    return 0;
}

/* Checks the roles of the task definition: the caller may pass them, and ECS may assume them. */
static int check_task_roles(
    struct service_call *call, const struct control_record *definition, struct err *err)
{
    static const char tasks[] = "ecs-tasks.amazonaws.com";
    const struct value *overrides = value_getz(call->input, "overrides"), *attrs = definition->attrs;
    const struct str roles[] = {
        value_text(value_getz(overrides, "taskRoleArn"), value_gets(attrs, "task_role")),
        value_text(value_getz(overrides, "executionRoleArn"), value_gets(attrs, "execution_role")),
    };
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (role_may_be_passed(call, roles[i], tasks, err))
            return -1;
        if (!role_is_trusting(call->services, call->arena, roles[i], tasks))
            return service_refuse(err, 400, "ClientException",
                "ECS was unable to assume the role '%.*s' that was provided for this task. Please verify "
                "that the role being passed has the proper trust relationship and permissions and that your "
                "IAM user has permissions to pass this role.",
                STR_ARG(roles[i]));
    }
    return 0;
}

static int run_task(struct service_call *call, struct err *err)
{
    struct asked asked = {.definition = {.attrs = NULL}};
    struct str name = value_gets(call->input, "taskDefinition");
    int64_t count = service_int(call->input, "count", 1);
    struct value_builder tasks = VALUE_BUILDER(call->arena), none = VALUE_BUILDER(call->arena);
    if (find_cluster(call, &asked.cluster, err))
        return -1;
    if (!service_definition(call, STR("aws.ecs.task_definition"), name, &asked.definition))
        return service_refuse(err, 400, "ClientException", "TaskDefinition not found.");
    if (count < 1 || count > MAX_TASKS)
        return service_refuse(err, 400, "InvalidParameterException", "count is 1 to %d", MAX_TASKS);
    if (check_task_roles(call, &asked.definition, err))
        return -1;
    for (int64_t i = 0; i < count; i++)
        if (start_one(call, &asked, i, &tasks, err))
            return -1;
    answer_tasks(call, &tasks, &none);
    return 0;
}

static int ecs_describe(struct service_call *call, struct err *err)
{
    struct str cluster;
    const struct value *ids;
    struct value_builder list = VALUE_BUILDER(call->arena), missing = VALUE_BUILDER(call->arena);
    if (find_cluster(call, &cluster, err) || service_list_within(call, "tasks", 0, MAX_SHOWN, &ids, err))
        return -1;
    for (uint32_t i = 0; i < ids->count; i++) {
        struct task_info info;
        struct str id = path_base(value_text(ids->items[i], STR_EMPTY));
        if (task_call_find(call, kind.name, cluster, id, &info)) {
            value_builder_add(&list, view_task(call, &info));
            continue;
        }
        value_builder_add(&missing,
            VALUE_MAP(call->arena, {STR("arn"), value_string(call->arena, arn_of(call, "task", cluster, id))},
                {STR("reason"), value_stringz(call->arena, "MISSING")}));
    }
    answer_tasks(call, &list, &missing);
    return 0;
}

/* Lists running tasks, or stopped ones with desiredStatus STOPPED. */
static bool is_listed(const struct service_call *call, const struct task_info *info)
{
    struct str family = value_gets(call->input, "family"), by = value_gets(call->input, "startedBy");
    struct str service = path_base(value_gets(call->input, "serviceName")),
               launch = value_gets(call->input, "launchType");
    struct str wanted = value_text(value_getz(call->input, "desiredStatus"), STR("RUNNING"));
    bool ended = str_eqz(str_z(status_of(info)), "STOPPED");
    return ended == str_eqz(wanted, "STOPPED") &&
           (!family.n || str_eq(family, value_gets(info->request, "family"))) &&
           (!launch.n || str_eq(launch, value_gets(info->request, "launchType"))) &&
           (!service.n || str_eq(group_of(call->arena, info),
                              arena_printf(call->arena, "service:%.*s", STR_ARG(service)))) &&
           (!by.n || str_eq(by, value_gets(info->request, "startedBy")));
}

static int list(struct service_call *call, struct err *err)
{
    struct str cluster;
    size_t n;
    struct value_builder arns = VALUE_BUILDER(call->arena);
    if (find_cluster(call, &cluster, err))
        return -1;
    const struct task_info *all = task_call_list(call, kind.name, cluster, &n);
    for (size_t i = 0; i < n; i++)
        if (is_listed(call, &all[i]))
            value_builder_add(&arns, value_getz(all[i].request, "arn"));
    return service_answer_page(call, "taskArns", value_builder_list(&arns), MAX_SHOWN, err);
}

static int stop(struct service_call *call, struct err *err)
{
    struct str id = value_gets(call->input, "task"), cluster;
    struct task_info info;
    if (find_cluster(call, &cluster, err))
        return -1;
    id = path_base(id);
    if (!task_call_find(call, kind.name, cluster, id, &info))
        return service_refuse(err, 400, "InvalidParameterException", "The referenced task was not found.");
    task_call_stop(
        call, kind.name, id, value_text(value_getz(call->input, "reason"), STR("Task stopped by user")));
    task_call_find(call, kind.name, cluster, id, &info);
    service_answer(call, "task", view_task(call, &info));
    return 0;
}

const struct service_operation ecs_operations[] = {
    {"ecs", "RunTask", run_task},
    {"ecs", "DescribeTasks", ecs_describe},
    {"ecs", "ListTasks", list},
    {"ecs", "StopTask", stop},
    {0},
};
