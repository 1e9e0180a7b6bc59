/*
 * Before anybody is asked, teardown_examine() looks at every resource that is to go: whose it is, what is in
 * it, what protects it, what services left behind of it. What stands in the way is told with the plan, and
 * refused before anything is called (obstacles.c).
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "plan/address.h"
#include "plan/context.h"
#include "plan/objects.h"
#include "plan/obstacles.h"
#include "plan/places.h"
#include "plan/silent.h"
#include "plan/teardown.h"
#include "plan/work.h"

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 16 };

struct examination {
    struct planner *p;
    struct change **changes; /* deletions, each with something that can be looked at */
    struct provider **providers;
    struct err **errors; /* by change; NULL: none */
    size_t n;
    pthread_mutex_t lock; /* the planner's arena, and its observer */
};

/* One of them, while a thread is at it. */
struct examined {
    struct examination *x;
    struct change *change;
    struct op_ctx op;
    const struct value *prior;
    bool unknown; /* nobody may look whose it is */
    struct value_builder told;
};

static void tell_looking(void *ctx, const char *what)
{
    const struct examined *e = ctx;
    struct planner *p = e->x->p;
    char text[256];
    snprintf(text, sizeof text, "%.*s: %s", STR_ARG(e->change->subject.address), what);
    pthread_mutex_lock(&e->x->lock);
    observe(&p->observer, &(struct event){.kind = EVENT_REFRESH, .text = text});
    pthread_mutex_unlock(&e->x->lock);
}

/* ---- what goes before ---- */

/* Earlier versions lie where they were made, though nothing in a record refers there any more. */
static int64_t versions_in(struct arena *arena, const struct change *change, const struct subject *container)
{
    const struct resource_ops *ops = change->schema->ops;
    const struct value *in = ops->lies_in ? ops->lies_in(arena, change->seen->record->attrs) : NULL;
    const struct value *ids = value_as_list(value_get(in, container->type));
    int64_t n = 0;
    for (uint32_t i = 0; i < ids->count; i++)
        n += str_eq(value_text(ids->items[i], STR_EMPTY), container->id);
    return n;
}

/* How many things a recorded resource has in the container that its attribute `within` names, as far as it
 * can be told. */
static int64_t things_in(
    struct arena *arena, const struct change *change, struct str within, const struct subject *container)
{
    if (change->decision.action != ACTION_DELETE || !change->schema)
        return 0;
    const struct value *attrs = change->seen->record->attrs;
    int64_t versions = versions_in(arena, change, container), files = value_geti(attrs, "count", 0);
    if (versions || !str_eq(value_text(value_get(attrs, within), STR_EMPTY), container->id))
        return versions;
    return files ? files : 1;
}

/* The stack's own commands may empty it before it goes: nobody knows what they do. */
static bool is_command_of(const struct change *change, struct str address)
{
    const struct record *record = change->decision.action == ACTION_DELETE ? change->seen->record : NULL;
    const struct value *deps = record && str_eqz(record->subject.type, "weir.command") ? record->deps : NULL;
    for (uint32_t i = 0; deps && i < deps->count; i++)
        if (str_eq(value_text(deps->items[i], STR_EMPTY), address) ||
            str_eq(value_text(deps->items[i], STR_EMPTY), address_declared(address)))
            return true;
    return false;
}

/* What is in it does not stop its deletion where it is the stack's own and is deleted before. */
static bool goes_before(const struct examined *e, const struct value *what)
{
    const struct planner *p = e->x->p;
    const struct value *counts = value_getz(what, "counts");
    const struct subject *container = &e->change->seen->record->subject;
    struct str within = value_gets(what, "within");
    int64_t own = 0, there = counts && counts->count ? value_geti(counts, "objects", -1) : -1;
    bool command = false;
    if (!counts || !within.n)
        return false;
    if (there < 0 && counts->entries[0].value->kind == VALUE_INT)
        there = counts->entries[0].value->integer;
    if (value_geti(counts, "versions", 0) > there || value_geti(counts, "uploads", 0))
        return false;
    pthread_mutex_lock(&e->x->lock); /* the planner's arena */
    for (size_t i = 0; i < p->decided.count; i++) {
        own += things_in(p->arena, &p->decided.changes[i], within, container);
        command |= is_command_of(&p->decided.changes[i], e->change->subject.address);
    }
    pthread_mutex_unlock(&e->x->lock);
    return command || own >= there;
}

/* ---- one deletion ---- */

