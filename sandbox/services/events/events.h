/* Events and the rules that they meet; what a rule's targets get. */
#pragma once

#include "sandbox/calls/services.h"

/* An event as rules see it. `detail` may be NULL. */
struct bus_event {
    struct str id, source, detail_type, account, region;
    int64_t time_ms;
    const struct value *resources, *detail;
};

const struct value *event_value(struct arena *arena, const struct bus_event *event);
/* Hands an event to the rules of a bus (name or ARN; "": the default one) whose pattern it matches. `trace`:
 * X-Amzn-Trace-Id for their targets, "": none. */
void events_meet(struct services *services, struct arena *arena, struct str region, struct str bus,
    const struct value *event, struct str trace, bool forwarded);
/* "default", an ARN's last part, a name. */
struct str events_bus_name(struct str reference);
/* Starts all targets of a rule with this event. `forwarded`: it came from another bus. */
void rule_fire(struct services *services, struct arena *arena, const struct control_record *rule,
    const struct value *event, struct str trace, bool forwarded);

/* -1: err says why it is none. */
service_handler rule_check_targets; /* PutTargets */

/*
 * Archives of event buses, and their replays (archives.c). An archive's events are lines of a file in the
 * sandbox's folder; how long they are to be kept (RetentionDays) is recorded, and nothing is dropped.
 */

/* An event of the bus goes to the archives whose pattern it matches; one that is replayed to none. */
void archives_meet(struct services *services, struct arena *arena, struct str region, struct str bus,
    const struct value *event);

/* At the start: replays that an earlier sandbox did not bring to their end have failed. */
void replays_recover(struct services *services);

/* ---- for archives.c ---- */

/* Its events as lines; "": there are none. */
bool archives_same_bus(struct str left, struct str right);
