/*
 * The thread that moves all bytes of requests, and its connections, which are kept and used again. Several
 * engines may share one: then the commands of a fleet go over the same connections.
 */
#pragma once

#include "provider/http/http.h"

struct network;
struct transfer;

int network_new(const struct http_options *options, struct network **out, struct err *err);
/* When nothing is on its way any more. */
void network_free(struct network *network);
/* A transfer that nobody uses; a new one where there is none. */
struct transfer *network_take_idle(struct network *network);
void network_give_idle(struct network *network, struct transfer *t);
/* Prepared transfers, a list by `next` with the newest first. Each comes to its queue when it is over. */
void network_send(struct network *network, struct transfer *newest);
