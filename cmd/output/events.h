/*
 * --json: one object per line, each with "event" and then fields in a fixed order. docs/cli.md lists them,
 * from cmd/help.yaml; a field may be added, none is renamed or taken away.
 *
 * Sensitive values are "(sensitive)" with "sensitive":true beside them; what is not known yet is
 * "(known after apply)" with "unknown":true.
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "plan/plan.h"

void event_error(struct buf *out, const struct err *err);
void event_diags(struct buf *out, struct diags *diags);
/* drift, change and output lines, then the summary line. */
void event_plan(struct buf *out, const struct plan *plan, const char *command);
/* A line for each check. */
void event_checks(struct buf *out, const struct plan *plan);
/* Only drift lines and the summary. */
void event_drift(struct buf *out, const struct plan *plan);
/* What happens while planning and applying. */
void event_progress(struct buf *out, const struct event *event);
/* What is left of a destroyed stack, then how much. */
void event_leftovers(struct buf *out, const struct verified *found);
void event_result(struct buf *out, const struct apply_result *result, const char *command, int64_t ms);
