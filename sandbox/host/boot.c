/* The life of one host on its thread, from its folder to its last process. */
#include "base/embed.h"
#include "base/file.h"
#include "sandbox/daemon/daemon.h"
#include "sandbox/host/host_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

enum { SCRIPT_MS = 20000, MAX_CONSOLE = 1024 * 1024, DNF_MB = 1024 };

/* State of a boot. */
struct booting {
    struct host *host;
    struct arena arena;
    struct control_record record;
    struct str vpc, cidr, folder, name, gateway, bits;
    struct metadata *metadata;
    int netns, console;
    int64_t printed;
};

static struct str setting(const struct booting *b, const char *name)
{
    return value_gets(b->record.attrs, name);
}

/* ---- scripts ---- */

static struct str script_text(struct arena *arena, const char *name)
{
    const struct embedded_file *file = embedded_find(arena_printf(arena, "sandbox/host/scripts/%s", name));
    return file ? embedded_text(file) : STR_EMPTY;
}

static const char *env_path(struct arena *arena)
{
    const char *path = getenv("PATH");
    return arena_printf(arena, "PATH=%s:/usr/sbin:/sbin", path ? path : "/usr/local/bin:/usr/bin:/bin").p;
}

int host_script(struct services *services, const char *name, const char *const *arguments, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf words = BUF_INIT;
    struct process_end end;
    const char *argv[16] = {"sh", "-c", script_text(&arena, name).p, name};
    for (size_t i = 0; i < 11 && arguments[i]; i++)
        argv[4 + i] = arguments[i];
    const char *const env[] = {env_path(&arena), NULL};
    const struct process_options options = {.argv = argv,
        .env = env,
        .dir = "/",
        .family = services_family(services),
        .timeout_ms = SCRIPT_MS,
        .max_output = 4096,
        .output = process_take,
        .ctx = &words};
    int status = process_run_alone(&options, &end, err);
    if (!status && end.exit_code != 0)
        status = err_set(err, ERR_FAILED, "%s: %.*s", name, STR_ARG(str_trim(buf_str(&words))));
    return status;
}

/* ---- network ---- */

void host_vpc(struct services *services, struct arena *arena, const struct control_record *instance,
    struct str *vpc, struct str *cidr)
{
    struct control *control = services_control(services);
    struct control_record subnet, network;
    *vpc = STR_EMPTY;
    *cidr = STR("172.31.0.0/16");
    if (!control_find(control, arena, STR("aws.ec2.subnet"), instance->region,
            value_gets(instance->attrs, "subnet_id"), &subnet))
        return;
    *vpc = value_gets(subnet.attrs, "vpc_id");
    *cidr = control_find(control, arena, STR("aws.ec2.vpc"), instance->region, *vpc, &network)
                ? value_gets(network.attrs, "cidr_block")
                : value_gets(subnet.attrs, "cidr_block");
}

struct str host_gateway(struct arena *arena, struct str cidr)
{
    struct in_addr first = {0};
    char text[INET_ADDRSTRLEN] = "";
    struct str bits;
    inet_pton(AF_INET, arena_strz(arena, str_cut(cidr, '/', &bits)), &first);
    first.s_addr = htonl(ntohl(first.s_addr) + 1);
    inet_ntop(AF_INET, &first, text, sizeof text);
    return arena_str(arena, str_z(text));
}

static struct network *network_make(struct host *host, struct str cidr, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct hosts *hosts = host->all;
    struct str bits;
    int netns;
    str_cut(cidr, '/', &bits);
    if (netns_new(&netns, err))
        return NULL;
    const char *const arguments[] = {netns_path(&arena, netns).p,
        arena_printf(&arena, "%s/%.*s", host_gateway(&arena, cidr).p, STR_ARG(bits)).p, NULL};
    if (host_script(hosts->services, "network.sh", arguments, err)) {
        close(netns);
        return NULL;
    }
    struct network *network = ARENA_NEW(&hosts->arena, struct network);
    *network =
        (struct network){.next = hosts->networks, .vpc = arena_str(&hosts->arena, host->vpc), .netns = netns};
    hosts->networks = network;
    return network;
}

/* Returns the network of the host's VPC, created if missing. Called with the lock held. */
static struct network *host_network(struct host *host, struct str cidr, struct err *err)
{
    struct network *network = host->all->networks;
    while (network && !str_eq(network->vpc, host->vpc))
        network = network->next;
    return network ? network : network_make(host, cidr, err);
}

static int join_network(struct booting *b, struct err *err)
{
    struct hosts *hosts = b->host->all;
    struct arena *arena = &b->arena;
    if (netns_new(&b->netns, err))
        return -1;
    pthread_mutex_lock(&hosts->lock);
    struct network *network = host_network(b->host, b->cidr, err);
    unsigned number = network ? network->next_number++ : 0;
    b->host->network = network;
    pthread_mutex_unlock(&hosts->lock);
    if (!network)
        return -1;
    const char *const arguments[] = {netns_path(arena, b->netns).p, netns_path(arena, network->netns).p,
        arena_printf(arena, "%u", number).p,
        arena_printf(arena, "%s/%s", setting(b, "private_ip").p, b->bits.p).p, b->gateway.p, NULL};
    return host_script(hosts->services, "attach.sh", arguments, err);
}

