/* Events and the rules that they meet; what a rule's targets get. */
#ifndef WEIR_PROVIDER_SANDBOX_JOBS_EVENTS_H
#define WEIR_PROVIDER_SANDBOX_JOBS_EVENTS_H

#include "provider/sandbox/jobs/jobs.h"

/* An event as rules see it. `detail` may be NULL. */
struct event {
    struct str id, source, detail_type, account, region;
    int64_t time_ms;
    const struct value *resources, *detail;
};

const struct value *event_value(struct arena *arena, const struct event *event);
/* Starts all targets of a rule with this event. */
void rule_fire(
    struct jobs *jobs, struct arena *arena, const struct control_record *rule, const struct value *event);

#endif
