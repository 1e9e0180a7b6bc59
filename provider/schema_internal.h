/* Shared by schema_*.c and schema_equal.c; nobody else includes it. */
#pragma once

#include "provider/schema.h"

/* Where the conversion is, innermost first: a key, or an index where key.p is NULL. */
struct place {
    const struct place *up;
    struct str key;
    size_t index;
};

struct convert {
    struct arena *arena;
    struct schema_issue *issue;
    bool sensitive; /* the value or something around it: nothing of it may be quoted */
    bool exact;     /* the case of an enumeration's values matters */
};

/* ---- schema_convert.c ---- */

/* Fills the issue with a message; label, key and at_key are the caller's. Always NULL, the failed result. */
const struct value *schema_fail(struct convert *c, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds to the issue which of the candidates may have been meant. */
void schema_suggest(struct convert *c, struct str word, const struct str *candidates, size_t n);

/* ---- schema_check.c ---- */

/* False, with the issue filled, where a converted value is none that the attribute takes. */
bool schema_check(
    struct convert *c, const struct place *place, const struct attr *attr, const struct value *v);
/* A value that it takes, or each in a collection, as the enumeration spells it. */
const struct value *schema_spelt(struct arena *arena, const struct attr *attr, const struct value *v);

/* What is not known yet counts as nothing. `type` may be NULL. */
int64_t schema_length(struct arena *arena, const struct type *type, const struct value *v);

/* ---- schema_equal.c ---- */

/* The document that a text of JSON has; anything else is itself, and nothing null. */
const struct value *schema_parsed(struct arena *arena, const struct value *v);
/* In order, and none twice; `items` is put into order. What is unknown may turn out to be anything, so it
 * counts as no duplicate. */
const struct value *schema_sorted_set(struct arena *arena, const struct value **items, size_t n);
