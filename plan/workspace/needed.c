/* The declarations that targets need, and those that every plan does. */
#include "plan/workspace/needed.h"

#include "plan/objects/address.h"
#include "plan/objects/depends.h"

/* Of the whole stack it is asked, or of the whole state. */
static bool is_about_all(const struct stack *stack)
{
    bool connects = false;
    for (size_t i = 0; i < stack->decl_count; i++)
        connects |= stack->decls[i]->kind == DECL_CONNECTION;
    return connects || stack->rule_count || stack->lease.given || stack->shared.name.n;
}

static bool is_artifact(const struct decl *decl)
{
    return decl->kind == DECL_RESOURCE && decl->schema && str_eqz(decl->schema->name, "weir.artifact");
}

static bool find_targets(const struct stack *stack, struct str target, bool *chosen)
{
    bool any = false;
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        bool meant =
            str_eq(decl->address, address_declared(target)) || address_matches(decl->address, &target, 1);
        chosen[i] |= meant;
        any |= meant && decl->kind == DECL_RESOURCE;
    }
    return any;
}

static void add_deps(const struct stack *stack, const bool *chosen, bool *needed)
{
    for (size_t i = 0; i < stack->decl_count; i++)
        if (chosen[i])
            depends_need(stack->decls[i], needed);
}

/* What the change of job code reaches: all that refers to its artifacts, in any way. Dependencies come first.
 */
static void add_reached(const struct stack *stack, const bool *needed, bool *chosen)
{
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        chosen[i] |= needed[i] && is_artifact(decl);
        for (size_t k = 0; k < decl->dep_count; k++)
            chosen[i] |= chosen[decl->deps[k]->index];
    }
}

const bool *needed_by_targets(
    const struct stack *stack, struct arena *arena, const struct wanted_part *wanted)
{
    bool *chosen = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    bool *needed = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    if (!wanted->n || is_about_all(stack))
        return NULL;
    for (size_t i = 0; i < wanted->n; i++)
        if (!find_targets(stack, wanted->targets[i], chosen))
            return NULL; /* of the state alone, or of nobody */
    add_deps(stack, chosen, needed);
    if (wanted->alone) {
        add_reached(stack, needed, chosen);
        add_deps(stack, chosen, needed);
    }
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        bool output = decl->kind == DECL_OUTPUT && !decl->module->parent;
        if (output || decl->kind == DECL_PROVIDER)
            depends_need(decl, needed);
        needed[i] |= wanted->alone && is_artifact(decl); /* of which no two may be the same */
    }
    return needed;
}

/* Does anybody see its value, or is a target all of it? */
static bool is_seen(
    const struct stack *stack, const struct wanted_part *wanted, const bool *needed, const struct decl *decl)
{
    bool seen = wanted->alone || !decl->for_each;
    for (size_t i = 0; i < wanted->n; i++)
        seen |= address_matches(decl->address, &wanted->targets[i], 1);
    for (size_t i = 0; i < stack->decl_count && !seen; i++)
        for (size_t k = 0; needed[i] && k < stack->decls[i]->dep_count; k++)
            seen |= stack->decls[i]->deps[k] == decl;
    return seen;
}

struct state_part needed_records(
    const struct stack *stack, struct arena *arena, const struct wanted_part *wanted, const bool *needed)
{
    struct str *addresses = ARENA_ARRAY(arena, struct str, stack->decl_count + wanted->n + 1);
    struct str *former = ARENA_ARRAY(arena, struct str, stack->moved_count + 1);
    struct state_part part = {.declared = addresses, .absent = former, .absent_count = stack->moved_count};
    for (size_t i = 0; i < stack->moved_count; i++)
        former[i] = stack->moved[i].from;
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        bool seen = needed[i] && decl->kind == DECL_RESOURCE && is_seen(stack, wanted, needed, decl);
        if (seen)
            addresses[part.n++] = decl->address;
        for (size_t t = 0; needed[i] && !seen && t < wanted->n; t++)
            if (str_eq(address_declared(wanted->targets[t]), decl->address))
                addresses[part.n++] = wanted->targets[t];
    }
    return part;
}
