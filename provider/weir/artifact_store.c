/* Where artifacts lie: see artifact_store.h. */
#include "provider/weir/artifact_store.h"

#include "base/hash.h"
#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/upload.h"

#define HASH_MARK    "weir-sha256" /* as aws.s3.object has it */
#define STACK_MARK   "weir-stack"
#define ADDRESS_MARK "weir-address"
#define STATE_MARK   "weir-state"

/* ---- on the wire ---- */

static const struct shape text = {.kind = SHAPE_STRING}, texts = {.kind = SHAPE_MAP, .elem = &text};
static const struct shape_member members[] = {
    {.name = STR_INIT("bucket"), .wire = STR_INIT("Bucket"), .shape = &text, .location = WIRE_PATH},
    {.name = STR_INIT("key"), .wire = STR_INIT("Key"), .shape = &text, .location = WIRE_PATH},
    {.name = STR_INIT("version"),
        .wire = STR_INIT("versionId"),
        .shape = &text,
        .location = WIRE_QUERY_STRING},
    {.name = STR_INIT("metadata"),
        .wire = STR_INIT("x-amz-meta-"),
        .shape = &texts,
        .location = WIRE_HEADER_MAP},
};
static const struct shape shape = {
    .kind = SHAPE_STRUCT, .members = members, .member_count = sizeof members / sizeof *members};

#define OPERATION(name_, method_)                                                                            \
    {                                                                                                        \
        .name = STR_INIT(name_), .protocol = WIRE_REST_XML, .method = STR_INIT(method_),                     \
        .path = STR_INIT("/{Bucket}/{Key+}")                                                                 \
    }
static const struct wire_operation head_object = OPERATION("HeadObject", "HEAD");
static const struct wire_operation delete_object = OPERATION("DeleteObject", "DELETE");

static const struct value *artifact_store_place(
    struct op_ctx *ctx, struct str bucket, struct str key, struct str version)
{
    struct value_entry entries[] = {{STR("bucket"), value_string(ctx->arena, bucket)},
        {STR("key"), value_string(ctx->arena, key)},
        {STR("version"), version.n ? value_string(ctx->arena, version) : NULL}};
    return value_map(ctx->arena, entries, version.n ? 3 : 2);
}

/* Addresses may hold quotes and any text in keys: metadata travels in headers, so as ASCII. */
static const struct value *mark_text(struct op_ctx *ctx, struct str s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    url_encode(&out, s, true);
    return value_string(ctx->arena, buf_str(&out));
}

static struct str mark_of(struct arena *arena, const struct value *metadata, const char *name)
{
    struct str text_there = value_gets(metadata, name), mark;
    return url_decode(arena, text_there, false, &mark) ? mark : text_there;
}

static struct stored stored_of(struct op_ctx *ctx, const struct wire_message *response)
{
    const struct value *document = wire_add_headers(ctx->arena, &shape, response, &value_empty_map);
    const struct value *metadata = value_getz(wire_coerce(ctx->arena, &shape, document), "metadata");
    struct stored stored = {.there = true,
        .sha256 = value_gets(metadata, HASH_MARK),
        .etag = aws_s3_unquoted(wire_header_get(response, STR("ETag"))),
        .version_id = wire_header_get(response, STR("x-amz-version-id")),
        .stack = mark_of(ctx->arena, metadata, STACK_MARK),
        .address = mark_of(ctx->arena, metadata, ADDRESS_MARK),
        .state = mark_of(ctx->arena, metadata, STATE_MARK)};
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
    if (!aws_s3_call(ctx, &head_object, &shape, artifact_store_place(ctx, bucket, key, STR_EMPTY), &call,
            &response, &failure)) {
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
    struct value_entry marks[] = {{STR(STACK_MARK), mark_text(ctx, artifact_owner(ctx))},
        {STR(ADDRESS_MARK), mark_text(ctx, ctx->address)},
        {STR(STATE_MARK), mark_text(ctx, ctx->owner.lineage)}};
    size_t count = ctx->owner.lineage.n ? 3 : 2;
    struct value_entry settings[] = {{STR("metadata"), value_map(ctx->arena, marks, count)}};
    struct s3_upload upload = {.bucket = bucket,
        .key = key,
        .path = path,
        .sha256 = sha256,
        .settings = value_map(ctx->arena, settings, 1)};
    struct s3_uploaded uploaded;
    if (s3_upload(ctx, &upload, &uploaded, err))
        return err_context(err, "uploading s3://%.*s/%.*s", STR_ARG(bucket), STR_ARG(key));
    *out = (struct stored){.there = true,
        .sha256 = uploaded.sha256,
        .etag = uploaded.etag,
        .version_id = uploaded.version_id,
        .stack = artifact_owner(ctx),
        .address = ctx->address,
        .state = ctx->owner.lineage,
        .size = uploaded.size};
    return 0;
}

int artifact_remove(
    struct op_ctx *ctx, struct str bucket, struct str key, struct str version_id, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    struct err failure = ERR_INIT;
    const struct value *input = artifact_store_place(ctx, bucket, key, version_id);
    if (!aws_s3_call(ctx, &delete_object, &shape, input, &call, &response, &failure) ||
        failure.class == ERR_ABSENT)
        return 0;
    if (err)
        *err = failure;
    return err_context(err, "deleting s3://%.*s/%.*s", STR_ARG(bucket), STR_ARG(key));
}
