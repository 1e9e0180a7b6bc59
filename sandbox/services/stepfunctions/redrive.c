/*
 * RedriveExecution: one that ended badly goes on at the state where it did, with the definition and the input
 * that it had there. Of Parallel and Map the branches and iterations that have not succeeded go on; a
 * distributed Map begins anew.
 */
#include "sandbox/services/stepfunctions/executions.h"

#include "base/clock.h"

enum { MAX_DAYS = 14, MAX_EVENTS = 24999 };

const char *execution_not_redrivable(const struct execution *execution)
{
    const int64_t day_ms = INT64_C(86400000);
    if (!execution->ended)
        return "Execution is RUNNING and cannot be redriven";
    if (execution->status == ASL_SUCCEEDED)
        return "Execution is SUCCEEDED and cannot be redriven";
    if (clock_wall_ms() - execution->start_ms > MAX_DAYS * day_ms)
        return "Execution redrivable period exceeded";
    if (execution->event_count >= MAX_EVENTS)
        return "Execution history event limit exceeded";
    return execution->stored ? NULL : "Execution could not be written to the sandbox's folder";
}

static int executions_redrive_refuse(struct err *err, const struct execution *execution, const char *why)
{
    return service_refuse(err, 400, "ExecutionNotRedrivable", "Execution is not redrivable: '%.*s'. %s",
        STR_ARG(execution->arn), why);
}

/* The running one takes the place of the stored one. */
static int executions_redrive_begin(const struct service_call *call, struct execution *stored,
    struct execution *live, const struct control_record *machine, int64_t now_ms, struct err *err)
{
    struct executions *all = stored->all;
    live->redrives++;
    live->redriven_ms = now_ms;
    live->redrive_token = arena_str(&live->arena, value_gets(call->input, "clientToken"));
    execution_log_prepare(live, value_getz(machine->attrs, "logging"));
    pthread_mutex_lock(&all->lock);
    bool first = executions_replace(all, stored, live);
    if (first)
        activity_keep(live->activity);
    pthread_mutex_unlock(&all->lock);
    if (first)
        execution_run(live);
    activity_release(live->activity);
    return first ? 0 : executions_redrive_refuse(err, stored, "Execution is RUNNING and cannot be redriven");
}

static int redrive(struct service_call *call, struct execution *execution, int64_t *when_ms, struct err *err)
{
    struct control_record machine;
    struct str token = value_gets(call->input, "clientToken");
    struct err why = ERR_INIT;
    *when_ms = execution->redriven_ms;
    if (token.n && str_eq(token, execution->redrive_token))
        return 0; /* the same request once more */
    pthread_mutex_lock(&execution->all->lock);
    const char *wrong = execution_not_redrivable(execution);
    pthread_mutex_unlock(&execution->all->lock);
    if (wrong)
        return executions_redrive_refuse(err, execution, wrong);
    if (!control_find(services_control(call->services), call->arena, STR("aws.stepfunctions.state_machine"),
            execution->region, execution->machine, &machine))
        return executions_redrive_refuse(err, execution, "State machine is in DELETING status");
    struct execution *live = execution_revive(execution, &why);
    if (!live)
        return executions_redrive_refuse(err, execution, why.message);
    *when_ms = clock_wall_ms();
    return executions_redrive_begin(call, execution, live, &machine, *when_ms, err);
}

int do_redrive(struct service_call *call, struct err *err)
{
    struct execution *execution;
    int64_t when_ms;
    if (execution_of(call, &execution, err))
        return -1;
    int status = redrive(call, execution, &when_ms, err);
    if (!status)
        service_answer(call, "redriveDate", service_time(call, when_ms));
    activity_release(execution->activity);
    return status;
}
