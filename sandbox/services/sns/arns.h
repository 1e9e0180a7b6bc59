/* What SNS says of names and attributes before it looks for what they name. */
#pragma once

#include "sandbox/calls/services.h"

int sns_refuse(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int sns_refuse_null(const char *member, struct err *err);
/* An ARN of the request's region: TopicArn, SubscriptionArn. */
int sns_check_arn(const struct service_call *call, struct str arn, const char *member, struct err *err);
/* Digits with single signs between them. */
bool sns_is_phone_number(struct str text);
/* One attribute of a subscription; `context`: what a text begins with, "Attributes Reason: " of Subscribe. */
int sns_check_attribute(struct arena *arena, struct str name, struct str value, struct str endpoint,
    const char *context, struct err *err);
/* Is the filter policy one for messages' attributes, and small enough? `scope`: FilterPolicyScope. */
int sns_check_filter(
    struct arena *arena, struct str policy, struct str scope, const char *context, struct err *err);
