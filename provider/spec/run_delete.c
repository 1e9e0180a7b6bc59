/*
 * Deleting: only what is known to be the stack's; what stands against it is lifted first where that was
 * agreed to, and what is gone already is success.
 */
#include "base/clock.h"
#include "provider/spec/run.h"

static int delete_steps(struct run *run, const struct value *object, struct err *err)
{
    for (size_t i = 0; i < run->type->delete.count; i++) {
        const struct spec_step *step = &run->type->delete.items[i];
        const struct value *document, *doc, *live = NULL;
        struct err failure = ERR_INIT;
        if (run_step(run, step, object, &document, &failure)) {
            if (failure.class == ERR_ABSENT)
                continue;
            *err = failure;
            return -1;
        }
        /* What undoes a thing may be one that is waited for in its turn. */
        doc = step->wait && document ? run_at(run, step, document, object) : NULL;
        if (doc) {
            live = run_decode(run, step, doc, NULL);
            if (run_wait_live(run, object, &live, err))
                return -1;
        }
    }
    return 0;
}

/* Likewise, of a deletion. Some services show what they have deleted for a minute. */
static int see_gone(struct run *run, const struct value *object, struct err *err)
{
    int64_t until = clock_mono_ms() + RUN_APPEARS_WITHIN_MS, pause = 250;
    for (const struct value *live;;) {
        if (run_read(run, object, &value_empty_list, &live, err))
            return -1;
        if (!live)
            return 0;
        if (clock_mono_ms() > until) {
            err_set(
                err, ERR_PROTOCOL, "the service answered the deletion with nothing, and it is still there");
            err->lost = true;
            return -1;
        }
        if (run_sleep(run, pause, err))
            return -1;
        pause = pause < 4000 ? pause * 2 : pause;
    }
}

int spec_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    run.teardown = teardown;
    const struct value *object, *live;
    struct err failure = ERR_INIT, ignored = ERR_INIT;
    if (run_fill_templates(&run, prior, &object, err) || run_check_known(&run, object, err) ||
        run_check_whose(&run, object, RUN_DELETES, err))
        return -1;
    object = run_forced(&run, object);
    if (run_lift(&run, object, &failure) == 0 && delete_steps(&run, object, &failure) == 0)
        return run_wait_gone(&run, object, err) ||
                       (run.silent && !run.type->gone_wait && see_gone(&run, object, err))
                   ? -1
                   : 0;
    /* Services have many ways to say that a thing is gone already, or that it is about to be. */
    run.sees_going = true;
    if (failure.class != ERR_INTERRUPTED && run_read(&run, object, &value_empty_list, &live, &ignored) == 0) {
        run.sees_going = false;
        if (!live || run_is_gone(&run, live))
            return live ? run_wait_gone(&run, object, err) : 0;
    }
    run_hint_teardown(&run, &failure);
    *err = failure;
    return -1;
}
