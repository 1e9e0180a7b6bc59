/* Shared by the files here; see host.h. */
#pragma once

#include "base/hash.h"
#include "sandbox/engine/process.h"
#include "sandbox/host/host.h"

/* ---- network.c: Network namespaces: a place with interfaces, addresses and ports of its own. One lives as
 * long as its descriptor is open or something runs in it; programs enter it by /proc/PID/fd/N (nsenter
 * --net). Sockets belong to the namespace that they were made in, whoever uses them: so this process
 * listens in places where it is not. Safe from every thread; what has to be done inside is done by a
 * thread made for it. */
/* A new, empty one. -1: this takes root (CAP_SYS_ADMIN). */
int netns_new(int *out, struct err *err);
/* A socket that listens there. */
int netns_listen(int netns, const char *address, uint16_t port, int *out, struct err *err);
/* A socket that is connected to somebody there; waits a few seconds at most. */
int netns_dial(int netns, const char *address, uint16_t port, int *out, struct err *err);
/* As programs find it. */
struct str netns_path(struct arena *arena, int netns);

/* ---- network.c: Relays: ports that this process listens on for somebody in another network namespace, and
 * that lead to the same place of this machine's loopback, in both directions. One thread moves all bytes;
 * what one side does not take is not read from the other. Safe from every thread. */
struct relay;

int relay_new(struct relay **out, struct err *err);
void relay_free(struct relay *relay); /* with all connections */
/* Takes over the listening socket. `owner`: for relay_drop(). The address is numeric. */
void relay_add(struct relay *relay, const void *owner, int listening, const char *address, uint16_t port);
/* Closes what this owner listens on; connections go on until one side ends them. */
void relay_drop(struct relay *relay, const void *owner);

/* ---- host_internal ---- */

struct metadata;

/* A VPC. */
struct network {
    struct network *next;
    struct str vpc; /* "us-east-1/vpc-0a1b"; without an id: the one that every account has */
    int netns;
    unsigned next_number; /* of interfaces */
};

#define HOST_TYPE "aws.ec2.instance"

enum { HOST_PORTS = 64 };

enum host_state { HOST_OFF, HOST_BOOTING, HOST_UP, HOST_ENDING };

struct host {
    struct host *next;
    struct hosts *all;
    struct arena arena;
    struct str id, region, vpc; /* vpc: "us-east-1/vpc-0a1b" */
    uint16_t ports[HOST_PORTS]; /* of its listeners */
    size_t port_count;
    bool wanted;  /* its record says that it runs */
    bool removed; /* there is no record any more: its folder goes */
    bool seen;    /* by the look that is under way */
    bool again;   /* it boots when it has ended */
    bool alive;   /* a thread has it */
    enum host_state state;
    struct process_switch stop;
    struct network *network;          /* while alive */
    int netns;                        /* -1: none */
    unsigned char rules[SHA256_SIZE]; /* hash of what it lets in, while it is up */
    struct str why;                   /* it did not come up: its last words */
};

struct hosts {
    struct services *services;
    struct arena arena;
    pthread_mutex_t lock; /* of all below, and of the hosts */
    pthread_cond_t changed;
    pthread_mutex_t looking; /* one look at a time */
    uint64_t asked, looked;  /* for looks so far, and how many of these a look has served */
    struct host *first;
    struct network *networks;
    struct relay *relay;
    bool stopping, warned;
};

/* Out of the list, and its folder goes. */
void host_gone(struct host *host);

/* ---- boot.c: the thread that has a host until it ends ---- */

void host_run(void *ctx);
/* Runs "network.sh" of scripts/ with these arguments, NULL at the end. */
int host_script(struct services *services, const char *name, const char *const *arguments, struct err *err);
/* The VPC of an instance and its addresses: "vpc-0a1b", 10.0.0.0/16. */
void host_vpc(struct services *services, struct arena *arena, const struct control_record *instance,
    struct str *vpc, struct str *cidr);
/* "10.0.0.1": of a network's router, the first address. */
struct str host_gateway(struct arena *arena, struct str cidr);

/* Inside the host this address leads to the same one of this machine. */
int host_lend(struct host *host, int netns, const char *address, uint16_t port, struct err *err);

/* ---- metadata.c ---- */

/* The script that carries it out, "" nothing to do; `note`: what is not done, for the console. */
struct str user_data_script(struct arena *arena, struct str data, struct str *note);

int metadata_start(struct services *services, int netns, struct str region, struct str id,
    struct metadata **out, struct err *err);
void metadata_stop(struct metadata *metadata);

/* ---- network.c ---- */

/* The host lets in what its groups say; nothing is done where that is what it does already. -1: this machine
 * has no iptables, or it does not work. */
int firewall_apply(struct host *host, int netns, const struct control_record *instance, struct err *err);
/* The ports that are open to public addresses, 64 at most. */
size_t firewall_ports(struct hosts *hosts, struct arena *arena, const struct control_record *instance,
    uint16_t *out, size_t room);
