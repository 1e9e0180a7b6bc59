/*
 * All stacks below a folder at once (`--all`): found by their files, put in the order of their references
 * (`data: {type: weir.stack}`), and planned and applied as the members of a fleet are (cmd/fleet/fleet.h). A
 * stack is called by its folder, as seen from the one that is searched.
 *
 * What one of them is going to give is known to the plans of those that refer to it, with unknown values
 * where it has none yet; these are read from its state when it is made.
 *
 * Order of calls: repository_open(); fleet_plan() and what follows; repository_close().
 */
#pragma once

#include "cmd/fleet/fleet.h"

/* A stack that is a fleet: its members are among the stacks, called "FOLDER (MEMBER)". */
struct repository_fleet {
    const char *dir;
    struct workspace base; /* the fleet as a whole, whose state knows the members */
    struct str shared;     /* the name here of the stack that they share; "": there is none among these */
    const struct value *shared_outputs; /* of that one: as recorded, then as planned, then as made */
    struct repository_fleet *next;
};

struct repository {
    struct invocation *inv;
    const char *top;    /* the folder that is searched */
    bool offline;       /* only the files are looked at */
    struct texts names; /* of folders with a stack, sorted; "." is the top itself */
    struct fleet fleet;
    struct repository_fleet *fleets;
};

/* Finds, loads and connects them. Failures have been reported when the result, the exit status, is not 0;
 * repository_close() is called in any case. */
int repository_open(struct invocation *inv, bool offline, bool destroy, struct repository *out);
/* Instead: those of a saved plan, as they were planned. */
int repository_open_saved(struct invocation *inv, const struct saved_plans *saved, struct repository *out);
void repository_close(struct repository *repository);
/* For commands that take DIR only with --all: EXIT_DONE, or a mistake that was reported. */
int repository_check_args(struct invocation *inv);

/* How what is in that folder is opened. */
struct workspace_options *repository_options(struct repository *repository, const char *dir);

/* ---- repository_fleets.c ---- */

/* Adds the members of that fleet, also those that its list does not name any more. */
void repository_add_fleet(struct repository *repository, struct str name, const char *dir);
/* NULL: it cannot be opened. */
struct repository_fleet *repository_open_fleet(struct repository *repository, const char *dir);
/* The stacks that fleets share are among them, too; `saved`: only those that are already. The exit status. */
int repository_add_shared(struct repository *repository, bool saved);
/* The member that is the stack which the fleet of this one shares; NULL: there is none. */
struct member *repository_shared_of(struct fleet *fleet, const struct workspace *base);
/* fleet->gives */
void repository_gives(struct member *m, const struct value *outputs);
/* Does each fleet keep to its budget? fleet_hold_budget() of all. */
int repository_hold_budgets(struct repository *repository, bool approvals);
/* The folder of the fleet whose member has that name; "": it is a stack's. */
struct str repository_fleet_of(struct str name);
/* fleet_remember() of all fleets among them. */
int repository_remember(struct repository *repository, bool gone);

/* ---- repository_changed.c ---- */

/* Before a stack is opened with these options: what its functions read will be known. */
void repository_hear(struct repository *repository, struct workspace_options *options);
/* Keeps those that --changed means. The exit status. */
int repository_choose_changed(struct repository *repository);

/* ---- repository_run.c: the commands ---- */

struct repository_wishes {
    const char *out;      /* a file for "weir apply FILE"; NULL: none */
    const char *markdown; /* a file for the comment; NULL: none */
    bool prints_markdown;
    bool destroy, detailed_exitcode;
};
int repository_plan(struct invocation *inv, const struct repository_wishes *wishes);
int repository_validate(struct invocation *inv);
int repository_apply(struct invocation *inv);
int repository_apply_saved(struct invocation *inv, const struct saved_plans *saved);
int repository_destroy(struct invocation *inv, bool verify);
int repository_drift(struct invocation *inv);
