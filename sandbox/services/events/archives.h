/*
 * Archives of event buses, and their replays (replays.c). An archive's events are lines of a file in the
 * sandbox's folder; how long they are to be kept (RetentionDays) is recorded, and nothing is dropped.
 */
#pragma once

#include "sandbox/calls/services.h"

/* An event of the bus goes to the archives whose pattern it matches; one that is replayed to none. */
void archives_meet(struct services *services, struct arena *arena, struct str region, struct str bus,
    const struct value *event);

/* At the start: replays that an earlier sandbox did not bring to their end have failed. */
void replays_recover(struct services *services);

/* ---- for replays.c ---- */

bool archive_find(const struct service_call *call, struct str name, struct control_record *out);
/* Its events as lines; "": there are none. */
struct str archive_lines(
    struct services *services, struct arena *arena, const struct control_record *archive);
bool archives_same_bus(struct str left, struct str right);
bool archives_bus_known(const struct service_call *call, struct str arn);
int archives_refuse_bus(struct str arn, struct err *err);
