/* The network thread: see wire.h. */
#include "provider/ssh/wire.h"

#include "base/clock.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reads of libssh (4 KB each) before the flows have their turn, and turns before the other wires have. */
enum { READS = 64, TURNS = 32, COMMANDS = 8 };

struct wire {
    struct net *net;
    struct wire *next;
    ssh_session session; /* NULL: lost or closed */
    ssh_event event;
    struct flow *flows;
    uint64_t stirred;
    int running, most_running; /* commands and shells */
    int keep_alive_ms;
    int64_t alive_ms; /* when the next sign of life is due */
    bool again;       /* there is more to do than was done in its turn */
    bool closing;     /* guarded by the net's lock, as are `open` and `why` */
    bool open;
    char why[200];
    int polled;
};

struct door {
    struct door *next;
    struct door_options options;
    int fd, polled;
};

struct net {
    const struct ssh_api *api;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int wake;
    bool stop;
    struct flow *inbox; /* newest first */
    struct wire *wires, *new_wires;
    struct door *doors, *new_doors;
    struct pollfd *polls;
    size_t poll_count, poll_cap;
};

void wire_stir(struct wire *wire)
{
    wire->stirred++;
}

bool wire_admits(struct wire *wire)
{
    if (wire->running >= wire->most_running)
        return false;
    wire->running++;
    return true;
}

bool wire_refused(struct wire *wire)
{
    wire->running--;
    if (wire->running < 1)
        return false;
    wire->most_running = wire->running;
    return true;
}

/* ---- from other threads ---- */

void net_wake(struct net *net)
{
    uint64_t one = 1;
    ssize_t n = write(net->wake, &one, sizeof one);
    (void)n; /* full: it is awake */
}

struct wire *net_add(struct net *net, ssh_session session, int keep_alive_ms)
{
    struct wire *wire = mem_zalloc(sizeof *wire);
    wire->net = net;
    wire->session = session;
    wire->event = net->api->event_new();
    net->api->event_add_session(wire->event, session);
    wire->open = true;
    wire->again = true;
    wire->polled = -1;
    wire->most_running = COMMANDS;
    wire->keep_alive_ms = keep_alive_ms;
    wire->alive_ms = clock_mono_ms() + keep_alive_ms;
    pthread_mutex_lock(&net->lock);
    wire->next = net->new_wires;
    net->new_wires = wire;
    pthread_mutex_unlock(&net->lock);
    net_wake(net);
    return wire;
}

bool wire_is_open(struct net *net, const struct wire *wire)
{
    pthread_mutex_lock(&net->lock);
    bool open = wire->open && !wire->closing;
    pthread_mutex_unlock(&net->lock);
    return open;
}

void wire_close(struct net *net, struct wire *wire)
{
    pthread_mutex_lock(&net->lock);
    wire->closing = true;
    pthread_mutex_unlock(&net->lock);
    net_wake(net);
}

void flow_start(struct net *net, struct wire *wire, struct flow *flow)
{
    flow->net = net;
    flow->wire = wire;
    flow->status = -1;
    pthread_mutex_lock(&net->lock);
    flow->next = net->inbox;
    net->inbox = flow;
    pthread_mutex_unlock(&net->lock);
    net_wake(net);
}

bool flow_wait(struct net *net, struct flow *flow, int64_t deadline_ms, const atomic_bool *cancel)
{
    enum { LOOK_MS = 100 };
    pthread_mutex_lock(&net->lock);
    while (!flow->done) {
        int64_t now = clock_mono_ms(), until = now + LOOK_MS;
        if ((deadline_ms && now >= deadline_ms) || (cancel && atomic_load(cancel)))
            break;
        if (!cancel)
            until = deadline_ms ? deadline_ms : now + 60 * 1000;
        clock_cond_wait(&net->changed, &net->lock, until);
    }
    bool done = flow->done;
    pthread_mutex_unlock(&net->lock);
    return done;
}

void flow_abort(struct net *net, struct flow *flow)
{
    atomic_store(&flow->abort, true);
    net_wake(net);
    pthread_mutex_lock(&net->lock);
    while (!flow->done)
        pthread_cond_wait(&net->changed, &net->lock);
    pthread_mutex_unlock(&net->lock);
}

/* ---- doors ---- */

static int listen_at(int wanted, int *port, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)wanted),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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

int door_open(struct net *net, const struct door_options *options, int *port, struct err *err)
{
    int fd = listen_at(options->wanted, port, err);
    if (fd < 0)
        return -1;
    struct door *door = mem_zalloc(sizeof *door);
    door->options = *options;
    door->fd = fd;
    door->polled = -1;
    pthread_mutex_lock(&net->lock);
    door->next = net->new_doors;
    net->new_doors = door;
    pthread_mutex_unlock(&net->lock);
    net_wake(net);
    return 0;
}

