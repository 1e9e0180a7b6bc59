/*
 * Allocation of a plan, and simple queries.
 */

#include "base/mem.h"
#include "plan/evaluate/shared_listings.h"
#include "plan/objects/recorded.h"

#include <stdlib.h>

const char *action_name(enum action action)
{
    static const char *const names[ACTION_COUNT] = {
        "noop", "read", "create", "update", "replace", "delete", "adopt", "forget"};
    return names[action];
}

enum action action_named(struct str name)
{
    for (int i = 0; i < ACTION_COUNT; i++)
        if (str_eqz(name, action_name((enum action)i)))
            return (enum action)i;
    return ACTION_NOOP;
}

bool plan_has_changes(const struct plan *plan)
{
    for (size_t i = 0; i < plan->change_count; i++)
        if (plan->changes[i]->decision.action != ACTION_NOOP || plan->changes[i]->moved_from.n)
            return true;
    return false;
}

void plan_each_unchanged(
    const struct plan *plan, void (*visit)(void *ctx, const struct subject *subject), void *ctx)
{
    const struct planner *p = plan->planner;
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct instances *list = &p->evaluated.instances[i];
        for (size_t k = 0; p->stack->decls[i]->kind == DECL_RESOURCE && k < list->n; k++)
            if (!list->items[k].change && list->items[k].desired && list->items[k].recorded)
                visit(ctx, &list->items[k].recorded->record->subject);
    }
}

size_t plan_count(const struct plan *plan, enum action action)
{
    return plan->counts[action] + (action == ACTION_UPDATE ? plan->adopt_updates : 0);
}

size_t plan_count_all(const struct plan *plan)
{
    size_t n = 0;
    for (int action = ACTION_NOOP + 1; action < ACTION_COUNT; action++)
        n += plan->counts[action];
    return n;
}

const struct change *plan_change_at(const struct plan *plan, struct str address)
{
    for (size_t i = 0; i < plan->change_count; i++)
        if (str_eq(plan->changes[i]->subject.address, address))
            return plan->changes[i];
    return NULL;
}

bool attr_change_names_given(const struct attr_change *a)
{
    if (!a->attr || !a->attr->sensitive || a->attr->type->kind != TYPE_MAP || !a->after ||
        a->after->kind != VALUE_MAP)
        return false;
    for (uint32_t i = 0; i < a->after->count; i++)
        if (!(a->after->entries[i].value->marks & VALUE_SENSITIVE))
            return false; /* the whole map was given as a secret */
    return true;
}

bool attr_change_names_open(const struct attr_change *a)
{
    return attr_change_names_given(a) && a->before && a->before->kind == VALUE_MAP &&
           !object_holds_hash(a->before);
}

static struct evaluated evaluated_new(struct arena *arena, size_t n)
{
    return (struct evaluated){.values = ARENA_ARRAY(arena, const struct value *, n),
        .instances = ARENA_ARRAY(arena, struct instances, n),
        .pending = ARENA_ARRAY(arena, bool, n),
        .after_pending = ARENA_ARRAY(arena, bool, n),
        .fixed = ARENA_ARRAY(arena, bool, n),
        .module_entries = ARENA_ARRAY(arena, uint8_t, n),
        .stamps = ARENA_ARRAY(arena, uint32_t, n)};
}

static void find_providers(struct planner *p)
{
    for (int pass = 0; pass < 2; pass++) {
        p->provider_count = 0;
        for (size_t i = 0; i < p->stack->decl_count; i++) {
            const struct decl *decl = p->stack->decls[i];
            if (decl->kind == DECL_PROVIDER && pass)
                p->providers[p->provider_count] = decl;
            p->provider_count += decl->kind == DECL_PROVIDER;
        }
        if (!pass)
            p->providers = ARENA_ARRAY(p->arena, const struct decl *, p->provider_count + 1);
    }
}

struct planner *planner_new(
    struct workspace *workspace, const struct plan_options *options, struct diags *diags)
{
    struct plan *plan = mem_zalloc(sizeof *plan);
    struct planner *p = ARENA_NEW(&plan->arena, struct planner);
    struct plan_options *own = ARENA_NEW(&plan->arena, struct plan_options);
    size_t n = workspace->stack->decl_count + 1;
    *own = *options;
    *p = (struct planner){
        .plan = plan,
        .arena = &plan->arena,
        .workspace = workspace,
        .stack = workspace->stack,
        .options = own,
        .diags = diags,
        .offline = options->offline,
        .observer = options->observer,
        .cancel = options->cancel,
        .targets = {.targeted = ARENA_ARRAY(&plan->arena, bool, n),
            .whole = ARENA_ARRAY(&plan->arena, bool, n)},
        .evaluated = evaluated_new(&plan->arena, n),
        .data = options->offline ? NULL : shared_data_new(),
    };
    if (workspace->state && state_is_part(workspace->state))
        p->needed = workspace->needed;
    p->recorded.by_declared = &p->recorded.by_recorded;
    plan->untargeted_unread = p->needed;
    find_providers(p);
    plan->workspace = workspace;
    plan->planner = p;
    plan->destroy = options->destroy;
    plan->output_values = &value_empty_map;
    return p;
}

struct planner planner_aside(const struct planner *p, struct diags *diags)
{
    struct planner aside = *p;
    size_t n = p->stack->decl_count;
    aside.diags = diags;
    aside.data = NULL; /* values may have changed since */
    aside.decided = (struct decided){0};
    aside.provider_users = (struct map)MAP_INIT;
    aside.evaluated = evaluated_new(p->arena, n + 1);
    for (size_t i = 0; i < n; i++) {
        aside.evaluated.fixed[i] = p->evaluated.fixed[i];
        aside.evaluated.module_entries[i] = p->evaluated.fixed[i] ? p->evaluated.module_entries[i] : 0;
        aside.evaluated.values[i] = p->evaluated.fixed[i] ? p->evaluated.values[i] : NULL;
    }
    return aside;
}

void planner_hand_over(struct planner *p, const atomic_bool *cancel)
{
    p->observer = (struct observer){0};
    p->cancel = cancel;
    shared_data_free(p->data); /* the services change from now on */
    p->data = NULL;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    struct planner *p = plan->planner;
    map_release(&p->recorded.by_address);
    map_release(&p->recorded.by_recorded);
    map_release(&p->recorded.after_moves);
    map_release(&p->provider_users);
    map_release(&p->identity_keys);
    free(p->decided.changes);
    if (p->dependents)
        graph_release(p->dependents);
    shared_data_free(p->data);
    arena_release(&plan->arena);
    free(plan);
}
