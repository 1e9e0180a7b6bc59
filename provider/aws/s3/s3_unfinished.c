#include "provider/aws/s3/s3_unfinished.h"

#include "base/clock.h"
#include "provider/aws/pages.h"
#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/upload_record.h"

static const struct shape text = {.kind = SHAPE_STRING};

#define MEMBER(name_, wire_, location_)                                                                      \
    {                                                                                                        \
        .name = STR_INIT(name_), .wire = STR_INIT(wire_), .shape = &text, .location = (location_)            \
    }
static const struct shape_member list_members[] = {MEMBER("bucket", "Bucket", WIRE_PATH),
    MEMBER("prefix", "prefix", WIRE_QUERY_STRING), MEMBER("key", "key-marker", WIRE_QUERY_STRING),
    MEMBER("upload", "upload-id-marker", WIRE_QUERY_STRING)};
static const struct shape list_shape = {.kind = SHAPE_STRUCT, .members = list_members, .member_count = 4};
static const struct shape_member abort_members[] = {MEMBER("bucket", "Bucket", WIRE_PATH),
    MEMBER("key", "Key", WIRE_PATH), MEMBER("upload", "uploadId", WIRE_QUERY_STRING)};
static const struct shape abort_shape = {.kind = SHAPE_STRUCT, .members = abort_members, .member_count = 3};

static const struct wire_operation list_uploads = {.name = STR_INIT("ListMultipartUploads"),
    .protocol = WIRE_REST_XML,
    .method = STR_INIT("GET"),
    .path = STR_INIT("/{Bucket}"),
    .query = STR_INIT("uploads"),
    .root = STR_INIT("ListMultipartUploadsResult")};
static const struct wire_operation abort_upload = S3_OPERATION("AbortMultipartUpload", "DELETE", "");

/* ---- finding ---- */

static bool is_one_of(struct str key, const struct str *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(key, keys[i]))
            return true;
    return false;
}

/* Where the listing goes on; NULL: it was the last page, or the store does not say. */
static const struct value *next_markers(struct arena *arena, const struct value *page)
{
    struct value_entry entries[] = {{STR("key"), value_getz(page, "NextKeyMarker")},
        {STR("upload"), value_getz(page, "NextUploadIdMarker")}};
    if (!str_eqz(value_gets(page, "IsTruncated"), "true") || !value_gets(page, "NextKeyMarker").n)
        return NULL;
    return value_map(arena, entries, value_is_null(entries[1].value) ? 1 : 2);
}

enum { CLOCKS_DIFFER_MS = 10 * 1000 /* ours and the store's, by so much at most */ };

/* Was it begun before? Where the store does not say, it was not. */
static bool is_older(const struct value *upload, int64_t since_ms)
{
    int64_t begun_ms;
    return since_ms && time_parse_rfc3339(value_gets(upload, "Initiated"), &begun_ms) &&
           begun_ms < since_ms - CLOCKS_DIFFER_MS;
}

/* since_ms 0: whenever they were begun. */
static int list(struct op_ctx *ctx, struct str bucket, struct str prefix, const struct str *keys, size_t n,
    int64_t since_ms, struct value_builder *out, struct err *err)
{
    struct arena *arena = ctx->arena;
    struct value_entry place[] = {{STR("bucket"), value_string(arena, bucket)},
        {STR("prefix"), prefix.n ? value_string(arena, prefix) : NULL}};
    const struct value *from = value_map(arena, place, prefix.n ? 2 : 1), *page, *markers = &value_empty_map;
    AUTO_PAGES struct pages pages = PAGES_INIT;
    while (markers) {
        if (aws_s3_ask(ctx, &list_uploads, &list_shape, value_merge(arena, from, markers), "", &page, err))
            return -1;
        const struct value *items = wire_path(arena, page, STR("Upload[]"));
        for (uint32_t i = 0; items && i < items->count; i++)
            if (value_gets(items->items[i], "UploadId").n &&
                is_one_of(value_gets(items->items[i], "Key"), keys, n) &&
                !is_older(items->items[i], since_ms))
                value_builder_set(
                    out, value_gets(items->items[i], "UploadId"), value_getz(items->items[i], "Key"));
        markers = next_markers(arena, page);
        if (markers && pages_next_value(&pages, list_uploads.name, markers, err))
            return -1;
    }
    return 0;
}

void s3_unfinished_kept(struct op_ctx *ctx, struct str bucket, struct str key, struct value_builder *out)
{
    struct upload_record record;
    struct str path = upload_record_path(ctx->arena, ctx->work_dir, bucket, key);
    if (upload_record_read(ctx->arena, path, &record) && str_eq(record.bucket, bucket) &&
        str_eq(record.key, key))
        value_builder_set(out, record.upload, value_string(ctx->arena, key));
}

int s3_unfinished_find(struct op_ctx *ctx, struct str bucket, struct str prefix, const struct str *keys,
    size_t n, struct value_builder *out, struct err *err)
{
    struct err failure = ERR_INIT;
    if (!list(ctx, bucket, prefix, keys, n, 0, out, &failure) || failure.class == ERR_ABSENT)
        return 0;
    if (failure.class != ERR_AUTH && failure.class != ERR_SERVICE) {
        *err = failure;
        return err_context(err, "looking for unfinished uploads in \"%.*s\"", STR_ARG(bucket));
    }
    for (size_t i = 0; i < n; i++)
        s3_unfinished_kept(ctx, bucket, keys[i], out);
    return 0;
}

/* ---- aborting ---- */

int s3_unfinished_abort(struct op_ctx *ctx, struct str bucket, const struct value *uploads, struct err *err)
{
    for (uint32_t i = 0; uploads && uploads->kind == VALUE_MAP && i < uploads->count; i++) {
        struct aws_call call = {.body_fd = -1};
        struct wire_message answer;
        struct err failure = ERR_INIT;
        struct str key = value_text(uploads->entries[i].value, STR_EMPTY);
        struct value_entry entries[] = {{STR("bucket"), value_string(ctx->arena, bucket)},
            {STR("key"), value_string(ctx->arena, key)},
            {STR("upload"), value_string(ctx->arena, uploads->entries[i].key)}};
        if (!aws_s3_call(ctx, &abort_upload, &abort_shape, value_map(ctx->arena, entries, 3), &call, &answer,
                &failure) ||
            failure.class == ERR_ABSENT)
            continue;
        *err = failure;
        return err_context(err, "aborting an unfinished upload to \"%.*s\"", STR_ARG(key));
    }
    return 0;
}

int s3_unfinished_abort_all(struct op_ctx *ctx, struct str bucket, struct str key, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    if (s3_unfinished_find(ctx, bucket, key, &key, 1, &b, err))
        return -1;
    return s3_unfinished_abort(ctx, bucket, value_builder_map(&b), err);
}

int s3_unfinished_abort_since(
    struct op_ctx *ctx, struct str bucket, struct str key, int64_t since_ms, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    if (list(ctx, bucket, key, &key, 1, since_ms, &b, err))
        return -1;
    return s3_unfinished_abort(ctx, bucket, value_builder_map(&b), err);
}

/* ---- on objects ---- */

bool s3_unfinished_any(const struct value *object)
{
    const struct value *uploads = value_getz(object, "unfinished");
    return uploads && uploads->kind == VALUE_MAP && uploads->count;
}

const struct value *s3_unfinished_ended(struct op_ctx *ctx, const struct value *desired)
{
    return s3_unfinished_any(ctx->recorded)
               ? value_with(ctx->arena, desired, STR("unfinished"), &value_empty_map)
               : desired;
}
