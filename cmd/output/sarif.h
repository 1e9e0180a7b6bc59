/*
 * Findings of rules, and mistakes in the files, as SARIF 2.1.0: the format that code hosts show at the line.
 * https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 *
 * One run with the rules that reported something and a result for each finding. What waits for the apply is
 * of kind "open"; what is waived or approved is suppressed, with the reason.
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "plan/plan.h"

struct sarif;

struct sarif *sarif_new(void);
/* What the rules say of a plan; `file`: where what has no place of its own is shown. */
void sarif_add_plan(struct sarif *s, const struct plan *plan, struct str file);
/* All diagnostics; `stack` (or NULL) has the rules that some of them are of. Nothing of them is kept. */
void sarif_add_diags(struct sarif *s, const struct diags *diags, const struct stack *stack);
/* And ends it. */
void sarif_write(struct sarif *s, struct buf *out);
