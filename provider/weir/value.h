/* `weir.value` holds a value and gives it back, for wiring stacks together and for measuring. */
#ifndef WEIR_PROVIDER_WEIR_VALUE_H
#define WEIR_PROVIDER_WEIR_VALUE_H

#include "provider/schema.h"

extern const struct schema weir_value_schema;

#endif
