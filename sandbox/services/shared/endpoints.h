/*
 * Types whose records have real servers: a row in endpoints.c for each type whose spec says `server`. The
 * listener of a record opens when the record is created and shuts when it is deleted; the server's data is
 * deleted with the record. After a restart in the same folder the listeners are open again.
 */
#pragma once

#include "sandbox/daemon/daemon.h"

struct endpoint {
    const char *type;      /* "aws.rds.instance" */
    const char *port;      /* attribute with the port; NULL: no such listener */
    const uint16_t *ports; /* fixed ports, up to 0, each with a listener; NULL: none */
    listener_visit *visit; /* called with each connection */
    bool rests_on_change;  /* a change of the record stops its first daemon; the next use starts it with
                              the new settings */
    /* True if the sandbox has a server for this record (its engine is known). NULL: it has one for each
     * record. */
    bool (*serves)(const struct value *attrs);
    /*
     * Returns the names of the record's daemons, separated by blanks; a daemon comes before those that it
     * depends on. "" or NULL: none. A record that is created again under the same name gets other daemon
     * names.
     */
    struct str (*daemons)(struct arena *arena, const struct control_record *record);
};

/* mwaa.c: returns the path of the program `airflow` beside the Python that has the package, or NULL if
 * Airflow is not installed. */
const char *mwaa_airflow(struct arena *arena);
/* defined in mwaa.c, rds.c, redshift.c, msk.c */
extern const struct endpoint mwaa_endpoint, rds_endpoint, cluster_endpoint, workgroup_endpoint,
    namespace_endpoint, msk_endpoint;

/* Opens the listeners of all existing records, and from then on those of each new record. */
void endpoints_open(struct services *services);

/* Finds the record that a listener belongs to. False if the record was deleted. */
bool endpoint_record(
    struct services *services, struct arena *arena, const struct listener_of *of, struct control_record *out);
