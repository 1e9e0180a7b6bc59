/*
 * Tasks: what services start, such as job runs, steps and queries. Each has an id, a thread, a folder of its
 * own, and a record that outlives both (DIR/jobs/tasks). Services derive their responses from struct
 * task_info.
 *
 *   task_start()             writes the record; the thread waits for a slot
 *   kind->work(task)         on that thread: task_running(), process_run() with task_switch(), task_end()
 *   task_find(), task_list() return copies of the current state at any time
 *
 * A task interrupted by the end of the sandbox is FAILED in the next one. The last thousand ended tasks are
 * kept. Safe from every thread.
 */
#pragma once

#include "sandbox/calls/services.h"
#include "sandbox/engine/process.h"

struct task;
struct tasks;

struct task_info {
    struct str kind, region, owner, id;       /* owner: such as the job, for limits and listings */
    const struct value *request;              /* data of the service */
    int64_t created_ms, started_ms, ended_ms; /* 0: not yet */
    enum activity_state state;
    bool at_work;      /* the work is not finished, though the task may have ended */
    int64_t exit_code; /* -1: none */
    struct str message;
};

struct task_kind {
    const char *name;
    bool waits; /* only waits for other tasks, so it takes no slot */
    void (*work)(struct task *task);
    /* Returns the output of the activity, as the service's describe call has it. */
    const struct value *(*view)(const struct task_info *info, struct arena *arena);
};

struct task_options {
    const struct task_kind *kind;
    struct str region, owner, id;
    const struct value *request;
    size_t at_once;               /* limit of tasks of this owner; 0: none */
    const struct value *wait_for; /* ids of tasks that must succeed first; NULL: none */
};

int tasks_open(struct services *services, struct tasks **out, struct err *err);
/* Interrupts all tasks; their threads end soon. */
void tasks_stop(struct tasks *tasks);
void tasks_close(struct tasks *tasks);

/*
 * Starts a task. activity may be NULL; otherwise the caller releases *activity. ERR_EXISTS: the owner's limit
 * is reached. ERR_THROTTLED: too many tasks wait.
 */
int task_start(struct services *services, const struct task_options *options, struct activity **activity,
    struct err *err);
/* Returns 32 hexadecimal digits for the id of a started task: derived from the client token, so that the same
 * token means the same task, or random without a token. */
const char *task_token_digits(const struct service_call *call, struct str token);
/* Finds a task. owner "": any. */
bool task_find(struct services *services, struct arena *arena, const char *kind, struct str region,
    struct str owner, struct str id, struct task_info *out);
/* Returns tasks, newest first. kind NULL, region "": any. */
struct task_info *task_list(struct services *services, struct arena *arena, const char *kind,
    struct str region, struct str owner, size_t *n);
/* Returns the path of a result file, which is removed with the task's record. */
struct str task_result(
    struct services *services, struct arena *arena, const char *kind, struct str region, struct str id);
/* Stops a task. `why` becomes its message. False: no such task, or it has ended. */
bool task_stop(struct services *services, const char *kind, struct str region, struct str id, struct str why);

/* As above, for handlers of operations, in the region of the call; task_call_start() sets call->activity if
 * requested. */
int task_call_start(struct service_call *call, const struct task_options *options, struct err *err);
bool task_call_find(const struct service_call *call, const char *kind, struct str owner, struct str id,
    struct task_info *out);
struct task_info *task_call_list(
    const struct service_call *call, const char *kind, struct str owner, size_t *n);
bool task_call_stop(const struct service_call *call, const char *kind, struct str id, struct str why);

/* ---- functions for the work ---- */

struct services *task_jobs(struct task *task);
/* Returns the constant members: names and request. */
const struct task_info *task_self(const struct task *task);
struct process_switch *task_switch(struct task *task);
/* Returns an empty folder, removed after the work. */
struct str task_folder(const struct task *task);
/* Sets the folder and its disk limit in the process options. */
void task_set_limits(const struct task *task, struct process_options *options);
/* True if the process exceeded its disk or memory limit; the task has then been ended as failed. */
bool task_over_limit(struct task *task, const struct process_end *end);
void task_running(struct task *task);
/* Ends the task; only the first call counts, and a stopped task is always STOPPED. */
void task_end(struct task *task, enum activity_state state, int64_t exit_code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
