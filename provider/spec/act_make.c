/*
 * The call that makes a resource, and what is done where its answer is lost: the type's way of settling it
 * (struct spec_recover) says where to look, how long, and whether the call may be sent again.
 */
#include "base/clock.h"
#include "provider/spec/act.h"

/*
 * What a second request would do decides. Of a name there is one: the service refuses the second, and then
 * it is looked at what bears the name. With a token there is one, too. Of anything else there would be two,
 * so it is looked for as long as it may take to show before the request is sent again.
 */

enum { ATTEMPTS = 4, FIRST_PAUSE_MS = 250 };

/* An answer without the id of what it made says no more than none. */
static bool lacks_id(
    struct act *act, const struct spec_step *step, const struct value *object, const struct value *document)
{
    const struct spec_attr *id = spec_attr_find(act->type, act->type->schema.id);
    struct str path;
    if (!id || !value_is_null(value_get(object, id->attr->name)) || !act_provides(act->type, step, id, &path))
        return false;
    const struct value *doc = act_at(act, step, document, object);
    const struct value *made = doc ? act_decode(act, step, doc, NULL) : NULL;
    return value_is_null(value_get(made, id->attr->name));
}

static int make_once(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err)
{
    act->looks_first = true;
    int status = act_now(act, step, object, document, err);
    act->looks_first = false;
    if (status)
        return -1;
    if (step->call.native || step->list.each || !lacks_id(act, step, object, *document))
        return 0;
    err_set(
        err, ERR_PROTOCOL, "%.*s: the answer does not say what was made", STR_ARG(step->call.op->wire.name));
    err->lost = true;
    return -1;
}

/* Until when it is looked for before the request is sent again. */
static int64_t look_until(const struct act *act, bool exists)
{
    const struct spec_recover *recover = &act->type->recover;
    bool harmless = recover->way == RECOVER_NAME || recover->token; /* to send it again at once */
    return harmless && !exists ? 0 : clock_mono_ms() + recover->within_ms;
}

/* 1: found. 0: not to be seen. -1: there is no telling, for now. */
static int make_look(struct act *act, const struct value *object, bool exists, const struct value **found)
{
    const struct spec_recover *recover = &act->type->recover;
    bool exact =
        recover->token && recover->way == RECOVER_CONTENT; /* the token is, what it looks like is not */
    if (exact)
        return 0;
    op_progress(act->ctx, "the answer was lost: looking whether it was made");
    bool before = act->making;
    act->making = false; /* what is not there is not waited for by each call */
    int status = act_find(act, object, look_until(act, exists), found, ERR_IGNORED);
    act->making = before;
    return status ? -1 : *found != NULL;
}

/* Does one of that name only wait for its end? Then the name is free when that has come. */
static bool outlives_namesake(struct act *act, const struct value *object)
{
    const struct spec_type *type = act->type;
    const struct value *whole, *live;
    if (!type->going.count || !type->gone_wait || act_fill_templates(act, object, &whole, ERR_IGNORED) ||
        value_is_null(value_get(whole, type->schema.id)))
        return false;
    act->sees_going = true;
    int status = act_read(act, whole, &value_empty_list, &live, ERR_IGNORED);
    act->sees_going = false;
    return !status && live && act_holds_any(act, &type->going, live) &&
           !act_wait_gone(act, whole, ERR_IGNORED);
}

/* A failure that says that the request was not carried out, though an earlier one of it may have been. */
static bool is_clear(const struct err *failure)
{
    return !failure->lost && failure->class != ERR_EXISTS;
}

int act_make(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, const struct value **found, struct err *err)
{
    bool unsure = act->attempt->again;
    int64_t pause = FIRST_PAUSE_MS;
    *found = NULL;
    for (int attempt = 1;; attempt++) {
        struct err failure = ERR_INIT;
        if (!make_once(act, step, object, document, &failure))
            return 0;
        unsure = unsure || failure.lost || failure.unsure;
        failure.unsure = unsure;
        *document = NULL;
        *err = failure;
        if (failure.class == ERR_EXISTS && attempt < ATTEMPTS && outlives_namesake(act, object))
            continue;
        if (!unsure || failure.class == ERR_INTERRUPTED || is_clear(&failure) ||
            act->type->recover.way == RECOVER_NEVER)
            return -1;
        bool exists = failure.class == ERR_EXISTS;
        int seen = make_look(act, object, exists, found);
        if (seen > 0) {
            *err = (struct err)ERR_INIT;
            return 0;
        }
        if (seen < 0 || exists || attempt == ATTEMPTS || cancel_sleep_ms(act->ctx->cancel, pause, &failure))
            return -1;
        pause *= 2;
    }
}
