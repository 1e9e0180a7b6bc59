/*
 * A warehouse that answers: a PostgreSQL with python/weir_redshift.py in front of it, which speaks Redshift's
 * dialect. A cluster has one; of the serverless kind the namespace does, and its workgroups lead to it.
 */
#pragma once

#include "sandbox/services/rds/rds.h"

struct session;

struct warehouse {
    struct str name, region; /* of its daemons */
    struct database_wish wish;
};

/* Of a cluster or a workgroup; one of the two is "". False: there is none. */
bool warehouse_find(struct services *services, struct arena *arena, struct str region, struct str cluster,
    struct str workgroup, struct warehouse *out);
/* Where it speaks when this returns, on 127.0.0.1. */
int warehouse_want(struct services *services, struct arena *arena, const struct warehouse *warehouse,
    uint16_t *port, struct err *err);
/* What lets the sandbox itself in, in a session's options. */
struct str warehouse_pass(struct services *services, struct arena *arena);
/* Which user of a warehouse somebody of IAM's is, without a secret and without a name: IAMR:ROLE or IAM:USER;
 * "" the sandbox's own user, who is its administrator. */
struct str warehouse_identity(struct arena *arena, const struct session *caller);
