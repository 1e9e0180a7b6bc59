/* Listings of a bucket that go on by markers: see s3_pages.h. */
#include "provider/aws/s3/s3_pages.h"

#include "provider/aws/s3/s3.h"

static const struct shape text = {.kind = SHAPE_STRING};

#define MEMBER(name_, wire_, location_)                                                                      \
    {                                                                                                        \
        .name = STR_INIT(name_), .wire = STR_INIT(wire_), .shape = &text, .location = (location_)            \
    }
static const struct shape_member list_members[] = {MEMBER("bucket", "Bucket", WIRE_PATH),
    MEMBER("prefix", "prefix", WIRE_QUERY_STRING), MEMBER("key", "key-marker", WIRE_QUERY_STRING),
    MEMBER("version", "version-id-marker", WIRE_QUERY_STRING),
    MEMBER("upload", "upload-id-marker", WIRE_QUERY_STRING)};
static const struct shape list_shape = {.kind = SHAPE_STRUCT, .members = list_members, .member_count = 5};
static const struct shape_member abort_members[] = {MEMBER("bucket", "Bucket", WIRE_PATH),
    MEMBER("key", "Key", WIRE_PATH), MEMBER("upload", "uploadId", WIRE_QUERY_STRING)};
static const struct shape abort_shape = {.kind = SHAPE_STRUCT, .members = abort_members, .member_count = 3};

const struct wire_operation s3_list_versions = {.name = STR_INIT("ListObjectVersions"),
    .protocol = WIRE_REST_XML,
    .method = STR_INIT("GET"),
    .path = STR_INIT("/{Bucket}"),
    .query = STR_INIT("versions"),
    .root = STR_INIT("ListVersionsResult")};
const struct wire_operation s3_list_uploads = {.name = STR_INIT("ListMultipartUploads"),
    .protocol = WIRE_REST_XML,
    .method = STR_INIT("GET"),
    .path = STR_INIT("/{Bucket}"),
    .query = STR_INIT("uploads"),
    .root = STR_INIT("ListMultipartUploadsResult")};
static const struct wire_operation abort_upload = S3_OPERATION("AbortMultipartUpload", "DELETE", "");

static const struct value *markers_of(struct s3_pages *pages, const struct value *page)
{
    static const struct {
        const char *marker, *member;
    } markers[] = {
        {"NextKeyMarker", "key"}, {"NextVersionIdMarker", "version"}, {"NextUploadIdMarker", "upload"}};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(pages->arena);
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++)
        if (value_gets(page, markers[i].marker).n)
            value_builder_set(&b, str_z(markers[i].member),
                value_string(pages->arena, value_gets(page, markers[i].marker)));
    return value_builder_map(&b);
}

int s3_pages_next(struct op_ctx *ctx, struct s3_pages *pages, const struct value **page, struct err *err)
{
    if (cancel_is_set(ctx->cancel))
        return err_set(err, ERR_INTERRUPTED, "interrupted while going through the bucket");
    const struct value *input =
        value_with(ctx->arena, pages->markers, STR("bucket"), value_string_ref(ctx->arena, pages->bucket));
    if (pages->prefix.n)
        input = value_with(ctx->arena, input, STR("prefix"), value_string_ref(ctx->arena, pages->prefix));
    if (aws_s3_ask(ctx, pages->op, &list_shape, input, "", page, err))
        return -1;
    pages->done = !str_eqz(value_gets(*page, "IsTruncated"), "true");
    if (pages->done)
        return 0;
    const struct value *next = markers_of(pages, *page);
    pages->blind = !value_getz(next, "key") || value_equal(next, pages->markers);
    pages->markers = pages->blind ? NULL : next;
    return pages->blind ? 0 : pages_next_value(&pages->seen, pages->op->name, next, err);
}

void s3_pages_release(struct s3_pages *pages)
{
    pages_release(&pages->seen);
}

const struct value *s3_pages_items(struct op_ctx *ctx, const struct value *page, const char *path)
{
    return value_as_list(wire_path(ctx->arena, page, str_z(path)));
}

int s3_abort_upload(struct op_ctx *ctx, struct str bucket, struct str key, struct str upload, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message answer;
    struct err failure = ERR_INIT;
    struct value_entry entries[] = {{STR("bucket"), value_string_ref(ctx->arena, bucket)},
        {STR("key"), value_string_ref(ctx->arena, key)},
        {STR("upload"), value_string_ref(ctx->arena, upload)}};
    if (!aws_s3_call(
            ctx, &abort_upload, &abort_shape, value_map(ctx->arena, entries, 3), &call, &answer, &failure) ||
        failure.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &failure);
}