static void wire_answer(struct door *door)
{
    for (;;) {
        int yes = 1, fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct flow *flow = flow_joint(fd, str_z(door->options.host), door->options.port);
        flow->again = door->options.came;
        flow->again_ctx = door->options.ctx;
        door->options.came(door->options.ctx, flow);
    }
}

/* ---- on the network thread ---- */

static void end_flow(struct wire *wire, struct flow *flow)
{
    struct net *net = wire->net;
    bool runs = flow->kind == FLOW_COMMAND || flow->kind == FLOW_SHELL;
    if (runs && flow->stage != FLOW_QUEUED)
        wire->running--;
    flow_finish(flow, net->api, wire->session != NULL);
    wire_stir(wire);
    if (flow->owned) {
        flow_drop(flow);
        return;
    }
    pthread_mutex_lock(&net->lock);
    flow->done = true;
    pthread_cond_broadcast(&net->changed);
    pthread_mutex_unlock(&net->lock);
}

static void lose_flows(struct wire *wire)
{
    while (wire->flows) {
        struct flow *flow = wire->flows;
        wire->flows = flow->next;
        if (!wire->session && !wire->closing && flow_may_begin_again(flow)) {
            flow_begin_again(flow);
            continue;
        }
        flow_lose(flow, wire->why);
        end_flow(wire, flow);
    }
}

static void shut(struct wire *wire, bool politely)
{
    const struct ssh_api *api = wire->net->api;
    const char *why = wire->session ? api->get_error(wire->session) : "";
    pthread_mutex_lock(&wire->net->lock);
    wire->open = false;
    if (!wire->why[0])
        snprintf(wire->why, sizeof wire->why, "%s%s", why[0] && !politely ? ": " : "", politely ? "" : why);
    pthread_mutex_unlock(&wire->net->lock);
    ssh_session session = wire->session;
    if (politely) /* flows let go of their channels while there is a session */
        lose_flows(wire);
    wire->session = NULL;
    lose_flows(wire);
    if (!session)
        return;
    api->event_remove_session(wire->event, session);
    api->event_free(wire->event);
    if (politely)
        api->disconnect(session);
    api->free(session);
}

static bool is_lost(const struct wire *wire)
{
    const struct ssh_api *api = wire->net->api;
    return !api->is_connected(wire->session) ||
           (api->get_status(wire->session) & (SSH_CLOSED | SSH_CLOSED_ERROR));
}

/* Of a lost session only what came before its end. */
static void step_flows(struct wire *wire, bool lost)
{
    for (struct flow **at = &wire->flows; *at;) {
        struct flow *flow = *at;
        if ((lost && flow->stage != FLOW_RUNNING) || flow_step(flow, wire->net->api, wire->session)) {
            at = &flow->next;
            continue;
        }
        *at = flow->next;
        end_flow(wire, flow);
    }
}

static void serve(struct wire *wire)
{
    const struct ssh_api *api = wire->net->api;
    wire->again = false;
    for (int turn = 0; turn < TURNS; turn++) {
        uint64_t before = wire->stirred;
        int reads = 0;
        while (reads < READS && api->event_dopoll(wire->event, 0) == SSH_OK && !is_lost(wire))
            reads++;
        bool lost = is_lost(wire);
        step_flows(wire, lost);
        if (lost || is_lost(wire)) {
            shut(wire, false);
            return;
        }
        if (wire->stirred == before && reads < READS)
            return;
    }
    wire->again = true;
}

static void take_new(struct net *net)
{
    pthread_mutex_lock(&net->lock);
    while (net->new_wires) {
        struct wire *wire = net->new_wires;
        net->new_wires = wire->next;
        wire->next = net->wires;
        net->wires = wire;
    }
    while (net->new_doors) {
        struct door *door = net->new_doors;
        net->new_doors = door->next;
        door->next = net->doors;
        net->doors = door;
    }
    struct flow *inbox = net->inbox, *ordered = NULL;
    net->inbox = NULL;
    pthread_mutex_unlock(&net->lock);
    while (inbox) {
        struct flow *flow = inbox;
        inbox = flow->next;
        flow->next = ordered;
        ordered = flow;
    }
    while (ordered) {
        struct flow *flow = ordered, **end = &flow->wire->flows;
        ordered = flow->next;
        flow->polled[0] = flow->polled[1] = flow->polled[2] = -1;
        while (*end)
            end = &(*end)->next;
        flow->next = NULL;
        *end = flow;
    }
}

static int poll_for(struct net *net, int fd, short events)
{
    MEM_GROW(net->polls, net->poll_cap, net->poll_count + 1);
    net->polls[net->poll_count] = (struct pollfd){.fd = fd, .events = events};
    return (int)net->poll_count++;
}

static void poll_flow(struct net *net, struct wire *wire, struct flow *flow)
{
    const int fds[3] = {flow->in, flow->out, flow->error};
    short events[3];
    flow_events(flow, net->api, wire->session, events);
    for (int i = 0; i < 3; i++)
        flow->polled[i] = events[i] ? poll_for(net, fds[i], events[i]) : -1;
}

