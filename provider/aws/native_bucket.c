/*
 * Emptying a bucket: all versions and delete markers in pages of a thousand, then unfinished uploads
 * (S3-compatible stores refuse to delete a bucket that has some).
 */
#include "provider/aws/native.h"
#include "provider/aws/s3.h"

static const struct shape text = {.kind = SHAPE_STRING}, flag = {.kind = SHAPE_BOOL};

static const struct shape_member list_members[] = {
    {.name = STR_INIT("bucket"), .wire = STR_INIT("Bucket"), .shape = &text, .location = WIRE_PATH}};
static const struct shape list_shape = {.kind = SHAPE_STRUCT, .members = list_members, .member_count = 1};

static const struct shape_member object_members[] = {
    {.name = STR_INIT("Key"), .wire = STR_INIT("Key"), .shape = &text},
    {.name = STR_INIT("VersionId"), .wire = STR_INIT("VersionId"), .shape = &text}};
static const struct shape object_shape = {.kind = SHAPE_STRUCT, .members = object_members, .member_count = 2};
static const struct shape objects_shape = {.kind = SHAPE_LIST, .elem = &object_shape, .flat = true};
static const struct shape_member delete_members[] = {
    {.name = STR_INIT("bucket"), .wire = STR_INIT("Bucket"), .shape = &text, .location = WIRE_PATH},
    {.name = STR_INIT("objects"), .wire = STR_INIT("Object"), .shape = &objects_shape},
    {.name = STR_INIT("quiet"), .wire = STR_INIT("Quiet"), .shape = &flag}};
static const struct shape delete_shape = {.kind = SHAPE_STRUCT, .members = delete_members, .member_count = 3};

static const struct shape_member abort_members[] = {
    {.name = STR_INIT("bucket"), .wire = STR_INIT("Bucket"), .shape = &text, .location = WIRE_PATH},
    {.name = STR_INIT("key"), .wire = STR_INIT("Key"), .shape = &text, .location = WIRE_PATH},
    {.name = STR_INIT("upload"),
        .wire = STR_INIT("uploadId"),
        .shape = &text,
        .location = WIRE_QUERY_STRING}};
static const struct shape abort_shape = {.kind = SHAPE_STRUCT, .members = abort_members, .member_count = 3};

static const struct wire_operation list_versions = {.name = STR_INIT("ListObjectVersions"),
    .protocol = WIRE_REST_XML,
    .method = STR_INIT("GET"),
    .path = STR_INIT("/{Bucket}"),
    .query = STR_INIT("versions")};
static const struct wire_operation list_uploads = {.name = STR_INIT("ListMultipartUploads"),
    .protocol = WIRE_REST_XML,
    .method = STR_INIT("GET"),
    .path = STR_INIT("/{Bucket}"),
    .query = STR_INIT("uploads")};
static const struct wire_operation delete_objects = {.name = STR_INIT("DeleteObjects"),
    .protocol = WIRE_REST_XML,
    .method = STR_INIT("POST"),
    .path = STR_INIT("/{Bucket}"),
    .query = STR_INIT("delete"),
    .body = STR_INIT("Delete"),
    .body_xmlns = STR_INIT("http://s3.amazonaws.com/doc/2006-03-01/"),
    .md5 = true};
static const struct wire_operation abort_upload = {.name = STR_INIT("AbortMultipartUpload"),
    .protocol = WIRE_REST_XML,
    .method = STR_INIT("DELETE"),
    .path = STR_INIT("/{Bucket}/{Key+}")};

static int call(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, const struct value **document, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    if (aws_s3_call(ctx, op, shape, input, &call, &response, err))
        return -1;
    return wire_decode_response(ctx->arena, op, &response, document, err);
}

