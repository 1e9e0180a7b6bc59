/* What no spec of AWS can express, by the name that a step's `native:` gives. */
#ifndef WEIR_PROVIDER_AWS_TYPES_NATIVE_H
#define WEIR_PROVIDER_AWS_TYPES_NATIVE_H

#include "provider/kind.h"

extern const struct native aws_natives[];

#endif
