/*
 * Types whose operations are a kind's own functions (`native:` at a type), with what their spec says around
 * them: templates are filled in, what is as good as gone is gone, computed attributes that nobody told are
 * null. What the kind leaves out is the interpreter's, as far as the spec has calls for it.
 */
#include "provider/spec/act.h"

static const struct resource_ops *native_of(const struct act *act)
{
    return act->type->native;
}

/* A live object as it is recorded. */
static int native_complete(struct act *act, const struct value **live, struct err *err)
{
    if (!*live || act_fill_templates(act, *live, live, err))
        return *live ? -1 : 0;
    *live = act_reported(act, act_unreported(act, *live), NULL, *live);
    return 0;
}

/* The failure of the operation itself goes before one of completing what it left. */
static int native_finish(struct act *act, int status, const struct value **live, struct err *err)
{
    struct err later = ERR_INIT;
    return native_complete(act, live, status ? &later : err) || status ? -1 : 0;
}

static int native_create(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    *live = NULL;
    if (act_fill_templates(&act, desired, &desired, err))
        return -1;
    return native_finish(&act, native_of(&act)->create(ctx, attempt, desired, live, err), live, err);
}

static int native_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    *live = NULL;
    if (act_fill_templates(&act, prior, &prior, err) ||
        native_finish(&act, native_of(&act)->read(ctx, prior, wanted, live, err), live, err))
        return -1;
    if (*live && act_is_gone(&act, *live))
        *live = NULL;
    return 0;
}

static int native_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    *live = NULL;
    if (act_fill_templates(&act, prior, &prior, err) || act_fill_templates(&act, desired, &desired, err))
        return -1;
    return native_finish(&act, native_of(&act)->update(ctx, prior, desired, changed, live, err), live, err);
}

static int native_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    return act_fill_templates(&act, prior, &prior, err) || native_of(&act)->delete (ctx, teardown, prior, err)
               ? -1
               : 0;
}

struct native_listing {
    struct act *act;
    resource_found *found;
    void *found_ctx;
};

static void native_found(void *ctx, const struct value *live)
{
    struct native_listing *listing = ctx;
    if (native_complete(listing->act, &live, ERR_IGNORED) == 0 && !act_is_gone(listing->act, live))
        listing->found(listing->found_ctx, live);
}

static int native_list(struct op_ctx *ctx, const struct sought *sought, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    struct native_listing listing = {&act, found, found_ctx};
    return native_of(&act)->list(ctx, sought, native_found, &listing, covered, err);
}

/* What is known by its name beforehand is there, or it is not. */
static int native_find(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    return native_read(ctx, desired, NULL, live, err);
}

/* What a kind may give that no spec adds anything to. */
static void take_plain(const struct resource_ops *native, struct resource_ops *ops)
{
    ops->prepare = native->prepare ? native->prepare : ops->prepare;
    ops->predict = native->predict ? native->predict : ops->predict;
    ops->holds = native->holds ? native->holds : ops->holds;
    ops->lies_in = native->lies_in ? native->lies_in : ops->lies_in;
    ops->erases = native->erases ? native->erases : ops->erases;
    ops->leaves = native->leaves ? native->leaves : ops->leaves;
    ops->search = native->search ? native->search : ops->search;
    ops->marked = native->marked ? native->marked : ops->marked;
    ops->stays = native->stays ? native->stays : ops->stays;
    ops->by_arn = native->by_arn ? native->by_arn : ops->by_arn;
    ops->find = native->find ? native->find : ops->find;
    ops->namesake = native->namesake ? native->namesake : ops->namesake;
    ops->marks = native->marks ? native->marks : ops->marks;
    ops->whose = native->whose ? native->whose : ops->whose;
    ops->permissions = native->permissions ? native->permissions : ops->permissions;
    ops->scope = native->scope ? native->scope : ops->scope;
}

const struct resource_ops *native_ops(struct arena *arena, const struct spec_type *type, bool calls)
{
    const struct resource_ops *native = type->native;
    struct resource_ops *ops = ARENA_NEW(arena, struct resource_ops);
    if (calls)
        *ops = spec_ops;
    ops->predict = spec_predict;
    if (native->create)
        ops->create = native_create;
    if (native->read) {
        ops->read = native_read;
        ops->find = native_find;
    }
    if (native->update)
        ops->update = native_update;
    if (native->delete)
        ops->delete = native_delete;
    if (native->list)
        ops->list = native_list;
    take_plain(native, ops);
    return ops;
}
