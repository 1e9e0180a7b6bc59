/*
 * A lease on something in an object store: a thread renews it until it is stopped.
 *
 * It is over as soon as a renewal was not answered in time: counted from when the last one that was answered
 * had been sent. Whoever looks at the store waits a little longer than that.
 */
#pragma once

#include "base/err.h"

#include <pthread.h>
#include <stdint.h>

struct s3_lease {
    int64_t lease_ms;
    /* On a thread of its own. 0: renewed; -1: could not be reached; 1: somebody else has it. */
    int (*renew)(void *ctx);
    void *ctx;

    pthread_t thread;
    bool running;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    bool stopping, lost;
    int64_t until_mono_ms, until_wall_ms; /* whichever comes first: one stands still while a machine sleeps,
                                             the other may be set */
};

void s3_lease_init(struct s3_lease *lease, int64_t lease_ms, int (*renew)(void *ctx), void *ctx);
void s3_lease_release(struct s3_lease *lease);
/* It was taken by a request that was sent then. Before s3_lease_start(). */
void s3_lease_begin(struct s3_lease *lease, int64_t sent_mono_ms, int64_t sent_wall_ms);
int s3_lease_start(struct s3_lease *lease, struct err *err);
/* Renews it no more. True: it was not over so far. */
bool s3_lease_stop(struct s3_lease *lease);
/* Once is for good. Safe from every thread. */
bool s3_lease_is_over(struct s3_lease *lease);
