/*
 * Looking for what is left of a destroyed stack: verify_candidates.c gathers what may be there, verify.c what
 * has its ownership tags; that reads each and reports, and knows which services were the stack's own.
 * Candidates come from four sources: what the state had recorded, the names
 * that the stack would give, what has its ownership tags (by the tagging API, and by listings where that does
 * not know a type), and what services make on behalf of all these.
 */
#pragma once

#include "plan/planner.h"

enum { VERIFY_THREADS = 16 };

struct candidate {
    const struct schema *schema; /* NULL: no type of ours; then it is taken at its word */
    struct provider *provider;
    const struct value *object;
    struct subject subject; /* provider: not reported */
    struct str why;
    bool deleted;  /* by this very run: it may take a moment until everybody knows */
    bool recorded; /* the state has or had it */
    bool named;    /* found by its name alone: whose it is shows in its tags */
    bool gone;     /* its service, or the way there, was the stack's own and was deleted by this very run */
    bool cut_off;  /* a machine on the way there was, so that nobody needs to be asked */
    bool there;
    bool forgotten; /* a run left it where it is: it is another's, but has the ownership tags still */
    bool unseen;    /* so that nobody answers for it any more */
};

struct verifying {
    struct planner *p;
    struct candidate *items;
    size_t n, cap;
    struct map known;       /* type and id of each */
    struct map providers;   /* as text -> struct provider */
    struct map locations;   /* texts of where was looked -> struct provider */
    struct map gone;        /* names of configurations whose service this run took down -> itself: cut off */
    struct map unreachable; /* as text, of these: who could not be asked for the stack's ownership tags */
    pthread_mutex_t lock;   /* all of this while threads look */
    bool tags_searched;     /* AWS was asked for the stack's ownership tags */
    struct err failure;     /* what could not be looked at first */
};

/* The context of an operation on a candidate. */
struct op_ctx verify_context(struct verifying *v, struct arena *arena, const struct candidate *c);
/* Something could not be looked at; the first such failure is kept. Any thread. */
void verify_failed(struct verifying *v, const struct err *err, struct str what);
/*
 * The stack may have had the very service in which others of its resources lay, on a host or in a container
 * of its own, or the way there: a bastion. After it is gone nobody can be asked about those, and that their
 * deletion was confirmed has to do. They are counted and reported, never taken for seen.
 */
/* Fills v->gone. */
void verify_find_gone(struct verifying *v);
/* Texts and values are copied; of two for the same thing the first stays. */
void verify_add(struct verifying *v, const struct candidate *candidate);
/* Adds what has the stack's ownership tags where v->providers lead, and of the types in v->items. */
void verify_find_owned(struct verifying *v);
/* Fills v->items, providers and locations. */
void verify_find(struct verifying *v);
