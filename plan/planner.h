/*
 * The planner's inside, shared by the files of plan/ only: what plan_make() builds and plan_apply() works on.
 *
 * evaluate.c gives every declaration a value and every resource its instances; recorded.c says which record
 * belongs to which instance; refresh.c reads the live services; diff.c (with replace_trigger.c) compares;
 * make.c puts them in order; schedule.c, execute.c and work.c carry it out.
 *
 * While a plan is made one thread owns all of this; refresh's workers only fill in their own `struct seen`.
 * While it is applied, everything here is guarded by the executor's lock, except that a worker owns the
 * instance it is working on.
 */
#ifndef WEIR_PLAN_PLANNER_H
#define WEIR_PLAN_PLANNER_H

#include "base/map.h"
#include "plan/graph.h"
#include "plan/plan.h"

/* What is known of one recorded resource: its record, and what a refresh found. */
struct seen {
    struct str address;          /* the record's own, or where `moved:` takes it */
    const struct record *record; /* its address is the one before a move */
    const struct value *live;    /* NULL: gone; without a refresh: the recorded attributes */
    bool read;                   /* live is what the service said just now */
    const struct value *marks;   /* whose it is, where that was seen with it; NULL: nobody said */
    bool claimed;                /* an instance of the stack has this address */
    struct seen *sibling;        /* the next record of the same declaration, as recorded */
    struct seen *neighbour;      /* the next record of the same declaration, after moves */
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
    enum action action;
    bool create_before_destroy;
    struct change *change; /* NULL: nothing to do */
    uint32_t op;           /* executor: its node */
};

struct instances {
    struct instance *items;
    size_t n;
    bool keyed;
    bool unread; /* offline: which there are depends on a data source */
};

struct planner {
    struct plan *plan;
    struct workspace *workspace;
    const struct stack *stack;
    struct arena *arena; /* the plan's */
    struct plan_options options;
    struct diags *diags;

    const struct value **values; /* by decl->index; NULL: not evaluated yet */
    struct instances *instances; /* by decl->index */
    bool *targeted;              /* by decl->index; false: frozen, its recorded values stand */
    bool *whole;                 /* by decl->index: all its instances are targeted, not only named ones */
    bool *pending;               /* by decl->index: its value will change during apply */
    bool *fixed;                 /* by decl->index: no resource or data source is behind it */
    uint8_t *entered;            /* by decl->index, of modules: enum entry, once their `when` is known */
    uint32_t *stamps, stamp;     /* by decl->index: visited in the current walk */
    const struct decl *
        *needed_by; /* targets_alone.c, by decl->index: a target that refers to it; NULL: none */
    bool *minimal;  /* targets_alone.c, by decl->index: only what follows from others is changed in it */
    bool again; /* targets_alone.c: an artifact is recorded at the version already that it is to go back to */
    const bool
        *hidden; /* replace_trigger.c, by decl->index: what is recorded tells nothing; NULL: it always does */

    struct seen *seen; /* every record, in order of the new address */
    size_t seen_count;
    struct map seen_by_address;  /* address -> struct seen * */
    struct map seen_by_declared; /* recorded address without its key -> first struct seen * */

    struct map seen_by_decl; /* address without its key -> first struct seen *, chained by `neighbour` */

    struct map provider_users; /* name of an undeclared provider that cannot be opened -> first decl */

    struct err failure; /* a service that could not be asked: not the stack's fault, ends the plan */

    struct change *changes; /* heap while collecting; moved into the plan's arena at the end */
    size_t change_count, change_cap;
};

/* ---- make.c ---- */

/* Freed with its plan. */
struct planner *planner_new(
    struct workspace *workspace, const struct plan_options *options, struct diags *diags);
/* Recorded instances of a declaration that is not targeted: as they are. */
void freeze_instances(struct planner *p, const struct decl *decl);

/* ---- evaluate.c ---- */

/* A declaration's value so far; for struct scope, ctx is the planner. */
const struct value *planner_value(void *ctx, const struct decl *decl);
/* Scope of a declaration's expressions; instance NULL outside for_each. */
struct scope planner_scope(struct planner *p, const struct decl *decl, const struct instance *instance);
/* Inputs, locals, outputs, modules and provider configurations: everything that is no resource. False after
 * an error. */
bool evaluate_decl(struct planner *p, const struct decl *decl);
/* for_each and when: the instances, without their attributes. False after an error. */
bool evaluate_instances(struct planner *p, const struct decl *decl);
/* During apply: each.value again, where it was not wholly known when the instances were made. */
void evaluate_each(struct planner *p, struct instance *instance);
/* The attributes of one instance as the stack gives them, converted to the schema's types, default tags
 * merged in. NULL after an error. */
const struct value *evaluate_given(struct planner *p, const struct instance *instance, struct arena *arena);
/* What follows from local files becomes part of *object. In the context of whoever asks, and without the
 * planner's lock: it may run a build. */
int evaluate_prepare(struct planner *p, const struct instance *instance, struct op_ctx op,
    const struct value **object, struct err *err);
