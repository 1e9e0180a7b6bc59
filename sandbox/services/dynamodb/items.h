/*
 * What DynamoDB's tables hold. A table is a record of the control plane; its items and its stream are kept by
 * Dynoxide, an open engine on SQLite (daemon.h: DIR/daemons/dynamodb-REGION), one for a region. It is started
 * by the first call about items, and goes on with its data after a restart of the sandbox.
 *
 *   engine.c    the daemon, and one call to it
 *   tables.c    the engine's table is made, changed and deleted after the record
 *   items.c     items, transactions, PartiQL: found, permitted, handed to the engine
 *   streams.c   streams of changes
 *   records.c   a record of a stream as DynamoDB shows it
 *
 * Nobody reaches the engine but through these calls, whose signatures and permissions the sandbox has
 * checked. Safe from every thread.
 */
#ifndef WEIR_SANDBOX_SERVICES_DYNAMODB_ITEMS_H
#define WEIR_SANDBOX_SERVICES_DYNAMODB_ITEMS_H

#include "sandbox/calls/services.h"

struct item_engine;

struct item_engine *item_engine_new(void);
void item_engine_free(struct item_engine *engine);
/* Dynoxide's program; NULL: it is not on this machine. */
const char *item_engine_find(struct arena *arena);
/* After a table was made, changed or deleted: what no record has any more is deleted in engines that run. */
void item_tables_look(struct services *services);

/* ---- engine.c ---- */

#define ITEM_TARGET   "DynamoDB_20120810"
#define STREAM_TARGET "DynamoDBStreams_20120810"

/* One call of the engine. */
struct item_call {
    struct services *services;
    struct arena *arena;
    struct str region;
    const char *target; /* ITEM_TARGET */
    struct str operation;
    const struct value *input;
    const struct value *output; /* also of a refusal: its whole body */
};
/* ERR_SERVICE with the engine's code and text: it refuses; another class: it is missing, or ended. */
int item_engine_call(struct item_call *call, struct err *err);

/* ---- tables.c ---- */

/* A table as DescribeTable shows it, once the engine has it so. ResourceNotFoundException: there is none. */
int item_table(struct services *services, struct arena *arena, struct str region, struct str name,
    const struct value **description, struct err *err);
/* The last part of an ARN of a table, or what is one already. */
struct str item_table_name(struct str name);

/* ---- records.c ---- */

/* What a stream with this view shows of the engine's record; NULL: nothing changed. */
const struct value *item_record(struct arena *arena, const struct value *record, struct str view);

#endif
