/* Shared by the files of this folder; see host.h. */
#pragma once

#include "base/hash.h"
#include "sandbox/engine/process.h"
#include "sandbox/host/host.h"

/* ---- network.c: network namespaces ----
 *
 * A namespace exists while its descriptor is open or a process runs in it; programs enter it by
 * /proc/PID/fd/N (nsenter --net). A socket belongs to the namespace in which it was created, so this
 * process can listen in several. Safe from every thread; each operation inside a namespace uses a
 * temporary thread. */
/* Creates an empty namespace. -1: requires root (CAP_SYS_ADMIN). */
int netns_new(int *out, struct err *err);
/* Creates a listening socket in a namespace. */
int netns_listen(int netns, const char *address, uint16_t port, int *out, struct err *err);
/* Connects a socket in a namespace; waits at most 5 s. */
int netns_dial(int netns, const char *address, uint16_t port, int *out, struct err *err);
/* Returns the path by which programs enter a namespace. */
struct str netns_path(struct arena *arena, int netns);

/* ---- network.c: relays ----
 *
 * Ports in network namespaces that this process listens on, connected to the same address and port of this
 * machine's loopback. One thread transfers all bytes; a socket is not read while its peer cannot take more
 * data. Safe from every thread. */
struct relay;

int relay_new(struct relay **out, struct err *err);
void relay_free(struct relay *relay); /* also closes all connections */
/* Adds a listening socket, which the relay then owns. `owner`: for relay_drop(). The address is numeric. */
void relay_add(struct relay *relay, const void *owner, int listening, const char *address, uint16_t port);
/* Closes the listening sockets of an owner; existing connections continue. */
void relay_drop(struct relay *relay, const void *owner);

/* ---- hosts ---- */

struct metadata;

/* The network of a VPC. */
struct network {
    struct network *next;
    struct str vpc; /* "us-east-1/vpc-0a1b"; without an id: the default VPC */
    int netns;
    unsigned next_number; /* number of the next interface */
};

#define HOST_TYPE "aws.ec2.instance"

enum { HOST_PORTS = 64 };

enum host_state { HOST_OFF, HOST_BOOTING, HOST_UP, HOST_ENDING };

struct host {
    struct host *next;
    struct hosts *all;
    struct arena arena;
    struct str id, region, vpc; /* vpc: "us-east-1/vpc-0a1b" */
    uint16_t ports[HOST_PORTS]; /* with listeners */
    size_t port_count;
    bool wanted;      /* the record is in the state running */
    bool removed;     /* the record was deleted; the folder is removed at the end */
    bool seen;        /* visited by the current hosts_reconcile() */
    bool boots_again; /* boots again after its end */
    bool alive;       /* its thread exists */
    enum host_state state;
    struct process_switch stop;
    struct network *network;          /* set while alive */
    int netns;                        /* -1: none */
    unsigned char rules[SHA256_SIZE]; /* hash of the firewall rules, while up */
    struct str why;                   /* why it did not boot */
};

struct hosts {
    struct services *services;
    struct arena arena;
    pthread_mutex_t lock; /* guards all members below and the hosts */
    pthread_cond_t changed;
    pthread_mutex_t looking; /* serialises hosts_reconcile() */
    uint64_t asked, looked;  /* number of hosts_reconcile() calls, and the last call covered by a run */
    struct host *first;
    struct network *networks;
    struct relay *relay;
    bool stopping, warned;
};

/* Removes a host from the list, and its folder. */
void host_gone(struct host *host);

/* ---- boot.c: thread of a host ---- */

void host_run(void *ctx);
/* Runs a script of scripts/ ("network.sh") with arguments, ending with NULL. */
int host_script(struct services *services, const char *name, const char *const *arguments, struct err *err);
/* Returns the VPC of an instance and its address range: "vpc-0a1b", 10.0.0.0/16. */
void host_vpc(struct services *services, struct arena *arena, const struct control_record *instance,
    struct str *vpc, struct str *cidr);
/* Returns the address of the VPC's router, the first of the range: "10.0.0.1". */
struct str host_gateway(struct arena *arena, struct str cidr);

/* Makes an address of this machine reachable inside the host. */
int host_forward_port(struct host *host, int netns, const char *address, uint16_t port, struct err *err);

/* ---- metadata.c ---- */

/* Returns the script for user data, or ""; `note`: unsupported parts, for the console. */
struct str user_data_script(struct arena *arena, struct str data, struct str *note);

int metadata_start(struct services *services, int netns, struct str region, struct str id,
    struct metadata **out, struct err *err);
void metadata_stop(struct metadata *metadata);

/* ---- network.c ---- */

/* Applies the security groups to the host's firewall unless unchanged. -1: iptables is missing or fails. */
int firewall_apply(struct host *host, int netns, const struct control_record *instance, struct err *err);
/* Returns the ports open to public addresses, at most `room`. */
size_t firewall_ports(struct hosts *hosts, struct arena *arena, const struct control_record *instance,
    uint16_t *out, size_t room);
