/*
 * A picture of a stack: resources and data sources as boxes, left to right behind what they refer to, those
 * of a module in a frame.
 */
#pragma once

#include "cmd/output/render.h"

/* ---- layout.c: a layered drawing of a directed graph without cycles, left to right: nodes in columns behind
 * what they depend on, columns ordered so that few edges cross, long edges led through every column between.
 * After Sugiyama, Tagawa and Toda (1981): layers, barycentre sweeps, positions.
 *
 * Order of calls: layout_init(), layout_add_node() for each node, layout_add_edge(), layout_run(); then read
 * the places. */
struct layout_node {
    double width;   /* given */
    uint32_t group; /* given: what belongs together is in a band of its own */
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

/* ---- picture.c ---- */

/* What is drawn: resources and data sources, by their position in stack->decls. */
struct picture {
    const struct stack *stack;
    uint32_t *nodes; /* by decl->index; UINT32_MAX: not drawn */
    const struct decl **decls;
    enum action *actions; /* by node; ACTION_NOOP without --plan */
    size_t n;
    const struct module **groups; /* by group of the layout: the module */
    struct layout layout;
};

enum { PICTURE_LETTER = 7, PICTURE_PADDING = 20 }; /* of the font's width, near enough for boxes */

/* The two colours of a box, by action. */
struct picture_color {
    const char *fill, *line;
};
extern const struct picture_color picture_colors[ACTION_COUNT];

/* `absent`, by decl->index: what has no instance is not drawn. */
void picture_init(struct picture *p, const struct stack *stack, const bool *absent);
void picture_release(struct picture *p);
/* Gives boxes the colour of what a plan does with them. */
void picture_take_plan(struct picture *p, const struct plan *plan);
/* In a frame that says the module, a name is enough. */
struct str picture_box_name(const struct decl *decl);
/*
 * After layout_run(). `page`: for a page that gives it its colours and moves it about (cmd/page); without a
 * legend, and each box is a group with its address and action.
 */
void picture_svg(const struct picture *p, bool page, struct buf *out);
