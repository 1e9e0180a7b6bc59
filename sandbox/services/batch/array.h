/*
 * Array jobs of Batch: one job whose work is to start a child for each index and to wait for all of them. A
 * child is a job with the id "PARENT:INDEX", which knows its index by AWS_BATCH_JOB_ARRAY_INDEX. The parent
 * has failed where one of them has, once all have ended; whoever stops it stops them.
 */
#pragma once

#include "sandbox/engine/task.h"

/* Of a child. */
extern const struct task_kind batch_kind;
/* The work of the parent, in whose request `arraySize` is. */
void array_work(struct task *task);

/* arrayProperties of SubmitJob; 0: it is no array. */
int array_read_size(const struct service_call *call, int64_t *size, struct err *err);
/* The parent whose child that id is; "": it is none. */
struct str array_parent(struct str id);
/* arrayProperties as they are shown of a parent or of a child; NULL: it is neither. */
const struct value *array_view(
    struct services *services, struct arena *arena, const struct task_info *info, const char *const *states);
