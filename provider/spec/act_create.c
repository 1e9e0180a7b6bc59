/*
 * Creates: the create steps, attributes with their own calls (sub-resources, entries, members, tags), waiting
 * until ready, and reading what no response had.
 */
#include "base/clock.h"
#include "provider/spec/act.h"

/* ---- Calls saved by a listing, counted as act_read.c and act_list.c make them ---- */

/* Counts one call for each recorded value of an entry map, too. */
static int owned_calls(const struct spec_owned *owned, const struct value *prior)
{
    const struct value *recorded = value_get(prior, owned->attr->attr->name);
    bool each = owned->list && owned->get && recorded && recorded->kind == VALUE_MAP;
    return each ? 1 + (int)recorded->count : owned->list || owned->get;
}

/* Counts the calls for reading these attributes of one resource, except tags, which are read in bulk. */
static int read_calls(struct act *act, const struct value *prior, const struct value *wanted)
{
    const struct spec_type *type = act->type;
    int n = 0;
    if (!wanted->count)
        return 0;
    for (size_t i = 0; i < type->read.count; i++)
        n += act_read_needs(type, &type->read.items[i], wanted) &&
             act_applies(act, &type->read.items[i], prior);
    for (size_t i = 0; i < type->owned_count; i++)
        if (&type->owned[i] != type->tags && act_wants(wanted, type->owned[i].attr->attr->name))
            n += owned_calls(&type->owned[i], prior);
    return n;
}

static bool is_asked_anyway(const struct act *act, struct str name)
{
    const struct spec_owned *tags = act->type->tags;
    return tags && tags->list && str_eq(tags->attr->attr->name, name);
}

/* Returns those of `wanted` that still have to be read if `covered` is known. */
static const struct value *left_of(struct act *act, const struct value *wanted, const struct value *covered)
{
    AUTO_BUILDER struct value_builder left = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; i < wanted->count; i++) {
        struct str name = wanted->items[i]->string;
        if (!is_asked_anyway(act, name) && !(covered && value_list_has(covered, name)))
            value_builder_add(&left, wanted->items[i]);
    }
    return value_builder_list(&left);
}

int spec_listing_saves(struct op_ctx *ctx, const struct list_filter *filter)
{
    struct act act = act_of(ctx);
    const struct spec_type *type = act.type;
    if (!type->list.count || type->service->kind->send)
        return 0;
    int saves = 0;
    for (size_t i = 0; i < type->list.count; i++)
        saves -= act_list_needs(&type->list.items[i], filter->wanted);
    const struct value *covered = act_list_covers(&act, filter->wanted);
    const struct value *all = left_of(&act, filter->wanted, NULL),
                       *left = left_of(&act, filter->wanted, covered);
    for (size_t i = 0; i < filter->count; i++)
        saves += read_calls(&act, filter->priors[i], all) - read_calls(&act, filter->priors[i], left);
    return saves;
}

/* ---- The create call and its recovery after a lost response: the type's recover rule (struct spec_recover)
 * says where to look, how long, and whether the call may be repeated. */

/*
 * It depends on the effect of a second request. If names are unique, the service refuses the second one, and
 * the resource of that name is read. With a token no second resource is created either. Otherwise there would
 * be two, so a lookup is repeated until the first would be visible, before the request is repeated.
 */

enum { ATTEMPTS = 4, FIRST_PAUSE_MS = 250 };

/* A response without the id of the new resource counts as lost. */
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
    act->lookup_first = true;
    int status = act_now(act, step, object, document, err);
    act->lookup_first = false;
    if (status)
        return -1;
    if (step->list.each && !*document)
        return err_set(err, ERR_ABSENT, "%.*s lists nothing with %.*s \"%.*s\"",
            STR_ARG(step->list.each->call.op->wire.name), STR_ARG(act->type->schema.id),
            STR_ARG(value_text(value_get(object, act->type->schema.id), STR_EMPTY)));
    if (step->call.native || step->list.each || !lacks_id(act, step, object, *document))
        return 0;
    err_set(err, ERR_PROTOCOL, "%.*s: the response does not identify the created resource",
        STR_ARG(step->call.op->wire.name));
    err->lost = true;
    return -1;
}

