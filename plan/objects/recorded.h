/*
 * What the state has, under the addresses that the stack has for it now: `moved:` is applied, nothing is
 * changed. What a refresh then saw of each goes into the same struct seen.
 */
#pragma once

#include "plan/planner.h"

#include <stddef.h>
#include <stdint.h>

/* ---- recorded.c: a directed graph over numbered nodes, built edge by edge and then frozen: linear in nodes
 * plus edges. An edge a -> b says that b waits for a. */
struct graph {
    uint32_t node_count;
    uint32_t *pairs; /* from, to, from, to … while building */
    size_t pair_count, pair_cap;
    uint32_t *first; /* after freezing: dependents of n are targets[first[n]] … targets[first[n + 1] - 1] */
    uint32_t *targets;
    uint32_t *waiting; /* number of edges into each node */
};

void graph_init(struct graph *graph, uint32_t node_count);
void graph_release(struct graph *graph);
void graph_add_edge(struct graph *graph, uint32_t from, uint32_t to);
void graph_freeze(struct graph *graph);
/*
 * Takes edges out of a frozen graph until nothing waits for itself in the end: those that close a circle,
 * going through the nodes in order. Returns how many.
 */
size_t graph_open_circles(struct graph *graph);

/* ---- recorded.c ---- */

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

/* ---- recorded.c: what a declaration refers to, through everything that is no resource: locals, inputs,
 * outputs, modules. Not thread-safe: each walk marks what it has visited. */
/* Calls visit once for each resource and data source that decl refers to. */
void each_resource_dep(
    struct planner *p, const struct decl *decl, void (*visit)(void *ctx, const struct decl *dep), void *ctx);
/* The addresses of those that are resources, as the state records them. */
const struct value *evaluate_deps(struct planner *p, const struct decl *decl);
