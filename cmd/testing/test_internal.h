/* Shared by test_run.c, test_steps.c and test_needs.c; see test_run.h. */
#pragma once

#include "cmd/testing/test_run.h"

#include "plan/plan.h"

struct sandbox;

/* A test while it runs. */
struct running {
    const struct test_case *test;
    struct test_result *result;
    struct arena arena;
    struct sandbox *sandbox;
    struct workspace_options options;
    struct workspace workspace;
    struct diags diags;
};

/* Each adds to what the report says, and is false. */
bool test_fail(struct running *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool test_fail_err(struct running *r, const char *what, const struct err *err);

/* Does `have` hold what is wanted? Of maps only the keys that are given count. "WHERE.NAME" begins the
 * report; `attr`, which may be NULL, knows more that is equal. */
bool test_expect(struct running *r, const struct attr *attr, struct str where, struct str name,
    const struct value *want, const struct value *have);
/* A list of expressions, each of which has to be true; `names` as plan_evaluate() has them. */
bool test_expressions(struct running *r, const struct value *checks, const struct value *names);

/* ---- test_steps.c: `run:`, what is done after the apply ---- */

/* In their order, up to the first that fails. */
bool test_steps(struct running *r, const struct value *steps);
void test_check_steps(const struct node *root, struct diags *diags);

/* ---- test_needs.c: `needs:`, what has to be on this machine ---- */

/* The first that is not there; NULL: all is. */
const char *test_missing(const struct node *root, struct arena *arena);
void test_check_needs(const struct node *root, struct diags *diags);
