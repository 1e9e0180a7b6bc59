/*
 * What creating and updating share: reading back what no answer told, waiting until it is ready, looking at
 * what there is before a step, putting a setting.
 */
#include "base/clock.h"
#include "provider/spec/act.h"

/* A read soon after a create may not see it yet. */
int act_read_back(struct act *act, const struct value *object, const struct value *wanted,
    const struct value **live, struct err *err)
{
    int64_t given = act->ctx->timeout_ms, pause = 250;
    int64_t until =
        clock_mono_ms() + (given > 0 && given < RUN_APPEARS_WITHIN_MS ? given : RUN_APPEARS_WITHIN_MS);
    for (;;) {
        if (act_read(act, object, wanted, live, err))
            return -1;
        if (*live)
            return 0;
        if (clock_mono_ms() > until)
            return err_set(err, ERR_ABSENT, "it was made, but the service does not show it");
        if (cancel_sleep_ms(act->ctx->cancel, pause, err))
            return -1;
        pause = pause < 4000 ? pause * 2 : pause;
    }
}

int act_wait_live(struct act *act, const struct value *object, const struct value **live, struct err *err)
{
    const struct value *ready;
    if (act_wait_ready(act, value_merge(act->arena, object, *live), &ready, err))
        return -1;
    /* What the service says at last wins over what it said at first. */
    for (size_t i = 0; ready && i < act->type->attr_count; i++) {
        const struct attr *attr = act->type->attrs[i].attr;
        const struct value *v = value_get(ready, attr->name);
        if (attr->computed && !value_is_null(v))
            *live = value_with(act->arena, *live, attr->name, v);
    }
    return 0;
}

/* What the service says by itself, added to what is wanted. */
static const struct value *with_computed(
    struct act *act, const struct value *object, const struct value *seen)
{
    for (size_t i = 0; i < act->type->attr_count; i++) {
        const struct attr *attr = act->type->attrs[i].attr;
        const struct value *v = value_get(seen, attr->name);
        if (attr->computed && !attr->settable && v)
            object = value_with(act->arena, object, attr->name, v);
    }
    return object;
}

/* What there is already, for the conditions of later steps and for what they send. */
int act_look(struct act *act, const struct spec_step *step, const struct value **object, struct err *err)
{
    const struct value *document, *doc;
    struct err failure = ERR_INIT;
    if (act_step(act, step, *object, &document, &failure)) {
        if (failure.class == ERR_ABSENT)
            return 0;
        return err_raise(err, &failure);
    }
    doc = document ? act_at(act, step, document, *object) : NULL;
    if (doc)
        *object = with_computed(act, *object, act_decode(act, step, doc, NULL));
    return 0;
}

void act_see(struct act *act, const struct spec_step *step, const struct value *doc)
{
    if (doc && !step->reply.sparse)
        act->seen = act_decode(act, step, doc, NULL);
}

bool act_is_default(const struct attr *attr, const struct value *v)
{
    return attr->default_value && attr_equal(attr, v, attr->default_value);
}

/* A setting that is put again after a lost answer may be there: attached, associated. */
int act_wait_step(struct act *act, const struct spec_step *step, const struct value *object, struct err *err)
{
    const struct value *live = NULL;
    return step->wait ? act_wait_live(act, object, &live, err) : 0;
}

int act_put_sub_resource(struct act *act, const struct spec_sub_resource *sub_resource,
    const struct value *object, struct err *err)
{
    const struct value *document;
    if (!act_applies(act, sub_resource->put, object))
        return 0;
    int failed = sub_resource->put->list.each
                     ? act_now(act, sub_resource->put, object, &document, err)
                     : act_bring_about(act, sub_resource->put, object, NULL, ERR_EXISTS, false, err);
    return failed ? -1 : act_wait_step(act, sub_resource->put, object, err);
}
