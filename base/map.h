/*
 * Hash map from slices to pointers. Keys are kept by reference. Iteration is in order of insertion:
 * for (size_t i = 0; i < map.n; i++) map.items[i].key / .ptr. Zero-initialised maps are empty and valid.
 */
#pragma once

#include "base/str.h"

struct map_item {
    struct str key;
    void *ptr;
};

/* The hash is beside the index, so that neither probing nor growing touches keys that differ. */
struct map_slot {
    uint32_t index; /* + 1, into items; 0 is free */
    uint32_t hash;
};

struct map {
    struct map_item *items;
    size_t n, cap;
    struct map_slot *slots;
    size_t slot_count;
};

#define MAP_INIT                                                                                             \
    {                                                                                                        \
        0                                                                                                    \
    }
#define AUTO_MAP __attribute__((cleanup(map_release)))
void map_release(struct map *map);
void *map_get(const struct map *map, struct str key);
/* Returns what was there before, or NULL. */
void *map_set(struct map *map, struct str key, void *ptr);
/* What is there already stays, and is returned. */
void *map_add(struct map *map, struct str key, void *ptr);
/* Room for n keys, so that it need not grow to them step by step. */
void map_reserve(struct map *map, size_t n);
