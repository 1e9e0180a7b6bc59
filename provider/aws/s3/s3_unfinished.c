/* What interrupted runs have left of uploads in parts: see s3_unfinished.h. */
#include "provider/aws/s3/s3_unfinished.h"

#include "base/clock.h"
#include "provider/aws/client.h"
#include "provider/aws/s3/s3_pages.h"
#include "provider/aws/s3/upload_record.h"

/* ---- finding ---- */

static bool is_one_of(struct str key, const struct str *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(key, keys[i]))
            return true;
    return false;
}

enum { CLOCKS_DIFFER_MS = 10 * 1000 /* ours and the store's, by so much at most */ };

/* Was it begun before? By the store's clock, which ours may be hours off; where it does not say, it was not.
 */
static bool is_older(struct op_ctx *ctx, const struct value *upload, int64_t since_ms)
{
    int64_t begun_ms, ahead_ms = aws_clock_ahead_ms(provider_aws(ctx->provider));
    return since_ms && time_parse_rfc3339(value_gets(upload, "Initiated"), &begun_ms) &&
           begun_ms < since_ms + ahead_ms - CLOCKS_DIFFER_MS;
}

static void take_page(struct op_ctx *ctx, const struct value *page, const struct str *keys, size_t n,
    int64_t since_ms, struct value_builder *out)
{
    const struct value *items = s3_pages_items(ctx, page, "Upload[]");
    for (uint32_t i = 0; i < items->count; i++) {
        struct str upload = value_gets(items->items[i], "UploadId"), key = value_gets(items->items[i], "Key");
        if (upload.n && is_one_of(key, keys, n) && !is_older(ctx, items->items[i], since_ms))
            value_builder_set(out, upload, value_getz(items->items[i], "Key"));
    }
}

/* since_ms, by our clock; 0: whenever they were begun. */
static int find_since(struct op_ctx *ctx, struct str bucket, struct str prefix, const struct str *keys,
    size_t n, int64_t since_ms, struct value_builder *out, struct err *err)
{
    struct s3_pages pages = {.op = &s3_list_uploads, .bucket = bucket, .prefix = prefix, .arena = ctx->arena};
    int status = 0;
    while (!status && !pages.done && !pages.blind) {
        const struct value *page;
        status = s3_pages_next(ctx, &pages, &page, err);
        if (!status)
            take_page(ctx, page, keys, n, since_ms, out);
    }
    s3_pages_release(&pages);
    return status;
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
    if (!find_since(ctx, bucket, prefix, keys, n, 0, out, &failure) || failure.class == ERR_ABSENT)
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
        struct str key = value_text(uploads->entries[i].value, STR_EMPTY);
        if (s3_abort_upload(ctx, bucket, key, uploads->entries[i].key, err))
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
    if (find_since(ctx, bucket, key, &key, 1, since_ms, &b, err))
        return -1;
    return s3_unfinished_abort(ctx, bucket, value_builder_map(&b), err);
}

/* ---- on objects ---- */

bool s3_unfinished_any(const struct value *object)
{
    const struct value *uploads = value_getz(object, "unfinished");
    return uploads && uploads->kind == VALUE_MAP && uploads->count;
}

const struct value *s3_unfinished_ended(
    struct op_ctx *ctx, const struct value *recorded, const struct value *desired)
{
    return s3_unfinished_any(recorded) ? value_with(ctx->arena, desired, STR("unfinished"), &value_empty_map)
                                       : desired;
}
