/*
 * Planning and applying, shared by the commands plan, apply, destroy and drift.
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "cmd/output/render.h"

struct render_options render_options_for(const struct invocation *inv);

/* Returns the permissions of deletions from the options, as enum teardown. */
unsigned planning_teardown(const struct settings *settings);

/*
 * Makes the plan of an open workspace from the shared options, or loads `saved` (may be NULL), which is
 * applied exactly. Errors were reported if the result, the exit status, is not 0.
 */
int planning_make(struct invocation *inv, struct workspace *workspace, bool destroy, struct saved_plan *saved,
    struct plan **out);
/* The same for drift: artifacts stay as recorded, nothing is built or packaged. */
int planning_make_as_recorded(struct invocation *inv, struct workspace *workspace, struct plan **out);
/* Plans only the targets in `wanted` (deploy, rollback). */
int planning_make_alone(struct invocation *inv, struct workspace *workspace,
    const struct plan_options *wanted, struct plan **out);
/* Returns the targets of the command line for workspace_options.wanted if a part of the state may suffice,
 * else NULL. */
const struct wanted_part *planning_part(struct invocation *inv);
/* invocation_open(), with the stack as it was at the run given by --to. */
int planning_open(struct invocation *inv, const struct workspace_options *wanted, struct workspace *out);
/* Locks the state for a command with changes, so that no other run can change it meanwhile. */
int planning_lock(struct invocation *inv, struct workspace *workspace);
/* The same together with other runs whose changes do not conflict with this run's: see planning_wait_free().
 */
int planning_share(struct invocation *inv, struct workspace *workspace);
/*
 * Waits, at most --lock-timeout, for runs that conflict with the plan. *again: they have changed its basis,
 * so it has to be made again (`planned`: how often it was made). Errors were reported if the result, the exit
 * status, is not 0.
 */
int planning_wait_free(struct invocation *inv, struct plan *plan, bool saved, int planned, bool *plan_again);
/*
 * For commands that share the lock: makes a plan and applies it after planning_wait_free(), and repeats this
 * if another run was faster. `plan` is the last plan, also after a failure.
 */
struct planning_round {
    int (*make)(void *ctx, struct plan **plan); /* returns the exit status */
    void *ctx;
    const char *question;
    bool reviewed;
};
int planning_change(struct invocation *inv, const struct planning_round *round, struct plan **plan);
/* Returns "lease ends in 5 m 00 s" if the lease's warning time has begun, otherwise "". */
struct str planning_lease_soon(struct workspace *workspace, struct arena *arena, bool *ended);
/* Reports it as a warning with a hint. */
void planning_report_lease(const struct observer *observer, struct workspace *workspace);
/* Checks --approve and --reason against the stacks' rules. Errors were reported if the result, the exit
 * status, is not 0. */
int planning_check_approvals(struct invocation *inv, const struct stack *const *stacks, size_t n);
/* Reports broken rules, after the plan was shown. Returns not 0 if one of them is not just a warning. */
int planning_check_rules(struct invocation *inv, const struct plan *plan);
/* Notes the command that applies a saved plan from the current folder; `dir` is the value of -C (or NULL). */
void planning_note_saved(struct invocation *inv, const char *dir, const char *path);
/* Writes text or events to standard output. */
int planning_show(struct invocation *inv, const struct plan *plan);

/*
 * Shows the plan, asks `question` if a confirmation is needed, applies the plan and reports. `reviewed`: a
 * saved plan, which the user has seen before. *again: as in planning_wait_free(), if another run was faster;
 * NULL if the command holds the lock exclusively.
 */
int planning_execute(
    struct invocation *inv, struct plan *plan, const char *question, bool reviewed, bool *plan_again);

/* ---- explain.c: everything about one resource: its declaration, dependencies and dependents, its record,
 * its drift, and the runs that changed it. */
/* `address` of a resource or one of its instances. Returns the exit status. */
int explain_resource(struct invocation *inv, struct str address);
