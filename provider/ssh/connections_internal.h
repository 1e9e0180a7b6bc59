/* The inside of a reach, shared by connections.c (opening), command.c and forward.c. */
#pragma once

#include "base/map.h"
#include "provider/ssh/login.h"
#include "provider/ssh/session.h"

/* One connection by name. Guarded by the reach's lock, but for the settings, which only stand still. */
struct link {
    struct reach *reach;
    struct str name; /* outlives the settings */
    struct connection connection;
    bool read;         /* all of it is filled in, not only its name, config and folder */
    bool opening;      /* by one thread; others wait */
    struct wire *wire; /* NULL, or the newest; may be lost */
};

/* A local port and where it leads. */
struct passage {
    struct passage *next;
    struct reach *reach;
    struct link *link;
    const char *host;
    int port, local_port;
};

struct reach {
    struct reach_options options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct map links; /* name -> struct link * */
    struct net *net;  /* started with the first session */
    struct passage *passages;
    struct reach_patience patience;
    int openers; /* threads that open a lost session for a forwarded port */
    atomic_bool closing;
};

struct link *reach_link(struct reach *reach, struct str name, struct err *err);
/* The open wire of a connection, which is opened if it has to be. */
int reach_wire(struct reach *reach, struct str name, struct wire **out, struct err *err);
/* Does a connection's far end reach that place? *wire is the connection's. */
int reach_probe(
    struct reach *reach, struct str name, struct str host, int port, struct wire **wire, struct err *err);
/* A pause after a failure that may pass by itself, longer each time. False: no more patience. */
bool reach_wait_on(struct link *link, const struct reach_patience *patience, int64_t until_ms,
    const struct err *why, int *pause_ms);
/* One command, once, on that session. */
int reach_exec_on(struct reach *reach, struct wire *wire, const struct reach_command *command,
    struct reach_result *result, struct err *err);
