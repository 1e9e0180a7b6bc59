/* Commands, shells and forwarded local ports of a connection. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/system.h"
#include "provider/ssh/login.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Commands, files and shells on a host ---- */

enum { OUTPUT_MAX = 16 << 20, ERROR_MAX = 64 << 10 };

void ssh_pool_result_release(struct ssh_pool_result *result)
{
    buf_release(&result->output);
    buf_release(&result->error);
}

static void take_result(struct flow *flow, struct ssh_pool_result *result)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"HUP", 1}, {"INT", 2}, {"QUIT", 3}, {"ABRT", 6}, {"KILL", 9}, {"SEGV", 11}, {"PIPE", 13},
        {"TERM", 15}};
    result->status = flow->status;
    memcpy(result->signal, flow->signal, sizeof result->signal);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (!strcmp(flow->signal, signals[i].name))
            result->status = 128 + signals[i].number;
    buf_release(&result->output);
    buf_release(&result->error);
    result->output = flow->output[0];
    result->error = flow->output[1];
    flow->output[0] = flow->output[1] = (struct buf)BUF_INIT;
}

static int run_flow(struct ssh_pool *ssh_pool, struct wire *wire, struct flow *flow, int64_t timeout_ms,
    const atomic_bool *cancel, struct err *err)
{
    int64_t deadline_ms = timeout_ms ? clock_mono_ms() + timeout_ms : 0;
    flow_start(ssh_pool->net, wire, flow);
    if (!flow_wait(ssh_pool->net, flow, deadline_ms, cancel)) {
        flow_abort(ssh_pool->net, flow);
        if (flow->err.class == ERR_INTERRUPTED && !cancel_is_set(cancel))
            err_set(&flow->err, ERR_TIMEOUT, "the command did not end within %lld s",
                (long long)(timeout_ms / 1000));
        flow->err.lost = flow->began;
    }
    if (flow->err.class != ERR_NONE) {
        *err = flow->err;
        return -1;
    }
    return 0;
}

int ssh_pool_exec_on(struct ssh_pool *ssh_pool, struct wire *wire, const struct ssh_pool_command *command,
    struct ssh_pool_result *result, struct err *err)
{
    AUTO_FREE char *line = mem_memdup0(command->command.p, command->command.n);
    struct flow flow = {.kind = FLOW_COMMAND,
        .command = line,
        .in = -1,
        .out = -1,
        .error = -1,
        .input = command->input,
        .input_count = command->input_count,
        .output = {{.max = command->output_max ? command->output_max : OUTPUT_MAX},
            {.max = command->error_max ? command->error_max : ERROR_MAX}}};
    int rc = run_flow(ssh_pool, wire, &flow, command->timeout_ms, command->cancel, err);
    if (!rc && flow.status < 0)
        rc = err_set(err, ERR_PROTOCOL, "the command ended without a status");
    take_result(&flow, result);
    if (!rc && result->output.overflow)
        rc = err_set(err, ERR_PROTOCOL, "the command printed more than %zu bytes", result->output.max);
    return rc;
}

int ssh_pool_exec(struct ssh_pool *ssh_pool, struct str connection, const struct ssh_pool_command *command,
    struct ssh_pool_result *result, struct err *err)
{
    for (int turn = 0;; turn++) {
        struct wire *wire;
        struct err why = ERR_INIT;
        if (ssh_pool_wire(ssh_pool, connection, &wire, err))
            return -1;
        if (!ssh_pool_exec_on(ssh_pool, wire, command, result, &why))
            return 0;
        bool lost_it = why.class == ERR_NETWORK;
        if (lost_it && turn == 0 && (!why.lost || command->repeatable))
            continue;
        *err = why;
        return err_context(err, "connection \"%.*s\"", STR_ARG(connection));
    }
}

/* ---- interactive ---- */

int ssh_pool_shell(struct ssh_pool *ssh_pool, struct str connection, const struct ssh_pool_terminal *terminal,
    int *status, struct err *err)
{
    enum { LOOK_MS = 100 };
    struct wire *wire;
    if (ssh_pool_wire(ssh_pool, connection, &wire, err))
        return -1;
    AUTO_FREE char *line = mem_memdup0(terminal->command.p, terminal->command.n);
    struct flow flow = {.kind = FLOW_SHELL,
        .command = line,
        .terminal = terminal,
        .in = terminal->in,
        .out = terminal->out,
        .error = terminal->error};
    flow_start(ssh_pool->net, wire, &flow);
    while (!flow_wait(ssh_pool->net, &flow, clock_mono_ms() + LOOK_MS, terminal->cancel)) {
        if (cancel_is_set(terminal->cancel)) {
            flow_abort(ssh_pool->net, &flow);
            break;
        }
        if (terminal->resized && atomic_load(terminal->resized))
            net_wake(ssh_pool->net);
    }
    AUTO_SSH_POOL_RESULT struct ssh_pool_result result = SSH_POOL_RESULT_INIT;
    take_result(&flow, &result);
    *status = result.status < 0 ? 255 : result.status;
    if (flow.err.class == ERR_NONE)
        return 0;
    *err = flow.err;
    return err_context(err, "connection \"%.*s\"", STR_ARG(connection));
}

