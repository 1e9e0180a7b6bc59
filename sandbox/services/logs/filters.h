/*
 * Filters of log groups: patterns of words, and what subscription filters deliver.
 *
 * log_pattern_read(), then log_pattern_matches() for each event. The pattern's text has to live as long.
 */
#pragma once

#include "sandbox/calls/services.h"
#include "sandbox/engine/logs.h"

enum { LOG_PATTERN_TERMS = 32 };

/* All of `word "some words"`, none of `-word`, one of `?word ?word`. */
struct log_pattern {
    struct {
        struct str text;
        char sign; /* '+', '-', '?' */
    } terms[LOG_PATTERN_TERMS];
    size_t n;
};

/* False: a pattern of JSON, columns or a regular expression, which the sandbox does not know. */
bool log_pattern_read(struct str text, struct log_pattern *out);
bool log_pattern_matches(const struct log_pattern *pattern, struct str message);

/* What was put into a stream, to the destinations of the group's subscription filters. */
void log_events_deliver(
    const struct service_call *call, const struct log_place *place, const struct log_entry *events, size_t n);
