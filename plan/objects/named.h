/*
 * Whose a name is, where only a part of the state was read: its snapshot has what tells each resource apart
 * (objects.h), and what was written since is read.
 *
 * Order of calls: named_open(), any number of named_other(), named_close(). From every thread; named_other()
 * with the executor's lock while a plan is applied.
 */
#pragma once

#include "plan/objects/objects.h"
#include "provider/names/names.h"

/* The keys of recorded resources, for a state's snapshots. */
struct naming {
    struct planner *p;
    struct names names;
};
struct state_namer named_begin(struct naming *naming, struct planner *p);
void named_end(struct naming *naming);

/* Does the state that was read name those that may be the same as one of that type, as they are named now? */
bool named_tells(struct naming *naming, const struct schema *schema);

/* Who has some keys. */
struct named {
    struct state *state; /* of its own: as it is now */
    struct naming naming;
    struct arena arena;
    struct map by_key;
};
int named_open(struct planner *p, const struct str *keys, size_t n, struct named *out, struct err *err);
/* What has that key at the location, other than what the plan has read, and than what is to have it; NULL:
 * nothing. */
const struct record *named_other(const struct named *named, struct str address, const struct schema *schema,
    struct whereabouts at, struct str key);
void named_close(struct named *named);
