/* Definitions of jobs and tasks, which are kept by revision and found as Batch and ECS find them. */
#pragma once

#include "sandbox/services/shared/tables.h"

/* By an ARN, a name with a revision, or a name: then the newest. False where there is none. */
bool service_definition(
    const struct service_call *call, struct str type, struct str name, struct control_record *out);
