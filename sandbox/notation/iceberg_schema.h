/* Columns as the data catalog has them (`array<struct<a:int>>`), as the schema of an Iceberg table. Pure. */
#pragma once

#include "base/err.h"
#include "base/value.h"

struct iceberg_schema {
    const struct value *doc; /* {type: struct, schema-id: 0, fields: […]}, as it lies in metadata files */
    int64_t last_id;
};

/*
 * `columns` is a list of {Name, Type, Comment}. Ids are given as Iceberg gives them to a new table: all of a
 * level before those below it, so the columns have 1, 2, 3 … ERR_INVALID names the column whose type is none.
 */
int iceberg_schema_make(
    struct arena *arena, const struct value *columns, struct iceberg_schema *out, struct err *err);
