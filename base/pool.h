/*
 * Runs independent pieces of work on several threads and waits for all of them.
 */
#ifndef WEIR_BASE_POOL_H
#define WEIR_BASE_POOL_H

#include <stddef.h>

/*
 * Calls work(ctx, i) once for each i below count, on at most `threads` threads (the caller's included).
 * Returns when all are done.
 */
void pool_run(int threads, size_t count, void (*work)(void *ctx, size_t i), void *ctx);

#endif
