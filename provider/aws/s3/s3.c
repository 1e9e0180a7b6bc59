/* The few S3 calls that C code makes by itself (objects, emptying a bucket): see s3.h. */
#include "provider/aws/s3/s3.h"

#include "provider/provider.h"

#include <stdio.h>

/* ---- How far a transfer is, for people ---- */

static void add_size(char *out, size_t room, int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes / 1024;
    size_t unit = 0;
    for (; size >= 1024 && unit < sizeof units / sizeof *units - 1; unit++)
        size /= 1024;
    snprintf(out, room, size < 10 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

void rate_line(
    char *out, size_t room, const char *what, int64_t moved, int64_t kept, int64_t all, int64_t elapsed_ms)
{
    char done[32], size[32], rate[32];
    add_size(done, sizeof done, moved + kept);
    add_size(size, sizeof size, all);
    add_size(rate, sizeof rate, elapsed_ms > 0 ? moved * 1000 / elapsed_ms : 0);
    snprintf(out, room, "%s: %s of %s, %s/s", what, done, size, rate);
}

const struct aws_service aws_s3_service = {
    .id = STR_INIT("s3"), .endpoint_prefix = STR_INIT("s3"), .signing_name = STR_INIT("s3"), .s3 = true};

static const struct shape text = {.kind = SHAPE_STRING}, texts = {.kind = SHAPE_MAP, .elem = &text};

#define HEADER(ours, theirs)                                                                                 \
    {                                                                                                        \
        .name = STR_INIT(ours), .wire = STR_INIT(theirs), .shape = &text, .location = WIRE_HEADER            \
    }

static const struct shape_member object_members[] = {
    {.name = STR_INIT("bucket"), .wire = STR_INIT("Bucket"), .shape = &text, .location = WIRE_PATH},
    {.name = STR_INIT("key"), .wire = STR_INIT("Key"), .shape = &text, .location = WIRE_PATH},
    HEADER("content_type", "Content-Type"),
    HEADER("content_encoding", "Content-Encoding"),
    HEADER("cache_control", "Cache-Control"),
    HEADER("storage_class", "x-amz-storage-class"),
    HEADER("server_side_encryption", "x-amz-server-side-encryption"),
    HEADER("kms_key", "x-amz-server-side-encryption-aws-kms-key-id"),
    HEADER("tagging", "x-amz-tagging"),
    HEADER("etag", "ETag"),
    HEADER("version_id", "x-amz-version-id"),
    {.name = STR_INIT("metadata"),
        .wire = STR_INIT("x-amz-meta-"),
        .shape = &texts,
        .location = WIRE_HEADER_MAP},
    HEADER("sha256", "x-amz-checksum-sha256"),
    HEADER("checksum_algorithm", "x-amz-checksum-algorithm"),
    HEADER("checksum_type", "x-amz-checksum-type"),
};

#undef HEADER

enum { PATH_MEMBERS = 2, PUT_MEMBERS = sizeof object_members / sizeof *object_members, SUM_MEMBERS = 3 };

const struct shape aws_s3_object_shape = {
    .kind = SHAPE_STRUCT, .members = object_members, .member_count = PUT_MEMBERS - SUM_MEMBERS};

const struct shape aws_s3_put_shape = {
    .kind = SHAPE_STRUCT, .members = object_members, .member_count = PUT_MEMBERS};

const struct shape aws_s3_name_shape = {
    .kind = SHAPE_STRUCT, .members = object_members, .member_count = PATH_MEMBERS};

int aws_s3_prepare(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct aws_call *call, struct err *err)
{
    struct str body = call->request.body;
    if (wire_encode_request(ctx->arena, op, shape, input, &call->request, err))
        return -1;
    if (body.n)
        call->request.body = body;
    call->service = &aws_s3_service;
    call->op = op;
    /* puts, deletes and reads of named resources; an upload in parts that is begun twice is begun two times
     */
    call->idempotent = !str_eqz(op->name, "CreateMultipartUpload");
    call->cancel = ctx->cancel;
    return 0;
}

int aws_s3_call(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct aws_call *call, struct wire_message *response, struct err *err)
{
    struct repeats repeats = {.op = ctx, .what = op->name};
    *response = (struct wire_message){0};
    if (aws_s3_prepare(ctx, op, shape, input, call, err))
        return -1;
    call->repeats = repeats_tell;
    call->repeats_ctx = &repeats;
    int status = aws_send(provider_aws(ctx->provider), call, ctx->arena, response, err);
    call->repeats = NULL;
    call->repeats_ctx = NULL; /* the caller's call outlives what is reported of it here */
    if (!status)
        repeats_done(&repeats);
    return status;
}

int aws_s3_ask(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, const char *needs, const struct value **document, struct err *err)
{
    struct repeats repeats = {.op = ctx, .what = op->name};
    struct aws_call call = {.body_fd = -1};
    if (aws_s3_prepare(ctx, op, shape, input, &call, err))
        return -1;
    call.repeats = repeats_tell;
    call.repeats_ctx = &repeats;
    if (aws_ask(provider_aws(ctx->provider), &call, ctx->arena, needs, document, err))
        return -1;
    repeats_done(&repeats);
    return 0;
}

struct str aws_s3_unquoted(struct str etag)
{
    bool quoted = etag.n > 1 && str_starts(etag, STR("\"")) && str_ends(etag, STR("\""));
    return quoted ? str_slice(etag, 1, etag.n - 1) : etag;
}

void aws_s3_content_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out)
{
    static const struct {
        struct str action;
        bool plan, destroy, tags; /* tags: of types that have some */
    } needed[] = {{STR_INIT("s3:GetObject"), true, true, false},
        {STR_INIT("s3:ListBucket"), true, true, false},
        {STR_INIT("s3:ListBucketMultipartUploads"), true, true, false},
        {STR_INIT("s3:PutObject"), false, false, false},
        {STR_INIT("s3:ListMultipartUploadParts"), false, false, false},
        {STR_INIT("s3:AbortMultipartUpload"), false, true, false},
        {STR_INIT("s3:DeleteObject"), false, true, false},
        {STR_INIT("s3:GetObjectTagging"), true, true, true},
        {STR_INIT("s3:PutObjectTagging"), false, false, true}};
    bool tags = schema_attr(schema, STR("tags")) != NULL;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        bool wanted =
            needed[i].plan || phase == PERMISSION_APPLY || (phase == PERMISSION_DESTROY && needed[i].destroy);
        if (wanted && (tags || !needed[i].tags))
            value_builder_set(out, needed[i].action, value_string_ref(arena, needed[i].action));
    }
}

const struct value *aws_s3_content_scope(
    struct arena *arena, struct str action, struct str bucket, struct str keys)
{
    /* s3:ListBucket, s3:ListBucketMultipartUploads */
    bool of_bucket = str_starts(action, STR("s3:ListBucket"));
    struct str any = STR("*"), on = bucket.n ? bucket : any;
    struct str arn =
        of_bucket ? arena_printf(arena, "arn:*:s3:::%.*s", STR_ARG(on))
                  : arena_printf(arena, "arn:*:s3:::%.*s/%.*s", STR_ARG(on), STR_ARG(keys.n ? keys : any));
    const struct value *one = value_string_ref(arena, arn);
    return value_list(arena, &one, 1);
}
