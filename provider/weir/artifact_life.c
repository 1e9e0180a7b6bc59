/*
 * The life of an artifact in its store: read, stored, deleted, recovered after an interruption.
 */
#include "provider/weir/weir.h"

#include "provider/aws/s3/s3.h"

/* ---- reading ---- */

/* Derives bucket and key of an artifact known only by its URL (an import). */
static const struct value *with_names(struct op_ctx *ctx, const struct value *object)
{
    struct str url = value_gets(object, "url"), key;
    if (value_gets(object, "key").n || !str_starts(url, STR("s3://")))
        return object;
    struct str bucket = str_cut(str_slice(url, 5, url.n), '/', &key);
    return artifact_places(ctx, object, bucket, key.p ? key : STR_EMPTY);
}

/* Checks for an interrupted run's unfinished uploads. */
static int any_parts(struct op_ctx *ctx, struct str bucket, struct str key, bool *found, struct err *err)
{
    const struct value *uploads;
    int status = s3_unfinished_of(ctx, bucket, key, &uploads, err);
    *found = uploads->count > 0;
    return status;
}

/* Checks whether other versions exist although the one in use was deleted. */
static int any_left(struct op_ctx *ctx, const struct value *object, bool *left, struct err *err)
{
    const struct value *versions = value_getz(object, "versions");
    *left = false;
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count && !*left; i++) {
        struct stored stored = {0};
        const struct value *version = versions->items[i];
        struct str bucket = value_gets(version, "bucket"), key = value_gets(version, "key");
        if (!artifact_same_place(version, object) && artifact_look(ctx, bucket, key, &stored, err))
            return -1;
        *left = stored.exists && (!stored.stack.n || artifact_is_own(ctx, &stored));
        if (!stored.exists && !value_gets(version, "etag").n && any_parts(ctx, bucket, key, left, err))
            return -1;
    }
    return 0;
}

/* The same hash with a different entity tag means that the object was overwritten with its metadata kept. */
static const struct value *live_of(struct op_ctx *ctx, const struct value *prior, const struct stored *stored)
{
    struct arena *arena = ctx->arena;
    struct str etag = value_gets(prior, "etag");
    bool ours = stored->exists && stored->sha256.n && (!etag.n || str_eq(etag, stored->etag));
    const struct value *live =
        VALUE_MAP(arena, {STR("sha256"), ours ? value_string(arena, stored->sha256) : &value_null},
            {STR("sha256_base64"),
                ours ? value_string(arena, artifact_base64(arena, stored->sha256)) : &value_null},
            {STR("etag"), value_string(arena, stored->etag)}, {STR("size"), value_int(arena, stored->size)});
    if (stored->version_id.n)
        live = value_with(arena, live, STR("version_id"), value_string(arena, stored->version_id));
    return artifact_places(ctx, live, value_gets(prior, "bucket"), value_gets(prior, "key"));
}

/*
 * What an interrupted update stored belongs to this artifact, whether or not the update is completed. It is
 * listed without an entity tag, since the object may exist completely, in parts, or not at all.
 */
static int with_attempted(struct op_ctx *ctx, const struct value *prior, const struct value *attempted,
    const struct value **live, struct err *err)
{
    const struct value *located, *versions = value_getz(prior, "versions");
    if (!attempted || !value_gets(attempted, "sha256").n)
        return 0;
    if (artifact_locate(ctx, attempted, prior, &located, err))
        return -1;
    struct value_builder b = VALUE_BUILDER(ctx->arena);
    bool listed = artifact_same_place(located, prior);
    for (uint32_t i = 0; versions && i < versions->count; i++) {
        value_builder_add(&b, versions->items[i]);
        listed |= artifact_same_place(versions->items[i], located);
    }
    if (!listed)
        value_builder_add(
            &b, artifact_version_entry(ctx, value_with(ctx->arena, located, STR("etag"), NULL)));
    *live = value_with(ctx->arena, *live, STR("versions"), value_builder_list(&b));
    return 0;
}

