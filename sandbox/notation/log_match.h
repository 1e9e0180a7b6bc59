/* Matches log events against a filter pattern (provider/notation/notation.h) and extracts values. Pure. */
#pragma once

#include "provider/notation/notation.h"

struct log_event_field {
    struct str text;
    const struct log_field *field; /* the field of the pattern; NULL: matched by "..." */
};

/* A log event, parsed as the filter needs it. Valid as long as the arena, the filter and the message. */
struct log_event {
    struct arena *arena;
    struct str message;
    const struct value *json; /* NULL: not JSON, or not needed */
    struct log_event_field *fields;
    size_t field_count;
    bool lacks_fields; /* the event has fewer fields than the filter */
};

struct log_event log_event_read(struct arena *arena, const struct log_filter *filter, struct str message);
bool log_matches(const struct log_filter *filter, const struct log_event *event);
/* Returns the values of all selectors and fields: {$.selector: text}, {$field: text}. */
const struct value *log_extracted(const struct log_filter *filter, const struct log_event *event);
/* Returns the value of $.selector or $field; p is NULL if the event has no such string, number or boolean. */
struct str log_event_value(const struct log_event *event, struct str name);
