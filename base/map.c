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
static uint32_t *find_slot(const struct map *map, struct str key)
{
    size_t mask = map->slot_count - 1;
    for (size_t at = str_hash(key) & mask;; at = (at + 1) & mask)
        if (!map->slots[at] || str_eq(map->items[map->slots[at] - 1].key, key))
            return &map->slots[at];
}

static void grow_slots(struct map *map)
{
    map->slot_count = map->slot_count ? map->slot_count * 2 : 16;
    free(map->slots);
    map->slots = mem_zalloc(map->slot_count * sizeof *map->slots);
    for (size_t i = 0; i < map->n; i++)
        *find_slot(map, map->items[i].key) = (uint32_t)i + 1;
}

void *map_get(const struct map *map, struct str key)
{
    if (!map->n)
        return NULL;
    uint32_t slot = *find_slot(map, key);
    return slot ? map->items[slot - 1].ptr : NULL;
}

void *map_set(struct map *map, struct str key, void *ptr)
{
    if ((map->n + 1) * 4 > map->slot_count * 3)
        grow_slots(map);
    uint32_t *slot = find_slot(map, key);
    if (*slot) {
        void *before = map->items[*slot - 1].ptr;
        map->items[*slot - 1].ptr = ptr;
        return before;
    }
    MEM_GROW(map->items, map->cap, map->n + 1);
    map->items[map->n++] = (struct map_item){key, ptr};
    *slot = (uint32_t)map->n;
    return NULL;
}