int artifact_reread(struct op_ctx *ctx, const struct value *prior, const struct value *attempted,
    const struct value *wanted UNUSED, const struct value **live, struct err *err)
{
    const struct value *object = with_names(ctx, prior);
    struct stored stored;
    *live = NULL;
    if (!value_gets(object, "key").n)
        return 0;
    if (artifact_look(ctx, value_gets(object, "bucket"), value_gets(object, "key"), &stored, err))
        return -1;
    bool left = stored.exists;
    if (!left && any_left(ctx, object, &left, err))
        return -1;
    if (!left && !attempted)
        return 0;
    const struct value *found = live_of(ctx, object, &stored), *versions = value_getz(object, "versions");
    if (versions) /* only the record has them, or recovery */
        found = value_with(ctx->arena, found, STR("versions"), versions);
    if (with_attempted(ctx, object, attempted, &found, err))
        return -1;
    *live = found;
    return 0;
}

int artifact_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    return artifact_reread(ctx, prior, NULL, wanted, live, err);
}

int artifact_ownership_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **owner_tags, struct err *err)
{
    struct stored stored;
    const struct value *named = with_names(ctx, object);
    if (artifact_look(ctx, value_gets(named, "bucket"), value_gets(named, "key"), &stored, err))
        return -1;
    /* Another environment of the same stack is a different owner, like another stack. */
    struct str stack = str_eq(stored.stack, artifact_owner(ctx)) ? ctx->owner.stack : stored.stack;
    struct value_entry entries[] = {{STR("stack"), value_string(ctx->arena, stack)},
        {STR("address"), value_string(ctx->arena, stored.address)},
        {STR("state"), value_string(ctx->arena, stored.state)}};
    *owner_tags = value_map(ctx->arena, entries, stored.stack.n ? 3 : 0);
    return 0;
}

/* ---- writing ---- */

/* True if the object is stored already, by this stack and with the desired content. */
static bool is_ours(
    struct op_ctx *ctx, const struct stored *stored, const struct value *wanted, const struct value *prior)
{
    const struct value *version =
        artifact_version(value_getz(prior, "versions"), value_gets(wanted, "sha256"));
    struct str etag =
        version && artifact_same_place(version, wanted) ? value_gets(version, "etag") : STR_EMPTY;
    return str_eq(stored->sha256, value_gets(wanted, "sha256")) && artifact_is_own(ctx, stored) &&
           (!etag.n || str_eq(etag, stored->etag));
}

/* Fails: another object has the key, and this artifact has never stored it. */
static int refuse_taken_key(
    struct op_ctx *ctx, const struct value *wanted, const struct stored *stored, struct err *err)
{
    struct str bucket = value_gets(wanted, "bucket"), key = value_gets(wanted, "key");
    if (!stored->stack.n || str_eq(stored->stack, artifact_owner(ctx)))
        return err_set(err, ERR_EXISTS, "s3://%.*s/%.*s exists already", STR_ARG(bucket), STR_ARG(key));
    err_set(err, ERR_EXISTS, "s3://%.*s/%.*s exists already: the stack \"%.*s\" has stored it",
        STR_ARG(bucket), STR_ARG(key), STR_ARG(stored->stack));
    return err_hint(err, "a prefix of its own in `store` keeps each stack and environment apart, such as "
                         "my-lake/${stack.name}/${stack.env}");
}

static int upload(struct op_ctx *ctx, const struct value *wanted, struct stored *stored, struct err *err)
{
    struct str sha256 = value_gets(wanted, "sha256");
    const char *path;
    if (artifact_content(ctx, wanted, sha256, &path, err))
        return -1;
    return artifact_put(
        ctx, value_gets(wanted, "bucket"), value_gets(wanted, "key"), path, sha256, stored, err);
}

/* Returns the object to record after an interrupted upload, or NULL: unchanged. */
static const struct value *after_failed_upload(
    struct op_ctx *ctx, const struct value *prior, const struct value *wanted)
{
    struct arena *arena = ctx->arena;
    const struct value *before = value_getz(prior, "versions"),
                       *none = value_with(arena, wanted, STR("etag"), NULL);
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(arena), versions = VALUE_BUILDER(arena);
    s3_unfinished_kept(ctx, value_gets(wanted, "bucket"), value_gets(wanted, "key"), &kept);
    if (!kept.n)
        return NULL;
    for (uint32_t i = 0; before && i < before->count; i++)
        if (!artifact_same_place(before->items[i], wanted))
            value_builder_add(&versions, before->items[i]);
    value_builder_add(&versions, artifact_version_entry(ctx, none));
    const struct value *left = prior ? prior : live_of(ctx, none, &(struct stored){0});
    return value_with(arena, left, STR("versions"), value_builder_list(&versions));
}