/* The same for a plan. NULL after an error. */
const struct value *evaluate_files(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object);
/* As given, and with that. */
const struct value *evaluate_attributes(
    struct planner *p, const struct instance *instance, struct arena *arena);
/* The value others see: one object, or a map of them. */
const struct value *evaluate_resource_value(struct planner *p, const struct decl *decl);
/* Of an instance's attributes only those that steer weir, as far as they can be known. */
const struct value *evaluate_steering(
    struct planner *p, const struct instance *instance, struct arena *arena);
/* The configured provider of a declaration. */
int evaluate_provider(struct planner *p, const struct decl *decl, struct provider **out, struct err *err);

/* ---- places.c ---- */

/*
 * The provider of something recorded under the name of its configuration: that configuration, or where the
 * stack has it no more (or cannot tell yet) one that leads to the recorded place. `place` may be NULL.
 */
int place_provider(
    struct planner *p, struct str name, const struct value *place, struct provider **out, struct err *err);
/* Is everything that is recorded, and every open intent, where its configuration leads to now? ERR_INVALID
 * that names what is elsewhere; calls nothing but STS, for an account that is recorded. */
int places_check(struct planner *p, struct err *err);
/* The same of one record, for commands that take one only. */
int place_check_record(
    struct planner *p, const struct record *record, struct provider *provider, struct err *err);
/* Is an instance to be somewhere else than it is recorded? Then *why says from where to where. */
bool place_moves(struct planner *p, const struct instance *instance, struct str *why);
/* What the provider of a change records with it; see provider_place(). */
int place_of(struct provider *provider, const struct schema *schema, struct arena *arena,
    const struct value **place, struct err *err);
/* Addresses of the resources and data sources that decl refers to, directly or through locals, inputs and
 * outputs. */
const struct value *evaluate_deps(struct planner *p, const struct decl *decl);
/* Calls visit for each of those declarations once. */
void each_resource_dep(
    struct planner *p, const struct decl *decl, void (*visit)(void *ctx, const struct decl *dep), void *ctx);

/* ---- recover_plan.c ---- */

/* Settles what an interrupted run left open, before the records are looked at; says so through the observer.
 */
int recover_for_plan(struct planner *p, struct err *err);

/* ---- recorded.c ---- */

/* Fills p->seen from the state, with `moved:` applied. False after an error. */
bool claim_records(struct planner *p);
/* Which declarations the targets mean, and what those depend on. False after an error. */
bool claim_targets(struct planner *p);
/* Of a targeted declaration: is this instance meant, too? */
bool claim_is_target(const struct planner *p, const struct decl *decl, struct str address);
/* Are all instances there that the targets name? False after an error. */
bool claim_has_targets(struct planner *p, const struct decl *decl);
struct seen *seen_find(const struct planner *p, struct str address);
/* The address without its instance key. */
struct str address_declared(struct str address);
/* The name under which a replacement's old resource is kept until it is deleted, and the way back: the same
 * address where it is not such a name. */
struct str address_deposed(struct arena *arena, struct str address);
struct str address_current(struct str address);
/*
 * Edges dependency -> dependent between recorded resources, by their position in p->seen. Where many
 * instances of one declaration are depended on, a node beyond seen_count stands between them and their
 * dependents: there would be as many edges as pairs. Records of different ages may contradict each other:
 * edges that would close a circle are left out.
 */
void claim_graph(const struct planner *p, struct graph *graph);
/* Is the address (of an instance) named by one of the list: itself, its declaration, or its module? */
bool address_matches(struct str address, const struct str *list, size_t n);

/* ---- targets_alone.c ---- */

/* Finds what the targets need. After claim_targets(). */
void alone_begin(struct planner *p);
/* Is what a target needs there? For declarations that are no targets. False after an error. */
bool alone_check(struct planner *p, const struct decl *decl);
/* Does the change of a target reach it? Then it is a target from now on. */
bool alone_includes(struct planner *p, const struct decl *decl);
/* The attributes, reduced to what follows from others where only that may change. */
const struct value *alone_attributes(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object);

/* ---- refresh.c ---- */

int refresh_records(struct planner *p, struct err *err);

/* ---- diff.c ---- */

/* The instance's change, made on first use. */
struct change *instance_change(struct planner *p, struct instance *instance);
/* Decides the instance's action; sets planned, change and pending. False after an error. */
bool diff_instance(struct planner *p, struct instance *instance);
/* What the stack says of an address under `removed`; NULL: nothing. */
const struct removed *removed_of(struct planner *p, struct str address);
/* Changes for what is recorded and not in the stack (or for everything, with destroy). False after an error.
 */
bool diff_orphans(struct planner *p);

/* A failed operation at plan time: a diagnostic where the stack is to blame, otherwise p->failure. Returns
 * false. */
bool plan_failed(struct planner *p, struct span span, const struct err *err);
/* A provider that cannot be opened is one mistake, however many resources use it. Returns false. */
bool plan_provider_failed(struct planner *p, const struct decl *user, const struct err *err);

