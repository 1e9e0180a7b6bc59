/*
 * What was there before the stack took it over is deleted only by those who agree to that (--delete-adopted).
 * adopted_forbids() says so of one resource; a destroy asks adopted_keeps() of each and tells all of them at
 * once by adopted_tell(), for there is one answer to all.
 */
#pragma once

#include "plan/planner.h"
#include "plan/state/records.h"

/* It was taken over, and nobody has agreed. */
bool adopted_keeps(const struct planner *p, const struct record *record);
/* The same, told at `span`: it would be `what` ("replaced"). */
bool adopted_forbids(struct planner *p, const struct record *record, struct span span, const char *what);
/* All of these would be destroyed: one mistake, however many they are. */
void adopted_tell(struct planner *p, const struct str *addresses, size_t n);

/* What the record tells of whose it is. */
void adopted_owner(struct owner *owner, const struct record *record, const struct decl *decl);
