/* The network of hosts: namespaces, relays to this machine's loopback, and security groups as iptables rules:
 * see host_internal.h. */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "sandbox/daemon/daemon.h"
#include "sandbox/host/host_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

enum { DIAL_S = 5 };

/* Arguments of a temporary thread that enters a namespace. */
struct inside {
    int netns, fd; /* fd: the result */
    const char *address;
    uint16_t port;
    bool listens;
    int failed; /* errno */
};

static int run_inside(void *(*fn)(void *ctx), struct inside *inside)
{
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, fn, inside);
    if (failed)
        return failed;
    pthread_join(thread, NULL);
    return inside->failed;
}

static void *make_inside(void *ctx)
{
    struct inside *inside = ctx;
    if (!unshare(CLONE_NEWNET))
        inside->fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    inside->failed = inside->fd < 0 ? errno : 0;
    return NULL;
}

int netns_new(int *out, struct err *err)
{
    struct inside inside = {.netns = -1, .fd = -1};
    errno = run_inside(make_inside, &inside);
    *out = inside.fd;
    return errno ? err_errno(err, ERR_IO, "cannot make a network namespace") : 0;
}

/* Returns 0 or errno. */
static int bind_to(int fd, const struct sockaddr_in *at)
{
    const int yes = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
                   bind(fd, (const struct sockaddr *)at, sizeof *at) || listen(fd, SOMAXCONN)
               ? errno
               : 0;
}

static int connect_to(int fd, const struct sockaddr_in *at)
{
    const struct timeval patience = {.tv_sec = DIAL_S}, none = {0};
    const int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)at, sizeof *at))
        return errno == EINPROGRESS ? ETIMEDOUT : errno;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return 0;
}

static void *socket_inside(void *ctx)
{
    struct inside *inside = ctx;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(inside->port)};
    int flags = SOCK_STREAM | SOCK_CLOEXEC | (inside->listens ? SOCK_NONBLOCK : 0);
    inside->failed = EINVAL;
    if (inet_pton(AF_INET, inside->address, &at.sin_addr) != 1)
        return NULL;
    int fd = setns(inside->netns, CLONE_NEWNET) ? -1 : socket(AF_INET, flags, 0);
    inside->failed = fd < 0 ? errno : inside->listens ? bind_to(fd, &at) : connect_to(fd, &at);
    if (inside->failed)
        fd_close_ptr(&fd);
    inside->fd = inside->failed ? -1 : fd;
    return NULL;
}

int netns_listen(int netns, const char *address, uint16_t port, int *out, struct err *err)
{
    struct inside inside = {.netns = netns, .fd = -1, .address = address, .port = port, .listens = true};
    errno = run_inside(socket_inside, &inside);
    *out = inside.fd;
    return errno ? err_errno(err, ERR_IO, "cannot listen on %s:%u of a host", address, (unsigned)port) : 0;
}

int netns_dial(int netns, const char *address, uint16_t port, int *out, struct err *err)
{
    struct inside inside = {.netns = netns, .fd = -1, .address = address, .port = port};
    errno = run_inside(socket_inside, &inside);
    *out = inside.fd;
    return errno ? err_errno(err, ERR_NETWORK, "cannot connect to %s:%u", address, (unsigned)port) : 0;
}

struct str netns_path(struct arena *arena, int netns)
{
    return arena_printf(arena, "/proc/%d/fd/%d", (int)getpid(), netns);
}

/* ---- whether this machine can run hosts ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char lacks[256];

static bool has_program(const char *name)
{
    static const char usual[] = "/usr/local/sbin:/usr/sbin:/sbin";
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *path = getenv("PATH");
    struct str dir, rest = arena_printf(&arena, "%s:%s", path ? path : "", usual);
    while (rest.n) {
        dir = str_cut(rest, ':', &rest);
        if (dir.n && !access(path_join(&arena, dir, str_z(name)).p, X_OK))
            return true;
    }
    return false;
}

/* Tests mount namespaces, which root in a container may lack the right for. */
static void *try_mounts(void *ctx)
{
    *(int *)ctx = unshare(CLONE_FS | CLONE_NEWNS) ? errno : 0;
    return NULL;
}

static int mounts_fail(void)
{
    pthread_t thread;
    int failed = 0, started = pthread_create(&thread, NULL, try_mounts, &failed);
    if (!started)
        pthread_join(thread, NULL);
    return started ? started : failed;
}

