/* The smallest JSON Patch (RFC 6902) that brings a live resource to what is wanted. */
#pragma once

#include "provider/cfn/compile.h"

/*
 * `live` has the properties as the service gave them, `desired` attributes in our form, `changed` names. What
 * cannot be read back is always in it: an update without it would take it away. An empty list: nothing to do.
 */
const struct value *cfn_patch(struct arena *arena, const struct cfn_type *type, const struct value *live,
    const struct value *desired, const struct value *changed);
