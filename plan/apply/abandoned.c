/* What a destroy leaves to go with its service: see abandoned.h. */
#include "plan/apply/abandoned.h"

#include "base/clock.h"
#include "base/mem.h"
#include "plan/refresh/unreachable.h"

#include <stdio.h>
#include <stdlib.h>

bool abandoned_is(struct executor *x, const struct record *record, const struct err *err)
{
    if (!x->plan->destroy)
        return false;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&x->lock);
    const struct unreachable *unreachable =
        err ? unreachable_note_of(x->p, record, err) : unreachable_find(x->p, record->subject.provider);
    return unreachable && unreachable_goes(x->p, unreachable);
}

void abandoned_add(struct executor *x, const struct op *op, int64_t start_ms)
{
    const struct unreachable *unreachable = unreachable_find(x->p, op->change->subject.provider);
    struct str maker = unreachable_maker(x->p, unreachable);
    char text[512];
    MEM_GROW(x->left, x->left_cap, x->left_count + 1);
    x->left[x->left_count++] = (struct left){.op = op, .start_ms = start_ms};
    snprintf(text, sizeof text, "its service does not answer; it goes with %.*s", STR_ARG(maker));
    executor_tell(x, op, EVENT_PROGRESS, 0, NULL, text);
}

static bool settle_one(struct executor *x, struct left *left, struct err *err)
{
    struct outcome gone = {.record.subject = left->op->change->subject, .action = STR("delete")};
    struct str *unseen = (struct str *)x->result->unseen;
    if (state_done(x->p->workspace->state, &gone, err))
        return false;
    left->settled = true;
    unseen[x->result->unseen_count++] = gone.record.subject.address;
    x->result->done[ACTION_DELETE]++;
    executor_tell(x, left->op, EVENT_DONE, clock_mono_ms() - left->start_ms, NULL, NULL);
    return true;
}

static void fail_one(struct executor *x, const struct left *left, struct err *err)
{
    struct str address = left->op->change->subject.address;
    struct err ignored = ERR_INIT;
    state_fail(x->p->workspace->state, address, STR("delete"), err, NULL, &ignored);
    x->result->failed++;
    if (x->result->first_error.class == ERR_NONE) {
        x->result->first_error = *err;
        err_context(&x->result->first_error, "%.*s", STR_ARG(address));
    }
    executor_tell(x, left->op, EVENT_FAILED, clock_mono_ms() - left->start_ms, err, NULL);
}

/* What was being made when a run stopped, and cannot be asked about any more. */
static void drop_open(struct executor *x)
{
    struct state *state = x->p->workspace->state;
    size_t n;
    const struct intent *const *intents = state_open_intents(state, &n);
    for (size_t i = 0; i < n; i++) {
        struct subject subject = intents[i]->subject;
        const struct unreachable *unreachable = unreachable_find(x->p, subject.provider);
        if (!state_get(state, subject.address) && unreachable && unreachable_goes(x->p, unreachable) &&
            unreachable_is_over(x->p, unreachable))
            state_drop(state, subject.address, ERR_IGNORED);
    }
}

void abandoned_settle(struct executor *x)
{
    x->result->unseen = ARENA_ARRAY(x->p->arena, struct str, x->left_count + 1);
    for (bool again = true; again;) { /* what makes one service may lie in another */
        again = false;
        for (size_t i = 0; i < x->left_count; i++) {
            struct left *left = &x->left[i];
            const struct unreachable *unreachable =
                unreachable_find(x->p, left->op->change->subject.provider);
            if (!left->settled && unreachable_is_over(x->p, unreachable))
                again |= settle_one(x, left, &left->err);
        }
    }
    for (size_t i = 0; i < x->left_count; i++) {
        struct left *left = &x->left[i];
        if (left->settled)
            continue;
        if (left->err.class == ERR_NONE)
            left->err = unreachable_find(x->p, left->op->change->subject.provider)->err;
        fail_one(x, left, &left->err);
    }
    if (x->plan->destroy)
        drop_open(x);
    qsort((struct str *)x->result->unseen, x->result->unseen_count, sizeof(struct str), str_order);
    free(x->left);
}
