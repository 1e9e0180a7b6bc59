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
    struct ssh_pool *ssh_pool;
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
    w->status = ssh_pool_open(w->ssh_pool, STR("bastion"), &err);
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
    const struct ssh_pool_options options = {0};
    struct waiting w = {.ssh_pool = ssh_pool_new(&options)};
    int port, fd = held_port(&port);
    const struct value *config;
    struct str json = arena_printf(&arena,
        "{\"host\": \"127.0.0.1\", \"port\": %d, \"user\": \"u\", \"ssh_config\": \"none\", \"wait\": "
        "\"%ds\"}",
        port, WAIT_S);
    assert_int_equal(json_parse(&arena, json, &config, &err), 0);
    assert_int_equal(ssh_pool_define(w.ssh_pool, STR("bastion"), config, STR("/stack"), &err), 0);
    ssh_pool_be_patient(
        w.ssh_pool, &(struct ssh_pool_patience){.wait = true, .progress = progress, .progress_ctx = &w});
    pthread_t thread;
    int64_t began = clock_mono_ms();
    assert_int_equal(pthread_create(&thread, NULL, open_it, &w), 0);
    while (!atomic_load(&w.reported))
        clock_sleep_ms(1);
    ssh_pool_be_patient(w.ssh_pool, &(struct ssh_pool_patience){0});
    pthread_join(thread, NULL);
    assert_int_equal(w.status, -1);
    assert_true(clock_mono_ms() - began < WAIT_S * 1000);
    ssh_pool_free(w.ssh_pool);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_apply_that_has_ended_waits_for_nobody)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
