/*
 * Ownership tags: by these what weir made, or was making, is known again. They are given with the creation
 * or right after it, and compared before anything is deleted.
 */
#include "base/clock.h"
#include "provider/aws/client.h"
#include "provider/provider.h"
#include "provider/spec/act.h"

enum { TAGS_TRIES = 5, TAGS_PAUSE_MS = 1000, TAGS_SHOW_MS = 4000, TAG_VALUE_MAX = 256 };

/* ---- given ---- */

const struct value *act_tag_text(struct arena *arena, struct str s)
{
    return value_string(arena, ownership_tag_text(arena, s, TAG_VALUE_MAX));
}

const struct value *act_with_ownership_tags(struct act *act, const struct value *desired)
{
    const struct spec_tags *tags = act->type->tags;
    if (!tags || !tags->ownership)
        return desired;
    const struct op_ctx *ctx = act->ctx;
    struct str name = tags->attr->attr->name,
               address = ownership_tag_text(act->arena, ctx->address, TAG_VALUE_MAX);
    const struct value *owner_tags = ownership_tags_make(act->arena, &ctx->owner, address);
    return value_with(
        act->arena, desired, name, value_merge(act->arena, value_get(desired, name), owner_tags));
}

#define BUCKET_TAGS "tags"

/* Has the file given tags, besides weir's own ownership tags? */
static bool has_tags_given(const struct value *tags)
{
    for (uint32_t i = 0; tags && tags->kind == VALUE_MAP && i < tags->count; i++)
        if (!str_starts(tags->entries[i].key, STR("weir:")))
            return true;
    return false;
}

static struct str own_endpoint(struct act *act)
{
    return act->client ? aws_custom_endpoint(act->client, &act->type->service->aws, act->arena) : STR_EMPTY;
}

/* A store of one's own that was found to have no tags. */
static bool lacks_tags(struct act *act)
{
    struct str endpoint = own_endpoint(act);
    return endpoint.n && unsupported_is_known(act->ctx->work_dir, endpoint, BUCKET_TAGS);
}

static void say_untagged(const struct op_ctx *ctx, struct str endpoint)
{
    if (!unsupported_note(ctx->work_dir, endpoint, BUCKET_TAGS))
        return;
    struct str text = arena_printf(ctx->arena,
        "%.*s has no tags: what is made there has no ownership tags, and only the state knows that it is "
        "this "
        "stack's",
        STR_ARG(endpoint));
    op_warn(ctx, text.p);
}

/*
 * Tags of what was just made. A store of one's own may have none: without the ownership tags the state alone
 * knows what is the stack's, which is reported once; tags that the file gives are an error.
 */
int act_tag_created(struct act *act, const struct value *object, const struct value *tags, struct err *err)
{
    const struct op_ctx *ctx = act->ctx;
    struct err failure = ERR_INIT;
    struct str endpoint = own_endpoint(act);
    bool given = has_tags_given(tags);
    if (value_is_null(tags) || (!given && lacks_tags(act)) ||
        !act_sync_tags(act, object, NULL, tags, true, &failure))
        return 0;
    if (endpoint.n && unsupported_says(&failure) && !given) {
        say_untagged(ctx, endpoint);
        return 0;
    }
    if (endpoint.n && unsupported_says(&failure))
        err_hint(&failure, "%.*s has no tags for it: leave `tags` and the provider's `default_tags` out",
            STR_ARG(endpoint));
    return err_raise(err, &failure);
}

/* ---- compared ---- */

int spec_ownership_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **owner_tags, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    *owner_tags = &value_empty_map;
    const struct spec_tags *tags = act.type->tags;
    if (!tags)
        return 0;
    act.keep_ownership_tags = act.sees_gone = true; /* of what waits for its end, too */
    const struct value *name = value_string_ref(act.arena, tags->attr->attr->name), *live;
    struct err failure = ERR_INIT;
    if (act_read(&act, object, value_list(act.arena, &name, 1), &live, &failure)) {
        *owner_tags = NULL;
        if (unsupported_says(&failure)) /* a store without tags: then nothing has ownership tags */
            return 0;
        return err_raise(err, &failure);
    }
    *owner_tags = live ? ownership_tags_among(act.arena, value_get(live, name->string)) : NULL;
    return 0;
}

int spec_add_ownership_tags(struct op_ctx *ctx, const struct value *object, const struct value *owner_tags,
    bool *done, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    *done = false;
    const struct spec_tags *tags = act.type->tags;
    if (!tags || !tags->ownership)
        return 0;
    act.keep_ownership_tags = true;
    const struct value *name = value_string_ref(act.arena, tags->attr->attr->name), *live = NULL;
    if (act_read(&act, object, value_list(act.arena, &name, 1), &live, err))
        return -1;
    const struct value *all = live ? value_get(live, name->string) : NULL;
    if (!all || !str_eq(value_gets(ownership_tags_among(act.arena, all), "stack"), ctx->owner.stack))
        return 0;
    const struct value *own = act_own_tags(&act, all);
    *done = true;
    return act_sync_tags(&act, value_merge(act.arena, object, live), all,
        own ? value_merge(act.arena, own, owner_tags) : owner_tags, false, err);
}

