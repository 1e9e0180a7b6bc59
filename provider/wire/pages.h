/*
 * The pages of one listing: a service that gives a token twice would be asked for the same pages for ever.
 *
 *     AUTO_PAGES struct pages pages = PAGES_INIT;
 *     do … while (there is a token, and pages_next() says 0);
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/value.h"

struct pages {
    struct map seen; /* tokens */
    struct arena arena;
};

#define PAGES_INIT                                                                                           \
    {                                                                                                        \
        .arena = ARENA_INIT                                                                                  \
    }
#define AUTO_PAGES __attribute__((cleanup(pages_release)))
void pages_release(struct pages *pages);
/* -1 with ERR_PROTOCOL: this token has led on before. */
int pages_next(struct pages *pages, struct str operation, struct str token, struct err *err);
/* The same for a listing that goes on by several markers, or by a token that is no text. */
int pages_next_value(struct pages *pages, struct str operation, const struct value *token, struct err *err);
