/*
 * A layered drawing of a directed graph without cycles, left to right: nodes in columns behind what they
 * depend on, columns ordered so that few edges cross, long edges led through every column between. After
 * Sugiyama, Tagawa and Toda (1981): layers, barycentre sweeps, positions.
 *
 * Order of calls: layout_init(), layout_add_node() for each node, layout_add_edge(), layout_run(); then read
 * the places.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct layout_node {
    double width;   /* given */
    uint32_t group; /* given: what belongs together lies in a band of its own */
    double right; /* where its column ends: up to there an edge goes straight, so that it is behind no box */
    double x, y;  /* left and middle */
    uint32_t layer;
    bool bend;     /* not a node: where an edge passes a column */
    double weight; /* while ordering */
};

struct layout_edge {
    uint32_t from, to; /* from is what `to` depends on */
    uint32_t first;    /* of its bends in nodes; count is layers between */
    uint32_t bends;
};

struct layout {
    struct layout_node *nodes; /* the caller's first, bends behind them */
    size_t node_count, real_count, node_cap;
    struct layout_edge *edges;
    size_t edge_count, edge_cap;
    uint32_t group_count;
    double width, height;
};

enum { LAYOUT_ROW = 44, LAYOUT_BOX = 34, LAYOUT_GAP = 70, LAYOUT_BAND = 34 };

void layout_init(struct layout *layout);
void layout_release(struct layout *layout);
uint32_t layout_add_node(struct layout *layout, double width, uint32_t group);
void layout_add_edge(struct layout *layout, uint32_t from, uint32_t to);
void layout_run(struct layout *layout);