static void able_look(void)
{
    static const struct {
        const char *program, *package;
    } needed[] = {{"ip", "iproute2"}, {"nsenter", "util-linux"}, {"unshare", "util-linux"},
        {"mount", "mount"}, {"chroot", "coreutils"}, {"hostname", "hostname"}, {"sshd", "openssh-server"},
        {"ssh-keygen", "openssh-client"}};
    struct err err = ERR_INIT;
    int netns = -1, failed;
    if (geteuid() != 0)
        snprintf(lacks, sizeof lacks, "hosts take root");
    for (size_t i = 0; i < sizeof needed / sizeof *needed && !lacks[0]; i++)
        if (!has_program(needed[i].program))
            snprintf(lacks, sizeof lacks, "there is no %s: apt-get install %s", needed[i].program,
                needed[i].package);
    if (lacks[0])
        return;
    if (netns_new(&netns, &err))
        snprintf(
            lacks, sizeof lacks, "%.180s (a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN)", err.message);
    else if ((failed = mounts_fail()))
        snprintf(lacks, sizeof lacks, "cannot make a mount namespace: %s", strerror(failed));
    fd_close_ptr(&netns);
}

bool host_able(struct arena *arena, struct str *why)
{
    pthread_once(&once, able_look);
    *why = arena_str(arena, str_z(lacks));
    return !lacks[0];
}

/* ---- relays ---- */

enum { PAUSE_MS = 20 };

struct relay_listener {
    const void *owner;
    int fd;
    uint32_t address;
    uint16_t port;
};

struct relay {
    pthread_t thread;
    int wake;             /* eventfd */
    pthread_mutex_t lock; /* guards the members below */
    bool stopping;
    struct relay_listener *listeners;
    size_t listener_count, listener_cap;
    /* used only by the relay's thread */
    struct conversation **pairs;
    size_t pair_count, pair_cap;
    struct pollfd *polled;
    size_t polled_cap;
};

/* ---- connections ---- */

/* Accepts a connection and connects it to loopback, which does not block for long. If nothing listens there,
 * it is closed. */
static void take_caller(struct relay *relay, const struct relay_listener *listener)
{
    int caller = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (caller < 0) /* for example without free descriptors */
        clock_sleep_ms(PAUSE_MS);
    int here = caller < 0 ? -1 : listener_dial_at(listener->address, listener->port);
    if (here < 0) {
        fd_close_ptr(&caller);
        return;
    }
    MEM_GROW(relay->pairs, relay->pair_cap, relay->pair_count + 1);
    relay->pairs[relay->pair_count++] = conversation_new(caller, here);
}

/* ---- thread ---- */

/* Fills the poll list: the wake-up descriptor, the listeners, the connections. */
static size_t relay_polled(struct relay *relay)
{
    size_t n = 0;
    MEM_GROW(relay->polled, relay->polled_cap, 1 + relay->listener_count + 2 * relay->pair_count);
    relay->polled[n++] = (struct pollfd){relay->wake, POLLIN, 0};
    for (size_t i = 0; i < relay->listener_count; i++)
        relay->polled[n++] = (struct pollfd){relay->listeners[i].fd, POLLIN, 0};
    for (size_t i = 0; i < relay->pair_count; i++, n += 2)
        conversation_poll(relay->pairs[i], relay->polled + n);
    return n;
}

static void relay_step(struct relay *relay, size_t listeners, size_t pairs)
{
    const struct pollfd *at = relay->polled + 1 + listeners;
    for (size_t i = pairs; i-- > 0;) {
        bool stirred = at[2 * i].revents || at[2 * i + 1].revents;
        if (!stirred || conversation_step(relay->pairs[i]))
            continue;
        conversation_close(relay->pairs[i]);
        relay->pairs[i] = relay->pairs[--relay->pair_count];
    }
}

static void *relay_run(void *ctx)
{
    struct relay *relay = ctx;
    uint64_t batch;
    for (;;) {
        pthread_mutex_lock(&relay->lock);
        size_t listeners = relay->listener_count, pairs = relay->pair_count, n = relay_polled(relay);
        bool stopping = relay->stopping;
        pthread_mutex_unlock(&relay->lock);
        if (stopping)
            break;
        if (poll(relay->polled, n, -1) < 0)
            continue;
        relay_step(relay, listeners, pairs);
        if (relay->polled[0].revents && read(relay->wake, &batch, sizeof batch) >= 0)
            continue; /* the listeners may have changed */
        pthread_mutex_lock(&relay->lock);
        for (size_t i = 0; i < listeners && listeners == relay->listener_count; i++)
            if (relay->polled[1 + i].revents)
                take_caller(relay, &relay->listeners[i]);
        pthread_mutex_unlock(&relay->lock);
    }
    hash_thread_end();
    return NULL;
}

