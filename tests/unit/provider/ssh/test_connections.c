#include "base/clock.h"
#include "base/json.h"
#include "provider/ssh/connections.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAIT_S = 60 };

/* Whoever waits for a host where nobody is. */
struct waiting {
    struct reach *reach;
    atomic_bool reported; /* it says that it waits */
    int status;
};

static void progress(void *ctx, struct str connection, const char *what)
{
    struct waiting *w = ctx;
    assert_true(str_eqz(connection, "bastion"));
    assert_true(str_starts(str_z(what), STR("waiting: ")));
    atomic_store(&w->reported, true);
}

static void *open_it(void *arg)
{
    struct waiting *w = arg;
    struct err err = ERR_INIT;
    w->status = reach_open(w->reach, STR("bastion"), &err);
    return NULL;
}

/* A port at which nobody listens while the socket lives. */
static int held_port(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void an_apply_that_has_ended_waits_for_nobody(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    const struct reach_options options = {0};
    struct waiting w = {.reach = reach_new(&options)};
    int port, fd = held_port(&port);
    const struct value *config;
    struct str json = arena_printf(&arena,
        "{\"host\": \"127.0.0.1\", \"port\": %d, \"user\": \"u\", \"ssh_config\": \"none\", \"wait\": "
        "\"%ds\"}",
        port, WAIT_S);
    assert_int_equal(json_parse(&arena, json, &config, &err), 0);
    assert_int_equal(reach_define(w.reach, STR("bastion"), config, STR("/stack"), &err), 0);
    reach_be_patient(
        w.reach, &(struct reach_patience){.wait = true, .progress = progress, .progress_ctx = &w});
    pthread_t thread;
    int64_t began = clock_mono_ms();
    assert_int_equal(pthread_create(&thread, NULL, open_it, &w), 0);
    while (!atomic_load(&w.reported))
        clock_sleep_ms(1);
    reach_be_patient(w.reach, &(struct reach_patience){0});
    pthread_join(thread, NULL);
    assert_int_equal(w.status, -1);
    assert_true(clock_mono_ms() - began < WAIT_S * 1000);
    reach_free(w.reach);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_apply_that_has_ended_waits_for_nobody)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
