/*
 * Marks: labels by which what weir made, or was making, is known again, the same words as AWS's tags bear.
 * They are given with the creation, taken out of what users see, and compared before anything is changed or
 * deleted.
 */
#pragma once

#include "provider/provider.h"

/* The labels that something is made with: the file's (may be NULL) and this intent's marks. */
const struct value *marks_added(const struct op_ctx *ctx, const struct value *labels);
/* The user's own among them. */
const struct value *marks_removed(struct arena *arena, const struct value *labels);
/* Tells who wants to know. */
void marks_tell(struct op_ctx *ctx, struct str id, const struct value *labels);
/* Was it made by the very request that ctx is about? */
bool marks_are_of_intent(const struct op_ctx *ctx, const struct value *labels);
bool marks_are_of_stack(const struct op_ctx *ctx, const struct value *labels);
/* -1 where the labels say that it is another stack's, or not what was made with ours; `done`: "deleted". */
int marks_check(const struct op_ctx *ctx, const struct value *labels, const char *done, struct err *err);
/* filters= of a listing: what bears the stack's mark. */
struct str marks_filter(struct arena *arena, struct str stack);
