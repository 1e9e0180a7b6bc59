/* A stack's connections by name, each opened at its first use. */
#include "provider/ssh/login.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct ssh_pool *ssh_pool_new(const struct ssh_pool_options *options)
{
    struct ssh_pool *ssh_pool = mem_zalloc(sizeof *ssh_pool);
    ssh_pool->options = *options;
    pthread_mutex_init(&ssh_pool->lock, NULL);
    clock_cond_init(&ssh_pool->changed);
    return ssh_pool;
}

static void free_link(struct link *link)
{
    connection_release(&link->connection);
    free((char *)link->name.p);
    free(link);
}

void ssh_pool_free(struct ssh_pool *ssh_pool)
{
    if (!ssh_pool)
        return;
    pthread_mutex_lock(&ssh_pool->lock);
    atomic_store(&ssh_pool->closing, true);
    while (ssh_pool->openers)
        pthread_cond_wait(&ssh_pool->changed, &ssh_pool->lock);
    pthread_mutex_unlock(&ssh_pool->lock);
    net_free(ssh_pool->net);
    for (size_t i = 0; i < ssh_pool->links.n; i++)
        free_link(ssh_pool->links.items[i].ptr);
    map_release(&ssh_pool->links);
    for (struct passage *passage = ssh_pool->passages, *next; passage; passage = next) {
        next = passage->next;
        free((char *)passage->host);
        free(passage);
    }
    pthread_cond_destroy(&ssh_pool->changed);
    pthread_mutex_destroy(&ssh_pool->lock);
    free(ssh_pool);
}

struct link *ssh_pool_link(struct ssh_pool *ssh_pool, struct str name, struct err *err)
{
    pthread_mutex_lock(&ssh_pool->lock);
    struct link *link = map_get(&ssh_pool->links, name);
    int rc = link && !link->read ? connection_read(&link->connection, err) : 0;
    if (link && !rc)
        link->read = true;
    pthread_mutex_unlock(&ssh_pool->lock);
    if (!link)
        err_set(err, ERR_INVALID, "there is no connection \"%.*s\"", STR_ARG(name));
    return rc ? NULL : link;
}

static void replace(struct ssh_pool *ssh_pool, struct link *link, struct connection *connection)
{
    while (link->opening)
        pthread_cond_wait(&ssh_pool->changed, &ssh_pool->lock);
    if (link->wire)
        wire_close(ssh_pool->net, link->wire);
    link->wire = NULL;
    link->read = false;
    connection_release(&link->connection);
    link->connection = *connection;
}

static bool is_same(const struct link *link, const struct value *config, struct str dir)
{
    return link && value_equal(link->connection.config, config) && str_eq(link->connection.dir, dir);
}

int ssh_pool_define(
    struct ssh_pool *ssh_pool, struct str name, const struct value *config, struct str dir, struct err *err)
{
    struct connection connection;
    if (!value_is_known(config) || value_is_null(config))
        return err_set(err, ERR_INVALID, "connection \"%.*s\" is not known yet", STR_ARG(name));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&ssh_pool->lock);
    struct link *link = map_get(&ssh_pool->links, name);
    if (!is_same(link, config, dir)) {
        connection_init(&connection, name, config, dir);
        if (link) {
            replace(ssh_pool, link, &connection);
        } else {
            link = mem_zalloc(sizeof *link);
            link->ssh_pool = ssh_pool;
            link->connection = connection;
            link->name = str_n(mem_memdup0(name.p, name.n), name.n);
            map_set(&ssh_pool->links, link->name, link);
        }
    }
    return 0;
}

void ssh_pool_be_patient(struct ssh_pool *ssh_pool, const struct ssh_pool_patience *patience)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&ssh_pool->lock);
    ssh_pool->patience = *patience;
}

/* ---- opening ---- */

static int start_net(struct ssh_pool *ssh_pool, struct err *err)
{
    const struct ssh_api *api = ssh_api(err);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&ssh_pool->lock);
    return !api ? -1 : ssh_pool->net ? 0 : net_new(api, &ssh_pool->net, err);
}

/* The inner session's socket is joined to a channel of the outer session. */
static int dial_via(struct link *link, int *fd, struct err *err)
{
    struct ssh_pool *ssh_pool = link->ssh_pool;
    const struct connection *c = &link->connection;
    struct wire *outer;
    int ends[2];
    /* Checks first that the host is reachable, since a joined socket could only be closed, without a
     * reason. */
    if (ssh_pool_probe(ssh_pool, str_z(c->via), str_z(c->host), c->port, &outer, err))
        return -1;
    if (system_pair(ends, O_NONBLOCK))
        return err_errno(err, ERR_IO, "no socket");
    flow_start(ssh_pool->net, outer, flow_joint(ends[1], str_z(c->host), c->port));
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
    struct link *link, const struct ssh_pool_patience *patience, const char *what, const char *why)
{
    char line[1200];
    snprintf(line, sizeof line, "%s%s", what, why);
    if (patience->progress)
        patience->progress(patience->progress_ctx, link->connection.name, line);
}

