/*
 * Deleting: only what is known to be the stack's; what stands against it is lifted first where that was
 * agreed to, and what is gone already is success.
 */
#include "base/clock.h"
#include "provider/spec/act.h"

static int delete_steps(struct act *act, const struct value *object, struct err *err)
{
    for (size_t i = 0; i < act->type->delete.count; i++) {
        const struct spec_step *step = &act->type->delete.items[i];
        const struct value *document, *doc, *live = NULL;
        struct err failure = ERR_INIT;
        if (act_step(act, step, object, &document, &failure)) {
            if (failure.class == ERR_ABSENT)
                continue;
            return err_raise(err, &failure);
        }
        /* What undoes a resource may be one that is waited for in its turn. */
        doc = step->wait && document ? act_at(act, step, document, object) : NULL;
        if (doc) {
            live = act_decode(act, step, doc, NULL);
            if (act_wait_live(act, object, &live, err))
                return -1;
        }
    }
    return 0;
}

/* Likewise, of a deletion. Some services show what they have deleted for a minute. */
static int see_gone(struct act *act, const struct value *object, struct err *err)
{
    int64_t until = clock_mono_ms() + RUN_APPEARS_WITHIN_MS, pause = 250;
    for (const struct value *live;;) {
        if (act_read(act, object, &value_empty_list, &live, err))
            return -1;
        if (!live)
            return 0;
        if (clock_mono_ms() > until) {
            err_set(
                err, ERR_PROTOCOL, "the service answered the deletion with nothing, and it is still there");
            err->lost = true;
            return -1;
        }
        if (cancel_sleep_ms(act->ctx->cancel, pause, err))
            return -1;
        pause = pause < 4000 ? pause * 2 : pause;
    }
}

int spec_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    act.teardown = teardown;
    const struct value *object, *live;
    struct err failure = ERR_INIT, ignored = ERR_INIT;
    if (act_fill_templates(&act, prior, &object, err) || act_check_known(&act, object, err) ||
        act_check_whose(&act, object, RUN_DELETES, err))
        return -1;
    object = act_forced(&act, object);
    if (act_lift(&act, object, &failure) == 0 && delete_steps(&act, object, &failure) == 0)
        return act_wait_gone(&act, object, err) ||
                       (act.empty_answer && !act.type->gone_wait && see_gone(&act, object, err))
                   ? -1
                   : 0;
    /* Services have many ways to say that a resource is gone already, or that it is about to be. */
    act.sees_going = true;
    if (failure.class != ERR_INTERRUPTED && act_read(&act, object, &value_empty_list, &live, &ignored) == 0) {
        act.sees_going = false;
        if (!live || act_is_gone(&act, live))
            return live ? act_wait_gone(&act, object, err) : 0;
    }
    act_hint_teardown(&act, &failure);
    return err_raise(err, &failure);
}
