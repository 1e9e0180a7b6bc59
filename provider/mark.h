/*
 * What weir's marks say of a thing, for every kind that can mark: the tags or labels `weir:address`,
 * `weir:intent`, `weir:stack` and `weir:state`, and `weir:lease` where there is one. How they are put on and
 * read is the kind's own.
 */
#ifndef WEIR_PROVIDER_MARK_H
#define WEIR_PROVIDER_MARK_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/value.h"

#include <stddef.h>

/* Services allow few characters in a tag's value, and at most `max`: jobs["a b"] -> jobs/a b */
struct str mark_text(struct arena *arena, struct str s, size_t max);

/*
 * All of them by their full names, in the order of a map: the lineage and the lease only where there are any.
 */
struct owner;
const struct value *mark_all(struct arena *arena, const struct owner *owner, struct str address);
/* Of tags only weir's, under their short names. */
const struct value *mark_among(struct arena *arena, const struct value *tags);

/*
 * -1, with why the thing is not `done` ("deleted"): it bears the marks of `stack`, or, where that is empty,
 * none of those that it was made with.
 */
int mark_refuse(struct str stack, const char *done, struct err *err);

#endif
