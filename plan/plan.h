/*
 * Plans: what would change, and carrying it out.
 *
 * Order of calls: workspace_open(), plan_make() (or plan_load() of a saved one), show it, plan_apply(),
 * plan_free().
 *
 * plan_make() evaluates the stack, refreshes what the state knows against the live services (in bulk where it
 * can) and compares: desired (the file), recorded (what the last apply set) and live. It changes nothing.
 * plan_apply() carries the plan out with many workers; each change is recorded in the state log before and
 * after it is made.
 */
#pragma once

#include "plan/state/stack_data.h"
#include "plan/workspace.h"

enum action {
    ACTION_NOOP,
    ACTION_READ, /* a data source that can be read only during apply */
    ACTION_CREATE,
    ACTION_UPDATE,
    ACTION_REPLACE, /* delete, then create; or the reverse */
    ACTION_DELETE,
    ACTION_ADOPT,  /* imports: taken under management, then updated if it differs */
    ACTION_FORGET, /* removed with destroy: false */
    ACTION_COUNT
};

const char *action_name(enum action action); /* "create" … as in --json and the log */
enum action action_named(struct str name);   /* ACTION_NOOP also for what is no name of one */

/* One attribute's change. Values may be unknown or sensitive; NULL: not set. */
struct attr_change {
    struct str name;
    const struct attr *attr;
    const struct value *before, *after;
    bool replaces; /* this attribute's change forces the replacement */
    bool stays;    /* of a replacement: the new one has it as the old one had */
};

/*
 * Does the file give a map of which the values are secret and the names are not? Not where it gives one as a
 * whole that is secret. And can the names of what is there be shown beside it? Not where only a hash is
 * known.
 */
bool attr_change_names_given(const struct attr_change *change);
bool attr_change_names_open(const struct attr_change *change);

/* What becomes of a resource. */
struct decision {
    enum action action;
    bool create_first; /* REPLACE: the new one is made before the old one is deleted */
};

struct change {
    struct subject subject; /* its id as recorded, or of what is there already (ADOPT) */
    const struct schema
        *schema;             /* NULL for a type that is not known any more (only then with ACTION_FORGET) */
    const struct decl *decl; /* that gives it; NULL: it has no instance, or is of a saved plan */
    struct decision decision;
    struct str reason;     /* why, where it is not plain: "removed from the configuration", "half-made by an
                              earlier run", … */
    struct str moved_from; /* "" : not moved */
    struct attr_change *attrs; /* what changes (create: everything that is set) */
    size_t attr_count;
    struct attr_change *drift; /* recorded -> live, of managed attributes */
    size_t drift_count;
    bool adopted;              /* it was there before weir: deleting it needs consent */
    const struct value *prior; /* delete: the object as it is handed over for that; NULL: as recorded */
    const struct value
        *data_loss; /* delete: what else goes, stays or is in the way, see resource_ops.data_loss; of what
                    services left, and of what stays, also `type`, `id` */
    int64_t owned_at_ms;       /* delete: when that was looked at, it was the stack's; 0: not looked at */
    bool deleted;              /* drift: it was deleted outside weir */
    struct instance *instance; /* planner's own; NULL: removed from the configuration, or with destroy */
    struct seen *seen;         /* planner's own; NULL: not recorded */
    struct str left;           /* apply: who claims it, so that it is left; "": nobody */
};

struct output_change {
    struct str name, description;
    const struct value *before, *after; /* NULL: not there */
    bool sensitive;
};

/* Recorded, and could not be looked at: it counts as recorded, whatever has become of it. */
struct unread {
    struct str address;
    struct str why; /* "the settings of provider \"retail\" are known only after apply" */
};

/* What a rule (stacks/stack.h) says of a resource, or of the plan. */
enum finding_outcome {
    FINDING_BROKEN,
    FINDING_WAITS,    /* it is asked before the resource's call */
    FINDING_WAIVED,   /* the stack need not keep it, until a day */
    FINDING_APPROVED, /* somebody agreed to it */
    FINDING_KEPT,     /* of checks, which are always reported */
    FINDING_OUTCOMES
};

const char *finding_outcome_name(enum finding_outcome outcome); /* "broken" … as in --json and saved plans */

struct rule_finding {
    struct str rule;    /* its name */
    struct str address; /* "plan": of the plan as a whole */
    struct str type, message;
    struct str doc, control, link; /* of the rule; "" not given */
    bool builtin;                  /* a rule that comes with weir */
    struct str reason, until;      /* WAIVED; APPROVED: the reason alone */
    enum rule_level level;
    enum finding_outcome outcome;
    bool unknown;     /* broken only because nobody can tell */
    struct span span; /* where the file configures what it is about; source NULL in a saved plan */
    struct span rule_span;
};

