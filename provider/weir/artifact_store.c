/* The store of artifacts: see weir.h. */
#include "provider/weir/weir.h"

#include "base/clock.h"
#include "base/file.h"
#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/upload.h"

#define HASH_METADATA    "weir-sha256" /* as in aws.s3.object */
#define STACK_METADATA   "weir-stack"
#define ADDRESS_METADATA "weir-address"
#define STATE_METADATA   "weir-state"

/* ---- requests and responses ---- */

/* Addresses may contain quotes and any characters in keys; metadata is sent in headers and has to be
 * ASCII. */
static const struct value *metadata_text(struct op_ctx *ctx, struct str s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    url_encode(&out, s, true);
    return value_string(ctx->arena, buf_str(&out));
}

static struct str metadata_entry(struct arena *arena, const struct value *metadata, const char *name)
{
    struct str text_there = value_gets(metadata, name), decoded;
    return url_decode(arena, text_there, false, &decoded) ? decoded : text_there;
}

static struct stored stored_of(struct op_ctx *ctx, const struct wire_message *response)
{
    const struct value *document =
        wire_add_headers(ctx->arena, &aws_s3_object_shape, response, &value_empty_map);
    const struct value *metadata =
        value_getz(wire_coerce(ctx->arena, &aws_s3_object_shape, document), "metadata");
    struct stored stored = {.exists = true,
        .sha256 = value_gets(metadata, HASH_METADATA),
        .etag = aws_s3_unquoted(wire_header_get(response, STR("ETag"))),
        .version_id = wire_header_get(response, STR("x-amz-version-id")),
        .stack = metadata_entry(ctx->arena, metadata, STACK_METADATA),
        .address = metadata_entry(ctx->arena, metadata, ADDRESS_METADATA),
        .state = metadata_entry(ctx->arena, metadata, STATE_METADATA)};
    str_to_int(wire_header_get(response, STR("Content-Length")), &stored.size);
    return stored;
}

struct str artifact_owner(struct op_ctx *ctx)
{
    return ctx->owner.env.n
               ? arena_printf(ctx->arena, "%.*s.%.*s", STR_ARG(ctx->owner.stack), STR_ARG(ctx->owner.env))
               : ctx->owner.stack;
}

bool artifact_is_own(struct op_ctx *ctx, const struct stored *stored)
{
    bool state_known = stored->state.n && ctx->owner.lineage.n;
    return str_eq(stored->stack, artifact_owner(ctx)) &&
           (!state_known || str_eq(stored->state, ctx->owner.lineage));
}

/* ---- calls ---- */

int artifact_look(struct op_ctx *ctx, struct str bucket, struct str key, struct stored *out, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    struct err failure = ERR_INIT;
    *out = (struct stored){0};
    if (!aws_s3_call(
            ctx, &s3_head_object, aws_s3_name(ctx->arena, bucket, key), &call, &response, &failure)) {
        *out = stored_of(ctx, &response);
        return 0;
    }
    if (failure.class == ERR_ABSENT)
        return 0;
    *err = failure;
    return err_context(err, "s3://%.*s/%.*s", STR_ARG(bucket), STR_ARG(key));
}

int artifact_put(struct op_ctx *ctx, struct str bucket, struct str key, const char *path, struct str sha256,
    struct stored *out, struct err *err)
{
    struct value_entry owner_tags[] = {{STR(STACK_METADATA), metadata_text(ctx, artifact_owner(ctx))},
        {STR(ADDRESS_METADATA), metadata_text(ctx, ctx->address)},
        {STR(STATE_METADATA), metadata_text(ctx, ctx->owner.lineage)}};
    size_t count = ctx->owner.lineage.n ? 3 : 2;
    struct value_entry settings[] = {{STR("metadata"), value_map(ctx->arena, owner_tags, count)}};
    struct s3_upload upload = {.bucket = bucket,
        .key = key,
        .path = path,
        .sha256 = sha256,
        .settings = value_map(ctx->arena, settings, 1)};
    struct s3_uploaded uploaded;
    if (s3_upload(ctx, &upload, &uploaded, err))
        return err_context(err, "uploading s3://%.*s/%.*s", STR_ARG(bucket), STR_ARG(key));
    *out = (struct stored){.exists = true,
        .sha256 = uploaded.sha256,
        .etag = uploaded.etag,
        .version_id = uploaded.version_id,
        .stack = artifact_owner(ctx),
        .address = ctx->address,
        .state = ctx->owner.lineage,
        .size = uploaded.size};
    return 0;
}

