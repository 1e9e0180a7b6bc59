/*
 * Destroys due stacks of many states as the members of a fleet (cmd/fleet/fleet.h), each with its own
 * workspace.
 */
#pragma once

#include "cmd/fleet/fleet.h"
#include "cmd/state/known_states.h"
#include "plan/destroy/tagged.h"

/* ---- reap.c: resources with weir's ownership tags that no known state records: found, listed, deleted or
 * adopted. For reap and sweep. */
struct strays {
    struct known_states *all;
    struct workspace workspace; /* without a stack: used for searching ownership tags */
    struct owned_groups owned;  /* only groups without a state */
    char folder[64];            /* folder of the temporary states for a deletion; "": none yet */
};

/* Finds the groups. Fails if a state could not be read, since its resources would count as unrecorded.
 * Returns the exit status. */
int strays_open(struct known_states *all, struct strays *out);
void strays_close(struct strays *strays);
/* Returns whether the group's lease has ended, by its resources with a lease. */
bool stray_is_due(const struct strays *strays, const struct owned_group *group);
/* Shows the groups as text or events. */
int strays_show(const struct strays *strays, bool each);
/*
 * Deletes these groups. Resources to which another state or group refers are kept; with `leased` also those
 * without a lease. Returns the exit status.
 */
int strays_take_down(struct strays *strays, struct owned_group *const *groups, size_t n, bool leased);

/* ---- reap.c ---- */

extern const struct option_set options_states; /* of reap and sweep: the location of the states */

struct reap_settings {
    struct settings shared;
    bool dry_run, by_tags;
    bool install, uninstall;
    int64_t every_ms;
    const char *program;
    struct texts also;
    struct texts adopted, taken_down; /* of sweep */
};

/* Plans, shows, asks and destroys. `now_ms` is compared with the leases; INT64_MAX: leases are ignored.
 * Returns the exit status. */
int reap_states(struct invocation *inv, struct known_state *const *list, size_t n, int64_t now_ms);

/* ---- reap_install.c: weir reap --install: a stack (cmd/reap/installed/stack.yaml) that runs `weir reap` in
 * the account as a scheduled function. Its state is stored with the states that it handles, so that an
 * operator's other machines find it. It has no lease. */
#define REAP_STACK "weir-reap"

/* Applies or destroys that stack. Returns the exit status. */
int reap_install(struct known_states *all, const struct reap_settings *settings);
