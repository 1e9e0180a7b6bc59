/*
 * All states that are kept in one location, for commands that look after stacks whose files they need not
 * have: reap and sweep.
 *
 * Order of calls: known_states_open(), what is asked for, known_states_close().
 */
#pragma once

#include "cmd/invocation/invocation.h"

struct known_state {
    struct known_states *all;
    struct str name, stack, env; /* lab.anna, lab, anna */
    struct state *state;
    bool there;                     /* it has resources, or intents without an end */
    bool due;                       /* its lease has ended */
    const struct known_state *user; /* one that is not due, and whose resources refer to those of this one */
    struct workspace_options options; /* known_state_options() */
};

struct known_states {
    struct invocation *inv;
    const struct value *config; /* as it is under `state:`; NULL: files in .weir */
    const char *dir;            /* where that begins */
    const char *state_dir;      /* of a sandbox: they are there, whatever config says; NULL: it is none */
    struct known_states *also;  /* other locations: what is there counts as known, and is left alone */
    size_t also_n;
    struct known_state *items;
    size_t n;
    size_t unread;    /* so many could not be read, which has been reported */
    int64_t clock_ms; /* of the location where they are kept; 0: it has none */
    int64_t now_ms;   /* by the services' clock, or the location's */
    bool by_machine;  /* nobody but this machine told */
};

/* `given`: the location as JSON; NULL: that of the stack in the folder, or .weir in it. `also`: other
 * locations, by folder or as JSON. The exit status. */
int known_states_open(
    struct invocation *inv, const struct str *given, const struct texts *also, struct known_states *out);
/* The same for a location as it is under `state:` (NULL: files), relative to `dir`; inv is prepared
 * already.
 */
int known_states_open_at(
    struct invocation *inv, const char *dir, const struct value *config, struct known_states *out);
void known_states_close(struct known_states *all);
/* Which are due, and which of these others use. */
void known_states_due(struct known_states *all);
/* How its workspace is opened: with the stack's files as they were kept, or where there are none with no more
 * than its name. */
void known_state_options(struct known_state *known);
/* One that has the resource or refers to it, in any of the locations; NULL: none. */
const struct known_state *known_states_user(const struct known_states *all, struct str id, struct str arn);
/* Ids that are shorter are words that anything may have. */
enum { KNOWN_ID_TELLS = 6 };
/*
 * Does it need anything of that state: refers one of its resources to one there, or is it a fleet with
 * members that share it?
 */
bool known_state_needs(const struct known_state *known, struct state *used);
const struct known_state *known_states_find(const struct known_states *all, struct str lineage);
/* The same for a stack that nothing but the name is known of; in the invocation's arena. */
struct workspace_options bare_stack_options(
    struct invocation *inv, const char *dir, struct str stack, struct str env, const struct value *state);
