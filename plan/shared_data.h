/*
 * What data sources say, for workspaces that share (plan/shared.h): the same question, asked by the same
 * settings, is asked once. Like listings it holds for one plan of each.
 */
#ifndef WEIR_PLAN_SHARED_DATA_H
#define WEIR_PLAN_SHARED_DATA_H

#include "plan/planner.h"

struct shared_data;

struct shared_data *shared_data_new(void);
void shared_data_free(struct shared_data *data);
/* resource_ops.read for a data source; where nothing is shared just that. */
int shared_data_read(struct planner *p, const struct instance *instance, struct op_ctx *op,
    const struct value **live, struct err *err);

#endif
