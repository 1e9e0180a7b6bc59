/*
 * Creating: the steps that make the resource, what has calls of its own (sub-resources, entries, members,
 * tags), the wait until it is ready, and what no answer told.
 */
#include "provider/aws/client.h"
#include "provider/spec/act.h"

/* ---- the steps ---- */

/* What was asked for counts as asked: later steps and settings may still have to bring it about. */
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
 * What says that it made something, and not what, is no success: nobody could ever find that again. It may be
 * there all the same, which is what the intent is for.
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
        err_set(err, ERR_PROTOCOL, "the answer to %.*s is not whole: it has no %.*s",
            STR_ARG(step->call.op->wire.name), STR_ARG(act->type->schema.id));
    else if (failure.class)
        *err = failure;
    err->lost = true;
    return -1;
}

/* Before a call that would change what bears the name already: only what an earlier request made is ours. */
static int look_before(
    struct act *act, const struct value *object, const struct value **found, struct err *err)
{
    bool taken = false, before = act->making;
    if (act_is_taken(act, object, &taken, err))
        return -1;
    act->making = false; /* what is not there is not waited for */
    int status = taken && act->attempt->again ? act_find(act, object, 0, found, err) : 0;
    act->making = before;
    return status || !taken || *found ? status : err_set(err, ERR_EXISTS, "there is one already");
}

static int create_step(struct act *act, const struct spec_step *step, const struct value *desired,
    const struct value **live, struct err *err)
{
    const struct value *document = NULL, *found = NULL, *doc,
                       *object = value_merge(act->arena, desired, *live);
    /* What is made by changing what is listed is found again by its name only. */
    if (step->call.op && step->call.op->patch) /* leads from what the answers say to what is asked for */
        object = value_merge(act->arena, *live, desired);
    bool found_again = !step->list.each || act->type->recover.way == RECOVER_NAME;
    bool makes = !*live && step->call.op && found_again && !step->must_be_absent;
    if (!act_applies(act, step, object))
        return 0;
    if (makes && step->overwrites && look_before(act, object, &found, err))
        return -1;
    act->makes = makes;
    int failed = found   ? 0
                 : makes ? act_make(act, step, object, &document, &found, err)
                         : act_now(act, step, object, &document, err);
    act->makes = false;
    if (failed)
        return -1;
    if (step->must_be_absent || (!document && !found))
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
        if (step->look ? act_look(act, step, &object, err) : create_step(act, step, object, live, err))
            return -1;
    }
    return 0;
}

/* ---- what has calls of its own ---- */

/* What is made on the way, and by what: exactly one of the four. */
struct owned {
    const struct spec_sub_resource *sub_resource;
    const struct spec_entries *entries;
    const struct spec_members *members;
    const struct spec_tags *tags;
    struct str name;
    const struct value *want;
};

static size_t owned_list(struct act *act, const struct value *desired, struct owned **out)
{
    const struct spec_type *type = act->type;
    size_t n = 0, most = type->sub_resource_count + type->entries_count + type->member_count + 1;
    struct owned *all = *out = ARENA_ARRAY(act->arena, struct owned, most);
    for (size_t i = 0; i < type->sub_resource_count; i++) {
        const struct spec_sub_resource *sub_resource = &type->sub_resources[i];
        const struct value *want = value_get(desired, sub_resource->attr->attr->name);
        if (!sub_resource->sent_by_create && !value_is_null(want) &&
            !act_is_default(sub_resource->attr->attr, want))
            all[n++] = (struct owned){
                .sub_resource = sub_resource, .name = sub_resource->attr->attr->name, .want = want};
    }
    for (size_t i = 0; i < type->entries_count; i++) {
        const struct spec_entries *entries = &type->entries[i];
        const struct value *want = value_get(desired, entries->attr->attr->name);
        if (!entries->sent_by_create && !value_is_null(want))
            all[n++] = (struct owned){.entries = entries, .name = entries->attr->attr->name, .want = want};
    }
    for (size_t i = 0; i < type->member_count; i++) {
        const struct spec_members *members = &type->members[i];
        const struct value *want = value_get(desired, members->attr->attr->name);
        if (!members->sent_by_create && !value_is_null(want))
            all[n++] = (struct owned){.members = members, .name = members->attr->attr->name, .want = want};
    }
    if (type->tags && !type->tags->with_create) {
        struct str name = type->tags->attr->attr->name;
        all[n++] = (struct owned){.tags = type->tags, .name = name, .want = value_get(desired, name)};
    }
    return n;
}

static int create_one(struct act *act, const struct value *object, const struct owned *one, struct err *err)
{
    const struct value *have = NULL;
    if (one->entries)
        return act_sync_entries(act, one->entries, object, NULL, one->want, err);
    if (one->tags)
        return act_tag_created(act, object, one->want, err);
    if (one->members && one->members->read_first && act_read_members(act, one->members, object, &have, err))
        return -1;
    return (one->sub_resource ? act_put_sub_resource(act, one->sub_resource, object, err)
                              : act_sync_members(act, one->members, object, have, one->want, err))
               ? err_context(err, "%.*s", STR_ARG(one->name))
               : 0;
}

/* What failed, and what would have come after it. It can be gone on with if the resource itself gets ready.
 */
static void note_lacks(
    struct act *act, const struct value *object, const struct value *made, const struct owned *rest, size_t n)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(act->arena);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&names, value_string_ref(act->arena, rest[i].name));
    act->making = false;
    if (!act_wait_live(act, object, &made, ERR_IGNORED) && made)
        act->ctx->lacks = value_builder_list(&names);
}

static int create_owned(struct act *act, const struct value *object, const struct value *desired,
    const struct value *made, struct err *err)
{
    struct owned *all;
    size_t n = owned_list(act, desired, &all);
    for (size_t i = 0; i < n; i++)
        if (create_one(act, object, &all[i], err)) {
            note_lacks(act, object, made, all + i, n - i);
            return -1;
        }
    return 0;
}

/* ---- all of it ---- */

/* The answer was nothing at all: some services say no more, and neither does what stands in their way. */
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
    struct act act;
    act_init(&act, ctx);
    const struct value *made = NULL, *object;
    *live = NULL;
    const struct value *with_marks = act_marked(&act, desired);
    act.attempt = attempt;
    act.making = true;
    int failed = create_steps(&act, with_marks, &made, err);
    if (!made)
        return failed;
    if (act.client)
        aws_made(act.client);
    if (act.type->recover.way == RECOVER_CONTENT)
        attempt_claims(attempt, value_text(value_get(made, act.type->schema.id), STR_EMPTY));
    /* From here on it exists, whatever happens. */
    struct err later = ERR_INIT;
    if (act_made(&act, desired, made, &made, failed ? &later : err))
        failed = -1;
    *live = made;
    if (failed)
        return -1;
    object = value_merge(act.arena, made, act_sent(&act, with_marks));
    if (create_owned(&act, object, with_marks, made, err))
        return -1;
    act.making = false;
    made = act_made_owned(&act, desired, made);
    if (act_wait_live(&act, object, &made, err))
        return -1;
    *live = made;
    if (act.empty_answer && !act.base_read && see_made(&act, object, live, err))
        return -1;
    return act_complete(&act, object, act_unreported(&act, *live), live, err);
}
