/* The kind `weir`: types that are no service's. */
#pragma once

#include "provider/kind.h"

extern const struct provider_kind weir_kind;

/* ---- kind.c: Resources that are made up here and exist only in the state: what they have in common. Each
 * is made when it is created and made anew when anything of it changes; there is nothing outside to read,
 * to find or to delete. */
/* All computed attributes of a new or changed resource are unknown, but for the `id`, which stays. */
int made_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err);
int made_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
int made_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);
/* What no record has was seen by nobody: another one is as good. */
int made_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);

/* ---- kind.c: `weir.random`: something made up once and kept in the state. Attributes: specs/weir.yaml. */
extern const struct resource_ops weir_random_ops;

/* ---- run.c: `weir.command`: a command of the stack's own, what it printed, and how it is taken back. */
extern const struct resource_ops weir_command_ops;

/* ---- kind.c: `weir.value` holds a value and gives it back, for wiring stacks together and for measuring. */
extern const struct schema weir_value_schema;

/* ---- key.c: `weir.key`: a pair of keys that is kept in the state. Attributes: specs/weir.yaml. */
extern const struct resource_ops weir_key_ops;
