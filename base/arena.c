/* Arenas: see arena.h. */
#include "base/arena.h"

#include "base/mem.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* of `bytes` */
    max_align_t bytes[];
};

enum {
    CHUNK_MIN = 4096 - 64,
    CHUNK_MAX = 256 * 1024,
    /* An arena of this total size takes chunks of a huge page (base/mem.c). */
    HUGE_FROM = 1024 * 1024,
    HUGE_SIZE = 2 * 1024 * 1024,
};

void arena_release(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;
    while (chunk) {
        struct arena_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
    *arena = (struct arena){0};
}

void arena_wipe(struct arena *arena)
{
    for (struct arena_chunk *chunk = arena->chunks; chunk; chunk = chunk->older)
        explicit_bzero(chunk->bytes, chunk->size);
    arena_release(arena);
}

static void *chunk_add(struct arena *arena, size_t size)
{
    /* Chunks grow with the arena, so that a small arena stays small and a large one has few. */
    size_t room = arena->total / 4;
    room = room < CHUNK_MIN ? CHUNK_MIN : room > CHUNK_MAX ? CHUNK_MAX : room;
    bool large = size > room / 2 && arena->chunks;
    if (large || size > room)
        room = size;
    bool huge = arena->total >= HUGE_FROM && room == CHUNK_MAX;
    if (huge)
        room = HUGE_SIZE - sizeof(struct arena_chunk);
    struct arena_chunk *chunk = mem_alloc(sizeof *chunk + room);
    chunk->size = room;
    arena->total += sizeof *chunk + room;
    char *bytes = (char *)chunk->bytes;
    if (large) { /* keeps the free part of the newest chunk in use */
        chunk->older = arena->chunks->older;
        arena->chunks->older = chunk;
        return bytes;
    }
    chunk->older = arena->chunks;
    arena->chunks = chunk;
    arena->next = bytes + size;
    arena->end = bytes + room;
    return bytes;
}

static void *alloc_aligned(struct arena *arena, size_t size, size_t alignment)
{
    size_t skip = -(uintptr_t)arena->next & (alignment - 1);
    if (arena->next && (size_t)(arena->end - arena->next) >= skip &&
        (size_t)(arena->end - arena->next) - skip >= size) {
        char *at = arena->next + skip;
        arena->next = at + size;
        return at;
    }
    return chunk_add(arena, size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return alloc_aligned(arena, size, alignof(void *));
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

void *arena_copy(struct arena *arena, const void *bytes, size_t used, size_t size)
{
    void *copy = arena_zalloc(arena, size);
    if (used)
        memcpy(copy, bytes, used);
    return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *copy = alloc_aligned(arena, s.n + 1, 1);
    if (s.n)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return str_n(copy, s.n);
}

char *arena_strz(struct arena *arena, struct str s)
{
    return (char *)(uintptr_t)arena_str(arena, s).p;
}

/* Formats into the rest of the newest chunk, which is mostly large enough, so that a second pass is rare. */
struct str arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    size_t room = (size_t)(arena->end - arena->next);
    va_copy(again, args);
    int n = vsnprintf(arena->next, room, format, args);
    char *text = n < 0 ? NULL : alloc_aligned(arena, (size_t)n + 1, 1);
    if (text && (size_t)n >= room)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text ? str_n(text, (size_t)n) : STR_EMPTY;
}

struct str arena_lower(struct arena *arena, struct str s)
{
    char *text = arena_strz(arena, s);
    for (size_t i = 0; i < s.n; i++)
        text[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
    return str_n(text, s.n);
}

struct str *arena_boxed(struct arena *arena, struct str s)
{
    return arena_copy(arena, &s, sizeof s, sizeof s);
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

struct str arena_concat(struct arena *arena, const struct str *parts, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    char *text = alloc_aligned(arena, total + 1, 1), *at = text;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].n)
            memcpy(at, parts[i].p, parts[i].n);
        at += parts[i].n;
    }
    *at = '\0';
    return str_n(text, total);
}
