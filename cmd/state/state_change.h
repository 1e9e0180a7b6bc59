/*
 * Subcommands of `weir state` that change records, each as its own run in the log; and the records of an
 * address.
 */
#pragma once

#include "cmd/invocation/invocation.h"

extern const struct command state_rm, state_mv, state_endpoint;

/* Returns whether the record is that instance, an instance of that declaration, or within that module. */
bool state_record_is(const struct record *record, struct str address);
/* Returns the records of an address as a heap array. */
const struct record **state_find_records(struct state *state, struct str address, size_t *found);
/* Reports that there is no such record, with a suggestion. Returns the exit status. */
int state_no_such(struct invocation *inv, struct state *state, struct str address);

/* ---- state_store.c: subcommands of `weir state` about the location of the state and imports into it ---- */
extern const struct command state_import, state_pull, state_migrate_command, state_doctor_command,
    state_unlock_command, state_key_command;
