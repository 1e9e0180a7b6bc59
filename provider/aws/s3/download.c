/* Downloads from S3: see download.h. */
#include "provider/aws/s3/download.h"

#include "base/hash.h"
#include "provider/aws/s3/download_internal.h"
#include "provider/aws/s3/s3.h"

enum { TRIES = 2 }; /* an object that is written anew meanwhile is downloaded once more */

static const struct shape text = {.kind = SHAPE_STRING};

#define MEMBER(name_, wire_, location_)                                                                      \
    {                                                                                                        \
        .name = STR_INIT(name_), .wire = STR_INIT(wire_), .shape = &text, .location = (location_)            \
    }
static const struct shape_member members[] = {MEMBER("bucket", "Bucket", WIRE_PATH),
    MEMBER("key", "Key", WIRE_PATH), MEMBER("version", "versionId", WIRE_QUERY_STRING),
    MEMBER("range", "Range", WIRE_HEADER), MEMBER("if_match", "If-Match", WIRE_HEADER),
    MEMBER("checksum_mode", "x-amz-checksum-mode", WIRE_HEADER)};
const struct shape download_shape = {
    .kind = SHAPE_STRUCT, .members = members, .member_count = sizeof members / sizeof *members};

const struct wire_operation download_get = S3_OPERATION("GetObject", "GET", "");
static const struct wire_operation head_object = S3_OPERATION("HeadObject", "HEAD", "");

const struct value *download_name(struct arena *arena, const struct s3_download *download)
{
    struct value_entry entries[] = {{STR("bucket"), value_string(arena, download->bucket)},
        {STR("key"), value_string(arena, download->key)},
        {STR("version"), value_string(arena, download->version_id)}};
    return value_map(arena, entries, download->version_id.n ? 3 : 2);
}

/* ---- what there is ---- */

static bool decode_sum(struct arena *arena, struct str header, size_t size, struct str *out)
{
    return header.n && base64_decode(arena, header, out) && out->n == size;
}

/* One of a part's checksums ("…-3") says nothing of the whole; its length gives it away. */
static void read_sums(struct arena *arena, const struct wire_message *answer, struct download_source *out)
{
    struct str raw, noted = wire_header_get(answer, STR("x-amz-meta-" S3_HASH_HEADER));
    bool composite = str_ieq(wire_header_get(answer, STR("x-amz-checksum-type")), STR("COMPOSITE"));
    const struct s3_download *d = out->download;
    bool same = d->sha256_etag.n && str_eq(d->sha256_etag, aws_s3_unquoted(out->etag));
    out->sha256 = d->sha256;
    if (d->sha256.n && !same)
        return;
    if (!composite &&
        decode_sum(arena, wire_header_get(answer, STR("x-amz-checksum-crc64nvme")), sizeof out->crc, &raw)) {
        out->has_crc = true;
        out->sha256 = STR_EMPTY;
        for (size_t i = 0; i < raw.n; i++)
            out->crc = out->crc << 8 | (unsigned char)raw.p[i];
    } else if (d->sha256.n) {
        return;
    } else if (!composite &&
               decode_sum(arena, wire_header_get(answer, STR("x-amz-checksum-sha256")), SHA256_SIZE, &raw)) {
        out->sha256 = hex_encode(arena, raw.p, raw.n);
    } else if (noted.n == (size_t)2 * SHA256_SIZE) {
        out->sha256 = arena_str(arena, noted);
    }
}

static int download_look(
    struct op_ctx *ctx, const struct s3_download *download, struct download_source *out, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message answer;
    const struct value *input = value_with(ctx->arena, download_name(ctx->arena, download),
        STR("checksum_mode"), value_stringz(ctx->arena, "ENABLED"));
    *out = (struct download_source){.download = download};
    if (aws_s3_call(ctx, &head_object, &download_shape, input, &call, &answer, err))
        return -1;
    if (!str_to_int(wire_header_get(&answer, STR("Content-Length")), &out->size) || out->size < 0)
        return err_set(err, ERR_PROTOCOL, "the service does not say how large the object is");
    out->etag = arena_str(ctx->arena, wire_header_get(&answer, STR("ETag")));
    read_sums(ctx->arena, &answer, out);
    return 0;
}

/* ---- all of it ---- */

/* May the next run go on where this one stopped? */
static bool worth_keeping(const struct err *err)
{
    return err->retryable || err->class == ERR_NETWORK || err->class == ERR_TIMEOUT ||
           err->class == ERR_INTERRUPTED || err->class == ERR_THROTTLED || err->class == ERR_AUTH;
}

static enum download_result download_fetch(
    struct op_ctx *ctx, const struct download_source *source, int64_t part_size, struct err *err)
{
    const struct s3_download *d = source->download;
    struct download_file file;
    struct str what = arena_printf(ctx->arena, "%.*s/%.*s %.*s %.*s", STR_ARG(d->bucket), STR_ARG(d->key),
        STR_ARG(d->version_id), STR_ARG(source->etag));
    if (download_file_open(ctx->arena, d->path, what, source->size, part_size, &file, err))
        return DOWNLOAD_FAILED;
    enum download_result result = download_parts(ctx, source, &file, err);
    if (result == DOWNLOAD_OK)
        return download_file_finish(&file, err) ? DOWNLOAD_FAILED : DOWNLOAD_OK;
    if (result == DOWNLOAD_FAILED && worth_keeping(err))
        download_file_close(&file);
    else
        download_file_discard(&file);
    return result;
}

static enum download_result download_once(
    struct op_ctx *ctx, const struct s3_download *download, struct s3_downloaded *out, struct err *err)
{
    struct download_source source;
    if (download_look(ctx, download, &source, err))
        return DOWNLOAD_FAILED;
    out->size = source.size;
    if (download->max_bytes && source.size > download->max_bytes) {
        err_set(err, ERR_FAILED, "it is larger than %lld MiB", (long long)(download->max_bytes >> 20));
        return DOWNLOAD_FAILED;
    }
    enum download_result result = download_fetch(ctx, &source, download_part_size(source.size), err);
    if (result == DOWNLOAD_NO_RANGES)
        result = download_fetch(ctx, &source, source.size, err);
    *out = (struct s3_downloaded){.size = source.size,
        .etag = aws_s3_unquoted(source.etag),
        .verified = source.has_crc || source.sha256.n};
    return result;
}

int s3_download(
    struct op_ctx *ctx, const struct s3_download *download, struct s3_downloaded *out, struct err *err)
{
    struct err why = ERR_INIT;
    for (int tries = 0; tries < TRIES; tries++) {
        why = (struct err)ERR_INIT;
        enum download_result result = download_once(ctx, download, out, &why);
        if (result == DOWNLOAD_OK)
            return 0;
        if (result != DOWNLOAD_CHANGED)
            break;
    }
    *err = why;
    return err_context(err, "downloading s3://%.*s/%.*s", STR_ARG(download->bucket), STR_ARG(download->key));
}