/* ---- Forwarded loopback ports ---- */

static int listen_at(int wanted, int *port, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)wanted),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int yes = 1, fd = system_socket(AF_INET, O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, ERR_IO, "no socket");
    if (wanted)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, n) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)&address, &n)) {
        err_errno(err, ERR_IO, "cannot listen on port %d of 127.0.0.1", wanted);
        close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static int tunnel_open(struct net *net, const struct tunnel_options *options, int *port, struct err *err)
{
    int fd = listen_at(options->wanted, port, err);
    if (fd < 0)
        return -1;
    struct tunnel *tunnel = mem_zalloc(sizeof *tunnel);
    tunnel->options = *options;
    tunnel->fd = fd;
    tunnel->polled = -1;
    pthread_mutex_lock(&net->lock);
    tunnel->next = net->new_tunnels;
    net->new_tunnels = tunnel;
    pthread_mutex_unlock(&net->lock);
    net_wake(net);
    return 0;
}

void tunnel_answer(const struct tunnel *tunnel)
{
    enum { BUSY_US = 20 * 1000 };
    for (;;) {
        int yes = 1, fd = system_accept(tunnel->fd, O_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                usleep(BUSY_US); /* the pending connection would wake up the loop at once */
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct flow *flow = flow_joint(fd, str_z(tunnel->options.host), tunnel->options.port);
        flow->again = tunnel->options.came;
        flow->again_ctx = tunnel->options.ctx;
        tunnel->options.came(tunnel->options.ctx, flow);
    }
}

int ssh_pool_probe(struct ssh_pool *ssh_pool, struct str name, struct str host, int port, struct wire **wire,
    struct err *err)
{
    enum { PROBE_MS = 30 * 1000 };
    AUTO_FREE char *place = mem_memdup0(host.p, host.n);
    struct err why = ERR_INIT;
    if (ssh_pool_wire(ssh_pool, name, wire, err))
        return -1;
    struct flow flow = {.kind = place[0] == '/' ? FLOW_UNIX : FLOW_TCP,
        .host = place,
        .port = port,
        .in = -1,
        .out = -1,
        .error = -1};
    flow_start(ssh_pool->net, *wire, &flow);
    if (!flow_wait(ssh_pool->net, &flow, clock_mono_ms() + PROBE_MS, ssh_pool->patience.cancel))
        flow_abort(ssh_pool->net, &flow);
    if (flow.err.class == ERR_NONE)
        return 0;
    why = flow.err;
    char at_port[24] = ""; /* a Unix socket has no port */
    if (flow.kind == FLOW_TCP)
        snprintf(at_port, sizeof at_port, " port %d", port);
    err_set(err, why.class == ERR_INTERRUPTED ? ERR_TIMEOUT : ERR_NETWORK, "\"%.*s\" does not reach %s%s: %s",
        STR_ARG(name), place, at_port, why.message);
    err->retryable = true;
    return err_hint(err,
        "is that where it is as seen from \"%.*s\", does it listen, and does its security group "
        "or firewall let that host in?",
        STR_ARG(name));
}

/* Like ssh_pool_probe(), repeated as long as struct ssh_pool_patience and the connection's `wait` allow. */
static int ssh_pool_await(struct ssh_pool *ssh_pool, struct str name, struct str host, int port,
    struct wire **wire, struct err *err)
{
    struct link *link = ssh_pool_link(ssh_pool, name, err);
    if (!link)
        return -1;
    struct ssh_pool_patience patience = ssh_pool->patience;
    int64_t until_ms = clock_mono_ms() + link->connection.wait_ms;
    for (int pause_ms = 200;;) {
        struct err why = ERR_INIT;
        if (!ssh_pool_probe(ssh_pool, name, host, port, wire, &why))
            return 0;
        if (ssh_pool_wait_on(link, &patience, until_ms, &why, &pause_ms))
            continue;
        return err_raise(err, &why);
    }
}

/* ---- forwarding a connection ---- */

struct opener {
    struct passage *passage;
    struct flow *flow;
};

static void *open_again(void *arg)
{
    struct opener *opener = arg;
    struct ssh_pool *ssh_pool = opener->passage->ssh_pool;
    struct wire *wire;
    if (ssh_pool_wire(ssh_pool, opener->passage->link->connection.name, &wire, ERR_IGNORED))
        flow_drop(opener->flow);
    else
        flow_start(ssh_pool->net, wire, opener->flow);
    free(opener);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&ssh_pool->lock);
    ssh_pool->openers--;
    pthread_cond_broadcast(&ssh_pool->changed);
    return NULL;
}

/* The session was lost: a separate thread logs in again, since the network thread must not block. */
static void open_on_thread(struct passage *passage, struct flow *flow)
{
    struct opener *opener = mem_zalloc(sizeof *opener);
    *opener = (struct opener){passage, flow};
    pthread_attr_t detached;
    pthread_t thread;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    passage->ssh_pool->openers++;
    if (atomic_load(&passage->ssh_pool->closing) || pthread_create(&thread, &detached, open_again, opener)) {
        passage->ssh_pool->openers--;
        flow_drop(flow);
        free(opener);
    }
    pthread_attr_destroy(&detached);
}

static void forward_came(void *ctx, struct flow *flow)
{
    struct passage *passage = ctx;
    struct ssh_pool *ssh_pool = passage->ssh_pool;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&ssh_pool->lock);
    struct wire *wire = passage->link->wire;
    if (wire && wire_is_open(ssh_pool->net, wire))
        flow_start(ssh_pool->net, wire, flow);
    else
        open_on_thread(passage, flow);
}

