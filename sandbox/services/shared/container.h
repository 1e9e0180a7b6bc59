/*
 * Containers of Batch and ECS. The sandbox runs no container images: the command of a task whose image is
 * "local", or begins with "local/", runs on this machine. Any other task fails with a message that says so.
 *
 * A task's request (struct task_info) says what runs: image, command, environment, memory (MiB), timeout
 * (seconds, 0: none) and role. It also has the group and stream of the log; without a group the output is
 * discarded.
 */
#pragma once

#include "sandbox/engine/task.h"
#include "sandbox/services/shared/tables.h"

struct container_variable {
    const char *name;
    struct str value;
};

struct container_attempt {
    int64_t number, started_ms;
    int code; /* exit status, or 128 and the signal */
    const char *reason;
};

struct container {
    const char *noun;                           /* the service's word for what runs: "job", "task" */
    const char *refusal;                        /* prefix of the message that refuses the image */
    const struct container_variable *variables; /* set by the service; ends with {0} */
    const char *attempt_variable;               /* has the number of the attempt; NULL: none */
    /* Called after each attempt; returns whether a failed one is repeated. NULL: none is. */
    bool (*attempt_ended)(struct task *task, const struct container_attempt *attempt);
};

/* Runs the container's command, waits for its end, and ends the task. */
void container_work(struct task *task, const struct container *container);
/* Returns the map {A: a} with the pairs [{name: A, value: b}] merged over it. */
const struct value *container_environment(
    struct arena *arena, const struct value *map, const struct value *pairs);

/* ---- container.c: definitions of Batch jobs and ECS tasks, which are recorded by revision. */
/* Finds a definition by ARN, NAME:REVISION or name; without a revision, the newest. False if no revision
 * matches. */
bool service_definition(
    const struct service_call *call, struct str type, struct str name, struct control_record *out);
