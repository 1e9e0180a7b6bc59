#include "cmd/graph_layout.h"
#include "cmd/planning.h"

#include "base/cells.h"
#include "base/mem.h"

#include <stdlib.h>

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
        if (is_drawn(dep))
            layout_add_edge(&p->layout, p->nodes[dep->index], to);
        else
            add_edges(p, dep, to, stamps);
    }
}

enum { LETTER = 7, PADDING = 20 }; /* of the font's width, near enough for boxes */

static double box_width(const struct decl *decl)
{
    size_t name = cells_width(decl->address), type = cells_width(decl->schema->name);
    return (double)(name > type ? name : type) * LETTER + PADDING;
}

static void picture_init(struct picture *p, const struct stack *stack)
{
    *p = (struct picture){.stack = stack};
    size_t count = stack->decl_count + 1;
    p->nodes = mem_realloc_array(NULL, count, sizeof *p->nodes);
    p->decls = mem_zalloc(count * sizeof *p->decls);
    p->actions = mem_zalloc(count * sizeof *p->actions);
    layout_init(&p->layout);
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        p->nodes[i] = UINT32_MAX;
        if (!is_drawn(decl))
            continue;
        p->nodes[i] = layout_add_node(&p->layout, box_width(decl));
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
    free(p->actions);
}

/* Of several instances the one with the most to do gives the colour. */
static void picture_take_plan(struct picture *p, const struct plan *plan)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < plan->change_count; i++) {
        struct str declared, key;
        if (!address_split(&arena, plan->changes[i].address, &declared, &key))
            continue;
        const struct decl *decl = stack_find(p->stack, declared);
        if (!decl || !is_drawn(decl))
            continue;
        enum action *action = &p->actions[p->nodes[decl->index]];
        if (plan->changes[i].action > *action)
            *action = plan->changes[i].action;
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

static void write_dot(const struct picture *p, struct buf *out)
{
    buf_addz(out, "digraph ");
    add_quoted(out, p->stack->name);
    buf_addz(out,
        " {\n  rankdir = LR\n  node [shape = box, style = \"rounded,filled\", fontname = \"sans-serif\"]\n");
    for (size_t i = 0; i < p->n; i++) {
        AUTO_BUF struct buf label = BUF_INIT;
        buf_addf(&label, "%.*s\n%.*s", STR_ARG(p->decls[i]->address), STR_ARG(p->decls[i]->schema->name));
        buf_addz(out, "  ");
        add_quoted(out, p->decls[i]->address);
        buf_addz(out, " [label = ");
        add_quoted(out, buf_str(&label));
        buf_addf(out, ", fillcolor = \"%s\", color = \"%s\"]\n", colors[p->actions[i]].fill,
            colors[p->actions[i]].line);
    }
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

/* A curve through the bends: level where it leaves, passes and arrives. */
static void add_path(const struct layout *layout, const struct layout_edge *edge, struct buf *out)
{
    const struct layout_node *at = &layout->nodes[edge->from];
    double x = at->x + at->width, y = at->y;
    buf_addf(out, "<path d=\"M%.0f %.0f", x, y);
    for (uint32_t k = 0; k <= edge->bends; k++) {
        const struct layout_node *next = &layout->nodes[k < edge->bends ? edge->first + k : edge->to];
        double middle = (x + next->x) / 2;
        buf_addf(out, " C%.0f %.0f %.0f %.0f %.0f %.0f", middle, y, middle, next->y, next->x, next->y);
        x = next->x;
        y = next->y;
    }
    buf_addz(out, "\"/>\n");
}

static void write_svg(const struct picture *p, struct buf *out)
{
    enum { MARGIN = 20 };
    const struct layout *l = &p->layout;
    buf_addf(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"%d %d %.0f %.0f\" width=\"%.0f\" "
        "height=\"%.0f\" "
        "font-family=\"sans-serif\" font-size=\"12\">\n<title>",
        -MARGIN, -MARGIN, l->width + 2 * MARGIN, l->height + 2 * MARGIN, l->width + 2 * MARGIN,
        l->height + 2 * MARGIN);
    add_xml(out, p->stack->name);
    buf_addz(out, "</title>\n<defs><marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" "
                  "markerWidth=\"7\" markerHeight=\"7\" "
                  "orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#8c959f\"/></marker></defs>\n"
                  "<g fill=\"none\" stroke=\"#8c959f\" marker-end=\"url(#end)\">\n");
    for (size_t i = 0; i < l->edge_count; i++)
        add_path(l, &l->edges[i], out);
    buf_addz(out, "</g>\n");
    for (size_t i = 0; i < p->n; i++) {
        const struct layout_node *node = &l->nodes[i];
        buf_addf(out,
            "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%d\" rx=\"6\" fill=\"%s\" stroke=\"%s\"/>\n",
            node->x, node->y - LAYOUT_BOX / 2.0, node->width, LAYOUT_BOX, colors[p->actions[i]].fill,
            colors[p->actions[i]].line);
        buf_addf(
            out, "<text x=\"%.0f\" y=\"%.0f\" font-weight=\"bold\">", node->x + PADDING / 2.0, node->y - 3);
        add_xml(out, p->decls[i]->address);
        buf_addf(out, "</text><text x=\"%.0f\" y=\"%.0f\" font-size=\"10\" fill=\"#57606a\">",
            node->x + PADDING / 2.0, node->y + 11);
        add_xml(out, p->decls[i]->schema->name);
        buf_addz(out, "</text>\n");
    }
    buf_addz(out, "</svg>\n");
}

/* ---- the command ---- */

static int draw(struct invocation *inv, struct workspace *workspace)
{
    const struct graph_settings *own = inv->own;
    struct plan *plan = NULL;
    int status = own->plan ? planning_make(inv, workspace, false, NULL, &plan) : EXIT_DONE;
    if (status != EXIT_DONE)
        return status;
    struct picture picture;
    picture_init(&picture, workspace->stack);
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

static int run(struct invocation *inv)
{
    const struct graph_settings *own = inv->own;
    struct workspace workspace;
    int status = invocation_open(inv, &(struct workspace_options){.no_state = !own->plan}, &workspace);
    if (status != EXIT_DONE)
        return status;
    status = draw(inv, &workspace);
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
    .details = "Resources and data sources as boxes, left to right behind what they refer to; without --plan "
               "nothing is called.",
    .sets = sets,
    .settings_size = sizeof(struct graph_settings),
    .examples = examples,
    .run = run,
};
