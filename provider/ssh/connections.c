/* A stack's connections by name, each opened at its first use. */
#include "provider/ssh/login.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct reach *reach_new(const struct reach_options *options)
{
    struct reach *reach = mem_zalloc(sizeof *reach);
    reach->options = *options;
    pthread_mutex_init(&reach->lock, NULL);
    clock_cond_init(&reach->changed);
    return reach;
}

static void free_link(struct link *link)
{
    connection_release(&link->connection);
    free((char *)link->name.p);
    free(link);
}

void reach_free(struct reach *reach)
{
    if (!reach)
        return;
    pthread_mutex_lock(&reach->lock);
    atomic_store(&reach->closing, true);
    while (reach->openers)
        pthread_cond_wait(&reach->changed, &reach->lock);
    pthread_mutex_unlock(&reach->lock);
    net_free(reach->net);
    for (size_t i = 0; i < reach->links.n; i++)
        free_link(reach->links.items[i].ptr);
    map_release(&reach->links);
    for (struct passage *passage = reach->passages, *next; passage; passage = next) {
        next = passage->next;
        free((char *)passage->host);
        free(passage);
    }
    pthread_cond_destroy(&reach->changed);
    pthread_mutex_destroy(&reach->lock);
    free(reach);
}

struct link *reach_link(struct reach *reach, struct str name, struct err *err)
{
    pthread_mutex_lock(&reach->lock);
    struct link *link = map_get(&reach->links, name);
    int rc = link && !link->read ? connection_read(&link->connection, err) : 0;
    if (link && !rc)
        link->read = true;
    pthread_mutex_unlock(&reach->lock);
    if (!link)
        err_set(err, ERR_INVALID, "there is no connection \"%.*s\"", STR_ARG(name));
    return rc ? NULL : link;
}

static void replace(struct reach *reach, struct link *link, struct connection *connection)
{
    while (link->opening)
        pthread_cond_wait(&reach->changed, &reach->lock);
    if (link->wire)
        wire_close(reach->net, link->wire);
    link->wire = NULL;
    link->read = false;
    connection_release(&link->connection);
    link->connection = *connection;
}

static bool is_same(const struct link *link, const struct value *config, struct str dir)
{
    return link && value_equal(link->connection.config, config) && str_eq(link->connection.dir, dir);
}

int reach_define(
    struct reach *reach, struct str name, const struct value *config, struct str dir, struct err *err)
{
    struct connection connection;
    if (!value_is_known(config) || value_is_null(config))
        return err_set(err, ERR_INVALID, "connection \"%.*s\" is not known yet", STR_ARG(name));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&reach->lock);
    struct link *link = map_get(&reach->links, name);
    if (!is_same(link, config, dir)) {
        connection_init(&connection, name, config, dir);
        if (link) {
            replace(reach, link, &connection);
        } else {
            link = mem_zalloc(sizeof *link);
            link->reach = reach;
            link->connection = connection;
            link->name = str_n(mem_memdup0(name.p, name.n), name.n);
            map_set(&reach->links, link->name, link);
        }
    }
    return 0;
}

void reach_be_patient(struct reach *reach, const struct reach_patience *patience)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&reach->lock);
    reach->patience = *patience;
}

/* ---- opening ---- */

static int start_net(struct reach *reach, struct err *err)
{
    const struct ssh_api *api = ssh_api(err);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&reach->lock);
    return !api ? -1 : reach->net ? 0 : net_new(api, &reach->net, err);
}

/* The inner session's socket is joined to a channel of the outer session. */
static int dial_via(struct link *link, int *fd, struct err *err)
{
    struct reach *reach = link->reach;
    const struct connection *c = &link->connection;
    struct wire *outer;
    int ends[2];
    /* Checks first that the host is reachable, since a joined socket could only be closed, without a
     * reason. */
    if (reach_probe(reach, str_z(c->via), str_z(c->host), c->port, &outer, err))
        return -1;
    if (system_pair(ends, O_NONBLOCK))
        return err_errno(err, ERR_IO, "no socket");
    flow_start(reach->net, outer, flow_joint(ends[1], str_z(c->host), c->port));
    *fd = ends[0];
    return 0;
}

static int dial(struct link *link, struct login *login, int *fd, struct err *err)
{
    const struct connection *c = &link->connection;
    if (c->via)
        return dial_via(link, fd, err);
    if (c->proxy_command)
        return dial_command(c, fd, err);
    return dial_host(c, login->deadline_ms, login->cancel, fd, err);
}

/* A fingerprint does not tell the type of its key, and a host has several keys: tries each type in turn. */
static int log_in(struct link *link, struct login *login, struct err *err)
{
    static const char *const kinds[] = {NULL, "ssh-ed25519",
        "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521", "rsa-sha2-512,rsa-sha2-256"};
    struct err first = ERR_INIT;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int fd;
        struct err why = ERR_INIT;
        login->key_types = kinds[i];
        login->other_key = false;
        login->deadline_ms = clock_mono_ms() + link->connection.timeout_ms;
        if (dial(link, login, &fd, &why) == 0 && login_over(login, fd, &why) == 0)
            return 0;
        if (i == 0)
            first = why;
        if (!login->other_key && i == 0)
            break;
    }
    return err_raise(err, &first);
}

