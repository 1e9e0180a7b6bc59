/*
 * plan_make(): the order in which a plan comes about. Declarations that no resource stands behind are
 * evaluated first (providers need them), then what the state knows is refreshed, then everything else is
 * evaluated and compared in dependency order.
 */
#include "plan/plan.h"

#include "base/mem.h"
#include "plan/address.h"
#include "plan/connections.h"
#include "plan/decision.h"
#include "plan/evaluate.h"
#include "plan/graph.h"
#include "plan/identity_clash.h"
#include "plan/outputs.h"
#include "plan/places.h"
#include "plan/plan_resource.h"
#include "plan/recorded.h"
#include "plan/recover_plan.h"
#include "plan/refresh.h"
#include "plan/targets.h"
#include "plan/targets_alone.h"
#include "plan/teardown.h"

#include <stdlib.h>

static void evaluate_rest(struct planner *p)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (p->fixed[i])
            continue;
        if (p->failure.class != ERR_NONE)
            return;
        if (decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA)
            plan_resource(p, decl);
        else
            for (size_t k = 0; k < decl->dep_count; k++)
                p->pending[i] |= p->pending[decl->deps[k]->index];
        evaluate_decl(p, decl);
    }
}

/* ---- results ---- */

static void collect_changes(struct planner *p)
{
    struct plan *plan = p->plan;
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        struct instances *list = &p->instances[i];
        if (p->stack->decls[i]->kind == DECL_RESOURCE)
            plan->resource_count += list->n;
        for (size_t k = 0; k < list->n; k++) {
            struct instance *instance = &list->items[k];
            if (p->stack->decls[i]->kind == DECL_RESOURCE) {
                plan->counts[instance_action(instance)]++;
                plan->left_count += !instance->desired;
                plan->adopt_updates +=
                    instance_action(instance) == ACTION_ADOPT && instance->change->attr_count;
            }
            if (!instance->change)
                continue;
            MEM_GROW(p->changes, p->change_cap, p->change_count + 1);
            p->changes[p->change_count++] = *instance->change;
        }
    }
}

static int by_address(const void *a, const void *b)
{
    return str_cmp(((const struct change *)a)->subject.address, ((const struct change *)b)->subject.address);
}

static void finish_changes(struct planner *p)
{
    struct plan *plan = p->plan;
    for (size_t i = 0; i < p->change_count; i++)
        if (!p->changes[i].instance)
            plan->counts[p->changes[i].decision.action]++;
    collect_changes(p);
    if (p->change_count)
        qsort(p->changes, p->change_count, sizeof *p->changes, by_address);
    plan->changes = p->changes;
    plan->change_count = p->change_count;
    for (size_t i = 0; i < p->change_count; i++)
        if (p->changes[i].instance)
            p->changes[i].instance->change = &p->changes[i];
}

/* ---- destroy ---- */

/* With targets, everything that depends on a target goes too; the rest counts as claimed. */
static void destroy_untargeted(struct planner *p)
{
    if (!p->options.target_count)
        return;
    struct graph graph;
    claim_graph(p, &graph);
    uint32_t *doomed = mem_realloc_array(NULL, graph.node_count + 1, sizeof *doomed);
    bool *found = mem_zalloc((graph.node_count + 1) * sizeof *found);
    size_t n = 0;
    for (uint32_t i = 0; i < p->seen_count; i++) {
        found[i] = address_matches(p->seen[i].address, p->options.targets, p->options.target_count);
        if (found[i])
            doomed[n++] = i;
    }
    for (size_t i = 0; i < n; i++) {
        for (uint32_t e = graph.first[doomed[i]]; e < graph.first[doomed[i] + 1]; e++) {
            uint32_t dependent = graph.targets[e];
            if (!found[dependent])
                doomed[n++] = dependent;
            found[dependent] = true;
        }
    }
    for (size_t i = 0; i < p->seen_count; i++)
        p->seen[i].claimed = !found[i];
    free(found);
    free(doomed);
    graph_release(&graph);
}

static int plan_destroy(struct planner *p)
{
    teardown_steering(p);
    destroy_untargeted(p);
    if (!decide_orphans(p) || !teardown_examine(p))
        return -1;
    finish_changes(p);
    diff_outputs(p);
    return 0;
}

/* ---- all of it ---- */

static int make(struct planner *p, struct err *err)
{
    evaluate_fixed(p);
    if (p->diags->errors && p->options.destroy)
        return -1;
    p->options.offline |= p->diags->errors > 0; /* the rest is only checked, so that all mistakes are told */
    bool with_state = p->workspace->state && !p->options.offline;
    if (with_state && (places_check(p, err) || recover_for_plan(p, err) || !claim_records(p)))
        return -1;
    if (!claim_targets(p))
        return -1;
    if (p->options.alone)
        alone_begin(p);
    if (p->options.destroy)
        return plan_destroy(p);
    if (!p->options.no_refresh && !p->options.offline && refresh_records(p, err))
        return -1;
    evaluate_rest(p);
    if (p->failure.class != ERR_NONE) {
        *err = p->failure;
        return -1;
    }
    if (!p->options.target_count)
        decide_orphans(p);
    check_unique(p);
    if (p->diags->errors)
        return -1;
    decide_order(p);
    finish_changes(p);
    diff_outputs(p);
    if (with_state && !p->options.alone && !teardown_examine(p)) {
        if (p->failure.class != ERR_NONE)
            *err = p->failure;
        return -1;
    }
    return 0;
}

int plan_make(struct workspace *workspace, const struct plan_options *options, struct diags *diags,
    struct plan **out, struct err *err)
{
    struct planner *p = planner_new(workspace, options, diags);
    int failed = make(p, err);
    connections_tell(workspace, &p->options.observer);
    if (failed) {
        plan_free(p->plan);
        return -1;
    }
    p->options.observer = (struct observer){0}; /* who listened to the planning may be gone */
    *out = p->plan;
    return 0;
}