int relay_new(struct relay **out, struct err *err)
{
    struct relay *relay = mem_zalloc(sizeof *relay);
    pthread_mutex_init(&relay->lock, NULL);
    relay->wake = system_wake_new();
    if (relay->wake < 0 || (errno = pthread_create(&relay->thread, NULL, relay_run, relay))) {
        err_errno(err, ERR_IO, "cannot start a relay");
        fd_close_ptr(&relay->wake);
        pthread_mutex_destroy(&relay->lock);
        free(relay);
        return -1;
    }
    *out = relay;
    return 0;
}

void relay_free(struct relay *relay)
{
    if (!relay)
        return;
    pthread_mutex_lock(&relay->lock);
    relay->stopping = true;
    pthread_mutex_unlock(&relay->lock);
    system_wake(relay->wake);
    pthread_join(relay->thread, NULL);
    for (size_t i = 0; i < relay->listener_count; i++)
        close(relay->listeners[i].fd);
    for (size_t i = 0; i < relay->pair_count; i++)
        conversation_close(relay->pairs[i]);
    close(relay->wake);
    pthread_mutex_destroy(&relay->lock);
    free(relay->listeners);
    free(relay->pairs);
    free(relay->polled);
    free(relay);
}

void relay_add(struct relay *relay, const void *owner, int listening, const char *address, uint16_t port)
{
    struct in_addr at = {0};
    inet_pton(AF_INET, address, &at);
    const struct relay_listener listener = {owner, listening, ntohl(at.s_addr), port};
    pthread_mutex_lock(&relay->lock);
    MEM_GROW(relay->listeners, relay->listener_cap, relay->listener_count + 1);
    relay->listeners[relay->listener_count++] = listener;
    pthread_mutex_unlock(&relay->lock);
    system_wake(relay->wake);
}

void relay_drop(struct relay *relay, const void *owner)
{
    pthread_mutex_lock(&relay->lock);
    for (size_t i = relay->listener_count; i-- > 0;)
        if (relay->listeners[i].owner == owner) {
            close(relay->listeners[i].fd);
            relay->listeners[i] = relay->listeners[--relay->listener_count];
        }
    pthread_mutex_unlock(&relay->lock);
    system_wake(relay->wake);
}

/* ---- security groups: ingress rules become iptables rules in the host's namespace and ports of its
 * listeners. A connection through a listener comes from the VPC's router, so a rule for public addresses also
 * admits the router ---- */

enum { WIDEST = 64 }; /* a range with more ports opens only ssh */

struct rule {
    const char *protocol; /* "tcp", "udp", "icmp"; "": all */
    int64_t from, to;     /* of tcp and udp; -1: all ports */
    struct str cidr, group;
};

typedef void rule_fn(void *ctx, const struct rule *rule);

static struct rule rule_of(const struct value *attrs)
{
    struct str protocol = value_gets(attrs, "protocol");
    bool tcp = str_eqz(protocol, "tcp") || str_eqz(protocol, "6"),
         udp = str_eqz(protocol, "udp") || str_eqz(protocol, "17"),
         icmp = str_eqz(protocol, "icmp") || str_eqz(protocol, "1");
    return (struct rule){.protocol = tcp    ? "tcp"
                                     : udp  ? "udp"
                                     : icmp ? "icmp"
                                            : "",
        .from = tcp || udp ? value_geti(attrs, "from_port", -1) : -1,
        .to = tcp || udp ? value_geti(attrs, "to_port", -1) : -1,
        .cidr = value_gets(attrs, "cidr"),
        .group = value_gets(attrs, "source_group")};
}

/* True if the instance is in the group; an instance without groups is in the VPC's default group. */
static bool is_member(
    struct hosts *hosts, struct arena *arena, const struct control_record *instance, struct str group)
{
    const struct value *groups = value_getz(instance->attrs, "security_group_ids");
    struct control_record record;
    struct str vpc, cidr;
    if (groups && groups->kind == VALUE_LIST && groups->count)
        return value_list_has(groups, group);
    host_vpc(hosts->services, arena, instance, &vpc, &cidr);
    return control_find(services_control(hosts->services), arena, STR("aws.ec2.security_group"),
               instance->region, group, &record) &&
           str_eqz(value_gets(record.attrs, "name"), "default") &&
           str_eq(value_gets(record.attrs, "vpc_id"), vpc);
}

static void each_rule(
    struct hosts *hosts, struct arena *arena, const struct control_record *instance, rule_fn *fn, void *ctx)
{
    size_t n;
    const struct control_record *all = control_list(
        services_control(hosts->services), arena, STR("aws.ec2.security_group_rule"), instance->region, &n);
    for (size_t i = 0; i < n; i++) {
        const struct rule rule = rule_of(all[i].attrs);
        if (!value_getb(all[i].attrs, "egress") &&
            is_member(hosts, arena, instance, value_gets(all[i].attrs, "group_id")))
            fn(ctx, &rule);
    }
}