static void note_failure(struct examination *x, size_t i, const struct err *err)
{
    pthread_mutex_lock(&x->lock);
    x->errors[i] = ARENA_NEW(x->p->arena, struct err);
    *x->errors[i] = *err;
    pthread_mutex_unlock(&x->lock);
}

/* Nobody can be asked, then: what becomes of it is seen when it is to be deleted. */
static bool is_silent(struct examination *x, const struct change *change, const struct err *err)
{
    pthread_mutex_lock(&x->lock);
    bool silent = silent_note_of(x->p, change->seen->record, err) != NULL;
    pthread_mutex_unlock(&x->lock);
    return silent;
}

/* May a flag erase what the resource holds? Not where it was there before, or nobody may look whose it is. */
static int check_flagged(struct examined *e, const struct value *erased, struct err *err)
{
    bool flagged = false;
    const struct value *marks;
    for (uint32_t i = 0; i < erased->count; i++)
        flagged |= value_getz(erased->items[i], "flag") != NULL;
    if (!flagged || (!e->change->adopted && !e->unknown))
        return 0;
    if (!e->change->adopted) {
        if (!e->change->schema->ops->marks(&e->op, e->prior, &marks, err))
            return 0;
        return err->class == ERR_ABSENT ? 0 : err_context(err, "finding out whose it is");
    }
    err_set(err, ERR_INVALID, "it was there before this stack took it over");
    return err_hint(err, "empty or unprotect it by other means, or say so in the stack itself; "
                         "`removed: [{address: …, destroy: false}]` forgets it as it is");
}

/* *ours: it may be deleted, as far as that goes. Else that is what is told of it. */
static int find_owner(struct examined *e, bool *ours, struct err *err)
{
    const struct planner *p = e->x->p;
    const struct record *record = e->change->seen->record;
    const struct decl *decl = stack_find(p->stack, address_declared(record->subject.address));
    struct ownership owner;
    *ours = true;
    if (!e->change->schema->ops->whose)
        return 0;
    e->op.owner.recorded = record->attrs;
    e->op.owner.unmarked = work_was_there(record, decl);
    if (e->change->schema->ops->whose(&e->op, e->prior, &owner, err))
        return err->class == ERR_ABSENT ? 0 : -1;
    e->unknown = owner.untold;
    bool agreed = owner.whose == WHOSE_NOBODY_KNOWS && p->options->delete_adopted;
    *ours = owner.whose == WHOSE_OURS || agreed;
    e->change->owned_at_ms = *ours ? clock_mono_ms() : 0;
    if (owner.whose != WHOSE_OURS)
        value_builder_add(&e->told, obstacle_owner(e->op.arena, &owner, record->subject.address, agreed));
    return 0;
}

/* Of what stays, which is known by name, the service must not have one already. */
static const struct value *kept_thing(struct examined *e, const struct value *what)
{
    struct op_ctx own = e->op;
    struct err ignored = ERR_INIT; /* then it is found out by deleting it */
    struct arena *arena = e->op.arena;
    struct str type = value_gets(what, "type");
    own.schema = type.n ? catalog_find(e->x->p->workspace->catalog, type, false, &ignored) : NULL;
    const struct value *match = value_getz(what, "match"), *live = NULL;
    what = value_with(arena, what, STR("match"), NULL);
    if (!own.schema || !own.schema->ops->read)
        return value_with(arena, what, STR("needs"), NULL);
    what = value_with(arena, what, STR("id"), value_get(match, own.schema->id));
    const struct value *self = NULL; /* what is being deleted already has its snapshot taken */
    if (own.schema->ops->read(&own, match, &value_empty_list, &live, &ignored) || !live ||
        e->change->schema->ops->read(&e->op, e->prior, &value_empty_list, &self, &ignored) || !self)
        return value_with(arena, what, STR("needs"), NULL);
    return obstacle_taken(arena, what);
}

static int find_erased(struct examined *e, struct err *err)
{
    const struct planner *p = e->x->p;
    const struct resource_ops *ops = e->change->schema->ops;
    const struct value *erased = &value_empty_list;
    if ((ops->erases && ops->erases(&e->op, p->options->teardown, e->prior, &erased, err)) ||
        check_flagged(e, erased, err))
        return -1;
    for (uint32_t i = 0; i < erased->count; i++) {
        const struct value *what = erased->items[i];
        if (obstacle_is(what) && goes_before(e, what))
            continue;
        value_builder_add(&e->told, value_getz(what, "kept") ? kept_thing(e, what) : what);
    }
    return 0;
}

