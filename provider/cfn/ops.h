/* The operations of all types that the Cloud Control API drives (struct resource_ops). */
#pragma once

#include "provider/cfn/compile.h"
#include "provider/provider.h"

extern const struct resource_ops cfn_ops;
extern const struct resource_ops cfn_ops_unread; /* of types that cannot be read: what is recorded counts */

/* ---- ownership_tags.c: the tags by which what weir made is known again ---- */

/* The desired object with weir's ownership tags among its tags. */
const struct value *cfn_marked(const struct op_ctx *ctx, const struct value *desired);
/* The live object without them, and without the service's own tags; told of to whoever wants to know. */
const struct value *cfn_unmarked(const struct op_ctx *ctx, const struct value *live);
/* weir's ownership tags among a live object's tags, under their short names. */
const struct value *cfn_marks_of(const struct op_ctx *ctx, const struct value *live);
/* Whose the live object is, see resource_ops.whose. */
struct ownership cfn_whose(const struct op_ctx *ctx, const struct value *live);
/* -1 where it is not this stack's to change or delete. */
int cfn_check_whose(const struct op_ctx *ctx, const struct value *live, const char *done, struct err *err);

/* ---- protect.c: protections against being deleted ---- */

/* Those that a live object has on, as they are off; an empty map: none. */
const struct value *cfn_unprotected(const struct op_ctx *ctx, const struct value *live);
int cfn_erases(struct op_ctx *ctx, unsigned teardown, const struct value *object, const struct value **list,
    struct err *err);
