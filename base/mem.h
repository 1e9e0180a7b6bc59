/*
 * Heap allocation for the whole program.
 *
 * Running out of memory is not an error that callers handle: the process ends with one line on stderr and
 * status 1. Nothing is lost by that, because every change to the outside is recorded in the state log before
 * it is made. So no caller checks a returned pointer, and failure can be injected in one place
 * (mem_fail_after; from outside, WEIR_FAIL_ALLOC of base/crash.h).
 *
 * All functions may be called from any thread.
 */
#pragma once

#include <stddef.h>

/* Never NULL; size 0 returns a unique pointer. Free with free(). */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_realloc(void *ptr, size_t size);
/* count * size, checked for overflow. */
void *mem_realloc_array(void *ptr, size_t count, size_t size);
char *mem_strdup(const char *text);
char *mem_memdup0(const void *bytes, size_t size); /* copies and appends a NUL */

/* Grows *items so that it has room for `need` elements; doubles the capacity. */
#define MEM_GROW(items, cap, need)                                                                           \
    do {                                                                                                     \
        if ((need) > (cap)) {                                                                                \
            size_t mem_grow_cap_ = (cap) ? (size_t)(cap)*2 : 8;                                              \
            while (mem_grow_cap_ < (size_t)(need))                                                           \
                mem_grow_cap_ *= 2;                                                                          \
            (items) = mem_realloc_array((items), mem_grow_cap_, sizeof *(items));                            \
            (cap) = mem_grow_cap_;                                                                           \
        }                                                                                                    \
    } while (0)

/* Ends the process as a failed allocation does, for libraries that allocate themselves and only report a
 * failure. */
_Noreturn void mem_exhausted(void);

/* Makes the Nth allocation from now fail; 0 switches injection off. */
void mem_fail_after(long nth);

/* Cleanup attribute for heap strings: `AUTO_FREE char *p = …;` */
void mem_free_ptr(void *ptr_to_ptr);
#define AUTO_FREE __attribute__((cleanup(mem_free_ptr)))
