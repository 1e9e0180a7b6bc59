/*
 * What the state has, under the addresses that the stack has for it now: `moved:` is applied, nothing is
 * changed. What a refresh then saw of each goes into the same struct seen.
 */
#pragma once

#include "plan/objects/graph.h"
#include "plan/planner.h"

/* Fills p->recorded from the state. False after an error. */
bool recorded_claim(struct planner *p);
/* Does `moved:` take any of them to another address? */
bool recorded_moves(const struct recorded *recorded);
struct seen *recorded_find(const struct recorded *recorded, struct str address);
/*
 * Edges dependency -> dependent between recorded resources, by their position in recorded->seen. Where many
 * instances of one declaration are depended on, a node beyond recorded->count stands between them and their
 * dependents: there would be as many edges as pairs. Records of different ages may contradict each other:
 * edges that would close a circle are left out.
 */
void recorded_graph(const struct recorded *recorded, struct graph *graph);
