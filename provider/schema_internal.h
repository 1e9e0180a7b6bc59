/* Shared by the schema_*.c files; not for other files. */
#pragma once

#include "provider/schema.h"

/* Position of the conversion, innermost first: a key, or an index if key.p is NULL. */
struct place {
    const struct place *up;
    struct str key;
    size_t index;
};

struct convert {
    struct arena *arena;
    struct schema_issue *issue;
    bool sensitive; /* the value or an enclosing value is sensitive: it may not be quoted */
    bool exact;     /* enumeration values have to be in the exact case */
};

/* ---- schema_convert.c ---- */

/* Fills the issue with a message; label, key and at_key are set by the caller. Returns NULL, as the failed
 * result. */
const struct value *schema_fail(struct convert *c, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sets the issue's label to the nearest candidate ("did you mean"). */
void schema_suggest(struct convert *c, struct str word, const struct str *candidates, size_t n);

/* ---- schema_check.c ---- */

/* Checks a converted value; returns false with the issue filled if the attribute does not allow it. */
bool schema_check(
    struct convert *c, const struct place *place, const struct attr *attr, const struct value *v);
/* Returns the value, or each item of a collection, in the enumeration's spelling. */
const struct value *schema_spelt(struct arena *arena, const struct attr *attr, const struct value *v);

/* Returns the length of the value as JSON. Unknown values count as empty. `type` may be NULL. */
int64_t schema_length(struct arena *arena, const struct type *type, const struct value *v);

/* ---- schema_equal.c ---- */

/* Returns the parsed document of a JSON string; any other value unchanged, and null for NULL. */
const struct value *schema_parsed(struct arena *arena, const struct value *v);
/* Sorts `items` and removes duplicates. An unknown value is not a duplicate of another. */
const struct value *schema_sorted_set(struct arena *arena, const struct value **items, size_t n);
