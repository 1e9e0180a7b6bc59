/*
 * Stack files in the usual layout: text in, text out. Comments and everything within a line stay as written
 * (no YAML library keeps them), so this works on lines: libyaml's tokens say which column belongs to which
 * collection, and every line moves to where its collection begins now.
 *
 * - LF line ends, one at the end; no blanks at the end of a line; one empty line at most, none at start or
 * end
 * - what is inside a block collection stands two columns further in, sequences below a key too
 * - one blank after the "-" of an item
 * - lines that go on with a text or a flow collection move as far as the line that it began on
 * - comments on lines of their own stand like the line after them, or in the block that they end
 *
 * Blanks and lines that belong to a text are never touched: the result holds the same as the source.
 * Formatting twice changes nothing more.
 */
#pragma once

#include "base/diag.h"
#include "base/err.h"

/*
 * Appends the text in the usual layout. -1 where it is not YAML (diagnostics say why, err is untouched), or
 * where the result would not hold the same: that is weir's own mistake, and an err.
 */
int format_text(const struct source *source, struct diags *diags, struct buf *out, struct err *err);

/* Do both hold the same YAML: values, keys, anchors, tags, styles, in the same order? */
bool format_same(struct str a, struct str b);
