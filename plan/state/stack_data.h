/*
 * `data: {type: weir.stack}`: what another stack gives out, read from where that keeps its state. It takes no
 * lock and writes nothing: a state is whole at every record.
 */
#pragma once

#include "plan/state/backend.h"
#include "provider/provider.h"

extern const struct schema weir_stack_schema;

/* The `state:` settings that such a data source means, where they are its own or this stack's; NULL: files in
 * .weir. */
const struct value *stack_data_config(const struct value *object, const struct value *own);

/* Which stack a data source means, as far as settings say; `dir` is where its relative folder starts. A
 * sandbox is left out of it. */
struct backend_options stack_data_store(
    struct arena *arena, const struct state_stores *states, struct str dir, const struct value *object);
/* Is it that one? `other` is where that keeps its state, likewise without a sandbox. */
bool stack_data_means(const struct backend_options *store, const struct backend_options *other);

/*
 * Stacks that are planned in one run. `outputs`: what the one that is meant is going to give, with unknown
 * values in it; NULL: as its state says. Called by the threads that plan.
 */
struct planned_stacks {
    const struct value *(*outputs)(void *ctx, const struct backend_options *store);
    void *ctx;
};
