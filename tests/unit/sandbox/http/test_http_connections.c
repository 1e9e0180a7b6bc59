/* Who goes for a newcomer, and who has taken too long. */
#include "base/clock.h"
#include "sandbox/http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { CROWD = 64 };

struct guest {
    int outside, inside; /* ends of its connection */
    struct http_connection *connection;
};

static struct http_connections *open_listener(size_t most, int64_t patience_ms)
{
    struct http_connections *all;
    struct err err = ERR_INIT;
    assert_int_equal(
        http_connections_new(
            &(struct http_connections_options){.max = most, .patience_ms = patience_ms}, &all, &err),
        0);
    return all;
}

static struct guest come_from(struct http_connections *all, const char *address)
{
    int ends[2];
    struct sockaddr_storage from = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&from;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&from;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        from.ss_family = AF_INET;
    } else {
        from.ss_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, address, &v6->sin6_addr), 1);
    }
    return (struct guest){ends[0], ends[1], http_connection_opened(all, ends[1], (struct sockaddr *)&from)};
}

static bool is_out(const struct guest *g)
{
    char byte;
    ssize_t n = recv(g->outside, &byte, 1, MSG_DONTWAIT);
    assert_true(n == 0 || (n < 0 && errno == EAGAIN));
    return n == 0;
}

static void leave(struct http_connections *all, struct guest *guests, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        http_connection_closed(all, guests[i].connection);
        close(guests[i].outside);
        close(guests[i].inside);
    }
    http_connections_free(all);
}

/* Whoever has said nothing for longest goes; who asks, sends and waits stays. */
static void the_unreachable_make_room(void **state)
{
    (void)state;
    struct http_connections *all = open_listener(8, 0);
    struct guest g[12];
    for (size_t i = 0; i < 8; i++)
        g[i] = come_from(all, "127.0.0.1");
    http_connection_responding(all, g[0].connection);
    http_connection_received(all, g[1].connection, 4096);
    http_connection_idle(all, g[2].connection);
    for (size_t i = 8; i < 12; i++)
        g[i] = come_from(all, "127.0.0.1");
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(is_out(&g[i]), i >= 3 && i < 7);
    leave(all, g, 12);
}

/* After them those that rest; what is being answered stays, and a newcomer is turned away. */
static void answers_are_not_cut_off(void **state)
{
    (void)state;
    struct http_connections *all = open_listener(4, 0);
    struct guest g[6];
    for (size_t i = 0; i < 4; i++) {
        g[i] = come_from(all, "::1");
        http_connection_responding(all, g[i].connection);
    }
    http_connection_idle(all, g[2].connection);
    g[4] = come_from(all, "127.0.0.1");
    http_connection_responding(all, g[4].connection);
    g[5] = come_from(all, "127.0.0.1");
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(is_out(&g[i]), i == 2 || i == 5);
    leave(all, g, 6);
}

/* One address of another machine has half of the places, whatever it does with them; others get in. */
static void a_peer_has_half(void **state)
{
    (void)state;
    struct http_connections *all = open_listener(8, 0);
    struct guest g[CROWD];
    size_t n = 0;
    for (; n < 20; n++) {
        g[n] = come_from(all, n % 2 ? "192.0.2.7" : "::ffff:192.0.2.7"); /* one and the same */
        http_connection_responding(all, g[n].connection);
    }
    for (size_t i = 0; i < n; i++)
        assert_int_equal(is_out(&g[i]), i >= 4);
    for (; n < 24; n++) {
        g[n] = come_from(all, "192.0.2.8");
        assert_false(is_out(&g[n]));
        http_connection_responding(all, g[n].connection);
    }
    g[n++] = come_from(all, "2001:db8::1"); /* now it is full */
    assert_true(is_out(&g[n - 1]));
    leave(all, g, n);
}

static void wait_until_out(const struct guest *g, int64_t least_ms, int64_t began_ms)
{
    while (!is_out(g))
        clock_sleep_ms(10);
    assert_true(clock_mono_ms() - began_ms >= least_ms);
}

/* A head has so long, however it trickles; a body as long as it comes; an answer is nobody's business. */
static void requests_have_a_deadline(void **state)
{
    (void)state;
    struct http_connections *all = open_listener(8, 300);
    int64_t began = clock_mono_ms();
    struct guest g[5];
    for (size_t i = 0; i < 5; i++)
        g[i] = come_from(all, "127.0.0.1");
    http_connection_request(all, g[1].connection); /* the first line is there, nothing more comes */
    http_connection_received(all, g[2].connection, 1);
    http_connection_received(all, g[3].connection, 1 << 20);
    http_connection_responding(all, g[4].connection);
    for (size_t i = 0; i < 3; i++)
        wait_until_out(&g[i], 300, began);
    assert_false(is_out(&g[3]) || is_out(&g[4]));
    http_connection_idle(all, g[4].connection);
    began = clock_mono_ms();
    http_connection_request(all, g[4].connection); /* the next request's head */
    wait_until_out(&g[4], 300, began);
    assert_false(is_out(&g[3]));
    leave(all, g, 5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_unreachable_make_room),
        cmocka_unit_test(answers_are_not_cut_off),
        cmocka_unit_test(a_peer_has_half),
        cmocka_unit_test(requests_have_a_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
