/*
 * What has weir's ownership tags at the services, of whatever stack: found where no state tells of it (a
 * folder that was deleted, a laptop that was lost), by lineage, so that copies of a stack are told apart.
 * What has no `weir:state` is nobody's, and is not looked at.
 */
#pragma once

#include "plan/planner.h"

struct owned_resource {
    struct subject subject; /* its address: as the tag spells it */
    const struct schema *schema;
    const struct value *object, *location;
    struct str arn, intent;
    int64_t until_ms; /* of its lease; 0: it has none */
    int64_t made_ms;  /* by the clock of who made it; 0: not known */
};

struct owned_group {
    struct str stack, lineage;
    struct owned_resource *resources;
    size_t n, cap;
    int64_t until_ms; /* the latest end of a lease in it; 0: there is none */
    int64_t made_ms;  /* the oldest; 0: not known */
};

struct owned_groups {
    struct owned_group *groups; /* by stack, then lineage */
    size_t n, cap;
    int64_t now_ms; /* by the services' clock, where they tell it */
    bool by_service;
    size_t unseen;           /* types that could not be looked at */
    struct err first_unseen; /* the first of them */
};

/*
 * Everything with ownership tags in the account and region that the provider `aws` of the workspace leads to.
 * Texts and values are in the arena. -1 with err where tags cannot be searched at all.
 */
int plan_find_owned(
    struct workspace *workspace, struct arena *arena, struct owned_groups *out, struct err *err);
void owned_release(struct owned_groups *owned);

/* Does the object refer to that resource? */
bool owned_mentions(const struct value *object, struct str id, struct str arn);

/*
 * Records the group's resources in the workspace's state, which must be locked and empty, under its lineage
 * and with its lease: then it can be planned and destroyed like any other.
 */
int owned_record(struct workspace *workspace, const struct owned_group *group, struct err *err);