/* Of a destroy: otherwise they stay, for something else may have taken over the name. */
static void find_left(struct examined *e)
{
    const struct value *left = &value_empty_list;
    struct err ignored = ERR_INIT; /* what cannot be looked at now is looked at again afterwards */
    if (!e->x->p->options->destroy || teardown_find_leaves(e->x->p, &e->op, e->prior, &left, &ignored))
        return;
    for (uint32_t i = 0; i < left->count; i++)
        if (!value_getb(left->items[i], "kept"))
            value_builder_add(&e->told, value_with(e->op.arena, left->items[i], STR("object"), NULL));
}

static void examine_deletion(void *ctx, size_t i)
{
    struct examination *x = ctx;
    struct change *change = x->changes[i];
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct examined e = {.x = x,
        .change = change,
        .op = op_context(x->p, &arena, x->providers[i], change->schema, change->subject.address),
        .prior = change->prior ? change->prior : change->seen->record->attrs,
        .told = VALUE_BUILDER(&arena)};
    struct op_observer observer = {.ctx = &e, .progress = tell_looking};
    struct err err = ERR_INIT;
    bool ours;
    e.op.observer = &observer;
    if (find_owner(&e, &ours, &err) || (ours && find_erased(&e, &err))) {
        if (!is_silent(x, change, &err))
            note_failure(x, i, &err);
        return;
    }
    if (ours)
        find_left(&e);
    if (!e.told.n)
        return;
    pthread_mutex_lock(&x->lock);
    change->erases = value_copy(x->p->arena, value_builder_list(&e.told));
    pthread_mutex_unlock(&x->lock);
}

/* ---- all of them ---- */

static bool has_to_be_examined(const struct change *change)
{
    bool goes = change->decision.action == ACTION_DELETE || change->decision.action == ACTION_REPLACE;
    return goes && change->schema &&
           (change->schema->ops->erases || change->schema->ops->leaves || change->schema->ops->whose);
}

/* What is handed over for the deletion of what is replaced (work.c): as seen, in the way of the stack now.
 */
static const struct value *replaced_prior(struct planner *p, const struct change *change)
{
    const struct seen *seen = change->instance->seen;
    const struct value *prior = value_merge(p->arena, seen->record->attrs, seen->live);
    return object_steered(p->arena, change->schema, prior, change->instance->desired);
}

static int collect_deletions(struct planner *p, struct examination *x, struct err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < p->decided.count; i++)
        n += has_to_be_examined(&p->decided.changes[i]);
    x->changes = ARENA_ARRAY(p->arena, struct change *, n + 1);
    x->providers = ARENA_ARRAY(p->arena, struct provider *, n + 1);
    x->errors = ARENA_ARRAY(p->arena, struct err *, n + 1);
    for (size_t i = 0; i < p->decided.count; i++) {
        struct change *change = &p->decided.changes[i];
        if (!has_to_be_examined(change))
            continue;
        const struct record *record = change->seen->record;
        if (change->instance)
            change->prior = replaced_prior(p, change);
        else if (change->seen->steering)
            change->prior = object_steered(p->arena, change->schema, record->attrs, change->seen->steering);
        if (!place_provider(p, record->subject.provider, record->place, &x->providers[x->n], err))
            x->changes[x->n++] = change;
        else if (silent_note_of(p, record, err))
            *err = (struct err)ERR_INIT; /* whether it goes with its service is not this one's to say */
        else
            return -1;
    }
    return 0;
}

bool teardown_examine(struct planner *p)
{
    struct examination x = {.p = p, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct err err = ERR_INIT;
    bool ok = true;
    if (collect_deletions(p, &x, &err)) {
        plan_failed(p, (struct span){0}, &err);
        return false;
    }
    if (!x.n)
        return true;
    observe(&p->observer,
        &(struct event){.kind = EVENT_REFRESH, .text = "looking at what else goes", .count = x.n});
    pool_run(p->options->parallelism ? p->options->parallelism : THREADS, x.n, examine_deletion, &x);
    observe(&p->observer, &(struct event){.kind = EVENT_REFRESH_DONE});
    for (size_t i = 0; i < x.n; i++) {
        if (!x.errors[i])
            continue;
        struct str address = x.changes[i]->subject.address;
        const struct decl *decl = stack_find(p->stack, address_declared(address));
        err_context(x.errors[i], "%.*s", STR_ARG(address));
        ok = plan_failed(p, decl ? decl->span : (struct span){0}, x.errors[i]);
    }
    return ok;
}
