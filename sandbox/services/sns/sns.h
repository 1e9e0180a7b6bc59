/* SNS's checks of names and attributes, which come before lookups; attributes; messages and their
 * signatures. */
#pragma once

#include "sandbox/calls/services.h"

int sns_refuse(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int sns_refuse_null(const char *member, struct err *err);
/* Checks that `arn` is an ARN of the request's region. member: TopicArn, SubscriptionArn. */
int sns_check_arn(const struct service_call *call, struct str arn, const char *member, struct err *err);
/* True for digits with single separators between them. */
bool sns_is_phone_number(struct str text);
/* Checks an attribute of a subscription. `context`: prefix of the message, such as "Attributes Reason: " for
 * Subscribe. */
int sns_check_attribute(struct arena *arena, struct str name, struct str value, struct str endpoint,
    const char *context, struct err *err);
/* Checks a filter policy's syntax, scope and size. `scope`: FilterPolicyScope. */
int sns_check_filter(
    struct arena *arena, struct str policy, struct str scope, const char *context, struct err *err);

/* Attributes of topics and subscriptions: maps by name here, entries in requests and responses. */

/* Converts attributes, given as entries or as a map, to {name: text}. */
const struct value *sns_by_name(struct arena *arena, const struct value *given);
/* Calls the control plane. */
int sns_control(struct service_call *call, const char *operation, const struct value *input,
    const struct value **output, struct err *err);
/* Reads attributes by name with a describing operation; `member`: the operation's name for the ARN. */
int sns_attributes(struct service_call *call, const char *operation, const char *member, struct str arn,
    const struct value **out, struct err *err);
void sns_answer_attributes(struct service_call *call, const struct value *attributes);

/* Parts of a published message, and SNS's checks of them. */

struct attributes {
    const struct value *values, *shown, *raw; /* for filters; as in the envelope; as SQS takes them */
    size_t bytes;
};

struct publication {
    struct str topic, id, text, subject, group, deduplication, signature_version, sequence;
    const struct value *by_protocol; /* of MessageStructure json; NULL: one text for all */
    struct attributes attributes;
};

/* Returns attributes as a list of entries, from a form's map or list or a task's map by name. */
const struct value *message_entries(struct arena *arena, const struct value *given);
/* Reads and checks a message. `at`: its place in the request, "" or "publishBatchRequestEntries.1.member.".
 * -1 with SNS's error. */
int message_read(const struct service_call *call, const struct control_record *topic,
    const struct value *message, const char *at, struct publication *out, struct err *err);
/* For a FIFO topic: true if the message is a duplicate of the last five minutes, and sets its id and sequence
 * number to that one's. Otherwise sets the next sequence number. Thread-safe. */
bool message_is_known(struct services *services, const struct control_record *topic, struct arena *arena,
    struct publication *what);

/*
 * Signatures of delivered messages. The key is created at first use and stored in the sandbox's folder with
 * its certificate, which is served without authentication.
 */

#define SIGNATURE_PATH "/SimpleNotificationService-"

/* Returns the base64 signature of a text, with SHA-1 (version "1") or SHA-256 ("2"); "": no key. */
struct str signature_of(struct services *services, struct arena *arena, struct str text, struct str version);
/* Returns the URL of the certificate. */
struct str signature_url(struct services *services, struct arena *arena);
/* For services_publish(): serves the certificate as PEM. */
services_public_fn signature_certificate;
