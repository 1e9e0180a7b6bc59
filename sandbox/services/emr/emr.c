/*
 * EMR on EC2: steps of command-runner.jar with spark-submit run with this machine's Spark, at most
 * step_concurrency_level of a cluster at once.
 */
#include "sandbox/services/emr/emr.h"

#include "sandbox/engine/script.h"
#include "sandbox/engine/view.h"

#include <ctype.h>

enum { MAX_SHOWN = 50, ID_BYTES = 7, LOOK_MS = 25 };

#define CLUSTER STR("aws.emr.cluster")

static const char kind_name[] = "emr-step";

int emr_cluster(
    const struct service_call *call, const char *member, struct control_record *out, struct err *err)
{
    struct str id;
    if (service_required(call, member, &id, err))
        return -1;
    if (service_find(call, CLUSTER, id, out))
        return 0;
    return service_refuse(
        err, 400, "InvalidRequestException", "Cluster id '%.*s' is not valid.", STR_ARG(id));
}

static const struct value *jar_step(const struct task_info *info)
{
    return value_getz(value_getz(info->request, "step"), "HadoopJarStep");
}

static bool has_ended(const struct task_info *info)
{
    return info->state >= ACTIVITY_SUCCEEDED;
}

static void call_cluster(struct services *services, struct arena *arena, const char *operation,
    struct str region, struct str cluster)
{
    const struct value *id = value_string(arena, cluster), *ignored;
    const struct service_request request = {.service = STR(EMR_SERVICE),
        .operation = str_z(operation),
        .region = region,
        .input = value_with(arena, NULL, STR("JobFlowIds"), value_list(arena, &id, 1))};
    services_call_control(services, arena, &request, &ignored, ERR_IGNORED);
}

/* ---- order of steps ---- */

struct turn {
    size_t before;  /* earlier steps that have not ended */
    bool cancelled; /* an earlier step failed, and its ActionOnFailure is not CONTINUE */
};

static struct turn turn_of(struct services *services, const struct task_info *self)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct turn turn = {0};
    size_t n;
    bool earlier = false;
    const struct task_info *all = task_list(services, &arena, kind_name, self->region, self->owner, &n);
    for (size_t i = 0; i < n; i++) { /* the list is newest first */
        if (earlier && !has_ended(&all[i]))
            turn.before++;
        bool failed = all[i].state == ACTIVITY_FAILED && all[i].ended_ms >= self->created_ms;
        struct str then = value_gets(value_getz(all[i].request, "step"), "ActionOnFailure");
        turn.cancelled |= earlier && failed && !str_eqz(then, "CONTINUE");
        earlier = earlier || str_eq(all[i].id, self->id);
    }
    return turn;
}

/* Waits until fewer earlier steps run than the cluster allows at once. False: the step is cancelled. */
static bool wait_for_turn(struct task *task)
{
    const struct task_info *self = task_self(task);
    struct services *services = task_jobs(task);
    for (;;) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct control_record cluster;
        struct turn turn = turn_of(services, self);
        bool there =
            control_find(services_control(services), &arena, CLUSTER, self->region, self->owner, &cluster);
        if (!there || turn.cancelled || atomic_load(&task_switch(task)->stop_requested))
            return false;
        if ((int64_t)turn.before < service_int(cluster.attrs, "step_concurrency_level", 1))
            return true;
        if (!services_sleep(services, LOOK_MS))
            return false;
    }
}

/* ---- running a step ---- */

/* True for options of spark-submit without a separate value. */
static bool has_no_value(struct str word)
{
    return str_eqz(word, "--verbose") || str_eqz(word, "-v") || str_eqz(word, "--supervise") ||
           str_find_char(word, '=', 0) >= 0;
}

/* Options that choose the cluster are dropped: the job always runs on this machine. */
static bool chooses_cluster(struct str word)
{
    return str_starts(word, STR("--deploy-mode")) || str_starts(word, STR("--master"));
}

/* Splits the arguments of command-runner.jar into options, script and arguments. False: not spark-submit. */
static bool read_submit(
    const struct value *args, struct str *options, struct str *arguments, struct script_options *out)
{
    uint32_t n = args->count, i = 1;
    if (!n || !str_eqz(value_text(args->items[0], STR_EMPTY), "spark-submit"))
        return false;
    for (; i < n; i++) {
        struct str word = value_text(args->items[i], STR_EMPTY);
        if (!str_starts(word, STR("-")))
            break;
        bool kept = !chooses_cluster(word), pair = !has_no_value(word) && i + 1 < n;
        if (kept)
            options[out->submit_count++] = word;
        if (pair && kept)
            options[out->submit_count++] = value_text(args->items[i + 1], STR_EMPTY);
        i += pair;
    }
    out->location = i < n ? value_text(args->items[i++], STR_EMPTY) : STR_EMPTY;
    for (; i < n; i++)
        arguments[out->argument_count++] = value_text(args->items[i], STR_EMPTY);
    return out->location.n > 0;
}

