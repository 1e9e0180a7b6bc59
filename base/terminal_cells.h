/*
 * How wide text stands on a terminal: East Asian letters take two cells, combining marks none. Any bytes will
 * do; what is no UTF-8 counts as a replacement character each.
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

/* The code point at text[at], U+FFFD where there is none; *size is how many bytes it takes. */
uint32_t cells_decode(struct str text, size_t at, size_t *size);
/* Cells of one code point. */
unsigned cells_of(uint32_t code);
/* Of a whole text that holds no control characters. */
size_t cells_width(struct str text);
/* How many bytes at the start fit into so many cells. */
size_t cells_prefix(struct str text, size_t cells);
