/* What can be said under `providers:` and `state:`, as schemas. */
#ifndef WEIR_STACKS_SETTINGS_H
#define WEIR_STACKS_SETTINGS_H

#include "provider/schema.h"

/* The settings of a provider of that kind ("aws") as an attribute of an object type; NULL: it has none to
 * check. */
const struct attr *settings_of_provider(struct str kind);
/* The same for each kind of state; they are called as `backend` says. */
const struct attr *settings_of_states(size_t *n);

#endif
