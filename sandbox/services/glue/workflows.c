/*
 * Triggers start jobs and crawlers: on demand, by schedule (schedules.c), or when other runs ended. A
 * workflow run is a thread that fires the workflow's triggers as its runs end. The end of any other run is
 * checked against all triggers outside of workflows.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/glue/glue.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- firing ---- */

static const struct value *arguments_of(
    struct arena *arena, const struct value *action, struct str workflow, struct str workflow_run)
{
    const struct value *arguments = value_getz(action, "arguments");
    if (!arguments)
        arguments = &value_empty_map;
    if (!workflow_run.n)
        return arguments;
    arguments = value_with(arena, arguments, STR("--WORKFLOW_NAME"), value_string(arena, workflow));
    return value_with(arena, arguments, STR("--WORKFLOW_RUN_ID"), value_string(arena, workflow_run));
}

static bool glue_triggers_start(struct services *services, struct arena *arena,
    const struct control_record *trigger, const struct value *action, struct str workflow_run)
{
    struct str job = value_gets(action, "job_name"), crawler = value_gets(action, "crawler_name");
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *output, *timeout = value_getz(action, "timeout");
    struct err err = ERR_INIT;
    value_builder_set(&b, STR(GLUE_TRIGGER), value_string(arena, trigger->id));
    if (workflow_run.n)
        value_builder_set(&b, STR(GLUE_WORKFLOW_RUN), value_string(arena, workflow_run));
    if (job.n) {
        value_builder_set(&b, STR("JobName"), value_string(arena, job));
        value_builder_set(&b, STR("Arguments"),
            arguments_of(arena, action, value_gets(trigger->attrs, "workflow"), workflow_run));
        if (timeout)
            value_builder_set(&b, STR("Timeout"), timeout);
    } else {
        value_builder_set(&b, STR("Name"), value_string(arena, crawler));
    }
    const struct service_request request = {.service = STR("glue"),
        .operation = job.n ? STR("StartJobRun") : STR("StartCrawler"),
        .region = trigger->region,
        .input = value_builder_map(&b)};
    if (!services_call(services, arena, &request, &output, &err))
        return true;
    fprintf(stderr, "sandbox: trigger %.*s: %s\n", STR_ARG(trigger->id), err.message);
    return false;
}

size_t glue_fire(struct services *services, struct arena *arena, const struct control_record *trigger,
    struct str workflow_run)
{
    const struct value *actions = value_getz(trigger->attrs, "actions");
    size_t started = 0;
    for (uint32_t i = 0; actions && i < actions->count; i++)
        started += glue_triggers_start(services, arena, trigger, actions->items[i], workflow_run);
    return started;
}

/* ---- conditions ---- */

static const char *const activity_states[] = {[ACTIVITY_SUCCEEDED] = "SUCCEEDED",
    [ACTIVITY_FAILED] = "FAILED",
    [ACTIVITY_TIMEOUT] = "TIMEOUT",
    [ACTIVITY_STOPPED] = "STOPPED"};

static const char *const crawl_states[] = {[ACTIVITY_SUCCEEDED] = "SUCCEEDED",
    [ACTIVITY_FAILED] = "FAILED",
    [ACTIVITY_TIMEOUT] = "FAILED",
    [ACTIVITY_STOPPED] = "CANCELLED"};

/* True if the latest run of the condition's job or crawler (in this workflow run) ended in this state after
 * after_ms. */
static bool glue_triggers_holds(struct services *services, struct arena *arena, struct str region,
    const struct value *condition, struct str workflow_run, int64_t after_ms)
{
    struct str job = value_gets(condition, "job_name"), crawler = value_gets(condition, "crawler_name");
    struct str state = value_gets(condition, job.n ? "state" : "crawl_state");
    size_t n;
    const struct task_info *all =
        task_list(services, arena, job.n ? "glue" : "crawler", region, job.n ? job : crawler, &n);
    for (size_t i = 0; i < n; i++) {
        if (workflow_run.n && !str_eq(value_gets(all[i].request, GLUE_WORKFLOW_RUN), workflow_run))
            continue;
        return all[i].state >= ACTIVITY_SUCCEEDED && all[i].ended_ms > after_ms &&
               str_eqz(state, (job.n ? activity_states : crawl_states)[all[i].state]);
    }
    return false;
}

