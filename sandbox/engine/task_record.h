/*
 * What is kept of a task: a file of JSON each, whose name follows from kind, region and id. Only task.c keeps
 * records; a later sandbox reads them.
 */
#pragma once

#include "sandbox/engine/task.h"

/* Ids may hold any character: their digest is in the name. */
struct str task_record_name(struct arena *arena, struct str kind, struct str region, struct str id);
/* In this state, whatever info says. A record that cannot be written is told of on standard error. */
void task_record_write(const char *path, const struct task_info *info, enum activity_state state);
/* False: it cannot be read. A task that had not ended counts as failed, without a time of its end. */
bool task_record_read(struct arena *arena, const char *path, struct task_info *out);
