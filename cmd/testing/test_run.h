/*
 * Stack tests: one test is planned, applied, planned again, and destroyed in a sandbox of its own, in this
 * process. docs/testing.md tells what a test file says.
 */
#pragma once

#include "plan/plan.h"

struct test_case {
    struct str name;         /* unique within a run */
    struct str file;         /* shown path */
    const struct node *root; /* the test's map */
    const char *stack_dir;
    const char *specs_dir;
    struct str const *inputs; /* "k=v" from the command line; the test's own win */
    size_t input_count;
};

struct test_result {
    bool passed;
    const char *skipped; /* what it needs and this machine has not; then it counts as passed. NULL: it ran */
    int64_t ms;
    struct buf failure; /* what was expected and what was found; a line or several */
};

/* Never fails itself: what goes wrong is the test's failure. Several may run at the same time. */
void test_run(const struct test_case *test, struct test_result *result);
void test_result_release(struct test_result *result);

/* The keys of a test, checked: an unknown one is a diagnostic. */
void test_check(const struct node *root, struct diags *diags);

/* ---- Shared by test_run.c and test_steps.c. */
struct sandbox;

/* A test while it runs. */
struct running_test {
    const struct test_case *test;
    struct test_result *result;
    struct arena arena;
    struct sandbox *sandbox;
    struct workspace_options options;
    struct workspace workspace;
    struct diags diags;
};

/* Each adds to what the report says, and is false. */
bool test_fail(struct running_test *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool test_fail_err(struct running_test *r, const char *what, const struct err *err);

/* Does `have` hold what is wanted? Of maps only the keys that are given count. "WHERE.NAME" begins the
 * report; `attr`, which may be NULL, knows more that is equal. */
bool test_expect(struct running_test *r, const struct attr *attr, struct str where, struct str name,
    const struct value *want, const struct value *have);
/* A list of expressions, each of which has to be true; `names` as plan_evaluate() has them. */
bool test_expressions(struct running_test *r, const struct value *checks, const struct value *names);

/* ---- test_steps.c: `run:`, what is done after the apply ---- */

/* In their order, up to the first that fails. */
bool test_steps(struct running_test *r, const struct value *steps);
void test_check_steps(const struct node *root, struct diags *diags);
