/*
 * Taking down what is due: the stacks of many states, as the members of a fleet (cmd/fleet/fleet.h), each
 * with what its own workspace needs.
 */
#pragma once

#include "cmd/fleet/fleet.h"
#include "cmd/state/known_states.h"
#include "plan/destroy/tagged.h"

/* ---- reap.c: what has weir's ownership tags and belongs to no state that is known: found, shown, taken
 * down as if it had a state, or given one. For reap and sweep. */
struct strays {
    struct known_states *all;
    struct workspace workspace; /* of no stack: where ownership tags are looked for */
    struct owned_groups owned;  /* groups without a state only */
    char folder[64];            /* the states that they are given while they are taken down; "" none yet */
};

/* ERR_… where a state could not be read: nobody can say then what has none. The exit status. */
int strays_open(struct known_states *all, struct strays *out);
void strays_close(struct strays *strays);
/* Those whose lease has ended, by all that has one. */
bool stray_is_due(const struct strays *strays, const struct owned_group *group);
/* As text or events. */
int strays_show(const struct strays *strays, bool each);
/*
 * Takes these groups down. What another state or another group refers to stays, and so does, with `leased`,
 * what has no lease. The exit status.
 */
int strays_take_down(struct strays *strays, struct owned_group *const *groups, size_t n, bool leased);

/* ---- reap.c ---- */

extern const struct option_set options_states; /* whose states: of reap and sweep */

struct reap_settings {
    struct settings shared;
    bool dry_run, by_tags;
    bool install, uninstall;
    int64_t every_ms;
    const char *program;
    struct texts also;
    struct texts adopts, takes; /* sweep */
};

/* Plans, shows, asks and takes down; `now_ms` is what the leases are compared with, INT64_MAX: they are not
 * looked at. The exit status. */
int reap_states(struct invocation *inv, struct known_state *const *list, size_t n, int64_t now_ms);

/* ---- reap_install.c: weir reap --install: a stack of weir's own (cmd/reap/installed/stack.yaml) that runs
 * `weir reap` in the account, as a function that is called by a schedule. Its state is with the states that
 * it looks after, where the other machines of an operator find it; it has no lease itself. */
#define REAP_STACK "weir-reap"

/* Makes, or takes down, what runs it. The exit status. */
int reap_install(struct known_states *all, const struct reap_settings *settings);
