/*
 * All members of a fleet (`fleet:` in the stack, stacks/load/fleet.c) at once: the same stack, once for each,
 * with a state of its own that others know as an environment (`-e anna`). They share connections and listings
 * (plan/evaluate/shared_listings.h), so that a refresh of twenty costs hardly more calls than that of one.
 *
 * Who is a member is remembered in the state of the stack itself, which has no resources: one that the list
 * does not name any more is taken down with the inputs that it was made with.
 *
 * Order of calls: fleet_open(); fleet_load(), fleet_lock() where something will be changed; fleet_plan();
 * fleet_apply(); fleet_close(). What fails for one member is kept with it and reported by fleet_report(); the
 * others go on.
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "plan/evaluate/shared_listings.h"

enum member_phase { MEMBER_WAITS, MEMBER_WORKS, MEMBER_IS_DONE, MEMBER_HAS_FAILED, MEMBER_IS_SKIPPED };

struct member {
    struct fleet *fleet;
    struct str name;
    bool former;                           /* the list does not name it any more */
    bool is_shared;                        /* no member, but the stack that all of them share */
    const struct value *inputs;            /* of a former one: what it was made with */
    const struct workspace_options *given; /* fleet_add(): how it is opened */
    struct workspace *base; /* with that: the fleet whose member it is, which remembers it; NULL: none */
    const size_t *needs; /* by place in the fleet: those whose outputs it refers to; no circle among them */
    size_t need_count;
    struct planned_stacks planned;
    struct saved_plan *saved; /* what is applied, exactly; NULL: a new plan */
    bool spared;              /* nothing is done to it after all */
    struct workspace_options options;
    struct workspace workspace; /* no stack in it: not loaded, or that failed */
    struct diags diags;
    struct plan *plan; /* NULL: not planned, or that failed */
    struct apply_result result;
    struct verified verified;
    bool looked;        /* for what is left */
    struct str trouble; /* what failed, rendered; "" nothing has */
    struct str reason;  /* the same as plain text */
    int status;         /* the exit status that it calls for */

    /* guarded by the fleet's lock, for those who watch */
    enum member_phase phase;
    size_t wanted, done, failed; /* resources */
    int64_t started_ms, ended_ms;
    char doing[96]; /* "creating db"; "" nothing in particular */
};

struct fleet_settings {
    struct settings shared;
    int at_once;
    bool verify, over_quota, cost;
    const char *format;   /* output */
    struct texts members; /* run */
};

struct fleet {
    struct invocation *inv;
    struct workspace base;
    struct shared *shared;
    struct member *members;      /* the shared stack, if there is one, then the members in order of name */
    size_t n, cap, others;       /* those behind them are other shards': see fleet_order.c */
    struct member *shared_stack; /* NULL: there is none */
    bool shared_leaves;          /* it goes, too, after the last member */
    const struct value *shared_outputs; /* what it gives, as planned, then as made; NULL: unknown */
    int at_once;
    size_t shard, shards; /* only those of the part of that number; 0: all */
    bool destroy;
    bool drift;   /* what others changed is looked for, nothing else */
    bool offline; /* only the files are looked at */
    bool applies; /* what was planned is being executed */
    /* Of members that refer to each other, what one is going to give to those that need it; `ctx` is who asks
     * (struct planned_stacks). NULL: they do not. */
    const struct value *(*outputs)(void *ctx, const struct backend_options *place);
    /* What a member is going to give, and then what it has given. NULL: nobody asks. */
    void (*gives)(struct member *m, const struct value *outputs);
    pthread_mutex_t lock;    /* of what follows */
    struct map reported;     /* warnings and notes, each once */
    bool stopping;           /* and the user was told */
    struct fleet_view *view; /* who watches; NULL: nobody */
};

/*
 * The members that the arguments name; all of them, former ones included, where there are none. Failures have
 * been reported when the result, the exit status, is not 0.
 */
