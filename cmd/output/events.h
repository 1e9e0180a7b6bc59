/*
 * --json: one object per line, each with "event" and then fields in a fixed order. docs/cli.md lists them,
 * from cmd/help.yaml; a field may be added, none is renamed or taken away.
 *
 * Sensitive values are "(sensitive)" with "sensitive":true beside them; what is not known yet is
 * "(known after apply)" with "unknown":true.
 */
#pragma once

#include "plan/plan.h"

void event_error(struct buf *out, const struct err *err);
void event_diags(struct buf *out, struct diags *diags);
/* drift, change and output lines, then the summary line. `all`: with change lines of what does not change. */
void event_plan(struct buf *out, const struct plan *plan, const char *command, bool all);
/* A line for each check. */
void event_checks(struct buf *out, const struct plan *plan);
/* Only drift lines and the summary. */
void event_drift(struct buf *out, const struct plan *plan);
/* What happens while planning and applying. */
void event_progress(struct buf *out, const struct event *event);
/* What is left of a destroyed stack, then how much. */
void event_leftovers(struct buf *out, const struct verified *found);
void event_result(struct buf *out, const struct apply_result *result, const char *command, int64_t ms);

/* ---- reports.c: Results as JUnit XML, as CI systems show them: of tests, of what rules say of a plan, of
 * mistakes in files.
 *
 * Order of calls: JUNIT_INIT, junit_add() for each case, or one of the functions that add many, then
 * junit_write(), which ends it. Texts are copied. */
enum junit_outcome { JUNIT_PASSED, JUNIT_FAILED, JUNIT_SKIPPED };

struct junit_case {
    struct str group, name; /* "classname" and "name" */
    enum junit_outcome outcome;
    struct str message; /* why it failed or was skipped, in a line; "" : only the text */
    struct str text;    /* FAILED: in full; PASSED: a remark, if there is one */
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

/* ---- reports.c: Findings of rules, and mistakes in the files, as SARIF 2.1.0: the format that code hosts
 * show at the line. https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 *
 * One run with the rules that reported something and a result for each finding. What waits for the apply is
 * of kind "open"; what is waived or approved is suppressed, with the reason. */
struct sarif;

struct sarif *sarif_new(void);
/* What the rules say of a plan; `file`: where what has no place of its own is shown. */
void sarif_add_plan(struct sarif *s, const struct plan *plan, struct str file);
/* All diagnostics; `stack` (or NULL) has the rules that some of them are of. Nothing of them is kept. */
void sarif_add_diags(struct sarif *s, const struct diags *diags, const struct stack *stack);
/* And ends it. */
void sarif_write(struct sarif *s, struct buf *out);
