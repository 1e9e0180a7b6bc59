/*
 * Plans: how to make, show, save and apply them.
 *
 * Order of calls: workspace_open(), plan_make() (or plan_load() of a saved one), show it, plan_apply(),
 * plan_free().
 *
 * plan_make() evaluates the stack, refreshes the recorded resources (in bulk where it can) and compares the
 * configured, recorded and live values. It changes nothing. plan_apply() executes the plan with many workers;
 * each change is recorded in the state log before and after its requests.
 */
#pragma once

#include "plan/state/stack_data.h"
#include "plan/workspace.h"

enum action {
    ACTION_NOOP,
    ACTION_READ, /* a data source that can be read only during apply */
    ACTION_CREATE,
    ACTION_UPDATE,
    ACTION_REPLACE, /* delete, then create; or create, then delete */
    ACTION_DELETE,
    ACTION_ADOPT,  /* imports: recorded in the state, then updated if it differs */
    ACTION_FORGET, /* removed with destroy: false */
    ACTION_COUNT
};

const char *action_name(enum action action); /* the name in --json and in the log: "create" … */
enum action action_named(struct str name);   /* ACTION_NOOP also if no action has that name */

/* Change of one attribute. Values may be unknown or sensitive; NULL: not set. */
struct attr_change {
    struct str name;
    const struct attr *attr;
    const struct value *before, *after;
    bool replaces;  /* this attribute's change forces the replacement */
    bool unchanged; /* replacement: the new resource has the same value as the old one */
};

/*
 * attr_change_names_given(): true if the file gives a map with secret values and public keys; false if the
 * whole map is secret. attr_change_names_open(): true if the keys of the value before the change can be shown
 * beside it; false if only a hash of it is known.
 */
bool attr_change_names_given(const struct attr_change *change);
bool attr_change_names_open(const struct attr_change *change);

/* The decision about a resource. */
struct decision {
    enum action action;
    bool create_first; /* REPLACE: the new resource is created before the old one is deleted */
};

struct change {
    struct subject subject;      /* with the recorded id, or that of the existing resource (ADOPT) */
    const struct schema *schema; /* NULL: the type is no longer known (only with ACTION_FORGET) */
    const struct decl *decl;     /* NULL: no instance, or the plan is a saved one */
    struct decision decision;
    struct str reason;     /* set where it is not obvious: "removed from the configuration", "half-made by an
                              earlier run", … */
    struct str moved_from; /* "": not moved */
    struct attr_change *attrs; /* the changed attributes (create: all that are set) */
    size_t attr_count;
    struct attr_change *drift; /* managed attributes whose live value differs from the recorded one */
    size_t drift_count;
    bool adopted;              /* it existed before weir managed it: deleting it needs consent */
    const struct value *prior; /* delete: the object passed to the operation; NULL: the recorded one */
    const struct value
        *data_loss; /* delete: further data that is deleted, that stays, or that prevents the deletion, see
        resource_ops.data_loss; leftovers of services and what stays also have `type`, `id` */
    int64_t owned_at_ms; /* delete: when its ownership tags were read and were the stack's; 0: not read */
    bool deleted;        /* drift: it was deleted outside weir */
    struct instance *instance;          /* planner only; NULL: removed from the configuration, or destroy */
    struct recorded_resource *recorded; /* used by the planner only; NULL: not recorded */
    struct str claimed_by;              /* apply: the run that claims it, for which it is skipped; "": none */
};

struct output_change {
    struct str name, description;
    const struct value *before, *after; /* NULL: does not exist */
    bool sensitive;
};

/* A recorded resource that could not be read. The recorded attributes count as its live ones. */
struct unread {
    struct str address;
    struct str why; /* "the settings of provider \"retail\" are known only after apply" */
};

/* Result of a rule (stacks/stack.h) for a resource or for the plan. */
enum finding_outcome {
    FINDING_BROKEN,
    FINDING_WAITS,    /* evaluated before the resource's request */
    FINDING_WAIVED,   /* waived by the stack until a date */
    FINDING_APPROVED, /* a user approved it */
    FINDING_MET,      /* only of checks, which are always reported */
    FINDING_OUTCOMES
};

const char *finding_outcome_name(enum finding_outcome outcome); /* as in --json and saved plans: "broken" … */

struct rule_finding {
    struct str rule;    /* name of the rule */
    struct str address; /* "plan": about the whole plan */
    struct str type, message;
    struct str doc, control, link; /* of the rule; "": not given */
    bool builtin;                  /* the rule is shipped with weir */
    struct str reason, until;      /* WAIVED: both; APPROVED: the reason only */
    enum rule_level level;
    enum finding_outcome outcome;
    bool unknown;     /* broken only because its value is unknown */
    struct span span; /* where the file configures the subject; source NULL in a saved plan */
    struct span rule_span;
};