int fleet_open(struct invocation *inv, struct fleet *fleet);
void fleet_close(struct fleet *fleet);
/* Is it one of these names, or are all meant, as there are none? */
bool fleet_names(const struct texts *names, struct str name);
/* Is there a member of that name among those that were chosen? */
bool fleet_has(const struct fleet *fleet, struct str name);
/*
 * A fleet of stacks that need not be alike: fleet_add() each, with options that outlive it, and go
 * on with fleet_load().
 */
int fleet_gather(struct invocation *inv, struct fleet *fleet);
/* What --shard says. The exit status. */
int fleet_read_shard(struct fleet *fleet);
bool fleet_is_in_shard(const struct fleet *fleet, struct str name);
void fleet_add(struct fleet *fleet, struct str name, const struct workspace_options *options);
/* Closes a loaded member, which is not taken down then. */
void fleet_spare(struct member *member);
/* Their stacks and states. */
void fleet_load(struct fleet *fleet);
/* All their locks; a member that somebody else works on has failed. */
void fleet_lock(struct fleet *fleet);
void fleet_plan(struct fleet *fleet);
/* Can all of it be made in the sandbox, where that is meant? Reported where it cannot; the exit status. */
int fleet_check_engines(struct fleet *fleet);
/* Do the account's quotas allow what all of them make? Reported where they do not; the exit status. */
int fleet_check_quotas(struct fleet *fleet);
/* Of whom something cannot be deleted that is to be has failed, before anything is called. */
void fleet_check_deletions(struct fleet *fleet);
/* Likewise those that break a rule, or, with `approvals`, one to which nobody agreed. */
void fleet_check_rules(struct fleet *fleet, bool approvals);
/* From now on the state knows those as members that are planned to be, or no more those that are gone. */
int fleet_remember(struct fleet *fleet, bool gone);
/* The same of members of several fleets: those of that one, and what they share (NULL: nothing, or it is not
 * looked at). */
int fleet_remember_in(struct fleet *fleet, struct workspace *base, const struct member *shared, bool gone);
/* Those that a fleet's state knows: a map of their names to their inputs. */
const struct value *fleet_known_members(const struct workspace *base);
/* The fleet whose member it is; that of a stack that is none's has no stack. */
const struct workspace *member_base(const struct member *member);
/* Its destroyed entirely, or going to be? */
bool member_goes(const struct member *member);
/* What is wrong with the member, as a command alone would say it. */
void member_fail(struct member *member, const struct err *err);

/* Has nothing gone wrong with it? */
bool member_fine(const struct member *m);
/* Plans it, unless it was planned or something is in its way. */
void member_plan(struct member *m);
/* So many changes at once for each member. */
int fleet_workers(const struct fleet *fleet);

/* ---- fleet_order.c ---- */

/* Calls `work` for each member, many at a time, for those first that others refer to; `backwards`: last. */
void fleet_each(struct fleet *fleet, bool backwards, void (*work)(struct member *m));
/* Does it refer to that one? */
bool member_needs(const struct member *member, const struct member *other);
/* True, and reported of it, where one that has to come before it failed or was skipped. */
bool member_skip(struct member *member);

/* Closes all but the chosen ones, of which those that need them know no more. `others` go behind them; NULL:
 * there are none. */
void fleet_keep(struct fleet *fleet, const bool *chosen, const bool *others);

/* ---- fleet_order.c: members of other shards, for which those of this one wait ---- */

/* Keeps the members of this shard, with those that come before them. */
void fleet_divide(struct fleet *fleet);
bool member_is_other(const struct member *member);
/* Until its shard is done with it, as its state says: then a plan of it changes nothing. As long as
 * --lock-timeout says; then it has failed. */
void member_await(struct member *member);

/* ---- fleet_apply.c ---- */

