/*
 * The operations of a run: one for each change, each half of a replacement, and each declaration to evaluate;
 * and the order among them.
 */
#include "plan/apply/work.h"
#include "plan/evaluate/evaluate.h"

#include "base/mem.h"

#include <stdlib.h>

enum { NO_OP = UINT32_MAX };

static bool has_apply(const struct instance *instance)
{
    enum action action = instance_action(instance);
    return action == ACTION_CREATE || action == ACTION_UPDATE || action == ACTION_REPLACE ||
           action == ACTION_ADOPT || action == ACTION_READ;
}

struct builder {
    struct executor *x;
    uint32_t *decl_ops;   /* by decl->index */
    uint32_t *delete_ops; /* by position in p->recorded.items */
    uint32_t *apply_ops;  /* by position in p->recorded.items */
    struct graph records; /* recorded_graph(), if there are deletions */
    uint32_t joins; /* first of two operations for each join node of `records`: for deletions and for updates
                       of dependents */
    uint32_t
        stays; /* first of one operation for each record: joins deletions around one that is not deleted */
    size_t cap;
};

static uint32_t add_op(struct builder *b, struct op op)
{
    MEM_GROW(b->x->ops, b->cap, b->x->op_count + 1);
    b->x->ops[b->x->op_count] = op;
    return b->x->op_count++;
}

static uint32_t *no_ops(size_t n)
{
    uint32_t *list = mem_realloc_array(NULL, n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = NO_OP;
    return list;
}

static void add_instance_ops(struct builder *b, struct instance *instance)
{
    struct planner *p = b->x->p;
    if (!has_apply(instance))
        return;
    instance->op = add_op(b, (struct op){.kind = OP_APPLY, .change = instance->change});
    if (!instance->recorded)
        return;
    size_t at = (size_t)(instance->recorded - p->recorded.items);
    b->apply_ops[at] = instance->op;
    if (instance_action(instance) == ACTION_REPLACE)
        b->delete_ops[at] = add_op(b, (struct op){.kind = OP_DELETE, .change = instance->change});
}

/* True if a dependency has an operation. */
static bool waits_for_any(const struct builder *b, const struct decl *decl)
{
    bool waits = false;
    for (size_t d = 0; d < decl->dep_count && !waits; d++)
        waits = b->decl_ops[decl->deps[d]->index] != NO_OP;
    return waits;
}

static void add_ops(struct builder *b)
{
    struct planner *p = b->x->p;
    struct plan *plan = b->x->plan;
    for (size_t i = 0; i < p->stack->decl_count && !plan->destroy; i++) {
        uint32_t before = b->x->op_count;
        for (size_t k = 0; k < p->evaluated.instances[i].n; k++)
            add_instance_ops(b, &p->evaluated.instances[i].items[k]);
        if (p->evaluated.pending[i] || b->x->op_count > before)
            b->decl_ops[i] = add_op(b, (struct op){.kind = OP_DECL, .decl = p->stack->decls[i]});
        else if (waits_for_any(b, p->stack->decls[i])) /* unchanged, but its dependents wait through it */
            b->decl_ops[i] = add_op(b, (struct op){.kind = OP_JOIN});
    }
    for (size_t i = 0; i < plan->change_count; i++) {
        struct change *change = plan->changes[i];
        enum action action = change->decision.action;
        if (action == ACTION_DELETE || action == ACTION_FORGET)
            b->delete_ops[change->recorded - p->recorded.items] =
                add_op(b, (struct op){.kind = OP_DELETE, .change = change});
    }
}

/* Creation order: a declaration and its instances wait for their dependencies. */
static void add_decl_edges(struct builder *b)
{
    struct planner *p = b->x->p;
    struct graph *graph = &b->x->graph;
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        uint32_t node = b->decl_ops[i];
        if (node == NO_OP)
            continue;
        const struct decl *decl = p->stack->decls[i];
        const struct instances *list = &p->evaluated.instances[i];
        for (size_t k = 0; k < list->n; k++)
            if (has_apply(&list->items[k]))
                graph_add_edge(graph, list->items[k].op, node);
        for (size_t d = 0; d < decl->dep_count; d++) {
            uint32_t dep = b->decl_ops[decl->deps[d]->index];
            if (dep == NO_OP)
                continue;
            graph_add_edge(graph, dep, node);
            for (size_t k = 0; k < list->n; k++)
                if (has_apply(&list->items[k]))
                    graph_add_edge(graph, dep, list->items[k].op);
        }
    }
}

