/* A layered drawing of an acyclic directed graph from left to right: see picture.h. */
#include "cmd/graph/picture.h"

#include "base/mem.h"

#include <stdlib.h>

enum { SWEEPS = 12, SETTLING = 24, NODES_MAX = 100000 /* with bends; beyond it, edges go straight */ };

void layout_init(struct layout *layout)
{
    *layout = (struct layout){0};
}

void layout_release(struct layout *layout)
{
    free(layout->nodes);
    free(layout->edges);
    *layout = (struct layout){0};
}

static uint32_t graph_layout_add(struct layout *layout, struct layout_node node)
{
    MEM_GROW(layout->nodes, layout->node_cap, layout->node_count + 1);
    layout->nodes[layout->node_count] = node;
    return (uint32_t)layout->node_count++;
}

uint32_t layout_add_node(struct layout *layout, double width, uint32_t group)
{
    layout->real_count++;
    layout->group_count = group + 1 > layout->group_count ? group + 1 : layout->group_count;
    return graph_layout_add(layout, (struct layout_node){.width = width, .group = group});
}

void layout_add_edge(struct layout *layout, uint32_t from, uint32_t to)
{
    MEM_GROW(layout->edges, layout->edge_cap, layout->edge_count + 1);
    layout->edges[layout->edge_count++] = (struct layout_edge){.from = from, .to = to};
}

/* ---- layers: each node is one layer after its last dependency ---- */

static uint32_t assign_layers(struct layout *layout)
{
    uint32_t last = 0;
    bool changed = true;
    for (size_t round = 0; changed && round <= layout->real_count; round++) {
        changed = false;
        for (size_t i = 0; i < layout->edge_count; i++) {
            const struct layout_node *from = &layout->nodes[layout->edges[i].from];
            struct layout_node *to = &layout->nodes[layout->edges[i].to];
            if (to->layer > from->layer)
                continue;
            to->layer = from->layer + 1;
            changed = true;
        }
    }
    for (size_t i = 0; i < layout->node_count; i++)
        last = layout->nodes[i].layer > last ? layout->nodes[i].layer : last;
    return last + 1;
}

static void add_bends(struct layout *layout)
{
    for (size_t i = 0; i < layout->edge_count; i++) {
        struct layout_edge *edge = &layout->edges[i];
        uint32_t from = layout->nodes[edge->from].layer, to = layout->nodes[edge->to].layer;
        edge->first = (uint32_t)layout->node_count;
        for (uint32_t layer = from + 1; layer < to && layout->node_count < NODES_MAX; layer++, edge->bends++)
            graph_layout_add(layout,
                (struct layout_node){.layer = layer, .bend = true, .group = layout->nodes[edge->to].group});
    }
}

/* ---- order within the columns ---- */

/* The edges between adjacent columns, including bends, sorted by the column that they come from. */
struct links {
    uint32_t (*pairs)[2];
    size_t *starts; /* by column: its first link; the last item is their number */
};

struct column {
    uint32_t *nodes;
    size_t n;
};

static struct links make_links(const struct layout *layout, uint32_t columns)
{
    struct links links = {.starts = mem_zalloc((columns + 1) * sizeof *links.starts)};
    size_t most = layout->edge_count + layout->node_count, n = 0;
    uint32_t(*pairs)[2] = mem_realloc_array(NULL, most + 1, sizeof *pairs);
    for (size_t i = 0; i < layout->edge_count; i++) {
        const struct layout_edge *edge = &layout->edges[i];
        uint32_t at = edge->from;
        for (uint32_t k = 0; k <= edge->bends; k++, n++) {
            pairs[n][0] = at;
            pairs[n][1] = at = k < edge->bends ? edge->first + k : edge->to;
            links.starts[layout->nodes[pairs[n][0]].layer]++;
        }
    }
    for (uint32_t c = 0; c < columns; c++)
        links.starts[c + 1] += links.starts[c];
    links.pairs = mem_realloc_array(NULL, n + 1, sizeof *links.pairs);
    while (n--) /* from the end, which keeps the order within a column */
        memcpy(links.pairs[--links.starts[layout->nodes[pairs[n][0]].layer]], pairs[n], sizeof *pairs);
    free(pairs);
    return links;
}

