/*
 * The tags of what a refresh looks at, asked for beforehand: services show them of one thing at a time, but
 * one that knows all of them takes a hundred names in a call.
 *
 * Order of calls: refresh_tags_want() for each resource, from one thread; refresh_tags_ask(); then
 * refresh_tags_of() from any; refresh_tags_release().
 */
#pragma once

#include "plan/planner.h"

struct refresh_tags_place;
struct refresh_tags {
    struct planner *p;
    struct refresh_tags_place *places; /* one for each provider */
    size_t place_count, place_cap;
};

/* `group`: one of those that are listed, whose tags cost a call together; NULL: this one's cost one alone. */
void refresh_tags_want(struct refresh_tags *tags, struct provider *provider, const struct schema *schema,
    const struct value *prior, const void *group);
/* Where it saves calls. What cannot be had so is left to who reads the resources. */
void refresh_tags_ask(struct refresh_tags *tags);
/* For op_ctx.known_tags; NULL: nothing is known. */
const struct map *refresh_tags_of(const struct refresh_tags *tags, const struct provider *provider);
void refresh_tags_release(struct refresh_tags *tags);
