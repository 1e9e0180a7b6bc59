/*
 * Saved plans: shared within plan/saved/. Other folders use plan/plan.h.
 */
#pragma once

#include "plan/planner.h"

/* ---- fingerprint.c: the decisions of a plan in comparable form: a fingerprint of all of them, to recognise
 * an equal plan, and data of each resource, to show differences. ---- */
/* SHA-256 of all decisions about resources. */
struct str decisions_fingerprint(const struct plan *plan, struct arena *arena);
/* SHA-256 of all outputs, including unchanged ones. */
struct str outputs_fingerprint(const struct plan *plan, struct arena *arena);
/* The decision about each resource by address, for decisions_differ(). */
const struct value *decisions_of(const struct plan *plan, struct arena *arena);
/* Sets ERR_STALE with the first difference between the plan and earlier decisions. */
int decisions_differ(const struct plan *plan, const struct value *then, struct err *err);

/* ---- saved_objects.c: values of a plan as JSON without secrets, and back. Plain JSON, except for
 *
 *     {"$unknown": false}   known after apply; true: and secret
 *     {"$secret": 0}        a secret; equal secrets of an attribute have equal numbers
 *     {"$secret": {…}}      a map with secret values and public keys
 *     {"$hash": …}          a secret of which only a hash is known
 *     {"$bytes": base64}    a string that is not UTF-8
 *     {"$map": {…}}         a map with one key, which begins with "$" */
/* Encodes the values of one attribute or output. */
struct saved_encoder {
    struct arena *arena;
    const struct type *type; /* NULL: unknown */
    bool hidden;             /* the whole value is secret, */
    bool names;              /* except for the keys of the map */
    struct value_builder secrets;
};

const struct value *saved_value_encode(struct saved_encoder *encoder, const struct value *v);
const struct value *saved_value_decode(struct arena *arena, const struct value *v);

/* ---- The end of a saved plan, which protects the rest against modification:
 *
 *     {…,"mac":"<key id>:<HMAC-SHA-256>","sha256":"<digest>"}
 *
 * The digest covers everything before it, but anyone who can write the file can compute another one. So if
 * the state has a key, a MAC with that covers everything before it, too. */
/* text: the JSON object; the entries are added before its closing brace. state NULL: without a MAC. */
void saved_sign(struct buf *text, const struct state *state);
/* True if the digest is right. *mac: covers *signed_text; "": none. */
bool saved_digest_matches(struct str file, struct str *signed_text, struct str *mac);

/* ---- saved_objects.c: all resources of a plan with all attributes, for readers other than weir itself
 * (cmd/export).
 *
 *     "objects": [{address, type, id, planned: {attr: value}, given: [attr], references: {attr: [text]}}]
 *
 * Values are encoded like those of changes. A reference is the declaration's address and the attribute:
 * "net/vpc.vpc_id". */
const struct value *saved_objects(const struct plan *plan, struct arena *arena);
/* The reverse, with further entries of the plan's file; deleted resources have no `after`. */
const struct planned_object *saved_objects_read(
    const struct value *saved, struct catalog *catalog, struct arena *arena, size_t *n);

/* ---- saved_live.c: findings of rules when the plan was made, for readers of the file. An apply evaluates
 * the rules again.
 *
 *     [{rule, address, type, message, doc, control, link, level, outcome, unknown, file, line, column}] */
const struct value *saved_findings(const struct plan *plan, struct arena *arena);
/* The reverse; accepts any value. */
void saved_findings_read(const struct value *saved, struct arena *arena, struct plan *out);

/* ---- saved_live.c: live objects of the refresh by address, as the state would keep them. Secrets are
 * encrypted with the state's key; without one they are hashes. ---- */
const struct value *saved_live_values(const struct planner *p, struct arena *arena);
/* The reverse. ERR_DAMAGED, ERR_INVALID if a secret cannot be decrypted. */
int saved_live_read(const struct state *state, const struct value *saved, struct arena *arena,
    const struct value **out, struct err *err);

/* ---- saved_changes.c: the changes of a plan in its file. `weir show` prints them, and `weir apply` compares
 * them with its own plan, so that it does exactly what was shown.
 *
 *     {"changes": [{address, type, action, attrs: [{name, before, after}] …}], "outputs": […], "counts": {…},
 *      "data_loss": {address: […]}, "refresh": {…}, "rules": [{rule, address, …}]}
 *
 * These are entries of the file, beside "destroy" and "refreshed".
 *
 * They contain no secrets. The secrets of an attribute have numbers, equal ones for equal secrets: whether a
 * secret changes is part of the plan. */
const struct value *saved_changes(const struct plan *plan, struct arena *arena);
/* The reverse; accepts any value. The plan is for printing, not for plan_free(). */
void saved_changes_read(
    const struct value *saved, struct catalog *catalog, struct arena *arena, struct plan *out);
/* Reads only the resources that could not be read when the plan was made; a loaded plan does not read any. */
void saved_unread(const struct value *saved, struct arena *arena, struct plan *out);
/* Sets ERR_STALE if the plan differs from the saved one. `alone`: no other run has changed the state, so that
 * unchanged resources and outputs are compared, too. */
int saved_changes_compare(const struct plan *plan, const struct value *saved, bool alone, struct err *err);
