/*
 * Names that C libraries on Linux have and macOS has not, or has otherwise. There the Makefile has each file
 * begin with this (-include); what is more than a name is in base/system.h.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define st_mtim       st_mtimespec
#define st_ctim       st_ctimespec
#define POLLRDHUP     POLLHUP           /* which macOS sets when the other end sends no more */
#define MADV_HUGEPAGE POSIX_MADV_NORMAL /* the kernel decides by itself */

/* Every Mac that runs macOS 11 has what is asked for: SSE 4.2 and PCLMULQDQ. */
#define __builtin_cpu_supports(what) true

extern char **environ;

#define explicit_bzero(bytes, n) memset_s(bytes, n, 0, n)
void *memrchr(const void *bytes, int c, size_t n);
/* With the arguments in the order that glibc has them in. */
#define qsort_r system_qsort_r
void system_qsort_r(
    void *items, size_t n, size_t size, int (*compare)(const void *, const void *, void *), void *ctx);
