/*
 * The planner's data, shared by the files of plan/ only: what plan_make() builds and plan_apply() works on.
 * Each file has a header of its own for what it does with it.
 *
 * evaluate.c gives every declaration a value, instances.c every resource its instances, attributes.c these
 * their attributes; recorded.c says which record belongs to which address, targets.c what is meant at all;
 * refresh.c reads the live services; diff.c compares and decision.c decides; plan_resource.c does that for
 * one resource and make.c for all, in order; apply.c, execution_graph.c and execute.c carry it out, work.c
 * each change.
 *
 * While a plan is made one thread owns all of this; refresh's workers only fill in their own `struct seen`.
 * While it is applied, everything here is guarded by the executor's lock, except that a worker owns the
 * instance it is working on.
 */
#pragma once

#include "plan/plan.h"

/* What is known of one recorded resource: its record, and what a refresh found. */
struct seen {
    struct str address;             /* the record's own, or where `moved:` takes it */
    const struct record *record;    /* its address is the one before a move */
    const struct value *live;       /* NULL: gone; without a refresh: the recorded attributes */
    bool read;                      /* live is what the service reported just now */
    bool unread;                    /* that was wanted, and could not be asked for */
    const struct value *owner_tags; /* whose it is, where that was seen with it; NULL: not known */
    bool claimed;                   /* an instance of the stack has this address */
    struct seen *sibling;           /* the next record of the same declaration, as recorded */
    struct seen *neighbour;         /* the next record of the same declaration, after moves */
    const struct value
        *steering; /* destroy: what the stack says now of attributes that steer; NULL: nothing */
};

struct instance {
    const struct decl *decl;
    struct str address;
    const struct value *key, *each_value; /* NULL without for_each */
    struct seen *seen;                    /* NULL: not in the state */
    const struct value
        *desired; /* what the file wants, converted; may hold unknowns. NULL: frozen (not targeted) */
    const struct value *planned;     /* the whole object as far as it can be known; what others see */
    const struct value *import_live; /* imports: what is there */
    struct change *change;           /* NULL: nothing to do */
    const struct rule_wait *waits;   /* rules that are asked before its call (rules/rules.h) */
    uint32_t op;                     /* executor: its node */
};

struct instances {
    struct instance *items;
    size_t n;
    bool keyed;
    bool unread; /* offline: which there are depends on a data source */
};

/* What the state has; recorded.c fills it. */
struct recorded {
    struct seen *seen; /* every record, in order of the new address */
    size_t count;
    uint64_t seq;          /* of the state's last record then */
    struct map by_address; /* address -> struct seen * */
    struct map
        by_recorded; /* recorded address without its key -> first struct seen *, chained by `sibling` */
    struct map after_moves; /* the same of the new addresses, chained by `neighbour`; empty: none moves */
    const struct map *by_declared; /* of the two the one that has the new addresses */
};

/* What the command line means, by decl->index; targets.c and plan/evaluate/targets.c fill it. */
struct targets {
    bool *targeted; /* false: frozen, its recorded values stay */
    bool *whole;    /* all its instances are targeted, not only named ones */
    bool *reached;  /* others changed it, or what it refers to, since the plan was saved
                       (plan/objects/concern.h) */
    /* Of plans of some resources alone: */
    const struct decl **needed_by; /* a target that refers to it; NULL: none */
    bool *minimal;                 /* only what follows from others is changed in it */
    bool again; /* an artifact is recorded at the version already that it is to go back to */
};

/* What was evaluated, by decl->index. */
struct evaluated {
    const struct value **values; /* NULL: not evaluated yet */
    struct instances *instances;
    bool *pending;              /* its value will change during apply */
    bool *fixed;                /* no resource or data source is behind it */
    uint8_t *entered;           /* of modules: enum entry, once their `when` is known */
    const struct value **early; /* connections.c: settings as recorded; NULL: none asked */
    uint32_t *stamps, stamp;    /* plan/objects/recorded.c: visited in the current walk */
    /* replace_trigger.c: as applied last, the same with some of it hidden, and as decided; NULL: none asked
     */
    const struct value **before, **before_hidden, **decided;
};

/* What was decided of resources; those of the stack's instances are added at the end. */
struct decided {
    struct change **changes; /* heap; the plan's, once it is made */
    size_t count, cap;
    bool replaces; /* some are replaced */
};

struct planner {
    struct plan *plan;
    struct arena *arena; /* the plan's */

    /* What is given. */
    struct workspace *workspace;
    const struct stack *stack;
    const struct decl **providers; /* the stack's configurations, in all modules */
    size_t provider_count;
    const struct plan_options *options;
    struct diags *diags;
    bool offline; /* as in the options, and where the stack has mistakes: the rest is only checked */

    /* Who listens, while it plans; and who may call off what is going on. */
    struct observer observer;
    const atomic_bool *cancel;

    const bool *needed; /* by decl->index: what of the stack is evaluated at all; NULL: everything */
    bool needs_whole;   /* it cannot be told by that: all of the state is needed */
    struct map
        looked; /* keys of what is made or renamed -> the instance: nobody else has them (recorded.h) */
    struct recorded recorded;
    struct targets targets;
    struct evaluated evaluated;
    const struct value *outputs_then; /* the state's, when the plan was made */
    struct decided decided;

    struct graph *dependents;        /* of declarations (plan/rules/checks.c); NULL: none asked */
    struct map provider_users;       /* name of an undeclared provider that cannot be opened -> first decl */
    struct unreachable *unreachable; /* services that do not answer (plan/refresh/refresh.h) */
    struct shared_data *data; /* what data sources reported (plan/evaluate/shared_listings.h); NULL: each is
                                 asked for itself */
    struct err failure;       /* a service that could not be asked: not the stack's fault, ends the plan */
};

/* With an empty plan, which frees it. */
struct planner *planner_new(
    struct workspace *workspace, const struct plan_options *options, struct diags *diags);
/*
 * A planner beside this one, which evaluates the rest of the stack for itself and says nothing to others than
 * `diags`: what is fixed and what is recorded it shares. It lives as long as this one, and is not freed.
 */
struct planner planner_aside(const struct planner *p, struct diags *diags);
/* What comes after planning begins: who listened to that may be gone, and who may call this off is another.
 */
void planner_hand_over(struct planner *p, const atomic_bool *cancel);
