/* weir graph: resources and what they depend on, as SVG or for Graphviz. */
#include "cmd/graph_layout.h"
#include "cmd/planning.h"

#include "base/mem.h"
#include "base/terminal_cells.h"
#include "cmd/render.h"

#include <stdlib.h>
#include <string.h>

struct graph_settings {
    struct settings shared;
    const char *format;
    bool plan;
};

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

static bool is_drawn(const struct decl *decl)
{
    return decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA;
}

/* Edges to what a declaration refers to, directly or through locals, inputs, outputs and modules. */
static void add_edges(struct picture *p, const struct decl *decl, uint32_t to, uint32_t *stamps)
{
    for (size_t i = 0; i < decl->dep_count; i++) {
        const struct decl *dep = decl->deps[i];
        if (stamps[dep->index] == to + 1)
            continue;
        stamps[dep->index] = to + 1;
        if (is_drawn(dep) && p->nodes[dep->index] == UINT32_MAX)
            continue;
        if (is_drawn(dep))
            layout_add_edge(&p->layout, p->nodes[dep->index], to);
        else
            add_edges(p, dep, to, stamps);
    }
}

enum { LETTER = 7, PADDING = 20 }; /* of the font's width, near enough for boxes */

/* In a frame that says the module, a name is enough. */
static struct str box_name(const struct decl *decl)
{
    return decl->module->path.n ? decl->name : decl->address;
}

static double box_width(const struct decl *decl)
{
    size_t name = cells_width(box_name(decl)), type = cells_width(decl->schema->name);
    return (double)(name > type ? name : type) * LETTER + PADDING;
}

static uint32_t cmd_graph_group_of(const struct picture *p, const struct module *module)
{
    uint32_t i = 0;
    while (p->groups[i] != module)
        i++;
    return i;
}

/* `absent`, by decl->index: what has no instance is not drawn. */
static void picture_init(struct picture *p, const struct stack *stack, const bool *absent)
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
        p->nodes[i] = layout_add_node(&p->layout, box_width(decl), cmd_graph_group_of(p, decl->module));
        p->decls[p->n++] = decl;
    }
    uint32_t *stamps = mem_zalloc(count * sizeof *stamps);
    for (size_t i = 0; i < p->n; i++)
        add_edges(p, p->decls[i], (uint32_t)i, stamps);
    free(stamps);
}

static void picture_release(struct picture *p)
{
    layout_release(&p->layout);
    free(p->nodes);
    free(p->decls);
    free(p->groups);
    free(p->actions);
}

/* Of several instances the one with the most to do gives the colour. */
static void picture_take_plan(struct picture *p, const struct plan *plan)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < plan->change_count; i++) {
        struct str declared, key;
        if (!address_split(&arena, plan->changes[i].subject.address, &declared, &key))
            continue;
        const struct decl *decl = stack_find(p->stack, declared);
        if (!decl || !is_drawn(decl) || p->nodes[decl->index] == UINT32_MAX)
            continue;
        enum action *action = &p->actions[p->nodes[decl->index]];
        if (plan->changes[i].decision.action > *action)
            *action = plan->changes[i].decision.action;
    }
}

static const struct {
    const char *fill, *line;
} colors[ACTION_COUNT] = {
    [ACTION_NOOP] = {"#f6f8fa", "#57606a"},
    [ACTION_READ] = {"#ddf4ff", "#0969da"},
    [ACTION_CREATE] = {"#dafbe1", "#1a7f37"},
    [ACTION_UPDATE] = {"#fff8c5", "#9a6700"},
    [ACTION_REPLACE] = {"#fbefff", "#8250df"},
    [ACTION_DELETE] = {"#ffebe9", "#cf222e"},
    [ACTION_ADOPT] = {"#ddf4ff", "#0969da"},
    [ACTION_FORGET] = {"#f6f8fa", "#57606a"},
};

/* ---- DOT ---- */

static void add_quoted(struct buf *out, struct str text)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, text.p[i]);
    }
    buf_add_char(out, '"');
}

