/*
 * The executor's inside, shared by execution_graph.c (what there is to do, and in which order) and execute.c
 * (running it); how one change is made is work.h's.
 */
#pragma once

#include "base/lock.h"
#include "base/map.h"
#include "plan/objects/graph.h"
#include "plan/planner.h"

enum op_kind {
    OP_DECL,   /* everything a declaration consists of is there: evaluate its value */
    OP_APPLY,  /* create, update, adopt or read one instance */
    OP_DELETE, /* delete (or forget) one recorded resource; for a replacement its old one */
    OP_JOIN,   /* nothing by itself: many operations wait for many others through it */
};

enum op_state { OP_WAITING, OP_DONE, OP_FAILED, OP_SKIPPED };

struct op {
    enum op_kind kind;
    enum op_state state;
    const struct decl *decl;  /* DECL */
    struct change *change;    /* APPLY, DELETE: with an instance it is the old one of a replacement */
    const struct op *blocker; /* SKIPPED: what failed */
};

struct left {
    const struct op *op;
    int64_t start_ms;
    bool settled;
    struct err err; /* it went, which could not be recorded */
};

struct executor {
    struct planner *p;
    struct plan *plan;
    const struct apply_options *options;
    struct apply_result *result;
    struct graph graph;
    struct op *ops;
    uint32_t op_count;

    pthread_mutex_t lock; /* all of this, and everything of the planner that evaluation touches */
    pthread_cond_t wake;  /* workers: something is ready, or it is over */
    pthread_cond_t ended; /* the calling thread: a worker left */
    uint32_t *ready;      /* ring of nodes that may start */
    uint32_t ready_first, ready_count;
    uint32_t unfinished, running;
    atomic_bool cancel; /* a second signal: give up waiting */
    bool stopping;      /* a first one, or the state cannot be written */
    pthread_mutex_t observer_lock;
    struct left *left; /* to go with their service, of a destroy (abandoned.h) */
    size_t left_count, left_cap;
    struct map open;   /* by address: intents of earlier runs of which nothing is known; struct intent */
    struct map claims; /* claims.h */
};

/* execution_graph.c: fills ops, graph, ready and unfinished. */
void executor_build_graph(struct executor *x);

/* execute.c: carries out what is scheduled; returns when all of it is done, or was given up. */
void executor_run(struct executor *x);
void executor_event(struct executor *x, const struct event *event);
/* Of an operation; what an event of that kind does not have is 0 or NULL. */
void executor_tell(struct executor *x, const struct op *op, enum event_kind kind, int64_t ms,
    const struct err *err, const char *text);