/* Stores the desired version if needed, and updates the list of kept versions. */
static int store(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **live, struct err *err)
{
    const struct value *prepared, *wanted, *versions = value_getz(prior, "versions");
    struct stored stored;
    if (artifact_prepare(ctx, &(struct preparation){0}, desired, &prepared, err) ||
        artifact_locate(ctx, prepared, prior, &wanted, err) ||
        artifact_look(ctx, value_gets(wanted, "bucket"), value_gets(wanted, "key"), &stored, err))
        return -1;
    if (!stored.exists || !is_ours(ctx, &stored, wanted, prior)) {
        const struct value *version = artifact_version(versions, value_gets(wanted, "sha256"));
        bool known = (version && artifact_same_place(version, wanted)) ||
                     (prior && artifact_same_place(prior, wanted));
        if (stored.exists && !known)
            return refuse_taken_key(ctx, wanted, &stored, err);
        if (upload(ctx, wanted, &stored, err)) {
            const struct value *left = after_failed_upload(ctx, prior, wanted);
            *live = left ? left : *live;
            if (value_gets(wanted, "rolled_back_from").n)
                err_hint(err, "it was rolled back, and is no longer in the store; `weir deploy` stores what "
                              "the sources give");
            return -1;
        }
    }
    wanted = value_merge(
        ctx->arena, wanted, live_of(ctx, value_with(ctx->arena, wanted, STR("etag"), NULL), &stored));
    if (artifact_versions_drop_unfinished(ctx, wanted, &versions, err))
        return -1;
    const struct value *earlier = artifact_version(versions, value_gets(wanted, "sha256"));
    const struct value *entry = artifact_version_entry(ctx, wanted);
    if (earlier && artifact_same_place(earlier, wanted) && value_getz(earlier, "stored"))
        entry = value_with(ctx->arena, entry, STR("stored"), value_getz(earlier, "stored"));
    versions = artifact_versions_trim(ctx, artifact_versions_with(ctx, versions, entry),
        value_geti(desired, "keep", ARTIFACT_KEEP_DEFAULT));
    *live = value_with(ctx->arena, wanted, STR("versions"), versions);
    return 0;
}

int artifact_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    *live = NULL;
    return store(ctx, desired, NULL, live, err);
}

int artifact_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed UNUSED, const struct value **live, struct err *err)
{
    return store(ctx, desired, prior, live, err);
}

/* True if both are the same object version, so that deleting one deletes the other. */
static bool is_same_version(const struct value *a, const struct value *b)
{
    return artifact_same_place(a, b) && value_equal(value_getz(a, "etag"), value_getz(b, "etag")) &&
           value_equal(value_getz(a, "version_id"), value_getz(b, "version_id"));
}

int artifact_delete(struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    const struct value *object = with_names(ctx, prior), *versions = value_getz(object, "versions");
    bool removed = !value_gets(object, "key").n;
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count; i++) {
        if (artifact_version_remove(ctx, versions->items[i], err))
            return -1;
        removed |= is_same_version(versions->items[i], object);
    }
    return removed ? 0 : artifact_version_remove(ctx, object, err);
}

int artifact_find(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    const struct value *located;
    *live = NULL;
    if (!value_gets(desired, "sha256").n)
        return 0;
    if (artifact_locate(ctx, desired, NULL, &located, err) || artifact_read(ctx, located, NULL, live, err))
        return -1;
    bool parts = false;
    if (!*live && any_parts(ctx, value_gets(located, "bucket"), value_gets(located, "key"), &parts, err))
        return -1;
    if (parts)
        *live = live_of(ctx, located, &(struct stored){0});
    if (*live) {
        const struct value *whole = value_merge(ctx->arena, desired, *live);
        const struct value *entry =
            artifact_version_entry(ctx, parts ? value_with(ctx->arena, whole, STR("etag"), NULL) : whole);
        *live = value_with(ctx->arena, *live, STR("versions"), value_list(ctx->arena, &entry, 1));
    }
    return 0;
}
