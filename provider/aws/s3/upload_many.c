/*
 * Many uploads: small ones side by side from one thread, which reads, hashes and signs the next while others
 * are on their way. What goes up in parts keeps the connections busy by itself: a few at a time, afterwards.
 */
#include "base/lock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "provider/aws/s3/upload_internal.h"

#include <stdlib.h>

enum {
    SMALL_AT_ONCE = 64,
    LARGE_AT_ONCE = 4,
};

/* One that is under way. */
struct slot {
    size_t i;
    int tries;
    struct arena arena;
    struct op_ctx ctx;
    struct s3_upload upload;
    struct upload_source source;
    struct upload_put put;
    struct aws_sending sending;
    struct slot *next; /* free */
};

struct many {
    struct op_ctx *ctx;
    const struct s3_uploads *uploads;
    struct aws_flight *flight;
    struct slot *free;
    size_t *large, large_count;
    pthread_mutex_t lock; /* guards what follows, and the callback */
    struct err err;       /* the first failure */
    atomic_bool failed;
};

static void upload_many_tell(struct many *m, size_t i, const struct s3_uploaded *done, struct err *failure)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&m->lock);
    m->uploads->over(m->uploads->ctx, i, done, failure);
    if (!done && !m->failed) {
        m->err = *failure;
        m->failed = true;
    }
}

/* ---- in one piece ---- */

static void upload_many_end(struct many *m, struct slot *slot)
{
    upload_close(&slot->source);
    arena_release(&slot->arena);
    slot->next = m->free;
    m->free = slot;
}

/* UPLOAD_OK: it is under way, or kept for later. */
static enum upload_result begin_once(struct many *m, struct slot *slot, struct err *err)
{
    if (upload_open(&slot->upload, &slot->source, err))
        return UPLOAD_FAILED;
    if (upload_is_large(&slot->source)) {
        m->large[m->large_count++] = slot->i;
        upload_many_end(m, slot);
        return UPLOAD_OK;
    }
    enum upload_result result = upload_put_begin(&slot->ctx, &slot->upload, &slot->source, &slot->put, err);
    if (result != UPLOAD_OK)
        return result;
    slot->put.repeats.what =
        arena_printf(&slot->arena, "%.*s %.*s", STR_ARG(slot->put.repeats.what), STR_ARG(slot->upload.key));
    slot->sending = (struct aws_sending){.call = &slot->put.call, .arena = &slot->arena, .owner = slot};
    aws_flight_add(m->flight, &slot->sending);
    return UPLOAD_OK;
}

/* Again for as long as it changes, UPLOAD_TRIES times at most. */
static void upload_many_begin(struct many *m, struct slot *slot)
{
    struct err failure = ERR_INIT;
    enum upload_result result = UPLOAD_CHANGED;
    while (result == UPLOAD_CHANGED && slot->tries++ < UPLOAD_TRIES) {
        result = begin_once(m, slot, &failure);
        if (result == UPLOAD_OK)
            return;
        upload_close(&slot->source);
    }
    if (result == UPLOAD_CHANGED)
        upload_restless(&slot->upload, &failure);
    upload_many_tell(m, slot->i, NULL, &failure);
    upload_many_end(m, slot);
}

static void upload_many_finish(struct many *m, struct slot *slot)
{
    struct s3_uploaded done;
    struct err failure = ERR_INIT;
    switch (upload_put_end(
        &slot->arena, &slot->put, &slot->sending.response, &slot->sending.err, &done, &failure)) {
    case UPLOAD_OK: upload_many_tell(m, slot->i, &done, NULL); break;
    case UPLOAD_FAILED: upload_many_tell(m, slot->i, NULL, &failure); break;
    case UPLOAD_CHANGED:
        upload_close(&slot->source);
        upload_many_begin(m, slot);
        return;
    }
    upload_many_end(m, slot);
}

static void upload_many_start(struct many *m, size_t i)
{
    struct slot *slot = m->free;
    m->free = slot->next;
    slot->i = i;
    slot->tries = 0;
    slot->arena = (struct arena)ARENA_INIT;
    slot->ctx = *m->ctx;
    slot->ctx.arena = &slot->arena;
    m->uploads->what(m->uploads->ctx, &slot->arena, i, &slot->upload);
    upload_many_begin(m, slot);
}

static void send_small(struct many *m)
{
    size_t count = m->uploads->n < SMALL_AT_ONCE ? m->uploads->n : SMALL_AT_ONCE;
    struct slot *slots = mem_zalloc((count + 1) * sizeof *slots);
    for (size_t i = 0; i < count; i++) {
        slots[i].next = m->free;
        m->free = &slots[i];
    }
    m->flight = aws_flight_new(provider_aws(m->ctx->provider));
    for (size_t next = 0;;) {
        while (next < m->uploads->n && m->free && !m->failed)
            upload_many_start(m, next++);
        struct aws_sending *back = aws_flight_next(m->flight, -1);
        if (!back)
            break;
        upload_many_finish(m, back->owner);
    }
    aws_flight_free(m->flight);
    free(slots);
}

/* ---- in parts ---- */

static void send_large(void *arg, size_t n)
{
    struct many *m = arg;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct op_ctx ctx = *m->ctx;
    struct s3_upload upload;
    struct s3_uploaded done;
    struct err failure = ERR_INIT;
    if (m->failed)
        return;
    ctx.arena = &arena;
    m->uploads->what(m->uploads->ctx, &arena, m->large[n], &upload);
    upload.one_of_many = true;
    int failed = s3_upload(&ctx, &upload, &done, &failure);
    upload_many_tell(m, m->large[n], failed ? NULL : &done, &failure);
}

int s3_upload_many(struct op_ctx *ctx, const struct s3_uploads *uploads, struct err *err)
{
    struct many m = {.ctx = ctx, .uploads = uploads, .lock = PTHREAD_MUTEX_INITIALIZER};
    m.large = mem_alloc(uploads->n * sizeof *m.large);
    send_small(&m);
    pool_run(LARGE_AT_ONCE, m.large_count, send_large, &m);
    free(m.large);
    if (m.failed)
        *err = m.err;
    return m.failed ? -1 : 0;
}
