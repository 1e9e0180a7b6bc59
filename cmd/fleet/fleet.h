/*
 * All members of a fleet at once (`fleet:` in the stack, stacks/load/fleet.c): the same stack applied once
 * for each member, each with its own state, which other commands treat as an environment (`-e anna`). Members
 * share connections and listings (plan/evaluate/shared_listings.h), so the refresh of twenty members needs
 * hardly more calls than that of one.
 *
 * The state of the stack itself has no resources; it records the members. A member that the list no longer
 * names is destroyed with its recorded inputs.
 *
 * Order of calls: fleet_open(); fleet_load(); fleet_lock() if something will be changed; fleet_plan();
 * fleet_apply(); fleet_close(). Failures of a member are kept with the member and reported by fleet_report();
 * the others continue.
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "plan/evaluate/shared_listings.h"

enum member_phase { MEMBER_WAITS, MEMBER_WORKS, MEMBER_IS_DONE, MEMBER_HAS_FAILED, MEMBER_IS_SKIPPED };

struct member {
    struct fleet *fleet;
    struct str name;
    bool former;                           /* the list no longer names it */
    bool is_shared;                        /* not a member but the shared stack */
    const struct value *inputs;            /* of a former member: its recorded inputs */
    const struct workspace_options *given; /* fleet_add(): its options */
    struct workspace *base; /* with `given`: the fleet that records it as a member; NULL: none */
    const size_t *needs; /* by index in the fleet: the members whose outputs it refers to; without cycles */
    size_t need_count;
    struct planned_stacks planned;
    struct saved_plan *saved; /* the plan to apply exactly; NULL: a new plan */
    bool excluded;            /* excluded: nothing is changed */
    struct workspace_options options;
    struct workspace workspace; /* without stack: not loaded, or loading failed */
    struct diags diags;
    struct plan *plan; /* NULL: not planned, or planning failed */
    struct apply_result result;
    struct verified verified;
    bool searched;          /* remaining resources were searched */
    struct str error_text;  /* the rendered errors; "": none */
    struct str error_plain; /* the errors as plain text */
    int status;             /* the exit status of the errors */

    /* guarded by the fleet's lock, read by the view */
    enum member_phase phase;
    size_t wanted, done, failed; /* numbers of resources */
    int64_t started_ms, ended_ms;
    char current_step[96]; /* "creating db"; "": nothing */
};

struct fleet_settings {
    struct settings shared;
    int at_once;
    bool verify, over_quota, cost;
    const char *format;   /* of `fleet output` */
    struct texts members; /* of `fleet run` */
};

struct fleet {
    struct invocation *inv;
    struct workspace base;
    struct shared *shared;
    struct member *members;      /* the shared stack if there is one, then the members sorted by name */
    size_t n, cap, others;       /* `others` members of other shards follow the first n: see fleet_order.c */
    struct member *shared_stack; /* NULL: none */
    bool shared_destroyed;       /* it is destroyed too, after the last member */
    const struct value *shared_outputs; /* its planned outputs, then the applied ones; NULL: unknown */
    int at_once;
    size_t shard, shards; /* the selected shard and the number of shards; 0: all members */
    bool destroy;
    bool drift;   /* only drift is detected */
    bool offline; /* only the files are checked */
    bool applies; /* the plans are being applied */
    /* Returns the planned outputs of the stack at `place`, for members that refer to each other; `ctx` is the
     * requesting struct planned_stacks. NULL: they do not. */
    const struct value *(*outputs)(void *ctx, const struct backend_options *place);
    /* Reports the planned, and later the applied, outputs of a member. NULL: not needed. */
    void (*report_outputs)(struct member *m, const struct value *outputs);
    pthread_mutex_t lock;    /* guards the following fields */
    struct map reported;     /* warnings and notes that were reported, each once */
    bool stopping;           /* the run is stopping, and the user was told */
    struct fleet_view *view; /* the progress display; NULL: none */
};

/*
 * Opens the members that the arguments name; without arguments all, including former ones. Returns the exit
 * status; failures were reported.
 */