const struct value *act_without_ownership_tags(struct act *act, const struct value *object)
{
    const struct spec_tags *tags = act->type->tags;
    const struct op_ctx *ctx = act->ctx;
    const struct value *all = tags && object ? value_get(object, tags->attr->attr->name) : NULL;
    if (!all)
        return object;
    if (op_wants_ownership_tags(ctx) && tags->ownership)
        op_saw_ownership_tags(ctx, value_text(value_get(object, act->type->schema.id), STR_EMPTY),
            ownership_tags_among(act->arena, all));
    return value_with(act->arena, object, tags->attr->attr->name, act_own_tags(act, all));
}

/* False where nobody may tell, or the resource is not there. */
static int read_ownership_tags(struct act *act, const struct value *object, const struct value **owner_tags,
    bool *reported, struct err *err)
{
    struct err failure = ERR_INIT;
    *reported = false;
    if (spec_ownership_tags(act->ctx, object, owner_tags, &failure)) {
        if (failure.class == ERR_ABSENT || failure.class == ERR_AUTH || failure.class == ERR_SERVICE)
            return 0;
        *err = failure;
        return err_context(err, "finding out whose it is");
    }
    *reported = *owner_tags != NULL;
    return 0;
}

/* By what nobody chooses, and no later one of the same name has. */
static int compare_recorded(
    struct act *act, const struct value *object, struct ownership *out, struct err *err)
{
    const struct spec_names *names = &act->type->same;
    const struct value *recorded = act->ctx->owner.recorded, *live = NULL;
    AUTO_BUILDER struct value_builder wanted = VALUE_BUILDER(act->arena);
    if (!recorded)
        return 0;
    for (size_t i = 0; i < names->count; i++) {
        if (str_eq(names->items[i], act->type->schema.id))
            out->whose = WHOSE_OURS; /* it was found by that */
        else if (!value_is_null(value_get(recorded, names->items[i])))
            value_builder_add(&wanted, value_string_ref(act->arena, names->items[i]));
    }
    if (!wanted.n || out->whose == WHOSE_OURS)
        return 0;
    if (act_read(act, object, value_builder_list(&wanted), &live, err))
        return err_context(err, "finding out whose it is");
    *out = ownership_by_record(act->arena, recorded, live, names->items, names->count);
    return 0;
}

/* A new resource's tags may take a moment to be shown: then they are read again. What is not recorded may be
 * new. */
static bool shows_later(const struct act *act, int tries)
{
    const struct owner *owner = &act->ctx->owner;
    int64_t written_ms;
    bool is_new = !owner->recorded || (time_parse_rfc3339(owner->written, &written_ms) &&
                                          clock_wall_ms() - written_ms < TAGS_SHOW_MS);
    return is_new && tries < TAGS_TRIES;
}

static int act_whose(struct act *act, const struct value *object, struct ownership *out, struct err *err)
{
    const struct op_ctx *ctx = act->ctx;
    const struct value *owner_tags;
    bool reported;
    *out = (struct ownership){.whose = WHOSE_OURS};
    if (!act->type->tags || !act->type->tags->ownership || !ctx->owner.stack.n)
        return 0;
    for (int tries = 1;; tries++) {
        if (read_ownership_tags(act, object, &owner_tags, &reported, err))
            return -1;
        out->unreported = !reported;
        if (!reported)
            return 0;
        *out = ownership_by_tags(act->arena, &ctx->owner, owner_tags);
        if (out->whose == WHOSE_NOBODY_KNOWS && !act->type->tags->with_create)
            out->whose = WHOSE_OURS; /* it may have been made, and not tagged any more */
        if (out->whose != WHOSE_NOBODY_KNOWS || ctx->known_tags)
            return 0;
        if (compare_recorded(act, object, out, err))
            return -1;
        if (out->whose != WHOSE_NOBODY_KNOWS || !shows_later(act, tries) || lacks_tags(act))
            return 0;
        if (cancel_sleep_ms(ctx->cancel, TAGS_PAUSE_MS, err))
            return -1;
    }
}

int spec_whose(struct op_ctx *ctx, const struct value *object, struct ownership *out, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    *out = (struct ownership){.whose = WHOSE_OURS};
    if (ctx->owner.seen_tags &&
        ownership_by_tags(ctx->arena, &ctx->owner, ctx->owner.seen_tags).whose == WHOSE_OURS)
        return 0;
    return act_fill_templates(&act, object, &object, err) || act_whose(&act, object, out, err) ? -1 : 0;
}

/* An id in the state may have come to mean somebody else's: nothing of others is changed or deleted. */
int act_check_whose(struct act *act, const struct value *object, enum act_deed deed, struct err *err)
{
    static const char *const done[] = {[RUN_CHANGES] = "changed", [RUN_DELETES] = "deleted"};
    struct ownership ownership;
    if (act->ctx->owner.found_out)
        return 0;
    if (act_whose(act, object, &ownership, err))
        return -1;
    return ownership.whose == WHOSE_OURS ? 0 : ownership_refuse(&ownership, done[deed], err);
}

/* What was seen may be behind, of what is new: then it is asked for once more. So it is of another one of the
 * name. */
int act_check_seen(struct act *act, const struct value *object, struct err *err)
{
    const struct owner *owner = &act->ctx->owner;
    const struct spec_names *same = &act->type->same;
    bool other =
        owner->seen_tags && ownership_by_tags(act->arena, owner, owner->seen_tags).whose != WHOSE_OURS;
    if (!other && ownership_by_record(act->arena, owner->recorded, object, same->items, same->count).whose !=
                      WHOSE_OTHERS)
        return 0;
    return act_check_whose(act, object, RUN_CHANGES, err);
}
