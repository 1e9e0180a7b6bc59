/*
 * Hosts: what is behind the record of an EC2 instance where this machine can have it. A host is a set of
 * namespaces: its network (an interface with the instance's private address on the bridge of its VPC, which
 * is a namespace as well), its mounts (the machine's own root with a layer of the host's over it, so that
 * what is installed and written there is its own and nobody has to fetch an image), its processes and its
 * name. In it run an sshd with the key pair's key, once the user data, and whatever they start; inside are
 * the metadata service at 169.254.169.254 and, at the addresses that they have outside, the sandbox and the
 * listeners of its daemons.
 *
 *   host.c        which there are, when they boot, who is let in
 *   boot.c        one of them, from its folder to its last process; scripts/ is what runs
 *   metadata.c    169.254.169.254, and what an instance is given to do, as a script
 *   network.c    security groups
 *   network.c   namespaces, and ports that lead out of them
 *
 * Its public address is a listener (sandbox/daemon/daemon.h): 127.x.y.z with the ports that its security
 * groups open to public addresses. The first who connects boots it, and with it all others of its network;
 * one with user data boots at once. This takes root and some programs (host_able); otherwise an instance is a
 * record only, with a public address where nobody is, and its console says why.
 *
 * hosts_look() brings listeners and hosts in line with the records; it is called after every change of EC2's
 * resources. All functions are safe from every thread.
 */
#pragma once

#include "sandbox/calls/services.h"

struct hosts;

struct hosts *hosts_new(struct services *services);
void hosts_stop(struct hosts *hosts);
void hosts_free(struct hosts *hosts);

/* Can this machine have any? False: `why` says what is missing. */
bool host_able(struct arena *arena, struct str *why);

void hosts_look(struct hosts *hosts);
/* Its processes end and it boots anew. */
void hosts_reboot(struct hosts *hosts, struct str id);
/* What it has printed, and when last; "" nothing. */
struct str hosts_console(struct hosts *hosts, struct arena *arena, struct str id, int64_t *changed_ms);
