/*
 * A picture of a stack: resources and data sources as boxes, left to right behind what they refer to, those
 * of a module in a frame.
 */
#pragma once

#include "cmd/graph/layout.h"
#include "cmd/output/render.h"

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
/* Text within XML or HTML, in attributes too. */
void picture_add_xml(struct buf *out, struct str text);