/* version_id "": the current object. Succeeds if the object does not exist. */
static int artifact_remove(
    struct op_ctx *ctx, struct str bucket, struct str key, struct str version_id, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    struct err failure = ERR_INIT;
    const struct value *input = value_with(ctx->arena, aws_s3_name(ctx->arena, bucket, key), STR("version"),
        version_id.n ? value_string(ctx->arena, version_id) : NULL);
    if (!aws_s3_call(ctx, &s3_delete_object, input, &call, &response, &failure) ||
        failure.class == ERR_ABSENT)
        return 0;
    if (err)
        *err = failure;
    return err_context(err, "deleting s3://%.*s/%.*s", STR_ARG(bucket), STR_ARG(key));
}

/* ---- The versions of an artifact: where each is stored, which are kept, and deleting the others. */

/* ---- locations ---- */

static struct str url_of(struct arena *arena, struct str bucket, struct str key)
{
    return arena_printf(arena, "s3://%.*s/%.*s", STR_ARG(bucket), STR_ARG(key));
}

const struct value *artifact_places(
    struct op_ctx *ctx, const struct value *object, struct str bucket, struct str key)
{
    struct arena *arena = ctx->arena;
    struct str partition = aws_partition(provider_aws(ctx->provider));
    return value_merge(arena, object,
        VALUE_MAP(arena, {STR("bucket"), value_string(arena, bucket)}, {STR("key"), value_string(arena, key)},
            {STR("url"), value_string_ref(arena, url_of(arena, bucket, key))},
            {STR("arn"), value_string_ref(arena, arena_printf(arena, "arn:%.*s:s3:::%.*s/%.*s",
                                                     STR_ARG(partition), STR_ARG(bucket), STR_ARG(key)))}));
}

/* Without the source the key is not known, since it depends on whether that is a file or a folder. */
static bool is_source_there(struct op_ctx *ctx, const struct value *desired)
{
    struct str source = value_gets(desired, "source");
    return !source.n || path_exists(path_join(ctx->arena, ctx->dir, source).p);
}

int artifact_locate(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **located, struct err *err)
{
    struct artifact artifact;
    const struct value *earlier =
        artifact_version(value_getz(prior, "versions"), value_gets(desired, "sha256"));
    bool rolled_back = value_gets(desired, "rolled_back_from").n > 0;
    if (earlier && (rolled_back || !is_source_there(ctx, desired))) {
        *located = artifact_places(ctx, desired, value_gets(earlier, "bucket"), value_gets(earlier, "key"));
        return 0;
    }
    if (artifact_parse(ctx, desired, &artifact, err))
        return -1;
    struct str key =
        artifact_key(ctx->arena, &artifact, value_gets(desired, "source"), value_gets(desired, "sha256"));
    *located = artifact_places(ctx, desired, artifact.bucket, key);
    return 0;
}

/* ---- kept versions ---- */

const struct value *artifact_version(const struct value *versions, struct str sha256)
{
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count; i++)
        if (str_eq(value_gets(versions->items[i], "sha256"), sha256))
            return versions->items[i];
    return NULL;
}

const struct value *artifact_held_ids(struct arena *arena, const struct value *object)
{
    const struct value *versions = value_getz(object, "versions");
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count; i++)
        value_builder_add(&b, value_string_ref(arena, url_of(arena, value_gets(versions->items[i], "bucket"),
                                                          value_gets(versions->items[i], "key"))));
    return value_builder_list(&b);
}

