/* `weir.value` holds a value and gives it back, for wiring stacks together and for measuring. */
#pragma once

#include "provider/schema.h"

extern const struct schema weir_value_schema;
