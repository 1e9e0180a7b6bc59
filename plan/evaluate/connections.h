/*
 * The stack's connections (provider/ssh/connections.h) in a plan and its apply: their settings are values
 * like any other, may depend on resources, and are handed over as soon as they are known.
 *
 * What depends on resources is not known when the state is refreshed, or what is to be deleted is planned.
 * Then it counts as it was recorded, or as the refresh saw it (connections_settings); evaluated in its turn,
 * a changed address takes the place of the old one, and one that is not known yet keeps what goes by it
 * waiting.
 *
 * Keys of hosts: connections.h.
 */
#pragma once

#include "plan/planner.h"
#include "provider/ssh/connections.h"

struct connections;
struct reach;

/* Where a connection leads, or a provider that goes by one. */
struct route {
    struct reach *reach;
    struct str connection; /* as the reach knows it */
    bool is_provider;
    struct str kind;              /* "postgres"; of a connection "ssh" */
    const struct value *settings; /* of the connection or the provider */
};
/* With values as they are recorded. -1 with err, or with errors in diags (class ERR_NONE). */
int plan_route(
    struct workspace *workspace, struct str name, struct diags *diags, struct route *out, struct err *err);

/* The settings of a provider or connection, with `via` as the name that a reach knows; NULL stays NULL. */
const struct value *connections_bind(
    struct planner *p, const struct decl *decl, const struct value *settings);
/* Its settings as far as they are known by now. */
const struct value *connections_settings(struct planner *p, const struct decl *decl);
/* After a refresh: what was recorded may be another by now. */
void connections_refreshed(struct planner *p);
/* Is it settled only by what resources are? */
bool connections_depend(const struct planner *p, const struct decl *decl);
/* ERR_NETWORK where a setting of the provider or connection is a secret of which the state has only a hash:
 * nobody can log in with that, so its service counts as one that does not answer. */
int connections_check_secrets(const struct decl *config, const struct value *settings, struct err *err);
/* Tells the reach what the connection is that the declaration goes by. Where settings are not known: nothing.
 */
int connections_define(struct planner *p, const struct decl *decl, struct err *err);

void connections_free(struct connections *connections);
/* NULL: no connection was needed so far. */
struct reach *connections_reach(struct connections *connections);

/* From now on hosts are waited for, and what is trusted is recorded at once. The state has begun a run. */
int connections_apply_begins(struct planner *p, const struct observer *observer, pthread_mutex_t *lock,
    const atomic_bool *cancel, struct err *err);
void connections_apply_ends(struct planner *p, const struct observer *observer);
/* What was trusted since the last call, told to whoever listens. */
void connections_tell(struct workspace *workspace, const struct observer *observer);
