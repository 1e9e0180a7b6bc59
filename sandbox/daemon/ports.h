/* Ports of loopback that a daemon keeps from one start to the next, as far as nobody else has taken them. */
#ifndef WEIR_SANDBOX_DAEMON_PORTS_H
#define WEIR_SANDBOX_DAEMON_PORTS_H

#include "sandbox/daemon/daemon.h"

int daemon_ports(struct daemon_self *self, size_t count, struct err *err);

#endif
