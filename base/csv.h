/* CSV (RFC 4180) with any separator; lines may end in \n or \r\n. */
#pragma once

#include "base/value.h"

struct csv {
    struct str text;
    size_t at; /* where the next line begins; text.n or more: there is none */
    char separator;
};

/* The next line into row, which it empties before: its fields as texts. False: a quote has no end. */
bool csv_row(struct csv *csv, struct arena *arena, struct value_builder *row);
bool csv_row_is_empty(const struct value_builder *row); /* an empty line */
