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

#include "plan/apply/executor.h"
#include "provider/provider.h"

struct work {
    struct executor *x;
    struct change *change;
    struct subject subject; /* the change's; of what is deleted the record's, under its present address */
    struct arena arena;
    struct provider *provider;
    const struct value *place;   /* where it is made; NULL: nowhere outside */
    const struct value *desired; /* what the file wants, wholly known; NULL: it is deleted */
    const struct value *deps;    /* of that */
    const struct value
        *left_out; /* names of attributes that answers leave out, as was found out now; NULL: none */
    struct op_ctx ctx;
    struct op_observer observer;
    struct attempt attempt; /* of what is created */
    char token[33];
};

/* ---- work.c ---- */

/* Called by a worker without the lock. Return 0, or -1 with err. */
int work_apply(struct executor *x, struct change *change, struct err *err);
/* The context of its operation, with a new token; after provider and place are known. */
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

/* WORK_LEFT: it goes with its service (abandoned.h). */
enum { WORK_LEFT = 1 };
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
