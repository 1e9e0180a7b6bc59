/*
 * Taking down what is due: the stacks of many states, as the members of a fleet (cmd/fleet/fleet.h), each
 * with what its own workspace needs.
 */
#pragma once

#include "cmd/fleet/fleet.h"
#include "cmd/state/known_states.h"

extern const struct option_set options_states; /* whose states: of reap and sweep */

struct reap_settings {
    struct settings shared;
    bool dry_run, marks;
    bool install, uninstall;
    int64_t every_ms;
    const char *program;
    struct texts also;
    struct texts adopts, takes; /* sweep */
};

/* Plans, shows, asks and takes down; `now_ms` is what the leases are compared with, INT64_MAX: they are not
 * looked at. The exit status. */
int reap_states(struct invocation *inv, struct known_state *const *list, size_t n, int64_t now_ms);