/* ---- ports of this machine inside the host ---- */

int host_forward_port(struct host *host, int netns, const char *address, uint16_t port, struct err *err)
{
    int fd;
    if (netns_listen(netns, address, port, &fd, err))
        return -1;
    relay_add(host->all->relay, host, fd, address, port);
    return 0;
}

static int forward_ports(struct booting *b, struct err *err)
{
    struct hosts *hosts = b->host->all;
    struct str port, endpoint = sandbox_endpoint(services_sandbox(hosts->services), &b->arena);
    int64_t number;
    pthread_mutex_lock(&hosts->lock);
    int status = hosts->relay ? 0 : relay_new(&hosts->relay, err);
    pthread_mutex_unlock(&hosts->lock);
    str_cut(str_slice(endpoint, strlen("http://"), endpoint.n), ':', &port);
    if (status || !str_to_int(port, &number) ||
        host_forward_port(b->host, b->netns, "127.0.0.1", (uint16_t)number, err))
        return -1;
    size_t n;
    const struct listener_address *addresses =
        listeners_list(services_parts(hosts->services)->listeners, &b->arena, STR(HOST_TYPE), &n);
    for (size_t i = 0; i < n; i++)
        host_forward_port(b->host, b->netns, addresses[i].address.p, addresses[i].port, ERR_IGNORED);
    return 0;
}

/* ---- folder ---- */

static struct str boot_quoted(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_add_quoted(&out, text);
    return arena_str(arena, buf_str(&out));
}

/* Returns the default user of the image, or several for an unknown image. */
static const char *users_of(const struct booting *b)
{
    struct control_record image;
    if (!control_find(services_control(b->host->all->services), (struct arena *)(uintptr_t)&b->arena,
            STR("aws.ec2.image"), b->record.region, setting(b, "image_id"), &image))
        return "ec2-user ubuntu admin";
    struct str name = value_gets(image.attrs, "name");
    return str_starts(name, STR("ubuntu"))   ? "ubuntu"
           : str_starts(name, STR("debian")) ? "admin"
                                             : "ec2-user";
}

static int write_one(struct booting *b, const char *name, struct str text, mode_t mode, struct err *err)
{
    return file_write_atomic(path_join(&b->arena, b->folder, str_z(name)).p, text, mode, err);
}

/* Returns a warning if dnf would run out of memory on this instance type, which a host does not reproduce. */
static struct str note_of_memory(struct booting *b)
{
    struct control_record type;
    struct str data = setting(b, "user_data");
    if ((str_find(data, STR("dnf "), 0) < 0 && str_find(data, STR("yum "), 0) < 0 &&
            str_find(data, STR("\npackages:"), 0) < 0) ||
        !control_find(services_control(b->host->all->services), &b->arena, STR("aws.ec2.instance_type"),
            b->record.region, setting(b, "instance_type"), &type))
        return STR_EMPTY;
    int64_t memory = value_geti(type.attrs, "memory", DNF_MB);
    if (memory >= DNF_MB)
        return STR_EMPTY;
    return arena_printf(&b->arena,
        "user data: dnf would be killed on a %.*s, which has %lld MB: take an instance with %d or more\n",
        STR_ARG(type.id), (long long)memory, DNF_MB);
}

static int write_folder(struct booting *b, struct err *err)
{
    struct arena *arena = &b->arena;
    struct services *services = b->host->all->services;
    struct control_record key = {0};
    struct str note = STR_EMPTY, script = user_data_script(arena, setting(b, "user_data"), &note);
    control_find(services_control(services), arena, STR("aws.ec2.key_pair"), b->record.region,
        setting(b, "key_name"), &key);
    struct str endpoint = sandbox_endpoint(services_sandbox(services), arena);
    struct str settings = arena_printf(arena,
        "NAME=%s ADDRESS=%s USERS='%s' INSTANCE=%s REGION=%s ENDPOINT=%s\nKEY=%s\nNOTE=%s%s\n",
        boot_quoted(arena, b->name).p, boot_quoted(arena, setting(b, "private_ip")).p, users_of(b),
        boot_quoted(arena, b->record.id).p, boot_quoted(arena, b->record.region).p,
        boot_quoted(arena, endpoint).p, boot_quoted(arena, str_trim(value_gets(key.attrs, "public_key"))).p,
        boot_quoted(arena, note).p, boot_quoted(arena, note_of_memory(b)).p);
    return dir_make(b->folder.p, err) || write_one(b, "init.sh", script_text(arena, "init.sh"), 0600, err) ||
           write_one(b, "settings", settings, 0600, err) ||
           (script.n && write_one(b, "user-data", script, 0700, err));
}

/* ---- processes ---- */

