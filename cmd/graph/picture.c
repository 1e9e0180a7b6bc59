/* The picture of a stack as SVG: boxes, edges, and the actions of a plan. */
#include "cmd/graph/picture.h"

#include "base/mem.h"
#include "cmd/terminal/term.h"

#include <stdlib.h>

/* ---- SVG ---- */

const struct picture_color picture_colors[ACTION_COUNT] = {
    [ACTION_NOOP] = {"#f6f8fa", "#57606a"},
    [ACTION_READ] = {"#ddf4ff", "#0969da"},
    [ACTION_CREATE] = {"#dafbe1", "#1a7f37"},
    [ACTION_UPDATE] = {"#fff8c5", "#9a6700"},
    [ACTION_REPLACE] = {"#fbefff", "#8250df"},
    [ACTION_DELETE] = {"#ffebe9", "#cf222e"},
    [ACTION_ADOPT] = {"#ddf4ff", "#0969da"},
    [ACTION_FORGET] = {"#f6f8fa", "#57606a"},
};

/* Draws an edge as a curve through its bends: horizontal at both ends and at each bend, curved only between
 * columns. */
static void add_path(const struct picture *p, const struct layout_edge *edge, bool page, struct buf *out)
{
    const struct layout *layout = &p->layout;
    const struct layout_node *at = &layout->nodes[edge->from];
    double x = at->right, y = at->y;
    buf_addz(out, "<path");
    if (page)
        text_addf_xml(out, " data-from=\"%.*s\" data-to=\"%.*s\"", STR_ARG(p->decls[edge->from]->address),
            STR_ARG(p->decls[edge->to]->address));
    buf_addf(out, " d=\"M%.0f %.0f H%.0f", at->x + at->width, y, x);
    for (uint32_t k = 0; k <= edge->bends; k++) {
        const struct layout_node *next = &layout->nodes[k < edge->bends ? edge->first + k : edge->to];
        double middle = (x + next->x) / 2;
        buf_addf(out, " C%.0f %.0f %.0f %.0f %.0f %.0f", middle, y, middle, next->y, next->x, next->y);
        if (k < edge->bends)
            buf_addf(out, " H%.0f", next->right);
        x = next->right;
        y = next->y;
    }
    buf_addz(out, "\"/>\n");
}

enum { MARGIN = 24, FRAME = 12, TITLE = 15, LEGEND = 44 };

/* Opens the frame of a module in a page, where it can be collapsed. */
static void open_frame(struct str path, size_t boxes, struct buf *out)
{
    text_addf_xml(out,
        "<g class=\"frame\" tabindex=\"0\" role=\"button\" aria-expanded=\"true\" data-module=\"%.*s\" "
        "aria-label=\"module %.*s, %zu of it\">\n",
        STR_ARG(path), STR_ARG(path), boxes);
}

/* Draws the frame of a module with its name around its boxes. */
static void add_frame(const struct picture *p, uint32_t group, bool page, struct buf *out)
{
    size_t boxes = 0;
    double left = 1e9, right = -1e9, top = 1e9, bottom = -1e9;
    for (size_t i = 0; i < p->n; i++) {
        const struct layout_node *node = &p->layout.nodes[i];
        if (node->group != group)
            continue;
        boxes++;
        left = node->x < left ? node->x : left;
        right = node->x + node->width > right ? node->x + node->width : right;
        top = node->y < top ? node->y : top;
        bottom = node->y > bottom ? node->y : bottom;
    }
    if (right < left || !p->groups[group]->path.n)
        return;
    double y = top - LAYOUT_BOX / 2.0 - FRAME - TITLE / 2.0;
    if (page)
        open_frame(p->groups[group]->path, boxes, out);
    buf_addf(out,
        "<rect class=\"module\" x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\" rx=\"10\" "
        "fill=\"#f6f8fa\" "
        "stroke=\"#d0d7de\"/>\n<text x=\"%.0f\" y=\"%.0f\" font-size=\"11\" fill=\"#57606a\">",
        left - FRAME, y, right - left + 2 * FRAME, bottom + LAYOUT_BOX / 2.0 + FRAME / 2.0 - y,
        left - FRAME / 2.0, y + TITLE - 2);
    text_addf_xml(out, "%.*s</text>\n", STR_ARG(p->groups[group]->path));
    buf_addz(out, page ? "</g>\n" : "");
}

