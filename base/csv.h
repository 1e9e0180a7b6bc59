/* CSV (RFC 4180) with any separator; lines may end in \n or \r\n. */
#pragma once

#include "base/value.h"

struct csv {
    struct str text;
    size_t at; /* start of the next line; text.n or more: the end of the text */
    char separator;
};

/* Clears the row and reads the fields of the next line into it, as strings. False: a quote is not closed. */
bool csv_row(struct csv *csv, struct arena *arena, struct value_builder *row);
bool csv_row_is_empty(const struct value_builder *row); /* true for an empty line */
