/*
 * The three-way diff: desired (the file), recorded (the last apply), live (the service now). Made once, when
 * a resource is planned; what it found is shown, and carried out. Pure: lists lie in the arena.
 */
#ifndef WEIR_PLAN_DIFF_H
#define WEIR_PLAN_DIFF_H

#include "base/arena.h"
#include "plan/plan.h"
#include "stacks/stack.h"

/*
 * The attributes in which desired differs from live, those among them that the record has set and the file
 * does not give any more. What is unknown differs. `record` NULL: nothing was set before.
 */
size_t diff_objects(struct arena *arena, const struct schema *schema, const struct lifecycle *lifecycle,
    const struct value *desired, const struct value *live, const struct record *record,
    struct attr_change **out);
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
size_t diff_known(struct arena *arena, const struct schema *schema, const struct lifecycle *lifecycle,
    const struct diff_then *then, const struct value *desired, const struct value *live,
    const struct record *record, struct attr_change **out);
/* All that a new one will have, beside what the one has that it takes the place of (live and record may be
 * NULL). */
size_t diff_made(struct arena *arena, const struct schema *schema, const struct value *planned,
    const struct value *live, const struct record *record, struct attr_change **out);
/* What changed outside weir, of what the last apply set. */
size_t diff_drift(struct arena *arena, const struct schema *schema, const struct record *record,
    const struct value *live, struct attr_change **out);

#endif
