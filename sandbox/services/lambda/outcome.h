/* What became of an event or a batch, for the destination that a function's settings or a mapping name. */
#pragma once

#include "sandbox/calls/services.h"

struct lambda_outcome {
    struct str region, role, by;
    struct str to;       /* ARN of a queue, topic, function, bus or bucket; "": nobody is told */
    struct str key;      /* how keys of objects begin, for a bucket */
    struct str function; /* its ARN */
    struct str request_id;
    struct str trace;
    const char *condition; /* "Success", or why not */
    int64_t attempts;
    const struct value *more; /* of the record: a map */
};

void lambda_outcome_report(
    struct services *services, struct arena *arena, const struct lambda_outcome *outcome);