static bool all_hold(struct services *services, struct arena *arena, const struct control_record *trigger,
    struct str workflow_run, int64_t after_ms)
{
    const struct value *predicate = value_getz(trigger->attrs, "predicate");
    const struct value *conditions = value_getz(predicate, "conditions");
    bool any = str_eqz(value_gets(predicate, "logical"), "ANY");
    uint32_t n = conditions ? conditions->count : 0, met = 0;
    for (uint32_t i = 0; i < n; i++)
        met += glue_triggers_holds(
            services, arena, trigger->region, conditions->items[i], workflow_run, after_ms);
    return n && (any ? met > 0 : met == n);
}

static bool is_waiting(const struct control_record *trigger, struct str region, struct str workflow)
{
    return str_eqz(value_gets(trigger->attrs, "trigger_type"), "CONDITIONAL") &&
           !str_eqz(value_gets(trigger->attrs, "state"), "DEACTIVATED") && str_eq(trigger->region, region) &&
           str_eq(value_gets(trigger->attrs, "workflow"), workflow);
}

/* ---- triggers outside of workflows ---- */

/* When a trigger last fired: runs that ended before do not count again. */
struct fired {
    struct services *services;
    char *key;
    int64_t at_ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fired *last_fired;
static size_t fired_count, fired_cap;

static int64_t *last_of(struct services *services, struct str key)
{
    for (size_t i = 0; i < fired_count; i++)
        if (last_fired[i].services == services && str_eqz(key, last_fired[i].key))
            return &last_fired[i].at_ms;
    MEM_GROW(last_fired, fired_cap, fired_count + 1);
    last_fired[fired_count++] = (struct fired){services, mem_memdup0(key.p, key.n), 0};
    return &last_fired[fired_count - 1].at_ms;
}

void glue_triggers_forget(struct services *services)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    for (size_t i = fired_count; i-- > 0;)
        if (last_fired[i].services == services) {
            free(last_fired[i].key);
            last_fired[i] = last_fired[--fired_count];
        }
    if (!fired_count) {
        free(last_fired);
        last_fired = NULL;
        fired_cap = 0;
    }
}

static bool glue_triggers_names(const struct control_record *trigger, const char *kind, struct str owner)
{
    const struct value *conditions = value_getz(value_getz(trigger->attrs, "predicate"), "conditions");
    const char *member = str_eqz(STR("glue"), kind) ? "job_name" : "crawler_name";
    for (uint32_t i = 0; conditions && i < conditions->count; i++)
        if (str_eq(value_gets(conditions->items[i], member), owner))
            return true;
    return false;
}

void glue_run_ended(struct services *services, const char *kind, const struct task_info *info)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    size_t n;
    if (services_stopping(services))
        return;
    const struct control_record *all =
        control_list(services_control(services), &arena, STR("aws.glue.trigger"), info->region, &n);
    for (size_t i = 0; i < n; i++) {
        if (!is_waiting(&all[i], info->region, STR_EMPTY) || !glue_triggers_names(&all[i], kind, info->owner))
            continue;
        struct str key = arena_printf(&arena, "%.*s %.*s", STR_ARG(all[i].region), STR_ARG(all[i].id));
        pthread_mutex_lock(&lock); /* so that two runs that end at once fire it only once */
        int64_t *last = last_of(services, key);
        bool fires = all_hold(
            services, &arena, &all[i], STR_EMPTY, *last > all[i].created_ms ? *last : all[i].created_ms);
        if (fires)
            *last = clock_wall_ms();
        pthread_mutex_unlock(&lock);
        if (fires)
            glue_fire(services, &arena, &all[i], STR_EMPTY);
    }
}

/* ---- triggers within a workflow ---- */

/* Fires the conditional triggers of a workflow run whose conditions are met, each once, and returns how many
 * actions were started. *fired_before: a map of the triggers fired so far. */
static size_t glue_fire_next(struct services *services, struct arena *arena, struct str region,
    struct str workflow, struct str workflow_run, const struct value **fired_before)
{
    size_t n, count = 0;
    const struct control_record *all =
        control_list(services_control(services), arena, STR("aws.glue.trigger"), region, &n);
    for (size_t i = 0; i < n; i++) {
        if (value_get(*fired_before, all[i].id) || !is_waiting(&all[i], region, workflow) ||
            !all_hold(services, arena, &all[i], workflow_run, 0))
            continue;
        *fired_before = value_with(arena, *fired_before, all[i].id, &value_true);
        count += glue_fire(services, arena, &all[i], workflow_run);
    }
    return count;
}

