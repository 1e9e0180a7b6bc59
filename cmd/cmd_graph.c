/* weir graph: resources and their dependencies, as SVG or for Graphviz. */
#include "cmd/page/page.h"
#include "cmd/planning/planning.h"

struct graph_settings {
    struct settings shared;
    const char *format;
    bool plan;
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

/* Writes the boxes of a module, within a frame unless it is the stack itself. */
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
        buf_addf(&label, "%.*s\n%.*s", STR_ARG(picture_box_name(decl)), STR_ARG(decl->schema->name));
        buf_addz(out, path.n ? "    " : "  ");
        add_quoted(out, decl->address);
        buf_addz(out, " [label = ");
        add_quoted(out, buf_str(&label));
        buf_addf(out, ", fillcolor = \"%s\", color = \"%s\"%s]\n", picture_colors[p->actions[i]].fill,
            picture_colors[p->actions[i]].line,
            decl->kind == DECL_DATA ? ", style = \"rounded,filled,dashed\"" : "");
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
    if (str_eqz(str_z(own->format), "dot")) {
        write_dot(&picture, &out);
    } else if (str_eqz(str_z(own->format), "html")) {
        page_write(&picture, plan, NULL, &out);
    } else {
        layout_run(&picture.layout);
        picture_svg(&picture, false, &out);
    }
    picture_release(&picture);
    plan_free(plan);
    return invocation_write(inv, buf_str(&out));
}

static int cmd_graph_run(struct invocation *inv)
{
    const struct graph_settings *own = inv->own;
    AUTO_WORKSPACE struct workspace workspace = {0};
    int status = invocation_open(inv, &(struct workspace_options){.no_state = !own->plan}, &workspace);
    return status != EXIT_DONE ? status : cmd_graph_draw(inv, &workspace);
}

static const struct option options[] = {
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct graph_settings, format),
        .completes = COMPLETES_CHOICES, .choices = "svg dot html"},
    {0, "plan", .offset = offsetof(struct graph_settings, plan)},
};

const struct command cmd_graph = {
    .name = "graph",
    .sets = {OWN_OPTIONS(options), &options_stack},
    .settings_size = sizeof(struct graph_settings),
    .run = cmd_graph_run,
};
