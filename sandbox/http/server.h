/*
 * The HTTP side of the sandbox: libmicrohttpd's callbacks on one side, exchanges on the other.
 */
#pragma once

#include "sandbox/http/exchange.h"

struct server;

struct server_options {
    struct sandbox *sandbox;
    const char *bind;                      /* numeric address; NULL: 127.0.0.1 */
    uint16_t port;                         /* 0: any */
    const struct responder *s3, *services; /* by the credential scope; S3 where there is none */
    const struct responder *console;       /* of /_weir/ and what is below /_weir/console/ */
    int64_t patience_ms;                   /* for a request to arrive, see visitors.h; 0: as usual */
};

/* Listens and serves; the port chosen is in *port. */
int server_start(const struct server_options *options, struct server **out, uint16_t *port, struct err *err);
void server_stop(struct server *server);
/* Can other machines reach what is bound to this address? NULL: to the usual one. */
bool server_reaches_out(const char *bind_to);
