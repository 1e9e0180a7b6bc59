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

/* Attributes of topics and subscriptions: maps by name here, entries in requests and answers. */

/* {name: text} of what a request has, as entries or as a map. */
const struct value *sns_by_name(struct arena *arena, const struct value *given);
/* What the control plane answers to a call of SNS. */
int sns_control(struct service_call *call, const char *operation, const struct value *input,
    const struct value **output, struct err *err);
/* A describing call's attributes, by name; `member`: how it calls what has that ARN. */
int sns_attributes(struct service_call *call, const char *operation, const char *member, struct str arn,
    const struct value **out, struct err *err);
void sns_answer_attributes(struct service_call *call, const struct value *attributes);

/* What is published to a topic: its parts, as the call has them, and what SNS refuses of them. */

struct attributes {
    const struct value *values, *shown, *raw; /* for filters; as the envelope has them; as SQS takes them */
    size_t bytes;
};

struct publication {
    struct str topic, id, text, subject, group, deduplication, signature_version, sequence;
    const struct value *by_protocol; /* MessageStructure json; NULL: one text for all */
    struct attributes attributes;
};

/* The entries of a map or list, as a form has them or as a machine's task gives them. */
const struct value *message_entries(struct arena *arena, const struct value *given);
/* `at`: where it is in the request, "" or "publishBatchRequestEntries.1.member."; -1: in SNS's words why not.
 */
int message_read(const struct service_call *call, const struct control_record *topic,
    const struct value *message, const char *at, struct publication *out, struct err *err);
/* Of a FIFO topic, with the lock that it keeps: was it published within five minutes? Then it has the id and
 * the number that it got; else the next number. */
bool message_is_known(struct services *services, const struct control_record *topic, struct arena *arena,
    struct publication *what);

/*
 * Signatures of what topics deliver. The key is made when it is first needed, and kept in the sandbox's
 * folder with its certificate, which anybody may read under its name.
 */

#define SIGNATURE_PATH "/SimpleNotificationService-"

/* The base64 of it over a text, by SHA-1 (version "1") or SHA-256 ("2"). "": the key cannot be had. */
struct str signature_of(struct services *services, struct arena *arena, struct str text, struct str version);
/* Where the certificate is. */
struct str signature_url(struct services *services, struct arena *arena);
/* The certificate as PEM, for services_publish(). */
services_public_fn signature_certificate;
