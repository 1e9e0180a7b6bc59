/*
 * Stack tests: a test is planned, applied, planned again, and destroyed in its own sandbox, in this process.
 * docs/testing.md describes test files.
 */
#pragma once

#include "plan/plan.h"

struct test_case {
    struct str name;         /* unique within a run */
    struct str file;         /* path as shown in reports */
    const struct node *root; /* the test's map */
    const char *stack_dir;
    const char *specs_dir;
    struct str const *inputs; /* "k=v" from the command line; inputs of the test override them */
    size_t input_count;
};

struct test_result {
    bool passed;
    const char *skipped; /* the missing prerequisite, if the test was skipped, which counts as passed; NULL:
                            it was run */
    int64_t ms;
    struct buf failure; /* expected and found values, one or more lines */
};

/* Runs a test. All errors become failures of the test. Several tests may run at the same time. */
void test_run(const struct test_case *test, struct test_result *result);
void test_result_release(struct test_result *result);

/* Checks the keys of a test; an unknown key is a diagnostic. */
void test_check(const struct node *root, struct diags *diags);

/* ---- shared by test_run.c and test_steps.c ---- */
struct sandbox;

/* A running test. */
struct running_test {
    const struct test_case *test;
    struct test_result *result;
    struct arena arena;
    struct sandbox *sandbox;
    struct workspace_options options;
    struct workspace workspace;
    struct diags diags;
};

/* Add a line to the report and return false. */
bool test_fail(struct running_test *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool test_fail_err(struct running_test *r, const char *what, const struct err *err);

/* Returns whether `have` contains what is wanted. In maps only the given keys are compared. A report begins
 * with "WHERE.NAME"; `attr` (may be NULL) has the comparison rule. */
bool test_expect(struct running_test *r, const struct attr *attr, struct str where, struct str name,
    const struct value *want, const struct value *have);
/* Evaluates a list of expressions, each of which has to be true; `names` as in plan_evaluate(). */
bool test_expressions(struct running_test *r, const struct value *checks, const struct value *names);

/* ---- test_steps.c: `run:`, the steps after the apply ---- */

/* Runs the steps in order, until one fails. */
bool test_steps(struct running_test *r, const struct value *steps);
void test_check_steps(const struct node *root, struct diags *diags);