const struct value *artifact_outlasting(struct arena *arena, const struct value *object)
{
    const struct value *versions = value_getz(object, "versions");
    AUTO_BUILDER struct value_builder buckets = VALUE_BUILDER(arena);
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count; i++)
        value_builder_add(&buckets, value_getz(versions->items[i], "bucket"));
    return value_with(arena, NULL, STR("aws.s3.bucket"), value_builder_list(&buckets));
}

const struct value *artifact_version_entry(struct op_ctx *ctx, const struct value *object)
{
    static const char *const names[] = {"bucket", "content", "etag", "key", "sha256", "size", "version_id"};
    struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_getz(object, names[i]))
            value_builder_set(&b, str_z(names[i]), value_getz(object, names[i]));
    value_builder_set(
        &b, STR("stored"), value_string_ref(ctx->arena, time_rfc3339(ctx->arena, clock_wall_ms(), true)));
    return value_builder_map(&b);
}

bool artifact_same_place(const struct value *a, const struct value *b)
{
    return value_equal(value_getz(a, "bucket"), value_getz(b, "bucket")) &&
           value_equal(value_getz(a, "key"), value_getz(b, "key"));
}

const struct value *artifact_versions_with(
    struct op_ctx *ctx, const struct value *versions, const struct value *now)
{
    struct value_builder b = VALUE_BUILDER(ctx->arena);
    value_builder_add(&b, now);
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count; i++)
        if (!artifact_same_place(versions->items[i], now))
            value_builder_add(&b, versions->items[i]);
    return value_builder_list(&b);
}

int artifact_version_remove(struct op_ctx *ctx, const struct value *version, struct err *err)
{
    struct stored stored;
    struct str bucket = value_gets(version, "bucket"), key = value_gets(version, "key");
    if (artifact_look(ctx, bucket, key, &stored, err))
        return -1;
    if (!value_gets(version, "etag").n) {
        s3_upload_forget(ctx, bucket, key);
        if (s3_unfinished_abort_all(ctx, bucket, key, err))
            return -1;
    }
    if (stored.exists && stored.stack.n && !artifact_is_own(ctx, &stored))
        return 0; /* another stack has stored it again and owns it now */
    return artifact_remove(ctx, bucket, key, value_gets(version, "version_id"), err);
}

/* Returns the version to delete first: the oldest that is not in use. */
static uint32_t artifact_versions_oldest(const struct value *versions)
{
    uint32_t found = versions->count - 1;
    for (uint32_t i = 1; i < versions->count; i++)
        if (str_cmp(value_gets(versions->items[i], "stored"), value_gets(versions->items[found], "stored")) <
            0)
            found = i;
    return found;
}

const struct value *artifact_versions_trim(struct op_ctx *ctx, const struct value *versions, int64_t keep)
{
    while ((int64_t)versions->count > keep + 1) {
        uint32_t last = artifact_versions_oldest(versions);
        struct err err = ERR_INIT;
        if (artifact_version_remove(ctx, versions->items[last], &err)) {
            op_progress(ctx, err.message);
            break;
        }
        struct value_builder b = VALUE_BUILDER(ctx->arena);
        for (uint32_t i = 0; i < versions->count; i++)
            if (i != last)
                value_builder_add(&b, versions->items[i]);
        versions = value_builder_list(&b);
    }
    return versions;
}

int artifact_versions_drop_unfinished(
    struct op_ctx *ctx, const struct value *wanted, const struct value **versions, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; *versions && i < (*versions)->count; i++) {
        const struct value *version = (*versions)->items[i];
        if (value_getz(version, "etag"))
            value_builder_add(&b, version);
        else if (artifact_same_place(version, wanted)
                     ? s3_unfinished_abort_all(
                           ctx, value_gets(version, "bucket"), value_gets(version, "key"), err)
                     : artifact_version_remove(ctx, version, err))
            return -1;
    }
    *versions = value_builder_list(&b);
    return 0;
}