/*
 * How much of the deletion order is kept. Creation order comes from the stack and has no cycles. Deletion
 * order comes from the records, and both together may have cycles, e.g. if a resource between two others is
 * deleted while one of these is replaced. Then the least important part is dropped first.
 */
enum delete_order {
    ORDER_WHOLE,
    ORDER_EARLY,            /* without the late deletion that some types want */
    ORDER_DIRECT,           /* without the order through resources that are not deleted */
    ORDER_DEPENDENTS_FIRST, /* without waiting for updates of resources that only lose a reference */
    ORDER_REPLACEMENTS,     /* only the halves of a replacement wait for each other */
    ORDER_COUNT
};

/* The operation for a node of the records' graph: its deletion, or the join of its dependents' deletions. */
static uint32_t delete_op(const struct builder *b, enum delete_order order, uint32_t node)
{
    uint32_t seen_count = (uint32_t)b->x->p->recorded.count;
    if (node >= seen_count)
        return b->joins + 2 * (node - seen_count);
    return b->delete_ops[node] == NO_OP && order < ORDER_DIRECT ? b->stays + node : b->delete_ops[node];
}

static uint32_t apply_op(const struct builder *b, uint32_t node)
{
    uint32_t seen_count = (uint32_t)b->x->p->recorded.count;
    return node < seen_count ? b->apply_ops[node] : b->joins + 2 * (node - seen_count) + 1;
}

static void add_edge(struct builder *b, uint32_t from, uint32_t to)
{
    if (from != NO_OP && to != NO_OP)
        graph_add_edge(&b->x->graph, from, to);
}

static void add_dependent_edges(struct builder *b, enum delete_order order, uint32_t node, uint32_t dependent)
{
    bool join = node >= b->x->p->recorded.count;
    uint32_t delete = join ? NO_OP : b->delete_ops[node];
    const struct change *change = delete == NO_OP ? NULL : b->x->ops[delete].change;
    if (order != ORDER_REPLACEMENTS)
        add_edge(b, delete_op(b, order, dependent), delete_op(b, order, node));
    if (join)
        add_edge(b, apply_op(b, dependent), apply_op(b, node));
    else if (change && change->instance ? change->decision.create_first : order <= ORDER_DIRECT)
        add_edge(b, apply_op(b, dependent), delete);
}

static const struct instance *instance_at(const struct planner *p, struct str address)
{
    const struct decl *decl = stack_find(p->stack, address_declared(address));
    const struct instances *list = decl ? &p->evaluated.instances[decl->index] : NULL;
    for (size_t i = 0; list && i < list->n; i++)
        if (str_eq(list->items[i].address, address))
            return &list->items[i];
    return NULL;
}

/* The old resource of an unfinished replacement is deleted after the new one exists. If the new one is
 * replaced again, it is deleted before, since the address for the old one is needed. */
static void add_deposed_edges(struct builder *b, enum delete_order order, size_t i)
{
    struct str address = b->x->p->recorded.items[i].address, current = address_current(address);
    const struct instance *instance =
        current.n < address.n && b->delete_ops[i] != NO_OP ? instance_at(b->x->p, current) : NULL;
    if (!instance || !has_apply(instance))
        return;
    if (instance_action(instance) == ACTION_REPLACE && instance->change->decision.create_first)
        add_edge(b, b->delete_ops[i], instance->op);
    else if (order <= ORDER_DIRECT)
        add_edge(b, instance->op, b->delete_ops[i]);
}

static struct str resource_key(struct arena *arena, struct str type, struct str id)
{
    return arena_printf(arena, "%.*s %.*s", STR_ARG(type), STR_ARG(id));
}

/* Resources that contain this one are deleted after it. */
static void add_outlasting_edges(struct builder *b, struct arena *arena, const struct map *deleted, size_t i)
{
    const struct record *record = b->x->p->recorded.items[i].record;
    const struct schema *schema =
        catalog_find(b->x->p->workspace->catalog, record->subject.type, false, NULL);
    const struct value *all =
        schema && schema->ops->outlasting ? schema->ops->outlasting(arena, record->attrs) : NULL;
    for (uint32_t k = 0; all && k < all->count; k++) {
        const struct value *ids = all->entries[k].value;
        for (uint32_t n = 0; n < ids->count; n++) {
            const uint32_t *delete = map_get(
                deleted, resource_key(arena, all->entries[k].key, value_text(ids->items[n], STR_EMPTY)));
            if (delete &&*delete != b->delete_ops[i])
                graph_add_edge(&b->x->graph, b->delete_ops[i], *delete);
        }
    }
}

