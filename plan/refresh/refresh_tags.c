/* Tags asked for beforehand: see refresh_tags.h. */
#include "plan/refresh/refresh_tags.h"

#include "base/mem.h"
#include "plan/evaluate/context.h"

#include <stdlib.h>

enum { AT_ONCE = 100, SAVES_FROM = 2 };

struct refresh_tags_place {
    struct provider *provider;
    const struct schema *schema; /* any of those that can ask */
    struct str *names;
    size_t name_count, name_cap;
    size_t calls;     /* that are made without this */
    const void *last; /* group that was counted */
    struct map tags;  /* by name */
    bool known;
};

static struct refresh_tags_place *place_of(struct refresh_tags *tags, struct provider *provider)
{
    for (size_t i = 0; i < tags->place_count; i++)
        if (tags->places[i].provider == provider)
            return &tags->places[i];
    MEM_GROW(tags->places, tags->place_cap, tags->place_count + 1);
    tags->places[tags->place_count] = (struct refresh_tags_place){.provider = provider};
    return &tags->places[tags->place_count++];
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
    struct refresh_tags_place *place = place_of(tags, provider);
    place->schema = schema;
    place->calls += !group || group != place->last;
    place->last = group;
    MEM_GROW(place->names, place->name_cap, place->name_count + 1);
    place->names[place->name_count++] = arena_str(tags->p->arena, name);
}

struct asked {
    struct refresh_tags_place *place;
    struct arena *arena;
};

static void take_tags(void *ctx, struct str name, const struct value *tags)
{
    struct asked *asked = ctx;
    if (map_get(&asked->place->tags, name))
        map_set(&asked->place->tags, name, (void *)value_copy(asked->arena, tags));
}

static void ask_place(struct planner *p, struct refresh_tags_place *place)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct op_ctx ctx = op_context(p, &arena, place->provider, place->schema, place->schema->name);
    struct asked asked = {place, p->arena};
    for (size_t i = 0; i < place->name_count; i++)
        map_set(&place->tags, place->names[i], (void *)&value_empty_map);
    place->known =
        !place->schema->ops->tags_of(&ctx, place->names, place->name_count, take_tags, &asked, ERR_IGNORED);
}

void refresh_tags_ask(struct refresh_tags *tags)
{
    for (size_t i = 0; i < tags->place_count; i++) {
        struct refresh_tags_place *place = &tags->places[i];
        if (place->calls >= SAVES_FROM + (place->name_count - 1) / AT_ONCE)
            ask_place(tags->p, place);
    }
}

const struct map *refresh_tags_of(const struct refresh_tags *tags, const struct provider *provider)
{
    for (size_t i = 0; i < tags->place_count; i++)
        if (tags->places[i].provider == provider && tags->places[i].known)
            return &tags->places[i].tags;
    return NULL;
}

void refresh_tags_release(struct refresh_tags *tags)
{
    for (size_t i = 0; i < tags->place_count; i++) {
        free(tags->places[i].names);
        map_release(&tags->places[i].tags);
    }
    free(tags->places);
    *tags = (struct refresh_tags){.p = tags->p};
}
