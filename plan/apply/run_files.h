/*
 * The stack's files, kept with each run so that it can be gone back to; sources_read() in plan.h reads them.
 */
#pragma once

#include "plan/planner.h"

/* Keeps the stack's files with the run that has begun; without secrets unless the state has a key. */
int sources_keep(struct planner *p, struct err *err);
/* An input as the command line takes it: "k=v". */
struct str input_argument(struct arena *arena, struct str name, const struct value *v);
