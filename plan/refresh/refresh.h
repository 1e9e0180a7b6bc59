/*
 * Refresh: what the live services say about the resources in the state. Many threads read; each fills in its
 * own struct seen.
 */
#pragma once

#include "plan/planner.h"

/* After recorded_claim() and evaluate_fixed(). -1 with err where something could not be asked. */
int refresh_records(struct planner *p, struct err *err);
/* Only of those whose secrets providers and connections are configured with: a destroy looks at nothing else.
 */
int refresh_ways(struct planner *p, struct err *err);
