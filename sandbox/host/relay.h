/*
 * Relays: ports that this process listens on for somebody in another network namespace, and that lead to the
 * same place of this machine's loopback, in both directions. One thread moves all bytes; what one side does
 * not take is not read from the other. Safe from every thread.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct relay;

int relay_new(struct relay **out, struct err *err);
void relay_free(struct relay *relay); /* with all connections */
/* Takes over the listening socket. `owner`: for relay_drop(). The address is numeric. */
void relay_add(struct relay *relay, const void *owner, int listening, const char *address, uint16_t port);
/* Closes what this owner listens on; connections go on until one side ends them. */
void relay_drop(struct relay *relay, const void *owner);
