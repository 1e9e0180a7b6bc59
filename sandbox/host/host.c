/* The list of hosts: their records, their listeners, incoming connections. */
#include "sandbox/host/host_internal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "sandbox/daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, LOOK_MS = 20, MAX_CONSOLE = 1024 * 1024, SHOWN_CONSOLE = 64 * 1024 };

/* Makes a new daemon listener reachable inside all hosts. */
static void forward_listener(void *ctx, const struct listener_of *of, const struct listener_address *location)
{
    struct hosts *hosts = ctx;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (str_eqz(of->type, HOST_TYPE))
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&hosts->lock);
    for (struct host *host = hosts->first; host; host = host->next)
        if (host->netns >= 0 && hosts->relay)
            host_forward_port(
                host, host->netns, arena_strz(&arena, location->address), location->port, ERR_IGNORED);
}

struct hosts *hosts_new(struct services *services)
{
    struct hosts *hosts = mem_zalloc(sizeof *hosts);
    hosts->services = services;
    pthread_mutex_init(&hosts->lock, NULL);
    pthread_mutex_init(&hosts->looking, NULL);
    clock_cond_init(&hosts->changed);
    listeners_follow(services_parts(services)->listeners, forward_listener, hosts);
    return hosts;
}

/* Called with the lock held. */
static void host_end(struct host *host)
{
    if (host->state == HOST_BOOTING || host->state == HOST_UP)
        process_stop(&host->stop, true);
    if (host->state != HOST_OFF)
        host->state = HOST_ENDING;
}

void hosts_stop(struct hosts *hosts)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&hosts->lock);
    hosts->stopping = true;
    for (struct host *host = hosts->first; host; host = host->next)
        host_end(host);
    pthread_cond_broadcast(&hosts->changed);
}

static void host_free(struct host *host)
{
    arena_release(&host->arena);
    free(host);
}

void hosts_free(struct hosts *hosts)
{
    if (!hosts)
        return;
    relay_free(hosts->relay);
    for (struct host *host = hosts->first, *next; host; host = next) {
        next = host->next;
        host_free(host);
    }
    for (struct network *network = hosts->networks; network; network = network->next)
        close(network->netns);
    pthread_cond_destroy(&hosts->changed);
    pthread_mutex_destroy(&hosts->looking);
    pthread_mutex_destroy(&hosts->lock);
    arena_release(&hosts->arena);
    free(hosts);
}

static struct str host_folder(const struct hosts *hosts, struct arena *arena, struct str id)
{
    return arena_printf(arena, "%s/hosts/%.*s", sandbox_dir(services_sandbox(hosts->services)), STR_ARG(id));
}

struct str hosts_console(struct hosts *hosts, struct arena *arena, struct str id, int64_t *changed_ms)
{
    struct str text = STR_EMPTY, why;
    const char *path = arena_printf(arena, "%s/console", host_folder(hosts, arena, id).p).p;
    *changed_ms = clock_wall_ms();
    if (!host_able(arena, &why))
        return arena_printf(arena, "this instance is a record only: %.*s\n", STR_ARG(why));
    file_read(arena, path, MAX_CONSOLE, &text, ERR_IGNORED);
    return str_slice(text, text.n > SHOWN_CONSOLE ? text.n - SHOWN_CONSOLE : 0, text.n);
}

/* ---- booting ---- */

/* Called with the lock held. */
static void host_boot(struct host *host)
{
    if (host->alive || host->all->stopping || !host->wanted)
        return;
    host->alive = true;
    host->state = HOST_BOOTING;
    host->why = STR_EMPTY;
    if (process_switch_init(&host->stop, NULL) || services_thread(host->all->services, host_run, host)) {
        host->alive = false;
        host->state = HOST_OFF;
    }
}

static struct host *host_find(const struct hosts *hosts, struct str id)
{
    struct host *host = hosts->first;
    while (host && !str_eq(host->id, id))
        host = host->next;
    return host;
}

/* Boots a host and all others of its VPC, which it may connect to. Called with the lock held. */
static void boot_with_others(struct hosts *hosts, struct host *host)
{
    for (struct host *other = hosts->first; other; other = other->next)
        if (other == host || str_eq(other->vpc, host->vpc))
            host_boot(other);
}

/* Waits until a host is up; *netns is the namespace of its network. */
static bool host_reached(struct hosts *hosts, struct str id, int *netns)
{
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;
    bool up = false;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&hosts->lock);
    struct host *host = host_find(hosts, id);
    if (host)
        boot_with_others(hosts, host);
    while (host && !up && host->alive && !hosts->stopping) {
        up = host->state == HOST_UP;
        *netns = up ? host->network->netns : -1;
        if (!up && !clock_cond_wait(&hosts->changed, &hosts->lock, deadline))
            break;
        host = host_find(hosts, id);
    }
    return up;
}

