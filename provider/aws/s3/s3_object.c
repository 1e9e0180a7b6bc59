/* `aws.s3.object`: see s3.h. */
#include "provider/aws/s3/s3.h"

#include "base/file.h"
#include "provider/aws/s3/upload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

/* ---- requests and responses ---- */

static const struct shape pairs = {.kind = SHAPE_PAIRS, .item = STR_INIT("Tag")};

static const struct wire_operation get_tagging = S3_ANSWERED("GetObjectTagging", "GET", "tagging", "Tagging");

/* ---- content ---- */

static bool s3_object_given(const struct value *object, const char *name)
{
    return !value_is_null(value_getz(object, name));
}

/* True if the content is known, so that it can be hashed. */
static bool content_known(const struct value *object)
{
    return (s3_object_given(object, "source") && value_is_known(value_getz(object, "source"))) ||
           (s3_object_given(object, "content") && value_is_known(value_getz(object, "content")));
}

/* Returns the path of the source file; NULL if the content is in the stack file. */
static const char *source_path(struct op_ctx *ctx, const struct value *object)
{
    struct str source = value_gets(object, "source");
    return source.n ? path_join(ctx->arena, ctx->dir, source).p : NULL;
}

/*
 * An object yet to be created has nothing to differ from: a large file is hashed during its upload, and *hash
 * stays empty, unless an expression needs it now.
 */
static int file_hash(
    struct op_ctx *ctx, const struct preparation *how, const char *path, struct str *hash, struct err *err)
{
    struct stat st;
    struct file_id id;
    unsigned char digest[SHA256_SIZE];
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st))
        return err_errno(err, ERR_IO, "source \"%s\"", path);
    if (confined_file(fd, path, err))
        return -1;
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "source \"%s\" is not a file", path);
    if (!upload_part_size(st.st_size))
        return err_set(err, ERR_INVALID,
            "source \"%s\" has %" PRId64 " bytes; an object can have 10,000 parts of 5 GiB at most", path,
            (int64_t)st.st_size);
    if (!how->recorded && !how->demanded && st.st_size >= S3_PARTS_FROM)
        return 0;
    if (digests_of_file(ctx->digests, fd, path, &id, digest, err))
        return err_context(err, "source");
    *hash = hex_encode(ctx->arena, digest, sizeof digest);
    return 0;
}

static int object_prepare(struct op_ctx *ctx, const struct preparation *how UNUSED,
    const struct value *desired, const struct value **prepared, struct err *err)
{
    *prepared = desired = s3_unfinished_ended(ctx, how->recorded, desired);
    if (!s3_object_given(desired, "source") && !s3_object_given(desired, "content"))
        return err_set(err, ERR_INVALID, "an aws.s3.object needs \"source\" or \"content\"");
    if (s3_object_given(desired, "sha256") && value_is_known(value_getz(desired, "sha256")))
        return 0; /* hashed just before */
    if (!content_known(desired)) {
        *prepared = value_with(ctx->arena, desired, STR("sha256"), &value_unknown);
        return 0;
    }
    struct str hash = STR_EMPTY;
    const char *path = source_path(ctx, desired);
    if (!path)
        hash = sha256_hex(ctx->arena, value_gets(desired, "content"));
    else if (file_hash(ctx, how, path, &hash, err))
        return -1;
    if (hash.n)
        *prepared = value_with(ctx->arena, desired, STR("sha256"), value_string(ctx->arena, hash));
    return 0;
}

/* ---- prediction ---- */

static const struct value *s3_object_place(struct op_ctx *ctx, const struct value *object, const char *prefix)
{
    const struct value *bucket = value_getz(object, "bucket"), *key = value_getz(object, "key");
    if (!value_is_known(bucket) || !value_is_known(key))
        return &value_unknown;
    struct str b = value_text(bucket, STR_EMPTY), k = value_text(key, STR_EMPTY);
    return value_string_ref(
        ctx->arena, arena_printf(ctx->arena, "%s%.*s/%.*s", prefix, STR_ARG(b), STR_ARG(k)));
}

