/* Whose process is at the other end of a connection on this machine? */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Is it this user's? `peer` is an IPv4 address of loopback, `port` the one that it has connected to. Where
 * the system does not tell (no /proc), everybody's is. */
bool peer_is_own(const struct sockaddr *peer, uint16_t port);
