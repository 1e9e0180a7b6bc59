/*
 * How a secret may be spelt in texts. For base/mask.c.
 */
#pragma once

#include "base/str.h"

/* Each spelling once or more often, the text itself among them; of one above a mebibyte only that and JSON's.
 */
void mask_spellings(struct str text, void (*spelling)(void *ctx, struct str text), void *ctx);
