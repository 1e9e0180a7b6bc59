/*
 * Services that do not answer, and that the stack itself makes: an Airflow whose web server has died, a
 * database in a container that is gone. What lies in such a service can be neither looked at nor deleted; but
 * it comes to be seen again when the same plan makes the service anew, and goes when the service does.
 *
 * Whose a service is follows from the settings that say where it is (the attributes of a provider's settings
 * that `identify` it): the resources behind these in which a service may lie (schema.serves) make it. Where
 * that is the very machine at the end of the provider's connection, so do those that make the machine. Of
 * anything else nobody can say what became of it, and its silence is an error.
 *
 * Order of calls: unreachable_note() when a service did not answer, by whoever holds the lock of the
 * planner's arena; unreachable_check() when all is decided (plan and apply); of a destroy unreachable_goes()
 * before something is left to go with its service, unreachable_is_over() when that went.
 */
#pragma once

#include "plan/planner.h"

struct unreachable {
    struct unreachable *next;
    struct str provider;
    struct err err;             /* the first that was heard of it */
    const struct decl **makers; /* resources of the stack, in its order */
    size_t maker_count;
    struct str why; /* for people, once that is known: unreachable_check() */
    bool orphaned;  /* what made it had gone before */
};

/* Is this what is heard of a service that is not there, or that broke with what it had stood on? */
bool unreachable_is(const struct err *err);
/* May a service lie in this resource, as the stack says it? */
bool unreachable_serves(const struct decl *decl);
/* NULL: it answered so far. */
struct unreachable *unreachable_find(const struct planner *p, struct str provider);
/* NULL: that error is not silence, or the service is none of the stack's. */
struct unreachable *unreachable_note(struct planner *p, struct str provider, const struct err *err);
/* The same of a record of which the service went already, in a run that was cut off: it is not even known any
 * more where it was. */
struct unreachable *unreachable_note_of(
    struct planner *p, const struct record *record, const struct err *err);
/* Whether one may be left open: whoever made it knows no more, and nothing is lost by asking later. */
bool unreachable_leaves(struct planner *p, struct str provider, const struct err *err);

/* Address of what makes it, for people: of what is recorded, if anything is. */
struct str unreachable_maker(const struct planner *p, const struct unreachable *unreachable);
/* Destroy: do all that make it go in this very plan, or are they gone? And have they gone by now? */
bool unreachable_goes(const struct planner *p, const struct unreachable *unreachable);
bool unreachable_is_over(const struct planner *p, const struct unreachable *unreachable);

/* What could not be looked at stays as it was recorded where the plan makes its service anew, which is why
 * (unreachable.why); else it is an error. */
int unreachable_check(struct planner *p, struct err *err);
/* After that: finds p->plan->unread, of what is targeted. No plan may claim that it is as the stack says. */
void unreachable_list_unread(struct planner *p);