/* Returns the step's role, or the first role of the cluster's instance profile; "": none. */
static struct str role_of(
    struct services *services, struct arena *arena, const struct task_info *self, const struct value *cluster)
{
    struct control_record profile;
    struct str own = value_gets(self->request, "role");
    if (own.n || !control_find(services_control(services), arena, STR("aws.iam.instance_profile"), STR_EMPTY,
                     value_gets(cluster, "job_flow_role"), &profile))
        return own;
    const struct value *roles = value_getz(profile.attrs, "roles");
    bool has = roles && roles->kind == VALUE_LIST && roles->count;
    return has ? value_text(roles->items[0], STR_EMPTY) : STR_EMPTY;
}

static void run_submit(struct task *task, struct arena *arena, const struct control_record *cluster)
{
    const struct task_info *self = task_self(task);
    const struct value *jar = jar_step(self);
    const struct value *args = value_as_list(value_getz(jar, "Args"));
    struct str *options = ARENA_ARRAY(arena, struct str, args->count + 1),
               *arguments = ARENA_ARRAY(arena, struct str, args->count + 1);
    struct script_options script = {.spark = true, .submit = options, .arguments = arguments};
    if (!str_eqz(value_gets(jar, "Jar"), "command-runner.jar") ||
        !read_submit(args, options, arguments, &script)) {
        task_end(task, ACTIVITY_FAILED, -1,
            "the sandbox runs steps of command-runner.jar with spark-submit, and no others");
        return;
    }
    script.role = role_of(task_jobs(task), arena, self, cluster->attrs);
    script.session = self->id;
    script.emrfs = script_version_before(value_gets(cluster->attrs, "release_label"), 7, 10);
    script.spark_conf = spark_defaults(arena, value_getz(cluster->attrs, "configurations"), &script.notes);
    struct str stream = arena_printf(arena, "%.*s/steps/%.*s", STR_ARG(self->owner), STR_ARG(self->id));
    script.out_group = script.err_group = STR("/aws/emr");
    script.out_stream = arena_printf(arena, "%s/stdout", stream.p);
    script.err_stream = arena_printf(arena, "%s/stderr", stream.p);
    script_run(task, &script);
}

/* Terminates the cluster if the step failed and says so, or if it was the last step and the cluster is not
 * kept alive. */
static void after_step(struct task *task, struct arena *arena, const struct control_record *cluster)
{
    const struct task_info *self = task_self(task);
    struct services *services = task_jobs(task);
    struct task_info ended;
    size_t n, left = 0;
    if (services_stopping(services) ||
        !task_find(services, arena, kind_name, self->region, self->owner, self->id, &ended))
        return;
    const struct task_info *all = task_list(services, arena, kind_name, self->region, self->owner, &n);
    for (size_t i = 0; i < n; i++)
        left += !has_ended(&all[i]) && !str_eq(all[i].id, self->id);
    const struct value *stays = value_getz(cluster->attrs, "keep_alive");
    bool fatal =
             str_starts(value_gets(value_getz(self->request, "step"), "ActionOnFailure"), STR("TERMINATE")),
         over = !left && stays && stays->kind == VALUE_BOOL && !stays->boolean;
    if ((ended.state == ACTIVITY_FAILED && fatal) || over)
        call_cluster(services, arena, "TerminateJobFlows", self->region, self->owner);
}

static void step_work(struct task *task)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct task_info *self = task_self(task);
    struct control_record cluster;
    bool turn = wait_for_turn(task);
    if (!turn || !control_find(services_control(task_jobs(task)), &arena, CLUSTER, self->region, self->owner,
                     &cluster)) {
        task_end(task, ACTIVITY_STOPPED, -1, "%s", "Job terminated");
        return;
    }
    run_submit(task, &arena, &cluster);
    after_step(task, &arena, &cluster);
}

/* ---- views ---- */

static const char *const states[] =
    ACTIVITY_NAMES("PENDING", "PENDING", "RUNNING", "RUNNING", "COMPLETED", "FAILED", "FAILED", "CANCELLED");

