/*
 * Stack tests: one test is planned, applied, planned again, and destroyed in a sandbox of its own, in this
 * process. docs/testing.md tells what a test file says.
 */
#pragma once

#include "base/buf.h"
#include "base/yaml.h"

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