struct plan {
    struct arena arena;
    struct workspace *workspace;
    struct change **changes; /* every instance with an action or drift, in order of address; NOOPs without
                               drift are left out */
    size_t change_count;
    size_t counts[ACTION_COUNT];   /* of instances, NOOPs included */
    size_t adopt_updates;          /* imports that change what is there: of ACTION_ADOPT */
    struct output_change *outputs; /* only those that change */
    size_t output_count;
    const struct value *output_values; /* all root outputs as planned */
    size_t resource_count;             /* instances in the stack */
    size_t left_count;                 /* of these, what no target means: they were not compared */
    bool left_unread;                  /* and more that was not even read */
    size_t refresh_count;              /* recorded resources that were read */
    const struct unread *unread;       /* and those that were to be; in order of why, then of address */
    size_t unread_count;
    struct rule_finding *findings;
    size_t finding_count;
    struct rule_finding *checks; /* what checks say after an apply; none before that */
    size_t check_count;
    size_t rules_asked; /* how often a rule was asked of something */
    uint64_t refresh_requests;
    bool refreshed_quickly; /* only what listings show was looked at */
    int64_t refresh_ms;
    bool refreshed;
    bool destroy;
    bool leases;             /* it begins or changes the stack's lease */
    bool drifted;            /* something changed outside weir */
    struct planner *planner; /* planner's own */
};

/* What happens, for the terminal and --json. Calls never overlap. */
enum event_kind {
    EVENT_REFRESH,      /* text: "reading 300 resources" */
    EVENT_REFRESH_DONE, /* count: requests, ms */
    EVENT_START,        /* address, action */
    EVENT_PROGRESS,     /* address, action, text: "waiting for status available (creating)" */
    EVENT_DONE,         /* address, action, ms, id */
    EVENT_FAILED,       /* address, action, ms, err */
    EVENT_SKIPPED,      /* address, action, text: because of what */
    EVENT_RECOVERED,    /* address, text: what an interrupted run had left and what became of it */
    EVENT_STOPPING,     /* a signal came: nothing new is started */
    EVENT_WARNING,      /* text */
    EVENT_NOTE,         /* address, text: what is no change, but worth knowing */
    EVENT_PRINTED,      /* address, text: a line that a build command printed */
    EVENT_SCHEDULED,    /* exec_graph: nothing has been started yet */
};

/* One step of a run. Where it has no address nothing is to be seen of it: others wait for others through it.
 */
struct exec_graph_step {
    struct str address;
    enum action action;
    bool aside;
};

/* The steps of a run: targets[first[i]] … targets[first[i + 1] - 1] wait for steps[i]. Addresses live as
 * long as the plan, the rest as long as the event. */
struct exec_graph {
    const struct exec_graph_step *steps;
    const uint32_t *first, *targets;
    uint32_t n;
};

struct event {
    enum event_kind kind;
    struct str address, id;
    enum action action;
    const char *text;
    const struct err *err;
    struct span span; /* FAILED: where the file says what failed, as far as it does */
    int64_t ms;
    uint64_t count;
    uint32_t step; /* START, DONE, FAILED, SKIPPED of a run: its place in the execution graph + 1 */
    const struct exec_graph *exec_graph; /* SCHEDULED */
    bool aside; /* the old one of a replacement: its resource is counted with the new one */
};

struct observer {
    void (*event)(void *ctx, const struct event *event); /* NULL: nobody listens */
    void *ctx;
};