static const struct value *status_of(const struct task_info *info, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena), times = VALUE_BUILDER(arena), why = VALUE_BUILDER(arena);
    view_text(&b, "State", str_z(states[info->state]));
    view_set(&b, "StateChangeReason", &value_empty_map);
    view_time(&times, "CreationDateTime", info->created_ms);
    view_time(&times, "StartDateTime", info->started_ms);
    view_time(&times, "EndDateTime", info->ended_ms);
    view_set(&b, "Timeline", value_builder_map(&times));
    if (info->state == ACTIVITY_FAILED || info->state == ACTIVITY_TIMEOUT) {
        view_text(&why, "Message", info->message);
        view_set(&b, "FailureDetails", value_builder_map(&why));
    }
    return value_builder_map(&b);
}

static const struct value *properties_of(struct arena *arena, const struct value *pairs)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; pairs && pairs->kind == VALUE_LIST && i < pairs->count; i++)
        view_set(&b, value_gets(pairs->items[i], "Key").p, value_getz(pairs->items[i], "Value"));
    return value_builder_map(&b);
}

static const struct value *step_view(const struct task_info *info, struct arena *arena)
{
    const struct value *step = value_getz(info->request, "step"), *jar = jar_step(info);
    struct value_builder b = VALUE_BUILDER(arena), config = VALUE_BUILDER(arena);
    view_members(&config, jar, "Jar MainClass");
    view_set(&config, "Args", value_getz(jar, "Args") ? value_getz(jar, "Args") : &value_empty_list);
    view_set(&config, "Properties", properties_of(arena, value_getz(jar, "Properties")));
    view_text(&b, "Id", info->id);
    view_set(&b, "Name", value_getz(step, "Name"));
    view_set(&b, "Config", value_builder_map(&config));
    view_set(&b, "ActionOnFailure", value_getz(step, "ActionOnFailure"));
    view_set(&b, "ExecutionRoleArn", value_getz(info->request, "role"));
    view_set(&b, "Status", status_of(info, arena));
    return value_builder_map(&b);
}

static const struct value *step_described(const struct task_info *info, struct arena *arena)
{
    return value_with(arena, NULL, STR("Step"), step_view(info, arena));
}

static const struct task_kind kind = {.name = kind_name, .work = step_work, .view = step_described};

/* ---- operations ---- */

static struct str new_id(struct arena *arena)
{
    unsigned char bytes[ID_BYTES];
    hash_random(bytes, sizeof bytes);
    struct str id = arena_printf(arena, "s-%.13s", hex_encode(arena, bytes, sizeof bytes).p);
    for (char *c = (char *)id.p + 2; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return id;
}

static int start_steps(struct service_call *call, struct str cluster, const struct value *steps,
    const struct value *role, const struct value **ids, struct err *err)
{
    AUTO_BUILDER struct value_builder made = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; steps && steps->kind == VALUE_LIST && i < steps->count; i++) {
        const struct value *step = steps->items[i];
        if (!value_getz(step, "ActionOnFailure"))
            step = value_with(
                call->arena, step, STR("ActionOnFailure"), value_stringz(call->arena, "TERMINATE_CLUSTER"));
        struct err why = ERR_INIT;
        struct value_entry request[] = {{STR("role"), role ? role : &value_null}, {STR("step"), step}};
        const struct task_options options = {.kind = &kind,
            .region = call->region,
            .owner = cluster,
            .id = new_id(call->arena),
            .request = value_map(call->arena, request, 2)};
        bool last = i + 1 == steps->count;
        if (task_start(call->services, &options, call->wants_activity && last ? &call->activity : NULL, &why))
            return service_refuse(err, 400, "ValidationException", "%s", why.message);
        value_builder_add(&made, value_string(call->arena, options.id));
    }
    *ids = value_builder_list(&made);
    return 0;
}

static int run_job_flow(struct service_call *call, struct err *err)
{
    const struct value *ids, *steps = value_getz(call->input, "Steps"),
                             *instances = value_getz(call->input, "Instances");
    if (service_control_same(call, err))
        return -1;
    struct str cluster = value_gets(call->output, "JobFlowId");
    const struct value *stays = value_getz(instances, "KeepJobFlowAliveWhenNoSteps");
    bool goes = value_is_null(stays) || (stays->kind == VALUE_BOOL && !stays->boolean);
    if (goes && !(steps && steps->count))
        call_cluster(call->services, call->arena, "TerminateJobFlows", call->region, cluster);
    return start_steps(call, cluster, steps, value_getz(call->input, "StepExecutionRoleArn"), &ids, err);
}