/* Adds the attributes that follow from the names. */
static const struct value *with_places(struct op_ctx *ctx, const struct value *object)
{
    struct str partition = aws_partition(provider_aws(ctx->provider));
    struct str prefix = arena_printf(ctx->arena, "arn:%.*s:s3:::", STR_ARG(partition));
    struct value_entry entries[] = {{STR("url"), s3_object_place(ctx, object, "s3://")},
        {STR("arn"), s3_object_place(ctx, object, prefix.p)}};
    return value_merge(ctx->arena, object, value_map(ctx->arena, entries, 2));
}

static const struct value *with_content_type(struct op_ctx *ctx, const struct value *object)
{
    const struct value *key = value_getz(object, "key");
    if (s3_object_given(object, "content_type"))
        return object;
    const struct value *type = value_is_known(key)
                                   ? value_string(ctx->arena, content_type_of(value_text(key, STR_EMPTY)))
                                   : &value_unknown;
    return value_with(ctx->arena, object, STR("content_type"), type);
}

/* Every change is a new upload, so all attributes that the service reports are new. */
static int object_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior UNUSED,
    const struct value **planned, struct err *err)
{
    if (object_prepare(ctx, &(struct preparation){0}, desired, planned, err))
        return -1;
    *planned = with_places(ctx, with_content_type(ctx, *planned));
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        if (attr->computed && !attr->prepared && value_is_null(value_get(*planned, attr->name)))
            *planned = value_with(ctx->arena, *planned, attr->name, &value_unknown);
    }
    return 0;
}

/* ---- reading ---- */

/* Derives bucket and key of an object known only by its URL (an import). */
static const struct value *with_names(struct op_ctx *ctx, const struct value *object)
{
    struct str url = value_gets(object, "url"), key;
    if (s3_object_given(object, "key") || !str_starts(url, STR("s3://")))
        return object;
    struct str bucket = str_cut(str_slice(url, 5, url.n), '/', &key);
    struct value_entry entries[] = {
        {STR("bucket"), value_string(ctx->arena, bucket)}, {STR("key"), value_string(ctx->arena, key)}};
    return value_merge(ctx->arena, object, value_map(ctx->arena, entries, 2));
}

/* Converts response headers to attributes. */
static const struct value *object_of(
    struct op_ctx *ctx, const struct value *prior, const struct wire_message *response)
{
    struct arena *arena = ctx->arena;
    const struct value *doc = wire_add_headers(arena, &aws_s3_object_shape, response, &value_empty_map);
    const struct value *live = wire_coerce(arena, &aws_s3_object_shape, doc);
    const struct value *metadata = value_getz(live, "metadata");
    const struct value *etag =
        value_string_or_null(arena, aws_s3_unquoted(wire_header_get(response, STR("ETag"))));
    const struct value *hash = metadata ? value_getz(metadata, S3_HASH_HEADER) : NULL;
    const struct value *before = value_getz(prior, "etag");
    /* A different entity tag means different content, whatever the metadata says. The same tag means the
     * recorded content, even if the metadata could not contain the hash yet. */
    if (before && before->kind == VALUE_STRING)
        hash = !value_equal(before, etag) ? NULL : hash ? hash : value_getz(prior, "sha256");
    int64_t size = 0;
    str_to_int(wire_header_get(response, STR("Content-Length")), &size);
    return value_merge(arena, live,
        VALUE_MAP(arena, {STR("etag"), etag}, {STR("sha256"), hash}, {STR("size"), value_int(arena, size)},
            {STR("metadata"),
                metadata ? value_with(arena, metadata, STR(S3_HASH_HEADER), NULL) : &value_empty_map}));
}

static const struct value *s3_object_name(struct op_ctx *ctx, const struct value *object)
{
    return aws_s3_name(ctx->arena, value_gets(object, "bucket"), value_gets(object, "key"));
}

