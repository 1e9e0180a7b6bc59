/*
 * What the state has, under the addresses that the stack has for it now: `moved:` is applied, nothing is
 * changed. What a refresh then saw of each goes into the same struct seen.
 */
#ifndef WEIR_PLAN_RECORDED_H
#define WEIR_PLAN_RECORDED_H

#include "plan/graph.h"
#include "plan/planner.h"

/* Fills p->seen from the state. False after an error. */
bool claim_records(struct planner *p);
struct seen *seen_find(const struct planner *p, struct str address);
/*
 * Edges dependency -> dependent between recorded resources, by their position in p->seen. Where many
 * instances of one declaration are depended on, a node beyond seen_count stands between them and their
 * dependents: there would be as many edges as pairs. Records of different ages may contradict each other:
 * edges that would close a circle are left out.
 */
void claim_graph(const struct planner *p, struct graph *graph);

#endif
