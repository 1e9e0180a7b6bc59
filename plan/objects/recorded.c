/*
 * The graph of dependencies; the state's records under their new addresses, the order among them, and
 * dependencies through what is no resource.
 */
#include "plan/objects/recorded.h"

#include "base/mem.h"
#include "plan/objects/objects.h"

#include <assert.h>
#include <stdlib.h>

/* ---- A graph in three arrays: edges are gathered as pairs and then sorted by their first node, in linear
 * time. */

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

/* ---- Dependencies through what is no resource; each walk has a stamp of its own ---- */

static void walk_deps(
    struct planner *p, const struct decl *decl, void (*visit)(void *ctx, const struct decl *dep), void *ctx)
{
    for (size_t i = 0; i < decl->dep_count; i++) {
        const struct decl *dep = decl->deps[i];
        if (p->evaluated.stamps[dep->index] == p->evaluated.stamp)
            continue;
        p->evaluated.stamps[dep->index] = p->evaluated.stamp;
        if (dep->kind == DECL_RESOURCE || dep->kind == DECL_DATA)
            visit(ctx, dep);
        if (dep->kind != DECL_RESOURCE) /* a data source stands for what it reads */
            walk_deps(p, dep, visit, ctx);
    }
}

void each_resource_dep(
    struct planner *p, const struct decl *decl, void (*visit)(void *ctx, const struct decl *dep), void *ctx)
{
    p->evaluated.stamp++;
    walk_deps(p, decl, visit, ctx);
}

static void add_resource_dep(void *ctx, const struct decl *dep)
{
    struct value_builder *b = ctx;
    if (dep->kind == DECL_RESOURCE)
        value_builder_add(b, value_string_ref(b->arena, dep->address));
}

const struct value *evaluate_deps(struct planner *p, const struct decl *decl)
{
    struct value_builder b = VALUE_BUILDER(p->arena);
    each_resource_dep(p, decl, add_resource_dep, &b);
    return value_builder_list(&b);
}

void depends_need(const struct decl *decl, bool *needed)
{
    if (needed[decl->index])
        return;
    needed[decl->index] = true;
    for (size_t i = 0; i < decl->dep_count; i++)
        depends_need(decl->deps[i], needed);
}

struct seen *recorded_find(const struct recorded *recorded, struct str address)
{
    return map_get(&recorded->by_address, address);
}

/* Where one `moved:` entry takes the address; unchanged where it does not apply. */
static struct str apply_move(struct arena *arena, struct str address, const struct moved *moved)
{
    if (str_eq(address, moved->from))
        return moved->to;
    if (str_eq(address_declared(address), moved->from) ||
        (address.n > moved->from.n && str_starts(address, moved->from) && address.p[moved->from.n] == '/')) {
        struct str parts[] = {moved->to, str_slice(address, moved->from.n, address.n)};
        return arena_concat(arena, parts, 2);
    }
    return address;
}

static struct str new_address(struct planner *p, const struct record *record)
{
    struct str address = record->subject.address;
    for (size_t i = 0; i < p->stack->moved_count; i++)
        address = apply_move(p->arena, address, &p->stack->moved[i]);
    /* What is there already is not overwritten: then the old one stays where it was and is planned as such.
     */
    return !str_eq(address, record->subject.address) && state_get(p->workspace->state, address)
               ? record->subject.address
               : address;
}

static void learn_record(const struct planner *p, const struct record *record)
{
    const struct schema *schema =
        value_is_sensitive(record->attrs)
            ? catalog_find(p->workspace->catalog, record->subject.type, false, ERR_IGNORED)
            : NULL;
    if (schema)
        object_learn(schema, record->attrs);
}

bool recorded_claim(struct planner *p)
{
    size_t n;
    const struct record *const *records = state_records(p->workspace->state, &n);
    p->recorded.seen = ARENA_ARRAY(p->arena, struct seen, n ? n : 1);
    p->recorded.count = n;
    p->recorded.seq = state_seq(p->workspace->state);
    bool moves = p->stack->moved_count;
    p->recorded.by_declared = moves ? &p->recorded.after_moves : &p->recorded.by_recorded;
    map_reserve(&p->recorded.by_recorded, n);
    map_reserve(&p->recorded.by_address, n);
    for (size_t i = 0; i < n; i++) {
        struct seen *seen = &p->recorded.seen[i];
        *seen = (struct seen){.record = records[i], .live = records[i]->attrs};
        learn_record(p, records[i]);
        seen->address = moves ? new_address(p, records[i]) : records[i]->subject.address;
        struct str declared = address_declared(records[i]->subject.address);
        seen->sibling = seen->neighbour = map_set(&p->recorded.by_recorded, declared, seen);
        if (moves)
            seen->neighbour = map_set(&p->recorded.after_moves, address_declared(seen->address), seen);
        struct seen *twin = map_set(&p->recorded.by_address, seen->address, seen);
        if (twin) {
            diag_error(p->diags, (struct span){0}, "moved: both \"%.*s\" and \"%.*s\" would become \"%.*s\"",
                STR_ARG(twin->record->subject.address), STR_ARG(records[i]->subject.address),
                STR_ARG(seen->address));
            return false;
        }
    }
    return true;
}

bool recorded_moves(const struct recorded *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (!str_eq(r->seen[i].address, r->seen[i].record->subject.address))
            return true;
    return false;
}

/* Numbers the nodes that stand between all instances of a declaration and all their dependents. */
static void number_hubs(const struct recorded *r, struct map *hubs)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct value *deps = r->seen[i].record->deps;
        for (uint32_t k = 0; deps && k < deps->count; k++) {
            struct str name = deps->items[k]->string;
            const struct seen *dep = map_get(&r->by_recorded, name);
            if (dep && dep->sibling && !map_get(hubs, name))
                map_set(hubs, name, (void *)(r->count + hubs->n));
        }
    }
}

void recorded_graph(const struct recorded *r, struct graph *graph)
{
    AUTO_MAP struct map hubs = MAP_INIT;
    number_hubs(r, &hubs);
    graph_init(graph, (uint32_t)(r->count + hubs.n));
    for (size_t h = 0; h < hubs.n; h++)
        for (const struct seen *dep = map_get(&r->by_recorded, hubs.items[h].key); dep; dep = dep->sibling)
            graph_add_edge(graph, (uint32_t)(dep - r->seen), (uint32_t)(r->count + h));
    for (size_t i = 0; i < r->count; i++) {
        const struct value *deps = r->seen[i].record->deps;
        for (uint32_t k = 0; deps && k < deps->count; k++) {
            struct str name = deps->items[k]->string;
            size_t hub = (size_t)map_get(&hubs, name);
            if (hub) {
                graph_add_edge(graph, (uint32_t)hub, (uint32_t)i);
                continue;
            }
            struct str declared = address_declared(name);
            const struct seen *dep = map_get(&r->by_recorded, declared);
            for (; dep; dep = dep->sibling)
                if (declared.n == name.n || str_eq(dep->record->subject.address, name))
                    graph_add_edge(graph, (uint32_t)(dep - r->seen), (uint32_t)i);
        }
    }
    graph_freeze(graph);
    graph_open_circles(graph);
}
