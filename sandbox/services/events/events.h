/* Events, the rules that match them, and the input of a rule's targets. */
#pragma once

#include "sandbox/calls/services.h"

/* An event as rules see it. `detail` may be NULL. */
struct bus_event {
    struct str id, source, detail_type, account, region;
    int64_t time_ms;
    const struct value *resources, *detail;
};

const struct value *event_value(struct arena *arena, const struct bus_event *event);
/* Sends an event to the archives and rules of a bus (name or ARN; "": default) whose pattern it matches.
 * `trace`: X-Amzn-Trace-Id for the targets, "": none. `forwarded`: it came from another bus. */
void events_meet(struct services *services, struct arena *arena, struct str region, struct str bus,
    const struct value *event, struct str trace, bool forwarded);
/* Returns the bus name of a name or ARN; "": "default". */
struct str events_bus_name(struct str reference);
/* Calls all targets of a rule with this event. `forwarded`: it came from another bus, and is not forwarded
 * again. */
void rule_fire(struct services *services, struct arena *arena, const struct control_record *rule,
    const struct value *event, struct str trace, bool forwarded);

/* Checks the targets of PutTargets; the control plane does the rest. */
service_handler rule_check_targets;

/*
 * Archives of event buses, and their replays (archives.c). An archive's events are lines of a file in the
 * sandbox's folder. RetentionDays is recorded, but no event is deleted.
 */

/* Appends the event to the bus's archives whose pattern matches it, unless it is replayed. */
void archives_meet(struct services *services, struct arena *arena, struct str region, struct str bus,
    const struct value *event);

/* At the start: marks replays that an earlier sandbox did not finish as FAILED. */
void replays_recover(struct services *services);

/* True if both (name or ARN) are the same bus. */
bool archives_same_bus(struct str left, struct str right);
