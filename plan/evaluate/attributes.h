/*
 * The attributes of one instance: as configured, converted to the schema's types, with default tags; then
 * with what is computed from local files.
 */
#pragma once

#include "plan/planner.h"
#include "plan/state/records.h"

/* Returns the configured attributes. NULL after an error. */
const struct value *evaluate_given(struct planner *p, const struct instance *instance, struct arena *arena);
/*
 * During an apply: returns the desired object with the values that were unknown in the plan. Attributes that
 * are computed from files and were unknown are missing (evaluate_prepare() adds them). NULL after an error.
 */
const struct value *evaluate_unknown(struct planner *p, struct instance *instance, struct arena *arena);
/* Adds to *object what is computed from local files. Called without the planner's lock, since it may run a
 * build. */
int evaluate_prepare(struct planner *p, const struct instance *instance, struct op_ctx op,
    const struct value **object, struct err *err);
/* The same during planning. NULL after an error. */
const struct value *evaluate_files(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object);
/* evaluate_given(), fills_read() and evaluate_files(). NULL after an error. */
const struct value *evaluate_attributes(
    struct planner *p, const struct instance *instance, struct arena *arena);
/* Returns only the attributes that weir itself uses, as far as they are known. */
const struct value *evaluate_weir_only(
    struct planner *p, const struct instance *instance, struct arena *arena);

/* Returns the configured attribute of that name; NULL: not configured. */
const struct attr_expr *attributes_given(const struct decl *decl, struct str name);

/* ---- constraints.c ---- */

/* Reports combinations of values that the service would refuse, though each alone is valid. `changed`: names
 * of changed attributes of an existing resource; only constraints about these are checked, since the service
 * accepted the rest. NULL: all are checked, for a new resource. False after an error. */
bool constraints_check(struct planner *p, const struct instance *instance, const struct value *object,
    const struct value *changed);

/* ---- Attributes that are copied from another resource: `fills` in a spec (docs/specs.md). For example, a
 * Glue connection needs the zone of its subnet, which the subnet has. Copied values count as configured.
 *
 *     fills_known()  from the stack's own resources in the plan; no calls
 *     fills_read()   from the service for the others, once the ids are known
 *
 * During an apply the first is called with the executor's lock, the second without. */
/* `op`: the context of the instance, with its provider. */
int fills_read(struct planner *p, const struct op_ctx *op, const struct value **object, struct err *err);

/* ---- Resources that existed before weir managed them are deleted only with consent (--delete-adopted).
 * adopted_refuse() reports one resource; a destroy calls adopted_needs_consent() for each and reports all of
 * them together with adopted_report(). */
/* True if the resource existed before and the user has not consented. */
bool adopted_needs_consent(const struct planner *p, const struct record *record);
/* The same, reported at `span`: it would be `what` ("replaced"). */
bool adopted_refuse(struct planner *p, const struct record *record, struct span span, const char *what);
/* Reports all that would be destroyed as one error. */
void adopted_report(struct planner *p, const struct str *addresses, size_t n);

/* Fills in what the record tells about the owner of its resource. */
void adopted_owner(struct owner *owner, const struct record *record, const struct decl *decl);
