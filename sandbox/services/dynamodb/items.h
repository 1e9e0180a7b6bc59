/*
 * DynamoDB's items. A table is a record of the control plane; its items and its stream are stored by
 * Dynoxide, an open-source engine on SQLite, one per region (daemon.h: DIR/daemons/dynamodb-REGION). The
 * first call that needs items starts it. Its data survives a restart of the sandbox.
 *
 *   tables.c   the daemon, calls to it, and tables that follow their records
 *   items.c    items, transactions, PartiQL: authorized, then forwarded to the engine; records of streams
 *   streams.c  streams of changes
 *
 * Signatures and permissions are checked before the engine is called. The engine listens on loopback, where
 * every user of this machine can reach it. Thread-safe.
 */
#pragma once

#include "sandbox/calls/services.h"

struct item_engine;

struct item_engine *item_engine_new(void);
void item_engine_free(struct item_engine *engine);
/* Returns the path of Dynoxide's program, or NULL if it is not installed. */
const char *item_engine_find(struct arena *arena);
/* Call it after a table was created, changed or deleted: deletes tables without a record in running
 * engines. */
void item_tables_clean(struct services *services);

/* The region whose engine is called, and the arena for its responses. */
struct item_scope {
    struct services *services;
    struct arena *arena;
    struct str region;
};
static inline struct item_scope item_scope_of(const struct service_call *call)
{
    return (struct item_scope){call->services, call->arena, call->region};
}

/* ---- tables.c ---- */

/* Calls the engine. ERR_SERVICE: the engine refused with this code and message, and *output is the whole
 * error body. Other classes: the engine is not installed, or ended. */
int item_engine_call(const struct item_scope *scope, const char *operation, const struct value *input,
    const struct value **output, struct err *err);

/* Brings the engine's table in line with its record, and returns it as DescribeTable shows it.
 * ResourceNotFoundException: no such table, or it is being created or deleted. */
int item_table(
    const struct item_scope *scope, struct str name, const struct value **description, struct err *err);
/* Returns the table's name of an ARN or name. */
struct str item_table_name(struct str name);

/* ---- items.c ---- */

/* Returns the engine's stream record with the images of this view type, or NULL if the item did not
 * change. */
const struct value *item_record(struct arena *arena, const struct value *record, struct str view);

/* ---- tables.c: state between calls ---- */
struct item_engine {
    pthread_mutex_t http_lock;
    struct http_engine *http; /* created by the first call */
    pthread_mutex_t lock;     /* guards the members below; held while a table is synchronised */
    struct map tables; /* "REGION NAME" -> the engine's table as text; values are allocated in `texts` */
    struct arena texts;
};
