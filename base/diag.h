/*
 * Diagnostics: what is wrong in the user's files. They accumulate; one run reports all of them, sorted by
 * place, each with file:line:column, the source line, a caret line and a hint:
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

/* Bytes of a source that excerpts show as stars; of a line that is nothing else there is no excerpt. */
struct source_secret {
    const struct source_secret *next;
    size_t offset, length;
};

/* One text that came from a file (or was given on the command line; then path says which option). */
struct source {
    struct str path; /* as the user would type it, relative where possible */
    struct str text;
    const struct source_secret *secrets; /* see source_hide() */
    uint32_t above;                      /* lines of the file before the text, where it is a part of one */
};

/*
 * Where in a source: `line` and `column` count from 1 (column in code points). A span with line 0 and a
 * length gets them from its offset when it is reported; line 0 and no length: no place within the source.
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
    struct str message;  /* after "error: " */
    struct str label;    /* beside the carets; may be empty */
    struct span related; /* a second place, e.g. of a duplicate; source NULL: none */
    struct str related_label;
    struct str hint; /* a line "hint: …" of its own; may be empty */
    struct str code; /* what it is called by whoever asks for it: the name of a rule; "" nothing */
};

struct diags {
    struct arena arena; /* owns the texts */
    struct diag *items;
    size_t n, cap;
    size_t errors;
    size_t met;   /* errors as often as they were added, those that are kept once too */
    size_t limit; /* at most so many are kept (default 100); the rest is counted */
    size_t dropped;
    struct diag spare; /* handed out beyond the limit */
};

#define DIAGS_INIT                                                                                           \
    {                                                                                                        \
        0                                                                                                    \
    }
#define AUTO_DIAGS __attribute__((cleanup(diags_release)))
void diags_release(struct diags *diags);

/*
 * The returned diag is valid until the next addition; set label, hint or related with the calls below. The
 * same message at the same place is kept once.
 */
struct diag *diag_error(struct diags *diags, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct diag *diag_warning(struct diags *diags, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_label(struct diags *diags, struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_hint(struct diags *diags, struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Beyond what people read. */
void diag_code(struct diags *diags, struct diag *diag, struct str code);
void diag_related(struct diags *diags, struct diag *diag, struct span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Label `did you mean "X"?` with the candidate nearest to word; false and no label where none is near. */
bool diag_did_you_mean(
    struct diags *diags, struct diag *diag, struct str word, const struct str *candidates, size_t n);

/*
 * What is there is a secret: no excerpt shows it, of whatever is wrong on that line. The arena has to
 * live as long as the source.
 */
void source_hide(struct arena *arena, struct span span);
/* Is the place within what is hidden? Then messages do not quote what is there. */
bool span_is_hidden(struct span span);

/* Copies every source that a diagnostic points into, for when they go away first. */
void diags_own_sources(struct diags *diags);

/* Sorts by source, line, column and renders all; `color` adds ANSI colours. */
void diags_render(struct diags *diags, bool color, struct buf *out);
/* In one line and so that it cannot steer a terminal: without control characters and broken UTF-8. */
void diag_add_text(struct buf *out, struct str text);
/* With line and column, which spans may come without. */
struct span span_complete(struct span span);
/* Line and column of a byte offset. */
struct span span_at(const struct source *source, size_t offset, size_t length);
