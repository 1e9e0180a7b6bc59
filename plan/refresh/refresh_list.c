/*
 * Refresh in bulk: the listing of a group, page by page, and tags by the tagging API: see refresh.h.
 */
#include "base/mem.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/shared_listings.h"
#include "plan/objects/objects.h"
#include "plan/refresh/refresh.h"

#include <stdlib.h>

/* ---- tags ---- */

enum { AT_ONCE = 100, REFRESH_TAGS_SAVES_FROM = 2 };

struct provider_tags {
    struct provider *provider;
    const struct schema *schema; /* any of the schemas that support it */
    struct str *names;
    size_t name_count, name_cap;
    size_t calls;     /* calls that are made otherwise */
    const void *last; /* the last group that was counted */
    struct map tags;  /* by name */
    bool known;
};

static struct provider_tags *tags_of_provider(struct refresh_tags *tags, struct provider *provider)
{
    for (size_t i = 0; i < tags->provider_count; i++)
        if (tags->providers[i].provider == provider)
            return &tags->providers[i];
    MEM_GROW(tags->providers, tags->provider_cap, tags->provider_count + 1);
    tags->providers[tags->provider_count] = (struct provider_tags){.provider = provider};
    return &tags->providers[tags->provider_count++];
}

void refresh_tags_want(struct refresh_tags *tags, struct provider *provider, const struct schema *schema,
    const struct value *prior, const void *group)
{
    if (!schema->ops->tag_name || !schema->ops->tags_of)
        return;
    struct op_ctx ctx = op_context(tags->p, tags->p->arena, provider, schema, schema->name);
    struct str name = schema->ops->tag_name(&ctx, prior, group != NULL);
    if (!name.n)
        return;
    struct provider_tags *own = tags_of_provider(tags, provider);
    own->schema = schema;
    own->calls += !group || group != own->last;
    own->last = group;
    MEM_GROW(own->names, own->name_cap, own->name_count + 1);
    own->names[own->name_count++] = arena_str(tags->p->arena, name);
}

struct asked {
    struct provider_tags *own;
    struct arena *arena;
};

static void take_tags(void *ctx, struct str name, const struct value *tags)
{
    struct asked *asked = ctx;
    if (map_get(&asked->own->tags, name))
        map_set(&asked->own->tags, name, (void *)value_copy(asked->arena, tags));
}

static void ask_provider(struct planner *p, struct provider_tags *own)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct op_ctx ctx = op_context(p, &arena, own->provider, own->schema, own->schema->name);
    struct asked asked = {own, p->arena};
    for (size_t i = 0; i < own->name_count; i++)
        map_set(&own->tags, own->names[i], (void *)&value_empty_map);
    own->known =
        !own->schema->ops->tags_of(&ctx, own->names, own->name_count, take_tags, &asked, ERR_IGNORED);
}

void refresh_tags_ask(struct refresh_tags *tags)
{
    for (size_t i = 0; i < tags->provider_count; i++) {
        struct provider_tags *own = &tags->providers[i];
        if (own->calls >= REFRESH_TAGS_SAVES_FROM + (own->name_count - 1) / AT_ONCE)
            ask_provider(tags->p, own);
    }
}

const struct map *refresh_tags_of(const struct refresh_tags *tags, const struct provider *provider)
{
    for (size_t i = 0; i < tags->provider_count; i++)
        if (tags->providers[i].provider == provider && tags->providers[i].known)
            return &tags->providers[i].tags;
    return NULL;
}

void refresh_tags_release(struct refresh_tags *tags)
{
    for (size_t i = 0; i < tags->provider_count; i++) {
        free(tags->providers[i].names);
        map_release(&tags->providers[i].tags);
    }
    free(tags->providers);
    *tags = (struct refresh_tags){.p = tags->p};
}

enum {
    BULK_FROM = 3, /* fewer instances are read one at a time: a listing may have pages of others' resources */
    SAVES_FROM = 2, /* unless one page saves so many calls */
};

struct listing {
    struct refresh *refresh;
    struct group *group;
};

