/*
 * What services have started, such as job runs, steps and queries: each has an id, a thread that does its
 * work in a folder of its own, and a record that outlives both (DIR/jobs/tasks). What a service shows of one
 * it makes from struct task_info.
 *
 *     task_start()             the record is written, the thread waits for its turn
 *     kind->work(task)         on that thread: task_running(), process_run() with task_switch(), task_end()
 *     task_find(), task_list() copies of what is known, at any time
 *
 * A task that the sandbox's own end interrupts is FAILED when it is looked at again. Of those that have ended
 * the last thousand are kept. Safe from every thread.
 */
#pragma once

#include "sandbox/calls/services.h"
#include "sandbox/engine/process.h"

struct task;
struct tasks;

struct task_info {
    struct str kind, region, owner, id; /* owner: what limits and listings go by, such as the job's name */
    const struct value *request;        /* whatever the service needs to know and to show */
    int64_t created_ms, started_ms, ended_ms; /* 0: not yet */
    enum activity_state state;
    bool at_work;      /* it may have ended, but not all that follows from that has been done */
    int64_t exit_code; /* -1: none */
    struct str message;
};

struct task_kind {
    const char *name;
    bool waits; /* its work is to wait for other tasks: it takes no place among those that run */
    void (*work)(struct task *task);
    /* What waiters get, as the service's describing call has it. */
    const struct value *(*view)(const struct task_info *info, struct arena *arena);
};

struct task_options {
    const struct task_kind *kind;
    struct str region, owner, id;
    const struct value *request;
    size_t at_once;               /* of this owner; 0: any number */
    const struct value *wait_for; /* ids of tasks that must succeed before this one begins; NULL: none */
};

int tasks_open(struct services *services, struct tasks **out, struct err *err);
/* Interrupts them; their threads end soon. */
void tasks_stop(struct tasks *tasks);
void tasks_close(struct tasks *tasks);

/*
 * activity may be NULL; otherwise *activity is the caller's to release. ERR_EXISTS: as many as allowed run
 * already. ERR_THROTTLED: too many wait.
 */
int task_start(struct services *services, const struct task_options *options, struct activity **activity,
    struct err *err);
/* For the id of what a request starts: 32 hexadecimal digits, which follow from its token where it has one,
 * so that the same token is the same task. */
const char *task_token_digits(const struct service_call *call, struct str token);
/* owner "": of any. */
bool task_find(struct services *services, struct arena *arena, const char *kind, struct str region,
    struct str owner, struct str id, struct task_info *out);
/* Newest first. kind NULL, region "": of any. */
struct task_info *task_list(struct services *services, struct arena *arena, const char *kind,
    struct str region, struct str owner, size_t *n);
/* A file that goes when the task's record goes, for what its work leaves to be looked at later. */
struct str task_result(
    struct services *services, struct arena *arena, const char *kind, struct str region, struct str id);
/* False: there is none that has not ended. `why` becomes its message. */
bool task_stop(struct services *services, const char *kind, struct str region, struct str id, struct str why);

/* The same for handlers of operations, in the region of their call; task_call_start() gives who waits the
 * activity. */
int task_call_start(struct service_call *call, const struct task_options *options, struct err *err);
bool task_call_find(const struct service_call *call, const char *kind, struct str owner, struct str id,
    struct task_info *out);
struct task_info *task_call_list(
    const struct service_call *call, const char *kind, struct str owner, size_t *n);
bool task_call_stop(const struct service_call *call, const char *kind, struct str id, struct str why);

/* ---- for its work ---- */

struct services *task_jobs(struct task *task);
/* What never changes of it: names and request. */
const struct task_info *task_self(const struct task *task);
struct process_switch *task_switch(struct task *task);
/* An empty folder, removed when the work is done. */
struct str task_folder(const struct task *task);
/* The folder and how much may be in it: of its process's options. */
void task_set_room(const struct task *task, struct process_options *options);
/* Was its process ended for that, or for its memory? Then the task has failed. */
bool task_over_limit(struct task *task, const struct process_end *end);
void task_running(struct task *task);
/* The first one counts, and a task that was stopped is STOPPED whatever its work says. */
void task_end(struct task *task, enum activity_state state, int64_t exit_code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- What is kept of a task: a file of JSON each, whose name follows from kind, region
 * and id. Only task.c keeps records; a later sandbox reads them. */