/* Is there anything to execute for any of them, and does it lose data? */
bool fleet_changes(const struct fleet *fleet, bool *loses_data);
/* Asks for consent, where that is called for. The exit status. */
int fleet_ask(struct fleet *fleet);
void fleet_apply(struct fleet *fleet);
/* Is there anything to execute? */
bool member_has_work(const struct member *member);
void member_carry_out(struct member *member);
/* What a member's planner and executor tell, for the view; with --json for whoever reads. `ctx` is the
 * member. */
void member_event(void *ctx, const struct event *event);
/* Looks for what is left of those that were destroyed. */
void fleet_verify(struct fleet *fleet);
void fleet_verify_shared(struct fleet *fleet);

/* ---- fleet_shared.c: `fleet: shared:` ---- */

/* Is it the one that the living members were made with? Reported where it is not; the exit status. */
int fleet_shared_check(struct invocation *inv, const struct workspace *base);
void fleet_shared_options(struct fleet *fleet, struct workspace_options *options);
bool fleet_shared_goes(const struct fleet *fleet, const struct value *known);
/* What the fleet's state remembers of it. */
const struct value *fleet_shared_memory(const struct member *shared, struct arena *arena);
/* It stays, or goes: members see what it has given. */
void fleet_shared_as_recorded(struct fleet *fleet);
/* Where it is to go and others use it, it does not. */
void fleet_shared_spare(struct fleet *fleet);
/* Before the members: where it fails, nobody who needs it begins. */
void fleet_shared_make(struct fleet *fleet);
/* After them, where nobody is left. */
void fleet_shared_leave(struct fleet *fleet, bool verify);

/* ---- fleet_run.c: the command ---- */

int fleet_run(struct invocation *inv);

/* ---- fleet_output.c ---- */

/* What the plans do to the cost, of each member and of all. */
int fleet_tell_cost(struct fleet *fleet);
/* Do all members of that fleet that are worked on keep together to its budget? Reported where they do not;
 * the exit status. `approvals`: somebody has to have agreed to it, where the budget wants that. */
int fleet_hold_budget(struct fleet *fleet, const struct workspace *base, bool approvals);

/* ---- fleet_output.c: the command ---- */

int fleet_drift(struct invocation *inv);
/* The same of one that is loaded; the exit status. */
int fleet_look_for_drift(struct fleet *fleet);

/* ---- fleet_output.c: the command ---- */

int fleet_output(struct invocation *inv);

/* ---- fleet_shared.c ---- */

/*
 * Is what an open workspace has shared by members of a fleet that are there, as far as states beside its own
 * tell? Then it is refused.
 */
int fleet_refuse_shared(struct workspace *workspace, struct err *err);

/* ---- fleet_show.c ---- */

/* "member" or "shared": what one of them is called in events. */
const char *fleet_noun(const struct member *member);
/* "member" or "stack", of which there are several. */
const char *fleet_unit(const struct fleet *fleet);
/* A table of what is planned, or of what was done. */
int fleet_show_plan(struct fleet *fleet);
/* How many were worked on, and how that went; what nobody could be asked about. */
void fleet_show_done(struct fleet *fleet, int64_t ms);
/* Of how many nothing is left, and where that was looked for. */
void fleet_show_verified(struct fleet *fleet);
/* What failed, once where it is the same for several; the worst status of all. */
int fleet_report(struct fleet *fleet);
/* Events with a name in each: {"event":"done","member":"anna",… */
#define FLEET_FOLDER "folder" /* of a stack among those of a repository */
void fleet_name_events(struct str json_lines, const char *noun, struct str name, struct buf *out);
/* An event with the member's name in it, to standard output. */
void fleet_event(struct member *member, struct str json_lines);

/* ---- fleet_view.c: a table that moves on a terminal, else a line for each member that is over ---- */

void fleet_view_begin(struct fleet *fleet);
void fleet_view_end(struct fleet *fleet);
/* Both with the fleet's lock held. A line that stays, besides what moves. */
void fleet_view_say(struct fleet *fleet, struct str line);
void fleet_view_changed(struct member *member);
