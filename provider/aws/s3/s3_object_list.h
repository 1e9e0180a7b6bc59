/* The bulk listing of `aws.s3.object`; see struct resource_ops. */
#pragma once

#include "provider/provider.h"

int s3_object_list(struct op_ctx *ctx, const struct sought *sought, resource_found *found, void *found_ctx,
    const struct value **covered, struct err *err);