/* Returns until when to look before the request is repeated. */
static int64_t look_until(const struct act *act, bool exists)
{
    const struct spec_recover *recover = &act->type->recover;
    bool harmless = recover->way == RECOVER_NAME || recover->token; /* to repeat it at once */
    return harmless && !exists ? 0 : clock_mono_ms() + recover->within_ms;
}

/* Returns 1 if found, 0 if not visible, -1 if it cannot be determined now. */
static int make_look(struct act *act, const struct value *object, bool exists, const struct value **found)
{
    const struct spec_recover *recover = &act->type->recover;
    bool exact =
        recover->token &&
        recover->way == RECOVER_CONTENT; /* the token identifies the resource, its attributes do not */
    if (exact)
        return 0;
    op_progress(act->ctx, "the response was lost: looking whether it was created");
    bool before = act->after_creation;
    act->after_creation = false; /* calls must not wait for a resource that may not exist */
    int status = act_find(act, object, look_until(act, exists), found, ERR_IGNORED);
    act->after_creation = before;
    return status ? -1 : *found != NULL;
}

/* True if a resource of that name is being deleted; waits until the name is free. */
static bool outlives_namesake(struct act *act, const struct value *object)
{
    const struct spec_type *type = act->type;
    const struct value *whole, *live;
    if (!type->deleting.count || !type->deleted_wait ||
        act_fill_templates(act, object, &whole, ERR_IGNORED) ||
        value_is_null(value_get(whole, type->schema.id)))
        return false;
    act->sees_deleting = true;
    int status = act_read(act, whole, &value_empty_list, &live, ERR_IGNORED);
    act->sees_deleting = false;
    return !status && live && act_first_holding(act, &type->deleting, live) &&
           !act_wait_deleted(act, whole, ERR_IGNORED);
}

/* True if the failed request was certainly not executed, though an earlier one may have been. */
static bool is_clear(const struct err *failure)
{
    return !failure->lost && failure->class != ERR_EXISTS;
}

/*
 * Makes a create call. After a lost response it is never simply repeated: the resource is looked up first, by
 * the type's rule. If found, *found is the whole object and *document is NULL; otherwise *found is NULL.
 */
static int act_make(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, const struct value **found, struct err *err)
{
    bool unsure = act->attempt->is_repeated;
    int64_t pause = FIRST_PAUSE_MS;
    *found = NULL;
    for (int attempt = 1;; attempt++) {
        struct err failure = ERR_INIT;
        if (!make_once(act, step, object, document, &failure))
            return 0;
        unsure = unsure || failure.lost || failure.unsure;
        failure.unsure = unsure;
        *document = NULL;
        if (failure.class == ERR_EXISTS && attempt < ATTEMPTS && outlives_namesake(act, object))
            continue;
        if (!unsure || failure.class == ERR_INTERRUPTED || is_clear(&failure) ||
            act->type->recover.way == RECOVER_NEVER)
            return err_raise(err, &failure);
        bool exists = failure.class == ERR_EXISTS;
        int seen = make_look(act, object, exists, found);
        if (seen > 0)
            return 0;
        if (seen < 0 || exists || attempt == ATTEMPTS ||
            cancel_sleep_ms(act->ctx->cancel, pause, ERR_IGNORED))
            return err_raise(err, &failure);
        pause *= 2;
    }
}

/* ---- the steps ---- */

/* Configured attributes count as requested: later steps may still have to set them. */
static const struct value *create_without(
    struct act *act, const struct value *found, const struct value *desired)
{
    for (size_t i = 0; i < act->type->attr_count; i++) {
        struct str name = act->type->attrs[i].attr->name;
        if (!value_is_null(value_get(desired, name)) && !str_eq(name, act->type->schema.id))
            found = value_with(act->arena, found, name, NULL);
    }
    return found;
}