/* ---- teardown.c ---- */

/* What the stack says by now of how each recorded resource is to be deleted. Before anything is claimed. */
void teardown_steering(struct planner *p);
/* Looks at what else each deletion would erase, and whether it may. False after an error. */
bool teardown_examine(struct planner *p);
/* What services left behind of an object that goes or has gone: as resource_ops.leaves, with the id and the
 * object of each. */
int teardown_find_leaves(struct planner *p, const struct op_ctx *ctx, const struct value *object,
    const struct value **out, struct err *err);
/* After a deletion: removes what services left behind of the object. What cannot be removed is warned of. */
void teardown_leaves(struct planner *p, struct op_ctx *ctx, const struct value *object,
    void (*warn)(void *ctx, const char *text), void *warn_ctx);

/* ---- identity_clash.c ---- */

/* Reports instances that would be what something recorded is or keeps, or of sole types what another is. */
void check_unique(struct planner *p);

/* ---- replace_trigger.c ---- */

/* Did something that the instance's replace_triggered_by names change since the last apply? */
bool triggered(struct planner *p, const struct instance *instance);

/* Does the expression come out otherwise than with what is recorded? `diags` NULL: its errors are told
 * elsewhere. */
bool expression_changes(
    struct planner *p, const struct instance *instance, const struct expr *expr, struct diags *diags);

/* ---- fingerprint.c ---- */

/* SHA-256 over everything that the plan decides. */
struct str decisions_fingerprint(const struct plan *plan, struct arena *arena);
/* By address, what becomes of each resource: nothing secret, to be kept for decisions_differ(). */
const struct value *decisions_of(const struct plan *plan, struct arena *arena);
/* ERR_STALE: says where the plan differs from what was decided then. */
int decisions_differ(const struct plan *plan, const struct value *then, struct err *err);

/* ---- objects.c ---- */

/* Names of the attributes in which desired differs from live; the executor asks again when all is known.
 * `removed`: of the record's set, no longer in the file. */
struct difference {
    const struct attr *attr;
    const struct value *before, *after;
    bool replaces;
};
size_t diff_objects(struct arena *arena, const struct schema *schema, const struct lifecycle *lifecycle,
    const struct value *desired, const struct value *live, const struct record *record,
    struct difference **out);
/* The attribute names that the file gives in this object. */
const struct value *object_set(struct arena *arena, const struct schema *schema, const struct value *desired);
/*
 * live, completed by what was given where the service does not tell. With `hash`, for the state, write-only
 * values become salted hashes.
 */
const struct value *object_complete(struct arena *arena, const struct schema *schema,
    const struct value *desired, const struct value *live, bool hash);
/*
 * Can live not have come from desired, although it bears the same name? So where they differ in what the
 * service never changes.
 */
bool object_is_another(const struct schema *schema, const struct value *desired, const struct value *live);
/* Of maps that others write to as well, only the keys that `names` gives to `known` are ours. */
const struct value *object_ours(struct arena *arena, const struct schema *schema, const struct value *live,
    const struct value *known, const struct value *names);
/* Is v what a recorded value with secrets in it (as hashes) was made from? */
bool object_hash_matches(const struct value *kept, const struct value *v);
/* prior, with the attributes that steer weir as `desired` has them; unknown ones stay as they were. */
const struct value *object_steered(
    struct arena *arena, const struct schema *schema, const struct value *prior, const struct value *desired);
/*
 * Marks the attributes that are secret: those that the schema calls sensitive, and those that are so in
 * `known`, which is what is recorded, or what the file gives: many an attribute is secret only because of an
 * input. Every object that a service gave comes through here with what is known of it, before anything else
 * is done with it.
 */
const struct value *object_mark(
    struct arena *arena, const struct schema *schema, const struct value *object, const struct value *known);
/* What is secret in what is recorded, or was about to be, is known by value from then on. Not what only its
 * place makes secret: that may be public elsewhere. */
void object_learn(const struct schema *schema, const struct value *object);
/* Is there a secret in it that a service's answer may repeat? Write-only ones are never told. */
bool object_tells_secrets(const struct schema *schema, const struct value *object);
/* The object with every computed attribute that is not there unknown. */
const struct value *object_unknown(
    struct arena *arena, const struct schema *schema, const struct value *object);

/* ---- sources.c ---- */

/* Keeps the stack's files with the run that has begun; without secrets unless the state has a key. */
int sources_keep(struct planner *p, struct err *err);
/* An input as the command line takes it: "k=v". */
struct str input_argument(struct arena *arena, struct str name, const struct value *v);

/* ---- shared by refresh.c, diff.c and work.c ---- */

struct op_ctx op_context(struct planner *p, struct arena *arena, struct provider *provider,
    const struct schema *schema, struct str address);
struct op_ctx instance_context(
    struct planner *p, struct arena *arena, struct provider *provider, const struct instance *instance);
/* Where relative file names in the attributes of a declaration start. */
struct str local_dir(const struct decl *decl);
void observe(const struct observer *observer, const struct event *event);

#endif
