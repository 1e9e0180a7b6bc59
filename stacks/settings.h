/* What can be said under `state:`, as schemas; under `providers:` it is up to the kind (provider/kind.h). */
#ifndef WEIR_STACKS_SETTINGS_H
#define WEIR_STACKS_SETTINGS_H

#include "provider/schema.h"

/* For each kind of state an attribute of an object type; they are called as `backend` says. */
const struct attr *settings_of_states(size_t *n);

#endif
