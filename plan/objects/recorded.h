/*
 * The records of the state under their present addresses: `moved:` is applied, nothing is changed. A refresh
 * adds its results to the same struct recorded_resource.
 */
#pragma once

#include "plan/objects/objects.h"
#include "provider/names/names.h"

/* ---- A directed graph of numbered nodes, built edge by edge and then frozen: linear in nodes plus edges. An
 * edge a -> b: b waits for a. */
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
 * Removes edges that close a cycle from a frozen graph, in depth-first order of the nodes. Returns how many.
 */
size_t graph_open_circles(struct graph *graph);

/* Fills p->recorded from the state. False after an error. */
bool recorded_claim(struct planner *p);
/* True if `moved:` changes the address of a record. */
bool recorded_moves(const struct recorded *recorded);
/* Reports records that would move to the address of one that is deleted. */
void recorded_check_moves(struct planner *p);
struct recorded_resource *recorded_find(const struct recorded *recorded, struct str address);
/*
 * Builds edges dependency -> dependent between recorded resources, numbered as in recorded->items. If many
 * instances of a declaration are depended on, a node beyond recorded->count joins them with their dependents,
 * to avoid one edge for each pair. Dependencies are the recorded ones, and those of the stack by now if they
 * do not contradict these. Records of different ages may contradict each other: then those of the stack
 * count, and edges that would close a cycle are left out.
 */
void recorded_graph(struct planner *p, struct graph *graph);

/* ---- What a declaration refers to, through locals, inputs, outputs and modules. Not thread-safe: each walk
 * marks what it has visited. */
/* Calls visit once for each resource and data source that decl refers to. */
void each_resource_dep(
    struct planner *p, const struct decl *decl, void (*visit)(void *ctx, const struct decl *dep), void *ctx);
/* The addresses of referenced resources, for the record. */
const struct value *evaluate_deps(struct planner *p, const struct decl *decl);

/*
 * Finds resources by their identity in the parts of the state that the plan did not read: the snapshot has
 * the identity keys of each resource (objects.h), and later records are read.
 *
 * Order of calls: named_open(), any number of named_other(), named_close(). From any thread; named_other()
 * with the executor's lock while a plan is applied.
 */

/* Computes identity keys of records, for snapshots of a state. */
struct naming {
    struct planner *p;
    struct names names;
};
struct state_namer named_begin(struct naming *naming, struct planner *p);
void named_end(struct naming *naming);

/* True if the state's snapshot has up-to-date identity keys of this type and of types that may be the
 * same. */
bool named_is_current(struct naming *naming, const struct schema *schema);

/* Records by identity key. */
struct named {
    struct state *state; /* its own: opened now */
    struct naming naming;
    struct arena arena;
    struct map by_key;
};
int named_open(struct planner *p, const struct str *keys, size_t n, struct named *out, struct err *err);
/* Returns a record with that key at the location that the plan has not read, other than `address` itself;
 * NULL: none. */
const struct record *named_other(const struct named *named, struct str address, const struct schema *schema,
    struct resource_location at, struct str key);
void named_close(struct named *named);
