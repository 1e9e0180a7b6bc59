/*
 * Containers of Batch and ECS. The sandbox has none: where the image is "local", or begins with "local/", the
 * command runs on this machine, and elsewhere the task ends with what to do about it.
 *
 * A task's request (struct task_info) says what runs: image, command, environment, memory (MiB), timeout
 * (seconds, 0: none), role, and group and stream of its log; without a group the output is not kept.
 */
#pragma once

#include "sandbox/engine/task.h"
#include "sandbox/services/shared/tables.h"

struct container_variable {
    const char *name;
    struct str value;
};

struct container {
    const char *noun;                           /* what the service calls what it runs: "job", "task" */
    const char *refusal;                        /* what a message about its image begins with */
    const struct container_variable *variables; /* what the service sets; ends with {0} */
};

/* Runs it and ends the task. */
void container_work(struct task *task, const struct container *container);
/* [{name: A, value: b}] over {A: a}. */
const struct value *container_environment(
    struct arena *arena, const struct value *map, const struct value *pairs);

/* ---- container.c: Definitions of jobs and tasks, which are kept by revision and found as Batch and ECS
 * find them. */
/* By an ARN or a name; where it has no revision, the newest. False where there is none. */
bool service_definition(
    const struct service_call *call, struct str type, struct str name, struct control_record *out);
