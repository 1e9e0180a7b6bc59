/*
 * Searches for leftovers of a destroyed stack. verify_candidates.c collects candidates; verify.c adds those
 * with ownership tags, finds deleted services of the stack, reads each candidate and reports. Candidates come
 * from recorded resources, the names in the stack, ownership tags (by the tagging API, and by listings of
 * types that it does not support), and leftovers of services for all these.
 */
#pragma once

#include "plan/planner.h"

enum { VERIFY_THREADS = 16 };

struct candidate {
    const struct schema *schema; /* NULL: an unknown type, which counts as existing */
    struct provider *provider;
    const struct value *object;
    struct subject subject; /* provider: not reported */
    struct str why;
    bool deleted;         /* by this run: the deletion may not be visible everywhere yet */
    bool recorded;        /* the state has or had it */
    bool named;           /* found by its name only: its tags tell the owner */
    bool service_deleted; /* this run has deleted the stack's own service that contains it, or the route there
                           */
    bool route_deleted;   /* a host on the route is deleted, so that no call is made */
    bool exists;
    bool forgotten;  /* a run forgot it: it belongs to others, but still has the ownership tags */
    bool unreadable; /* cannot be read any more */
};

struct noted_location {
    struct provider *provider;
    struct str without_account; /* its description, as it is before the account is known */
};

struct verifying {
    struct planner *p;
    struct candidate *items;
    size_t n, cap;
    struct map known;            /* "type id" of each */
    struct map providers;        /* pointer as text -> struct provider */
    struct map locations;        /* descriptions of searched locations -> struct noted_location */
    struct map deleted_services; /* names of configurations whose service this run deleted -> itself if the
                        route there is deleted */
    struct map unreachable; /* pointers as text: providers that could not be searched for ownership tags */
    pthread_mutex_t lock;   /* guards all of this while threads read */
    bool tags_searched;     /* AWS was searched for the stack's ownership tags */
    struct err failure;     /* the first failed lookup */
};

/* Returns the context of an operation on a candidate. */
struct op_ctx verify_context(struct verifying *v, struct arena *arena, const struct candidate *c);
/* Notes a failed lookup; the first is kept. From any thread. */
void verify_failed(struct verifying *v, const struct err *err, struct str what);
/*
 * The stack may have had the service that contained others of its resources, on its own host or in its own
 * container, or the route there: a bastion. After its deletion these cannot be read; their confirmed deletion
 * must suffice. They are counted and reported as unverified.
 */
/* Fills v->gone. */
void verify_find_deleted(struct verifying *v);
/* Copies its strings and values; drops it if one with its type and id exists. */
void verify_add(struct verifying *v, const struct candidate *candidate);
/* Adds resources with the stack's ownership tags: at v->providers, and of the types in v->items. */
void verify_find_owned(struct verifying *v);
/* Fills v->items, providers and locations. */
void verify_find(struct verifying *v);