/* Opens the box in a page, with attributes for styles, scripts and screen readers. */
static void open_box(const struct decl *decl, struct str module, enum action action, struct buf *out)
{
    text_addf_xml(out,
        "<g class=\"box %s%s\" tabindex=\"0\" role=\"button\" data-of=\"%.*s\" data-in=\"%.*s\" "
        "aria-label=\"%.*s",
        action == ACTION_NOOP ? "noop" : action_name(action), decl->kind == DECL_DATA ? " data" : "",
        STR_ARG(decl->address), STR_ARG(module), STR_ARG(decl->address));
    buf_addf(out, ", %.*s, %s\">\n", STR_ARG(decl->schema->name),
        action == ACTION_NOOP ? "unchanged" : action_verb(action));
}

static void add_box(
    const struct layout_node *node, const struct decl *decl, enum action action, struct buf *out)
{
    buf_addf(out,
        "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%d\" rx=\"6\" fill=\"%s\" stroke=\"%s\"%s/>\n",
        node->x, node->y - LAYOUT_BOX / 2.0, node->width, LAYOUT_BOX,
        action == ACTION_NOOP ? "#ffffff" : picture_colors[action].fill, picture_colors[action].line,
        decl->kind == DECL_DATA ? " stroke-dasharray=\"4 3\"" : "");
    text_addf_xml(out,
        "<text x=\"%.0f\" y=\"%.0f\" font-weight=\"bold\">%.*s</text><text x=\"%.0f\" y=\"%.0f\" "
        "font-size=\"10\" fill=\"#57606a\">%.*s</text>\n",
        node->x + PICTURE_PADDING / 2.0, node->y - 3, STR_ARG(picture_box_name(decl)),
        node->x + PICTURE_PADDING / 2.0, node->y + 11, STR_ARG(decl->schema->name));
}

static double add_legend_box(
    double x, double y, const char *text, enum action action, bool dashed, struct buf *out)
{
    buf_addf(out,
        "<rect x=\"%.0f\" y=\"%.0f\" width=\"18\" height=\"12\" rx=\"3\" fill=\"%s\" stroke=\"%s\"%s/><text "
        "x=\"%.0f\" "
        "y=\"%.0f\">%s</text>\n",
        x, y - 10, action == ACTION_NOOP ? "#ffffff" : picture_colors[action].fill,
        picture_colors[action].line, dashed ? " stroke-dasharray=\"4 3\"" : "", x + 24, y, text);
    return x + 24 + (double)strlen(text) * PICTURE_LETTER + PICTURE_PADDING;
}

static bool has_action(const struct picture *p, enum action action)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->actions[i] == action)
            return true;
    return false;
}

/* Explains boxes, colours and edges. */
static double add_legend(const struct picture *p, double y, struct buf *out)
{
    static const enum action shown[] = {
        ACTION_CREATE, ACTION_UPDATE, ACTION_REPLACE, ACTION_DELETE, ACTION_ADOPT};
    buf_addz(out, "<g class=\"legend\" font-size=\"11\" fill=\"#57606a\">\n");
    double x = add_legend_box(0, y, "resource", ACTION_NOOP, false, out);
    x = add_legend_box(x, y, "data source", ACTION_NOOP, true, out);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (has_action(p, shown[i]))
            x = add_legend_box(x, y, action_verb(shown[i]), shown[i], false, out);
    buf_addf(out, "<text x=\"%.0f\" y=\"%.0f\">A &#8594; B: B needs A</text>\n</g>\n", x, y);
    return x + 24 * PICTURE_LETTER;
}

static void add_boxes(const struct picture *p, bool page, struct buf *out)
{
    for (size_t i = 0; i < p->n; i++) {
        if (page)
            open_box(p->decls[i], p->groups[p->layout.nodes[i].group]->path, p->actions[i], out);
        add_box(&p->layout.nodes[i], p->decls[i], p->actions[i], out);
        buf_addz(out, page ? "</g>\n" : "");
    }
}

