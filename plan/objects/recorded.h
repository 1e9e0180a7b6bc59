/*
 * What the state has, under the addresses that the stack has for it now: `moved:` is applied, nothing is
 * changed. What a refresh then saw of each goes into the same struct seen.
 */
#pragma once

#include "plan/objects/objects.h"
#include "provider/names/names.h"

/* ---- A directed graph over numbered nodes, built edge by edge and then frozen: linear in nodes
 * plus edges. An edge a -> b says that b waits for a. */
struct graph {
    uint32_t node_count;
    uint32_t *pairs; /* from, to, from, to … while building */
    size_t pair_count, pair_cap;
    uint32_t *first; /* after freezing: dependents of n are targets[first[n]] … targets[first[n + 1] - 1] */
    uint32_t *targets;
    uint32_t *waiting; /* number of edges into each node */
};

void graph_init(struct graph *graph, uint32_t node_count);
void graph_release(struct graph *graph);
void graph_add_edge(struct graph *graph, uint32_t from, uint32_t to);
void graph_freeze(struct graph *graph);
/*
 * Takes edges out of a frozen graph until nothing waits for itself in the end: those that close a circle,
 * going through the nodes in order. Returns how many.
 */
size_t graph_open_circles(struct graph *graph);

/* Fills p->recorded from the state. False after an error. */
bool recorded_claim(struct planner *p);
/* Does `moved:` take any of them to another address? */
bool recorded_moves(const struct recorded *recorded);
struct seen *recorded_find(const struct recorded *recorded, struct str address);
/*
 * Edges dependency -> dependent between recorded resources, by their position in recorded->seen. Where many
 * instances of one declaration are depended on, a node beyond recorded->count is between them and their
 * dependents: there would be as many edges as pairs. Records of different ages may contradict each other:
 * edges that would close a circle are left out.
 */
void recorded_graph(const struct recorded *recorded, struct graph *graph);

/* ---- What a declaration refers to, through everything that is no resource: locals, inputs,
 * outputs, modules. Not thread-safe: each walk marks what it has visited. */
/* Calls visit once for each resource and data source that decl refers to. */
void each_resource_dep(
    struct planner *p, const struct decl *decl, void (*visit)(void *ctx, const struct decl *dep), void *ctx);
/* The addresses of those that are resources, as the state records them. */
const struct value *evaluate_deps(struct planner *p, const struct decl *decl);

/*
 * Whose a name is, where only a part of the state was read: its snapshot has what tells each resource apart
 * (objects.h), and what was written since is read.
 *
 * Order of calls: named_open(), any number of named_other(), named_close(). From every thread; named_other()
 * with the executor's lock while a plan is applied.
 */

/* The keys of recorded resources, for a state's snapshots. */
struct naming {
    struct planner *p;
    struct names names;
};
struct state_namer named_begin(struct naming *naming, struct planner *p);
void named_end(struct naming *naming);

/* Does the state that was read name those that may be the same as one of that type, as they are named now? */
bool named_tells(struct naming *naming, const struct schema *schema);

/* Who has some keys. */
struct named {
    struct state *state; /* of its own: as it is now */
    struct naming naming;
    struct arena arena;
    struct map by_key;
};
int named_open(struct planner *p, const struct str *keys, size_t n, struct named *out, struct err *err);
/* What has that key at the location, other than what the plan has read, and than what is to have it; NULL:
 * nothing. */
const struct record *named_other(const struct named *named, struct str address, const struct schema *schema,
    struct whereabouts at, struct str key);
void named_close(struct named *named);
