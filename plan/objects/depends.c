/* Dependencies through what is no resource; each walk has a stamp of its own. */
#include "plan/objects/depends.h"

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