static int read_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **live, struct err *err)
{
    const struct value *document;
    if (aws_s3_call_decoded(ctx, &get_tagging, s3_object_name(ctx, object), "TagSet", &document, err))
        return -1;
    const struct value *set = value_getz(document, "TagSet");
    const struct value *tags = set ? wire_coerce(ctx->arena, &pairs, set) : &value_empty_map;
    *live = value_with(ctx->arena, *live, STR("tags"), tags);
    return 0;
}

/* Returns the object of an unfinished upload: an object without content, which an update completes and a
 * deletion aborts. */
static const struct value *begun(struct op_ctx *ctx, const struct value *object, const struct value *uploads)
{
    struct value_entry entries[] = {{STR("sha256"), &value_null}, {STR("etag"), &value_null},
        {STR("size"), &value_null}, {STR("version_id"), &value_null}, {STR("unfinished"), uploads}};
    return with_places(ctx,
        value_merge(ctx->arena, object, value_map(ctx->arena, entries, sizeof entries / sizeof *entries)));
}

/* `stopped`: an earlier run was interrupted and may have left an unfinished upload. */
static int s3_object_look(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    bool stopped, const struct value **live, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    struct err failure = ERR_INIT;
    const struct value *object = with_names(ctx, prior), *uploads = &value_empty_map;
    *live = NULL;
    if (!value_is_known(object)) /* an import whose bucket does not exist yet */
        return err_set(err, ERR_INVALID, "its bucket or key is not known before the apply");
    bool absent =
        aws_s3_call(ctx, &s3_head_object, s3_object_name(ctx, object), &call, &response, &failure) != 0;
    if (absent && failure.class != ERR_ABSENT)
        return err_raise(err, &failure);
    if (stopped &&
        s3_unfinished_of(ctx, value_gets(object, "bucket"), value_gets(object, "key"), &uploads, err))
        return -1;
    if (absent) {
        *live = uploads->count ? begun(ctx, object, uploads) : NULL;
        return 0;
    }
    const struct value *seen = object_of(ctx, prior, &response);
    struct value_entry more[] = {{STR("bucket"), value_getz(object, "bucket")},
        {STR("key"), value_getz(object, "key")}, {STR("unfinished"), uploads}};
    seen =
        with_places(ctx, value_merge(ctx->arena, seen, value_map(ctx->arena, more, uploads->count ? 3 : 2)));
    if ((!wanted || value_list_has(wanted, STR("tags"))) && read_tags(ctx, object, &seen, err))
        return -1;
    *live = seen;
    return 0;
}

/* Reads only the tags; a listing has the other attributes. */
static int read_tags_alone(
    struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err)
{
    struct err failure = ERR_INIT;
    const struct value *object = with_names(ctx, prior);
    *live = value_map(ctx->arena, &(struct value_entry){STR("url"), value_getz(object, "url")}, 1);
    if (!read_tags(ctx, object, live, &failure))
        return 0;
    *live = NULL;
    if (failure.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &failure);
}

static int object_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    if (wanted && wanted->count == 1 && value_list_has(wanted, STR("tags")) && !s3_unfinished_any(prior))
        return read_tags_alone(ctx, prior, live, err);
    return s3_object_look(ctx, prior, wanted, s3_unfinished_any(prior), live, err);
}

static int object_reread(struct op_ctx *ctx, const struct value *prior, const struct value *attempted,
    const struct value *wanted, const struct value **live, struct err *err)
{
    return s3_object_look(ctx, prior, wanted, attempted || s3_unfinished_any(prior), live, err);
}

/* ---- writing ---- */

/* Returns the object to record after a failed upload, or NULL: unchanged. */
static const struct value *after_failed_upload(
    struct op_ctx *ctx, const struct value *prior, const struct value *desired)
{
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(ctx->arena);
    const struct value *before = value_getz(prior, "unfinished");
    s3_unfinished_kept(ctx, value_gets(desired, "bucket"), value_gets(desired, "key"), &kept);
    if (!kept.n)
        return NULL;
    const struct value *uploads = value_merge(ctx->arena, before, value_builder_map(&kept));
    return prior ? value_with(ctx->arena, prior, STR("unfinished"), uploads)
                 : begun(ctx, with_content_type(ctx, desired), uploads);
}

