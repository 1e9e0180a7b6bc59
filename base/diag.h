/*
 * Diagnostics: errors and warnings about the user's files. They are collected and reported together, sorted
 * by place, each with file:line:column, the source line, a caret line and a hint:
 *
 *     error: aws.s3.bucket has no attribute "versionning"
 *       --> weir.yaml:14:5
 *        |
 *     14 |     versionning: true
 *        |     ^^^^^^^^^^^ did you mean "versioning"?
 *
 * A `struct source` must outlive the diagnostics that point into it. Not thread-safe.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#include <stdio.h>

/* Bytes of a source that excerpts show as stars. A line with nothing else gets no excerpt. */
struct source_secret {
    const struct source_secret *next;
    size_t offset, length;
};

/* Text from a file or from the command line (path is the option). */
struct source {
    struct str path; /* as the user would type it, relative if possible */
    struct str text;
    const struct source_secret *secrets; /* see source_hide() */
    uint32_t above; /* number of lines of the file before the text, if the text is a part of a file */
};

/*
 * A place in a source: `line` and `column` count from 1 (column in code points). If line is 0 and length is
 * not, both are computed from the offset when the diagnostic is reported. Line 0 and length 0: no place
 * within the source.
 */
struct span {
    const struct source *source; /* NULL: no place at all */
    uint32_t offset, length;     /* bytes */
    uint32_t line, column;
};

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

struct diag {
    enum diag_severity severity;
    struct span span;
    struct str message;  /* the text after "error: " */
    struct str label;    /* beside the carets; may be empty */
    struct span related; /* a second place, such as that of the first of two duplicates; source NULL: none */
    struct str related_label;
    struct str hint; /* shown as a line "hint: …"; may be empty */
    struct str code; /* an identifier for machine-readable output, such as the name of a rule; "": none */
};

struct diags {
    struct arena arena; /* owns the texts */
    struct diag *items;
    size_t n, cap;
    size_t errors;
    size_t met;   /* number of errors added, counting duplicates */
    size_t limit; /* maximum number kept (default 100); the others are counted in `dropped` */
    size_t dropped;
    struct diag spare; /* returned once the limit is reached */
};

#define DIAGS_INIT                                                                                           \
    {                                                                                                        \
        0                                                                                                    \
    }
#define AUTO_DIAGS __attribute__((cleanup(diags_release)))
void diags_release(struct diags *diags);

/*
 * Add a diagnostic. The returned diag is valid until the next addition; the functions below set its label,
 * hint and related place. The same message at the same place is kept once.
 */
struct diag *diag_error(struct diags *diags, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct diag *diag_warning(struct diags *diags, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_label(struct diags *diags, struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_hint(struct diags *diags, struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sets the code, which is not part of the printed text. */
void diag_code(struct diags *diags, struct diag *diag, struct str code);
void diag_related(struct diags *diags, struct diag *diag, struct span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Sets the label `did you mean "X"?` with the candidate nearest to the word. False, without a label: none is
 * near enough. */
bool diag_did_you_mean(
    struct diags *diags, struct diag *diag, struct str word, const struct str *candidates, size_t n);
/* The same, or else a hint that lists the candidates, if there are at most twelve. */
void diag_suggest(
    struct diags *diags, struct diag *diag, struct str word, const struct str *candidates, size_t n);

/*
 * Marks the span as secret: no excerpt of any diagnostic shows it. The arena must live as long as the source.
 */
void source_hide(struct arena *arena, struct span span);
/* True if the span is within a hidden one. Messages must not quote its text. */
bool span_is_hidden(struct span span);

/* Copies every source that a diagnostic points into, so that the diagnostics may outlive their sources. */
void diags_own_sources(struct diags *diags);

/* Sorts by source, line and column and renders all diagnostics; `color` adds ANSI colours. */
void diags_render(struct diags *diags, bool color, struct buf *out);
/* Appends the text as one line that is safe for a terminal: without control characters and invalid UTF-8. */
void diag_add_text(struct buf *out, struct str text);
/* Returns the span with its line and column computed if they were missing. */
struct span span_complete(struct span span);
/* Returns the span of a byte offset, with line and column. */
struct span span_at(const struct source *source, size_t offset, size_t length);