/* Handles a connection to a public address; of->id is "i-0a1b/22". */
static void host_visit(struct services *services, const struct listener_of *of, const void *ctx, int fd)
{
    struct hosts *hosts = (struct hosts *)(uintptr_t)ctx;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control_record record;
    struct str port, id = str_cut(of->id, '/', &port);
    int netns;
    int64_t number;
    AUTO_FD int there = -1;
    if (!str_to_int(port, &number) || !host_reached(hosts, id, &netns) ||
        !control_find(services_control(services), &arena, of->type, of->region, id, &record) ||
        netns_dial(netns, arena_strz(&arena, value_gets(record.attrs, "private_ip")), (uint16_t)number,
            &there, ERR_IGNORED))
        return;
    listener_join(services_parts(services)->listeners, fd, there);
}

void hosts_reboot(struct hosts *hosts, struct str id)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&hosts->lock);
    struct host *host = host_find(hosts, id);
    if (host && host->alive) {
        host->boots_again = true;
        host_end(host);
    }
}

/* ---- listeners ---- */

/* Derives the public address from the sandbox's folder and the instance, so that it does not change. */
static struct str address_of(const struct hosts *hosts, struct arena *arena, struct str id, bool real)
{
    unsigned char d[SHA256_SIZE];
    hash_sha256(arena_printf(arena, "%s\n%.*s", services_family(hosts->services), STR_ARG(id)), d);
    return real ? arena_printf(arena, "127.%d.%d.%d", 1 + d[0] % 254, d[1], 1 + d[2] % 254)
                : arena_printf(arena, "198.%d.%d.%d", 18 + d[0] % 2, d[1], 1 + d[2] % 254);
}

static bool port_among(const uint16_t *ports, size_t n, uint16_t port)
{
    for (size_t i = 0; i < n; i++)
        if (ports[i] == port)
            return true;
    return false;
}

static struct listener_of listener_for(struct arena *arena, const struct host *host, uint16_t port)
{
    return (struct listener_of){
        STR(HOST_TYPE), host->region, arena_printf(arena, "%.*s/%u", STR_ARG(host->id), (unsigned)port)};
}

/* Opens exactly these ports. False: none could be opened. */
static bool open_listeners(struct hosts *hosts, struct arena *arena, struct host *host, struct str address,
    const uint16_t *ports, size_t n, struct err *err)
{
    struct listeners *listeners = services_parts(hosts->services)->listeners;
    uint16_t open[HOST_PORTS];
    size_t count = 0;
    for (size_t i = 0; i < host->port_count; i++) {
        struct listener_of of = listener_for(arena, host, host->ports[i]);
        if (port_among(ports, n, host->ports[i]))
            open[count++] = host->ports[i];
        else
            listeners_shut(listeners, &of);
    }
    size_t kept = count;
    for (size_t i = 0; i < n; i++) {
        struct listener_of of = listener_for(arena, host, ports[i]);
        if (!port_among(open, kept, ports[i]) &&
            !listeners_open(listeners, &of, address, ports[i], host_visit, hosts, err))
            open[count++] = ports[i];
    }
    memcpy(host->ports, open, count * sizeof *open);
    host->port_count = count;
    return count || !n;
}

/* ---- reconciliation with the records ---- */

static void warn_once(struct hosts *hosts, struct str id, const char *why)
{
    if (!hosts->warned)
        fprintf(stderr, "sandbox: the instance %.*s is a record only: %s\n", STR_ARG(id), why);
    hosts->warned = true;
}

static struct host *host_add(struct hosts *hosts, const struct control_record *record)
{
    struct host *host = mem_zalloc(sizeof *host);
    host->all = hosts;
    host->netns = -1;
    host->id = arena_str(&host->arena, record->id);
    host->region = arena_str(&host->arena, record->region);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&hosts->lock);
    host->next = hosts->first;
    hosts->first = host;
    return host;
}

/* True for an instance with a key pair or user data; any other stays a record, since no user can log in. */
static bool has_purpose(const struct value *attrs)
{
    return value_gets(attrs, "key_name").n || value_gets(attrs, "user_data").n;
}

static bool is_public(const struct value *attrs)
{
    const struct value *given = value_getz(attrs, "associate_public_ip");
    if (!value_is_null(given))
        return value_getb(attrs, "associate_public_ip");
    return !value_gets(attrs, "subnet_id").n || value_getb(attrs, "public");
}

static void set_address(
    struct hosts *hosts, struct arena *arena, const struct control_record *record, struct str address)
{
    if (!str_eq(value_gets(record->attrs, "public_ip"), address))
        control_set(services_control(hosts->services), STR(HOST_TYPE), record, "public_ip",
            value_string(arena, address));
}

