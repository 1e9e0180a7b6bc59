/*
 * Checks attributes written in another language (`language:` in a spec, see docs/specs.md) for what the
 * service would refuse. Used before any call, and by the sandbox. Only what is certainly refused is reported;
 * unknown values (VALUE_UNKNOWN) pass. Pure functions.
 */
#pragma once

#include "base/match.h"
#include "base/value.h"

struct notation_issue {
    struct str message;       /* "state \"Load\": …" */
    const struct value *path; /* keys and indices of the location */
    struct str word;          /* possibly misspelt, one of `names`; "": none */
    const struct str *names;
    size_t name_count;
    struct str hint; /* a remedy; may be empty */
    bool doubt;      /* a warning: accepted, but probably not intended */
};

/* True if there is a language of that name. */
bool notation_exists(struct str language);
/* Returns what a value of the language is, for people: "state machine". */
const char *notation_subject(struct str language);
/* True if a string in the language is a JSON document. */
bool notation_is_json(struct str language);
/* Calls `tell` for each mistake; the issue is valid during the call. */
void notation_check(struct arena *arena, struct str language, const struct value *v,
    void (*tell)(void *ctx, const struct notation_issue *issue), void *ctx);

/* ---- event_pattern.c: Event patterns: filters of EventBridge rules, pipes, Lambda event source mappings and
 * SNS subscriptions. Pure functions. */
/*
 * Returns NULL if the pattern is valid; unknown values pass. The string is allocated in the arena or static.
 * *path: keys and indices of the wrong value; `path` may be NULL.
 */
const char *event_pattern_wrong(struct arena *arena, const struct value *pattern, const struct value **path);
struct event_pattern_fault {
    const char *why; /* in EventBridge's words; NULL: valid */
    const struct value *path;
    /* How services report the location: at the end of the string, twice, or not at all. */
    bool read, twice, nowhere;
};
const char *event_pattern_fault(
    struct arena *arena, const struct value *pattern, struct event_pattern_fault *out);
/* Returns the names of all operators. */
const struct str *event_pattern_operators(size_t *n);

/* ---- schedule.c: Schedule expressions: cron(…) with the service's six fields, rate(…), at(…). Pure
 * functions.
 *
 *     cron(minutes hours day-of-month month day-of-week year)
 *         * , - /     everywhere;  ? in one of the two day fields
 *         L           the last day of the month, or Saturday; 5L the last Thursday of the month
 *         L-3, LW     three days before that day, and the weekday nearest to it; both undocumented
 *         15W         the weekday nearest to the 15th, within the month
 *         3#2         the second Tuesday */
enum { SCHEDULE_FIRST_YEAR = 1970, SCHEDULE_LAST_YEAR = 2199 };

struct cron {
    uint64_t minutes;
    uint32_t hours, days, near_weekday; /* bit n: n */
    uint32_t before_last;               /* bit n: n days before the last of the month */
    uint16_t months;
    uint8_t weekdays, last_weekdays; /* bit 0: Sunday */
    uint8_t nth[7];                  /* of each weekday, bit n: the nth of the month */
    bool any_day, any_weekday, last_workday;
    uint8_t years[SCHEDULE_LAST_YEAR - SCHEDULE_FIRST_YEAR + 1];
};

enum schedule_kind { SCHEDULE_CRON, SCHEDULE_RATE, SCHEDULE_AT };

struct schedule_time {
    enum schedule_kind kind;
    struct cron cron;
    int64_t rate_s;
    bool loose;   /* rate(1 minutes), rate(5 minute): accepted by Scheduler, not by rules */
    int64_t at_s; /* local time without a zone */
};

/* Returns NULL if the expression is valid; else what is wrong. */
const char *schedule_parse(struct str text, struct schedule_time *out);
/* True for a cron expression whose days do not exist in its months. */
bool schedule_is_never(const struct schedule_time *time);

/* ---- log_filter.c: Filter patterns of CloudWatch Logs, in one of these forms:
 *
 *     ERROR "exit code" -retried %[45]\d\d%          terms, all of them; or ?ERROR ?WARN, one of them
 *     { ($.level = "err*" || $.code >= 500) && $.user IS NULL }     events in JSON
 *     [ip, ..., status = 4* && status != 404, bytes]                fields separated by spaces
 *
 * Matching is in sandbox/notation/languages.h. Pure functions. */

/* An operand: a string in which * matches anything, or a regular expression. */
struct log_operand {
    struct str text;
    const struct regex_code *regex;
    bool quoted;
};

struct log_term {
    char sign; /* '+', '-', '?' */
    struct log_operand operand;
    struct log_term *next;
};

enum log_comparison {
    LOG_ALL, /* all conditions in `within` */
    LOG_ANY,
    LOG_EQUAL,
    LOG_UNEQUAL,
    LOG_LESS,
    LOG_AT_MOST,
    LOG_MORE,
    LOG_AT_LEAST,
    LOG_NULL,
    LOG_TRUE,
    LOG_FALSE,
    LOG_EXISTS,
    LOG_ABSENT,
};

struct log_condition {
    enum log_comparison comparison;
    struct log_condition *within, *next;
    struct str selector;      /* as written; "": of the field with the condition */
    const struct value *path; /* keys and indices */
    struct log_operand operand;
};

struct log_field {
    struct str name; /* "": unnamed */
    bool any_number; /* "..." */
    const struct log_condition *condition;
    struct log_field *next;
};

/* Only one of the three forms is set; with none, everything matches. */
struct log_filter {
    struct log_term *terms;
    const struct log_condition *condition;
    struct log_field *fields;
    bool has_fields; /* also without named fields: [] */
};

/* Returns NULL, or what is wrong. The filter is allocated in the arena and refers to the text. */
const char *log_filter_read(struct arena *arena, struct str text, struct log_filter *out);
/* Parses $.a.b[0], $.['a b'] to keys and indices; returns NULL if it is invalid. */
const struct value *log_filter_path(struct arena *arena, struct str selector);