static void tell_progress(
    struct link *link, const struct reach_patience *patience, const char *what, const char *why)
{
    char line[1200];
    snprintf(line, sizeof line, "%s%s", what, why);
    if (patience->progress)
        patience->progress(patience->progress_ctx, link->connection.name, line);
}

/* Waiting ends with the apply, also for a session that was lost during it. */
static bool is_patient(struct reach *reach)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&reach->lock);
    return reach->patience.wait && !atomic_load(&reach->closing);
}

/* Waits before a retry, since a host may still be booting. Returns false if no retry is allowed. */
bool reach_wait_on(struct link *link, const struct reach_patience *patience, int64_t until_ms,
    const struct err *why, int *pause_ms)
{
    if (!patience->wait || !is_patient(link->reach) || !why->retryable || clock_mono_ms() >= until_ms)
        return false;
    tell_progress(link, patience, "waiting: ", why->message);
    for (int slept = 0; slept < *pause_ms; slept += 100)
        if (!is_patient(link->reach) || cancel_sleep_ms(patience->cancel, 100, ERR_IGNORED))
            return false;
    *pause_ms = *pause_ms < 3000 ? *pause_ms * 2 : 5000;
    return true;
}

static int open_link(
    struct link *link, const struct reach_patience *patience, ssh_session *out, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + link->connection.wait_ms;
    int pause_ms = 200;
    struct login login = {.api = ssh_api(err),
        .connection = &link->connection,
        .trust = &link->reach->options.trust,
        .cancel = patience->cancel};
    for (;;) {
        struct err why = ERR_INIT;
        login.may_wait = patience->wait && clock_mono_ms() < until_ms;
        login.awaits_key = false;
        if (log_in(link, &login, &why) == 0) {
            *out = login.session;
            return 0;
        }
        if (reach_wait_on(link, patience, until_ms, &why, &pause_ms))
            continue;
        if (login.awaits_key && clock_mono_ms() >= until_ms)
            continue;
        *err = why;
        return err_context(err, "connection \"%.*s\"", STR_ARG(link->connection.name));
    }
}

/* cloud-init status --wait exits with 2 if it finished with warnings. */
static int await_cloud_init(
    struct link *link, struct wire *wire, const struct reach_patience *patience, struct err *err)
{
    AUTO_REACH_RESULT struct reach_result result = REACH_RESULT_INIT;
    struct reach_command command = {
        .command = STR("if command -v cloud-init >/dev/null; then cloud-init status --wait; else exit 0; fi"),
        .timeout_ms = link->connection.wait_ms,
        .repeatable = true,
        .cancel = patience->cancel};
    if (!link->connection.cloud_init || !patience->wait)
        return 0;
    tell_progress(link, patience, "waiting for cloud-init to be done", "");
    if (reach_exec_on(link->reach, wire, &command, &result, err))
        return err_context(
            err, "connection \"%.*s\": waiting for cloud-init", STR_ARG(link->connection.name));
    if (result.status == 0 || result.status == 2)
        return 0;
    return err_set(err, ERR_SERVICE, "connection \"%.*s\": cloud-init failed on %s: %.*s",
        STR_ARG(link->connection.name), link->connection.host, STR_ARG(str_trim(buf_str(&result.output))));
}

static int open_anew(struct link *link, struct err *err)
{
    struct reach *reach = link->reach;
    struct reach_patience patience = reach->patience;
    ssh_session session = NULL;
    pthread_mutex_unlock(&reach->lock);
    int rc = start_net(reach, err);
    if (!rc)
        rc = open_link(link, &patience, &session, err);
    struct wire *wire = rc ? NULL : net_add(reach->net, session, link->connection.keep_alive_ms);
    if (!rc && await_cloud_init(link, wire, &patience, err)) {
        wire_close(reach->net, wire);
        rc = -1;
    }
    pthread_mutex_lock(&reach->lock);
    link->wire = rc ? NULL : wire;
    return rc;
}

int reach_wire(struct reach *reach, struct str name, struct wire **out, struct err *err)
{
    struct link *link = reach_link(reach, name, err);
    if (!link)
        return -1;
    int rc = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&reach->lock);
    while (link->opening)
        pthread_cond_wait(&reach->changed, &reach->lock);
    /* After another thread's failed attempt, opens the connection itself. */
    if (!link->wire || !wire_is_open(reach->net, link->wire)) {
        link->opening = true;
        rc = open_anew(link, err);
        link->opening = false;
        pthread_cond_broadcast(&reach->changed);
    }
    *out = link->wire;
    return rc;
}

int reach_open(struct reach *reach, struct str connection, struct err *err)
{
    struct wire *wire;
    return reach_wire(reach, connection, &wire, err);
}
