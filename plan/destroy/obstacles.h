/*
 * What stands in the way of deletions, as teardown_examine() finds it: an item of change->erases with
 * `stops`. It is told with the plan; plan_check_deletions() (plan.h) refuses to carry such a plan out.
 */
#pragma once

#include "plan/plan.h"
#include "provider/provider.h"

struct planner;

bool obstacle_is(const struct value *what);
/* Is it the contents of the change's resource, and do they go before it: as other resources of the stack, or
 * by a command of it? In the planner's arena. */
bool obstacle_goes_before(struct planner *p, const struct change *change, const struct value *what);
/* Of what is not the stack's, or may not be; `agreed`: it is deleted all the same, and that is told. */
const struct value *obstacle_owner(
    struct arena *arena, const struct ownership *owner, struct str address, bool agreed);
/* Of what is to be made of it and is there already: `what` has its type, id and, as `needs`, the attribute
 * that names it. */
const struct value *obstacle_taken(struct arena *arena, const struct value *what);
/* "skip_final_snapshot" as the command line has it: --skip-final-snapshot. */
struct str obstacle_option(struct arena *arena, struct str flag);
/* What a user does about it: "--skip-final-snapshot, or `skip_final_snapshot: true` in the stack". */
struct str obstacle_way(
    struct arena *arena, const struct plan *plan, const struct change *change, const struct value *what);
