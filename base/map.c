/* Hash map from slices to pointers: see map.h. */
#include "base/map.h"

#include "base/mem.h"

#include <stdlib.h>

void map_release(struct map *map)
{
    free(map->items);
    free(map->slots);
    *map = (struct map){0};
}

/* The slot that holds key, or the free one where it would go. */
static struct map_slot *find_slot(const struct map *map, struct str key, uint32_t hash)
{
    size_t mask = map->slot_count - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct map_slot *slot = &map->slots[at];
        if (!slot->index || (slot->hash == hash && str_eq(map->items[slot->index - 1].key, key)))
            return slot;
    }
}

static void grow_slots(struct map *map)
{
    struct map_slot *before = map->slots;
    size_t count = map->slot_count;
    map->slot_count = count ? count * 2 : 16;
    map->slots = mem_zalloc(map->slot_count * sizeof *map->slots);
    size_t mask = map->slot_count - 1;
    for (size_t i = 0; i < count; i++) {
        if (!before[i].index)
            continue;
        size_t at = before[i].hash & mask;
        while (map->slots[at].index)
            at = (at + 1) & mask;
        map->slots[at] = before[i];
    }
    free(before);
}

void *map_get(const struct map *map, struct str key)
{
    if (!map->n)
        return NULL;
    uint32_t index = find_slot(map, key, (uint32_t)str_hash(key))->index;
    return index ? map->items[index - 1].ptr : NULL;
}

void *map_set(struct map *map, struct str key, void *ptr)
{
    if ((map->n + 1) * 4 > map->slot_count * 3)
        grow_slots(map);
    uint32_t hash = (uint32_t)str_hash(key);
    struct map_slot *slot = find_slot(map, key, hash);
    if (slot->index) {
        void *before = map->items[slot->index - 1].ptr;
        map->items[slot->index - 1].ptr = ptr;
        return before;
    }
    MEM_GROW(map->items, map->cap, map->n + 1);
    map->items[map->n++] = (struct map_item){key, ptr};
    *slot = (struct map_slot){(uint32_t)map->n, hash};
    return NULL;
}