/* True for any range except the private ones and link-local addresses. */
static bool is_public_cidr(struct arena *arena, struct str cidr)
{
    struct in_addr at;
    struct str bits;
    int64_t length;
    if (inet_pton(AF_INET, arena_strz(arena, str_cut(cidr, '/', &bits)), &at) != 1 ||
        !str_to_int(bits, &length))
        return false;
    uint32_t a = ntohl(at.s_addr);
    bool within = (a >> 24) == 10 || (a >> 20) == 0xac1 || (a >> 16) == 0xc0a8 || (a >> 16) == 0xa9fe;
    return !within;
}

/* ---- listeners ---- */

struct wanted_ports {
    struct arena *arena;
    uint16_t *out;
    size_t n, room;
};

static void add_port(struct wanted_ports *w, int64_t port)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->out[i] == port)
            return;
    if (w->n < w->room && port > 0 && port < 65536)
        w->out[w->n++] = (uint16_t)port;
}

static void add_ports(void *ctx, const struct rule *rule)
{
    struct wanted_ports *w = ctx;
    bool tcp = strcmp(rule->protocol, "tcp") == 0 || !rule->protocol[0];
    if (!tcp || !rule->cidr.n || !is_public_cidr(w->arena, rule->cidr))
        return;
    bool all = rule->from < 0, narrow = !all && rule->to - rule->from < WIDEST;
    for (int64_t port = rule->from; narrow && port <= rule->to; port++)
        add_port(w, port);
    if (!narrow && (all || (rule->from <= 22 && rule->to >= 22)))
        add_port(w, 22);
}

size_t firewall_ports(struct hosts *hosts, struct arena *arena, const struct control_record *instance,
    uint16_t *out, size_t room)
{
    struct wanted_ports w = {arena, out, 0, room};
    each_rule(hosts, arena, instance, add_ports, &w);
    return w.n;
}

/* ---- firewall within the VPC ---- */

struct writing {
    struct hosts *hosts;
    struct arena *arena;
    const struct control_record *instance;
    struct str gateway;
    struct buf *out;
};

static void write_rule(struct writing *w, const struct rule *rule, struct str from)
{
    buf_addf(w->out, "-A INPUT -s %.*s", STR_ARG(from));
    if (rule->protocol[0])
        buf_addf(w->out, " -p %s", rule->protocol);
    if (rule->from >= 0)
        buf_addf(w->out, " --dport %lld:%lld", (long long)rule->from, (long long)rule->to);
    buf_addz(w->out, " -j ACCEPT\n");
}

static void write_members(struct writing *w, const struct rule *rule)
{
    size_t n;
    const struct control_record *all =
        control_list(services_control(w->hosts->services), w->arena, STR(HOST_TYPE), w->instance->region, &n);
    for (size_t i = 0; i < n; i++)
        if (is_member(w->hosts, w->arena, &all[i], rule->group))
            write_rule(w, rule, value_gets(all[i].attrs, "private_ip"));
}

static void write_rules(void *ctx, const struct rule *rule)
{
    struct writing *w = ctx;
    if (rule->cidr.n)
        write_rule(w, rule, rule->cidr);
    if (rule->cidr.n && is_public_cidr(w->arena, rule->cidr))
        write_rule(w, rule, w->gateway);
    if (rule->group.n)
        write_members(w, rule);
}

/* True if the host has these rules already; records them. */
static bool is_same(struct host *host, struct str rules)
{
    unsigned char hash[SHA256_SIZE];
    hash_sha256(rules, hash);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&host->all->lock);
    bool same = memcmp(hash, host->rules, sizeof hash) == 0;
    memcpy(host->rules, hash, sizeof hash);
    return same;
}

int firewall_apply(struct host *host, int netns, const struct control_record *instance, struct err *err)
{
    struct hosts *hosts = host->all;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    struct str vpc, cidr;
    host_vpc(hosts->services, &arena, instance, &vpc, &cidr);
    struct writing w = {hosts, &arena, instance, host_gateway(&arena, cidr), &text};
    buf_addz(&text, "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
                    "-A INPUT -i lo -j ACCEPT\n"
                    "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n");
    each_rule(hosts, &arena, instance, write_rules, &w);
    buf_addz(&text, "COMMIT\n");
    if (is_same(host, buf_str(&text)))
        return 0;
    const char *const arguments[] = {netns_path(&arena, netns).p, arena_str(&arena, buf_str(&text)).p, NULL};
    int status = host_script(hosts->services, "firewall.sh", arguments, err);
    if (status)
        is_same(host, STR_EMPTY);
    return status;
}
