/* What is published to a topic: its parts, as the call has them, and what SNS refuses of them. */
#pragma once

#include "sandbox/calls/services.h"

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
