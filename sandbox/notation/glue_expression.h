/*
 * The Expression of GetPartitions: comparisons of partition keys with literals, AND, OR, NOT, IN, BETWEEN,
 * LIKE and IS NULL, as in SQL.
 */
#pragma once

#include "base/err.h"
#include "base/value.h"

struct glue_expression;

/* keys: the table's, a list of {name, type}, NULL where it has none. Lives in the arena. ERR_INVALID. */
int glue_expression_parse(struct arena *arena, struct str text, const struct value *keys,
    const struct glue_expression **out, struct err *err);
/* values: a partition's, a list of texts in the order of the keys. */
bool glue_expression_matches(const struct glue_expression *expression, const struct value *values);
