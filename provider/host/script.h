/*
 * Between attributes and the shell: variables that a script finds, and lines that it tells. Shared by the
 * operations and those types that send more than variables.
 */
#pragma once

#include "provider/host/type.h"

/* The type of the operation's resource; the provider's host. */
const struct host_type *host_type_of(const struct op_ctx *ctx);
struct machine *host_machine(struct op_ctx *ctx);

/* A value as a variable has it: lists with a line for each item. */
struct str script_text(struct arena *arena, const struct value *v);
/* Each attribute as a variable, or those of `only` (NULL: all); what the file does not give by its default.
 */
void script_assign_all(struct op_ctx *ctx, const struct value *object, const char *only, struct buf *out);
/* The object's own environment. */
void script_export(struct op_ctx *ctx, const struct value *object, struct buf *out);
/* A list of names, with blanks around each. */
void script_assign_words(const struct value *names, const char *name, struct buf *out);
/* What is written there as lines is held to the schema once more, whichever way it came: -1, and nothing may
 * be written, where a value has a line break too many, which would be a line of its own in a file of root's.
 */
int script_check(struct op_ctx *ctx, const struct value *object, struct err *err);
/* The question that a look answers, and the object that the answer shows; NULL: it is not there. */
void script_look(struct op_ctx *ctx, const struct value *object, struct question *question);
const struct value *script_live(struct op_ctx *ctx, const struct value *object, struct str reported);