static struct passage *forward_find(
    struct ssh_pool *ssh_pool, const struct link *link, struct str host, int port)
{
    for (struct passage *at = ssh_pool->passages; at; at = at->next)
        if (at->link == link && at->port == port && str_eqz(host, at->host))
            return at;
    return NULL;
}

static int open_passage(struct ssh_pool *ssh_pool, struct link *link, struct str host, int port, int wanted,
    struct passage **out, struct err *err)
{
    struct passage *passage = mem_zalloc(sizeof *passage);
    passage->ssh_pool = ssh_pool;
    passage->link = link;
    passage->host = mem_memdup0(host.p, host.n);
    passage->port = port;
    struct tunnel_options tunnel = {
        .host = passage->host, .port = port, .wanted = wanted, .came = forward_came, .ctx = passage};
    if (tunnel_open(ssh_pool->net, &tunnel, &passage->local_port, err)) {
        free((char *)passage->host);
        free(passage);
        return -1;
    }
    pthread_mutex_lock(&ssh_pool->lock);
    passage->next = ssh_pool->passages;
    ssh_pool->passages = passage;
    pthread_mutex_unlock(&ssh_pool->lock);
    *out = passage;
    return 0;
}

/* Returns an existing forwarded port or opens a new one; `patient`: waits for a target that does not respond
 * yet. */
static int forward_to(struct ssh_pool *ssh_pool, struct str connection, struct str host, int port, int wanted,
    bool patient, int *local_port, struct err *err)
{
    struct link *link = ssh_pool_link(ssh_pool, connection, err);
    struct wire *wire = NULL;
    if (!link)
        return -1;
    pthread_mutex_lock(&ssh_pool->lock);
    struct passage *passage = wanted ? NULL : forward_find(ssh_pool, link, host, port);
    pthread_mutex_unlock(&ssh_pool->lock);
    patient = patient && ssh_pool->patience.services;
    if (!passage &&
        ((patient ? ssh_pool_await : ssh_pool_probe)(ssh_pool, connection, host, port, &wire, err) ||
            open_passage(ssh_pool, link, host, port, wanted, &passage, err)))
        return -1;
    *local_port = passage->local_port;
    return 0;
}

int ssh_pool_forward_at(struct ssh_pool *ssh_pool, struct str connection, struct str host, int port,
    int wanted, int *local_port, struct err *err)
{
    return forward_to(ssh_pool, connection, host, port, wanted, true, local_port, err);
}

int ssh_pool_forward(struct ssh_pool *ssh_pool, struct str connection, struct str host, int port,
    int *local_port, struct err *err)
{
    return forward_to(ssh_pool, connection, host, port, 0, true, local_port, err);
}

int ssh_pool_forward_now(struct ssh_pool *ssh_pool, struct str connection, struct str host, int port,
    int *local_port, struct err *err)
{
    return forward_to(ssh_pool, connection, host, port, 0, false, local_port, err);
}