/* The boxes of a module; those of the stack itself without a frame. */
static void write_cluster(const struct picture *p, uint32_t group, struct buf *out)
{
    struct str path = p->groups[group]->path;
    if (path.n) {
        buf_addf(out, "  subgraph cluster_%u {\n    label = ", group);
        add_quoted(out, path);
        buf_addz(out, "; style = rounded; color = \"#8c959f\"; fontname = \"sans-serif\"\n");
    }
    for (size_t i = 0; i < p->n; i++) {
        const struct decl *decl = p->decls[i];
        if (p->layout.nodes[i].group != group)
            continue;
        AUTO_BUF struct buf label = BUF_INIT;
        buf_addf(&label, "%.*s\n%.*s", STR_ARG(box_name(decl)), STR_ARG(decl->schema->name));
        buf_addz(out, path.n ? "    " : "  ");
        add_quoted(out, decl->address);
        buf_addz(out, " [label = ");
        add_quoted(out, buf_str(&label));
        buf_addf(out, ", fillcolor = \"%s\", color = \"%s\"%s]\n", colors[p->actions[i]].fill,
            colors[p->actions[i]].line, decl->kind == DECL_DATA ? ", style = \"rounded,filled,dashed\"" : "");
    }
    buf_addz(out, path.n ? "  }\n" : "");
}

static void write_dot(const struct picture *p, struct buf *out)
{
    buf_addz(out, "digraph ");
    add_quoted(out, p->stack->name);
    buf_addz(out,
        " {\n  rankdir = LR\n  node [shape = box, style = \"rounded,filled\", fontname = \"sans-serif\"]\n");
    for (uint32_t g = 0; g < p->layout.group_count; g++)
        write_cluster(p, g, out);
    for (size_t i = 0; i < p->layout.edge_count; i++) {
        buf_addz(out, "  ");
        add_quoted(out, p->decls[p->layout.edges[i].from]->address);
        buf_addz(out, " -> ");
        add_quoted(out, p->decls[p->layout.edges[i].to]->address);
        buf_addz(out, "\n");
    }
    buf_addz(out, "}\n");
}

/* ---- SVG ---- */

static void add_xml(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '<')
            buf_addz(out, "&lt;");
        else if (c == '&')
            buf_addz(out, "&amp;");
        else
            buf_add_char(out, c);
    }
}

/* A curve through the bends: level where it leaves, passes and arrives, and only between the columns. */
static void add_path(const struct layout *layout, const struct layout_edge *edge, struct buf *out)
{
    const struct layout_node *at = &layout->nodes[edge->from];
    double x = at->right, y = at->y;
    buf_addf(out, "<path d=\"M%.0f %.0f H%.0f", at->x + at->width, y, x);
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

/* Around the boxes of a module, with its name. */
static void add_frame(const struct picture *p, uint32_t group, struct buf *out)
{
    double left = 1e9, right = -1e9, top = 1e9, bottom = -1e9;
    for (size_t i = 0; i < p->n; i++) {
        const struct layout_node *node = &p->layout.nodes[i];
        if (node->group != group)
            continue;
        left = node->x < left ? node->x : left;
        right = node->x + node->width > right ? node->x + node->width : right;
        top = node->y < top ? node->y : top;
        bottom = node->y > bottom ? node->y : bottom;
    }
    if (right < left || !p->groups[group]->path.n)
        return;
    double y = top - LAYOUT_BOX / 2.0 - FRAME - TITLE / 2.0;
    buf_addf(out,
        "<rect class=\"module\" x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\" rx=\"10\" "
        "fill=\"#f6f8fa\" "
        "stroke=\"#d0d7de\"/>\n<text x=\"%.0f\" y=\"%.0f\" font-size=\"11\" fill=\"#57606a\">",
        left - FRAME, y, right - left + 2 * FRAME, bottom + LAYOUT_BOX / 2.0 + FRAME / 2.0 - y,
        left - FRAME / 2.0, y + TITLE - 2);
    add_xml(out, p->groups[group]->path);
    buf_addz(out, "</text>\n");
}

static void add_box(
    const struct layout_node *node, const struct decl *decl, enum action action, struct buf *out)
{
    buf_addf(out,
        "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%d\" rx=\"6\" fill=\"%s\" stroke=\"%s\"%s/>\n",
        node->x, node->y - LAYOUT_BOX / 2.0, node->width, LAYOUT_BOX,
        action == ACTION_NOOP ? "#ffffff" : colors[action].fill, colors[action].line,
        decl->kind == DECL_DATA ? " stroke-dasharray=\"4 3\"" : "");
    buf_addf(out, "<text x=\"%.0f\" y=\"%.0f\" font-weight=\"bold\">", node->x + PADDING / 2.0, node->y - 3);
    add_xml(out, box_name(decl));
    buf_addf(out, "</text><text x=\"%.0f\" y=\"%.0f\" font-size=\"10\" fill=\"#57606a\">",
        node->x + PADDING / 2.0, node->y + 11);
    add_xml(out, decl->schema->name);
    buf_addz(out, "</text>\n");
}

static double add_legend_box(
    double x, double y, const char *text, enum action action, bool dashed, struct buf *out)
{
    buf_addf(out,
        "<rect x=\"%.0f\" y=\"%.0f\" width=\"18\" height=\"12\" rx=\"3\" fill=\"%s\" stroke=\"%s\"%s/><text "
        "x=\"%.0f\" "
        "y=\"%.0f\">%s</text>\n",
        x, y - 10, action == ACTION_NOOP ? "#ffffff" : colors[action].fill, colors[action].line,
        dashed ? " stroke-dasharray=\"4 3\"" : "", x + 24, y, text);
    return x + 24 + (double)strlen(text) * LETTER + PADDING;
}

static bool has_action(const struct picture *p, enum action action)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->actions[i] == action)
            return true;
    return false;
}