static struct column *make_columns(const struct layout *layout, uint32_t count)
{
    struct column *columns = mem_zalloc(count * sizeof *columns);
    for (size_t i = 0; i < layout->node_count; i++)
        columns[layout->nodes[i].layer].n++;
    for (uint32_t c = 0; c < count; c++) {
        columns[c].nodes = mem_realloc_array(NULL, columns[c].n + 1, sizeof *columns[c].nodes);
        columns[c].n = 0;
    }
    for (uint32_t i = 0; i < layout->node_count; i++) {
        struct column *column = &columns[layout->nodes[i].layer];
        column->nodes[column->n++] = i;
    }
    return columns;
}

/* Sets the weights of a column's nodes to the average position of their neighbours on one side, or to their
 * own position without neighbours. */
static void weigh_column(
    struct layout *layout, const struct links *links, const struct column *column, uint32_t c, bool forward)
{
    for (size_t i = 0; i < column->n; i++)
        layout->nodes[column->nodes[i]].weight = 0, layout->nodes[column->nodes[i]].links = 0;
    size_t end = forward ? links->starts[c] : links->starts[c + 1];
    for (size_t i = forward ? c ? links->starts[c - 1] : end : links->starts[c]; i < end; i++) {
        struct layout_node *node = &layout->nodes[links->pairs[i][forward]];
        node->weight += layout->nodes[links->pairs[i][!forward]].y;
        node->links++;
    }
    for (size_t i = 0; i < column->n; i++) {
        struct layout_node *node = &layout->nodes[column->nodes[i]];
        node->weight = node->links ? node->weight / node->links : node->y;
    }
}

static int by_weight(const void *a, const void *b, void *nodes)
{
    const struct layout_node *sorting = nodes;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    double x = sorting[i].weight, y = sorting[j].weight;
    if (x < y || x > y)
        return x < y ? -1 : 1;
    return i < j ? -1 : i > j;
}

static void number_rows(struct layout *layout, const struct column *column)
{
    for (size_t i = 0; i < column->n; i++)
        layout->nodes[column->nodes[i]].y = (double)i * LAYOUT_ROW;
}

static void order_columns(
    struct layout *layout, struct column *columns, uint32_t count, const struct links *links)
{
    for (uint32_t c = 0; c < count; c++)
        number_rows(layout, &columns[c]);
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        bool forward = sweep % 2 == 0;
        for (uint32_t k = 0; k < count; k++) {
            uint32_t c = forward ? k : count - 1 - k;
            struct column *column = &columns[c];
            weigh_column(layout, links, column, c, forward);
            qsort_r(column->nodes, column->n, sizeof *column->nodes, by_weight, layout->nodes);
            number_rows(layout, column);
        }
    }
}

/* ---- positions ---- */

/* Moves the nodes of a column towards their neighbours, without changing their order or overlapping. */
static void move_to_neighbours(struct layout *layout, const struct column *column)
{
    double low = -1e9;
    for (size_t i = 0; i < column->n; i++) {
        struct layout_node *node = &layout->nodes[column->nodes[i]];
        node->y = node->weight > low ? node->weight : low;
        low = node->y + (node->bend ? LAYOUT_ROW / 2.0 : LAYOUT_ROW);
    }
    /* Moves all nodes up by the average displacement, so that the column stays centred on its neighbours. */
    double push = 0;
    for (size_t i = 0; i < column->n; i++)
        push += layout->nodes[column->nodes[i]].y - layout->nodes[column->nodes[i]].weight;
    for (size_t i = 0; column->n && i < column->n; i++)
        layout->nodes[column->nodes[i]].y -= push / (double)column->n;
}

/* Splits the columns by group; the order within a column is kept. */
static struct column *split_columns(const struct layout *layout, const struct column *columns, uint32_t count)
{
    uint32_t groups = layout->group_count;
    struct column *parts = mem_zalloc((size_t)count * groups * sizeof *parts);
    for (uint32_t c = 0; c < count; c++)
        for (uint32_t g = 0; g < groups; g++) {
            struct column *part = &parts[c * groups + g];
            part->nodes = mem_realloc_array(NULL, columns[c].n + 1, sizeof *part->nodes);
            for (size_t i = 0; i < columns[c].n; i++)
                if (layout->nodes[columns[c].nodes[i]].group == g)
                    part->nodes[part->n++] = columns[c].nodes[i];
        }
    return parts;
}