static void add_outlasting(struct builder *b)
{
    const struct planner *p = b->x->p;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_MAP struct map deleted = MAP_INIT;
    for (size_t i = 0; i < p->recorded.count; i++)
        if (b->delete_ops[i] != NO_OP)
            map_set(&deleted,
                resource_key(&arena, p->recorded.items[i].record->subject.type,
                    p->recorded.items[i].record->subject.id),
                &b->delete_ops[i]);
    for (size_t i = 0; i < p->recorded.count; i++)
        if (b->delete_ops[i] != NO_OP)
            add_outlasting_edges(b, &arena, &deleted, i);
}

/* A container runs until the image of the next one is built, so that a failed build changes nothing. */
static void add_late_edges(struct builder *b, uint32_t delete)
{
    const struct instance *instance = b->x->ops[delete].change->instance;
    const struct decl *decl = instance ? instance->decl : NULL;
    for (size_t d = 0; decl && decl->schema->delete_late && d < decl->dep_count; d++)
        add_edge(b, b->decl_ops[decl->deps[d]->index], delete);
}

/* Deletion order: dependents first; resources that only lose a reference are updated first. */
static void add_delete_edges(struct builder *b, enum delete_order order)
{
    struct planner *p = b->x->p;
    struct graph *graph = &b->x->graph;
    for (size_t i = 0; i < p->recorded.count; i++) {
        uint32_t delete = b->delete_ops[i], apply = b->apply_ops[i];
        add_deposed_edges(b, order, i);
        if (delete == NO_OP || apply == NO_OP)
            continue;
        if (b->x->ops[delete].change->decision.create_first)
            graph_add_edge(graph, apply, delete);
        else
            graph_add_edge(graph, delete, apply);
        if (order == ORDER_WHOLE)
            add_late_edges(b, delete);
    }
    for (uint32_t node = 0; node < b->records.node_count; node++)
        for (uint32_t e = b->records.first[node]; e < b->records.first[node + 1]; e++)
            add_dependent_edges(b, order, node, b->records.targets[e]);
    if (order != ORDER_REPLACEMENTS)
        add_outlasting(b);
}

static void add_joins(struct builder *b)
{
    bool deletes = false;
    for (uint32_t i = 0; i < b->x->op_count; i++)
        deletes |= b->x->ops[i].kind == OP_DELETE;
    if (!deletes)
        return;
    recorded_graph(b->x->p, &b->records);
    b->joins = b->x->op_count;
    for (size_t i = b->x->p->recorded.count; i < b->records.node_count; i++) {
        add_op(b, (struct op){.kind = OP_JOIN});
        add_op(b, (struct op){.kind = OP_JOIN});
    }
    b->stays = b->x->op_count;
    for (size_t i = 0; i < b->x->p->recorded.count; i++)
        add_op(b, (struct op){.kind = OP_JOIN});
}

static void add_edges(struct builder *b)
{
    struct graph *graph = &b->x->graph;
    for (int order = ORDER_WHOLE; order < ORDER_COUNT; order++) {
        graph_release(graph);
        graph_init(graph, b->x->op_count);
        add_decl_edges(b);
        add_delete_edges(b, (enum delete_order)order);
        graph_freeze(graph);
        if (!graph_open_circles(graph))
            return;
    }
}

void executor_build_graph(struct executor *x)
{
    struct planner *p = x->p;
    struct builder b = {
        .x = x,
        .decl_ops = no_ops(p->stack->decl_count),
        .delete_ops = no_ops(p->recorded.count),
        .apply_ops = no_ops(p->recorded.count),
    };
    add_ops(&b);
    add_joins(&b);
    add_edges(&b);
    graph_release(&b.records);
    free(b.decl_ops);
    free(b.delete_ops);
    free(b.apply_ops);
    x->ready = mem_realloc_array(NULL, x->op_count + 1, sizeof *x->ready);
    x->unfinished = x->op_count;
    for (uint32_t i = 0; i < x->op_count; i++)
        if (!x->graph.waiting[i])
            x->ready[x->ready_count++] = i;
}
