/*
 * The stack's connections (provider/ssh/connections.h) in a plan and its apply. Their settings are values
 * like any other, may depend on resources, and are passed to the reach as soon as they are known.
 *
 * Settings that depend on resources are unknown while the state is refreshed or deletions are planned. Until
 * their declarations are evaluated, the recorded or refreshed values are used (connections_settings()). After
 * that a changed address replaces the old one, and an unknown one makes the users of the connection wait.
 *
 * Host keys: connections.c.
 */
#pragma once

#include "plan/planner.h"
#include "provider/ssh/connections.h"

struct connections;
struct ssh_pool;

/* Where a connection leads, or a provider with a connection. */
struct route {
    struct ssh_pool *ssh_pool;
    struct str connection; /* its name in the pool */
    bool is_provider;
    struct str kind;              /* "postgres"; "ssh" for a connection */
    const struct value *settings; /* of the connection or the provider */
};
/* Finds a route by its name, with recorded values. Returns -1 with err, or with errors in diags (class
 * ERR_NONE). */
int plan_route(
    struct workspace *workspace, struct str name, struct diags *diags, struct route *out, struct err *err);

/* Returns the settings of a provider or connection, with `via` replaced by the name in the reach; NULL
 * remains NULL. */
const struct value *connections_bind(
    struct planner *p, const struct decl *decl, const struct value *settings);
/* Returns its settings as far as they are known. */
const struct value *connections_settings(struct planner *p, const struct decl *decl);
/* Drops values that were computed before the refresh. */
void connections_refreshed(struct planner *p);
/* True if its settings depend on resources. */
bool connections_depend(const struct planner *p, const struct decl *decl);
/* Returns ERR_NETWORK if a setting of the provider or connection is a secret of which the state has only a
 * hash: nothing can log in with it, so the service counts as unreachable. */
int connections_check_secrets(const struct decl *config, const struct value *settings, struct err *err);
/* Defines the declaration's connection in the reach. No effect while settings are unknown. */
int connections_define(struct planner *p, const struct decl *decl, struct err *err);

void connections_free(struct connections *connections);
/* NULL: no connection was needed yet. */
struct ssh_pool *connections_ssh_pool(struct connections *connections);

/* From now on logins wait for hosts, and trusted host keys are recorded at once. The state has begun a
 * run. */
int connections_apply_begins(struct planner *p, const struct observer *observer, pthread_mutex_t *lock,
    const atomic_bool *cancel, struct err *err);
void connections_apply_ends(struct planner *p, const struct observer *observer);
/* Reports the host keys that were trusted since the last call. */
void connections_report(struct workspace *workspace, const struct observer *observer);
