/*
 * Which records have real servers behind them: a row in endpoints.c for each type whose spec says `server`.
 * Its listener opens with the record and shuts with it; what the server keeps goes when the record does.
 * After a restart in the same folder the listeners are open again.
 */
#pragma once

#include "sandbox/daemon/daemon.h"

struct endpoint {
    const char *type;      /* "aws.rds.instance" */
    const char *port;      /* attribute of the port; NULL: it has no listener, or: */
    const uint16_t *ports; /* all of these, up to 0 */
    listener_visit *visit; /* who connects */
    bool rests_on_change; /* a change of the record ends its first daemon; whoever wants it finds a new one */
    /* Is it one that a server can be behind (its engine is known)? NULL: each is. */
    bool (*serves)(const struct value *attrs);
    /*
     * What its daemons are called, with blanks between them, those first that are on others; "" or NULL: it
     * has none. Another record of the same name has others.
     */
    struct str (*daemons)(struct arena *arena, const struct control_record *record);
};

/* sandbox/services/mwaa/mwaa.c: the program `airflow`, beside the Python that has it; NULL: none. */
const char *mwaa_airflow(struct arena *arena);
/* mwaa.c, rds.c, redshift.c, msk.c */
extern const struct endpoint mwaa_endpoint, rds_endpoint, cluster_endpoint, workgroup_endpoint,
    namespace_endpoint, msk_endpoint;

/* Opens the listeners of what is there, and from now on those of what is made. */
void endpoints_open(struct services *services);

/* The record behind a listener. False: it is gone. */
bool endpoint_record(
    struct services *services, struct arena *arena, const struct listener_of *of, struct control_record *out);
