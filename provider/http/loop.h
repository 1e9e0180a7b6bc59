/*
 * What drives libcurl's multi handle: it waits for all sockets at once and lets libcurl work on those alone
 * on which something happened. curl_multi_perform() would go over all transfers each time that one of them
 * moves, and with dozens under way to a far server that is most of the work.
 *
 *     loop_init()
 *     loop_turn()      again and again, by the one thread that uses the multi handle
 *     loop_wake()      from any thread: ends a turn's waiting
 *     loop_release()   after curl_multi_cleanup(), which speaks to it for the last time
 *
 * loop_release() is also for a loop whose loop_init() has failed.
 */
#pragma once

#include "provider/http/curl_api.h"

#include <stdint.h>

struct loop {
    const struct curl_api *curl;
    CURLM *multi;
    int poller, wake;
    int64_t due_ms; /* when libcurl wants to be called without an event; -1: never */
};

/* ERR_FAILED where the process has no descriptors left. */
int loop_init(struct loop *loop, const struct curl_api *curl, CURLM *multi, struct err *err);
void loop_release(struct loop *loop);
/* Waits until there is something to do, so long at most, and lets libcurl do it. */
void loop_turn(struct loop *loop, int limit_ms);
void loop_wake(struct loop *loop);
