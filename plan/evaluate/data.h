/* Data sources: read while the plan is made, or when it is applied. */
#pragma once

#include "plan/planner.h"

/* The instances of a data source, each read; those that depend on what is still to change wait until apply.
 * False after an error. */
bool data_plan(struct planner *p, const struct decl *decl);
/* The same of a check's own, which data_plan() leaves alone: it is read now. */
bool data_read(struct planner *p, const struct decl *decl);
