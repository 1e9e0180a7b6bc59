/*
 * Filter patterns of CloudWatch Logs, which are one of
 *
 *     ERROR "exit code" -retried %[45]\d\d%          terms, all of them; or ?ERROR ?WARN, one of them
 *     { ($.level = "err*" || $.code >= 500) && $.user IS NULL }     of events in JSON
 *     [ip, ..., status = 4* && status != 404, bytes]                of fields between spaces
 *
 * Whether one matches is sandbox/notation/languages.h's. Pure.
 */
#pragma once

#include "base/match.h"
#include "base/value.h"

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
