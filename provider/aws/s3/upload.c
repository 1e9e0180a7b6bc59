/* Uploads to S3: see upload.h. */
#include "provider/aws/s3/upload.h"

#include "base/embed.h"
#include "base/file.h"
#include "provider/aws/s3/s3.h"

#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- The media type that a file name stands for ---- */

/* What pipelines store is in content_types.txt. */
struct str content_type_of(struct str name)
{
    char ending[16]; /* longer ones are none that are known */
    struct str base = path_base(name), type = STR_EMPTY;
    size_t dot = base.n, n = 0;
    while (dot && base.p[dot - 1] != '.')
        dot--;
    if (dot > 1 && base.n - dot < sizeof ending) {
        for (size_t i = dot; i < base.n; i++)
            ending[n++] = (char)tolower((unsigned char)base.p[i]);
        type = embedded_line("provider/aws/content_types.txt", str_n(ending, n));
    }
    return type.n ? type : STR("application/octet-stream");
}

/* ---- the source ---- */

void upload_close(struct upload_source *source)
{
    fd_close_ptr(&source->fd);
}

#define AUTO_SOURCE __attribute__((cleanup(upload_close)))

int upload_open(const struct s3_upload *upload, struct upload_source *out, struct err *err)
{
    struct stat st;
    *out = (struct upload_source){.fd = -1, .name = upload->path, .bytes = upload->bytes};
    out->size = (int64_t)upload->bytes.n;
    if (!upload->path)
        return 0;
    out->fd = open(upload->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us up */
    if (out->fd < 0 || fstat(out->fd, &st))
        return err_errno(err, ERR_IO, "cannot read \"%s\"", upload->path);
    if (confined_file(out->fd, upload->path, err))
        return -1;
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "\"%s\" is not a file", upload->path);
    out->id = file_id_of(&st);
    out->size = out->id.size;
    return 0;
}

bool upload_unchanged(const struct upload_source *source)
{
    struct stat st;
    if (source->fd < 0)
        return true;
    /* The name may lead to another file by now: then that is the one to upload. */
    if (stat(source->name, &st))
        return false;
    struct file_id now = file_id_of(&st);
    return file_id_equal(&now, &source->id);
}

/* ---- requests ---- */

/* key=value&…, as the header wants it */
static const struct value *tagging_text(struct arena *arena, const struct value *tags)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (uint32_t i = 0; tags && tags->kind == VALUE_MAP && i < tags->count; i++)
        url_add_parameter(&out, tags->entries[i].key, value_text(tags->entries[i].value, STR_EMPTY));
    return out.n ? value_string(arena, buf_str(&out)) : NULL;
}

const struct value *upload_input(struct arena *arena, const struct s3_upload *upload, struct str sha256)
{
    static const struct str passed[] = {STR_INIT("content_encoding"), STR_INIT("cache_control"),
        STR_INIT("storage_class"), STR_INIT("server_side_encryption"), STR_INIT("kms_key")};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        value_builder_set(&b, passed[i], value_get(upload->settings, passed[i]));
    const struct value *type = value_getz(upload->settings, "content_type"),
                       *metadata = value_getz(upload->settings, "metadata");
    if (value_is_null(type))
        type = value_string(arena, content_type_of(upload->key));
    if (sha256.n)
        metadata = value_with(arena, metadata, STR(S3_HASH_HEADER), value_string(arena, sha256));
    value_builder_set(&b, STR("bucket"), value_string(arena, upload->bucket));
    value_builder_set(&b, STR("key"), value_string(arena, upload->key));
    value_builder_set(&b, STR("content_type"), type);
    value_builder_set(&b, STR("metadata"), metadata);
    value_builder_set(&b, STR("tagging"), tagging_text(arena, value_getz(upload->settings, "tags")));
    return value_builder_map(&b);
}

static struct str upload_header(struct arena *arena, const struct wire_message *answer, const char *name)
{
    return arena_str(arena, wire_header_get(answer, str_z(name)));
}

void upload_fill(struct arena *arena, const struct wire_message *answer, struct s3_uploaded *out)
{
    struct str etag = upload_header(arena, answer, "ETag"),
               version = upload_header(arena, answer, "x-amz-version-id"),
               sse = upload_header(arena, answer, "x-amz-server-side-encryption"),
               key = upload_header(arena, answer, "x-amz-server-side-encryption-aws-kms-key-id");
    if (etag.n)
        out->etag = aws_s3_unquoted(etag);
    if (version.n)
        out->version_id = version;
    if (sse.n)
        out->server_side_encryption = sse;
    if (key.n)
        out->kms_key = key;
}

/* ---- either way ---- */

int upload_unexpected(const struct s3_upload *upload, struct err *err)
{
    if (!upload->path)
        return err_set(err, ERR_INVALID, "the content does not have the given size or checksum");
    err_set(err, ERR_STALE, "\"%s\" is not what it was when it was looked at", upload->path);
    return err_hint(err, "it was changed meanwhile; plan again");
}

bool upload_is_large(const struct upload_source *source)
{
    return source->fd >= 0 && source->size >= S3_PARTS_FROM;
}

/* Of a large file the digest may be known; what it is, is found out while it is sent. */
static enum upload_result large_once(struct op_ctx *ctx, const struct s3_upload *upload,
    struct upload_source *source, struct s3_uploaded *out, struct err *err)
{
    unsigned char digest[SHA256_SIZE];
    bool known = digests_find(ctx->digests, &source->id, digest);
    struct str sha256 = known ? hex_encode(ctx->arena, digest, sizeof digest) : upload->sha256;
    if (upload->sha256.n && !str_eq(sha256, upload->sha256)) {
        upload_unexpected(upload, err);
        return UPLOAD_FAILED;
    }
    return upload_in_parts(ctx, upload, source, known, sha256, out, err);
}

static enum upload_result small_once(struct op_ctx *ctx, const struct s3_upload *upload,
    struct upload_source *source, struct s3_uploaded *out, struct err *err)
{
    struct upload_put put;
    struct wire_message answer;
    struct err failure = ERR_INIT;
    enum upload_result result = upload_put_begin(ctx, upload, source, &put, err);
    if (result != UPLOAD_OK)
        return result;
    aws_send(provider_aws(ctx->provider), &put.call, ctx->arena, &answer, &failure);
    return upload_put_end(ctx->arena, &put, &answer, &failure, out, err);
}

static enum upload_result upload_once(
    struct op_ctx *ctx, const struct s3_upload *upload, struct s3_uploaded *out, struct err *err)
{
    AUTO_SOURCE struct upload_source source;
    if (upload_open(upload, &source, err))
        return UPLOAD_FAILED;
    return upload_is_large(&source) ? large_once(ctx, upload, &source, out, err)
                                    : small_once(ctx, upload, &source, out, err);
}

int upload_restless(const struct s3_upload *upload, struct err *err)
{
    err_set(err, ERR_IO, "\"%s\" changes while it is uploaded", upload->path);
    return err_hint(err, "let whatever writes it finish first");
}

int s3_upload(struct op_ctx *ctx, const struct s3_upload *upload, struct s3_uploaded *out, struct err *err)
{
    struct err failure = ERR_INIT;
    for (int tries = 0; tries < UPLOAD_TRIES; tries++) {
        switch (upload_once(ctx, upload, out, &failure)) {
        case UPLOAD_OK: return 0;
        case UPLOAD_FAILED: *err = failure; return -1;
        case UPLOAD_CHANGED: break;
        }
    }
    return upload_restless(upload, err);
}
