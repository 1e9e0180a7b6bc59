/*
 * Looking for what is left of a destroyed stack: verify_candidates.c gathers what may be there, verify.c
 * reads each and reports. Candidates come from four places: what the state had recorded, the names that the
 * stack would give, what bears its marks (by the tagging API, and by listings where that does not know a
 * type), and what services make on behalf of all these.
 */
#ifndef WEIR_PLAN_VERIFY_H
#define WEIR_PLAN_VERIFY_H

#include "plan/planner.h"
#include "provider/provider.h"

#include <pthread.h>

enum { VERIFY_THREADS = 16 };

struct candidate {
    const struct schema *schema; /* NULL: no type of ours; then it is taken at its word */
    struct provider *provider;
    const struct value *object;
    struct subject subject; /* provider: not told of */
    struct str why;
    bool deleted; /* by this very run: it may take a moment until everybody knows */
    bool named;   /* found by its name alone: whose it is shows in its marks */
    bool hangs;   /* its provider is settled by what resources of the stack are, a bastion for one */
    bool there;
};

struct verifying {
    struct planner *p;
    struct candidate *items;
    size_t n, cap;
    struct map known;     /* type and id of each */
    struct map providers; /* as text -> struct provider */
    struct map places;    /* texts of where was looked */
    pthread_mutex_t lock; /* all of this while threads look */
    struct err failure;   /* the first thing that could not be looked at */
};

/* The context of an operation on a candidate. */
struct op_ctx verify_context(struct verifying *v, struct arena *arena, const struct candidate *c);
/* Something could not be looked at; the first such failure is kept. Any thread. */
void verify_failed(struct verifying *v, const struct err *err, struct str what);
/* Fills v->items, providers and places. */
void verify_find(struct verifying *v);

#endif
