/*
 * Evaluation of languages inside attributes: event patterns, expressions for Glue partitions, Iceberg
 * schemas, schedules and time zones. provider/notation/ validates them.
 */
#pragma once

#include "base/err.h"
#include "provider/notation/notation.h"

/* ---- event_match.c: event patterns of EventBridge and SNS. Pure ---- */
/* Returns the service's error message for an invalid pattern, with line and column, or "" if the pattern is
 * valid. `text` is the pattern's source. */
struct str event_fault_message(struct arena *arena, const struct value *pattern, struct str text);

/* True if an event matches a pattern, which must be valid (provider/notation/notation.h). */
bool event_matches(const struct value *pattern, const struct value *event);

/* ---- glue_expression.c: the Expression of GetPartitions: comparisons of partition keys with literals, AND,
 * OR, NOT, IN, BETWEEN, LIKE and IS NULL, as in SQL ---- */
struct glue_expression;

/* Parses an expression. keys: the partition keys, a list of {name, type}, or NULL. Allocated in the arena.
 * ERR_INVALID. */
int glue_expression_parse(struct arena *arena, struct str text, const struct value *keys,
    const struct glue_expression **out, struct err *err);
/* True if a partition matches. values: the partition's values as strings, in the order of the keys. */
bool glue_expression_matches(const struct glue_expression *expression, const struct value *values);

/* ---- iceberg_schema.c: converts columns of the Data Catalog (`array<struct<a:int>>`) to the schema of an
 * Iceberg table. Pure ---- */
struct iceberg_schema {
    const struct value *doc; /* {type: struct, schema-id: 0, fields: […]}, as in metadata files */
    int64_t last_id;
};

/*
 * Converts `columns`, a list of {Name, Type, Comment}. Field ids are assigned as Iceberg does for a new
 * table: all ids of a level before the nested ones, so the columns have 1, 2, 3 … ERR_INVALID names a column
 * whose type Iceberg does not have.
 */
int iceberg_schema_make(
    struct arena *arena, const struct value *columns, struct iceberg_schema *out, struct err *err);

/* ---- schedule_time.c: time zones by name, from the system's TZif files. The C library has one time zone per
 * process, set by an environment variable, so it cannot serve several threads ---- */
struct zone;

/* Returns a time zone, or NULL if the name is unknown. "UTC" is always available. Allocated in the arena. */
const struct zone *zone_find(struct arena *arena, struct str name);
/* Returns the UTC offset in seconds, positive east, at a time (seconds since 1970 in UTC). */
int64_t zone_offset(const struct zone *zone, int64_t utc_s);

/* ---- schedule_time.c: the next time of a schedule. Pure: reads no clock ---- */
/*
 * Computes the first time after `after_ms` (milliseconds since 1970). A rate counts from `base_ms`. Returns
 * false if the schedule is finished. Local times that a clock change skips are omitted, repeated ones occur
 * once.
 */
bool schedule_next(const struct schedule_time *time, const struct zone *zone, int64_t base_ms,
    int64_t after_ms, int64_t *next_ms);