struct plan {
    struct arena arena;
    struct workspace *workspace;
    struct change **changes; /* each instance with an action or drift, by address; no other NOOPs */
    size_t change_count;
    size_t counts[ACTION_COUNT];   /* number of instances by action, with NOOPs */
    size_t adopt_updates;          /* imports that are also updated: part of ACTION_ADOPT */
    struct output_change *outputs; /* only those that change */
    size_t output_count;
    const struct value *output_values; /* all root outputs as planned */
    size_t resource_count;             /* instances in the stack */
    size_t untargeted_count;           /* of these, not targeted and therefore not compared */
    bool untargeted_unread;            /* further resources were not even read from the state */
    size_t refresh_count;              /* recorded resources that were read */
    const struct unread *unread; /* recorded resources that could not be read; by `why`, then by address */
    size_t unread_count;
    struct rule_finding *findings;
    size_t finding_count;
    struct rule_finding *checks; /* results of checks after an apply; none before */
    size_t check_count;
    uint64_t refresh_requests;
    bool refreshed_quickly; /* only listings were used */
    int64_t refresh_ms;
    bool refreshed;
    bool destroy;
    bool leases;             /* begins or changes the stack's lease */
    bool drifted;            /* something changed outside weir */
    struct planner *planner; /* used by the planner only */
};

/* Progress of a run, for the terminal and --json. Calls never overlap. */
enum event_kind {
    EVENT_REFRESH,      /* text: "reading 300 resources" */
    EVENT_REFRESH_DONE, /* count: requests, ms */
    EVENT_START,        /* address, action */
    EVENT_PROGRESS,     /* address, action, text: "waiting for status available (creating)" */
    EVENT_DONE,         /* address, action, ms, id */
    EVENT_FAILED,       /* address, action, ms, err */
    EVENT_SKIPPED,      /* address, action, text: because of what */
    EVENT_RECOVERED,    /* address, text: what an interrupted run had left, and how it was recovered */
    EVENT_STOPPING,     /* a signal was received: nothing new is started */
    EVENT_WARNING,      /* text */
    EVENT_NOTE,         /* address, text: noteworthy, but no change */
    EVENT_PRINTED,      /* address, text: a line that a build command printed */
    EVENT_SCHEDULED,    /* exec_graph: nothing has been started yet */
};

/* One step of a run. A step without an address is not shown: it only joins edges between many steps. */
struct exec_graph_step {
    struct str address;
    enum action action;
    bool of_replacement;
};

/* Steps of a run: targets[first[i]] … targets[first[i + 1] - 1] wait for steps[i]. Addresses are valid as
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
    struct span span; /* FAILED: place in the file, as exact as it is known */
    int64_t ms;
    uint64_t count;
    uint32_t step; /* START, DONE, FAILED, SKIPPED of a run: index in the execution graph + 1 */
    const struct exec_graph *exec_graph; /* SCHEDULED */
    bool of_replacement; /* the deletion of a replacement: the resource is counted with its creation */
};

struct observer {
    void (*event)(void *ctx, const struct event *event); /* NULL: events are dropped */
    void *ctx;
};

struct plan_options {
    bool destroy;
    bool no_refresh;
    bool quick_refresh;        /* only listings of many resources at once */
    bool offline;              /* validate: no state, no service */
    const struct str *targets; /* addresses of declarations or instances; none: everything */
    size_t target_count;
    bool delete_adopted; /* consent to delete resources that existed before weir or may belong to others by
                            now */
    int64_t lease_ms;    /* apply begins or renews the lease with this duration; 0: as the stack says */
    unsigned teardown;   /* consent to further data loss, enum teardown */
    const struct str *replaces; /* --replace */
    size_t replace_count;
    const struct str *approved; /* rules of level approval that a user approved */
    size_t approved_count;
    struct str approval_reason;
    /* Returns the stack's cost under a plan, for rules that name plan.cost; unknown if prices are unknown.
     * NULL: always unknown. */
    const struct value *(*cost)(void *ctx, const struct plan *plan, struct arena *arena);
    void *cost_ctx;
    bool no_budget;  /* the stack's budget is not checked: it is checked for several plans together, or costs
                        nothing */
    int parallelism; /* 0: 32 */
    const atomic_bool *cancel; /* if set, planning is cancelled (ERR_INTERRUPTED); NULL: never */
    struct observer observer;
    /*
     * Plans only the targets, not their dependencies: these must exist, and are not read. A resource that
     * refers to a target and changes with it becomes a target, too.
     */
    bool targets_only;
    bool leave_jobs;              /* with targets_only: jobs that are not targets stay unchanged */
    bool as_recorded;             /* artifacts as recorded: nothing is built or packaged to detect changes */
    bool latest;                  /* artifacts that were rolled back return to the current version */
    const struct value *versions; /* address -> SHA-256 of the version to roll back to; NULL: none */
    struct str import_address, import_id; /* one import beside those of the stack; "": none */
    struct str to; /* run whose files the stack has (--to), for plan_save(); "": the current files */
    const struct value *saved_live; /* plan_load() only: live values by address, not refreshed; or NULL */
    const struct value *saved_ownership; /* with these: ownership tags that were read */
    const struct concurrent *concurrent; /* with these: for detecting later changes of other runs
                                  (plan/objects/plan_scope.h); NULL: none */
};