/* Everything in one page of versions. What cannot be deleted (a lock, a policy) is an error that names it. */
static int delete_page(
    struct op_ctx *ctx, const struct value *bucket, const struct value *page, size_t *n, struct err *err)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(ctx->arena);
    static const char *const lists[] = {"Version[]", "DeleteMarker[]"};
    for (size_t l = 0; l < 2; l++) {
        const struct value *items = wire_path(ctx->arena, page, str_z(lists[l]));
        for (uint32_t i = 0; items && i < items->count; i++)
            value_builder_add(&all, items->items[i]);
    }
    *n = all.n;
    if (!all.n)
        return 0;
    struct value_entry entries[] = {
        {STR("bucket"), bucket}, {STR("objects"), value_builder_list(&all)}, {STR("quiet"), &value_true}};
    const struct value *answer;
    if (call(ctx, &delete_objects, &delete_shape, value_map(ctx->arena, entries, 3), &answer, err))
        return -1;
    const struct value *errors = wire_path(ctx->arena, answer, STR("Error[]"));
    if (!errors || !errors->count)
        return 0;
    struct str key = value_text(value_getz(errors->items[0], "Key"), STR_EMPTY);
    struct str code = value_text(value_getz(errors->items[0], "Code"), STR_EMPTY);
    struct str why = value_text(value_getz(errors->items[0], "Message"), STR_EMPTY);
    return err_set(
        err, ERR_SERVICE, "deleting object \"%.*s\": %.*s: %.*s", STR_ARG(key), STR_ARG(code), STR_ARG(why));
}

static int abort_page(
    struct op_ctx *ctx, const struct value *bucket, const struct value *page, size_t *n, struct err *err)
{
    const struct value *uploads = wire_path(ctx->arena, page, STR("Upload[]"));
    *n = uploads ? uploads->count : 0;
    for (uint32_t i = 0; uploads && i < uploads->count; i++) {
        struct value_entry entries[] = {{STR("bucket"), bucket},
            {STR("key"), value_getz(uploads->items[i], "Key")},
            {STR("upload"), value_getz(uploads->items[i], "UploadId")}};
        const struct value *answer;
        struct err failure = ERR_INIT;
        if (call(ctx, &abort_upload, &abort_shape, value_map(ctx->arena, entries, 3), &answer, &failure) &&
            failure.class != ERR_ABSENT) {
            *err = failure;
            return -1;
        }
    }
    return 0;
}

/* Handles all items of a page; *n is how many there were. */
typedef int page_fn(
    struct op_ctx *ctx, const struct value *bucket, const struct value *page, size_t *n, struct err *err);

/*
 * The first page again and again, because what it shows is gone afterwards; each in an arena of its own, as a
 * bucket may hold millions of objects.
 */
static int each_page(struct op_ctx *ctx, const struct wire_operation *op, const struct value *bucket,
    page_fn *on_page, struct err *err)
{
    for (size_t n = 1; n;) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct op_ctx page_ctx = *ctx;
        page_ctx.arena = &arena;
        struct value_entry entry = {STR("bucket"), bucket};
        const struct value *page;
        if (ctx->cancel && atomic_load(ctx->cancel))
            return err_set(err, ERR_INTERRUPTED, "interrupted while emptying the bucket");
        if (call(&page_ctx, op, &list_shape, value_map(&arena, &entry, 1), &page, err) ||
            on_page(&page_ctx, bucket, page, &n, err))
            return -1;
        if (!str_eqz(value_text(value_getz(page, "IsTruncated"), STR_EMPTY), "true"))
            break;
    }
    return 0;
}

int aws_native_empty_bucket(struct op_ctx *ctx, const struct value *object, struct err *err)
{
    const struct value *bucket = value_getz(object, "name");
    if (each_page(ctx, &list_versions, bucket, delete_page, err))
        return err_context(err, "emptying the bucket");
    struct err failure = ERR_INIT;
    if (each_page(ctx, &list_uploads, bucket, abort_page, &failure) && failure.class == ERR_INTERRUPTED) {
        *err = failure;
        return -1;
    }
    return 0; /* a store without uploads has nothing to abort; if some are left, deleting the bucket says so
               */
}
