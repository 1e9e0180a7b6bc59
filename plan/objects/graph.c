/*
 * A graph in three arrays: edges are gathered as pairs and then sorted by their first node, in linear time.
 */
#include "plan/objects/graph.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

void graph_init(struct graph *graph, uint32_t node_count)
{
    *graph = (struct graph){.node_count = node_count};
}

void graph_release(struct graph *graph)
{
    free(graph->pairs);
    free(graph->first);
    free(graph->targets);
    free(graph->waiting);
    *graph = (struct graph){0};
}

void graph_add_edge(struct graph *graph, uint32_t from, uint32_t to)
{
    assert(from < graph->node_count && to < graph->node_count && !graph->first);
    if (from == to)
        return;
    MEM_GROW(graph->pairs, graph->pair_cap, graph->pair_count + 2);
    graph->pairs[graph->pair_count++] = from;
    graph->pairs[graph->pair_count++] = to;
}

void graph_freeze(struct graph *graph)
{
    size_t n = graph->node_count, edges = graph->pair_count / 2;
    graph->first = mem_zalloc((n + 1) * sizeof *graph->first);
    graph->waiting = mem_zalloc((n + 1) * sizeof *graph->waiting);
    graph->targets = mem_realloc_array(NULL, edges + 1, sizeof *graph->targets);
    for (size_t i = 0; i < edges; i++) {
        graph->first[graph->pairs[2 * i] + 1]++;
        graph->waiting[graph->pairs[2 * i + 1]]++;
    }
    for (size_t i = 0; i < n; i++)
        graph->first[i + 1] += graph->first[i];
    uint32_t *next = mem_realloc_array(NULL, n + 1, sizeof *next);
    for (size_t i = 0; i < n; i++)
        next[i] = graph->first[i];
    for (size_t i = 0; i < edges; i++)
        graph->targets[next[graph->pairs[2 * i]]++] = graph->pairs[2 * i + 1];
    free(next);
    free(graph->pairs);
    graph->pairs = NULL;
    graph->pair_cap = 0;
}

/* ---- circles ---- */

enum { UNSEEN, ON_PATH, LEFT };

/* Depth first; an edge back to what is on the path closes a circle and becomes one from a node to itself. */
static size_t mark_circles(
    struct graph *graph, uint32_t start, unsigned char *states, uint32_t *path, uint32_t *next)
{
    size_t closed = 0;
    uint32_t depth = 0;
    path[depth++] = start;
    states[start] = ON_PATH;
    next[start] = graph->first[start];
    while (depth) {
        uint32_t at = path[depth - 1];
        if (next[at] == graph->first[at + 1]) {
            states[at] = LEFT;
            depth--;
            continue;
        }
        uint32_t *target = &graph->targets[next[at]++];
        if (states[*target] == ON_PATH) {
            graph->waiting[*target]--;
            *target = at;
            closed++;
        } else if (states[*target] == UNSEEN) {
            states[*target] = ON_PATH;
            next[*target] = graph->first[*target];
            path[depth++] = *target;
        }
    }
    return closed;
}

static void remove_marked(struct graph *graph)
{
    uint32_t kept = 0, from = 0;
    for (uint32_t i = 0; i < graph->node_count; i++) {
        uint32_t end = graph->first[i + 1];
        for (; from < end; from++)
            if (graph->targets[from] != i)
                graph->targets[kept++] = graph->targets[from];
        graph->first[i + 1] = kept;
    }
}

size_t graph_open_circles(struct graph *graph)
{
    size_t n = graph->node_count, closed = 0;
    unsigned char *states = mem_zalloc(n + 1);
    uint32_t *path = mem_realloc_array(NULL, n + 1, sizeof *path);
    uint32_t *next = mem_realloc_array(NULL, n + 1, sizeof *next);
    for (uint32_t i = 0; i < n; i++)
        if (states[i] == UNSEEN)
            closed += mark_circles(graph, i, states, path, next);
    if (closed)
        remove_marked(graph);
    free(states);
    free(path);
    free(next);
    return closed;
}