static int add_steps(struct service_call *call, struct err *err)
{
    struct control_record cluster;
    const struct value *ids, *steps = value_getz(call->input, "Steps");
    if (emr_cluster(call, "JobFlowId", &cluster, err))
        return -1;
    for (uint32_t i = 0; steps && steps->kind == VALUE_LIST && i < steps->count; i++)
        if (!value_gets(value_getz(steps->items[i], "HadoopJarStep"), "Jar").n)
            return service_refuse(err, 400, "ValidationException", "a step needs a jar");
    if (start_steps(call, cluster.id, steps, value_getz(call->input, "ExecutionRoleArn"), &ids, err))
        return -1;
    service_answer(call, "StepIds", ids);
    return 0;
}

static int describe_step(struct service_call *call, struct err *err)
{
    struct control_record cluster;
    struct task_info info;
    struct str id, owner = value_gets(call->input, "ClusterId");
    if (service_required(call, "StepId", &id, err))
        return -1;
    if (!task_call_find(call, kind_name, owner, id, &info))
        return emr_cluster(call, "ClusterId", &cluster, err)
                   ? -1
                   : service_refuse(
                         err, 400, "InvalidRequestException", "Step id '%.*s' is not valid.", STR_ARG(id));
    call->output = step_described(&info, call->arena);
    return 0;
}

static bool is_among(const struct value *list, struct str text)
{
    return !list || list->kind != VALUE_LIST || !list->count || value_list_has(list, text);
}

static int list_steps(struct service_call *call, struct err *err)
{
    struct str owner;
    struct control_record cluster;
    size_t n;
    const struct value *wanted = value_getz(call->input, "StepStates"),
                       *ids = value_getz(call->input, "StepIds");
    if (service_required(call, "ClusterId", &owner, err))
        return -1;
    struct task_info *all = task_call_list(call, kind_name, owner, &n);
    if (!n && emr_cluster(call, "ClusterId", &cluster, err))
        return -1;
    struct value_builder list = VALUE_BUILDER(call->arena);
    for (size_t i = 0; i < n; i++)
        if (is_among(wanted, str_z(states[all[i].state])) && is_among(ids, all[i].id))
            value_builder_add(&list, step_view(&all[i], call->arena));
    return service_answer_page(call, "Steps", value_builder_list(&list), MAX_SHOWN, err);
}

static int cancel_steps(struct service_call *call, struct err *err)
{
    struct control_record cluster;
    const struct value *ids = value_getz(call->input, "StepIds");
    (void)value_getz(call->input, "StepCancellationOption"); /* both options: asked to end, then killed */
    if (emr_cluster(call, "ClusterId", &cluster, err))
        return -1;
    struct value_builder all = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; ids && ids->kind == VALUE_LIST && i < ids->count; i++) {
        struct value_builder one = VALUE_BUILDER(call->arena);
        bool stopped =
            task_call_stop(call, kind_name, value_text(ids->items[i], STR_EMPTY), STR("Job terminated"));
        view_set(&one, "StepId", ids->items[i]);
        view_text(&one, "Status", stopped ? STR("SUBMITTED") : STR("FAILED"));
        if (!stopped)
            view_text(&one, "Reason", STR("Step is not in a state that can be cancelled"));
        value_builder_add(&all, value_builder_map(&one));
    }
    service_answer(call, "CancelStepsInfoList", value_builder_list(&all));
    return 0;
}

void emr_stop_steps(struct services *services)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    size_t n;
    const struct task_info *all = task_list(services, &arena, kind_name, STR_EMPTY, STR_EMPTY, &n);
    for (size_t i = 0; i < n; i++) {
        struct control_record cluster;
        if (!has_ended(&all[i]) &&
            !control_find(services_control(services), &arena, CLUSTER, all[i].region, all[i].owner, &cluster))
            task_stop(services, kind_name, all[i].region, all[i].id, STR("Job terminated"));
    }
}

const struct service_operation emr_operations[] = {
    {EMR_SERVICE, "RunJobFlow", run_job_flow},
    {EMR_SERVICE, "AddJobFlowSteps", add_steps},
    {EMR_SERVICE, "DescribeStep", describe_step},
    {EMR_SERVICE, "ListSteps", list_steps},
    {EMR_SERVICE, "CancelSteps", cancel_steps},
    {EMR_SERVICE, "ListInstanceGroups", emr_list_groups},
    {EMR_SERVICE, "ModifyInstanceGroups", emr_modify_groups},
    {EMR_SERVICE, "ListInstanceFleets", emr_list_fleets},
    {EMR_SERVICE, "ModifyInstanceFleet", emr_modify_fleet},
    {EMR_SERVICE, "ListBootstrapActions", emr_list_actions},
    {0},
};
