/*
 * What rules said when a plan was made, as its file has it: for whoever reads it. When it is applied they are
 * asked again.
 *
 *     [{rule, address, type, message, doc, control, link, level, outcome, unknown, file, line, column}]
 */
#pragma once

#include "plan/plan.h"

const struct value *saved_findings(const struct plan *plan, struct arena *arena);
/* The other way, of what may be anything. */
void saved_findings_read(const struct value *saved, struct arena *arena, struct plan *out);