static void keep_console(void *ctx, enum process_stream stream UNUSED, const char *bytes, size_t n)
{
    struct booting *b = ctx;
    struct hosts *hosts = b->host->all;
    b->printed += (int64_t)n;
    if (b->printed < MAX_CONSOLE)
        fd_write_all(b->console, bytes, n, NULL, "console");
    if (str_find(str_n(bytes, n), STR("Server listening on"), 0) < 0)
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&hosts->lock);
    if (b->host->state == HOST_BOOTING)
        b->host->state = HOST_UP;
    pthread_cond_broadcast(&hosts->changed);
}

static int run_processes(struct booting *b, struct err *err)
{
    struct arena *arena = &b->arena;
    struct process_end end;
    const char *const env[] = {env_path(arena), "LANG=C.UTF-8", NULL};
    const char *const argv[] = {"nsenter", arena_printf(arena, "--net=%s", netns_path(arena, b->netns).p).p,
        "unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--propagation", "private",
        "sh", "-c", script_text(arena, "boot.sh").p, "boot", b->folder.p, b->name.p,
        sandbox_dir(services_sandbox(b->host->all->services)), NULL};
    const struct process_options options = {.argv = argv,
        .env = env,
        .dir = "/",
        .family = services_family(b->host->all->services),
        .output = keep_console,
        .ctx = b};
    return process_run(&options, &b->host->stop, &end, err);
}

static int boot_once(struct booting *b, struct err *err)
{
    struct services *services = b->host->all->services;
    struct hosts *hosts = b->host->all;
    struct err no_firewall = ERR_INIT;
    if (!control_find(
            services_control(services), &b->arena, STR(HOST_TYPE), b->host->region, b->host->id, &b->record))
        return err_set(err, ERR_ABSENT, "it is gone");
    host_vpc(services, &b->arena, &b->record, &b->vpc, &b->cidr);
    str_cut(b->cidr, '/', &b->bits);
    b->bits = arena_str(&b->arena, b->bits);
    b->gateway = host_gateway(&b->arena, b->cidr);
    b->name = str_cut(setting(b, "private_dns_name"), '.', &(struct str){0});
    b->name = arena_str(&b->arena, b->name);
    char *real = realpath(sandbox_dir(services_sandbox(services)), NULL);
    b->folder = arena_printf(&b->arena, "%s/hosts/%s", real ? real : "", b->host->id.p);
    free(real);
    if (write_folder(b, err))
        return -1;
    b->console = open(
        path_join(&b->arena, b->folder, STR("console")).p, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (join_network(b, err))
        return -1;
    pthread_mutex_lock(&hosts->lock);
    memset(b->host->rules, 0, sizeof b->host->rules);
    b->host->netns = b->netns; /* for new listeners; forward_ports() adds existing ones */
    pthread_mutex_unlock(&hosts->lock);
    if (forward_ports(b, err) ||
        metadata_start(services, b->netns, b->record.region, b->record.id, &b->metadata, err))
        return -1;
    if (firewall_apply(b->host, b->netns, &b->record, &no_firewall)) {
        struct str words =
            arena_printf(&b->arena, "host: all ports are open within the network: %s\n", no_firewall.message);
        fd_write_all(b->console, words.p, words.n, NULL, "console");
    }
    return run_processes(b, err);
}

static void boot_over(struct booting *b, const struct err *err)
{
    struct host *host = b->host;
    if (host->all->relay)
        relay_drop(host->all->relay, host);
    metadata_stop(b->metadata);
    if (err->message[0] && b->console >= 0) {
        struct str words = arena_printf(&b->arena, "host: it does not boot: %s\n", err->message);
        fd_write_all(b->console, words.p, words.n, NULL, "console");
    }
    fd_close_ptr(&b->console);
    pthread_mutex_lock(&host->all->lock);
    if (err->message[0])
        host->why = arena_str(&host->arena, str_z(err->message));
    host->netns = -1;
    host->network = NULL;
    pthread_mutex_unlock(&host->all->lock);
    fd_close_ptr(&b->netns);
    arena_release(&b->arena);
}

/* Sets the state after the end; true if the host boots again. Called with the lock held. */
static bool boots_again(struct host *host)
{
    bool again = host->boots_again && host->wanted && !host->removed && !host->all->stopping;
    host->boots_again = false;
    host->state = HOST_OFF;
    process_switch_release(&host->stop);
    if (again && !process_switch_init(&host->stop, NULL)) {
        host->state = HOST_BOOTING;
        return true;
    }
    host->alive = false;
    return false;
}

void host_run(void *ctx)
{
    struct host *host = ctx;
    struct hosts *hosts = host->all;
    bool again, gone = false;
    do {
        struct booting b = {.host = host, .netns = -1, .console = -1};
        struct err err = ERR_INIT;
        boot_once(&b, &err);
        boot_over(&b, &err);
        pthread_mutex_lock(&hosts->lock);
        again = boots_again(host);
        gone = !again && host->removed;
        if (gone)
            host->alive = true; /* reserves the host until host_gone() removes it */
        pthread_cond_broadcast(&hosts->changed);
        pthread_mutex_unlock(&hosts->lock);
    } while (again);
    if (gone)
        host_gone(host);
}
