/* Outputs as they are planned, beside those that the state has. */
#include "plan/make/outputs.h"

#include "plan/objects/objects.h"
#include "plan/objects/since.h"

/* A hash that the state could now keep encrypted is not what it should have. */
static bool is_kept(const struct plan *plan, const struct value *before, const struct value *after)
{
    if (!before || !after)
        return false;
    bool sealable = object_holds_hash(before) && state_has_key(plan->workspace->state);
    return value_equal(before, after) || (object_hash_matches(before, after) && !sealable);
}

static void add_output_change(struct plan *plan, struct arena *arena, struct str name,
    const struct value *before, const struct value *after, const struct decl *decl)
{
    if (is_kept(plan, before, after))
        return;
    if (!plan->outputs)
        plan->outputs = ARENA_ARRAY(arena, struct output_change,
            plan->output_values->count + state_outputs(plan->workspace->state)->count);
    plan->outputs[plan->output_count++] = (struct output_change){
        .name = name,
        .description = decl ? decl->description : STR_EMPTY,
        .before = before,
        .after = after,
        .sensitive = value_is_sensitive(before) || value_is_sensitive(after),
    };
}

/* What others changed since the plan was saved they have said in the outputs, too. */
static const struct value *output_value(const struct planner *p, const struct decl *decl)
{
    return since_reaches(p, decl) ? value_get(state_outputs(p->workspace->state), decl->name)
                                  : p->evaluated.values[decl->index];
}

void diff_outputs(struct planner *p)
{
    struct plan *plan = p->plan;
    struct value_builder values = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < p->stack->root->decl_count && !p->options->destroy; i++) {
        const struct decl *decl = p->stack->root->decls[i];
        if (decl->kind != DECL_OUTPUT)
            continue;
        const struct value *v = output_value(p, decl);
        if (v)
            value_builder_set(&values, decl->name, v);
    }
    plan->output_values = value_builder_map(&values);
    p->outputs_then = p->workspace->state ? state_outputs(p->workspace->state) : &value_empty_map;
    if (!p->workspace->state || p->options->target_count)
        return;
    const struct value *old = state_outputs(p->workspace->state);
    for (uint32_t i = 0; i < plan->output_values->count; i++) {
        struct value_entry entry = plan->output_values->entries[i];
        add_output_change(plan, p->arena, entry.key, value_get(old, entry.key), entry.value,
            map_get(&p->stack->root->outputs, entry.key));
    }
    for (uint32_t i = 0; i < old->count; i++)
        if (!value_get(plan->output_values, old->entries[i].key))
            add_output_change(plan, p->arena, old->entries[i].key, old->entries[i].value, NULL, NULL);
}
