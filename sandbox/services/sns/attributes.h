/* Attributes of topics and subscriptions: maps by name here, entries in requests and answers. */
#pragma once

#include "sandbox/calls/services.h"

/* {name: text} of what a request has, as entries or as a map. */
const struct value *sns_by_name(struct arena *arena, const struct value *given);
/* What the control plane answers to a call of SNS. */
int sns_control(struct service_call *call, const char *operation, const struct value *input,
    const struct value **output, struct err *err);
/* A describing call's attributes, by name; `member`: how it calls what has that ARN. */
int sns_attributes(struct service_call *call, const char *operation, const char *member, struct str arn,
    const struct value **out, struct err *err);
void sns_answer_attributes(struct service_call *call, const struct value *attributes);
