/*
 * Languages inside attributes, evaluated: event patterns, expressions for Glue partitions, Iceberg
 * schemas, schedules and time zones. provider/notation/ has what is wrong with such texts.
 */
#pragma once

#include "base/err.h"
#include "provider/notation/notation.h"

/* ---- event_match.c: what EventBridge, and SNS likewise, says of a pattern that it refuses: why, and
 * where in the text. Pure. */
/* "": nothing is wrong with it. `text` is what the pattern was read from. */
struct str event_fault_message(struct arena *arena, const struct value *pattern, struct str text);

/* ---- event_match.c: which events a pattern of EventBridge is for. Pure; whether it is one is asked of
 * provider/notation/notation.h. */
bool event_matches(const struct value *pattern, const struct value *event);

/* ---- glue_expression.c: the Expression of GetPartitions: comparisons of partition keys with literals,
 * AND, OR, NOT, IN, BETWEEN, LIKE and IS NULL, as in SQL. */
struct glue_expression;

/* keys: the table's, a list of {name, type}, NULL where it has none. Lives in the arena. ERR_INVALID. */
int glue_expression_parse(struct arena *arena, struct str text, const struct value *keys,
    const struct glue_expression **out, struct err *err);
/* values: a partition's, a list of texts in the order of the keys. */
bool glue_expression_matches(const struct glue_expression *expression, const struct value *values);

/* ---- iceberg_schema.c: Columns as the data catalog has them (`array<struct<a:int>>`), as the schema of
 * an Iceberg table. Pure. */
struct iceberg_schema {
    const struct value *doc; /* {type: struct, schema-id: 0, fields: […]}, as it is in metadata files */
    int64_t last_id;
};

/*
 * `columns` is a list of {Name, Type, Comment}. Ids are given as Iceberg gives them to a new table: all of a
 * level before those below it, so the columns have 1, 2, 3 … ERR_INVALID names the column whose type is none.
 */
int iceberg_schema_make(
    struct arena *arena, const struct value *columns, struct iceberg_schema *out, struct err *err);

/* ---- schedule_time.c: Time zones by name, from the system's database (TZif files). The C library knows
 * one zone a process, set by an environment variable, which is no way to ask about several from several
 * threads. */
struct zone;

/* NULL: there is none of that name. "UTC" is always there. Lives in the arena. */
const struct zone *zone_find(struct arena *arena, struct str name);
/* Seconds east of Greenwich at a moment (seconds since 1970 in UTC). */
int64_t zone_offset(const struct zone *zone, int64_t utc_s);

/* ---- schedule_time.c: when a schedule is due. Pure: no clock is read. */
/*
 * The first time after a moment (ms since 1970). A rate counts from `base_ms`. False: never again. What
 * clocks skip is left out, what they show twice comes once.
 */
bool schedule_next(const struct schedule_time *time, const struct zone *zone, int64_t base_ms,
    int64_t after_ms, int64_t *next_ms);