static int s3_object_put(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value **live, struct err *err)
{
    struct arena *arena = ctx->arena;
    struct s3_uploaded done;
    struct s3_upload upload = {.bucket = value_gets(desired, "bucket"),
        .key = value_gets(desired, "key"),
        .path = source_path(ctx, desired),
        .bytes = value_gets(desired, "content"),
        .sha256 = value_gets(desired, "sha256"),
        .settings = desired,
        .sensitive = value_is_sensitive(desired)};
    if (s3_upload(ctx, &upload, &done, err)) {
        const struct value *left = after_failed_upload(ctx, prior, desired);
        *live = left ? left : *live;
        return -1;
    }
    struct value_entry entries[] = {{STR("etag"), value_string_or_null(arena, done.etag)},
        {STR("version_id"), value_string_or_null(arena, done.version_id)},
        {STR("size"), value_int(arena, done.size)}, {STR("sha256"), value_string(arena, done.sha256)},
        {STR("server_side_encryption"), value_string_or_null(arena, done.server_side_encryption)},
        {STR("kms_key"), value_string_or_null(arena, done.kms_key)}};
    const struct value *whole = with_places(ctx, with_content_type(ctx, desired));
    *live = value_merge(arena, whole, value_map(arena, entries, sizeof entries / sizeof *entries));
    return 0;
}

static int object_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    *live = NULL;
    return s3_object_put(ctx, NULL, desired, live, err);
}

static int object_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    bool only_ends = changed->count == 1 && value_list_has(changed, STR("unfinished"));
    if (only_ends)
        s3_upload_forget(ctx, value_gets(prior, "bucket"), value_gets(prior, "key"));
    else if (s3_object_put(ctx, prior, desired, live, err))
        return -1;
    if (s3_unfinished_abort(ctx, value_gets(prior, "bucket"), value_getz(prior, "unfinished"), err))
        return -1;
    *live = value_with(ctx->arena, *live, STR("unfinished"), &value_null);
    return 0;
}

static int object_delete(
    struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    struct err failure = ERR_INIT;
    const struct value *object = with_names(ctx, prior);
    struct str bucket = value_gets(object, "bucket");
    s3_upload_forget(ctx, bucket, value_gets(object, "key"));
    if (s3_unfinished_abort(ctx, bucket, value_getz(prior, "unfinished"), err))
        return -1;
    if (aws_s3_call(ctx, &s3_delete_object, s3_object_name(ctx, object), &call, &response, &failure) &&
        failure.class != ERR_ABSENT)
        return err_raise(err, &failure);
    return 0;
}

static int object_find(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    return s3_object_look(ctx, desired, NULL, true, live, err);
}

static const struct value *object_scope(
    const struct schema *schema UNUSED, const struct value *object, struct str action, struct arena *arena)
{
    return aws_s3_content_scope(arena, action, value_gets(object, "bucket"), value_gets(object, "key"));
}

static const struct resource_ops ops = {
    .permissions = aws_s3_content_permissions,
    .scope = object_scope,
    .prepare = object_prepare,
    .predict = object_predict,
    .read = object_read,
    .reread = object_reread,
    .list = s3_object_list,
    .create = object_create,
    .update = object_update,
    .delete = object_delete,
    .find = object_find,
};

const struct schema aws_s3_object_schema = {
    .name = STR_INIT("aws.s3.object"),
    .described = "provider/aws/s3/object.yaml",
    .costly = "sha256",
    .id = STR_INIT("url"),
    .service = &aws_s3_service,
    .partial = true,
    .bulk = true,
    .listed_per_parent = true,
    .ops = &ops,
};
