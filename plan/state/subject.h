/*
 * What is spoken of: a resource by its address in the stack, its type, the configuration that it is reached
 * with and what the service calls it. Records, intents, outcomes, changes and leftovers all have one, so that
 * it is handed on as a whole.
 */
#pragma once

#include "base/arena.h"

struct subject {
    struct str address, type, provider; /* provider "aws.tokyo" */
    struct str id;                      /* "" not known yet */
};

/* ---- records.c: Addresses as they are told apart here: `role`, `role["key"]`, `net/role`,
 * `net["eu"]/role["key"]`. Nothing is looked up; stacks/stack.h takes them apart. */
/* The address without its instance key: `a["k"]` -> `a`. */
struct str address_declared(struct str address);
/* The name under which a replacement's old resource is kept until it is deleted, and the way back: the same
 * address where it is not such a name. */
struct str address_deposed(struct arena *arena, struct str address);
struct str address_current(struct str address);
