/*
 * All stacks below a folder at once (`--all`): found by their files, ordered by their references (`data:
 * {type: weir.stack}`), and planned and applied like the members of a fleet (cmd/fleet/fleet.h). The name of
 * a stack is its folder, relative to the top folder.
 *
 * Plans of stacks that refer to another stack use its planned outputs, which may be unknown; after it was
 * applied they are read from its state.
 *
 * Order of calls: repository_open(); fleet_plan() and the following functions of fleet.h; repository_close().
 */
#pragma once

#include "cmd/fleet/fleet.h"

/* A stack that is a fleet: its members are added as stacks named "FOLDER (MEMBER)". */
struct repository_fleet {
    const char *dir;
    struct workspace base; /* the fleet itself, whose state records the members */
    struct str shared;     /* name of the members' shared stack in the repository; "": not in it */
    const struct value *shared_outputs; /* of the shared stack: recorded, then planned, then applied */
    struct repository_fleet *next;
};

struct repository {
    struct invocation *inv;
    const char *top;    /* the folder that is searched */
    bool offline;       /* only the files are checked */
    struct texts names; /* folders with a stack, sorted; "." is the top folder */
    struct fleet fleet;
    struct repository_fleet *fleets;
};

/* Finds, loads and orders the stacks. Errors were reported if the result, the exit status, is not 0.
 * repository_close() has to be called in any case. */
int repository_open(struct invocation *inv, bool offline, bool destroy, struct repository *out);
/* The same for the stacks of a saved plan, as they were planned. */
int repository_open_saved(struct invocation *inv, const struct saved_plans *saved, struct repository *out);
void repository_close(struct repository *repository);
/* For commands that take DIR only with --all: returns EXIT_DONE, or reports the error. */
int repository_check_args(struct invocation *inv);

/* Returns the options for opening the stack in that folder. */
struct workspace_options *repository_options(struct repository *repository, const char *dir);

/* ---- repository_fleets.c ---- */

/* Adds the members of that fleet, including former ones. */
void repository_add_fleet(struct repository *repository, struct str name, const char *dir);
/* Returns NULL if the fleet cannot be opened. */
struct repository_fleet *repository_open_fleet(struct repository *repository, const char *dir);
/* Adds the shared stacks of fleets; `saved`: only those that are already present. Returns the exit status. */
int repository_add_shared(struct repository *repository, bool saved);
/* Returns the member that is the shared stack of the fleet `base`, or NULL. */
struct member *repository_shared_of(struct fleet *fleet, const struct workspace *base);
/* fleet->gives */
void repository_report_outputs(struct member *m, const struct value *outputs);
/* Checks the budget of each fleet: fleet_check_budget(). */
int repository_check_budgets(struct repository *repository, bool approvals);
/* Returns the folder of the fleet to whose member the name belongs; "": the name of a stack. */
struct str repository_fleet_of(struct str name);
/* Calls fleet_record_members() for each fleet. */
int repository_record_members(struct repository *repository, bool destroyed);

/* ---- repository_changed.c ---- */

/* Records which files the stack's functions read. Call it before the stack is opened with these options. */
void repository_record_reads(struct repository *repository, struct workspace_options *options);
/* Keeps the stacks that --changed selects. Returns the exit status. */
int repository_choose_changed(struct repository *repository);

/* ---- repository_run.c: the commands ---- */

struct repository_plan_settings {
    const char *out;      /* file for "weir apply FILE"; NULL: none */
    const char *markdown; /* file for a comment in Markdown; NULL: none */
    bool prints_markdown;
    bool destroy, detailed_exitcode;
};
int repository_plan(struct invocation *inv, const struct repository_plan_settings *settings);
int repository_validate(struct invocation *inv);
int repository_apply(struct invocation *inv);
int repository_apply_saved(struct invocation *inv, const struct saved_plans *saved);
int repository_destroy(struct invocation *inv, bool verify);
int repository_drift(struct invocation *inv);
