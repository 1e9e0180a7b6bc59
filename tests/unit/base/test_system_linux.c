/* What base/system.h promises of each system. */
#include "base/system.h"

#include "base/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void is_ours(int fd, int flags)
{
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, flags);
}

static void descriptors_are_not_inherited(void **state)
{
    (void)state;
    int pipe[2], pair[2], ways[] = {0, O_NONBLOCK};
    assert_int_equal(system_pipe(pipe), 0);
    is_ours(pipe[0], 0);
    is_ours(pipe[1], 0);
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof at;
        int listening = system_socket(AF_INET, O_NONBLOCK), to = system_socket(AF_INET, ways[i]);
        is_ours(to, ways[i]);
        assert_int_equal(system_pair(pair, ways[i]), 0);
        is_ours(pair[0], ways[i]);
        is_ours(pair[1], ways[i]);
        assert_int_equal(bind(listening, (struct sockaddr *)&at, n), 0);
        assert_int_equal(listen(listening, 1), 0);
        assert_int_equal(system_accept(listening, 0), -1);
        assert_int_equal(getsockname(listening, (struct sockaddr *)&at, &n), 0);
        connect(to, (struct sockaddr *)&at, n);
        assert_int_equal(poll(&(struct pollfd){.fd = listening, .events = POLLIN}, 1, 10000), 1);
        int from = system_accept(listening, ways[i]);
        is_ours(from, ways[i]);
        n = sizeof at;
        uint16_t port = ntohs(at.sin_port);
        assert_int_equal(getpeername(from, (struct sockaddr *)&at, &n), 0);
        assert_true(system_peer_is_own(&at, port));
        at.sin_port = 0; /* nobody's */
        assert_false(system_peer_is_own(&at, port));
        int all[] = {listening, to, from, pair[0], pair[1]};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            close(all[k]);
    }
    close(pipe[0]);
    close(pipe[1]);
}

static void files_in_memory(void **state)
{
    (void)state;
    char path[PATH_MAX] = "?", text[8] = "";
    int fd = system_memory_file(), at = open("/dev/null", O_RDONLY);
    is_ours(fd, 0);
    assert_int_equal(write(fd, "text", 4), 4);
    assert_int_equal(system_path_of(fd, path), 0);
    assert_string_equal(path, "");
    assert_int_equal(system_path_of(at, path), 0);
    assert_string_equal(path, "/dev/null");
    assert_int_equal(system_put(fd, at), at);
    is_ours(at, 0);
    assert_int_equal(pread(at, text, sizeof text, 0), 4);
    assert_string_equal(text, "text");
    assert_int_equal(system_sync(fd) || system_sync_data(fd), 0);
    close(fd);
    close(at);
    assert_int_equal(system_path_of(fd, path), -1);
}

static void a_poller_tells_what_happened(void **state)
{
    (void)state;
    struct system_event events[4];
    int poller = system_poller_new(), wake = system_wake_new(), pair[2];
    is_ours(poller, 0);
    assert_int_equal(system_pair(pair, O_NONBLOCK), 0);
    assert_int_equal(system_poller_set(poller, wake, POLLIN), 0);
    assert_int_equal(system_poller_set(poller, pair[0], POLLIN), 0);
    assert_int_equal(system_poller_wait(poller, events, 4, 0), 0);
    system_wake(wake);
    system_wake(wake);
    for (int i = 0; i < 2; i++) { /* until it is cleared */
        assert_int_equal(system_poller_wait(poller, events, 4, -1), 1);
        assert_int_equal(events[0].fd, wake);
    }
    system_wake_clear(wake);
    assert_int_equal(system_poller_set(poller, pair[0], POLLIN | POLLOUT), 0); /* in the place of what was */
    assert_int_equal(system_poller_wait(poller, events, 4, -1), 1);
    assert_int_equal(events[0].fd, pair[0]);
    assert_int_equal(events[0].events, POLLOUT);
    assert_int_equal(system_poller_set(poller, pair[0], POLLIN), 0);
    assert_int_equal(system_poller_wait(poller, events, 4, 0), 0);
    close(pair[1]);
    assert_int_equal(system_poller_wait(poller, events, 4, -1), 1);
    assert_true(events[0].events & POLLIN);
    assert_int_equal(system_poller_set(poller, pair[0], 0), 0);
    assert_int_equal(system_poller_wait(poller, events, 4, 0), 0);
    assert_int_equal(system_poller_set(poller, pair[1], POLLIN), -1);
    close(pair[0]);
    close(wake);
    close(poller);
}

static void a_child_is_watched(void **state)
{
    (void)state;
    int hold[2];
    assert_int_equal(system_pipe(hold), 0);
    pid_t child = fork();
    if (!child) {
        char unused;
        close(hold[1]);
        _exit(read(hold[0], &unused, 1) == 0 ? 3 : 4);
    }
    struct pollfd watched = {.fd = system_watch_child(child), .events = POLLIN};
    assert_true(watched.fd >= 0 && system_memory_of(child) > 0);
    assert_int_equal(poll(&watched, 1, 0), 0);
    close(hold[1]);
    assert_int_equal(poll(&watched, 1, 10000), 1);
    int again = system_watch_child(child), status; /* it has ended, and nobody has waited for it */
    assert_int_equal(poll(&(struct pollfd){.fd = again, .events = POLLIN}, 1, 10000), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 3);
    close(again);
    close(watched.fd);
    close(hold[0]);
}

static int take(void *ctx, const char *path)
{
    return ++*(int *)ctx == 1 && access(path, R_OK) ? -1 : 0;
}

static void it_knows_itself(void **state)
{
    (void)state;
    int files = 0;
    assert_int_equal(access(system_program(), X_OK), 0);
    assert_int_equal(system_program_files(take, &files), 0);
    assert_true(files >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_not_inherited),
        cmocka_unit_test(files_in_memory),
        cmocka_unit_test(a_poller_tells_what_happened),
        cmocka_unit_test(a_child_is_watched),
        cmocka_unit_test(it_knows_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
