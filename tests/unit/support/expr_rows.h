/*
 * Tables of expressions and what they give, as text: JSON with "(sensitive) " in front where it is, "?" where
 * it is unknown, or "error: message | label / hint" of the first mistake.
 */
#pragma once

#include "stacks/expr.h"

struct expr_row {
    const char *text, *result;
};

/* What the expression gives; its mistakes go to a list of this call's own, whatever scope->diags is. */
const char *expr_outcome(
    struct arena *arena, const char *text, const struct resolver *resolver, struct scope scope);
/* Each row's text, run, gives the row's result. */
void expr_rows_check(const struct expr_row *rows, size_t n, const char *(*run)(const char *text));