/*
 * Returns -1 with errors in diags (the stack is invalid) or with err. The plan refers to the workspace, which
 * must outlive it.
 */
int plan_make(struct workspace *workspace, const struct plan_options *options, struct diags *diags,
    struct plan **out, struct err *err);
void plan_free(struct plan *plan);
/* Number of changes with the action. An import that also updates counts as an update, too. */
size_t plan_count(const struct plan *plan, enum action action);
/* Number of changes of all actions, without NOOPs. */
size_t plan_count_all(const struct plan *plan);
/* NULL: plan->changes has no change of that address. */
const struct change *plan_change_at(const struct plan *plan, struct str address);
/* Returns -1 (ERR_INVALID) if an obstacle prevents a deletion of the plan. */
int plan_check_deletions(const struct plan *plan, struct err *err);
/* Return -1 (ERR_INVALID) if a rule of level error is broken, or if one of level approval is broken and not
 * approved. Such a plan is not applied. */
int plan_check_rules(const struct plan *plan, struct err *err);
int plan_check_approvals(const struct plan *plan, struct err *err);
/* Fills plan->checks: evaluates the stack's checks against live values at the end of plan_apply(). Setting
 * `cancel` abandons those that are not evaluated yet (NULL: never). */
void plan_evaluate_checks(struct plan *plan, const atomic_bool *cancel);
/* Returns -1 (ERR_INVALID) if a check of level error is broken. */
int plan_check_checks(const struct plan *plan, struct err *err);
/* True if the plan has changes. For drift and outputs alone see plan->drifted, plan->output_count. */
bool plan_has_changes(const struct plan *plan);
/* Calls visit for each targeted resource without changes. Not for plans read from a file. */
void plan_each_unchanged(
    const struct plan *plan, void (*visit)(void *ctx, const struct subject *subject), void *ctx);
/* True if applying the plan is a run in the history: it has changes, or checks that may fail. */
bool plan_is_a_run(const struct plan *plan);

/*
 * For a shared lock: returns 0 if the plan can be applied now. ERR_LOCKED if an active run changes what this
 * plan changes or refers to, or refers to what it changes. ERR_STALE if a run has done so since the plan was
 * made. plan_apply() checks again. `partial`: changes in conflict are skipped (struct change), unless all
 * are.
 */
int plan_check_free(struct plan *plan, bool partial, struct err *err);
/* True if the plan needs the exclusive lock of the state, and the lock is only shared so far. */
bool plan_needs_lock(const struct plan *plan);

struct apply_options {
    int parallelism; /* 0: 32 */
    const atomic_int
        *signals; /* number of SIGINT and SIGTERM so far: 1 starts nothing new, 2 stops waiting; NULL: none */
    int64_t lock_timeout_ms;
    bool partial;            /* resources that other runs claim are skipped, with their dependents */
    const atomic_bool *stop; /* evaluates the checks at the end, until it is set; NULL: no checks */
    struct observer observer;
};

struct apply_result {
    size_t done[ACTION_COUNT], failed, skipped;
    size_t claimed_by_others; /* of the skipped ones: claimed by other runs */
    struct err first_error;   /* of the first resource that failed */
    bool interrupted;
    bool not_started; /* another run was faster: nothing was changed */
    bool unrecorded;  /* the state could not be written: it has only the intents of the last changes */
    const struct value *outputs;  /* after the run; in the plan's arena */
    const struct str *unverified; /* destroy: addresses of resources deleted unverified with their service;
                                 sorted, in the plan's arena */
    size_t unverified_count;
};

