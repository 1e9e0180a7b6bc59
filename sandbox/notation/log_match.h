/* Which log events a filter pattern (provider/notation/notation.h) is for, and what it finds in them. Pure.
 */
#pragma once

#include "provider/notation/notation.h"

struct log_event_field {
    struct str text;
    const struct log_field *field; /* which it is to the filter; NULL: one of "..." */
};

/* An event as a filter looks at it; it lives as long as the arena, the filter and the message. */
struct log_event {
    struct arena *arena;
    struct str message;
    const struct value *json; /* NULL: it is none, or nobody asks */
    struct log_event_field *fields;
    size_t field_count;
    bool lacks_fields; /* it has fewer than the filter */
};

struct log_event log_event_read(struct arena *arena, const struct log_filter *filter, struct str message);
bool log_matches(const struct log_filter *filter, const struct log_event *event);
/* What the filter looks at: {$.selector: text}, {$field: text}. */
const struct value *log_extracted(const struct log_filter *filter, const struct log_event *event);
/* What $.selector or $field stands for; p NULL: the event has no such text or number. */
struct str log_event_value(const struct log_event *event, struct str name);
