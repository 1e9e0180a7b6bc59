/*
 * The HTTP side of the sandbox: libmicrohttpd's callbacks on one side, exchanges on the other.
 */
#ifndef WEIR_SANDBOX_HTTP_SERVER_H
#define WEIR_SANDBOX_HTTP_SERVER_H

#include "sandbox/http/exchange.h"

struct server;

/* Listens and serves; the port chosen is in *port. */
int server_start(struct sandbox *sandbox, const struct sandbox_options *options, struct server **out,
    uint16_t *port, struct err *err);
void server_stop(struct server *server);

#endif
