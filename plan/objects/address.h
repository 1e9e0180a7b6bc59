/*
 * Addresses as they are told apart here: `role`, `role["key"]`, `net/role`, `net["eu"]/role["key"]`. Nothing
 * is looked up; stacks/stack.h takes them apart.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

/* The address without its instance key: `a["k"]` -> `a`. */
struct str address_declared(struct str address);
/* The name under which a replacement's old resource is kept until it is deleted, and the way back: the same
 * address where it is not such a name. */
struct str address_deposed(struct arena *arena, struct str address);
struct str address_current(struct str address);
/* Is the address (of an instance) named by one of the list: itself, its declaration, or its module? */
bool address_matches(struct str address, const struct str *list, size_t n);
