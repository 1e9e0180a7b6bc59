/* Between the files of this room; see policy.h. */
#pragma once

#include "provider/iam/policy.h"

/* ---- policy.c ---- */

/* iam_policy_read(), and which statement it is about that it does not read; 0: none. */
int policy_read(struct arena *arena, const struct value *document, struct str name,
    const struct iam_policy **out, size_t *statement, struct err *err);

/* ---- pattern.c ---- */

/* `wild`: stars and question marks stand for others. `variables`: ${…} is looked up when it is matched. */
struct iam_pattern pattern_make(struct arena *arena, struct str written, bool wild, bool variables);
bool pattern_is(const struct iam_pattern *pattern, struct str text, const struct value *context);
/* Is there a text that both fit? Stars in `open` stand for any text without colons. */
bool pattern_meets(const struct iam_pattern *pattern, struct str open, const struct value *context);
/* As ARNs are compared: each of the six parts by itself. */
bool pattern_is_arn(const struct iam_pattern *pattern, struct str text, const struct value *context);
/* Upper and lower case are the same. */
bool pattern_is_like_case(const struct iam_pattern *pattern, struct str text, const struct value *context);

/* ---- condition.c ---- */

/* The operator of this name, without what goes before and after; NULL: there is none. */
const struct iam_operator *operator_find(struct str name);
bool operator_is_wild(const struct iam_operator *op);
bool condition_holds(const struct iam_condition *condition, const struct value *context);
