/*
 * Hash map from slices to pointers. Keys are kept by reference. Iteration is in order of insertion: for
 * (size_t i = 0; i < map.n; i++) map.items[i].key / .ptr. Zero-initialised maps are empty and valid.
 */
#pragma once

#include "base/str.h"

struct map_item {
    struct str key;
    void *ptr;
};

/* The slot has the hash, too, so that neither probing nor growing reads keys with a different hash. */
struct map_slot {
    uint32_t index; /* index into items + 1; 0: free */
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
/* Sets the key's pointer and returns the previous one, or NULL. */
void *map_set(struct map *map, struct str key, void *ptr);
/* Sets the key's pointer unless the key exists; returns the existing pointer, or NULL. */
void *map_add(struct map *map, struct str key, void *ptr);
/* Allocates room for n keys at once. */
void map_reserve(struct map *map, size_t n);
