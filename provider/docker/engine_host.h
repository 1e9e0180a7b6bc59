/* Where an Engine is: shared by engine.c and engine_host.c. */
#pragma once

#include "provider/docker/engine.h"

struct engine {
    struct http_engine *http;
    struct reach *reach;
    const struct value *settings;
    struct str place;     /* as said: "tcp://build.example:2376" */
    struct str authority; /* for the URL */
    struct str target;    /* behind a connection: what is to be reached, a host or a socket there */
    int target_port;
    struct str via;          /* that connection; "" none */
    const char *unix_socket; /* of this machine; NULL: none */
    int local_port;          /* of this machine, which leads there; 0: none */
    bool tls, insecure;
    const char *ca, *cert, *key;
    const atomic_bool *cancel; /* which Engine it is, is not asked any more */
    pthread_mutex_t lock;      /* guards what follows */
    char version[16];          /* "/v1.41"; "" not known yet */
    char id[128];              /* its own; "" not known yet */
};

/* Opens the way through the connection, if there is one. */
int engine_reach(struct engine *engine, struct err *err);
