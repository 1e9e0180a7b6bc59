/*
 * What is spoken of: a resource by its address in the stack, its type, the configuration that it is reached
 * with and what the service calls it. Records, intents, outcomes, changes and leftovers all have one, so that
 * it is handed on as a whole.
 */
#pragma once

#include "base/str.h"

struct subject {
    struct str address, type, provider; /* provider "aws.tokyo" */
    struct str id;                      /* "" not known yet */
};
