/*
 * What a plan is about: what it changes, what that refers to, and what it must not find made by somebody
 * else. For comparing it with what others have done since (since.h), or are doing now (its claims).
 */
#pragma once

#include "plan/planner.h"

struct concern {
    bool all;           /* a whole stack's destruction is about whatever there is */
    struct map changed; /* by address */
    struct map doomed;  /* deleted or replaced: by address, and by that of their declarations */
    struct map names;   /* "#" and a digest of what tells each of them from all others of its type */
    struct arena arena; /* of these */
    bool *referred;     /* by decl->index */
};

/* Of the plan in a file, by p->options->since; and of one that was made. Then concern_release(). */
void concern_of_saved(struct concern *about, const struct planner *p);
void concern_of_plan(struct concern *about, const struct planner *p);
void concern_release(struct concern *about);

/* How what the plan does goes together with that address, "which this plan changes"; NULL: not at all. */
const char *concern_meets(const struct concern *about, const struct planner *p, struct str address);
/* The same of a record that was changed or added, which may also be the same thing under another address. */
const char *concern_meets_record(
    const struct concern *about, const struct planner *p, const struct record *record);

/* What a plan that was made claims, as state_check_claims() takes it: not what is left to others. */
const struct value *concern_claims(const struct planner *p, struct arena *arena);
/* Leaves each change that meets a run at work, and no other one. False: none would be made. */
bool concern_leave_met(struct planner *p);
/* By decl->index: what is left or destroyed, and what depends on it. */
bool *concern_untrue(const struct planner *p, struct arena *arena);
