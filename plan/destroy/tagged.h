/*
 * Finds resources with weir's ownership tags, of any stack, without a state (a deleted folder, a lost
 * laptop). Grouped by lineage, so that copies of a stack are kept apart. Resources without a `weir:state` tag
 * are ignored.
 */
#pragma once

#include "plan/planner.h"

struct owned_resource {
    struct subject subject; /* with the address in the tag */
    const struct schema *schema;
    const struct value *object, *location;
    struct str arn, intent;
    int64_t until_ms; /* end of its lease; 0: none */
    int64_t made_ms;  /* by the creator's clock; 0: unknown */
};

struct owned_group {
    struct str stack, lineage;
    struct owned_resource *resources;
    size_t n, cap;
    int64_t until_ms; /* latest end of a lease in it; 0: none */
    int64_t made_ms;  /* the oldest creation; 0: unknown */
};

struct owned_groups {
    struct owned_group *groups; /* by stack, then by lineage */
    size_t n, cap;
    int64_t now_ms; /* by the services' clock, if a service reports it */
    bool by_service;
    size_t unlisted_types;  /* number of types that could not be listed */
    struct err first_error; /* the first error */
};

/*
 * Finds all resources with ownership tags in the account and region of the workspace's provider `aws`.
 * Strings and values are in the arena. Returns -1 with err if tags cannot be searched at all.
 */
int plan_find_owned(
    struct workspace *workspace, struct arena *arena, struct owned_groups *out, struct err *err);
void owned_release(struct owned_groups *owned);

/* True if the object refers to that resource. */
bool owned_mentions(const struct value *object, struct str id, struct str arn);

/*
 * Records the group's resources in the workspace's state, which must be locked and empty, with its lineage
 * and lease. Then they can be planned and destroyed as usual.
 */
int owned_record(struct workspace *workspace, const struct owned_group *group, struct err *err);
