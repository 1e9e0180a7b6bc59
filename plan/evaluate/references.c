/* Which other stacks a stack refers to, found without reading any of them. */
#include "plan/plan.h"

#include "plan/evaluate/context.h"

static bool is_reference(const struct decl *decl)
{
    return decl->kind == DECL_DATA && decl->schema == &weir_stack_schema;
}

static bool refers_to_any(const struct stack *stack)
{
    for (size_t i = 0; i < stack->decl_count; i++)
        if (is_reference(stack->decls[i]))
            return true;
    return false;
}

const struct stack_reference *plan_references(struct workspace *workspace, struct arena *arena, size_t *count)
{
    const struct stack *stack = workspace->stack;
    struct state_places states = {.config = stack->state, .dir = stack->dir};
    size_t n = 0;
    const struct declared *declared = refers_to_any(stack) ? plan_declared(workspace, arena, NULL, &n) : NULL;
    struct stack_reference *list = ARENA_ARRAY(arena, struct stack_reference, n + 1);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct decl *decl = declared[i].decl;
        if (!is_reference(decl) || !declared[i].object)
            continue;
        struct backend_options place = stack_data_place(arena, &states, local_dir(decl), declared[i].object);
        if (place.stack.n)
            list[(*count)++] = (struct stack_reference){place, decl->span};
    }
    return list;
}
