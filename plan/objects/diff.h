/*
 * The three-way diff: configured (desired), recorded and live values. Computed once, when a resource is
 * planned; the result is shown and applied. Pure: lists are allocated in the arena.
 */
#pragma once

#include "plan/plan.h"

/* What a configured object is compared with. */
struct comparison {
    struct arena *arena; /* of the resulting lists */
    const struct schema *schema;
    const struct lifecycle *lifecycle; /* has ignore_changes; NULL: none */
    const struct value *live;          /* the live object; NULL: none */
    const struct record *record;       /* of the last apply; NULL: none */
};

/* Finds the attributes whose configured value differs from the live one, and those that the record has set
 * and the file no longer configures. Unknown values count as different. */
size_t diff_objects(const struct comparison *c, const struct value *desired, struct attr_change **out);

/* List of the names of the changed attributes. */
const struct value *diff_names(struct arena *arena, const struct attr_change *list, size_t n);

/* True if a change of the attribute is ignored, by `ignore_changes` of the file or of the type. */
bool diff_ignores(const struct comparison *c, const struct value *desired, const struct attr *attr);

/* The planned difference and its configured object. */
struct planned_diff {
    const struct value *desired;
    const struct attr_change *changes;
    size_t count;
};
/*
 * Returns the planned difference, with formerly unknown values compared again, since they are known now and
 * may be equal. Values that were known are not compared again.
 */
size_t diff_known(const struct comparison *c, const struct planned_diff *planned, const struct value *desired,
    struct attr_change **out);
/* All attributes of a new resource, with the values of the resource that it replaces. */
size_t diff_made(const struct comparison *c, const struct value *planned, struct attr_change **out);
/* Differences between the record's set attributes and the live ones. Needs a record. */
size_t diff_drift(const struct comparison *c, struct attr_change **out);

/* ---- configured.c: which fields within attributes the file configures. The record keeps their names, so
 * that a field that is removed from the file is removed at the service, as whole attributes are (diff.c).
 * Fields that were never in the file are not managed. Only names are kept, and only of attributes that have
 * more fields than were configured: for the others the recorded value is what was configured.
 *
 *   {a: {b: 1}} configured, {a: {b: 1, c: 2}, d: {e: 3}} recorded: {a: {b: true}}; d is not in the file
 *
 * Lists are kept item by item, sets in the order of the recorded items, whole attributes by record->set. A
 * field to remove is a null in the desired value (schema.h). Records of older versions lack these names; no
 * fields are removed for them. Pure: results are allocated in the arena. */
/* For the record: the names of configured fields, compared with the whole object. NULL: no configured
 * attribute has fields. */
const struct value *configured_fields(
    struct arena *arena, const struct schema *schema, const struct value *given, const struct value *whole);
/* The same from the previous record, after an interrupted update; `whole` is the live object. */
const struct value *configured_after_update(
    struct arena *arena, const struct schema *schema, const struct record *before, const struct value *whole);
/*
 * Returns the desired value, with nulls for fields that the file configured before and that are live, unless
 * the live value is the default or chosen by the service. Returns `wanted` itself if there are none.
 */
const struct value *configured_with_removals(struct arena *arena, const struct record *record,
    const struct attr *attr, const struct value *wanted, const struct value *live);

typedef void configured_kept(void *ctx, struct str path, const struct value *v);
/*
 * After a change: calls `kept` for each removed attribute or field that is still live with the same value,
 * because the service sets it itself or does not remove it.
 */
void configured_each_unremoved(struct arena *arena, const struct attr_change *change,
    const struct value *live, configured_kept *kept, void *ctx);
