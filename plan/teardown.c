/*
 * What deletions erase besides the resources themselves, decided when they are planned: by the flags of the
 * command line and by what the stack says now, not by what some earlier run recorded.
 */
#include "plan/teardown.h"

#include "base/mem.h"
#include "base/pool.h"
#include "plan/address.h"
#include "plan/attributes.h"
#include "plan/context.h"
#include "plan/evaluate.h"
#include "plan/instances.h"
#include "plan/objects.h"
#include "plan/places.h"
#include "plan/recorded.h"
#include "plan/silent.h"

#include <pthread.h>
#include <stdio.h>

/*
 * Before anybody is asked, teardown_examine() looks at every resource that is to go: what is in it, what
 * protects it, what services left behind of it. What a flag would erase has to be the stack's: something
 * that was there before weir, or that bears another stack's marks, is refused.
 */

enum { THREADS = 16 };

/* ---- what the stack says now ---- */

static void steer_instances(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->evaluated.instances[decl->index];
    if (!evaluate_instances(p, decl))
        *list = (struct instances){.keyed = decl->for_each != NULL};
    for (size_t i = 0; i < list->n; i++) {
        struct instance *instance = &list->items[i];
        struct seen *seen = recorded_find(&p->recorded, instance->address);
        instance->planned = seen ? seen->live : &value_unknown;
        if (seen)
            seen->steering = evaluate_steering(p, instance, p->arena);
    }
}

void teardown_steering(struct planner *p)
{
    /* Whatever cannot be computed, for want of a resource that is gone, stays as it was recorded. And of a
     * destroy the records alone are the plan. */
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct planner aside = planner_aside(p, &ignored);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (p->evaluated.fixed[i])
            continue;
        if (decl->kind == DECL_RESOURCE)
            steer_instances(&aside, decl);
        if (decl->kind == DECL_DATA)
            aside.evaluated.values[i] = &value_unknown;
        else
            evaluate_decl(&aside, decl);
    }
}

/* ---- looking ---- */

struct examination {
    struct planner *p;
    struct change **changes; /* deletions, each with something that can be looked at */
    struct provider **providers;
    struct err **errors; /* by change; NULL: none */
    size_t n;
    pthread_mutex_t lock; /* the planner's arena, and its observer */
};

struct looking {
    struct examination *x;
    struct str address;
};

static void tell_looking(void *ctx, const char *what)
{
    const struct looking *looking = ctx;
    struct planner *p = looking->x->p;
    char text[256];
    snprintf(text, sizeof text, "%.*s: %s", STR_ARG(looking->address), what);
    pthread_mutex_lock(&looking->x->lock);
    observe(&p->observer, &(struct event){.kind = EVENT_REFRESH, .text = text});
    pthread_mutex_unlock(&looking->x->lock);
}

static bool has_flag(const struct value *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (value_getz(list->items[i], "flag"))
            return true;
    return false;
}

/* May a flag erase what the change's resource holds? */
static int check_owner(
    struct op_ctx *ctx, const struct change *change, const struct value *prior, struct err *err)
{
    const struct value *marks = &value_empty_map;
    if (change->adopted) {
        err_set(err, ERR_INVALID, "it was there before this stack took it over");
        return err_hint(err, "empty or unprotect it by other means, or say so in the stack itself; "
                             "`removed: [{address: …, destroy: false}]` lets go of it as it is");
    }
    if (ctx->schema->ops->marks && ctx->schema->ops->marks(ctx, prior, &marks, err))
        return err->class == ERR_ABSENT ? 0 : err_context(err, "finding out whose it is");
    struct str stack = value_gets(marks, "stack");
    if (!stack.n || str_eq(stack, ctx->owner.stack))
        return 0;
    err_set(err, ERR_INVALID, "it bears the marks of the stack \"%.*s\"", STR_ARG(stack));
    return err_hint(err, "`removed: [{address: …, destroy: false}]` lets go of it as it is");
}

/* ---- what services left ---- */

struct leaf_search {
    struct planner *p;
    struct arena *arena;
    const struct value *leaf;
    const struct schema *schema;
    struct value_builder *found;
};

/* A thing of its own in this state goes, or stays, as that. What went already and is there again was made
 * anew: by a function that logged once more. */
