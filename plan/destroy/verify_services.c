/* Services that the stack itself had set up, and took down again with what lay in them. */
#include "plan/destroy/verify.h"

#include "base/mem.h"
#include "plan/evaluate/connections.h"
#include "plan/objects/depends.h"
#include "plan/refresh/unreachable.h"
#include "stacks/expr.h"

/* Values and builds of the stack's own are nothing that a service could stand on, unless they start one. */
static bool is_deleted_part(const struct planner *p, const struct decl *decl, const struct seen *seen)
{
    const struct record *record = seen->record;
    return (!str_starts(record->subject.type, STR("weir.")) || unreachable_serves(decl)) &&
           !state_get(p->workspace->state, record->subject.address);
}

static bool stands_on_deleted(struct planner *p, const struct decl *config)
{
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    depends_need(config, needed);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (!needed[i] || decl->kind != DECL_RESOURCE)
            continue;
        const struct seen *seen = map_get(&p->recorded.by_declared, decl->address);
        for (; seen; seen = seen->neighbour)
            if (is_deleted_part(p, decl, seen))
                return true;
    }
    return false;
}

static void verify_need(void *ctx, const struct decl *decl)
{
    depends_need(decl, ctx);
}

/* Is all of it deleted that this declares? */
static bool are_deleted(const struct planner *p, const struct decl *decl)
{
    const struct seen *seen = map_get(&p->recorded.by_declared, decl->address);
    bool all = seen != NULL;
    for (; seen; seen = seen->neighbour)
        all = all && is_deleted_part(p, decl, seen);
    return all;
}

/* Does the way there lead through a machine that was deleted? Whatever is at its address now is another. */
static bool leads_nowhere(struct planner *p, const struct decl *config)
{
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    bool machines = false, deleted = true;
    for (const struct decl *via = config->via; via; via = via->via)
        expr_each_decl(via->config, STR("host"), verify_need, needed);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (!needed[i] || !unreachable_serves(decl))
            continue;
        machines = true;
        deleted = deleted && are_deleted(p, decl);
    }
    return machines && deleted;
}

void verify_find_gone(struct verifying *v)
{
    struct planner *p = v->p;
    for (size_t i = 0; i < p->provider_count; i++)
        if (connections_hang(p, p->providers[i]) && stands_on_deleted(p, p->providers[i]))
            map_set(&v->gone, p->providers[i]->full_name,
                leads_nowhere(p, p->providers[i]) ? (void *)&v->gone : v);
}

bool verify_is_gone(const struct verifying *v, const struct provider *provider)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->items[i].provider == provider && v->items[i].gone)
            return true;
    return false;
}
