/*
 * A picture of a stack: resources and data sources as boxes, to the right of their dependencies; those of a
 * module within a frame.
 */
#pragma once

#include "cmd/output/render.h"

/* ---- layout.c: a layered drawing of an acyclic directed graph from left to right: nodes in columns after
 * their dependencies, ordered for few crossings, long edges routed through each column between. After
 * Sugiyama, Tagawa and Toda (1981): layers, barycentre sweeps, positions.
 *
 * Order of calls: layout_init(), layout_add_node() for each node, layout_add_edge(), layout_run(); then read
 * the positions. */
struct layout_node {
    double width;   /* set by the caller */
    uint32_t group; /* set by the caller: each group has its own horizontal band */
    double right; /* right end of its column, up to which edges are horizontal, so that no box covers them */
    double x, y;  /* left edge and vertical middle */
    uint32_t layer;
    bool bend;      /* not a node: where an edge passes a column */
    double weight;  /* used for ordering */
    uint32_t links; /* to the column that the weight is from */
};

struct layout_edge {
    uint32_t from, to; /* `to` depends on `from` */
    uint32_t first;    /* index of its first bend in nodes */
    uint32_t bends;
};

struct layout {
    struct layout_node *nodes; /* the caller's nodes first, then the bends */
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

/* The drawn resources and data sources, in the order of stack->decls. */
struct picture {
    const struct stack *stack;
    uint32_t *nodes; /* by decl->index; UINT32_MAX: not drawn */
    const struct decl **decls;
    enum action *actions; /* by node; ACTION_NOOP without --plan */
    size_t n;
    const struct module **groups; /* by group of the layout */
    struct layout layout;
};

enum { PICTURE_LETTER = 7, PICTURE_PADDING = 20 }; /* approximate width of a letter */

/* The colours of a box, by action. */
struct picture_color {
    const char *fill, *line;
};
extern const struct picture_color picture_colors[ACTION_COUNT];

/* `absent`, by decl->index: declarations without instances, which are not drawn. */
void picture_init(struct picture *p, const struct stack *stack, const bool *absent);
void picture_release(struct picture *p);
/* Sets the actions of a plan, which give the colours. */
void picture_take_plan(struct picture *p, const struct plan *plan);
/* Returns the name in the box; the frame has the module's name. */
struct str picture_box_name(const struct decl *decl);
/*
 * Call it after layout_run(). `page`: for a page with its own colours and scripts (cmd/page): without legend,
 * and each box is a group with its address and action.
 */
void picture_svg(const struct picture *p, bool page, struct buf *out);
