/* Subcommands of `weir state` that deal with where the state is kept, and with what is taken into it. */
#pragma once

#include "cmd/invocation/invocation.h"

extern const struct command state_import, state_pull, state_migrate_command, state_doctor_command,
    state_unlock_command, state_key_command;
