/* Shared by image*.c. */
#pragma once

#include "provider/docker/context.h"
#include "provider/docker/registry.h"
#include "provider/docker/types.h"

/* ---- image_build.c ---- */

/* Is it built from a folder, rather than pulled? */
bool image_is_built(const struct value *object);
/* As resource_ops.prepare: `content`, the hash of all that it is built from. */
int image_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err);
/* Sends the folder and builds; the image has the name then. */
int image_build(struct op_ctx *ctx, const struct value *desired, struct err *err);

/* ---- image_move.c: to and from registries ---- */

int image_pull(struct op_ctx *ctx, const struct value *desired, struct err *err);
/* Under its name and each of `tags`. */
int image_push(struct op_ctx *ctx, const struct value *desired, struct err *err);
int image_tag(struct op_ctx *ctx, struct str image, struct str name, struct err *err);
/* Takes a name away; with the last one the image goes. Gone already is success. */
int image_untag(struct op_ctx *ctx, struct str name, struct err *err);
