/*
 * teardown_examine() examines each resource to delete before the user is asked: owner, contents, protection,
 * leftovers of services. Obstacles are shown with the plan, which is then refused (teardown.c).
 */
#include "base/clock.h"
#include "plan/destroy/teardown.h"
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/context.h"
#include "plan/objects/objects.h"
#include "plan/refresh/refresh.h"

enum { THREADS = 16 };

struct examination {
    struct planner *p;
    struct change **changes; /* deletions whose type can be examined */
    struct provider **providers;
    struct err **errors; /* by change; NULL: none */
    size_t n;
    struct refresh_tags tags; /* of all of them, read together */
    pthread_mutex_t lock;     /* guards the planner's arena and its observer */
};

/* A deletion, examined by one thread. */
struct examined {
    struct examination *x;
    struct change *change;
    struct op_ctx op;
    const struct value *prior;
    bool unknown; /* reading its owner is not permitted */
    struct value_builder reported;
};

static void tell_looking(void *ctx, const char *what)
{
    const struct examined *e = ctx;
    struct planner *p = e->x->p;
    char text[256];
    snprintf(text, sizeof text, "%.*s: %s", STR_ARG(e->change->subject.address), what);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&e->x->lock);
    observe(&p->observer, &(struct event){.kind = EVENT_REFRESH, .text = text});
}

/* ---- one deletion ---- */

static void note_failure(struct examination *x, size_t i, const struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&x->lock);
    x->errors[i] = ARENA_NEW(x->p->arena, struct err);
    *x->errors[i] = *err;
}

/* Notes an unreachable service: whether the resource still exists is decided when it is deleted. */
static bool is_unreachable(struct examination *x, const struct change *change, const struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&x->lock);
    return unreachable_note_of(x->p, change->recorded->record, err) != NULL;
}

static bool is_flagged(const struct value *losses)
{
    for (uint32_t i = 0; i < losses->count; i++)
        if (value_getz(losses->items[i], "flag"))
            return true;
    return false;
}

/* Checks whether a flag may delete the resource's contents. Refused for a resource that existed before weir,
 * and if its owner cannot be read. */
static int check_flagged(struct examined *e, const struct value *losses, struct err *err)
{
    const struct resource_ops *ops = e->change->schema->ops;
    const struct value *owner_tags;
    if (!is_flagged(losses))
        return 0;
    if (e->change->adopted) {
        err_set(err, ERR_INVALID, "it existed before this stack imported it");
        return err_hint(err, "empty or unprotect it by other means, or say so in the stack itself; "
                             "`removed: [{address: …, destroy: false}]` forgets it as it is");
    }
    bool seen = e->change->owned_at_ms && !e->unknown; /* read from the resource itself */
    if (seen || !ops->ownership_tags || !ops->ownership_tags(&e->op, e->prior, &owner_tags, err) ||
        err->class == ERR_ABSENT)
        return 0;
    return err_context(err, "looking up its owner");
}

/* The tagging API lags behind: it is trusted only if it reports the stack's own tags, and the owner is read
 * again at the deletion. */
static int ask_owner(struct examined *e, struct provider *provider, struct ownership *owner, struct err *err)
{
    const struct resource_ops *ops = e->change->schema->ops;
    bool listed = ops->tag_name && ops->tag_name(&e->op, e->prior, false).n;
    e->op.known_tags = listed ? refresh_tags_of(&e->x->tags, provider) : NULL;
    bool known = e->op.known_tags || e->op.owner.live_tags;
    if (known && !ops->find_owner(&e->op, e->prior, owner, err) && owner->kind == OWNERSHIP_OURS)
        return 0;
    *err = (struct err)ERR_INIT;
    e->op.known_tags = NULL;
    e->op.owner.live_tags = NULL;
    if (ops->find_owner(&e->op, e->prior, owner, err))
        return -1;
    e->change->owned_at_ms = owner->kind == OWNERSHIP_OURS ? clock_mono_ms() : 0;
    return 0;
}

/* *ours: it can be deleted. Otherwise the owner is reported. */
static int find_owner(struct examined *e, struct provider *provider, bool *ours, struct err *err)
{
    const struct planner *p = e->x->p;
    const struct record *record = e->change->recorded->record;
    const struct decl *decl = stack_find(p->stack, address_declared(record->subject.address));
    struct ownership owner;
    *ours = true;
    if (!e->change->schema->ops->find_owner)
        return 0;
    adopted_owner(&e->op.owner, record, decl);
    e->op.owner.live_tags = e->change->recorded->owner_tags;
    if (ask_owner(e, provider, &owner, err))
        return err->class == ERR_ABSENT ? 0 : -1;
    e->op.known_tags = NULL;
    e->unknown = owner.unreported;
    bool agreed = owner.kind == OWNERSHIP_UNKNOWN && p->options->delete_adopted;
    *ours = owner.kind == OWNERSHIP_OURS || agreed;
    if (owner.kind != OWNERSHIP_OURS)
        value_builder_add(&e->reported, obstacle_owner(e->op.arena, &owner, record->subject.address, agreed));
    return 0;
}

