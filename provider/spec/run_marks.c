/*
 * Marks: the tags by which what weir made, or was making, is known again. They are given with the creation
 * or right after it, and compared before anything is deleted.
 */
#include "provider/aws/lacking.h"
#include "provider/aws/place.h"
#include "provider/mark.h"
#include "provider/spec/run.h"

enum { MARKS_TRIES = 3, MARKS_PAUSE_MS = 2000, TAG_VALUE_MAX = 256 };

/* ---- given ---- */

const struct value *run_tag_text(struct arena *arena, struct str s)
{
    return value_string(arena, mark_text(arena, s, TAG_VALUE_MAX));
}

/* Marks by which what weir made, or was making, is known again. */
const struct value *run_marked(struct run *run, const struct value *desired)
{
    const struct spec_tags *tags = run->type->tags;
    if (!tags || !tags->mark)
        return desired;
    const struct op_ctx *ctx = run->ctx;
    struct value_entry marks[] = {{STR("weir:address"), run_tag_text(run->arena, ctx->address)},
        {STR("weir:intent"), value_string(run->arena, ctx->owner.token)},
        {STR("weir:stack"), value_string(run->arena, ctx->owner.stack)},
        {STR("weir:state"), value_string(run->arena, ctx->owner.lineage)}};
    struct str name = tags->attr->attr->name;
    const struct value *all = value_merge(
        run->arena, value_get(desired, name), value_map(run->arena, marks, ctx->owner.lineage.n ? 4 : 3));
    return value_with(run->arena, desired, name, all);
}

#define BUCKET_TAGS "tags"

/* Has the file given tags, besides weir's own marks? */
static bool has_tags_given(const struct value *tags)
{
    for (uint32_t i = 0; tags && tags->kind == VALUE_MAP && i < tags->count; i++)
        if (!str_starts(tags->entries[i].key, STR("weir:")))
            return true;
    return false;
}

static struct str own_endpoint(struct run *run)
{
    return run->client ? aws_custom_endpoint(run->client, &run->type->service->aws, run->arena) : STR_EMPTY;
}

/* A store of one's own that was found to have no tags. */
static bool lacks_tags(struct run *run)
{
    struct str endpoint = own_endpoint(run);
    return endpoint.n && lacking_is_known(run->ctx->work_dir, endpoint, BUCKET_TAGS);
}

static void say_untagged(const struct op_ctx *ctx, struct str endpoint)
{
    if (!lacking_note(ctx->work_dir, endpoint, BUCKET_TAGS))
        return;
    struct str text = arena_printf(ctx->arena,
        "%.*s has no tags: what is made there bears no marks, and only the state knows that it is this "
        "stack's",
        STR_ARG(endpoint));
    op_warn(ctx, text.p);
}

/*
 * Tags of what was just made. A store of one's own may have none: without the marks the state alone knows
 * what is the stack's, which is said once; tags that the file gives are an error.
 */
int run_tag_created(struct run *run, const struct value *object, const struct value *tags, struct err *err)
{
    const struct op_ctx *ctx = run->ctx;
    struct err failure = ERR_INIT;
    struct str endpoint = own_endpoint(run);
    bool given = has_tags_given(tags);
    if (value_is_null(tags) || (!given && lacks_tags(run)) ||
        !run_sync_tags(run, object, NULL, tags, true, &failure))
        return 0;
    if (endpoint.n && lacking_says(&failure) && !given) {
        say_untagged(ctx, endpoint);
        return 0;
    }
    if (endpoint.n && lacking_says(&failure))
        err_hint(&failure, "%.*s has no tags for it: leave `tags` and the provider's `default_tags` out",
            STR_ARG(endpoint));
    *err = failure;
    return -1;
}

/* ---- compared ---- */

/* Of all tags only weir's, under their short names. */
static const struct value *marks_among(struct arena *arena, const struct value *tags)
{
    struct str prefix = STR("weir:");
    AUTO_BUILDER struct value_builder own = VALUE_BUILDER(arena);
    for (uint32_t i = 0; tags && tags->kind == VALUE_MAP && i < tags->count; i++)
        if (str_starts(tags->entries[i].key, prefix))
            value_builder_set(&own, str_slice(tags->entries[i].key, prefix.n, tags->entries[i].key.n),
                tags->entries[i].value);
    return value_builder_map(&own);
}

