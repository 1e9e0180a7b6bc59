/*
 * PostgreSQL as a daemon: a cluster of its own, which listens on a socket without a file (only this machine's
 * processes reach it) and lets in who has a password; the sandbox itself comes as the superuser `rdsadmin`,
 * known by the user that it runs as. postgres_open() speaks to it.
 */
#pragma once

#include "base/pq_api.h"
#include "sandbox/daemon/daemon.h"

extern const struct daemon_kind postgres_daemon;

#define POSTGRES_ADMIN "rdsadmin"
/* In its folder; read at each start, after what the cluster was made with. */
#define POSTGRES_CONF "weir.conf"

/* The socket's path, for listener_dial_path(). */
const char *postgres_socket(struct arena *arena, const struct daemon_self *self);

/* A session of the superuser's; to be closed with pq->finish(). NULL with err. */
PGconn *postgres_open(const struct daemon_self *self, const char *database, struct err *err);
/* Parameters $1, $2 …, NULL at the end; the result (may be NULL) is the caller's to clear. */
int postgres_run(
    PGconn *session, const char *sql, const char *const *values, PGresult **out, struct err *err);

/* A copy of a running cluster into an empty folder, from which another can be started. */
int postgres_copy(const struct daemon_self *self, const char *folder, struct err *err);
