/*
 * What weir's ownership tags say of a resource, for every kind that can mark: the tags
 * or labels `weir:address`, `weir:intent`, `weir:stack` and `weir:state`, and `weir:lease` where there is
 * one. How they are put on and read is the kind's own.
 */
#pragma once

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
struct ownership; /* provider/provider.h */
const struct value *mark_all(struct arena *arena, const struct owner *owner, struct str address);
/* Of tags only weir's, under their short names. */
const struct value *mark_among(struct arena *arena, const struct value *tags);

/* Whose a resource with these marks (under their short names) is; nobody knows where it has none. */
struct ownership mark_whose(struct arena *arena, const struct owner *owner, const struct value *marks);
/*
 * The same of what was made with marks and has none, by what is recorded of it: `live` is how it is now, and
 * `names` are those of attributes that a later one of the same name has otherwise.
 */
struct ownership mark_compare(struct arena *arena, const struct value *recorded, const struct value *live,
    const struct str *names, size_t n);
/* -1, with why what is not ours is not `done` ("deleted"). */
int mark_refuse(const struct ownership *ownership, const char *done, struct err *err);
