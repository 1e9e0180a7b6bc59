/*
 * Runs of workflows: a thread each, which fires the triggers that begin the workflow and then, as its jobs
 * and crawlers end, those that wait for them, until nothing runs and nothing is to be fired.
 */
#include "base/hash.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/glue/glue.h"

enum { LOOK_MS = 50, MAX_SHOWN = 100 };

static const char kind_name[] = "workflow";

struct counts {
    int64_t total, succeeded, failed, timed_out, stopped, running;
};

static void count_one(struct counts *counts, enum activity_state state)
{
    counts->total++;
    switch (state) {
    case ACTIVITY_SUCCEEDED: counts->succeeded++; break;
    case ACTIVITY_FAILED: counts->failed++; break;
    case ACTIVITY_TIMEOUT: counts->timed_out++; break;
    case ACTIVITY_STOPPED: counts->stopped++; break;
    default: counts->running++;
    }
}

/* What belongs to a run; with `stop`, what runs of it is asked to end. */
static struct counts glue_workflows_count(
    struct services *services, struct arena *arena, struct str region, struct str run, bool stop)
{
    static const char *const kinds[] = {"glue", "crawler"};
    struct counts counts = {0};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t n;
        const struct task_info *all = task_list(services, arena, kinds[k], region, STR_EMPTY, &n);
        for (size_t i = 0; i < n; i++) {
            if (!str_eq(value_gets(all[i].request, GLUE_WORKFLOW_RUN), run))
                continue;
            /* one that has failed may be about to be repeated */
            count_one(&counts, all[i].at_work ? ACTIVITY_RUNNING : all[i].state);
            if (stop && all[i].state < ACTIVITY_SUCCEEDED)
                task_stop(services, kinds[k], region, all[i].id, STR_EMPTY);
        }
    }
    return counts;
}

/* ---- the work ---- */

static size_t glue_workflows_begin(
    struct services *services, struct arena *arena, const struct task_info *self)
{
    size_t n, started = 0;
    const struct control_record *all =
        control_list(services_control(services), arena, STR("aws.glue.trigger"), self->region, &n);
    for (size_t i = 0; i < n; i++) {
        struct str type = value_gets(all[i].attrs, "trigger_type");
        if (str_eq(value_gets(all[i].attrs, "workflow"), self->owner) && !str_eqz(type, "CONDITIONAL"))
            started += glue_fire(services, arena, &all[i], self->id);
    }
    return started;
}

static void glue_workflows_work(struct task *task)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct services *services = task_jobs(task);
    const struct task_info *self = task_self(task);
    const struct value *fired = &value_empty_map;
    struct counts counts;
    task_running(task);
    size_t more = glue_workflows_begin(services, &arena, self);
    do {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        bool stop = atomic_load(&task_switch(task)->turned) > 0;
        counts = glue_workflows_count(services, &scratch, self->region, self->id, stop);
        /* counted before it is looked: what ended in between is seen the next time */
        more = stop ? 0 : glue_fire_next(services, &arena, self->region, self->owner, self->id, &fired);
    } while ((more || counts.running) && services_sleep(services, LOOK_MS));
    if (services_stopping(services))
        task_end(task, ACTIVITY_FAILED, -1, "the sandbox ended while this ran");
    else if (counts.total)
        task_end(task, ACTIVITY_SUCCEEDED, 0, "%s", "");
    else
        task_end(task, ACTIVITY_FAILED, -1,
            "the workflow has no trigger that begins it, or what it starts is not there");
}

/* ---- what is shown ---- */

static const char *const states[] =
    ACTIVITY_NAMES("RUNNING", "RUNNING", "RUNNING", "STOPPING", "COMPLETED", "ERROR", "ERROR", "STOPPED");

static const struct value *glue_workflows_view(const struct task_info *info, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *properties = value_getz(info->request, "properties");
    view_text(&b, "Name", info->owner);
    view_text(&b, "WorkflowRunId", info->id);
    value_builder_set(&b, STR("WorkflowRunProperties"), properties ? properties : &value_empty_map);
    view_time(&b, "StartedOn", info->created_ms);
    view_time(&b, "CompletedOn", info->ended_ms);
    view_text(&b, "Status", str_z(states[info->state]));
    view_text(&b, "ErrorMessage", info->message);
    return value_builder_map(&b);
}

