/*
 * Subcommands of `weir state` that change what it says of resources, each in a run of its own that the log
 * has; and which resources an address means there.
 */
#pragma once

#include "cmd/invocation/invocation.h"

extern const struct command state_rm, state_mv, state_endpoint;

/* Is it that instance, an instance of that declaration, or in that module? */
bool state_record_is(const struct record *record, struct str address);
/* The records that an address means, as a heap array. */
const struct record **state_find_records(struct state *state, struct str address, size_t *found);
/* Says that there is none, and which may be meant; the exit status. */
int state_no_such(struct invocation *inv, struct state *state, struct str address);

/* ---- state_store.c: Subcommands of `weir state` that deal with where the state is kept, and with what is
 * taken into it. */
extern const struct command state_import, state_pull, state_migrate_command, state_doctor_command,
    state_unlock_command, state_key_command;
