/* Heap allocation for the whole program: see mem.h. */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_long fail_countdown;

_Noreturn void mem_exhausted(void)
{
    static const char message[] = "error: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
    (void)ignored;
    _exit(1);
}

static void inject(void)
{
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) > 0 &&
        atomic_fetch_sub(&fail_countdown, 1) == 1)
        mem_exhausted();
}

void mem_fail_after(long nth)
{
    atomic_store(&fail_countdown, nth);
}

/* Large allocations get huge pages: with small ones a plan of ten thousand resources spent a quarter of its
 * time on page faults. madvise() has no effect if the system has none. */
enum { HUGE_SIZE = 2 * 1024 * 1024 };

void *mem_alloc(size_t size)
{
    inject();
    void *ptr = NULL;
    if (size < HUGE_SIZE)
        ptr = malloc(size ? size : 1);
    else if (!posix_memalign(&ptr, HUGE_SIZE, size))
        madvise(ptr, size, MADV_HUGEPAGE);
    if (!ptr)
        mem_exhausted();
    return ptr;
}

void *mem_zalloc(size_t size)
{
    if (size >= HUGE_SIZE)
        return memset(mem_alloc(size), 0, size);
    inject();
    void *ptr = calloc(1, size ? size : 1);
    if (!ptr)
        mem_exhausted();
    return ptr;
}

void *mem_realloc(void *ptr, size_t size)
{
    if (!ptr)
        return mem_alloc(size);
    inject();
    void *grown = realloc(ptr, size ? size : 1);
    if (!grown)
        mem_exhausted();
    return grown;
}

void *mem_realloc_array(void *ptr, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        mem_exhausted();
    return mem_realloc(ptr, count * size);
}

char *mem_strdup(const char *text)
{
    return mem_memdup0(text, strlen(text));
}

char *mem_memdup0(const void *bytes, size_t size)
{
    char *copy = mem_alloc(size + 1);
    if (size)
        memcpy(copy, bytes, size);
    copy[size] = '\0';
    return copy;
}

void mem_free_ptr(void *ptr_to_ptr)
{
    free(*(void **)ptr_to_ptr);
}
