/*
 * The attributes of one instance: as the stack gives them, converted to the schema's types, default tags
 * merged in; then with what follows from local files.
 */
#pragma once

#include "plan/planner.h"
#include "plan/state/records.h"

/* As the stack gives them. NULL after an error. */
const struct value *evaluate_given(struct planner *p, const struct instance *instance, struct arena *arena);
/*
 * While a plan is applied: the desired object, of which what was not known is evaluated now, and nothing
 * else; what followed from files and was not known is not in it (evaluate_prepare() adds it). NULL after an
 * error.
 */
const struct value *evaluate_unknown(struct planner *p, struct instance *instance, struct arena *arena);
/* What follows from local files becomes part of *object. In the context of whoever asks, and without the
 * planner's lock: it may run a build. */
int evaluate_prepare(struct planner *p, const struct instance *instance, struct op_ctx op,
    const struct value **object, struct err *err);
/* The same for a plan. NULL after an error. */
const struct value *evaluate_files(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object);
/* As given, and with that. */
const struct value *evaluate_attributes(
    struct planner *p, const struct instance *instance, struct arena *arena);
/* Of an instance's attributes only those that steer weir, as far as they can be known. */
const struct value *evaluate_steering(
    struct planner *p, const struct instance *instance, struct arena *arena);

/* One that the file gives; NULL: it does not. */
const struct attr_expr *attributes_given(const struct decl *decl, struct str name);

/* ---- constraints.c ---- */

/* What the service would refuse of values that are right each by itself. `changed`: of what exists, the names
 * of attributes that are to change: nothing else is asked, for what exists as it is has been taken once.
 * NULL: all is asked, of what is made. False after an error. */
bool constraints_check(struct planner *p, const struct instance *instance, const struct value *object,
    const struct value *changed);

/* ---- Attributes that the file leaves to another resource: `fills` in a spec (docs/specs.md). A
 * Glue connection wants the zone of the subnet that it is in, which the subnet knows. What is filled in
 * counts as given.
 *
 *     fills_known()  from what the plan knows of the stack's own resources; calls nothing
 *     fills_read()   asks the service for the rest, once the ids are known
 *
 * While a plan is applied the first is called with the executor's lock, the second without. */
/* `op` is the instance's own context, with its provider. */
int fills_read(struct planner *p, const struct op_ctx *op, const struct value **object, struct err *err);

/* ---- What was there before the stack took it over is deleted only by those who agree to
 * that (--delete-adopted). adopted_forbids() says so of one resource; a destroy asks adopted_keeps() of
 * each and tells all of them at once by adopted_tell(), for there is one answer to all. */
/* It was taken over, and nobody has agreed. */
bool adopted_keeps(const struct planner *p, const struct record *record);
/* The same, reported at `span`: it would be `what` ("replaced"). */
bool adopted_forbids(struct planner *p, const struct record *record, struct span span, const char *what);
/* All of these would be destroyed: one mistake, however many they are. */
void adopted_tell(struct planner *p, const struct str *addresses, size_t n);

/* What the record tells of whose it is. */
void adopted_owner(struct owner *owner, const struct record *record, const struct decl *decl);