struct plan_options {
    bool destroy;
    bool no_refresh;
    bool quick_refresh;        /* only what listings show of many at once */
    bool offline;              /* validate: no state, no service */
    const struct str *targets; /* addresses, of single instances too; none: everything */
    size_t target_count;
    bool
        delete_adopted; /* consent to delete what was there before weir, or may not be the stack's any more */
    int64_t lease_ms;   /* an apply begins or renews the lease for so long; 0: as the stack says */
    unsigned teardown;  /* what may go besides the resources that are deleted, enum teardown */
    const struct str *replaces; /* --replace */
    size_t replace_count;
    const struct str *approved; /* rules of level approval that somebody agreed to */
    size_t approved_count;
    struct str approval_reason;
    /* What the stack costs with a plan, for rules that name plan.cost; unknown where nobody can tell. NULL:
     * nobody can. */
    const struct value *(*cost)(void *ctx, const struct plan *plan, struct arena *arena);
    void *cost_ctx;
    bool no_budget;  /* the stack's budget is not asked: others keep to it together, or nobody pays */
    int parallelism; /* 0: 32 */
    const atomic_bool *cancel; /* set: planning is given up (ERR_INTERRUPTED); NULL: never */
    struct observer observer;
    /*
     * Only the targets themselves, not what they depend on: that has to be there, and nothing else is looked
     * at. What refers to a target and changes with it is a target, too.
     */
    bool alone;
    bool leave_jobs;  /* with alone: jobs that are no targets stay as they are, whatever reaches them */
    bool as_recorded; /* artifacts as they are in use: nothing is built or packed to see what has become of
                         them */
    bool latest;      /* what was rolled back goes forward again */
    const struct value *versions; /* address -> SHA-256 of the version it is to go back to; NULL: none */
    struct str import_address, import_id; /* one more import than the stack lists; "" none */
    const struct value
        *saved_live; /* plan_load() only: live values by address instead of a refresh; NULL otherwise */
    const struct value *saved_ownership; /* with these: whose it is, where that was seen */
    const struct since
        *since; /* and what others may have changed since (plan/objects/concern.h); NULL: nothing */
};

/*
 * -1 with errors in diags (the stack is wrong) or with err. The plan refers to the workspace, which must
 * outlive it.
 */
int plan_make(struct workspace *workspace, const struct plan_options *options, struct diags *diags,
    struct plan **out, struct err *err);
void plan_free(struct plan *plan);
/* How many changes have the action: an import that changes what is there is an update as well. */
size_t plan_count(const struct plan *plan, enum action action);
/* Of all actions; NOOPs are none. */
size_t plan_count_all(const struct plan *plan);
/* NULL: nothing of that address is in plan->changes. */
const struct change *plan_change_at(const struct plan *plan, struct str address);
/* Can everything be deleted that is to be? -1 where something is in the way of it (ERR_INVALID). */
int plan_check_deletions(const struct plan *plan, struct err *err);
/* Are all rules kept whose breach is an error? Has somebody agreed to what others report? -1 (ERR_INVALID).
 * Nothing is applied otherwise. */
int plan_check_rules(const struct plan *plan, struct err *err);
int plan_check_approvals(const struct plan *plan, struct err *err);
/* Fills plan->checks: the stack's checks, asked of what is there now, at the end of plan_apply(). With
 * `cancel` what is not yet known is given up (NULL: never). */
void plan_ask_checks(struct plan *plan, const atomic_bool *cancel);
/* Is each of level error kept? -1 (ERR_INVALID). */
int plan_check_checks(const struct plan *plan, struct err *err);
/* Is there anything to do? Drift alone and outputs alone: see plan->drifted, plan->output_count. */
bool plan_has_changes(const struct plan *plan);
/* Calls visit for each resource that is as the stack says, without those that targets leave out. Not of a
 * plan that was read from a file. */
void plan_each_unchanged(
    const struct plan *plan, void (*visit)(void *ctx, const struct subject *subject), void *ctx);
/* Is applying it a run, which the history has: it changes something, or asks the checks, which may fail? */
bool plan_is_a_run(const struct plan *plan);

/*
 * Where others may be at work in the same state: can the plan be applied now? ERR_LOCKED where one of
 * them changes or refers to what it changes, or changes what it refers to; ERR_STALE where one has done so
 * since it was made. plan_apply() asks again. `partial`: what meets them is left (struct change), unless
 * that is all.
 */
int plan_check_free(struct plan *plan, bool partial, struct err *err);
/* Is it about so much that it needs the state's lock alone, which is only shared so far? */
bool plan_needs_lock(const struct plan *plan);

struct apply_options {
    int parallelism; /* 0: 32 */
    const atomic_int
        *signals; /* number of SIGINT/SIGTERM so far: 1 stops starting, 2 gives up waiting; NULL: none */
    int64_t lock_timeout_ms;
    bool partial;            /* what other runs claim is left, with what depends on it */
    const atomic_bool *stop; /* the checks are asked at the end, until it is set; NULL: they are not */
    struct observer observer;
};

struct apply_result {
    size_t done[ACTION_COUNT], failed, skipped;
    size_t left;            /* of those skipped: claimed by other runs */
    struct err first_error; /* of the resource that failed first */
    bool interrupted;
    bool unbegun;    /* another run was first: nothing was done */
    bool unrecorded; /* the state could not be written: of what was last done it has the intents only */
    const struct value *outputs; /* after it; in the plan's arena */
    const struct str *unseen; /* destroy: addresses of what went unseen with its service; sorted, likewise */
    size_t unseen_count;
};

