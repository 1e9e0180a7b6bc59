/*
 * What creating and updating share: reading back what no answer told, waiting until it is ready, looking at
 * what there is before a step, putting a setting.
 */
#include "base/clock.h"
#include "provider/spec/run.h"

/* A read soon after a create may not see it yet. */
int run_read_back(struct run *run, const struct value *object, const struct value *wanted,
    const struct value **live, struct err *err)
{
    int64_t given = run->ctx->timeout_ms, pause = 250;
    int64_t until =
        clock_mono_ms() + (given > 0 && given < RUN_APPEARS_WITHIN_MS ? given : RUN_APPEARS_WITHIN_MS);
    for (;;) {
        if (run_read(run, object, wanted, live, err))
            return -1;
        if (*live)
            return 0;
        if (clock_mono_ms() > until)
            return err_set(err, ERR_ABSENT, "it was made, but the service does not show it");
        if (run_sleep(run, pause, err))
            return -1;
        pause = pause < 4000 ? pause * 2 : pause;
    }
}

int run_wait_live(struct run *run, const struct value *object, const struct value **live, struct err *err)
{
    const struct value *ready;
    if (run_wait_ready(run, value_merge(run->arena, object, *live), &ready, err))
        return -1;
    /* What the service says at last wins over what it said at first. */
    for (size_t i = 0; ready && i < run->type->attr_count; i++) {
        const struct attr *attr = run->type->attrs[i].attr;
        const struct value *v = value_get(ready, attr->name);
        if (attr->computed && !value_is_null(v))
            *live = value_with(run->arena, *live, attr->name, v);
    }
    return 0;
}

/* What the service says by itself, added to what is wanted. */
static const struct value *with_computed(
    struct run *run, const struct value *object, const struct value *seen)
{
    for (size_t i = 0; i < run->type->attr_count; i++) {
        const struct attr *attr = run->type->attrs[i].attr;
        const struct value *v = value_get(seen, attr->name);
        if (attr->computed && !attr->settable && v)
            object = value_with(run->arena, object, attr->name, v);
    }
    return object;
}

/* What there is already, for the conditions of later steps and for what they send. */
int run_look(struct run *run, const struct spec_step *step, const struct value **object, struct err *err)
{
    const struct value *document, *doc;
    struct err failure = ERR_INIT;
    if (run_step(run, step, *object, &document, &failure)) {
        if (failure.class == ERR_ABSENT)
            return 0;
        *err = failure;
        return -1;
    }
    doc = document ? run_at(run, step, document, *object) : NULL;
    if (doc)
        *object = with_computed(run, *object, run_decode(run, step, doc, NULL));
    return 0;
}

bool run_is_default(const struct attr *attr, const struct value *v)
{
    return attr->default_value && attr_equal(attr, v, attr->default_value);
}

/* A setting that is put again after a lost answer may be there: attached, associated. */
int run_wait_step(struct run *run, const struct spec_step *step, const struct value *object, struct err *err)
{
    const struct value *live = NULL;
    return step->wait ? run_wait_live(run, object, &live, err) : 0;
}

int run_put_facet(
    struct run *run, const struct spec_facet *facet, const struct value *object, struct err *err)
{
    const struct value *document;
    if (!run_applies(run, facet->put, object))
        return 0;
    int failed = facet->put->list.each
                     ? run_now(run, facet->put, object, &document, err)
                     : run_bring_about(run, facet->put, object, NULL, ERR_EXISTS, false, err);
    return failed ? -1 : run_wait_step(run, facet->put, object, err);
}