static void found_listed(void *ctx, const struct value *live)
{
    struct listing *listing = ctx;
    struct str id = value_text(value_get(live, listing->group->schema->id), STR_EMPTY);
    struct recorded_resource *recorded = map_get(&listing->group->by_id, id);
    if (!recorded)
        return; /* not in the state */
    pthread_mutex_lock(&listing->refresh->lock);
    struct arena *arena = listing->refresh->p->arena;
    recorded->live =
        object_from_live(arena, listing->group->schema, recorded->record, value_copy(arena, live));
    pthread_mutex_unlock(&listing->refresh->lock);
    recorded->read = true;
}

static void listed_ownership(void *ctx, struct str id, const struct value *owner_tags)
{
    struct listing *listing = ctx;
    struct recorded_resource *recorded = map_get(&listing->group->by_id, id);
    if (recorded)
        refresh_note_ownership(listing->refresh, recorded, owner_tags);
}

static struct list_filter filter_of(struct refresh *r, struct group *group, struct arena *arena)
{
    const struct value **priors = ARENA_ARRAY(arena, const struct value *, group->n);
    for (size_t k = 0; k < group->n; k++)
        priors[k] = group->items[k]->record->attrs;
    return (struct list_filter){refresh_wanted_by(r, arena, group), priors, group->n, group->page_limit};
}

void refresh_choose_bulk(struct refresh *r, struct group *group)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct resource_ops *ops = group->schema->ops;
    size_t others = shared_count(r->p->workspace->options->shared, group->items[0]->record);
    bool listable = group->schema->bulk && ops->list, quick = r->p->options->quick_refresh;
    group->bulk = listable && (group->n >= BULK_FROM || others >= BULK_FROM);
    if (quick && group->schema->listed_per_parent)
        group->bulk = false;
    if (group->bulk || !listable || !ops->listing_saves || (quick && group->schema->listed_per_parent))
        return;
    struct op_ctx ctx = op_context(r->p, &arena, group->provider, group->schema, group->schema->name);
    struct list_filter filter = filter_of(r, group, &arena);
    group->bulk = quick || ops->listing_saves(&ctx, &filter) >= SAVES_FROM;
    group->page_limit = group->bulk;
}

static int list_items(struct refresh *r, struct group *group, struct arena *arena,
    const struct value **covered, struct err *err)
{
    struct listing listing = {r, group};
    struct op_ctx ctx = op_context(r->p, arena, group->provider, group->schema, group->schema->name);
    struct op_observer observer = {.ctx = &listing, .ownership_tags = listed_ownership};
    struct list_filter filter = filter_of(r, group, arena);
    ctx.observer = &observer;
    ctx.known_tags = refresh_tags_of(&r->tags, group->provider);
    for (size_t k = 0; k < group->n; k++)
        ctx.sensitive |= object_reports_secrets(group->schema, filter.priors[k]);
    return shared_list(r->p->workspace->options->shared, group->items[0]->record, &ctx, &filter, found_listed,
        &listing, covered, err);
}

/* Nothing exists unless the listing has it. */
static void expect_all(struct group *group)
{
    for (size_t k = 0; k < group->n; k++) {
        group->items[k]->live = NULL;
        map_set(&group->by_id, group->items[k]->record->subject.id, group->items[k]);
    }
}

static void listing_failed(struct refresh *r, struct group *group, struct err *err)
{
    /* Without permission to list, the resources may still be readable one at a time. */
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

bool refresh_listing_agrees(const struct group *group, const struct recorded_resource *recorded)
{
    for (uint32_t i = 0; recorded->record->set && i < recorded->record->set->count; i++) {
        struct str name = recorded->record->set->items[i]->string;
        const struct attr *attr = schema_attr(group->schema, name);
        if (!attr || !refresh_is_readable(group->schema, name) || !value_list_has(group->covered, name))
            continue;
        const struct value *before = value_get(recorded->record->attrs, name),
                           *live = value_get(recorded->live, name);
        if (!attr_equal(attr, before, live) && !object_hash_matches(before, live))
            return false;
    }
    return true;
}
