/* What drives libcurl's multi handle: see loop.h. */
#include "provider/http/loop.h"

#include "base/file.h"
#include "base/system.h"

#include <assert.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

static int on_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *ctx, void *unused UNUSED)
{
    struct loop *loop = ctx;
    int events = (what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0);
    system_poller_set(loop->poller, fd, (short)events); /* none of both: CURL_POLL_REMOVE */
    return 0;
}

/* libcurl's time, which no test sets. */
static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int on_timer(CURLM *multi UNUSED, long timeout_ms, void *ctx)
{
    struct loop *loop = ctx;
    loop->due_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    return 0;
}

int loop_init(struct loop *loop, const struct curl_api *curl, CURLM *multi, struct err *err)
{
    *loop = (struct loop){.curl = curl, .multi = multi, .due_ms = -1};
    loop->poller = system_poller_new();
    loop->wake = system_wake_new();
    if (loop->poller < 0 || loop->wake < 0 || system_poller_set(loop->poller, loop->wake, POLLIN))
        return err_errno(err, ERR_FAILED, "cannot wait for the network");
    curl->multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl->multi_setopt(multi, CURLMOPT_SOCKETDATA, loop);
    curl->multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl->multi_setopt(multi, CURLMOPT_TIMERDATA, loop);
    return 0;
}

void loop_release(struct loop *loop)
{
    fd_close_ptr(&loop->poller);
    fd_close_ptr(&loop->wake);
}

void loop_wake(struct loop *loop)
{
    system_wake(loop->wake);
}

static void act(struct loop *loop, curl_socket_t fd, int flags)
{
    int running;
    CURLMcode code = loop->curl->multi_socket_action(loop->multi, fd, flags, &running);
    assert(code == CURLM_OK);
    (void)code;
}

static int flags_of(short events)
{
    return (events & POLLIN ? CURL_CSELECT_IN : 0) | (events & POLLOUT ? CURL_CSELECT_OUT : 0) |
           (events & POLLERR ? CURL_CSELECT_ERR : 0);
}

void loop_turn(struct loop *loop, int limit_ms)
{
    struct system_event events[SYSTEM_EVENTS];
    if (loop->due_ms >= 0) {
        int64_t left_ms = loop->due_ms - now_ms();
        limit_ms = left_ms < 0 ? 0 : left_ms < limit_ms ? (int)left_ms : limit_ms;
    }
    int n = system_poller_wait(loop->poller, events, SYSTEM_EVENTS, limit_ms);
    for (int i = 0; i < n; i++) {
        if (events[i].fd == loop->wake)
            system_wake_clear(loop->wake);
        else
            act(loop, events[i].fd, flags_of(events[i].events));
    }
    if (loop->due_ms >= 0 && loop->due_ms <= now_ms()) {
        loop->due_ms = -1; /* libcurl says so when it wants another */
        act(loop, CURL_SOCKET_TIMEOUT, 0);
    }
}
