/*
 * Creating: the steps that make the thing, what has calls of its own (facets, entries, members, tags), the
 * wait until it is ready, and what no answer told.
 */
#include "provider/aws/client.h"
#include "provider/spec/run.h"

/* ---- the steps ---- */

/* What was asked for counts as asked: later steps and settings may still have to bring it about. */
static const struct value *create_without(
    struct run *run, const struct value *found, const struct value *desired)
{
    for (size_t i = 0; i < run->type->attr_count; i++) {
        struct str name = run->type->attrs[i].attr->name;
        if (!value_is_null(value_get(desired, name)) && !str_eq(name, run->type->schema.id))
            found = value_with(run->arena, found, name, NULL);
    }
    return found;
}

/*
 * What says that it made something, and not what, is no success: nobody could ever find that again. It may be
 * there all the same, which is what the intent is for.
 */
static int check_made(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value *now, const struct value **live, struct err *err)
{
    const struct value *made = value_merge(run->arena, object, now), *whole;
    struct err failure = ERR_INIT;
    if (run_fill_templates(run, made, &whole, err))
        return -1;
    if (!run_check_known(run, whole, &failure) && !run_check_id(run, step, object, whole, err)) {
        *live = now ? now : &value_empty_map;
        return 0;
    }
    if (failure.class && step->op)
        err_set(err, ERR_PROTOCOL, "the answer to %.*s is not whole: it has no %.*s",
            STR_ARG(step->op->wire.name), STR_ARG(run->type->schema.id));
    else if (failure.class)
        *err = failure;
    err->lost = true;
    return -1;
}

static int create_step(struct run *run, const struct spec_step *step, const struct value *desired,
    const struct value **live, struct err *err)
{
    const struct value *document = NULL, *found = NULL, *doc,
                       *object = value_merge(run->arena, desired, *live);
    bool makes = !*live && step->op && !step->list.each && !step->must_be_absent;
    if (!run_applies(run, step, object))
        return 0;
    run->makes = makes;
    int failed = makes ? run_make(run, step, object, &document, &found, err)
                       : run_now(run, step, object, &document, err);
    run->makes = false;
    if (failed)
        return -1;
    if (step->must_be_absent || (!document && !found))
        return 0;
    doc = step->list.each || step->native || found ? NULL : run_at(run, step, document, desired);
    if (found)
        *live = create_without(run, found, desired);
    else if (check_made(run, step, object, doc ? run_decode(run, step, doc, *live) : *live, live, err))
        return -1;
    return step->wait ? run_wait_live(run, desired, live, err) : 0;
}

static int create_steps(
    struct run *run, const struct value *desired, const struct value **live, struct err *err)
{
    const struct value *object = desired;
    for (size_t i = 0; i < run->type->create.count; i++) {
        const struct spec_step *step = &run->type->create.items[i];
        if (step->look ? run_look(run, step, &object, err) : create_step(run, step, object, live, err))
            return -1;
    }
    return 0;
}

/* ---- what has calls of its own ---- */

static int create_owned(
    struct run *run, const struct value *object, const struct value *desired, struct err *err)
{
    const struct spec_type *type = run->type;
    for (size_t i = 0; i < type->facet_count; i++) {
        const struct spec_facet *facet = &type->facets[i];
        const struct value *want = value_get(desired, facet->attr->attr->name);
        if (facet->sent_by_create || value_is_null(want) || run_is_default(facet->attr->attr, want))
            continue;
        if (run_put_facet(run, facet, object, err))
            return err_context(err, "%.*s", STR_ARG(facet->attr->attr->name));
    }
    for (size_t i = 0; i < type->entries_count; i++) {
        const struct value *want = value_get(desired, type->entries[i].attr->attr->name);
        if (!value_is_null(want) && !type->entries[i].sent_by_create &&
            run_sync_entries(run, &type->entries[i], object, NULL, want, err))
            return -1;
    }
    for (size_t i = 0; i < type->member_count; i++) {
        const struct spec_members *m = &type->members[i];
        const struct value *want = value_get(desired, m->attr->attr->name), *have = NULL;
        if (value_is_null(want) || m->sent_by_create)
            continue;
        if (m->read_first && run_read_members(run, m, object, &have, err))
            return -1;
        if (run_sync_members(run, m, object, have, want, err))
            return err_context(err, "%.*s", STR_ARG(m->attr->attr->name));
    }
    if (!type->tags || type->tags->with_create)
        return 0;
    return run_tag_created(run, object, value_get(desired, type->tags->attr->attr->name), err);
}

/* ---- all of it ---- */

/* The answer was nothing at all: some services say no more, and neither does what stands in their way. */
static int see_made(struct run *run, const struct value *object, const struct value **live, struct err *err)
{
    const struct value *seen;
    if (!run_read_back(run, value_merge(run->arena, object, *live), &value_empty_list, &seen, err))
        return 0;
    if (err->class == ERR_ABSENT) {
        err->lost = true;
        *live = NULL;
    }
    return -1;
}

int spec_create(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    const struct value *made = NULL, *object;
    *live = NULL;
    const struct value *with_marks = run_marked(&run, desired);
    run.attempt = attempt;
    run.making = true;
    int failed = create_steps(&run, with_marks, &made, err);
    if (!made)
        return failed;
    if (run.client)
        aws_made(run.client);
    if (run.type->settle.way == SETTLE_CONTENT)
        attempt_claims(attempt, value_text(value_get(made, run.type->schema.id), STR_EMPTY));
    /* From here on it exists, whatever happens. */
    struct err later = ERR_INIT;
    if (run_made(&run, desired, made, &made, failed ? &later : err))
        failed = -1;
    *live = made;
    if (failed)
        return -1;
    object = value_merge(run.arena, made, run_sent(&run, with_marks));
    if (create_owned(&run, object, with_marks, err))
        return -1;
    run.making = false;
    made = run_made_owned(&run, desired, made);
    if (run_wait_live(&run, object, &made, err))
        return -1;
    *live = made;
    if (run.silent && !run.base_read && see_made(&run, object, live, err))
        return -1;
    return run_complete(&run, object, run_untold(&run, *live), live, err);
}