/*
 * Takes the lock (unless the command took it before planning, with state_lock()), checks that the state has
 * not changed since the plan was made (ERR_STALE), executes all changes and records them. Returns 0 when all
 * succeeded, else -1 with err; result is filled in either case.
 */
int plan_apply(
    struct plan *plan, const struct apply_options *options, struct apply_result *result, struct err *err);

/*
 * Saved plans. The file holds the decisions (actions, live values, position of the state's log, digest of the
 * stack's files, inputs), no secret in clear text: sensitive inputs must be given again for the apply, and
 * live secrets are encrypted with the state's key, or hashed. A digest covers the whole file, and if the
 * state has a key, a MAC does, too.
 *
 * plan_load() makes the plan again from the file's live values, and refuses (ERR_STALE) if anything differs
 * from what saved_plan_shown() returns. It calls services only for the further data loss of deletions.
 */
int plan_save(const struct plan *plan, const char *path, struct err *err);
/* Writes the text of the file. */
void plan_write(const struct plan *plan, struct buf *out);
struct saved_plan; /* read from a file before the workspace is opened: has the inputs and environment for
                      opening it */
/* ERR_DAMAGED if the file was modified or truncated. */
int saved_plan_read(const char *path, struct saved_plan **out, struct err *err);
/* Parses the file's text, which must outlive the result; `name` is for messages. */
int saved_plan_parse(struct str text, const char *name, struct saved_plan **out, struct err *err);
void saved_plan_free(struct saved_plan *saved);
/*
 * Returns the plan for printing, without the stack and its secrets: it has no workspace, and lives as long as
 * `saved`. Types that the catalog does not know are shown without schema information.
 */
const struct plan *saved_plan_shown(struct saved_plan *saved, struct catalog *catalog);
/* A resource with all its attributes, changed or not. Secrets are marked and have no values. */
struct planned_object {
    struct str address, type, id;       /* id "": none yet, or the type needs none */
    struct str region;                  /* "": none, or not known yet */
    const struct value *ignored_tags;   /* of the provider */
    const struct schema *schema;        /* NULL: the catalog does not know the type */
    const struct value *before, *after; /* NULL: does not exist */
    enum action action;
    bool create_first;
    const struct value *given;      /* list of the attributes that the file configures */
    const struct value *references; /* attribute -> list of the references in its value: "net/vpc.vpc_id" */
    const struct value *parts;      /* the same, of references that are only a part of the value */
};
/* All resources: those of the stack in its order, then removed ones. Valid as long as `saved`. */
const struct planned_object *saved_plan_objects(struct saved_plan *saved, struct catalog *catalog, size_t *n);
struct str saved_plan_stack(const struct saved_plan *saved);
struct str saved_plan_env(const struct saved_plan *saved);
/* The run whose files the stack had (--to), or "". */
struct str saved_plan_to(const struct saved_plan *saved);
/* The inputs as they were given ("k=v"), without sensitive ones. */
const struct str *saved_plan_inputs(const struct saved_plan *saved, size_t *n);
int plan_load(struct workspace *workspace, struct saved_plan *saved, const struct plan_options *options,
    struct diags *diags, struct plan **out, struct err *err);

/* Plans of several stacks in one file, each with its stack's name in the repository. */
struct saved_plans;
struct saved_one {
    struct str name;
    struct saved_plan *plan;
};
int saved_plans_write(const char *path, const struct str *names, const struct plan *const *plans, size_t n,
    bool destroy, struct err *err);
/* *out NULL: the file is of another format. */
int saved_plans_read(const char *path, struct saved_plans **out, struct err *err);
const struct saved_one *saved_plans_items(const struct saved_plans *many, size_t *n, bool *destroy);
void saved_plans_free(struct saved_plans *many);

/* ---- verification after a destroy ---- */

struct leftover {
    struct subject subject; /* address: of the resource, or of its former owner; "": unknown */
    struct str why;         /* "has this stack's ownership tags" */
};

/* Result of plan_verify(); in the plan's arena. */
struct verified {
    const struct leftover *leftovers;
    size_t leftover_count;
    const struct leftover *forgotten; /* kept by `removed: destroy: false`: reported, but not leftovers */
    size_t forgotten_count;
    const struct str *locations; /* "eu-west-1 of account 123456789012", sorted */
    size_t location_count;
    const struct str *unverified; /* sorted addresses of resources deleted with their service, unverified */
    size_t unverified_count;
    size_t lookups;     /* resources that were looked up by their ids or names, with a response */
    bool tags_searched; /* AWS was searched for the stack's ownership tags */
};

