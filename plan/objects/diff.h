/*
 * The three-way diff: desired (the file), recorded (the last apply), live (the service now). Made once, when
 * a resource is planned; what it found is shown, and carried out. Pure: lists lie in the arena.
 */
#pragma once

#include "base/arena.h"
#include "plan/plan.h"
#include "stacks/stack.h"

/* What a desired object is compared with. */
struct comparison {
    struct arena *arena; /* lists */
    const struct schema *schema;
    const struct lifecycle *lifecycle; /* what is ignored; NULL: nothing */
    const struct value *live;          /* what is there; NULL: nothing */
    const struct record *record;       /* what the last apply set; NULL: nothing */
};

/* The attributes in which desired differs from live, those among them that the record has set and the file
 * does not give any more. What is unknown differs. */
size_t diff_objects(const struct comparison *c, const struct value *desired, struct attr_change **out);

/* The names of what changes. */
const struct value *diff_names(struct arena *arena, const struct attr_change *list, size_t n);

/* Does what is there stay as it is, by the file's `ignore_changes` or by the type's? */
bool diff_ignores(const struct comparison *c, const struct attr *attr);

/* What was shown, and of which object. */
struct diff_then {
    const struct value *desired;
    const struct attr_change *shown;
    size_t count;
};
/*
 * The difference that was shown, with what was unknown in it compared now that it is known: that may turn out
 * to be no difference. What was known is not compared again.
 */
size_t diff_known(const struct comparison *c, const struct diff_then *then, const struct value *desired,
    struct attr_change **out);
/* All that a new one will have, beside what the one has that it takes the place of. */
size_t diff_made(const struct comparison *c, const struct value *planned, struct attr_change **out);
/* What changed outside weir, of what the last apply set. With a record. */
size_t diff_drift(const struct comparison *c, struct attr_change **out);
