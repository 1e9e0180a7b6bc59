/*
 * `data: {type: weir.stack}`: outputs of another stack, read from its state store. Takes no lock and writes
 * nothing: a state is consistent after each record.
 */
#pragma once

#include "plan/state/backend.h"
#include "provider/provider.h"

extern const struct schema weir_stack_schema;

/* The state store of the data source's stack, as far as settings and that stack's file tell; `dir`: where its
 * relative folder starts. Ignores a sandbox. */
struct backend_options stack_data_store(
    struct arena *arena, const struct state_stores *states, struct str dir, const struct value *object);
/* True if both are the same state. `other`: that stack's own store, also without a sandbox. */
bool stack_data_is_same_state(const struct backend_options *store, const struct backend_options *other);

/*
 * Stacks that are planned in the same run. `outputs` returns the planned outputs of a stack, which may be
 * unknown; NULL: read its state. Called by the planning threads.
 */
struct planned_stacks {
    const struct value *(*outputs)(void *ctx, const struct backend_options *store);
    void *ctx;
};