/*
 * Takes the lock (unless the command took it before planning, with state_lock()), checks that the state has
 * not moved on since the plan was made (ERR_STALE), carries everything out and records it. 0 when all was
 * done; -1 with err otherwise (result is filled in any case).
 */
int plan_apply(
    struct plan *plan, const struct apply_options *options, struct apply_result *result, struct err *err);

/*
 * Saved plans. The file holds what was decided (actions, seen live values, state position, digest of the
 * stack's files, inputs), nothing secret in clear: sensitive inputs must be given again when it is applied,
 * and secrets that were seen are sealed with the state's key, or hashed. All of it is under one digest, and
 * where the state has a key it is authenticated with that.
 *
 * plan_load() makes the same plan again from the file's live values, and refuses (ERR_STALE) where anything
 * would come out differently from what saved_plan_shown() gives: services are asked only for what else goes
 * with deletions.
 */
int plan_save(const struct plan *plan, const char *path, struct err *err);
/* The file's text. */
void plan_write(const struct plan *plan, struct buf *out);
struct saved_plan; /* read from a file, before the workspace is open: says which inputs and environment to
                      open it with */
/* ERR_DAMAGED where the file is not as it was written. */
int saved_plan_read(const char *path, struct saved_plan **out, struct err *err);
/* Of the file's text, which must outlive it; `name` is for messages. */
int saved_plan_parse(struct str text, const char *name, struct saved_plan **out, struct err *err);
void saved_plan_free(struct saved_plan *saved);
/*
 * What it does, to be printed where neither the stack nor its secrets are: it has no workspace, and lives as
 * long as `saved`. Types that the catalog does not know are shown without what a schema says.
 */
const struct plan *saved_plan_shown(struct saved_plan *saved, struct catalog *catalog);
/* A resource as a whole, whether it changes or not. Secrets in it are marked, and their values lost. */
struct planned_object {
    struct str address, type, id;       /* id "": none yet, or none needed */
    struct str region;                  /* "": in none, or that is not known yet */
    const struct value *ignored_tags;   /* the provider's */
    const struct schema *schema;        /* NULL: the catalog does not know the type */
    const struct value *before, *after; /* NULL: it is not there */
    enum action action;
    bool create_first;
    const struct value *given;      /* list of the attributes that the file configures */
    const struct value *references; /* attribute -> list of what it refers to: "net/vpc.vpc_id" */
    const struct value *parts;      /* likewise, of that what only parts of values are made of */
};
/* All of them, first in the stack's order, then what has left it. They live as long as `saved`. */
const struct planned_object *saved_plan_objects(struct saved_plan *saved, struct catalog *catalog, size_t *n);
struct str saved_plan_stack(const struct saved_plan *saved);
struct str saved_plan_env(const struct saved_plan *saved);
/* The inputs as they were given ("k=v"), without sensitive ones. */
const struct str *saved_plan_inputs(const struct saved_plan *saved, size_t *n);
int plan_load(struct workspace *workspace, struct saved_plan *saved, const struct plan_options *options,
    struct diags *diags, struct plan **out, struct err *err);

/* Plans of several stacks in one file, each with the name that its stack has in a repository. */
struct saved_plans;
struct saved_one {
    struct str name;
    struct saved_plan *plan;
};
int saved_plans_write(const char *path, const struct str *names, const struct plan *const *plans, size_t n,
    bool destroy, struct err *err);
/* *out NULL: it is no such file. */
int saved_plans_read(const char *path, struct saved_plans **out, struct err *err);
const struct saved_one *saved_plans_items(const struct saved_plans *many, size_t *n, bool *destroy);
void saved_plans_free(struct saved_plans *many);

/* ---- looking for leftovers ---- */

struct leftover {
    struct subject subject; /* its address: of the resource that it was, or belonged to; "" not known */
    struct str why;         /* "has this stack's ownership tags" */
};

/* What plan_verify() found, and where it looked; in the plan's arena. */
struct verified {
    const struct leftover *left;
    size_t left_count;
    const struct leftover
        *forgotten; /* what `removed: destroy: false` left where it is: reported, not left over */
    size_t forgotten_count;
    const struct str *locations; /* "eu-west-1 of account 123456789012", sorted */
    size_t location_count;
    const struct str *unseen; /* addresses of what was deleted with the service in which it lay; sorted */
    size_t unseen_count;
    size_t asked; /* resources that were looked for by their ids or names, and that somebody answered for */
    bool tags_searched; /* AWS was asked for what has the stack's ownership tags */
};

