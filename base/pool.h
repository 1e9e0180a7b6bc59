/*
 * Runs independent pieces of work on several threads and waits for all of them.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>

/*
 * Calls work(ctx, i) once for each i below count, on at most `threads` threads (the caller's included).
 * Returns when all are done.
 */
void pool_run(int threads, size_t count, void (*work)(void *ctx, size_t i), void *ctx);
/* The same with work that may fail: after the first failure, which is given, no more of it begins. */
int pool_try(
    int threads, size_t count, int (*work)(void *ctx, size_t i, struct err *err), void *ctx, struct err *err);
