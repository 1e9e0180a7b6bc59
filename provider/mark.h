/*
 * What weir's marks say of a thing, for every kind that can mark: the tags or labels `weir:address`,
 * `weir:intent`, `weir:stack` and `weir:state`. How they are put on and read is the kind's own.
 */
#ifndef WEIR_PROVIDER_MARK_H
#define WEIR_PROVIDER_MARK_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

/* Services allow few characters in a tag's value, and at most `max`: jobs["a b"] -> jobs/a b */
struct str mark_text(struct arena *arena, struct str s, size_t max);

/*
 * -1, with why the thing is not `done` ("deleted"): it bears the marks of `stack`, or, where that is empty,
 * none of those that it was made with.
 */
int mark_refuse(struct str stack, const char *done, struct err *err);

#endif