/* What to wait for, and how long at most. */
static int gather(struct net *net)
{
    int64_t now = clock_mono_ms(), wait = 60 * 1000;
    net->poll_count = 0;
    poll_for(net, net->wake, POLLIN);
    for (struct door *door = net->doors; door; door = door->next)
        door->polled = poll_for(net, door->fd, POLLIN);
    for (struct wire *wire = net->wires; wire; wire = wire->next) {
        wire->polled = -1;
        if (!wire->session)
            continue;
        bool pending = net->api->get_poll_flags(wire->session) & SSH_WRITE_PENDING;
        wire->polled =
            poll_for(net, net->api->get_fd(wire->session), (short)(POLLIN | (pending ? POLLOUT : 0)));
        for (struct flow *flow = wire->flows; flow; flow = flow->next)
            poll_flow(net, wire, flow);
        if (wire->again)
            wait = 0;
        else if (wire->keep_alive_ms && wire->alive_ms - now < wait)
            wait = wire->alive_ms > now ? wire->alive_ms - now : 0;
    }
    return (int)wait;
}

static short wire_came(const struct net *net, int polled)
{
    return polled < 0 ? 0 : net->polls[polled].revents;
}

static bool note_flows(const struct net *net, struct wire *wire)
{
    bool any = false;
    for (struct flow *flow = wire->flows; flow; flow = flow->next) {
        if (wire_came(net, flow->polled[0]))
            any = flow->in_ready = true;
        for (int i = 0; i < 2; i++)
            if (wire_came(net, flow->polled[i + 1])) {
                any = true;
                flow->full[i] = false;
            }
    }
    return any;
}

static void keep_alive(struct wire *wire)
{
    int64_t now = clock_mono_ms();
    if (!wire->session || !wire->keep_alive_ms || now < wire->alive_ms)
        return;
    wire->net->api->send_ignore(wire->session, "weir");
    wire->alive_ms = now + wire->keep_alive_ms;
}

static bool is_closing(struct wire *wire)
{
    pthread_mutex_lock(&wire->net->lock);
    bool closing = wire->closing;
    pthread_mutex_unlock(&wire->net->lock);
    return closing;
}

static void serve_all(struct net *net, bool woken)
{
    for (struct door *door = net->doors; door; door = door->next)
        if (wire_came(net, door->polled))
            wire_answer(door);
    for (struct wire *wire = net->wires; wire; wire = wire->next) {
        bool any = wire->session && note_flows(net, wire);
        if (wire->session && is_closing(wire))
            shut(wire, true);
        else if (wire->session && (any || woken || wire->again || wire_came(net, wire->polled)))
            serve(wire);
        keep_alive(wire);
        if (!wire->session)
            lose_flows(wire);
    }
}

static void *wire_run(void *arg)
{
    struct net *net = arg;
    for (;;) {
        take_new(net);
        int timeout = gather(net);
        poll(net->polls, net->poll_count, timeout);
        bool woken = net->polls[0].revents;
        uint64_t count;
        if (woken && read(net->wake, &count, sizeof count) < 0)
            continue;
        pthread_mutex_lock(&net->lock);
        bool stop = net->stop;
        pthread_mutex_unlock(&net->lock);
        if (stop)
            break;
        take_new(net);
        serve_all(net, woken);
    }
    return NULL;
}

/* ---- life ---- */

int net_new(const struct ssh_api *api, struct net **out, struct err *err)
{
    struct net *net = mem_zalloc(sizeof *net);
    net->api = api;
    pthread_mutex_init(&net->lock, NULL);
    clock_cond_init(&net->changed);
    net->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = net->wake < 0 ? errno : pthread_create(&net->thread, NULL, wire_run, net);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        errno = failed;
        err_errno(err, ERR_FAILED, "cannot start the network thread of the connections");
        free(net);
        return -1;
    }
    *out = net;
    return 0;
}

static void free_wires(struct net *net)
{
    /* The newest first: what goes `via` another was opened after it. */
    while (net->wires) {
        struct wire *wire = net->wires;
        if (wire->session)
            shut(wire, true);
        lose_flows(wire);
        net->wires = wire->next;
        free(wire);
    }
}

void net_free(struct net *net)
{
    if (!net)
        return;
    pthread_mutex_lock(&net->lock);
    net->stop = true;
    pthread_mutex_unlock(&net->lock);
    net_wake(net);
    pthread_join(net->thread, NULL);
    take_new(net);
    free_wires(net);
    while (net->doors) {
        struct door *door = net->doors;
        net->doors = door->next;
        close(door->fd);
        free(door);
    }
    close(net->wake);
    free(net->polls);
    pthread_cond_destroy(&net->changed);
    pthread_mutex_destroy(&net->lock);
    free(net);
}