int spec_marks(struct op_ctx *ctx, const struct value *object, const struct value **marks, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    *marks = &value_empty_map;
    const struct spec_tags *tags = run.type->tags;
    if (!tags)
        return 0;
    run.keep_marks = run.sees_gone = true; /* of what waits for its end, too */
    const struct value *name = value_string_ref(run.arena, tags->attr->attr->name), *live;
    struct err failure = ERR_INIT;
    if (run_read(&run, object, value_list(run.arena, &name, 1), &live, &failure)) {
        *marks = NULL;
        if (lacking_says(&failure)) /* a store without tags: then nothing bears marks */
            return 0;
        *err = failure;
        return -1;
    }
    *marks = live ? marks_among(run.arena, value_get(live, name->string)) : NULL;
    return 0;
}

const struct value *run_without_marks(struct run *run, const struct value *object)
{
    const struct spec_tags *tags = run->type->tags;
    const struct op_ctx *ctx = run->ctx;
    const struct value *all = tags && object ? value_get(object, tags->attr->attr->name) : NULL;
    if (!all)
        return object;
    if (op_tells_marks(ctx) && tags->mark)
        op_saw_marks(ctx, value_text(value_get(object, run->type->schema.id), STR_EMPTY),
            marks_among(run->arena, all));
    return value_with(run->arena, object, tags->attr->attr->name, run_own_tags(run->arena, all));
}

/* False where nobody may tell, or the type has no marks. A new thing's may take a moment to be shown. */
static int read_marks(
    struct run *run, const struct value *object, const struct value **marks, bool *told, struct err *err)
{
    *told = false;
    for (int tries = 1;; tries++) {
        struct err failure = ERR_INIT;
        if (spec_marks(run->ctx, object, marks, &failure)) {
            if (failure.class == ERR_ABSENT || failure.class == ERR_AUTH || failure.class == ERR_SERVICE)
                return 0;
            *err = failure;
            return err_context(err, "finding out whose it is");
        }
        *told = *marks != NULL;
        if (!*told || (*marks)->count || run->ctx->owner.unmarked || tries == MARKS_TRIES || lacks_tags(run))
            return 0;
        if (run_sleep(run, MARKS_PAUSE_MS, err))
            return -1;
    }
}

static struct str marked_stack(const struct value *marks)
{
    return value_gets(marks, "stack");
}

/* Do the marks say that it is another's, or not what was made with ours? */
static bool speak_against(const struct run *run, const struct value *marks)
{
    const struct op_ctx *ctx = run->ctx;
    struct str stack = marked_stack(marks), state = value_gets(marks, "state");
    bool renamed = state.n && str_eq(state, ctx->owner.lineage);
    if (str_eq(stack, ctx->owner.stack) || renamed)
        return false;
    return stack.n || (!ctx->owner.unmarked && run->type->tags->with_create);
}

static bool bears_marks(const struct run *run)
{
    return run->type->tags && run->type->tags->mark && run->ctx->owner.stack.n;
}

/* An id in the state may have come to mean somebody else's: nothing of others is changed or deleted. */
int run_check_whose(struct run *run, const struct value *object, enum run_deed deed, struct err *err)
{
    static const char *const done[] = {[RUN_CHANGES] = "changed", [RUN_DELETES] = "deleted"};
    const struct value *marks;
    bool told;
    if (!bears_marks(run))
        return 0;
    if (read_marks(run, object, &marks, &told, err))
        return -1;
    if (!told || !speak_against(run, marks))
        return 0;
    return mark_refuse(marked_stack(marks), done[deed], err);
}

/* What was seen may be behind, of what is new: then it is asked for once more. */
int run_check_seen(struct run *run, const struct value *object, struct err *err)
{
    const struct value *marks = run->ctx->owner.seen_marks;
    if (!marks || !bears_marks(run) || !speak_against(run, marks))
        return 0;
    return run_check_whose(run, object, RUN_CHANGES, err);
}