int fleet_open(struct invocation *inv, struct fleet *fleet);
void fleet_close(struct fleet *fleet);
/* Returns whether `name` is among the names, or there are no names. */
bool fleet_names(const struct texts *names, struct str name);
/* Returns whether the selected members include `name`. */
bool fleet_has(const struct fleet *fleet, struct str name);
/*
 * Creates a fleet of different stacks: call fleet_add() for each, with options that outlive the fleet, then
 * fleet_load().
 */
int fleet_new(struct invocation *inv, struct fleet *fleet);
/* Reads --shard. Returns the exit status. */
int fleet_read_shard(struct fleet *fleet);
bool fleet_is_in_shard(const struct fleet *fleet, struct str name);
void fleet_add(struct fleet *fleet, struct str name, const struct workspace_options *options);
/* Closes a loaded member, which is then not destroyed. */
void fleet_exclude(struct member *member);
/* Loads the members' stacks and states. */
void fleet_load(struct fleet *fleet);
/* Locks all states. A member that another run has locked fails. */
void fleet_lock(struct fleet *fleet);
void fleet_plan(struct fleet *fleet);
/* With a sandbox: checks that it can create all resources, and reports those it cannot. Returns the exit
 * status. */
int fleet_check_engines(struct fleet *fleet);
/* Checks the account's quotas against all members together, and reports exceeded ones. Returns the exit
 * status. */
int fleet_check_quotas(struct fleet *fleet);
/* Fails members with deletions that are not possible, before anything is called. */
void fleet_check_deletions(struct fleet *fleet);
/* Fails members that break a rule, or with `approvals` a rule that nobody approved. */
void fleet_check_rules(struct fleet *fleet, bool approvals);
/* Records the planned members in the state, or with `gone` removes destroyed ones. Returns the exit
 * status. */
int fleet_record_members(struct fleet *fleet, bool destroyed);
/* The same for one of several fleets: records the members of `base` and the shared stack (NULL: none, or not
 * loaded). */
int fleet_record_members_in(
    struct fleet *fleet, struct workspace *base, const struct member *shared, bool destroyed);
/* Returns the members that the fleet's state records: a map of their names to their inputs. */
const struct value *fleet_known_members(const struct workspace *base);
/* Returns the workspace of the member's fleet; it has no stack if the member belongs to no fleet. */
const struct workspace *member_base(const struct member *member);
/* Returns whether the member is destroyed completely, or is planned to be. */
bool member_is_destroyed(const struct member *member);
/* Records an error of the member, rendered as by a command on the member alone. */
void member_fail(struct member *member, const struct err *err);

/* Returns whether the member has no errors. */
bool member_is_ok(const struct member *m);
/* Plans the member, unless it was planned or has errors. */
void member_plan(struct member *m);
/* Returns the number of concurrent changes for each member. */
int fleet_workers(const struct fleet *fleet);

/* ---- fleet_order.c ---- */

/* Calls `work` for each member, many in parallel, each after the members it refers to; `backwards`: before
 * them. */
void fleet_each(struct fleet *fleet, bool backwards, void (*work)(struct member *m));
/* Returns whether `member` refers to `other`. */
bool member_needs(const struct member *member, const struct member *other);
/* Returns true, and reports it, if a member that has to come first failed or was skipped. */
bool member_skip(struct member *member);

/* Closes all members that are not chosen and removes them from the others' needs. `others` (may be NULL)
 * follow the chosen ones. */
void fleet_select(struct fleet *fleet, const bool *chosen, const bool *others);

/* ---- fleet_order.c: members of other shards, for which members of this shard wait ---- */

/* Keeps the members of this shard, and the members that come before them. */
void fleet_select_shard(struct fleet *fleet);
bool member_is_other(const struct member *member);
/* Blocks until the member's shard has applied it, that is until a plan against its state has no changes.
 * After --lock-timeout the member fails. */
void member_await(struct member *member);

/* ---- fleet_apply.c ---- */

