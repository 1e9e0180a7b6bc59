/* Deduplication: see deduplication.h. */
#include "sandbox/engine/deduplication.h"

const struct deduplicated *deduplication_find(
    struct deduplication *d, struct str key, int64_t now_ms, int64_t kept_ms)
{
    const struct deduplicated *found = map_get(&d->latest.map, key);
    found = found ? found : map_get(&d->earlier.map, key);
    return found && now_ms - found->at_ms < kept_ms ? found : NULL;
}

void deduplication_add(struct deduplication *d, struct str key, struct str id, uint64_t sequence,
    int64_t now_ms, int64_t kept_ms)
{
    if (now_ms - d->since_ms >= kept_ms) {
        map_release(&d->earlier.map);
        arena_release(&d->earlier.arena);
        d->earlier = d->latest;
        d->latest.map = (struct map)MAP_INIT;
        d->latest.arena = (struct arena)ARENA_INIT;
        d->since_ms = now_ms;
    }
    struct deduplicated *added = ARENA_NEW(&d->latest.arena, struct deduplicated);
    *added = (struct deduplicated){arena_str(&d->latest.arena, id), sequence, now_ms};
    map_set(&d->latest.map, arena_str(&d->latest.arena, key), added);
}

void deduplication_clear(struct deduplication *d)
{
    map_release(&d->latest.map);
    map_release(&d->earlier.map);
    arena_release(&d->latest.arena);
    arena_release(&d->earlier.arena);
    *d = (struct deduplication){0};
}
