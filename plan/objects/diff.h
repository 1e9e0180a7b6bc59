/*
 * The three-way diff: desired (the file), recorded (the last apply), live (the service now). Made once, when
 * a resource is planned; what it found is shown, and applied. Pure: lists are in the arena.
 */
#pragma once

#include "plan/plan.h"

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
bool diff_ignores(const struct comparison *c, const struct value *desired, const struct attr *attr);

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

/* ---- configured.c: which fields within attributes the file gave. The record keeps their names, so that what
 * was configured and is not any more is taken away at the service, as a whole attribute is (diff.c); what
 * never was in the file is not managed, whoever set it. Names alone are kept, and only of attributes
 * with more in them than was given: of the others what is recorded is what was configured.
 *
 *   {a: {b: 1}} given, {a: {b: 1, c: 2}, d: {e: 3}} recorded: {a: {b: true}}; d is not in the file
 *
 * Lists are kept item by item, sets in the order in which their items are recorded, whole attributes by
 * record->set. What is to be taken away is as a null in what is wanted (schema.h). Of records that were
 * written before there was such a thing nothing is known, and nothing is taken away. Pure: results live in
 * the arena. */
/* For the record: of what was given, beside what is there. NULL: nothing given has fields. */
const struct value *configured_fields(
    struct arena *arena, const struct schema *schema, const struct value *given, const struct value *whole);
/* The same where nobody knows better than the record before: an update was cut off, `whole` is there now. */
const struct value *configured_still(
    struct arena *arena, const struct schema *schema, const struct record *before, const struct value *whole);
/*
 * What is wanted, with nulls for fields that the file gave before, and that live has: other than by default,
 * and not by the service's choice. `wanted` itself where there are none.
 */
const struct value *configured_no_more(struct arena *arena, const struct record *record,
    const struct attr *attr, const struct value *wanted, const struct value *live);

typedef void configured_kept(void *ctx, struct str path, const struct value *v);
/*
 * After a change: calls `kept` for what was to be taken away, and is there as it was. Either the service has
 * it by itself, or it does not take it back.
 */
void configured_each_kept(struct arena *arena, const struct attr_change *change, const struct value *live,
    configured_kept *kept, void *ctx);
