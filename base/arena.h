/*
 * Arenas: memory that is freed all at once, for data that lives as long as a stack, a plan or a single
 * operation. Not thread-safe: an arena is used by one thread at a time.
 */
#pragma once

#include "base/str.h"

#include <stdarg.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    char *next, *end;           /* the free part of the newest chunk */
    size_t total;               /* bytes allocated from the heap */
};

#define ARENA_INIT                                                                                           \
    {                                                                                                        \
        0                                                                                                    \
    }
/* `AUTO_ARENA struct arena a = ARENA_INIT;` releases the arena at the end of the scope. */
#define AUTO_ARENA __attribute__((cleanup(arena_release)))

void arena_release(struct arena *arena);
/* Overwrites the memory before it is released: for arenas that held secrets. */
void arena_wipe(struct arena *arena);
#define AUTO_WIPED_ARENA __attribute__((cleanup(arena_wipe)))
/* Allocates uninitialised memory, aligned for pointers and every type of eight bytes or fewer. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
/* Copies; the copy has a NUL after its end. */
struct str arena_str(struct arena *arena, struct str s);
char *arena_strz(struct arena *arena, struct str s);
/* Returns a pointer to the slice, for a map; the text is not copied. */
struct str *arena_boxed(struct arena *arena, struct str s);
struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct str arena_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Returns a copy with A to Z in lower case. */
struct str arena_lower(struct arena *arena, struct str s);
struct str arena_concat(struct arena *arena, const struct str *parts, size_t n);

#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))
/* ARENA_MAKE(arena, struct point, .x = 1) returns a new object with these members. */
#define ARENA_MAKE(arena, type, ...)                                                                         \
    ((type *)arena_copy((arena), &(type){__VA_ARGS__}, sizeof(type), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_zalloc((arena), sizeof(type) * (size_t)(count)))

/* Makes room for one more item in a list in the arena, by a longer copy if the list is full. */
#define ARENA_GROW(arena, items, count, cap)                                                                 \
    do {                                                                                                     \
        if ((count) == (cap)) {                                                                              \
            (cap) = (cap) ? (cap)*2 : 4;                                                                     \
            (items) = arena_copy(                                                                            \
                (arena), (items), sizeof *(items) * (size_t)(count), sizeof *(items) * (size_t)(cap));       \
        }                                                                                                    \
    } while (0)
/* Copies the first `used` of `size` new bytes in the arena; the rest is zero. */
void *arena_copy(struct arena *arena, const void *bytes, size_t used, size_t size);