/*
 * A response without the id is a failure: the resource could never be found again. It may exist nevertheless,
 * which the open intent records.
 */
static int check_made(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *now, const struct value **live, struct err *err)
{
    const struct value *made = value_merge(act->arena, object, now), *whole;
    struct err failure = ERR_INIT;
    if (act_fill_templates(act, made, &whole, err))
        return -1;
    if (!act_check_known(act, whole, &failure) && !act_check_id(act, step, object, whole, err)) {
        *live = now ? now : &value_empty_map;
        return 0;
    }
    if (failure.class && step->call.op)
        err_set(err, ERR_PROTOCOL, "the answer to %.*s is incomplete: it has no %.*s",
            STR_ARG(step->call.op->wire.name), STR_ARG(act->type->schema.id));
    else if (failure.class)
        *err = failure;
    err->lost = true;
    return -1;
}

/* Looks before a call that would overwrite an existing resource: only one that an earlier request created is
 * ours. */
static int look_before(
    struct act *act, const struct value *object, const struct value **found, struct err *err)
{
    const struct spec_steps *read = &act->type->read;
    bool taken = false, before = act->after_creation;
    struct err failure = ERR_INIT;
    if (act_is_taken(act, object, &taken, &failure)) {
        bool mute =
            read->count && read->items[0].call.op && str_eqz(read->items[0].call.op->wire.method, "HEAD");
        if (failure.http_status != 403 || !mute) /* a response to HEAD has no body with the reason */
            return err_raise(err, &failure);
        err_set(err, ERR_SERVICE, "these credentials may not look up whether the resource exists");
        return err_hint(err, "it exists in another account, or the credentials are wrong: a name that all "
                             "accounts share may be taken, so try another");
    }
    act->after_creation = false; /* calls must not wait for what does not exist */
    int status = taken && act->attempt->is_repeated ? act_find(act, object, 0, found, err) : 0;
    act->after_creation = before;
    return status || !taken || *found ? status : err_set(err, ERR_EXISTS, "it exists already");
}

static int create_step(struct act *act, const struct spec_step *step, const struct value *desired,
    const struct value **live, struct err *err)
{
    const struct value *document = NULL, *found = NULL, *doc,
                       *object = value_merge(act->arena, desired, *live);
    /* A resource created by changing what is listed can be recovered by name only. */
    if (step->call.op && step->call.op->patch) /* from the returned object to the desired one */
        object = value_merge(act->arena, *live, desired);
    bool found_again = !step->list.each || act->type->recover.way == RECOVER_NAME;
    bool makes = !*live && step->call.op && found_again;
    if (!act_applies(act, step, object))
        return 0;
    if (makes && step->overwrites && look_before(act, object, &found, err))
        return -1;
    act->creating = makes;
    int failed = found   ? 0
                 : makes ? act_make(act, step, object, &document, &found, err)
                         : act_now(act, step, object, &document, err);
    act->creating = false;
    if (failed)
        return -1;
    if (!document && !found)
        return 0;
    doc = step->list.each || step->call.native || found ? NULL : act_at(act, step, document, desired);
    act_see(act, step, doc);
    if (found)
        *live = create_without(act, found, desired);
    else if (check_made(act, step, object, doc ? act_decode(act, step, doc, *live) : *live, live, err))
        return -1;
    return step->wait ? act_wait_live(act, desired, live, err) : 0;
}

static int create_steps(
    struct act *act, const struct value *desired, const struct value **live, struct err *err)
{
    const struct value *object = desired;
    for (size_t i = 0; i < act->type->create.count; i++) {
        const struct spec_step *step = &act->type->create.items[i];
        if (step->lookup ? act_look(act, step, &object, err) : create_step(act, step, object, live, err))
            return -1;
    }
    return 0;
}

/* ---- attributes with their own calls ---- */

