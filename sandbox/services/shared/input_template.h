/* Inputs of targets that are made of events, as rules and pipes have them. */
#pragma once

#include "base/buf.h"
#include "base/value.h"

/* An event as JSON text, with its members in AWS's order. */
struct str input_event(struct arena *arena, const struct value *v);

/* What <name> in a template stands for; NULL: nothing, then it is left out. */
typedef const struct value *input_variable(const void *ctx, struct arena *arena, struct str name);
/* `text`: it is a text between quotes, in which JSON has no quotes of its own. */
struct str input_template(
    struct arena *arena, struct str template, bool text, input_variable *variable, const void *ctx);
