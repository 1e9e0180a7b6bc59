/*
 * Rewrites stack files in the canonical format, from text to text. No YAML library keeps comments and the
 * spelling within a line, so the formatter works on lines: libyaml's tokens tell which column belongs to
 * which collection, and each line moves to the new column of its collection.
 *
 * - LF line ends, one at the end; no blanks at the end of a line; at most one empty line in a row, none at
 *   start or end
 * - the content of a block collection is indented by two columns, sequences below a key too
 * - one blank after the "-" of an item
 * - continuation lines of a string or flow collection move as far as the line on which it begins
 * - a comment on its own line gets the column of the next line, or of the block that it ends
 *
 * Blanks and lines within a string are never changed: the result has the same content as the source.
 * Formatting twice gives the same text.
 */
#pragma once

#include "base/diag.h"
#include "base/err.h"

/*
 * Appends the text in the canonical format. Returns -1 if the text is not YAML (the diagnostics have the
 * errors, err is untouched) or if the result would have another content: that is a bug in weir, reported in
 * err.
 */
int format_text(const struct source *source, struct diags *diags, struct buf *out, struct err *err);

/* Returns whether both texts are the same YAML: values, keys, anchors, tags and styles in the same order. */
bool format_same(struct str a, struct str b);

/* ---- The lines of a text to format. format_lines_cut() splits the text, format.c sets the kind and position
 * of each line, format_lines_write() writes them, and format_lines_release() frees them. Lines point into the
 * original text. */
enum format_line_kind {
    LINE_FREE,     /* empty or a comment, until a token is found on it */
    LINE_TOKEN,    /* begins with a token of a block collection */
    LINE_COMMENT,  /* a comment outside of flow collections */
    LINE_FLOW,     /* continues a flow collection */
    LINE_FOLDED,   /* continues a plain or quoted scalar */
    LINE_VERBATIM, /* belongs to a block scalar (| or >) */
};

struct format_line {
    struct str text; /* without its line end */
    struct str end;  /* "\n"; LS and PS stay, since they may be content; empty at the end of the text */
    enum format_line_kind kind;
    int32_t column; /* TOKEN and COMMENT: the new column */
    int32_t shift;  /* FLOW, FOLDED, VERBATIM: how many columns it moves … */
    int32_t floor;  /* … but not below this column */
    int32_t indent; /* VERBATIM: indentation that is not content */
    uint32_t links; /* TOKEN: number of indicators ("- ") that are followed by something on the same line */
};

struct format_lines {
    struct format_line *items;
    size_t n, cap;
};