/* Updates the public address, with a listener for each public port. */
static void update_listeners(
    struct hosts *hosts, struct arena *arena, struct host *host, const struct control_record *record)
{
    uint16_t ports[HOST_PORTS];
    struct err err = ERR_INIT;
    struct str why = STR_EMPTY, address = address_of(hosts, arena, host->id, true);
    bool able = has_purpose(record->attrs) && host_able(arena, &why);
    size_t n = able && host->wanted ? firewall_ports(hosts, arena, record, ports, HOST_PORTS) : 0;
    if (able && !open_listeners(hosts, arena, host, address, ports, n, &err)) {
        why = str_z(err.message);
        able = false;
    }
    if (why.n)
        warn_once(hosts, host->id, why.p);
    set_address(hosts, arena, record, able ? address : address_of(hosts, arena, host->id, false));
}

static void update_host(struct hosts *hosts, struct arena *arena, const struct control_record *record)
{
    struct str why, vpc, cidr;
    AUTO_FD int netns = -1;
    pthread_mutex_lock(&hosts->lock);
    struct host *host = host_find(hosts, record->id);
    pthread_mutex_unlock(&hosts->lock);
    if (!host)
        host = host_add(hosts, record);
    host_vpc(hosts->services, arena, record, &vpc, &cidr);
    host->seen = true;
    host->wanted = has_purpose(record->attrs) && !value_getb(record->attrs, "stopped");
    if (is_public(record->attrs))
        update_listeners(hosts, arena, host, record);
    bool able = host->wanted && host_able(arena, &why);
    pthread_mutex_lock(&hosts->lock);
    if (!host->vpc.n)
        host->vpc = arena_printf(&host->arena, "%.*s/%.*s", STR_ARG(record->region), STR_ARG(vpc));
    if (!host->wanted)
        host_end(host);
    else if (host->alive && host->state == HOST_ENDING)
        host->boots_again = true;
    else if (able && value_gets(record->attrs, "user_data").n && !host->why.n)
        host_boot(host);
    if (host->state == HOST_UP) /* a duplicate, since its thread may close the original */
        netns = fcntl(host->netns, F_DUPFD_CLOEXEC, 3);
    pthread_mutex_unlock(&hosts->lock);
    if (netns >= 0)
        firewall_apply(host, netns, record, ERR_IGNORED);
}

/* Removes hosts whose records were deleted. */
static void drop_unseen(struct hosts *hosts, struct arena *arena)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&hosts->lock);
    for (struct host **at = &hosts->first; *at;) {
        struct host *host = *at;
        if (host->seen) {
            at = &host->next;
            continue;
        }
        open_listeners(hosts, arena, host, STR_EMPTY, NULL, 0, ERR_IGNORED);
        host->wanted = host->boots_again = false;
        host->removed = true;
        host_end(host);
        if (host->alive) { /* its thread removes it */
            at = &host->next;
            continue;
        }
        *at = host->next;
        tree_remove(host_folder(hosts, arena, host->id).p);
        host_free(host);
    }
}

void hosts_reconcile(struct hosts *hosts)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    size_t n;
    pthread_mutex_lock(&hosts->lock);
    uint64_t mine = ++hosts->asked;
    pthread_mutex_unlock(&hosts->lock);
    pthread_mutex_lock(&hosts->looking);
    pthread_mutex_lock(&hosts->lock);
    bool served = hosts->looked >= mine; /* by a run that began after this call */
    uint64_t upto = hosts->asked;
    pthread_mutex_unlock(&hosts->lock);
    if (served) {
        pthread_mutex_unlock(&hosts->looking);
        return;
    }
    const struct control_record *records =
        control_list(services_control(hosts->services), &arena, STR(HOST_TYPE), STR_EMPTY, &n);
    pthread_mutex_lock(&hosts->lock);
    for (struct host *host = hosts->first; host; host = host->next)
        host->seen = false;
    pthread_mutex_unlock(&hosts->lock);
    for (size_t i = 0; i < n; i++)
        update_host(hosts, &arena, &records[i]);
    drop_unseen(hosts, &arena);
    hosts->looked = upto;
    pthread_mutex_unlock(&hosts->looking);
}

void host_gone(struct host *host)
{
    struct hosts *hosts = host->all;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    pthread_mutex_lock(&hosts->lock);
    struct host **at = &hosts->first;
    while (*at != host)
        at = &(*at)->next;
    *at = host->next;
    pthread_mutex_unlock(&hosts->lock);
    tree_remove(host_folder(hosts, &arena, host->id).p);
    host_free(host);
}
