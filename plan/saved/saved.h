/*
 * Plans in files: what plan/saved/ shares. Others use plan/plan.h.
 */
#pragma once

#include "plan/planner.h"

/* ---- fingerprint.c: what a plan decided, in a form that can be kept with it: a fingerprint of
 * everything, by which another plan is known to be the same, and of each resource so much that it can be
 * shown how another plan differs. */
/* SHA-256 over everything that the plan decides of resources. */
struct str decisions_fingerprint(const struct plan *plan, struct arena *arena);
/* And over all outputs, those that stay as they are too. */
struct str outputs_fingerprint(const struct plan *plan, struct arena *arena);
/* By address, what becomes of each resource, for decisions_differ(). */
const struct value *decisions_of(const struct plan *plan, struct arena *arena);
/* ERR_STALE: says where the plan differs from what was decided then. */
int decisions_differ(const struct plan *plan, const struct value *then, struct err *err);

/* ---- saved_objects.c: Values of a plan in JSON that everybody may read, and back. JSON, except for
 *
 *     {"$unknown": false}   known after apply; true: and secret
 *     {"$secret": 0}        a secret; of one attribute's, equal ones have equal numbers
 *     {"$secret": {…}}      a map whose values are secret, and whose names are not
 *     {"$hash": …}          a secret of which only a hash is known
 *     {"$bytes": base64}    text that is not UTF-8
 *     {"$map": {…}}         a map of one entry whose name begins with "$" */
/* One attribute's, or output's, values. */
struct veil {
    struct arena *arena;
    const struct type *type; /* NULL: not known */
    bool hidden;             /* it is secret as a whole, */
    bool names;              /* but for the names in the map that it is */
    struct value_builder secrets;
};

const struct value *veil_value(struct veil *veil, const struct value *v);
const struct value *veil_lifted(struct arena *arena, const struct value *v);

/* ---- The end of a saved plan, by which it is known that the rest is as it was written:
 *
 *     {…,"mac":"<key id>:<HMAC-SHA-256>","sha256":"<digest>"}
 *
 * The digest is over all that is before it. Who can write the file can make another; so where the state
 * has a key, there is a MAC by that over what is before. */
/* text: the object as JSON; what comes goes before its closing brace. state NULL: without a MAC. */
void saved_seal(struct buf *text, const struct state *state);
/* Is the digest that of the file? *mac: over *signed_text; "" where there is none. */
bool saved_seal_holds(struct str file, struct str *signed_text, struct str *mac);

/* ---- saved_objects.c: Every resource of a plan as a whole, in a saved plan: what others than weir read of
 * it (cmd/export) is all that there is, not only what changes.
 *
 *     "objects": [{address, type, id, planned: {attr: value}, given: [attr], references: {attr: [text]}}]
 *
 * Values are veiled as those of changes are (saved.h). A reference is the declaration's address and the
 * attribute: "net/vpc.vpc_id". */
const struct value *saved_objects(const struct plan *plan, struct arena *arena);
/* The other way, with what else the plan's file says of them; what is deleted has no `after`. */
const struct planned_object *saved_objects_read(
    const struct value *saved, struct catalog *catalog, struct arena *arena, size_t *n);

/* ---- saved_live.c: what rules reported when a plan was made, as its file has it: for whoever reads it. When
 * it is applied they are asked again.
 *
 *     [{rule, address, type, message, doc, control, link, level, outcome, unknown, file, line, column}] */
const struct value *saved_findings(const struct plan *plan, struct arena *arena);
/* The other way, of what may be anything. */
void saved_findings_read(const struct value *saved, struct arena *arena, struct plan *out);

/* ---- saved_live.c: what a refresh saw, in a saved plan: by address, as the state would keep it. Secrets
 * are sealed with the state's key; without one they are hashes. */
const struct value *saved_live_values(const struct planner *p, struct arena *arena);
/* The other way. ERR_DAMAGED, ERR_INVALID where a secret cannot be opened. */
int saved_live_read(const struct state *state, const struct value *saved, struct arena *arena,
    const struct value **out, struct err *err);

/* ---- saved_changes.c: what a plan does, as a saved plan holds it: `weir show` prints it from there, and
 * `weir apply` compares it with what it is about to do, so that neither says what the other does not do.
 *
 *     {"changes": [{address, type, action, attrs: [{name, before, after}] …}], "outputs": […], "counts": {…},
 *      "data_loss": {address: […]}, "refresh": {…}, "rules": [{rule, address, …}]}
 *
 * These are entries of the file, beside "destroy" and "refreshed".
 *
 * Nothing secret is in it. Of an attribute's secrets there are numbers, equal ones for equal secrets: whether
 * one changes is part of the plan. */
const struct value *saved_changes(const struct plan *plan, struct arena *arena);
/* The other way, of what may be anything: what there is to print of a plan. Not for plan_free(). */
void saved_changes_read(
    const struct value *saved, struct catalog *catalog, struct arena *arena, struct plan *out);
/* Of that only what could not be looked at when it was made: a plan that was loaded has not looked itself. */
void saved_unread(const struct value *saved, struct arena *arena, struct plan *out);
/* ERR_STALE where the plan does something else than what was saved says. `alone`: nobody has changed anything
 * beside it, so that what stays as it is and outputs that are set already count, too. */
int saved_changes_compare(const struct plan *plan, const struct value *saved, bool alone, struct err *err);
