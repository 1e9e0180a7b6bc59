/*
 * `weir state import`: recording what is there, without changing it.
 */
#include "plan/plan.h"

#include "plan/evaluate/locations.h"
#include "plan/objects/configured.h"
#include "plan/objects/depends.h"
#include "plan/objects/objects.h"

static const struct change *find_adoption(const struct plan *plan, struct str address)
{
    for (size_t i = 0; i < plan->change_count; i++)
        if (str_eq(plan->changes[i].subject.address, address) &&
            plan->changes[i].decision.action == ACTION_ADOPT)
            return &plan->changes[i];
    return NULL;
}

/* What the file gives and the service has, too: the rest is not recorded as set, for nobody has set it. */
static const struct value *set_there(struct planner *p, const struct change *change, const struct value *live)
{
    const struct value *given = object_set(p->arena, change->schema, change->instance->desired);
    AUTO_BUILDER struct value_builder there = VALUE_BUILDER(p->arena);
    for (uint32_t i = 0; i < given->count; i++)
        if (!value_is_null(value_get(live, given->items[i]->string)))
            value_builder_add(&there, given->items[i]);
    return value_builder_list(&there);
}

static int record_adoption(struct plan *plan, const struct change *change, struct err *err)
{
    struct planner *p = plan->planner;
    const struct instance *instance = change->instance;
    const struct value *live =
        object_mark(p->arena, change->schema, instance->import_live, instance->desired);
    struct outcome outcome = {
        .record = {.subject = change->subject,
            .attrs = live,
            .set = set_there(p, change, live),
            .said = configured_fields(p->arena, change->schema, instance->desired, live),
            .deps = evaluate_deps(p, instance->decl),
            .adopted = true,
            .prevent_destroy = instance->decl->lifecycle.prevent_destroy},
        .action = STR("adopt"),
        .schema = change->schema,
        .given = instance->desired,
    };
    struct state *state = plan->workspace->state;
    struct provider *provider;
    if (evaluate_provider(p, instance->decl, &provider, err) ||
        place_of(provider, change->schema, p->arena, &outcome.record.place, err))
        return -1;
    if (state_begin(state, "import", NULL, err) || state_done(state, &outcome, err))
        return -1;
    return state_end(state, "done", NULL, NULL, err) || state_flush(state, err) ? -1 : 0;
}

int plan_import(struct workspace *workspace, struct str address, struct str id, int64_t lock_timeout_ms,
    struct diags *diags, struct err *err)
{
    struct plan_options options = {
        .targets = &address, .target_count = 1, .import_address = address, .import_id = id};
    struct plan *plan;
    if (state_get(workspace->state, address))
        return err_set(err, ERR_EXISTS, "the state has \"%.*s\" already", STR_ARG(address));
    if (state_lock(workspace->state, "import", lock_timeout_ms, err))
        return -1;
    int status = plan_make(workspace, &options, diags, &plan, err);
    if (!status) {
        const struct change *change = find_adoption(plan, address);
        status = change ? record_adoption(plan, change, err)
                        : err_set(err, ERR_INVALID, "the stack has no resource \"%.*s\"", STR_ARG(address));
        plan_free(plan);
    }
    state_unlock(workspace->state);
    return status;
}