/* What boxes, colours and arrows mean. */
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
    return x + 24 * LETTER;
}

static void write_svg(const struct picture *p, struct buf *out)
{
    const struct layout *l = &p->layout;
    AUTO_BUF struct buf legend = BUF_INIT;
    double legend_width = add_legend(p, l->height + LEGEND, &legend);
    double width = (l->width > legend_width ? l->width : legend_width) + 2 * MARGIN,
           height = l->height + LEGEND + 2 * MARGIN + FRAME;
    buf_addf(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"%d %d %.0f %.0f\" width=\"%.0f\" "
        "height=\"%.0f\" font-family=\"sans-serif\" font-size=\"12\">\n<title>",
        -MARGIN, -MARGIN - FRAME, width, height, width, height);
    add_xml(out, p->stack->name);
    buf_addz(out, "</title>\n<defs><marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" "
                  "markerWidth=\"7\" markerHeight=\"7\" "
                  "orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#8c959f\"/></marker></defs>\n");
    for (uint32_t g = 0; g < l->group_count; g++)
        add_frame(p, g, out);
    buf_addz(out, "<g fill=\"none\" stroke=\"#8c959f\" marker-end=\"url(#end)\">\n");
    for (size_t i = 0; i < l->edge_count; i++)
        add_path(l, &l->edges[i], out);
    buf_addz(out, "</g>\n");
    for (size_t i = 0; i < p->n; i++)
        add_box(&l->nodes[i], p->decls[i], p->actions[i], out);
    buf_add_str(out, buf_str(&legend));
    buf_addz(out, "</svg>\n");
}

/* ---- the command ---- */

static int cmd_graph_draw(struct invocation *inv, struct workspace *workspace)
{
    const struct graph_settings *own = inv->own;
    struct plan *plan = NULL;
    int status = own->plan ? planning_make(inv, workspace, false, NULL, &plan) : EXIT_DONE;
    if (status != EXIT_DONE)
        return status;
    struct picture picture;
    picture_init(&picture, workspace->stack, plan_absent(workspace, &inv->arena));
    if (plan)
        picture_take_plan(&picture, plan);
    AUTO_BUF struct buf out = BUF_INIT;
    if (own->format && str_eqz(str_z(own->format), "dot")) {
        write_dot(&picture, &out);
    } else {
        layout_run(&picture.layout);
        write_svg(&picture, &out);
    }
    picture_release(&picture);
    plan_free(plan);
    return invocation_write(inv, buf_str(&out));
}

static int cmd_graph_run(struct invocation *inv)
{
    const struct graph_settings *own = inv->own;
    struct workspace workspace;
    int status = invocation_open(inv, &(struct workspace_options){.no_state = !own->plan}, &workspace);
    if (status != EXIT_DONE)
        return status;
    status = cmd_graph_draw(inv, &workspace);
    workspace_close(&workspace);
    return status;
}

static const struct option options[] = {
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct graph_settings, format),
        .completes = COMPLETES_CHOICES, .choices = "svg dot",
        .doc = "svg (the default) or dot, for Graphviz"},
    {0, "plan", .offset = offsetof(struct graph_settings, plan),
        .doc = "make a plan and colour what it would create, change, replace"},
};
static const struct option_set own_set = OPTION_SET(NULL, options);
static const struct option_set *const sets[] = {&own_set, &options_stack, NULL};
static const struct command_example examples[] = {
    {"weir graph > graph.svg", "what depends on what"},
    {"weir graph --plan > graph.svg", "with colours for what the plan would do"},
    {NULL, NULL},
};

const struct command cmd_graph = {
    .name = "graph",
    .summary = "draw the resources and what they depend on",
    .details = "Resources and data sources as boxes, left to right behind what they refer to, those of a "
               "module in a frame. What "
               "has no instance (`when: false`) is left out. Without --plan "
               "nothing is called.",
    .sets = sets,
    .settings_size = sizeof(struct graph_settings),
    .examples = examples,
    .run = cmd_graph_run,
};
