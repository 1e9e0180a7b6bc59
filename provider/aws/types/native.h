/* What no spec of AWS can express, by the name that a step's `native:` gives. */
#pragma once

#include "provider/kind.h"

extern const struct native aws_natives[];
