/*
 * What has weir's ownership tags and belongs to no state that is known: found, shown, taken down as if it had
 * a state, or given one. For reap and sweep.
 */
#pragma once

#include "cmd/state/known_states.h"
#include "plan/destroy/tagged.h"

struct strays {
    struct known_states *all;
    struct workspace workspace; /* of no stack: what is asked for marks */
    struct marked marked;       /* groups without a state only */
    char folder[64];            /* the states that they are given while they are taken down; "" none yet */
};

/* ERR_… where a state could not be read: nobody can say then what has none. The exit status. */
int strays_open(struct known_states *all, struct strays *out);
void strays_close(struct strays *strays);
/* Those whose lease has ended, by all that bears one. */
bool stray_is_due(const struct strays *strays, const struct marked_group *group);
/* As text or events. */
int strays_show(const struct strays *strays, bool each);
/*
 * Takes these groups down. What another state or another group refers to stays, and so does, with `leased`,
 * what bears no lease. The exit status.
 */
int strays_take_down(struct strays *strays, struct marked_group *const *groups, size_t n, bool leased);
