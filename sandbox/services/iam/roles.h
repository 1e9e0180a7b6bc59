/*
 * Roles that services take on for what they run: handed over by who starts it, and with a trust policy that
 * names the service. What a request itself hands over the gate has seen; these are roles of what it names.
 * Safe from every thread.
 */
#pragma once

#include "sandbox/calls/services.h"

/* May who calls hand the role (an ARN or a name; "" none) to the service? 0, or -1 with the refusal. */
int role_may_be_passed(
    const struct service_call *call, struct str role, const char *service, struct err *err);
/* May the service take it on? "" : nothing is taken on. */
bool role_is_trusting(struct services *services, struct arena *arena, struct str role, const char *service);
