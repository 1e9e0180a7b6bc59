/*
 * The planner's data, shared by the files of plan/ only: plan_make() builds it and plan_apply() works on it.
 * Each step has a header of its own.
 *
 * evaluate.c computes values of declarations, instances.c the instances of resources, attributes.c their
 * attributes. recorded.c maps records to addresses, targets.c finds the targets. refresh.c reads live values,
 * diff.c compares and decision.c decides; plan_resource.c does so for one resource and make.c for all, in
 * order. apply.c, execution_graph.c and execute.c execute the plan, work.c each change.
 *
 * While a plan is made one thread owns all of this; threads of a refresh only fill in their own `struct
 * recorded_resource`. During an apply the executor's lock guards everything here, except that a worker owns
 * its instance.
 */
#pragma once

#include "plan/plan.h"

/* A recorded resource: its record, and the result of a refresh. */
struct recorded_resource {
    struct str address;             /* the record's address, or the new one by `moved:` */
    const struct record *record;    /* has the address before a move */
    const struct value *live;       /* NULL: deleted; without a refresh: the recorded attributes */
    bool read;                      /* live was read from the service by this plan */
    bool unread;                    /* live should have been read, but could not */
    const struct value *owner_tags; /* ownership tags, if they were read with it; NULL: unknown */
    bool claimed;                   /* an instance of the stack has this address */
    struct recorded_resource
        *next_by_recorded;                 /* the next record of the same declaration, by recorded address */
    struct recorded_resource *next_by_new; /* the next record of the same declaration, by new address */
    const struct value *weir_only; /* destroy: configured attributes that weir itself uses; NULL: none */
};

struct instance {
    const struct decl *decl;
    struct str address;
    const struct value *key, *each_value; /* NULL without for_each */
    struct recorded_resource *recorded;   /* NULL: not in the state */
    const struct value
        *desired; /* configured attributes, converted; may have unknowns. NULL: frozen (not targeted) */
    const struct value *planned;     /* the whole object as far as it is known; other expressions see it */
    const struct value *import_live; /* imports: the existing resource */
    struct change *change;           /* NULL: no change */
    const struct rule_wait *waiting_rules; /* rules that are evaluated before its request (rules/rules.h) */
    uint32_t op;                           /* index of its node in the executor */
};

struct instances {
    struct instance *items;
    size_t n;
    bool keyed;
    bool unread; /* offline: the instances depend on a data source */
};

/* The records of the state; filled by recorded.c. */
struct recorded {
    struct recorded_resource *items; /* all records, by new address */
    size_t count;
    uint64_t seq;           /* of the state's last log record at that time */
    struct map by_address;  /* address -> struct recorded_resource * */
    struct map by_recorded; /* recorded address without its key -> first struct recorded_resource *, chained
                               by `next_by_recorded` */
    struct map after_moves; /* the same by new addresses, chained by `next_by_new`; empty: none moves */
    const struct map *by_declared; /* whichever of the two has the new addresses */
};

/* Targets of the command line, by decl->index; filled by plan/evaluate/targets.c. */
struct targets {
    bool *targeted;          /* false: frozen, keeps its recorded values */
    bool *whole;             /* all its instances are targeted, not only named ones */
    bool *changed_by_others; /* another run changed it, or what it refers to, since the plan was saved
                      (plan/objects/plan_scope.h) */
    /* Only for plans of some resources alone: */
    const struct decl **needed_by; /* a target that refers to it; NULL: none */
    bool *minimal;                 /* only the attributes that follow from other resources change */
    bool already_rolled_back;      /* an artifact is already recorded at the version of the rollback */
};

/* Results of the evaluation, by decl->index. */
struct evaluated {
    const struct value **values; /* NULL: not evaluated yet */
    struct instances *instances;
    bool *pending;           /* its value will change during apply */
    bool *after_pending;     /* so will that of a dependency, also through unchanged resources */
    bool *fixed;             /* depends on no resource or data source */
    uint8_t *module_entries; /* of modules: enum entry, once their `when` is known */
    const struct value **recorded_settings; /* connections.c: settings as recorded; NULL: not evaluated */
    uint32_t *stamps, stamp;                /* plan/objects/recorded.c: visited in the current walk */
    /* replace_trigger.c: values of the last apply, the same with some hidden, and decided values; NULL: not
     * evaluated */
    const struct value **before, **before_hidden, **decided;
};

/* Decisions about resources; those of the stack's instances are added at the end. */
struct decided {
    struct change **changes; /* heap; owned by the plan once it is made */
    size_t count, cap;
    bool replaces; /* some are replaced */
};

struct planner {
    struct plan *plan;
    struct arena *arena; /* the plan's */

    /* Inputs of the planner. */
    struct workspace *workspace;
    const struct stack *stack;
    const struct decl **providers; /* provider configurations of the stack, in all modules */
    size_t provider_count;
    const struct plan_options *options;
    struct diags *diags;
    bool offline; /* as in the options, and if the stack has errors: the rest is only checked */

    /* Receives events while planning; cancels it. */
    struct observer observer;
    const atomic_bool *cancel;

    const bool *needed;       /* by decl->index: which declarations are evaluated; NULL: all */
    bool needs_whole;         /* a part of the state does not suffice: all of it is needed */
    struct map identity_keys; /* identity keys of new or renamed resources -> instance: no other resource has
                          them (recorded.h) */
    struct recorded recorded;
    struct targets targets;
    struct evaluated evaluated;
    const struct value *recorded_outputs; /* outputs in the state when the plan was made */
    struct decided decided;

    struct graph *dependents;        /* of declarations (plan/rules/checks.c); NULL: not built */
    struct map provider_users;       /* name of an undeclared provider that cannot be opened -> first decl */
    struct unreachable *unreachable; /* unreachable services (plan/refresh/refresh.h) */
    struct shared_data *data;        /* cache of data sources (plan/evaluate/shared_listings.h); NULL: none */
    struct err failure;              /* a failed call that is not the stack's fault; ends the plan */
};

/* Returns a planner with an empty plan; plan_free() frees both. */
struct planner *planner_new(
    struct workspace *workspace, const struct plan_options *options, struct diags *diags);
/*
 * Returns a second planner that evaluates the rest of the stack separately and reports to `diags` only. It
 * shares fixed and recorded values with `p`, lives as long as `p`, and is not freed.
 */
struct planner planner_aside(const struct planner *p, struct diags *diags);
/* Called after planning: drops the observer, and replaces the cancel flag. */
void planner_hand_over(struct planner *p, const atomic_bool *cancel);
