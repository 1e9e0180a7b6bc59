/*
 * Results as JUnit XML, as CI systems show them: of tests, of what rules say of a plan, of mistakes in files.
 *
 * Order of calls: JUNIT_INIT, junit_add() for each case, or one of the functions that add many, then
 * junit_write(), which ends it. Texts are copied.
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "plan/plan.h"

enum junit_outcome { JUNIT_PASSED, JUNIT_FAILED, JUNIT_SKIPPED };

struct junit_case {
    struct str group, name; /* "classname" and "name" */
    enum junit_outcome outcome;
    struct str message; /* why it failed or was skipped, in a line; "" : only the text */
    struct str text;    /* FAILED: in full; PASSED: what there is to be said all the same */
    int64_t ms;
};

struct junit {
    struct buf cases;
    size_t n, failed, skipped;
};
#define JUNIT_INIT                                                                                           \
    {                                                                                                        \
        .cases = BUF_INIT                                                                                    \
    }

void junit_add(struct junit *j, const struct junit_case *one);
/* A case for each finding, and one for each rule of the plan's stack (if it has one) that has none. Warnings
 * pass, with a text; what waits, is waived or wants approval is skipped. */
void junit_add_plan(struct junit *j, const struct plan *plan);
/* One for each mistake or warning; `stack` (or NULL) has the rules that some of them are of. */
void junit_add_diags(struct junit *j, const struct diags *diags, const struct stack *stack);
/* One for each recorded resource that others changed, or that could not be looked at. */
void junit_add_drift(struct junit *j, const struct plan *plan);
/* Without a case there is one that passed, called `good`. */
void junit_write(struct junit *j, struct str suite, struct str good, struct buf *out);
