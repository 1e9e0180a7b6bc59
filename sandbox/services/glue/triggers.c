/*
 * Triggers start jobs and crawlers: on demand, by time (schedules.c) or when others have ended. Within a
 * workflow only what belongs to the same run of it counts, and the run looks itself (workflows.c);
 * outside, the end of each run is looked at by all triggers.
 */
#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
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

/* Has the latest run of what the condition names (of that workflow's run) ended so, later than `after`? */
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

/* ---- outside of workflows ---- */

/* When a trigger fired last: what ended before that is used up. */
struct fired {
    struct services *services;
    char *key;
    int64_t at_ms;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fired *fired;
static size_t fired_count, fired_cap;

static int64_t *last_of(struct services *services, struct str key)
{
    for (size_t i = 0; i < fired_count; i++)
        if (fired[i].services == services && str_eqz(key, fired[i].key))
            return &fired[i].at_ms;
    MEM_GROW(fired, fired_cap, fired_count + 1);
    fired[fired_count++] = (struct fired){services, mem_memdup0(key.p, key.n), 0};
    return &fired[fired_count - 1].at_ms;
}

void glue_triggers_forget(struct services *services)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    for (size_t i = fired_count; i-- > 0;)
        if (fired[i].services == services) {
            free(fired[i].key);
            fired[i] = fired[--fired_count];
        }
    if (!fired_count) {
        free(fired);
        fired = NULL;
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
        pthread_mutex_lock(&lock); /* of two ends at a time one fires it */
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

/* ---- within one ---- */

size_t glue_fire_next(struct services *services, struct arena *arena, struct str region, struct str workflow,
    struct str workflow_run, const struct value **fired_before)
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
    struct str name;
    if (service_required(call, "Name", &name, err))
        return -1;
    if (!service_find(call, STR("aws.glue.trigger"), name, &trigger))
        return service_refuse(
            err, 400, "EntityNotFoundException", "Trigger with name %.*s not found", STR_ARG(name));
    struct str workflow = value_gets(trigger.attrs, "workflow");
    bool on_demand = str_eqz(value_gets(trigger.attrs, "trigger_type"), "ON_DEMAND");
    if (on_demand && workflow.n)
        return service_refuse(err, 400, "InvalidInputException",
            "the trigger begins the workflow %.*s: StartWorkflowRun starts it", STR_ARG(workflow));
    if (!on_demand) { /* it waits from now on, if it did not before */
        call->declined = true;
        return 0;
    }
    glue_fire(call->services, call->arena, &trigger, STR_EMPTY);
    service_answer(call, "Name", value_string(call->arena, name));
    return 0;
}
