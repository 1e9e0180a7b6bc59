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

/* ---- input_transformer.c ---- */

/* -1: err says why it is none. */
int rule_input(struct arena *arena, const struct control_record *rule, const struct value *target,
    const struct value *event, struct str *out, struct err *err);
service_handler rule_check_targets; /* PutTargets */
