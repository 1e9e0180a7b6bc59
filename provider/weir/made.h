/*
 * Resources that are made up here and exist only in the state: what they have in common. Each is made when it
 * is created and made anew when anything of it changes; there is nothing outside to read, to find or to
 * delete.
 */
#pragma once

#include "provider/provider.h"

/* All computed attributes of a new or changed resource are unknown, but for the `id`, which stays. */
int made_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err);
int made_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
int made_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);
/* What no record has was seen by nobody: another one is as good. */
int made_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);