/* ---- on demand ---- */

int glue_start_trigger(struct service_call *call, struct err *err)
{
    struct control_record trigger;
    struct str name = value_gets(call->input, "Name");
    if (!service_find(call, STR("aws.glue.trigger"), name, &trigger))
        return service_refuse(
            err, 400, "EntityNotFoundException", "Trigger with name %.*s not found", STR_ARG(name));
    struct str workflow = value_gets(trigger.attrs, "workflow");
    bool on_demand = str_eqz(value_gets(trigger.attrs, "trigger_type"), "ON_DEMAND");
    if (on_demand && workflow.n)
        return service_refuse(err, 400, "InvalidInputException",
            "the trigger begins the workflow %.*s: StartWorkflowRun starts it", STR_ARG(workflow));
    if (!on_demand) { /* the control plane activates it */
        call->declined = true;
        return 0;
    }
    glue_fire(call->services, call->arena, &trigger, STR_EMPTY);
    service_answer_text(call, "Name", name);
    return 0;
}

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

/* Counts the runs of a workflow run; with `stop`, also stops them. */
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
            /* a failed run may be about to be retried */
            count_one(&counts, all[i].at_work ? ACTIVITY_RUNNING : all[i].state);
            if (stop && all[i].state < ACTIVITY_SUCCEEDED)
                task_stop(services, kinds[k], region, all[i].id, STR_EMPTY);
        }
    }
    return counts;
}

/* ---- running a workflow ---- */

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
        bool stop = atomic_load(&task_switch(task)->stop_requested) > 0;
        counts = glue_workflows_count(services, &scratch, self->region, self->id, stop);
        /* Counts before firing: a run that ends in between is handled in the next pass. */
        const struct value *now = fired;
        more = stop ? 0 : glue_fire_next(services, &scratch, self->region, self->owner, self->id, &now);
        fired = now == fired ? fired : value_copy(&arena, now);
    } while ((more || counts.running) && services_sleep(services, LOOK_MS));
    if (services_stopping(services))
        task_end(task, ACTIVITY_FAILED, -1, "the sandbox ended while this ran");
    else if (counts.total)
        task_end(task, ACTIVITY_SUCCEEDED, 0, "%s", "");
    else
        task_end(task, ACTIVITY_FAILED, -1,
            "the workflow has no trigger that begins it, or what it starts is not there");
}

/* ---- views ---- */

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
    if (find_workflow(call, &workflow, err))
        return -1;
    int64_t most = service_int(workflow.attrs, "max_concurrent_runs", 0);
    const struct value *properties = value_merge(call->arena,
        value_getz(workflow.attrs, "default_run_properties"), value_getz(call->input, "RunProperties"));
    const struct task_options options = {.kind = &kind,
        .region = call->region,
        .owner = workflow.id,
        .id = arena_printf(call->arena, "wr_%.64s", sha256_hex(call->arena, uuid_random(call->arena)).p),
        .request =
            value_with(call->arena, NULL, STR("properties"), properties ? properties : &value_empty_map),
        .at_once = most > 0 ? (size_t)most : 0};
    if (task_call_start(call, &options, &why))
        return service_refuse(err, 400,
            why.class == ERR_EXISTS ? "ConcurrentRunsExceededException"
                                    : "ResourceNumberLimitExceededException",
            "%s", why.message);
    service_answer_text(call, "RunId", options.id);
    return 0;
}

static int find_run(const struct service_call *call, struct task_info *out, struct err *err)
{
    struct str name, id;
    if (service_required(call, "Name", &name, err) || service_required(call, "RunId", &id, err))
        return -1;
    if (task_call_find(call, kind_name, name, id, out))
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
    const struct task_info *all = task_call_list(call, kind_name, workflow.id, &n);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&list, with_statistics(call, &all[i]));
    return service_answer_page(call, "Runs", value_builder_list(&list), MAX_SHOWN, err);
}

int glue_stop_workflow_run(struct service_call *call, struct err *err)
{
    struct task_info info;
    if (find_run(call, &info, err))
        return -1;
    if (task_call_stop(call, kind_name, info.id, STR_EMPTY))
        return 0;
    return service_refuse(err, 400, "IllegalWorkflowStateException", "the run has ended already");
}
