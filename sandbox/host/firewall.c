/*
 * Security groups, for what comes in: as rules of iptables in the host's namespace, and as the ports that its
 * listeners have. Who comes through one comes from the network's router; a rule for any public address means
 * that one too, whichever it is: the operator's machine has the address that the rule's author thought of.
 */
#include "base/buf.h"
#include "sandbox/host/host_internal.h"

#include <arpa/inet.h>
#include <string.h>

enum { WIDEST = 64 }; /* ranges with more ports have no listeners but ssh's */

struct rule {
    const char *protocol; /* "tcp", "udp", "icmp"; "" all */
    int64_t from, to;     /* of tcp and udp; -1: all */
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

/* Its groups; without any, what the network's own group lets in. */
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

/* Any address but those that are only within networks. */
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

/* ---- within the network ---- */

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

/* Is that what it lets in already? From now on it is. */
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
