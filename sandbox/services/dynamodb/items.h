/*
 * What DynamoDB's tables hold. A table is a record of the control plane; its items and its stream are kept by
 * Dynoxide, an open engine on SQLite (daemon.h: DIR/daemons/dynamodb-REGION), one for a region. It is started
 * by the first call about items, and goes on with its data after a restart of the sandbox.
 *
 *   tables.c    the daemon, and one call to it
 *   tables.c    the engine's table is made, changed and deleted after the record
 *   items.c     items, transactions, PartiQL: found, permitted, handed to the engine; a record of a stream as
 *               DynamoDB shows it
 *   streams.c   streams of changes
 *
 * Signatures and permissions are checked before the engine is asked. It listens on loopback, where every user
 * of this machine can reach it. Safe from every thread.
 */
#pragma once

#include "sandbox/calls/services.h"

struct item_engine;

struct item_engine *item_engine_new(void);
void item_engine_free(struct item_engine *engine);
/* Dynoxide's program; NULL: it is not on this machine. */
const char *item_engine_find(struct arena *arena);
/* After a table was made, changed or deleted: what no record has any more is deleted in engines that run. */
void item_tables_look(struct services *services);

/* Whose engine is asked, and where its answers are kept. */
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

/* ERR_SERVICE with the engine's code and text: it refuses, and *output is its whole body; another class: it
 * is missing, or ended. */
int item_engine_call(const struct item_scope *scope, const char *operation, const struct value *input,
    const struct value **output, struct err *err);

/* A table as DescribeTable shows it, once the engine has it so. ResourceNotFoundException: there is none. */
int item_table(
    const struct item_scope *scope, struct str name, const struct value **description, struct err *err);
/* The last part of an ARN of a table, or what is one already. */
struct str item_table_name(struct str name);

/* ---- items.c ---- */

/* What a stream with this view shows of the engine's record; NULL: nothing changed. */
const struct value *item_record(struct arena *arena, const struct value *record, struct str view);

/* ---- tables.c: what tables.c keep between calls; see items.h. */
struct item_engine {
    pthread_mutex_t http_lock;
    struct http_engine *http; /* made with the first call */
    pthread_mutex_t lock;     /* of what follows, and held while a table is brought in line with its record */
    struct map tables; /* "REGION NAME" -> what the engine has, as text; its values are strings of `texts` */
    struct arena texts;
};
