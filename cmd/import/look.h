/* Looking at what is there: one thing by its id, everything of a type, all that bears a tag. */
#ifndef WEIR_CMD_IMPORT_LOOK_H
#define WEIR_CMD_IMPORT_LOOK_H

#include "provider/provider.h"

struct look {
    struct provider *provider;
    struct arena *arena;
};

/* *live NULL: there is none. With all that can be read of it. */
int look_at(struct look *look, const struct schema *schema, struct str id, const struct value **live,
    struct err *err);

#endif
