/*
 * A provider without a plan: for commands that call services about what the state knows (running jobs), and
 * need nothing else of the stack.
 */
#include "plan/planner.h"

#include "base/mem.h"

#include <stdlib.h>

static void need(const struct decl *decl, bool *needed)
{
    if (needed[decl->index])
        return;
    needed[decl->index] = true;
    for (size_t i = 0; i < decl->dep_count; i++)
        need(decl->deps[i], needed);
}

/* What the configuration refers to, and the configuration itself. Mistakes are diagnostics. */
static void evaluate_needed(struct planner *p, const struct decl *config)
{
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    need(config, needed);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (!needed[i])
            continue;
        if (decl->kind == DECL_RESOURCE)
            freeze_instances(p, decl);
        if ((decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA) && !p->instances[i].n)
            p->values[i] = &value_unknown;
        else
            evaluate_decl(p, decl);
    }
}

int plan_provider(
    struct workspace *workspace, struct str name, struct diags *diags, struct provider **out, struct err *err)
{
    *out = map_get(&workspace->providers, name);
    if (*out)
        return 0;
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, diags);
    const struct decl *config = map_get(&p->stack->root->providers, name);
    int rc = -1;
    if (!workspace->state || claim_records(p)) {
        if (config)
            evaluate_needed(p, config);
        if (!diags->errors)
            rc = evaluate_provider_named(p, name, out, err);
    }
    plan_free(p->plan);
    return rc;
}
