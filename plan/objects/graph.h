/*
 * A directed graph over numbered nodes, built edge by edge and then frozen: linear in nodes plus edges.
 * An edge a -> b says that b waits for a.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

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