/* True if the attribute still has to be set: the create call did not send it, and it is not the default. */
static bool is_owed(const struct spec_owned *owned, const struct value *want)
{
    enum spec_owner owner = owned->attr->owner;
    return !owned->sent_by_create &&
           (owner == OWNER_TAGS || (!value_is_null(want) && !(owner == OWNER_SUB_RESOURCE &&
                                                                act_is_default(owned->attr->attr, want))));
}

static int create_one(struct act *act, const struct value *object, const struct spec_owned *owned,
    const struct value *want, struct err *err)
{
    const struct value *have = NULL;
    int status = 0;
    switch (owned->attr->owner) {
    case OWNER_ENTRIES: return act_sync_entries(act, owned, object, NULL, want, err);
    case OWNER_TAGS: return act_tag_created(act, object, want, err);
    case OWNER_MEMBERS:
        if (owned->read_first && act_read_members(act, owned, object, &have, err))
            return -1;
        status = act_sync_members(act, owned, object, have, want, err);
        break;
    default: status = act_put_sub_resource(act, owned, object, err);
    }
    return status ? err_context(err, "%.*s", STR_ARG(owned->attr->attr->name)) : 0;
}

/* Records the failed and the following attributes in ctx->lacks, if the resource itself becomes ready, so
 * that the next apply can continue. */
static void note_lacks(struct act *act, const struct value *object, const struct value *desired,
    const struct value *made, size_t from)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(act->arena);
    for (size_t i = from; i < act->type->owned_count; i++) {
        struct str name = act->type->owned[i].attr->attr->name;
        if (is_owed(&act->type->owned[i], value_get(desired, name)))
            value_builder_add(&names, value_string_ref(act->arena, name));
    }
    act->after_creation = false;
    if (!act_wait_live(act, object, &made, ERR_IGNORED) && made)
        act->ctx->unsent = value_builder_list(&names);
}

static int create_owned(struct act *act, const struct value *object, const struct value *desired,
    const struct value *made, struct err *err)
{
    for (size_t i = 0; i < act->type->owned_count; i++) {
        const struct spec_owned *owned = &act->type->owned[i];
        const struct value *want = value_get(desired, owned->attr->attr->name);
        if (is_owed(owned, want) && create_one(act, object, owned, want, err)) {
            note_lacks(act, object, desired, made, i);
            return -1;
        }
    }
    return 0;
}

/* ---- the whole creation ---- */

/* After an empty response, which may come from the service or an intermediary, checks that the resource
 * exists. */
static int see_made(struct act *act, const struct value *object, const struct value **live, struct err *err)
{
    const struct value *seen;
    if (!act_read_back(act, value_merge(act->arena, object, *live), &value_empty_list, &seen, err))
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
    struct act act = act_of(ctx);
    const struct value *made = NULL, *object;
    *live = NULL;
    const struct value *tagged = act_with_ownership_tags(&act, desired);
    act.attempt = attempt;
    act.after_creation = true;
    int failed = create_steps(&act, tagged, &made, err);
    if (!made)
        return failed;
    if (act.client)
        aws_note_created(act.client);
    if (act.type->recover.way == RECOVER_CONTENT)
        attempt_claims(attempt, value_text(value_get(made, act.type->schema.id), STR_EMPTY));
    /* From here on the resource exists, whatever happens. */
    struct err later = ERR_INIT;
    if (act_made(&act, desired, made, &made, failed ? &later : err))
        failed = -1;
    *live = made;
    if (failed)
        return -1;
    object = value_merge(act.arena, made, act_sent(&act, tagged));
    if (create_owned(&act, object, tagged, made, err))
        return -1;
    act.after_creation = false;
    made = act_made_owned(&act, desired, made);
    if (act_wait_live(&act, object, &made, err))
        return -1;
    *live = made;
    if (act.empty_answer && !act.base_read && see_made(&act, object, live, err))
        return -1;
    return act_complete(&act, object, act_unreported(&act, *live), live, err);
}
