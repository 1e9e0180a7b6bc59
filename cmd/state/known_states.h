/*
 * All states of one location, for commands that handle stacks without having their files: reap and sweep.
 *
 * Order of calls: known_states_open(), the other functions, known_states_close().
 */
#pragma once

#include "cmd/invocation/invocation.h"

struct known_state {
    struct known_states *all;
    struct str name, stack, env; /* lab.anna, lab, anna */
    struct state *state;
    bool has_resources;               /* it has resources or open intents */
    bool due;                         /* its lease has ended */
    const struct known_state *user;   /* a stack that is not due and refers to resources of this one */
    struct workspace_options options; /* set by known_state_options() */
};

struct known_states {
    struct invocation *inv;
    const struct value *config; /* as under `state:`; NULL: files in .weir */
    const char *dir;            /* folder to which the location is relative */
    const char *state_dir;      /* of a sandbox: the states are here, not by config; NULL: none */
    struct known_states *also;  /* other locations, whose resources count as known and are not changed */
    size_t also_n;
    struct known_state *items;
    size_t n;
    size_t unread;    /* number of states that could not be read, which was reported */
    int64_t clock_ms; /* the time of the store; 0: it has no clock */
    int64_t now_ms;   /* the services' time, or the store's */
    bool by_machine;  /* now_ms is only this machine's time */
};

/* Opens the states. `given`: the location as JSON; NULL: that of the stack in the folder, or .weir in it.
 * `also`: other locations, as folders or JSON. Returns the exit status. */
int known_states_open(
    struct invocation *inv, const struct str *given, const struct texts *also, struct known_states *out);
/* The same for a location as under `state:` (NULL: files), relative to `dir`; inv has been prepared. */
int known_states_open_at(
    struct invocation *inv, const char *dir, const struct value *config, struct known_states *out);
void known_states_close(struct known_states *all);
/* Determines which stacks are due, and which of these are used by other stacks. */
void known_states_due(struct known_states *all);
/* Sets options for opening its workspace: with the recorded stack files, or without these with just its
 * name. */
void known_state_options(struct known_state *known);
/* Returns a state, in any of the locations, that has the resource or refers to it, or NULL. */
const struct known_state *known_states_user(const struct known_states *all, struct str id, struct str arn);
/* Shorter ids are too common for searching references. */
enum { KNOWN_ID_MIN = 6 };
/*
 * Returns whether a resource of this state refers to one of `used`, or it is a fleet whose members share that
 * stack.
 */
bool known_state_needs(const struct known_state *known, struct state *used);
const struct known_state *known_states_find(const struct known_states *all, struct str lineage);
/* The same for a stack of which only the name is known; allocated in the invocation's arena. */
struct workspace_options bare_stack_options(
    struct invocation *inv, const char *dir, struct str stack, struct str env, const struct value *state);
