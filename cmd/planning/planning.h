/*
 * Planning and carrying out, as the commands plan, apply, destroy and drift share it.
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "cmd/output/render.h"

struct render_options render_options_for(const struct invocation *inv);

/* The consents to a teardown that the options give, as enum teardown. */
unsigned planning_teardown(const struct settings *settings);

/*
 * Makes the plan of an open workspace from the shared options. `saved` is applied exactly, or NULL. Reported
 * when the result, the exit status, is not 0.
 */
int planning_make(struct invocation *inv, struct workspace *workspace, bool destroy, struct saved_plan *saved,
    struct plan **out);
/* The same to look at drift: artifacts stay as they are, nothing is built or packed. */
int planning_make_as_recorded(struct invocation *inv, struct workspace *workspace, struct plan **out);
/* A plan of the wanted targets alone (deploy, rollback). */
int planning_make_alone(struct invocation *inv, struct workspace *workspace,
    const struct plan_options *wanted, struct plan **out);
/* For its `wanted`: what the command line targets, if only a part of the state may be needed for that; else
 * NULL. */
const struct wanted_part *planning_part(struct invocation *inv);
/* invocation_open(), with the stack as it was at the run that --to names. */
int planning_open(struct invocation *inv, const struct workspace_options *wanted, struct workspace *out);
/* For commands that go on to change something: nobody else may while they plan and ask. */
int planning_lock(struct invocation *inv, struct workspace *workspace);
/* The same together with others, whose changes and these must not meet: planning_meets() tells. */
int planning_share(struct invocation *inv, struct workspace *workspace);
/*
 * Waits for runs that the plan meets, as long as --lock-timeout says. *again: it has to be made again, as
 * they have changed something of what it was made from (`planned`: how often that was done). Reported where
 * the result, the exit status, is not 0.
 */
int planning_meets(struct invocation *inv, struct plan *plan, bool saved, int planned, bool *again);
/*
 * For commands that share the lock: makes a plan and carries it out, with planning_meets() in between, again
 * where others were first. `plan`: the last one, also where that failed.
 */
struct planning_round {
    int (*make)(void *ctx, struct plan **plan); /* the exit status */
    void *ctx;
    const char *question;
    bool reviewed;
};
int planning_change(struct invocation *inv, const struct planning_round *round, struct plan **plan);
/* "lease ends in 5 m 00 s" where the lease says that it is time to warn; "" otherwise. */
struct str planning_lease_soon(struct workspace *workspace, struct arena *arena, bool *ended);
/* The same as a warning, with what can be done. */
void planning_say_lease(const struct observer *observer, struct workspace *workspace);
/* Do --approve and --reason fit the stacks' rules? Reported where the result, the exit status, is not 0. */
int planning_check_approvals(struct invocation *inv, const struct stack *const *stacks, size_t n);
/* Reports rules that are broken; not 0 where one of them is no mere warning. After the plan was shown. */
int planning_hold_rules(struct invocation *inv, const struct plan *plan);
/* The command that carries a saved plan out from here; `dir` is what -C is given (or NULL). */
void planning_note_saved(struct invocation *inv, const char *dir, const char *path);
/* Text or events to standard output. */
int planning_show(struct invocation *inv, const struct plan *plan);

/*
 * Shows the plan, asks (`question`) unless that is not called for, carries it out and reports. `reviewed`: a
 * saved plan, which somebody has seen before. *again: as in planning_meets(), of runs that were quicker;
 * NULL where the command has the lock alone.
 */
int planning_carry_out(
    struct invocation *inv, struct plan *plan, const char *question, bool reviewed, bool *again);

/* ---- explain.c: all there is to know of one resource: where the file gives it, what it needs and what
 * needs it, what is recorded, what the live service says to that, and which runs changed it. */
/* `address` of a resource, or of one of its instances. Returns the exit status. */
int explain_resource(struct invocation *inv, struct str address);
