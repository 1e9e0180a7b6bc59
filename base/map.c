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

/* Returns the slot with the key, or the free slot for it. */
static struct map_slot *find_slot(const struct map *map, struct str key, uint32_t hash)
{
    size_t mask = map->slot_count - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct map_slot *slot = &map->slots[at];
        if (!slot->index || (slot->hash == hash && str_eq(map->items[slot->index - 1].key, key)))
            return slot;
    }
}

void map_reserve(struct map *map, size_t n)
{
    MEM_GROW(map->items, map->cap, n);
    struct map_slot *before = map->slots;
    size_t count = map->slot_count, wanted = count ? count : 16;
    while (n * 4 > wanted * 3)
        wanted *= 2;
    if (wanted == count)
        return;
    map->slot_count = wanted;
    map->slots = mem_zalloc(wanted * sizeof *map->slots);
    size_t mask = wanted - 1;
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

/* Returns the place of the key's pointer, which is NULL for a new key. */
static void **place_of(struct map *map, struct str key)
{
    map_reserve(map, map->n + 1);
    uint32_t hash = (uint32_t)str_hash(key);
    struct map_slot *slot = find_slot(map, key, hash);
    if (!slot->index) {
        map->items[map->n++] = (struct map_item){key, NULL};
        *slot = (struct map_slot){(uint32_t)map->n, hash};
    }
    return &map->items[slot->index - 1].ptr;
}

void *map_set(struct map *map, struct str key, void *ptr)
{
    void **place = place_of(map, key), *before = *place;
    *place = ptr;
    return before;
}

void *map_add(struct map *map, struct str key, void *ptr)
{
    void **place = place_of(map, key), *before = *place;
    *place = before ? before : ptr;
    return before;
}