struct band {
    uint32_t group;
    double top, bottom, sum;
    size_t n;
};

static int by_place(const void *a, const void *b)
{
    const struct band *x = a, *y = b;
    double left = x->n ? x->sum / (double)x->n : 0, right = y->n ? y->sum / (double)y->n : 0;
    return left < right ? -1 : left > right;
}

/* Stacks the groups vertically, so that the frame of a group contains no node of another one. */
static void stack_bands(struct layout *layout)
{
    struct band *bands = mem_zalloc(layout->group_count * sizeof *bands);
    double *shift = mem_zalloc(layout->group_count * sizeof *shift), bottom = 0;
    for (uint32_t g = 0; g < layout->group_count; g++)
        bands[g] = (struct band){.group = g, .top = 1e9, .bottom = -1e9};
    for (size_t i = 0; i < layout->node_count; i++) {
        const struct layout_node *node = &layout->nodes[i];
        struct band *band = &bands[node->group];
        band->top = node->y < band->top ? node->y : band->top;
        band->bottom = node->y > band->bottom ? node->y : band->bottom;
        band->sum += node->y;
        band->n++;
    }
    qsort(bands, layout->group_count, sizeof *bands, by_place);
    for (uint32_t k = 0; k < layout->group_count; k++) {
        if (!bands[k].n)
            continue;
        shift[bands[k].group] = bottom - bands[k].top;
        bottom += bands[k].bottom - bands[k].top + LAYOUT_ROW + LAYOUT_BAND;
    }
    for (size_t i = 0; i < layout->node_count; i++)
        layout->nodes[i].y += shift[layout->nodes[i].group];
    free(bands);
    free(shift);
}

static void graph_layout_place(
    struct layout *layout, struct column *columns, uint32_t count, const struct links *links)
{
    struct column *parts = split_columns(layout, columns, count);
    size_t part_count = (size_t)count * layout->group_count;
    for (int round = 0; round < SETTLING; round++) {
        bool forward = round % 2 == 0;
        for (size_t k = 0; k < part_count; k++) {
            size_t part = forward ? k : part_count - 1 - k;
            uint32_t c = (uint32_t)(part / layout->group_count);
            if (k % layout->group_count == 0)
                weigh_column(layout, links, &columns[c], c, forward);
            move_to_neighbours(layout, &parts[part]);
        }
    }
    for (size_t k = 0; k < part_count; k++)
        free(parts[k].nodes);
    free(parts);
    if (layout->group_count > 1)
        stack_bands(layout);
    double x = 0, top = 1e9, bottom = -1e9;
    for (uint32_t c = 0; c < count; c++) {
        double widest = 0;
        for (size_t i = 0; i < columns[c].n; i++) {
            struct layout_node *node = &layout->nodes[columns[c].nodes[i]];
            node->x = x;
            widest = node->width > widest ? node->width : widest;
            top = node->y < top ? node->y : top;
            bottom = node->y > bottom ? node->y : bottom;
        }
        for (size_t i = 0; i < columns[c].n; i++)
            layout->nodes[columns[c].nodes[i]].right = x + widest;
        x += widest + LAYOUT_GAP;
    }
    for (size_t i = 0; i < layout->node_count; i++)
        layout->nodes[i].y += LAYOUT_BOX / 2.0 - top;
    layout->width = x > LAYOUT_GAP ? x - LAYOUT_GAP : 0;
    layout->height = bottom - top + LAYOUT_BOX;
}

void layout_run(struct layout *layout)
{
    if (!layout->node_count)
        return;
    uint32_t count = assign_layers(layout);
    add_bends(layout);
    struct links links = make_links(layout, count);
    struct column *columns = make_columns(layout, count);
    order_columns(layout, columns, count, &links);
    graph_layout_place(layout, columns, count, &links);
    for (uint32_t c = 0; c < count; c++)
        free(columns[c].nodes);
    free(columns);
    free(links.pairs);
    free(links.starts);
}
