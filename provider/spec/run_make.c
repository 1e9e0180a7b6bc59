/*
 * The call that makes a thing, and what is done where its answer is lost: the type's way of settling it
 * (struct spec_settle) says where to look, how long, and whether the call may be sent again.
 *
 * What a second request would do decides. Of a name there is one: the service refuses the second, and then it
 * is looked at what bears the name. With a token there is one, too. Of anything else there would be two, so
 * it is looked for as long as it may take to show before the request is sent again.
 */
#include "base/clock.h"
#include "provider/spec/run.h"

enum { ATTEMPTS = 4, FIRST_PAUSE_MS = 250 };

/* An answer without the id of what it made says no more than none. */
static bool lacks_id(
    struct run *run, const struct spec_step *step, const struct value *object, const struct value *document)
{
    const struct spec_attr *id = spec_attr_find(run->type, run->type->schema.id);
    struct str path;
    if (!id || !value_is_null(value_get(object, id->attr->name)) || !run_provides(run->type, step, id, &path))
        return false;
    const struct value *doc = run_at(run, step, document, object);
    const struct value *made = doc ? run_decode(run, step, doc, NULL) : NULL;
    return value_is_null(value_get(made, id->attr->name));
}

static int make_once(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err)
{
    run->looks_first = true;
    int status = run_now(run, step, object, document, err);
    run->looks_first = false;
    if (status)
        return -1;
    if (step->native || step->list.each || !lacks_id(run, step, object, *document))
        return 0;
    err_set(err, ERR_PROTOCOL, "%.*s: the answer does not say what was made", STR_ARG(step->op->wire.name));
    err->lost = true;
    return -1;
}

/* Until when it is looked for before the request is sent again. */
static int64_t look_until(const struct run *run, bool exists)
{
    const struct spec_settle *settle = &run->type->settle;
    bool harmless = settle->way == SETTLE_NAME || settle->token; /* to send it again at once */
    return harmless && !exists ? 0 : clock_mono_ms() + settle->within_ms;
}

/* 1: found. 0: not to be seen. -1: there is no telling, for now. */
static int make_look(struct run *run, const struct value *object, bool exists, const struct value **found)
{
    const struct spec_settle *settle = &run->type->settle;
    struct err ignored = ERR_INIT;
    bool exact = settle->token && settle->way == SETTLE_CONTENT; /* the token is, what it looks like is not */
    if (exact)
        return 0;
    op_progress(run->ctx, "the answer was lost: looking whether it was made");
    bool before = run->making;
    run->making = false; /* what is not there is not waited for by each call */
    int status = run_find(run, object, look_until(run, exists), found, &ignored);
    run->making = before;
    return status ? -1 : *found != NULL;
}

/* Does one of that name only wait for its end? Then the name is free when that has come. */
static bool outlives_namesake(struct run *run, const struct value *object)
{
    const struct spec_type *type = run->type;
    const struct value *whole, *live;
    struct err ignored = ERR_INIT;
    if (!type->going.count || !type->gone_wait || run_fill_templates(run, object, &whole, &ignored) ||
        value_is_null(value_get(whole, type->schema.id)))
        return false;
    run->sees_going = true;
    int status = run_read(run, whole, &value_empty_list, &live, &ignored);
    run->sees_going = false;
    return !status && live && run_holds_any(run, &type->going, live) && !run_wait_gone(run, whole, &ignored);
}

/* A failure that says that the request was not carried out, though an earlier one of it may have been. */
static bool is_clear(const struct err *failure)
{
    return !failure->lost && failure->class != ERR_EXISTS;
}

int run_make(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value **document, const struct value **found, struct err *err)
{
    bool unsure = run->attempt->again;
    int64_t pause = FIRST_PAUSE_MS;
    *found = NULL;
    for (int attempt = 1;; attempt++) {
        struct err failure = ERR_INIT;
        if (!make_once(run, step, object, document, &failure))
            return 0;
        unsure = unsure || failure.lost || failure.unsure;
        failure.unsure = unsure;
        *document = NULL;
        *err = failure;
        if (failure.class == ERR_EXISTS && attempt < ATTEMPTS && outlives_namesake(run, object))
            continue;
        if (!unsure || failure.class == ERR_INTERRUPTED || is_clear(&failure) ||
            run->type->settle.way == SETTLE_NEVER)
            return -1;
        bool exists = failure.class == ERR_EXISTS;
        int seen = make_look(run, object, exists, found);
        if (seen > 0) {
            *err = (struct err)ERR_INIT;
            return 0;
        }
        if (seen < 0 || exists || attempt == ATTEMPTS)
            return -1;
        if (run_sleep(run, pause, &failure))
            return -1;
        pause *= 2;
    }
}