/* Checks for a resource to keep that the service does not have one of the same name. */
static const struct value *kept_resource(struct examined *e, const struct value *what)
{
    struct op_ctx own = e->op;
    struct err ignored = ERR_INIT; /* the deletion will tell */
    struct arena *arena = e->op.arena;
    struct str type = value_gets(what, "type");
    own.schema = type.n ? catalog_find(e->x->p->workspace->catalog, type, false, &ignored) : NULL;
    const struct value *match = value_getz(what, "match"), *live = NULL;
    what = value_with(arena, what, STR("match"), NULL);
    if (!own.schema || !own.schema->ops->read)
        return value_with(arena, what, STR("needs"), NULL);
    what = value_with(arena, what, STR("id"), value_get(match, own.schema->id));
    const struct value *self = NULL; /* a resource that is being deleted has its snapshot already */
    if (own.schema->ops->read(&own, match, &value_empty_list, &live, &ignored) || !live ||
        e->change->schema->ops->read(&e->op, e->prior, &value_empty_list, &self, &ignored) || !self)
        return value_with(arena, what, STR("needs"), NULL);
    return obstacle_existing(arena, what);
}

static bool goes_before(const struct examined *e, const struct value *what)
{
    pthread_mutex_lock(&e->x->lock); /* guards the planner's arena */
    bool goes = obstacle_is_deleted_first(e->x->p, e->change, what);
    pthread_mutex_unlock(&e->x->lock);
    return goes;
}

static int find_data_loss(struct examined *e, struct err *err)
{
    const struct planner *p = e->x->p;
    const struct resource_ops *ops = e->change->schema->ops;
    const struct value *losses = &value_empty_list;
    if ((ops->data_loss && ops->data_loss(&e->op, p->options->teardown, e->prior, &losses, err)) ||
        check_flagged(e, losses, err))
        return -1;
    for (uint32_t i = 0; i < losses->count; i++) {
        const struct value *what = losses->items[i];
        if (obstacle_is(what) && goes_before(e, what))
            continue;
        value_builder_add(&e->reported, value_getz(what, "kept") ? kept_resource(e, what) : what);
    }
    return 0;
}

/* Only in a destroy: otherwise another resource may use the name by now. */
static void find_left(struct examined *e)
{
    const struct value *left = &value_empty_list;
    struct err ignored = ERR_INIT; /* verification looks again */
    if (!e->x->p->options->destroy || teardown_find_leaves(e->x->p, &e->op, e->prior, &left, &ignored))
        return;
    for (uint32_t i = 0; i < left->count; i++)
        if (!value_getb(left->items[i], "kept"))
            value_builder_add(&e->reported, value_with(e->op.arena, left->items[i], STR("object"), NULL));
}

static void examine_deletion(void *ctx, size_t i)
{
    struct examination *x = ctx;
    struct change *change = x->changes[i];
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct examined e = {.x = x,
        .change = change,
        .op = op_context(x->p, &arena, x->providers[i], change->schema, change->subject.address),
        .prior = change->prior ? change->prior : change->recorded->record->attrs,
        .reported = VALUE_BUILDER(&arena)};
    struct op_observer observer = {.ctx = &e, .progress = tell_looking};
    struct err err = ERR_INIT;
    bool ours;
    e.op.observer = &observer;
    if (find_owner(&e, x->providers[i], &ours, &err) || (ours && find_data_loss(&e, &err))) {
        if (!is_unreachable(x, change, &err))
            note_failure(x, i, &err);
        return;
    }
    if (ours)
        find_left(&e);
    if (!e.reported.n)
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&x->lock);
    change->data_loss = value_copy(x->p->arena, value_builder_list(&e.reported));
}

/* ---- all deletions ---- */

static bool has_to_be_examined(const struct change *change)
{
    bool goes = change->decision.action == ACTION_DELETE || change->decision.action == ACTION_REPLACE;
    return goes && change->schema &&
           (change->schema->ops->data_loss || change->schema->ops->leaves || change->schema->ops->find_owner);
}

/* The object for the deletion of a replaced resource (work_delete.c): live, with the stack's present
 * attributes. */
static const struct value *replaced_prior(struct planner *p, const struct change *change)
{
    const struct recorded_resource *recorded = change->instance->recorded;
    const struct value *prior = value_merge(p->arena, recorded->record->attrs, recorded->live);
    return object_with_weir_only(p->arena, change->schema, prior, change->instance->desired);
}

static int collect_deletions(struct planner *p, struct examination *x, struct err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < p->decided.count; i++)
        n += has_to_be_examined(p->decided.changes[i]);
    x->changes = ARENA_ARRAY(p->arena, struct change *, n + 1);
    x->providers = ARENA_ARRAY(p->arena, struct provider *, n + 1);
    x->errors = ARENA_ARRAY(p->arena, struct err *, n + 1);
    for (size_t i = 0; i < p->decided.count; i++) {
        struct change *change = p->decided.changes[i];
        if (!has_to_be_examined(change))
            continue;
        const struct record *record = change->recorded->record;
        if (change->instance)
            change->prior = replaced_prior(p, change);
        else if (change->recorded->weir_only)
            change->prior =
                object_with_weir_only(p->arena, change->schema, record->attrs, change->recorded->weir_only);
        if (!location_provider(p, record->subject.provider, record->location, &x->providers[x->n], err))
            x->changes[x->n++] = change;
        else if (unreachable_note_of(p, record, err))
            *err = (struct err)ERR_INIT; /* handled with its service */
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
    x.tags.p = p;
    for (size_t i = 0; i < x.n; i++)
        refresh_tags_want(
            &x.tags, x.providers[i], x.changes[i]->schema, x.changes[i]->recorded->record->attrs, NULL);
    refresh_tags_ask(&x.tags);
    pool_run(p->options->parallelism ? p->options->parallelism : THREADS, x.n, examine_deletion, &x);
    refresh_tags_release(&x.tags);
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
