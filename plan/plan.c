/*
 * A plan's storage, and what can be asked of it without looking inside.
 */
#include "plan/plan.h"

#include "base/mem.h"
#include "plan/planner.h"

#include <stdlib.h>

const char *action_name(enum action action)
{
    static const char *const names[ACTION_COUNT] = {
        "noop", "read", "create", "update", "replace", "delete", "adopt", "forget"};
    return names[action];
}

bool plan_has_changes(const struct plan *plan)
{
    for (size_t i = 0; i < plan->change_count; i++)
        if (plan->changes[i].decision.action != ACTION_NOOP || plan->changes[i].moved_from.n)
            return true;
    return false;
}

size_t plan_count(const struct plan *plan, enum action action)
{
    return plan->counts[action] + (action == ACTION_UPDATE ? plan->adopt_updates : 0);
}

struct planner *planner_new(
    struct workspace *workspace, const struct plan_options *options, struct diags *diags)
{
    struct plan *plan = mem_zalloc(sizeof *plan);
    struct planner *p = ARENA_NEW(&plan->arena, struct planner);
    size_t n = workspace->stack->decl_count ? workspace->stack->decl_count : 1;
    *p = (struct planner){
        .plan = plan,
        .workspace = workspace,
        .stack = workspace->stack,
        .arena = &plan->arena,
        .options = *options,
        .diags = diags,
        .values = ARENA_ARRAY(&plan->arena, const struct value *, n),
        .instances = ARENA_ARRAY(&plan->arena, struct instances, n),
        .targeted = ARENA_ARRAY(&plan->arena, bool, n),
        .whole = ARENA_ARRAY(&plan->arena, bool, n),
        .pending = ARENA_ARRAY(&plan->arena, bool, n),
        .fixed = ARENA_ARRAY(&plan->arena, bool, n),
        .stamps = ARENA_ARRAY(&plan->arena, uint32_t, n),
        .entered = ARENA_ARRAY(&plan->arena, uint8_t, n),
    };
    plan->workspace = workspace;
    plan->planner = p;
    plan->destroy = options->destroy;
    plan->output_values = &value_empty_map;
    return p;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    struct planner *p = plan->planner;
    map_release(&p->seen_by_address);
    map_release(&p->seen_by_declared);
    map_release(&p->seen_by_decl);
    map_release(&p->provider_users);
    free(p->changes);
    arena_release(&plan->arena);
    free(plan);
}