/* Waiting ends with the apply, also for a session that was lost during it. */
static bool is_patient(struct ssh_pool *ssh_pool)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&ssh_pool->lock);
    return ssh_pool->patience.wait && !atomic_load(&ssh_pool->closing);
}

/* Waits before a retry, since a host may still be booting. Returns false if no retry is allowed. */
bool ssh_pool_wait_on(struct link *link, const struct ssh_pool_patience *patience, int64_t until_ms,
    const struct err *why, int *pause_ms)
{
    if (!patience->wait || !is_patient(link->ssh_pool) || !why->retryable || clock_mono_ms() >= until_ms)
        return false;
    tell_progress(link, patience, "waiting: ", why->message);
    for (int slept = 0; slept < *pause_ms; slept += 100)
        if (!is_patient(link->ssh_pool) || cancel_sleep_ms(patience->cancel, 100, ERR_IGNORED))
            return false;
    *pause_ms = *pause_ms < 3000 ? *pause_ms * 2 : 5000;
    return true;
}

static int open_link(
    struct link *link, const struct ssh_pool_patience *patience, ssh_session *out, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + link->connection.wait_ms;
    int pause_ms = 200;
    struct login login = {.api = ssh_api(err),
        .connection = &link->connection,
        .trust = &link->ssh_pool->options.trust,
        .cancel = patience->cancel};
    for (;;) {
        struct err why = ERR_INIT;
        login.may_wait = patience->wait && clock_mono_ms() < until_ms;
        login.awaits_key = false;
        if (log_in(link, &login, &why) == 0) {
            *out = login.session;
            return 0;
        }
        if (ssh_pool_wait_on(link, patience, until_ms, &why, &pause_ms))
            continue;
        if (login.awaits_key && clock_mono_ms() >= until_ms)
            continue;
        *err = why;
        return err_context(err, "connection \"%.*s\"", STR_ARG(link->connection.name));
    }
}

/* cloud-init status --wait exits with 2 if it finished with warnings. */
static int await_cloud_init(
    struct link *link, struct wire *wire, const struct ssh_pool_patience *patience, struct err *err)
{
    AUTO_SSH_POOL_RESULT struct ssh_pool_result result = SSH_POOL_RESULT_INIT;
    struct ssh_pool_command command = {
        .command = STR("if command -v cloud-init >/dev/null; then cloud-init status --wait; else exit 0; fi"),
        .timeout_ms = link->connection.wait_ms,
        .repeatable = true,
        .cancel = patience->cancel};
    if (!link->connection.cloud_init || !patience->wait)
        return 0;
    tell_progress(link, patience, "waiting for cloud-init to be done", "");
    if (ssh_pool_exec_on(link->ssh_pool, wire, &command, &result, err))
        return err_context(
            err, "connection \"%.*s\": waiting for cloud-init", STR_ARG(link->connection.name));
    if (result.status == 0 || result.status == 2)
        return 0;
    return err_set(err, ERR_SERVICE, "connection \"%.*s\": cloud-init failed on %s: %.*s",
        STR_ARG(link->connection.name), link->connection.host, STR_ARG(str_trim(buf_str(&result.output))));
}

static int open_anew(struct link *link, struct err *err)
{
    struct ssh_pool *ssh_pool = link->ssh_pool;
    struct ssh_pool_patience patience = ssh_pool->patience;
    ssh_session session = NULL;
    pthread_mutex_unlock(&ssh_pool->lock);
    int rc = start_net(ssh_pool, err);
    if (!rc)
        rc = open_link(link, &patience, &session, err);
    struct wire *wire = rc ? NULL : net_add(ssh_pool->net, session, link->connection.keep_alive_ms);
    if (!rc && await_cloud_init(link, wire, &patience, err)) {
        wire_close(ssh_pool->net, wire);
        rc = -1;
    }
    pthread_mutex_lock(&ssh_pool->lock);
    link->wire = rc ? NULL : wire;
    return rc;
}

int ssh_pool_wire(struct ssh_pool *ssh_pool, struct str name, struct wire **out, struct err *err)
{
    struct link *link = ssh_pool_link(ssh_pool, name, err);
    if (!link)
        return -1;
    int rc = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&ssh_pool->lock);
    while (link->opening)
        pthread_cond_wait(&ssh_pool->changed, &ssh_pool->lock);
    /* After another thread's failed attempt, opens the connection itself. */
    if (!link->wire || !wire_is_open(ssh_pool->net, link->wire)) {
        link->opening = true;
        rc = open_anew(link, err);
        link->opening = false;
        pthread_cond_broadcast(&ssh_pool->changed);
    }
    *out = link->wire;
    return rc;
}

int ssh_pool_open(struct ssh_pool *ssh_pool, struct str connection, struct err *err)
{
    struct wire *wire;
    return ssh_pool_wire(ssh_pool, connection, &wire, err);
}
