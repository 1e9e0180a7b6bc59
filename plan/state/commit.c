/* The committing thread, and the groups of records that it takes from other threads. */
#include "plan/state/state_internal.h"

#include "base/mem.h"

#include <signal.h>

struct committer {
    struct backend *backend;
    struct committer_turn turn; /* begin NULL: no other run writes */
    pthread_mutex_t mutex;      /* guards the fields below */
    pthread_cond_t work, durable;
    pthread_t thread;
    struct buf pending; /* records to write, one per line */
    uint64_t pending_first, next_seq, durable_seq;
    bool stopping, broken;
    struct err why;
};

/* Numbers and frames the records. */
static void frame_group(struct buf *framed, struct str bodies, uint64_t first)
{
    struct str rest = bodies;
    for (uint64_t seq = first; rest.n; seq++) {
        struct str body = str_cut(rest, '\n', &rest);
        log_frame(framed, seq, first, body);
    }
}

static int write_group(
    struct committer *c, struct str bodies, uint64_t first, uint64_t count, struct err *why)
{
    AUTO_BUF struct buf framed = BUF_INIT;
    for (;;) {
        struct err failure = ERR_INIT;
        if (c->turn.begin && c->turn.begin(c->turn.ctx, &first, why))
            return -1;
        buf_clear(&framed);
        frame_group(&framed, bodies, first);
        bool failed = c->backend->ops->append(c->backend, buf_str(&framed), first, &failure) != 0;
        if (c->turn.end && c->turn.end(c->turn.ctx, first + count, failed ? &failure : NULL))
            continue;
        return failed ? err_raise(why, &failure) : 0;
    }
}

static void *write_groups(void *arg)
{
    struct committer *c = arg;
    struct buf group = BUF_INIT;
    pthread_mutex_lock(&c->mutex);
    for (;;) {
        while (!c->pending.n && !c->stopping)
            pthread_cond_wait(&c->work, &c->mutex);
        if (!c->pending.n || c->broken)
            break;
        struct buf empty = group;
        group = c->pending;
        c->pending = empty;
        uint64_t first = c->pending_first, next = c->next_seq;
        pthread_mutex_unlock(&c->mutex);

        struct err why = ERR_INIT;
        int result = write_group(c, buf_str(&group), first, next - first, &why);
        buf_clear(&group);

        pthread_mutex_lock(&c->mutex);
        if (result) {
            c->broken = true;
            c->why = why;
        } else {
            c->durable_seq = next - 1;
        }
        pthread_cond_broadcast(&c->durable);
        if (c->broken)
            break;
    }
    pthread_mutex_unlock(&c->mutex);
    buf_release(&group);
    return NULL;
}

struct committer *committer_new(struct backend *backend, uint64_t next_seq, const struct committer_turn *turn)
{
    struct committer *c = mem_zalloc(sizeof *c);
    c->backend = backend;
    if (turn)
        c->turn = *turn;
    c->next_seq = next_seq;
    c->durable_seq = next_seq - 1;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->work, NULL);
    pthread_cond_init(&c->durable, NULL);
    /* Signals are handled by the main thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&c->thread, NULL, write_groups, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        c->broken = true;
        err_set(&c->why, ERR_FAILED, "cannot start the thread that writes the state");
        c->thread = pthread_self();
    }
    return c;
}

void committer_free(struct committer *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->mutex);
    c->stopping = true;
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->mutex);
    if (!pthread_equal(c->thread, pthread_self()))
        pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->work);
    pthread_cond_destroy(&c->durable);
    pthread_mutex_destroy(&c->mutex);
    buf_release(&c->pending);
    free(c);
}

int committer_add(struct committer *c, struct str body, uint64_t *seq, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&c->mutex);
    if (c->broken)
        return err_raise(err, &c->why);
    *seq = c->next_seq++;
    if (!c->pending.n) {
        c->pending_first = *seq;
        pthread_cond_signal(&c->work);
    }
    buf_add_str(&c->pending, body);
    buf_add_char(&c->pending, '\n');
    return 0;
}

int committer_wait(struct committer *c, uint64_t seq, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&c->mutex);
    while (c->durable_seq < seq && !c->broken)
        pthread_cond_wait(&c->durable, &c->mutex);
    return c->durable_seq < seq ? err_raise(err, &c->why) : 0;
}

bool committer_is_broken(struct committer *c)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&c->mutex);
    return c->broken;
}

int committer_flush(struct committer *c, struct err *err)
{
    pthread_mutex_lock(&c->mutex);
    uint64_t last = c->next_seq - 1;
    pthread_mutex_unlock(&c->mutex);
    return committer_wait(c, last, err);
}

int committer_snapshot(struct committer *c, size_t count,
    void (*write)(void *ctx, struct buf *out, uint64_t first_seq), void *ctx, struct err *err)
{
    if (committer_flush(c, err))
        return -1;
    pthread_mutex_lock(&c->mutex);
    assert(!c->pending.n);
    uint64_t first = c->next_seq;
    pthread_mutex_unlock(&c->mutex);
    AUTO_BUF struct buf lines = BUF_INIT;
    write(ctx, &lines, first);
    struct err why = ERR_INIT;
    int failed = c->backend->ops->snapshot(c->backend, buf_str(&lines), first, &why);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&c->mutex);
    if (failed) {
        c->broken = true;
        c->why = why;
        return err_raise(err, &why);
    }
    c->next_seq = first + count;
    c->durable_seq = c->next_seq - 1;
    return 0;
}
