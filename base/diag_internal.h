/* Shared by diag*.c; nobody else includes it. */
#pragma once

#include "base/diag.h"

/* ---- diag.c ---- */

/* Where the line begins that has the offset. */
size_t diag_line_start(struct str text, size_t offset);
/* Bytes of a byte order mark at the beginning. */
size_t diag_bom_size(struct str text);
