/*
 * All there is to know of one resource: where the file gives it, what it needs and what needs it, what is
 * recorded, what the live service says to that, and which runs changed it.
 */
#pragma once

#include "cmd/invocation/invocation.h"

/* `address` of a resource, or of one of its instances. Returns the exit status. */
int explain_resource(struct invocation *inv, struct str address);
