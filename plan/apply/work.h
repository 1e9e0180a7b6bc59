/*
 * An item of a worker: one change, or one half of a replacement, from the evaluation of unknown values to the
 * record of the result. Shared by work.c (items, updates, data sources), work_create.c, work_delete.c and
 * work_record.c (log records).
 *
 * The executor's lock is held while planner data is read or written, never during a request or a wait for the
 * disk. Memory of an item is freed with it; what others use is copied.
 */
#pragma once

#include "plan/objects/recorded.h"

/* ---- The executor's data, shared by execution_graph.c (operations and their order) and execute.c (running
 * them). ---- */
enum op_kind {
    OP_DECL,   /* all instances of a declaration are done: evaluate its value */
    OP_APPLY,  /* create, update, adopt or read one instance */
    OP_DELETE, /* delete (or forget) a recorded resource, or the old one of a replacement */
    OP_JOIN,   /* no action: joins edges between many operations */
};

enum op_state { OP_WAITING, OP_DONE, OP_FAILED, OP_SKIPPED };

struct op {
    enum op_kind kind;
    enum op_state state;
    const struct decl *decl; /* DECL */
    struct change *change;   /* APPLY, DELETE: a DELETE with an instance is that of a replacement */
};

struct abandoned {
    const struct op *op;
    int64_t start_ms;
    bool gone;
    struct err err; /* the resource was deleted, but that could not be recorded */
};

struct executor {
    struct planner *p;
    struct plan *plan;
    const struct apply_options *options;
    struct apply_result *result;
    struct graph graph;
    struct op *ops;
    uint32_t op_count;

    pthread_mutex_t lock; /* guards all of this, and planner data that evaluation uses */
    pthread_cond_t wake;  /* for workers: an operation is ready, or the run ends */
    pthread_cond_t ended; /* for the calling thread: a worker has ended */
    uint32_t *ready;      /* ring of nodes that can start */
    uint32_t ready_first, ready_count;
    uint32_t unfinished, running;
    atomic_bool cancel; /* second signal: stop waiting */
    bool stopping;      /* first signal, or the state cannot be written */
    pthread_mutex_t observer_lock;
    struct abandoned *abandoned; /* deletions that depend on the deletion of their service, in a destroy */
    size_t abandoned_count, abandoned_cap;
    struct map open;   /* by address: struct intent of earlier runs with unknown outcome */
    struct map claims; /* by identity key: struct claim */
};

/* execution_graph.c: fills ops, graph, ready and unfinished. */
void executor_build_graph(struct executor *x);

/* execute.c: executes the operations; returns when all are done or abandoned. */
void executor_run(struct executor *x);
void executor_event(struct executor *x, const struct event *event);
/* Reports an event of an operation; 0 or NULL for missing values. */
void executor_report(struct executor *x, const struct op *op, enum event_kind kind, int64_t ms,
    const struct err *err, const char *text);

/* ---- work_delete.c: in a destroy, resources that could be neither read nor deleted because the stack's own
 * service that contains them is unreachable (plan/refresh/refresh.h). They count as deleted, so that the
 * service's maker can be deleted after them. If that succeeds, they are recorded as deleted and reported;
 * otherwise they stay recorded and their deletion has failed. */
/* Adds an operation, whose result abandoned_finish() reports. Called with the lock held. */
void abandoned_add(struct executor *x, const struct op *op, int64_t start_ms);
/* Determines the results, after all operations. */
void abandoned_finish(struct executor *x);

/* ---- the stack's files, kept with each run for a rollback; sources_read() in plan.h reads
 * them. ---- */
/* Keeps the stack's files with the current run; only files without secrets, unless the state has a key. */
int sources_keep(struct planner *p, struct err *err);

/* ---- ../saved/saved.c ---- */
/* Returns an input as an option of the command line: "k=v". */
struct str input_argument(struct arena *arena, struct str name, const struct value *v);

/* ---- work.c ---- */

struct work {
    struct executor *x;
    struct change *change;
    struct subject subject; /* of the change; of the record for a deletion, with its present address */
    struct arena arena;
    struct provider *provider;
    const struct value *location; /* where the resource is; NULL: it exists in the state only */
    const struct value *desired;  /* configured object, all known; NULL: deletion */
    const struct value *deps;     /* dependencies of desired */
    const struct value *left_out; /* names of attributes found missing from responses; NULL: none */
    struct op_ctx ctx;
    struct op_observer observer;
    struct attempt attempt; /* for a creation */
    char token[33];
};

/* Called by a worker without the lock. Return 0, or -1 with err. */
int work_apply(struct executor *x, struct change *change, struct err *err);
/* Creates the context of its operation, with a new token; needs provider and location. */
void work_context(struct work *work, int64_t timeout_ms);
/* Reports progress. */
void work_progress(void *ctx, const char *what);
/* Returns the live object after a change of the listed attributes. Attributes that the service reported
 * otherwise before are read again, to get the service's notation. */
const struct value *work_reread(struct work *work, const struct record *record,
    const struct attr_change *list, size_t n, const struct value *live);
/* Updates an existing resource, found instead of a creation, to the desired object. The plan has not shown
 * this difference. */
int work_adopt(struct work *work, const struct value *live, struct err *err);

/* ---- work_create.c ---- */

int work_create(struct work *work, struct err *err);

/* ---- work_delete.c ---- */

/* WORK_ABANDONED: it is deleted with its service (see above). */
enum { WORK_ABANDONED = 1 };
int work_delete(struct executor *x, struct change *change, struct err *err);

/* ---- work_record.c ---- */

/* The id in an object; "": none. */
struct str work_object_id(const struct work *work, const struct value *object);
/* Writes an intent. The request may be sent when it returns, since the intent is durable. */
int work_intent(struct work *work, struct str action, struct str id, struct err *err);
/* Records success with the live object, which other expressions then see. */
int work_done(struct work *work, struct str action, const struct value *live, struct err *err);
/* Records a resource that an earlier request created, with that request's `desired`, before any other
 * change. */
int work_found(struct work *work, const struct value *desired, const struct value *live, struct err *err);
/* Records a failure; `left`: what exists of it (NULL: nothing). Returns -1. */
int work_failed(struct work *work, struct str action, const struct value *left, struct err *why);
/* Makes an object visible to other expressions without a record. */
void work_publish(struct work *work, const struct value *whole);

/* ---- work_create.c: the identities of recorded resources, and of those that this run creates or imports.
 * Names that were unknown in the plan may turn out to belong to another resource (plan/objects/objects.h),
 * and services often accept the creation of an existing one silently.
 *
 * Order of calls: claims_begin() before the workers start, claims_take() by workers, claims_end(). */
void claims_begin(struct executor *x);
void claims_end(struct executor *x);

/* attempt.claim with the work as context: the same for a resource that was found by its attributes. */
bool claims_take_found(void *work, struct str id);
