/*
 * Texts as somebody would write them in YAML: as they are where every reader takes them for that text, else
 * in quotes.
 */
#pragma once

#include "base/buf.h"

/*
 * In quotes where it would be read as something else, within [] and {} (`flow`) sooner: in '…' where there is
 * a " in it, so that expressions stay readable.
 */
void yaml_write_text(struct buf *out, struct str s, bool flow);
/* Can it be a block of its own lines? Blanks where a block would lose or misread them speak against it. */
bool yaml_fits_block(struct str s);
