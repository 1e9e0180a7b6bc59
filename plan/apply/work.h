/*
 * A worker's item: one change, or one half of a replacement, from the evaluation of what was unknown to the
 * record of what became of it. Shared by work.c (what an item is, updates, data), work_create.c,
 * work_delete.c and work_record.c (what goes into the log).
 *
 * The executor's lock is held while anything of the planner is read or written, never while a service is
 * called or the disk is waited for. Whatever an item allocates dies with it; what others are to see is
 * copied.
 */
#pragma once

#include "plan/objects/recorded.h"

/* ---- The executor's inside, shared by execution_graph.c (what there is to do, and in which order) and
 * execute.c (running it); how one change is made is work.h's. */
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

struct abandoned {
    const struct op *op;
    int64_t start_ms;
    bool gone;
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
    struct abandoned *abandoned; /* to go with their service, of a destroy (work.h) */
    size_t abandoned_count, abandoned_cap;
    struct map open;   /* by address: intents of earlier runs of which nothing is known; struct intent */
    struct map claims; /* work.h */
};

/* execution_graph.c: fills ops, graph, ready and unfinished. */
void executor_build_graph(struct executor *x);

/* execute.c: executes what is scheduled; returns when all of it is done, or was given up. */
void executor_run(struct executor *x);
void executor_event(struct executor *x, const struct event *event);
/* Of an operation; what an event of that kind does not have is 0 or NULL. */
void executor_tell(struct executor *x, const struct op *op, enum event_kind kind, int64_t ms,
    const struct err *err, const char *text);

/* ---- work_delete.c: what a destroy leaves to go with its service: resources that could neither be looked
 * at nor deleted, because the stack's own service in which they are does not answer (plan/refresh/refresh.h).
 * They count as out of the way, so that what makes the service can be deleted after them, as ever; that done,
 * they are recorded as gone and reported. Where it is not done they are still recorded, and their deletion
 * has failed. */
/* It was; what came of it is reported by abandoned_finish(). With the lock. */
void abandoned_add(struct executor *x, const struct op *op, int64_t start_ms);
/* When nothing runs any more: finds out what went. */
void abandoned_finish(struct executor *x);

/* ---- the stack's files, kept with each run so that it can be gone back to; sources_read()
 * in plan.h reads them. */
/* Keeps the stack's files with the run that has begun; without secrets unless the state has a key. */
int sources_keep(struct planner *p, struct err *err);
/* An input as the command line takes it: "k=v". */
struct str input_argument(struct arena *arena, struct str name, const struct value *v);

/* ---- work.c ---- */

struct work {
    struct executor *x;
    struct change *change;
    struct subject subject; /* the change's; of what is deleted the record's, under its present address */
    struct arena arena;
    struct provider *provider;
    const struct value *location; /* where it is made; NULL: nowhere outside */
    const struct value *desired;  /* what the file wants, wholly known; NULL: it is deleted */
    const struct value *deps;     /* of that */
    const struct value
        *left_out; /* names of attributes that answers leave out, as was found out now; NULL: none */
    struct op_ctx ctx;
    struct op_observer observer;
    struct attempt attempt; /* of what is created */
    char token[33];
};

/* Called by a worker without the lock. Return 0, or -1 with err. */
int work_apply(struct executor *x, struct change *change, struct err *err);
/* The context of its operation, with a new token; after provider and location are known. */
void work_context(struct work *work, int64_t timeout_ms);
/* Says how it goes. */
void work_progress(void *ctx, const char *what);
/* What is there after a change of what the list says, with what the service writes otherwise than it was
 * given as it tells it: that is asked where it had been applied before. */
const struct value *work_reread(struct work *work, const struct record *record,
    const struct attr_change *list, size_t n, const struct value *live);
/* Brings what turned up while it was to be made to what is desired, although nothing of that was shown. */
int work_adopt(struct work *work, const struct value *live, struct err *err);

/* ---- work_create.c ---- */

int work_create(struct work *work, struct err *err);

/* ---- work_delete.c ---- */

/* WORK_ABANDONED: it goes with its service (work.h). */
enum { WORK_ABANDONED = 1 };
int work_delete(struct executor *x, struct change *change, struct err *err);

/* ---- work_record.c ---- */

/* The id that an object says; "" none. */
struct str work_object_id(const struct work *work, const struct value *object);
/* Durable when it returns: now the request may go out. */
int work_intent(struct work *work, struct str action, struct str id, struct err *err);
/* It was done, and `live` is there. Others see it from then on. */
int work_done(struct work *work, struct str action, const struct value *live, struct err *err);
/* Something of an earlier request was found: recorded as that one wanted it (`desired`), before anything
 * else. */
int work_found(struct work *work, const struct value *desired, const struct value *live, struct err *err);
/* It failed, with `left` there (NULL: nothing). Returns -1. */
int work_failed(struct work *work, struct str action, const struct value *left, struct err *why);
/* Others see an object that is not recorded. */
void work_publish(struct work *work, const struct value *whole);

/* ---- work_create.c: Whose each resource is while a plan is applied: what is recorded, and what this run
 * makes or takes over. Names that were not known when it was planned may turn out to be another's then
 * (plan/objects/objects.h), and services that find a resource there already often say nothing.
 *
 * Order of calls: claims_begin() before the workers begin, claims_take() by them, claims_end(). */
void claims_begin(struct executor *x);
void claims_end(struct executor *x);

/* attempt.claim, with the work: the same of what was found by what it looks like. */
bool claims_take_found(void *work, struct str id);
