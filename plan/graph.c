#include "plan/graph.h"

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