void picture_svg(const struct picture *p, bool page, struct buf *out)
{
    const struct layout *l = &p->layout;
    AUTO_BUF struct buf legend = BUF_INIT;
    double legend_width = page ? 0 : add_legend(p, l->height + LEGEND, &legend);
    double width = (l->width > legend_width ? l->width : legend_width) + 2 * MARGIN,
           height = l->height + LEGEND + 2 * MARGIN + FRAME;
    buf_addf(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"%d %d %.0f %.0f\" width=\"%.0f\" "
        "height=\"%.0f\" font-family=\"sans-serif\" font-size=\"12\">\n<title>",
        -MARGIN, -MARGIN - FRAME, width, height, width, height);
    text_add_xml(out, p->stack->name);
    buf_addz(out, "</title>\n<defs><marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" "
                  "markerUnits=\"userSpaceOnUse\" markerWidth=\"10\" markerHeight=\"10\" "
                  "orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#8c959f\"/></marker></defs>\n");
    for (uint32_t g = 0; g < l->group_count; g++)
        add_frame(p, g, page, out);
    buf_addz(out, "<g fill=\"none\" stroke=\"#8c959f\" marker-end=\"url(#end)\">\n");
    for (size_t i = 0; i < l->edge_count; i++)
        add_path(p, &l->edges[i], page, out);
    buf_addz(out, "</g>\n");
    add_boxes(p, page, out);
    buf_add_str(out, buf_str(&legend));
    buf_addz(out, "</svg>\n");
}

/* ---- nodes and edges ---- */

static bool is_drawn(const struct decl *decl)
{
    return decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA;
}

struct edges {
    struct picture *p;
    uint32_t to;
    uint32_t *stamps; /* by decl->index: `to` + 1 of the last walk that visited it */
};

/* Adds edges from the dependencies of a node, direct or through locals, inputs, outputs and modules. */
static bool add_edge(void *ctx, const struct decl *dep)
{
    struct edges *edges = ctx;
    uint32_t *stamp = &edges->stamps[dep->index], from = edges->p->nodes[dep->index];
    if (*stamp == edges->to + 1)
        return false;
    *stamp = edges->to + 1;
    if (is_drawn(dep) && from != UINT32_MAX)
        layout_add_edge(&edges->p->layout, from, edges->to);
    return !is_drawn(dep);
}

struct str picture_box_name(const struct decl *decl)
{
    return decl->module->path.n ? decl->name : decl->address;
}

static double box_width(const struct decl *decl)
{
    size_t name = cells_width(picture_box_name(decl)), type = cells_width(decl->schema->name);
    return (double)(name > type ? name : type) * PICTURE_LETTER + PICTURE_PADDING;
}

static uint32_t group_of(const struct picture *p, const struct module *module)
{
    uint32_t i = 0;
    while (p->groups[i] != module)
        i++;
    return i;
}

void picture_init(struct picture *p, const struct stack *stack, const bool *absent)
{
    *p = (struct picture){.stack = stack};
    size_t count = stack->decl_count + 1;
    p->nodes = mem_realloc_array(NULL, count, sizeof *p->nodes);
    p->decls = mem_zalloc(count * sizeof *p->decls);
    p->actions = mem_zalloc(count * sizeof *p->actions);
    p->groups = mem_zalloc((stack->module_count + 1) * sizeof *p->groups);
    for (size_t i = 0; i < stack->module_count; i++)
        p->groups[i] = stack->modules[i];
    layout_init(&p->layout);
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        p->nodes[i] = UINT32_MAX;
        if (!is_drawn(decl) || absent[i])
            continue;
        p->nodes[i] = layout_add_node(&p->layout, box_width(decl), group_of(p, decl->module));
        p->decls[p->n++] = decl;
    }
    struct edges edges = {.p = p, .stamps = mem_zalloc(count * sizeof *edges.stamps)};
    for (; edges.to < p->n; edges.to++)
        decl_walk_deps(p->decls[edges.to], add_edge, &edges);
    free(edges.stamps);
}

void picture_release(struct picture *p)
{
    layout_release(&p->layout);
    free(p->nodes);
    free(p->decls);
    free(p->groups);
    free(p->actions);
}

/* If instances have different actions, the most severe one gives the colour. */
void picture_take_plan(struct picture *p, const struct plan *plan)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < plan->change_count; i++) {
        struct str declared, key;
        if (!address_split(&arena, plan->changes[i]->subject.address, &declared, &key))
            continue;
        const struct decl *decl = stack_find(p->stack, declared);
        if (!decl || !is_drawn(decl) || p->nodes[decl->index] == UINT32_MAX)
            continue;
        enum action *action = &p->actions[p->nodes[decl->index]];
        if (plan->changes[i]->decision.action > *action)
            *action = plan->changes[i]->decision.action;
    }
}