static bool is_recorded(const struct planner *p, const struct schema *schema, struct str id)
{
    for (size_t i = 0; i < p->recorded.count; i++)
        if (str_eq(p->recorded.seen[i].record->subject.type, schema->name) &&
            str_eq(p->recorded.seen[i].record->subject.id, id))
            return state_get(p->workspace->state, p->recorded.seen[i].address);
    return false;
}

static void found_leaf(void *ctx, const struct value *live)
{
    struct leaf_search *search = ctx;
    struct str id = value_text(value_get(live, search->schema->id), STR_EMPTY);
    if (!id.n || is_recorded(search->p, search->schema, id))
        return;
    struct value_entry entries[] = {{STR("type"), value_string_ref(search->arena, search->schema->name)},
        {STR("id"), value_string(search->arena, id)}, {STR("says"), value_getz(search->leaf, "says")},
        {STR("kept"), value_getz(search->leaf, "kept")}, {STR("object"), value_copy(search->arena, live)}};
    value_builder_add(search->found, value_map(search->arena, entries, 5));
}

/* Something that a stack manages bears its marks; what a service made bears none, or those of what it was
 * made for (a snapshot may take over the tags). */
static bool is_left(const struct op_ctx *ctx, const struct schema *schema, const struct value *object)
{
    struct op_ctx own = *ctx;
    const struct value *marks = &value_empty_map;
    struct err ignored = ERR_INIT;
    own.schema = schema;
    if (schema->ops->marks && schema->ops->marks(&own, object, &marks, &ignored))
        return false;
    struct str stack = value_gets(marks, "stack"), address = value_gets(marks, "address");
    return !stack.n || (str_eq(stack, ctx->owner.stack) && str_eq(address, ctx->address));
}

int teardown_find_leaves(struct planner *p, const struct op_ctx *ctx, const struct value *object,
    const struct value **out, struct err *err)
{
    struct op_ctx own = *ctx;
    const struct value *list = &value_empty_list;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(ctx->arena), left = VALUE_BUILDER(ctx->arena);
    *out = &value_empty_list;
    if (!ctx->schema->ops->leaves)
        return 0;
    if (ctx->schema->ops->leaves(&own, object, &list, err))
        return -1;
    for (uint32_t i = 0; i < list->count; i++) {
        struct str type = value_gets(list->items[i], "type");
        struct leaf_search search = {.p = p,
            .arena = ctx->arena,
            .leaf = list->items[i],
            .schema = catalog_find(p->workspace->catalog, type, false, err),
            .found = &all};
        if (!search.schema)
            return -1;
        own.schema = search.schema;
        if (search.schema->ops->search &&
            search.schema->ops->search(&own, value_getz(list->items[i], "match"), found_leaf, &search, err))
            return err_context(err, "looking for %.*s", STR_ARG(type));
    }
    for (size_t i = 0; i < all.n; i++) {
        const struct value *item = all.entries[i].value;
        struct err ignored = ERR_INIT;
        const struct schema *schema =
            catalog_find(p->workspace->catalog, value_gets(item, "type"), false, &ignored);
        if (is_left(ctx, schema, value_getz(item, "object")))
            value_builder_add(&left, item);
    }
    *out = value_builder_list(&left);
    return 0;
}

static bool is_kept(const struct value *leaf)
{
    const struct value *kept = value_getz(leaf, "kept");
    return kept && kept->kind == VALUE_BOOL && kept->boolean;
}

void teardown_leaves(struct planner *p, struct op_ctx *ctx, const struct value *object)
{
    const struct value *list;
    struct err err = ERR_INIT;
    char text[1280];
    if (teardown_find_leaves(p, ctx, object, &list, &err)) {
        snprintf(text, sizeof text, "what services left of it was not removed: %s", err.message);
        op_warn(ctx, text);
        return;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        struct str type = value_gets(list->items[i], "type");
        struct str id = value_gets(list->items[i], "id");
        struct op_ctx own = *ctx;
        struct err failure = ERR_INIT;
        if (is_kept(list->items[i]))
            continue;
        own.schema = catalog_find(p->workspace->catalog, type, false, &failure);
        own.owner.unmarked = true; /* a service made it, of what was ours */
        if (own.schema->ops->delete (
                &own, p->options->teardown, value_getz(list->items[i], "object"), &failure) == 0)
            continue;
        snprintf(
            text, sizeof text, "left behind: %.*s %.*s: %s", STR_ARG(type), STR_ARG(id), failure.message);
        op_warn(ctx, text);
    }
}

