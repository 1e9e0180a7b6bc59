/*
 * Attributes that are in a language of their own (`language:` in a spec, see docs/specs.md): what a service
 * would refuse of their values. Used before anything is called, and by the sandbox. Only what is surely
 * refused is said; what is not known yet (VALUE_UNKNOWN) may be anything. Pure.
 */
#pragma once

#include "base/match.h"
#include "base/value.h"

struct notation_issue {
    struct str message;       /* "state \"Load\": …" */
    const struct value *path; /* keys and indices to where it is */
    struct str word;          /* may be a slip of one of the names; "" nothing */
    const struct str *names;
    size_t name_count;
    struct str hint; /* what to do; may be empty */
    bool doubt;      /* it is taken, and yet hardly meant */
};

/* Is there a language of that name? */
bool notation_exists(struct str language);
/* What the language's values are called, for people: "state machine". */
const char *notation_subject(struct str language);
/* Is a text of it a JSON document? */
bool notation_is_json(struct str language);
/* Calls `tell` for each mistake; the issue lives as long as the call. */
void notation_check(struct arena *arena, struct str language, const struct value *v,
    void (*tell)(void *ctx, const struct notation_issue *issue), void *ctx);

/* ---- event_pattern.c: Event patterns: what EventBridge's rules, pipes and Lambda's event source mappings
 * filter by, and messages of SNS likewise. Pure. */
/*
 * NULL: nothing is wrong with it; what is not known yet may be anything. The text lives in the arena or
 * forever. *path: keys and indices to what is wrong; NULL: nobody asks.
 */
const char *event_pattern_wrong(struct arena *arena, const struct value *pattern, const struct value **path);
struct event_pattern_fault {
    const char *why; /* in EventBridge's words; NULL: nothing is wrong */
    const struct value *path;
    /* What services say of the place: after a text that they have read, twice, or nothing. */
    bool read, twice, nowhere;
};
const char *event_pattern_fault(
    struct arena *arena, const struct value *pattern, struct event_pattern_fault *out);
/* The names of all operators. */
const struct str *event_pattern_operators(size_t *n);

/* ---- schedule.c: Schedules as texts: cron(…) with the service's six fields, rate(…), at(…). Pure.
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
    bool loose;   /* rate(1 minutes), rate(5 minute): Scheduler takes it, a rule does not */
    int64_t at_s; /* as clocks show it */
};

/* NULL: understood; else what is wrong with it. */
const char *schedule_parse(struct str text, struct schedule_time *out);
/* Is it a cron of days that its months never have? */
bool schedule_is_never(const struct schedule_time *time);

/* ---- log_filter.c: Filter patterns of CloudWatch Logs, which are one of
 *
 *     ERROR "exit code" -retried %[45]\d\d%          terms, all of them; or ?ERROR ?WARN, one of them
 *     { ($.level = "err*" || $.code >= 500) && $.user IS NULL }     of events in JSON
 *     [ip, ..., status = 4* && status != 404, bytes]                of fields between spaces
 *
 * Whether one matches is sandbox/notation/languages.h's. Pure. */

/* What something is compared with: a text in which * stands for anything, or a regular expression. */
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
    LOG_ALL, /* of the conditions within */
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
    struct str selector;      /* as it is written; "": of the field that has the condition */
    const struct value *path; /* keys and indices */
    struct log_operand operand;
};

struct log_field {
    struct str name; /* "": it has none */
    bool any_number; /* "..." */
    const struct log_condition *condition;
    struct log_field *next;
};

/* Of one kind only; of none: everything matches. */
struct log_filter {
    struct log_term *terms;
    const struct log_condition *condition;
    struct log_field *fields;
    bool has_fields; /* also where none of them is named: [] */
};

/* NULL, or what is wrong with it. The filter lives in the arena, and the text as long. */
const char *log_filter_read(struct arena *arena, struct str text, struct log_filter *out);
/* $.a.b[0], $.['a b']: its keys and indices; NULL: it is none. */
const struct value *log_filter_path(struct arena *arena, struct str selector);