/* Returns whether any member has changes to apply; *loses_data: whether they lose data. */
bool fleet_changes(const struct fleet *fleet, bool *loses_data);
/* Asks for confirmation if needed. Returns the exit status. */
int fleet_ask(struct fleet *fleet);
void fleet_apply(struct fleet *fleet);
/* Returns whether the member has changes to apply. */
bool member_has_work(const struct member *member);
void member_execute(struct member *member);
/* Receives the events of a member's planner and executor, for the view and for --json. `ctx` is the
 * member. */
void member_event(void *ctx, const struct event *event);
/* Searches for remaining resources of destroyed members. */
void fleet_verify(struct fleet *fleet);
void fleet_verify_shared(struct fleet *fleet);

/* ---- fleet_shared.c: `fleet: shared:` ---- */

/* Checks that the shared stack is the one with which the existing members were applied; reports it if not.
 * Returns the exit status. */
int fleet_shared_check(struct invocation *inv, const struct workspace *base);
void fleet_shared_options(struct fleet *fleet, struct workspace_options *options);
bool fleet_shared_is_destroyed(const struct fleet *fleet, const struct value *known);
/* Returns the record of the shared stack for the fleet's state. */
const struct value *fleet_shared_record(const struct member *shared, struct arena *arena);
/* The shared stack is not changed: members use its recorded outputs. */
void fleet_shared_as_recorded(struct fleet *fleet);
/* Excludes the shared stack from destruction if others use it. */
void fleet_shared_exclude(struct fleet *fleet);
/* Applies the shared stack before the members. If it fails, members that need it are not started. */
void fleet_shared_apply(struct fleet *fleet);
/* Destroys the shared stack after the last member. */
void fleet_shared_destroy(struct fleet *fleet, bool verify);

/* ---- fleet_run.c: the command ---- */

int fleet_run(struct invocation *inv);

/* ---- fleet_output.c ---- */

/* Shows the cost changes of the plans, for each member and in total. */
int fleet_show_cost(struct fleet *fleet);
/* Checks the budget against all members of the fleet `base` together, and reports if it is exceeded. Returns
 * the exit status. `approvals`: an approval is required if the budget demands it. */
int fleet_check_budget(struct fleet *fleet, const struct workspace *base, bool approvals);

/* ---- fleet_output.c: the command ---- */

int fleet_drift(struct invocation *inv);
/* The same for a loaded fleet. Returns the exit status. */
int fleet_find_drift(struct fleet *fleet);

/* ---- fleet_output.c: the command ---- */

int fleet_output(struct invocation *inv);

/* ---- fleet_shared.c ---- */

/*
 * Returns -1 with err if existing members of a fleet share the workspace's stack, as far as the states beside
 * its own tell; otherwise 0.
 */
int fleet_refuse_shared(struct workspace *workspace, struct err *err);

/* ---- fleet_show.c ---- */

/* Returns "member" or "shared", the member's key in events. */
const char *fleet_noun(const struct member *member);
/* Returns "member" or "stack", the name of the fleet's items. */
const char *fleet_unit(const struct fleet *fleet);
/* Shows a table of what is planned, or of what was done. */
int fleet_show_plan(struct fleet *fleet);
/* Shows how many members were processed with which result, and resources whose deletion could not be
 * confirmed. */
void fleet_show_done(struct fleet *fleet, int64_t ms);
/* Shows for how many members nothing is left, and where that was searched. */
void fleet_show_verified(struct fleet *fleet);
/* Reports the errors, equal ones only once. Returns the worst status. */
int fleet_report(struct fleet *fleet);
/* Adds a name to each event: {"event":"done","member":"anna",… */
#define FLEET_FOLDER "folder" /* the key of a repository's stack */
void fleet_name_events(struct str json_lines, const char *noun, struct str name, struct buf *out);
/* Writes an event with the member's name to standard output. */
void fleet_event(struct member *member, struct str json_lines);

/* ---- fleet_view.c: on a terminal a table that is redrawn, otherwise a line for each finished member ---- */

void fleet_view_begin(struct fleet *fleet);
void fleet_view_end(struct fleet *fleet);
/* Both are called with the fleet's lock held. fleet_view_print() writes a permanent line above the table. */
void fleet_view_print(struct fleet *fleet, struct str line);
void fleet_view_changed(struct member *member);
