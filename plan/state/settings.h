/* What can be said under `state:`, as schemas: for struct stack_options, and for editors. */
#ifndef WEIR_PLAN_STATE_SETTINGS_H
#define WEIR_PLAN_STATE_SETTINGS_H

#include "provider/schema.h"

/* For each kind of state an attribute of an object type; they are called as `backend` says. */
const struct attr *state_settings(size_t *n);

#endif