/*
 * Called after a destroy was planned, and applied if it had changes. Searches for resources that still exist,
 * and for leftovers of services: by recorded ids, by the names in the stack, and by ownership tags. Recorded
 * resources are looked up at their locations. Deletions that are not visible everywhere yet get a few
 * seconds. A failed lookup is an error, except for resources that were deleted successfully together with the
 * stack's own service that contained them.
 */
int plan_verify(struct plan *plan, const atomic_bool *cancel, struct verified *out, struct err *err);

/* ---- rollback ---- */

/*
 * Sets in `then` the stack's files at the time of a run in the history, and the moves since in reverse.
 * Returns the inputs ("k=v", without sensitive ones). ERR_ABSENT if they were not kept: they contain a secret
 * and the state has no key.
 */
int sources_read(const struct workspace *workspace, struct str run, struct arena *arena,
    struct stack_options *then, const struct str **inputs, size_t *n, struct err *err);
/*
 * The same for the last run that kept its files, from the state alone. `dir`: where key files are searched;
 * *root: which of the files is the stack file.
 */
int sources_last(struct backend *backend, const struct value *config, struct str dir, struct arena *arena,
    const struct value **files, struct str *root, const struct str **inputs, size_t *n, struct err *err);

/*
 * Records the existing resource with that id at the address, unchanged: the service is not modified. The next
 * plan shows its differences from the file. No other run may hold the state's lock.
 */
int plan_import(struct workspace *workspace, struct str address, struct str id, int64_t lock_timeout_ms,
    struct diags *diags, struct err *err);

/* ---- evaluating without planning ---- */

/*
 * Returns each instance that the stack declares, including data sources, with the attributes that follow from
 * the stack alone: no state, no service, no other file. An attribute that cannot be evaluated is missing and
 * its error is in diags; NULL: errors are dropped.
 */
struct declared {
    const struct decl *decl;
    struct str address;         /* of the instance */
    const struct value *object; /* NULL: the instances depend on a data source; the address has no key */
};
const struct declared *plan_declared(
    struct workspace *workspace, struct arena *arena, struct diags *diags, size_t *n);
/* Other stacks that this one reads by data sources: their state stores, and where errors about them are
 * reported. */
struct stack_reference {
    struct backend_options store;
    struct span span;
};
const struct stack_reference *plan_references(
    struct workspace *workspace, struct arena *arena, size_t *count);
/* Paths of local files that its resources may read: each string in their attributes as a path, up to the
 * first wildcard. Not the files that functions read (stack_options.open). */
const struct str *plan_local_paths(struct workspace *workspace, struct arena *arena, size_t *count);
/* A provider as the stack configures it, if that is known without calls; otherwise NULL. */
struct provider *plan_provider_named(struct workspace *workspace, struct str name);
/* The same of a plan, with all values that it read. They live as long as the plan, the list as long as the
 * arena. */
const struct declared *plan_planned(const struct plan *plan, struct arena *arena, size_t *n);
/* Marks the declaration and all its dependencies, by decl->index. */
void depends_need(const struct decl *decl, bool *needed);
/* By decl->index: true if the stack alone tells that it has no instance (`when: false`, an empty
 * for_each). */
const bool *plan_absent(struct workspace *workspace, struct arena *arena);

/*
 * Evaluates one expression in the stack's scope, with values from the state (console, output); unrecorded
 * values are unknown. `names`: a map of further names, which precede the stack's; NULL: none. Returns NULL
 * with errors in diags.
 */
const struct value *plan_evaluate(struct workspace *workspace, struct str text, const struct value *names,
    struct arena *arena, struct diags *diags);

/*
 * plan_check_locations() returns 0 if each recorded resource is at the location that its configuration leads
 * to now.
 *
 * plan_provider() returns the provider of a record, as the stack configures it now; settings that depend on
 * resources come from the state. Both return -1 with err, also if the location is not the recorded one, or
 * with errors in diags (then err is untouched).
 */
int plan_check_locations(struct workspace *workspace, struct diags *diags, struct err *err);
int plan_provider(struct workspace *workspace, const struct record *record, struct diags *diags,
    struct provider **out, struct err *err);

/*
 * Checks that several plans, such as those of a fleet's members, fit into the quotas of the account.
 *
 * Counts by location what they create of the types with a quota, lists what exists, and reads the limit from
 * the service. ERR_FAILED with all quotas that are exceeded. Failed lookups are ignored.
 */
int plans_check_quotas(struct plan *const *plans, size_t n, struct err *err);
/* True if the quota of the type is checked. */
bool quota_counts(struct str type);
