/*
 * Hosts: the machines behind EC2 instances. A host is a set of namespaces: its network (an interface with the
 * instance's private address on the bridge of its VPC, which is a namespace as well), its mounts (the
 * machine's root with an overlay of the host, so that no image is needed and changes stay within the host),
 * its processes and its hostname. It runs sshd with the key pair's public key, the user data once, and what
 * they start. Inside, the metadata service is at 169.254.169.254, and the sandbox and the listeners of its
 * daemons have their usual addresses.
 *
 *   host.c        the list of hosts, when they boot, incoming connections
 *   boot.c        the life of one host, from its folder to its last process; scripts/ are executed
 *   metadata.c    169.254.169.254, and user data converted to a script
 *   network.c     security groups, namespaces, and relays from them to this machine
 *
 * The public address is a listener (sandbox/daemon/daemon.h): 127.x.y.z with the ports that the security
 * groups open to public addresses. The first connection boots the host and all others of its VPC; an instance
 * with user data boots at once. Hosts need root and some programs (host_able()); without them an instance is
 * only a record with an unreachable public address, and its console says why.
 *
 * hosts_reconcile() updates listeners and hosts after each change of EC2 resources. All functions are safe
 * from every thread.
 */
#pragma once

#include "sandbox/calls/services.h"

struct hosts;

struct hosts *hosts_new(struct services *services);
void hosts_stop(struct hosts *hosts);
void hosts_free(struct hosts *hosts);

/* True if this machine can run hosts; otherwise `why` says what is missing. */
bool host_able(struct arena *arena, struct str *why);

void hosts_reconcile(struct hosts *hosts);
/* Ends the processes of a host and boots it again. */
void hosts_reboot(struct hosts *hosts, struct str id);
/* Returns the end of the console output ("" if none) and the time of the call. */
struct str hosts_console(struct hosts *hosts, struct arena *arena, struct str id, int64_t *changed_ms);