static const struct task_kind kind = {
    .name = kind_name, .waits = true, .work = glue_workflows_work, .view = glue_workflows_view};

static const struct value *with_statistics(const struct service_call *call, const struct task_info *info)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct counts counts = glue_workflows_count(call->services, call->arena, call->region, info->id, false);
    view_int(&b, "TotalActions", counts.total);
    view_int(&b, "SucceededActions", counts.succeeded);
    view_int(&b, "FailedActions", counts.failed);
    view_int(&b, "TimeoutActions", counts.timed_out);
    view_int(&b, "StoppedActions", counts.stopped);
    view_int(&b, "RunningActions", counts.running);
    view_int(&b, "ErroredActions", 0);
    view_int(&b, "WaitingActions", 0);
    return value_with(
        call->arena, glue_workflows_view(info, call->arena), STR("Statistics"), value_builder_map(&b));
}

/* ---- operations ---- */

static int find_workflow(const struct service_call *call, struct control_record *out, struct err *err)
{
    struct str name;
    if (service_required(call, "Name", &name, err))
        return -1;
    if (service_find(call, STR("aws.glue.workflow"), name, out))
        return 0;
    return service_refuse(err, 400, "EntityNotFoundException", "Workflow %.*s not found", STR_ARG(name));
}

int glue_start_workflow(struct service_call *call, struct err *err)
{
    struct control_record workflow;
    struct err why = ERR_INIT;
    unsigned char bytes[32];
    if (find_workflow(call, &workflow, err))
        return -1;
    hash_random(bytes, sizeof bytes);
    int64_t most = service_int(workflow.attrs, "max_concurrent_runs", 0);
    const struct value *properties = value_merge(call->arena,
        value_getz(workflow.attrs, "default_run_properties"), value_getz(call->input, "RunProperties"));
    const struct value_entry request = {STR("properties"), properties ? properties : &value_empty_map};
    const struct task_options options = {.kind = &kind,
        .region = call->region,
        .owner = workflow.id,
        .id = arena_printf(call->arena, "wr_%.64s", hex_encode(call->arena, bytes, sizeof bytes).p),
        .request = value_map(call->arena, &request, 1),
        .at_once = most > 0 ? (size_t)most : 0};
    if (task_start(call->services, &options, call->wants_activity ? &call->activity : NULL, &why))
        return service_refuse(err, 400,
            why.class == ERR_EXISTS ? "ConcurrentRunsExceededException"
                                    : "ResourceNumberLimitExceededException",
            "%s", why.message);
    service_answer(call, "RunId", value_string(call->arena, options.id));
    return 0;
}

static int find_run(const struct service_call *call, struct task_info *out, struct err *err)
{
    struct str name, id;
    if (service_required(call, "Name", &name, err) || service_required(call, "RunId", &id, err))
        return -1;
    if (task_find(call->services, call->arena, kind_name, call->region, name, id, out))
        return 0;
    return service_refuse(err, 400, "EntityNotFoundException", "Workflow run %.*s not found", STR_ARG(id));
}

int glue_get_workflow_run(struct service_call *call, struct err *err)
{
    struct task_info info;
    if (find_run(call, &info, err))
        return -1;
    service_answer(call, "Run", with_statistics(call, &info));
    return 0;
}

int glue_get_workflow_runs(struct service_call *call, struct err *err)
{
    struct control_record workflow;
    size_t n;
    struct value_builder list = VALUE_BUILDER(call->arena);
    if (find_workflow(call, &workflow, err))
        return -1;
    const struct task_info *all =
        task_list(call->services, call->arena, kind_name, call->region, workflow.id, &n);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&list, with_statistics(call, &all[i]));
    return service_answer_page(call, "Runs", value_builder_list(&list), MAX_SHOWN, err);
}

int glue_stop_workflow_run(struct service_call *call, struct err *err)
{
    struct task_info info;
    if (find_run(call, &info, err))
        return -1;
    if (task_stop(call->services, kind_name, call->region, info.id, STR_EMPTY))
        return 0;
    return service_refuse(err, 400, "IllegalWorkflowStateException", "the run has ended already");
}
