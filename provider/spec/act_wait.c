/* Waiting until a resource is ready, or gone. */
#include "base/clock.h"
#include "provider/spec/act.h"

/* "it to be gone (now deleting)", by the state that the type is known to have. */
static struct str describe_gone(struct act *act, const struct value *live)
{
    const struct spec_type *type = act->type;
    const struct spec_conditions *states = type->going.count  ? &type->going
                                           : type->gone.count ? &type->gone
                                           : type->ready      ? &type->ready->until
                                                              : NULL;
    struct str now = STR_EMPTY;
    if (states && states->count)
        now = value_scalar_text(act->arena, value_get(live, states->items[0].name));
    return now.n ? arena_printf(act->arena, "it to be gone (now %.*s)", STR_ARG(now)) : STR("it to be gone");
}

/* "status available (now creating)" */
static struct str wait_describe(
    struct act *act, const struct spec_conditions *conditions, const struct value *live)
{
    if (!conditions->count)
        return describe_gone(act, live);
    const struct spec_condition *first = &conditions->items[0];
    struct str want = value_scalar_text(act->arena, first->values->items[0]);
    struct str now = value_scalar_text(act->arena, value_get(live, first->name));
    return arena_printf(act->arena, "%.*s %.*s (now %.*s)", STR_ARG(first->name), STR_ARG(want),
        STR_ARG(now.n ? now : STR("unknown")));
}

static const struct value *wait_names(
    struct act *act, const struct spec_conditions *a, const struct spec_conditions *b)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(act->arena);
    for (size_t i = 0; i < a->count; i++)
        value_builder_add(&names, value_string_ref(act->arena, a->items[i].name));
    for (size_t i = 0; i < b->count; i++)
        value_builder_add(&names, value_string_ref(act->arena, b->items[i].name));
    return value_builder_list(&names);
}

static int wait_look(struct act *act, const struct spec_wait *wait, const struct value *object,
    const struct value **live, struct err *err)
{
    act->sees_going = true;
    int status = act_read(act, object, wait_names(act, &wait->until, &wait->fail), live, err);
    act->sees_going = false;
    return status;
}

/* 1 done, 0 go on, -1 failed */
static int wait_judge(
    struct act *act, const struct spec_wait *wait, const struct value *live, bool seen, struct err *err)
{
    if (!live)
        return wait->gone ? 1
               : seen     ? err_set(err, ERR_SERVICE, "it disappeared while weir waited for it")
                          : 0;
    if (wait->until.count && act_holds(act, &wait->until, live))
        return 1;
    if (!act_holds_any(act, &wait->fail, live))
        return 0;
    const struct spec_condition *condition = &wait->fail.items[0];
    struct str state = value_scalar_text(act->arena, value_get(live, condition->name));
    struct str why = value_text(value_get(live, wait->tells), STR_EMPTY);
    return err_set(err, ERR_SERVICE, "%.*s became %.*s%s%.*s", STR_ARG(condition->name), STR_ARG(state),
        why.n ? ": " : "", STR_ARG(why));
}

static int wait_until(struct act *act, const struct spec_wait *wait, const struct value *object,
    const struct value **live, struct err *err)
{
    int64_t timeout = act->ctx->timeout_ms > 0 ? act->ctx->timeout_ms : wait->timeout_ms;
    int64_t until = clock_mono_ms() + timeout, pause = wait->every_ms < 250 ? wait->every_ms : 250;
    bool seen = false;
    for (;;) {
        if (wait_look(act, wait, object, live, err))
            return -1;
        int verdict = wait_judge(act, wait, *live, seen, err);
        if (verdict)
            return verdict < 0 ? -1 : 0;
        seen = seen || *live;
        struct str what = wait_describe(act, &wait->until, *live);
        op_progress(act->ctx, arena_printf(act->arena, "waiting for %.*s", STR_ARG(what)).p);
        if (clock_mono_ms() + pause > until)
            return err_set(
                err, ERR_TIMEOUT, "waited %lld s for %.*s", (long long)(timeout / 1000), STR_ARG(what));
        if (cancel_sleep_ms(act->ctx->cancel, pause, err))
            return -1;
        pause = pause * 2 < wait->every_ms ? pause * 2 : wait->every_ms;
    }
}

int act_wait_ready(struct act *act, const struct value *object, const struct value **live, struct err *err)
{
    const struct spec_wait *wait = act->type->ready;
    *live = NULL;
    while (wait && wait->only.count && !act_holds(act, &wait->only, object))
        wait = wait->next;
    return wait ? wait_until(act, wait, object, live, err) : 0;
}

int act_wait_gone(struct act *act, const struct value *object, struct err *err)
{
    const struct value *live;
    return act->type->gone_wait ? wait_until(act, act->type->gone_wait, object, &live, err) : 0;
}
