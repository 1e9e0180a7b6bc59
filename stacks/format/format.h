/*
 * Stack files in the canonical format: text in, text out. Comments and everything within a line stay as
 * written (no YAML library keeps them), so this works on lines: libyaml's tokens say which column belongs to
 * which collection, and every line moves to where its collection begins now.
 *
 * - LF line ends, one at the end; no blanks at the end of a line; one empty line at most, none at start or
 * end
 * - what is inside a block collection is two columns further in, sequences below a key too
 * - one blank after the "-" of an item
 * - lines that go on with a text or a flow collection move as far as the line that it began on
 * - comments on lines of their own are like the line after them, or in the block that they end
 *
 * Blanks and lines that belong to a text are never touched: the result holds the same as the source.
 * Formatting twice changes nothing more.
 */
#pragma once

#include "base/diag.h"
#include "base/err.h"

/*
 * Appends the text in the canonical format. -1 where it is not YAML (diagnostics say why, err is untouched),
 * or where the result would not hold the same: that is weir's own mistake, and an err.
 */
int format_text(const struct source *source, struct diags *diags, struct buf *out, struct err *err);

/* Do both hold the same YAML: values, keys, anchors, tags, styles, in the same order? */
bool format_same(struct str a, struct str b);

/* ---- The lines of a text that is brought into the canonical format: format_lines_cut() makes
 * them, format.c says of each what it is and where it goes, format_lines_write() writes them, and
 * format_lines_release() ends it. Texts of lines point into the text that was cut. */
enum format_line_kind {
    LINE_FREE,     /* empty or a comment, unless a token turns up */
    LINE_TOKEN,    /* begins with a token of a block collection */
    LINE_COMMENT,  /* a comment outside of flow collections */
    LINE_FLOW,     /* goes on with a flow collection */
    LINE_FOLDED,   /* goes on with a plain or quoted text */
    LINE_VERBATIM, /* of a text after | or > */
};

struct format_line {
    struct str text; /* as written, without its end */
    struct str end;  /* "\n"; LS and PS stay, they may be content; empty at the end of the text */
    enum format_line_kind kind;
    int32_t column; /* TOKEN and COMMENT: where it begins now */
    int32_t shift;  /* FLOW, FOLDED, VERBATIM: by how much it moves … */
    int32_t floor;  /* … but not below this column */
    int32_t indent; /* VERBATIM: blanks that do not belong to the text */
    uint32_t links; /* TOKEN: how many indicators ("- ") have something after them on the line */
};

struct format_lines {
    struct format_line *items;
    size_t n, cap;
};
