/*
 * Vectors made by tests/tools/wire_vectors.py: one operation each, with its shapes, a request as botocore
 * sends it and an answer as botocore reads it.
 */
#pragma once

#include "provider/wire/wire.h"

struct vector {
    struct wire_operation op;
    const struct shape *input_shape, *output_shape;
    const struct value *input, *output;
    struct wire_message request, response;
};

typedef void vector_fn(struct arena *arena, const struct vector *vector);

/* Calls fn for each vector of each file in the folder, gives their number. WEIR_WIRE_VECTORS names another
 * folder. */
size_t vectors_each(vector_fn *fn);
/* A value as compact JSON, for comparing and showing. */
const char *vector_json(struct arena *arena, const struct value *v);
