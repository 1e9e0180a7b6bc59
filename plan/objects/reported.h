/*
 * What a service tells otherwise than it was given, where no rule of the type's says that both are the same:
 * "alias/lake" as the key's ARN, "Etc/UTC" as "UTC", items in another order. The record of a resource keeps
 * how such an attribute was given beside what the service told right after; as long as neither changes there
 * is nothing to do, and no plan comes back to it again and again. It is said when it is found out.
 *
 * Only other texts count: a number or a switch that is another, one of few choices that is another, has not
 * been carried out, and stays a difference. What an answer leaves out after it was applied twice is not told
 * at all: then the record keeps how it was given with that very value beside it, until the service tells
 * another. Pure: results live in the arena.
 */
#pragma once

#include "base/arena.h"
#include "plan/plan.h"
#include "plan/state/state.h"

struct reported_change {
    const struct schema *schema;
    const struct record *before; /* NULL: it is made, or adopted */
    const struct attr_change *changes;
    size_t n;
    const struct value *desired;
};

/* May `live` be what was given, in the service's own writing? Not where they are the same anyway. */
bool reported_otherwise(const struct attr *attr, const struct value *given, const struct value *live);
/* Does the answer say nothing of what was given? */
bool reported_nothing(const struct attr *attr, const struct value *given, const struct value *live);
/* Is it known of what is wanted that answers leave it out? */
bool reported_left_out(const struct record *record, const struct attr *attr, const struct value *wanted,
    const struct value *live);
/* Is either known of what is wanted and live? */
bool reported_before(const struct record *record, const struct attr *attr, const struct value *wanted,
    const struct value *live);
/* The attributes of a change that were applied like this before and yet are told otherwise: whether that is
 * the service's way shows when they are read once more after it. */
const struct value *reported_doubtful(
    struct arena *arena, const struct record *record, const struct attr_change *changes, size_t n);
/* What there is after an operation, in the service's writing where that is known and was not changed. */
const struct value *reported_carried(
    struct arena *arena, const struct reported_change *change, const struct value *whole);
/* As they were given, those that are told otherwise, and those that are left out: now, by these names, or
 * before, where they were not changed. NULL: none. */
const struct value *reported_found(struct arena *arena, const struct reported_change *change,
    const struct value *whole, const struct value *left_out);

/*
 * Fields within an attribute that cannot be read back (the password among the settings of an endpoint): the
 * state keeps salted hashes in their places, as it does of whole attributes.
 */

/* What the service says, and in their places the fields that it does not tell, as `given` has them. */
const struct value *unreported_completed(
    struct arena *arena, const struct type *type, const struct value *given, const struct value *live);
/* The value as the state keeps it: such fields as hashes. */
const struct value *unreported_kept(struct arena *arena, const struct type *type, const struct value *v);
/* The value as a service would tell it: without them. */
const struct value *unreported_left_out(struct arena *arena, const struct type *type, const struct value *v);
/* Of what live does not tell, is something wanted that `recorded` is no hash of? Otherwise live is what is
 * wanted. */
bool unreported_differs(const struct type *type, const struct value *wanted, const struct value *live,
    const struct value *recorded);
