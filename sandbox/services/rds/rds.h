/*
 * Databases: a PostgreSQL server for each record, started when it is needed. Users, database and settings are
 * set when it starts, and again after the record has changed.
 */
#pragma once

#include "sandbox/daemon/daemon.h"

/* A snapshot copies the instance's current data. An instance that was never started has none. */
service_handler snapshot_create, snapshot_delete, snapshot_restore;

/* The database that a record describes, independent of the service's member names. */
struct database_wanted {
    struct str user, password, database; /* of the owner */
    struct str conf;                     /* lines of postgresql.conf */
};

/* Brings a running server to this state. Cheap if nothing has changed. */
int database_prepare(const struct daemon_self *self, const struct database_wanted *wish, struct err *err);
/* Returns the password in the secret that a service manages, or `other` if there is no such secret. */
struct str database_password(
    struct services *services, struct arena *arena, struct str region, struct str secret, struct str other);
