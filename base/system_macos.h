/*
 * Names of C libraries on Linux that macOS lacks or defines differently. On macOS the Makefile includes this
 * in every file (-include); anything beyond names is in base/system.h.
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
#define POLLRDHUP     POLLHUP           /* macOS sets it when the other end has closed its sending side */
#define MADV_HUGEPAGE POSIX_MADV_NORMAL /* the kernel decides by itself */

/* Every Mac with macOS 11 has the features asked for: SSE 4.2 and PCLMULQDQ. */
#define __builtin_cpu_supports(what) true

extern char **environ;

#define explicit_bzero(bytes, n) memset_s(bytes, n, 0, n)
void *memrchr(const void *bytes, int c, size_t n);
/* With glibc's order of arguments. */
#define qsort_r system_qsort_r
void system_qsort_r(
    void *items, size_t n, size_t size, int (*compare)(const void *, const void *, void *), void *ctx);
