/*
 * Archives of event buses, and their replays. An archive's events are lines of a file in the sandbox's
 * folder; how long they are to be kept (RetentionDays) is recorded, and nothing is dropped.
 */
#ifndef WEIR_SANDBOX_SERVICES_EVENTS_ARCHIVES_H
#define WEIR_SANDBOX_SERVICES_EVENTS_ARCHIVES_H

#include "sandbox/calls/services.h"

/* An event of the bus goes to the archives whose pattern it matches; one that is replayed to none. */
void archives_meet(struct services *services, struct arena *arena, struct str region, struct str bus,
    const struct value *event);

#endif