/*
 * After a destroy was planned, and applied where there was something to do: looks by the recorded ids, by
 * the names that the stack would give, and by its ownership tags for what is still there, and for what
 * services left. Resources that were recorded are looked for where they were made. What the deletion has not
 * reached everywhere yet is given a few seconds. Whatever cannot be looked for is a failure, but for what was
 * deleted, with success, together with the stack's own service in which it lay.
 */
int plan_verify(struct plan *plan, const atomic_bool *cancel, struct verified *out, struct err *err);

/* ---- going back ---- */

/*
 * The stack's files (for stack_options.files) and inputs ("k=v", without sensitive ones) as a run in the
 * history had them. ERR_ABSENT where they were not kept: a secret is in them and the state has no key.
 */
int sources_read(const struct workspace *workspace, struct str run, struct arena *arena,
    const struct value **files, const struct str **inputs, size_t *n, struct err *err);
/*
 * The same of the last run that has any, where nothing but the state is there. `dir`: where key files are
 * looked for; *root: which of the files is the stack's own.
 */
int sources_last(struct backend *backend, const struct value *config, struct str dir, struct arena *arena,
    const struct value **files, struct str *root, const struct str **inputs, size_t *n, struct err *err);

/*
 * Takes the resource with that id under management at the address, as it is: nothing at the service is
 * changed. The next plan shows what differs from the file. The state must not be locked by others.
 */
int plan_import(struct workspace *workspace, struct str address, struct str id, int64_t lock_timeout_ms,
    struct diags *diags, struct err *err);

/* ---- evaluating without planning ---- */

/*
 * Every instance that the stack declares, data sources' too, with its attributes as far as they follow from
 * the stack alone: no state, no service, no other file. Where something cannot be evaluated the object lacks
 * it, and the mistake is among the diagnostics; NULL: nobody wants to know.
 */
struct declared {
    const struct decl *decl;
    struct str address; /* of the instance */
    const struct value
        *object; /* NULL: a data source says which instances there are; the address has no key */
};
const struct declared *plan_declared(
    struct workspace *workspace, struct arena *arena, struct diags *diags, size_t *n);
/* Other stacks that it refers to by data sources: where they keep their states, and where that is reported.
 */
struct stack_reference {
    struct backend_options store;
    struct span span;
};
const struct stack_reference *plan_references(
    struct workspace *workspace, struct arena *arena, size_t *count);
/* Where local files may be that its resources read: each string in their attributes, as the path that it
 * would be, up to the first sign of a pattern. Not what functions read (stack_options.open). */
const struct str *plan_local_paths(struct workspace *workspace, struct arena *arena, size_t *count);
/* A provider as the stack configures it, as far as that can be told without asking anybody; NULL otherwise.
 */
struct provider *plan_provider_named(struct workspace *workspace, struct str name);
/* The same of a plan, with all that it read. They live as long as the plan, the list as the arena. */
const struct declared *plan_planned(const struct plan *plan, struct arena *arena, size_t *n);
/* Marks the declaration, and all that it refers to, by decl->index. */
void depends_need(const struct decl *decl, bool *needed);
/* By decl->index: does it have no instance, as far as the stack alone tells (`when: false`, nothing in
 * for_each)? */
const bool *plan_absent(struct workspace *workspace, struct arena *arena);

/*
 * One expression in the stack's scope, with values from the state (console, output): unknown where nothing is
 * recorded. `names`: a map of further names, which go before the stack's; NULL: none. NULL: diags has errors.
 */
const struct value *plan_evaluate(struct workspace *workspace, struct str text, const struct value *names,
    struct arena *arena, struct diags *diags);

/*
 * Is all that is recorded where its configuration leads to now? -1 like the next one.
 *
 * And the provider of a record, configured as the stack says now; what that takes from resources comes from
 * the state. -1 with err, also where it leads to another account or region than the record's, or with errors
 * in diags (then err is untouched).
 */
int plan_check_locations(struct workspace *workspace, struct diags *diags, struct err *err);
int plan_provider(struct workspace *workspace, const struct record *record, struct diags *diags,
    struct provider **out, struct err *err);

/*
 * Do the quotas of the account allow what several plans, as those of a fleet's members, are to make?
 *
 * What they make of the types that have a quota is counted by location, what is there is listed, and the
 * service is asked for its limit. ERR_FAILED with all that does not fit. What cannot be looked at is no
 * reason.
 */
int plans_check_quotas(struct plan *const *plans, size_t n, struct err *err);
/* Has the type one of those that are looked at? */
bool quota_counts(struct str type);
