/*
 * `data: {type: weir.stack}`: what another stack gives out, read from where that keeps its state. It takes no
 * lock and writes nothing: a state is whole at every record.
 */
#ifndef WEIR_PLAN_STATE_STACK_DATA_H
#define WEIR_PLAN_STATE_STACK_DATA_H

#include "provider/provider.h"

extern const struct schema weir_stack_schema;

/* The `state:` settings that such a data source means, where they are its own or this stack's; NULL: files in
 * .weir. */
const struct value *stack_data_config(const struct value *object, const struct value *own);

#endif
