/* Refresh in bulk: a group's listing, page by page, instead of a call for each: see refresh_internal.h. */
#include "plan/evaluate/context.h"
#include "plan/evaluate/shared_listings.h"
#include "plan/objects/objects.h"
#include "plan/refresh/refresh_internal.h"

enum {
    BULK_FROM = 3,  /* fewer instances are read one by one: a listing may have pages of others' resources */
    SAVES_FROM = 2, /* unless one page would spare so many calls */
};

struct listing {
    struct refresh *refresh;
    struct group *group;
};

static void found_listed(void *ctx, const struct value *live)
{
    struct listing *listing = ctx;
    struct str id = value_text(value_get(live, listing->group->schema->id), STR_EMPTY);
    struct seen *seen = map_get(&listing->group->by_id, id);
    if (!seen)
        return; /* somebody else's */
    pthread_mutex_lock(&listing->refresh->lock);
    struct arena *arena = listing->refresh->p->arena;
    seen->live = object_seen(arena, listing->group->schema, seen->record, value_copy(arena, live));
    pthread_mutex_unlock(&listing->refresh->lock);
    seen->read = true;
}

static void listed_marks(void *ctx, struct str id, const struct value *marks)
{
    struct listing *listing = ctx;
    struct seen *seen = map_get(&listing->group->by_id, id);
    if (seen)
        refresh_note_marks(listing->refresh, seen, marks);
}

static struct sought sought_of(struct refresh *r, struct group *group, struct arena *arena)
{
    const struct value **priors = ARENA_ARRAY(arena, const struct value *, group->n);
    for (size_t k = 0; k < group->n; k++)
        priors[k] = group->items[k]->record->attrs;
    return (struct sought){refresh_wanted_by(r, arena, group), priors, group->n, group->page_limit};
}

void refresh_choose_bulk(struct refresh *r, struct group *group)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct resource_ops *ops = group->schema->ops;
    size_t others = shared_count(r->p->workspace->options->shared, group->items[0]->record);
    bool listable = group->schema->bulk && ops->list, quick = r->p->options->quick_refresh;
    group->bulk = listable && (group->n >= BULK_FROM || others >= BULK_FROM);
    if (quick && group->schema->scattered)
        group->bulk = false;
    if (group->bulk || !listable || !ops->listing_saves || (quick && group->schema->scattered))
        return;
    struct op_ctx ctx = op_context(r->p, &arena, group->provider, group->schema, group->schema->name);
    struct sought sought = sought_of(r, group, &arena);
    group->bulk = quick || ops->listing_saves(&ctx, &sought) >= SAVES_FROM;
    group->page_limit = group->bulk;
}

static int list_items(struct refresh *r, struct group *group, struct arena *arena,
    const struct value **covered, struct err *err)
{
    struct listing listing = {r, group};
    struct op_ctx ctx = op_context(r->p, arena, group->provider, group->schema, group->schema->name);
    struct op_observer observer = {.ctx = &listing, .saw_marks = listed_marks};
    struct sought sought = sought_of(r, group, arena);
    ctx.observer = &observer;
    ctx.known_tags = refresh_tags_of(&r->tags, group->provider);
    for (size_t k = 0; k < group->n; k++)
        ctx.sensitive |= object_tells_secrets(group->schema, sought.priors[k]);
    return shared_list(r->p->workspace->options->shared, group->items[0]->record, &ctx, &sought, found_listed,
        &listing, covered, err);
}

/* Nothing is there until the listing shows it. */
static void expect_all(struct group *group)
{
    for (size_t k = 0; k < group->n; k++) {
        group->items[k]->live = NULL;
        map_set(&group->by_id, group->items[k]->record->subject.id, group->items[k]);
    }
}

static void listing_failed(struct refresh *r, struct group *group, struct err *err)
{
    /* No permission to list is no reason to give up: the resources themselves may be readable. */
    bool refused = err->class == ERR_AUTH || err->class == ERR_SERVICE;
    for (size_t k = 0; k < group->n && refused; k++)
        group->items[k]->read = false;
    if (refused)
        return;
    err_context(err, "listing %.*s", STR_ARG(group->schema->name));
    group->unreachable = refresh_note_unreachable(r, group->items[0]->record->subject.provider, err);
    for (size_t k = 0; k < group->n && group->unreachable; k++)
        refresh_leave(group->items[k], true);
    if (!group->unreachable)
        refresh_fail(r, err);
}

void refresh_list_group(void *refresh, size_t i)
{
    struct refresh *r = refresh;
    struct group *group = &r->groups[i];
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *covered = NULL;
    struct err err = ERR_INIT;
    if (r->failed || !group->bulk)
        return;
    expect_all(group);
    if (list_items(r, group, &arena, &covered, &err)) {
        listing_failed(r, group, &err);
        return;
    }
    pthread_mutex_lock(&r->lock);
    group->covered = value_copy(r->p->arena, covered ? covered : &value_empty_list);
    pthread_mutex_unlock(&r->lock);
    group->listed = true;
}

bool refresh_listing_agrees(const struct group *group, const struct seen *seen)
{
    for (uint32_t i = 0; seen->record->set && i < seen->record->set->count; i++) {
        struct str name = seen->record->set->items[i]->string;
        const struct attr *attr = schema_attr(group->schema, name);
        if (!attr || !refresh_is_readable(group->schema, name) || !value_list_has(group->covered, name))
            continue;
        const struct value *recorded = value_get(seen->record->attrs, name),
                           *live = value_get(seen->live, name);
        if (!attr_equal(attr, recorded, live) && !object_hash_matches(recorded, live))
            return false;
    }
    return true;
}
