/*
 * The properties of an output stream, and text that is safe to print on it.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

struct term {
    int fd;
    bool tty; /* a terminal that supports cursor movements */
    bool color;
    bool utf8;
    int width, height; /* 80 x 24 if unknown */
};

enum style {
    STYLE_PLAIN,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_RED,
    STYLE_GREEN,
    STYLE_YELLOW,
    STYLE_MAGENTA,
    STYLE_CYAN,
};

/* Reads the descriptor's properties, NO_COLOR, TERM and the locale's variables. */
void term_init(struct term *term, int fd, bool no_color);
/* Reads the window size again. */
void term_measure(struct term *term);

/* Returns the spinner for this time; a moving display is redrawn every FRAME_MS. */
enum { FRAME_MS = 100 };
const char *term_spinner(const struct term *term, int64_t now_ms);

void style_on(struct buf *out, bool color, enum style style);
void style_off(struct buf *out, bool color, enum style style);
void style_add(struct buf *out, bool color, enum style style, const char *text);
/* Escapes the text as text_add_safe() does. */
void style_add_str(struct buf *out, bool color, enum style style, struct str text);
/* The same for text_addf(). */
void style_addf(struct buf *out, bool color, enum style style, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Appends external text (from services, files) without terminal control: control characters and direction
 * marks become escapes. Newlines are kept with keep_lines.
 */
void text_add_safe(struct buf *out, struct str text, bool keep_lines);
/* The same, with `between` instead of line breaks and empty lines, as for what a command wrote. */
void text_add_lines(struct buf *out, struct str text, const char *between);
/*
 * Format like buf_addf(), with strings (%s, %.*s) escaped by text_add_safe() on one line, or by
 * text_add_xml(). Numbers, %c and the format are trusted. They know no flags, no width, and of precisions
 * only those of %s, %f and %g.
 */
void text_addf(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_addf_xml(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends external text on one line, padded to `width` columns and followed by a blank. */
void text_add_column(struct buf *out, struct str text, int width);
/* The same for JSON, which stays valid: invalid UTF-8 becomes U+FFFD. */
void text_add_json_safe(struct buf *out, struct str text);
/* Escapes text for XML and HTML, also within quotes, in a form that masks recognise (base/mask.h). Characters
 * that XML does not allow are left out. */
void text_add_xml(struct buf *out, struct str text);
/* Appends external text in double quotes, with \" \\ \n \t. */
void text_add_quoted(struct buf *out, struct str text);
/* Appends a word, quoted for a shell if necessary. */
void text_add_word(struct buf *out, struct str text);

/* Append 1234567 as "1,234,567", and 1536 bytes as "1.5 KiB". */
void text_add_count(struct buf *out, int64_t n);
void text_add_bytes(struct buf *out, int64_t bytes);

/* Appends "45 ms", "0.3 s", "1 m 05 s", "2 h 10 m". */
void text_add_duration(struct buf *out, int64_t ms);

/* Appends words wrapped to lines of at most `width` columns; lines after the first begin with `indent`
 * blanks. */
void text_add_wrapped(struct buf *out, struct str text, int column, int indent, int width);

/* ---- tables as text (aligned columns) and CSV (quoted as in RFC 4180) ---- */
/*
 * `columns` is a list of names, `rows` a list of lists of strings; null is an empty field in CSV and a dash
 * in a table. Terminal control is escaped in tables.
 */
/* Returns `names` as columns. On a terminal that is too narrow the last column is wrapped, then the widest of
 * the others cut. */
const struct value *table_columns(struct arena *arena, const char *const *names, size_t n);
void table_add_text(
    const struct value *columns, const struct value *rows, const struct term *term, struct buf *out);
void table_add_csv(const struct value *columns, const struct value *rows, bool raw, struct buf *out);

/*
 * All output of weir is written here, to a terminal, a pipe and as --json. Secrets are masked here
 * (base/mask.h).
 *
 * The exceptions use term_print_raw(): formatted files (`weir fmt`), an output that is requested by name, and
 * the bytes of `--raw`.
 */

/* err->code if the reader has closed the pipe: `weir plan | head`. */
#define BROKEN_PIPE_CODE "EPIPE"

/* Writes text that is already safe for a terminal (cmd/terminal/term.h); control sequences in it, such as
 * colours, are weir's own. */
int term_print(int fd, struct str text, struct err *err);
/* Writes JSON, a document or one per line. Control characters are escaped. */
int term_print_json(int fd, struct str text, struct err *err);
int term_print_raw(int fd, struct str text, struct err *err);
/* term_print() to standard error. Failures are ignored. */
void term_print_error(struct str text);
/* Returns the masked text, for files such as a plan as Markdown. */
struct str term_masked(struct arena *arena, struct str text);

/* ---- Pipes that the shell passes as files: `--input-file <(sops -d secrets.yaml)` is /dev/fd/63.
 *
 * weir reads only regular files (base/file.h), some of them repeatedly. So such pipes are read completely at
 * the start, while a signal still ends the process, and their content replaces them under the same name. */
/* Reads the pipes that a word of the command line or an environment variable names: /dev/stdin, /dev/fd/N. */
int pipes_read(int argc, char *const *argv, struct err *err);
