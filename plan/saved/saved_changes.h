/*
 * What a plan does, as a saved plan holds it: `weir show` prints it from there, and `weir apply` compares it
 * with what it is about to do, so that neither says what the other does not do.
 *
 *     {"changes": [{address, type, action, attrs: [{name, before, after}] …}], "outputs": […], "counts": {…},
 *      "erases": {address: […]}, "refresh": {…}, "rules": [{rule, address, …}]}
 *
 * These are entries of the file, beside "destroy" and "refreshed".
 *
 * Nothing secret is in it. Of an attribute's secrets there are numbers, equal ones for equal secrets: whether
 * one changes is part of the plan.
 */
#pragma once

#include "plan/plan.h"

const struct value *saved_changes(const struct plan *plan, struct arena *arena);
/* The other way, of what may be anything: what there is to print of a plan. Not for plan_free(). */
void saved_changes_read(
    const struct value *saved, struct catalog *catalog, struct arena *arena, struct plan *out);
/* Of that only what could not be looked at when it was made: a plan that was loaded has not looked itself. */
void saved_unread(const struct value *saved, struct arena *arena, struct plan *out);
/* ERR_STALE where the plan does something else than what was saved says. `alone`: nobody has changed anything
 * beside it, so that what stays as it is and outputs that are set already count, too. */
int saved_changes_compare(const struct plan *plan, const struct value *saved, bool alone, struct err *err);
