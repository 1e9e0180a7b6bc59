/*
 * What data sources say: the same question, asked by the same settings, is asked once in a plan, and once by
 * workspaces that share (plan/evaluate/shared_listings.h), as the members of a fleet do. What is asked while
 * a plan is carried out is always asked anew.
 */
#pragma once

#include "plan/planner.h"

struct shared_data;

struct shared_data *shared_data_new(void);
void shared_data_free(struct shared_data *data);
/* resource_ops.read for a data source, while a plan is made. */
int shared_data_read(struct planner *p, const struct instance *instance, struct op_ctx *op,
    const struct value **live, struct err *err);
