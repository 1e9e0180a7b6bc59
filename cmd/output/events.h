/*
 * --json: one object per line, each with "event" and then fields in a fixed order. docs/cli.md lists them,
 * from cmd/help.yaml. Fields may be added, but none is renamed or removed.
 *
 * Sensitive values are "(sensitive)" with "sensitive":true; unknown values are "(known after apply)" with
 * "unknown":true.
 */
#pragma once

#include "plan/plan.h"

void event_error(struct buf *out, const struct err *err);
void event_diags(struct buf *out, struct diags *diags);
/* Writes drift, change and output lines, then the summary line. `all`: change lines of unchanged resources
 * too. */
void event_plan(struct buf *out, const struct plan *plan, const char *command, bool all);
/* Writes a line for each check. */
void event_checks(struct buf *out, const struct plan *plan);
/* Writes only drift lines and the summary. */
void event_drift(struct buf *out, const struct plan *plan);
/* Writes an event of planning or applying. */
void event_progress(struct buf *out, const struct event *event);
/* Writes the remaining resources of a destroyed stack, then their number. */
void event_leftovers(struct buf *out, const struct verified *found);
void event_result(struct buf *out, const struct apply_result *result, const char *command, int64_t ms);

/* ---- reports.c: results as JUnit XML, which CI systems show: of tests, of a plan's rules, of errors in
 * files.
 *
 * Order of calls: JUNIT_INIT, junit_add() for each case or a function that adds several, then junit_write(),
 * which releases the report. Strings are copied. */
enum junit_outcome { JUNIT_PASSED, JUNIT_FAILED, JUNIT_SKIPPED };

struct junit_case {
    struct str group, name; /* "classname" and "name" */
    enum junit_outcome outcome;
    struct str message; /* the reason of a failure or skip in one line; "": only `text` */
    struct str text;    /* FAILED: the full text; PASSED: an optional remark */
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
/* Adds a case for each finding, and a passed case for each rule of the plan's stack (if there is a stack)
 * without findings. Warnings pass, with a text; findings that are deferred, waived or need approval are
 * skipped. */
void junit_add_plan(struct junit *j, const struct plan *plan);
/* Adds a case for each error or warning; `stack` (may be NULL) has the rules to which some of them belong. */
void junit_add_diags(struct junit *j, const struct diags *diags, const struct stack *stack);
/* Adds a case for each recorded resource that was changed outside weir or could not be read. */
void junit_add_drift(struct junit *j, const struct plan *plan);
/* Writes the report. Without any case it has one passed case named `good`. */
void junit_write(struct junit *j, struct str suite, struct str good, struct buf *out);

/* ---- reports.c: findings of rules and errors in files as SARIF 2.1.0, which code hosts show at the source
 * line. https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 *
 * One run with the rules that have findings, and a result for each finding. Findings deferred to the apply
 * have the kind "open"; waived and approved ones are suppressed, with the reason. */
struct sarif;

struct sarif *sarif_new(void);
/* Adds the findings of a plan; `file`: the file for findings without a source location. */
void sarif_add_plan(struct sarif *s, const struct plan *plan, struct str file);
/* Adds all diagnostics; `stack` (may be NULL) has the rules to which some of them belong. Nothing keeps a
 * pointer to them. */
void sarif_add_diags(struct sarif *s, const struct diags *diags, const struct stack *stack);
/* Writes and frees the report. */
void sarif_write(struct sarif *s, struct buf *out);