/* ---- one deletion ---- */

static const struct record *deleted_record(const struct change *change)
{
    return change->seen->record;
}

/* How many objects a recorded resource has in the bucket, as far as it can be told. */
static int64_t objects_in(const struct planner *p, const struct change *change, struct str bucket)
{
    const struct record *record = change->decision.action == ACTION_DELETE ? deleted_record(change) : NULL;
    if (!record || !str_eq(value_gets(record->attrs, "bucket"), bucket))
        return 0;
    int64_t files = value_geti(record->attrs, "count", 0);
    const struct resource_ops *ops = change->schema ? change->schema->ops : NULL;
    const struct value *held = ops && ops->holds ? ops->holds(p->arena, record->attrs) : NULL;
    return files ? files : held && held->count ? held->count : 1;
}

/* What is in a bucket does not stop its deletion where it is the stack's own and is deleted before. */
static bool goes_before(struct examination *x, const struct change *change, const struct value *what)
{
    const struct planner *p = x->p;
    const struct value *counts = value_getz(what, "counts");
    struct str id = deleted_record(change)->subject.id;
    int64_t own = 0, there = value_geti(counts, "objects", 0);
    if (!counts || value_geti(counts, "versions", 0) > there || value_geti(counts, "uploads", 0))
        return false;
    pthread_mutex_lock(&x->lock); /* the planner's arena */
    for (size_t i = 0; i < p->decided.count; i++)
        own += objects_in(p, &p->decided.changes[i], id);
    pthread_mutex_unlock(&x->lock);
    return own >= there;
}

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
    bool silent = silent_note_of(x->p, deleted_record(change), err) != NULL;
    pthread_mutex_unlock(&x->lock);
    return silent;
}

static void examine_deletion(void *ctx, size_t i)
{
    struct examination *x = ctx;
    struct planner *p = x->p;
    struct change *change = x->changes[i];
    const struct resource_ops *ops = change->schema->ops;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct looking looking = {x, change->subject.address};
    struct op_ctx op = op_context(p, &arena, x->providers[i], change->schema, change->subject.address);
    const struct value *erased = &value_empty_list, *left = &value_empty_list;
    const struct value *prior = change->prior ? change->prior : deleted_record(change)->attrs;
    struct err err = ERR_INIT;
    struct op_observer observer = {.ctx = &looking, .progress = tell_looking};
    op.observer = &observer;
    if ((ops->erases && ops->erases(&op, p->options->teardown, prior, &erased, &err)) ||
        (has_flag(erased) && check_owner(&op, change, prior, &err))) {
        if (!is_silent(x, change, &err))
            note_failure(x, i, &err);
        return;
    }
    struct err ignored = ERR_INIT; /* what cannot be looked at now is looked at again afterwards */
    if (p->options->destroy)       /* otherwise they stay: something else may have taken over the name */
        teardown_find_leaves(p, &op, prior, &left, &ignored);
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(&arena);
    for (uint32_t k = 0; k < erased->count; k++)
        if (!value_getz(erased->items[k], "stops") || !goes_before(x, change, erased->items[k]))
            value_builder_add(&all, erased->items[k]);
    for (uint32_t k = 0; k < left->count; k++)
        value_builder_add(&all, value_with(&arena, left->items[k], STR("object"), NULL));
    if (!all.n)
        return;
    pthread_mutex_lock(&x->lock);
    change->erases = value_copy(p->arena, value_builder_list(&all));
    pthread_mutex_unlock(&x->lock);
}

/* ---- all of them ---- */

static bool has_to_be_examined(const struct change *change)
{
    bool goes = change->decision.action == ACTION_DELETE || change->decision.action == ACTION_REPLACE;
    return goes && change->schema && (change->schema->ops->erases || change->schema->ops->leaves);
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
        const struct record *record = deleted_record(change);
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
