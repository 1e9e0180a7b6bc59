/*
 * Redshift: a PostgreSQL server behind python/weir_redshift.py, which translates Redshift's dialect. A
 * cluster has one; for Serverless the namespace has one, shared by its workgroups.
 */
#pragma once

#include "sandbox/engine/task.h"
#include "sandbox/services/rds/rds.h"

struct session;

struct warehouse {
    struct str name, region; /* of its daemons */
    struct database_wanted wish;
};

/* Finds the warehouse of a cluster or workgroup; the other name is "". False: it does not exist. */
bool warehouse_find(struct services *services, struct arena *arena, struct str region, struct str cluster,
    struct str workgroup, struct warehouse *out);
/* Starts the warehouse and waits until it answers on 127.0.0.1:*port. */
int warehouse_start(struct services *services, struct arena *arena, const struct warehouse *warehouse,
    uint16_t *port, struct err *err);
/* Returns the warehouse user of an IAM caller that gives neither secret nor user name: IAMR:ROLE or IAM:USER.
 * "": the account's own user, who is the administrator. */
struct str warehouse_identity(struct arena *arena, const struct session *caller);

/* ---- Running statements of the Data API: a session, its statements in order, and their results in the API's
 * form. Stopping the task cancels them. */
/* Member of a statement's request: the user if the request has neither secret nor user. */
#define STATEMENT_IDENTITY "@identity"

/*
 * Runs the task's statements; several are one transaction. *out has an item for each executed statement:
 * {columns, rows, updated}, or {error} if it failed. -1 with Redshift's error.
 */
int warehouse_run(struct task *task, struct arena *arena, uint16_t port, const struct warehouse *warehouse,
    const struct value **out, struct err *err);
