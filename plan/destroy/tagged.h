/*
 * What bears weir's ownership tags at the services, of whatever stack: found where no state tells of it (a
 * folder that was deleted, a laptop that was lost), by lineage, so that copies of a stack are told apart.
 * What bears no `weir:state` is nobody's, and is not looked at.
 */
#pragma once

#include "plan/planner.h"

struct marked_thing {
    struct subject subject; /* its address: as the mark spells it */
    const struct schema *schema;
    const struct value *object, *location;
    struct str arn, intent;
    int64_t until_ms; /* of its lease; 0: it bears none */
    int64_t made_ms;  /* by the clock of who made it; 0: not known */
};

struct marked_group {
    struct str stack, lineage;
    struct marked_thing *things;
    size_t n, cap;
    int64_t until_ms; /* the latest end of a lease in it; 0: there is none */
    int64_t made_ms;  /* the oldest; 0: not known */
};

struct marked {
    struct marked_group *groups; /* by stack, then lineage */
    size_t n, cap;
    int64_t now_ms; /* by the services' clock, where they tell it */
    bool by_service;
    size_t unseen;           /* types that could not be looked at */
    struct err first_unseen; /* the first of them */
};

/*
 * Everything marked in the account and region that the provider `aws` of the workspace leads to. Texts and
 * values lie in the arena. -1 with err where the marks cannot be asked for at all.
 */
int plan_marked(struct workspace *workspace, struct arena *arena, struct marked *out, struct err *err);
void marked_release(struct marked *marked);

/* Does the object refer to that resource? */
bool marked_mentions(const struct value *object, struct str id, struct str arn);

/*
 * Records the group's resources in the workspace's state, which must be locked and empty, under its lineage
 * and with its lease: then it can be planned and destroyed like any other.
 */
int marked_record(struct workspace *workspace, const struct marked_group *group, struct err *err);
