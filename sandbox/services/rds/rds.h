/*
 * A PostgreSQL behind each record of a database: as the record says it should be, whenever it is wanted. Its
 * users, its database and its settings are made when it starts and again when the record has changed.
 */
#pragma once

#include "sandbox/daemon/daemon.h"

/* A copy of what the instance has now, under the snapshot's name; nothing where it has never been started. */
service_handler snapshot_create, snapshot_delete, snapshot_restore;

/* What it should have, however the service calls it. */
struct database_wish {
    struct str user, password, database; /* of the one who owns it all */
    struct str conf;                     /* lines of PostgreSQL's own settings */
};

/* Brings a running server to that; cheap where it has it already. */
int database_furnish(const struct daemon_self *self, const struct database_wish *wish, struct err *err);
/* The password in a secret that a service keeps for its user; the other where there is none. */
struct str database_password(
    struct services *services, struct arena *arena, struct str region, struct str secret, struct str other);
