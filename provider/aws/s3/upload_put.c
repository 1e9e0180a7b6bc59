/*
 * Uploads in one piece: what comes before and after the request, so that one thread can have many of them on
 * their way.
 */
#include "base/digests.h"
#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/upload_internal.h"

#include <errno.h>
#include <unistd.h>

enum { INLINE_MAX = 48 * 1024 /* goes out in one piece with its head; more would be sent after it */ };

static const struct wire_operation put_object = S3_OPERATION("PutObject", "PUT", "");

/* Refused because the bytes were not those whose hash was announced. */
static bool is_other_content(const struct err *err)
{
    return str_is_any(
        str_z(err->code), "XAmzContentSHA256Mismatch XAmzContentChecksumMismatch BadDigest InvalidDigest");
}

/* A small file's bytes in place of the file. */
static enum upload_result read_small(
    struct arena *arena, const struct upload_source *source, struct aws_call *call, struct err *err)
{
    char *bytes = arena_alloc(arena, (size_t)source->size + 1);
    size_t have = 0;
    while (have < (size_t)source->size) {
        ssize_t n = pread(source->fd, bytes + have, (size_t)source->size - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err_errno(err, ERR_IO, "cannot read \"%s\"", source->name);
        if (n <= 0)
            return n < 0 ? UPLOAD_FAILED : UPLOAD_CHANGED; /* it is shorter than it was */
        have += (size_t)n;
    }
    bytes[have] = 0;
    call->request.body = str_n(bytes, have);
    return UPLOAD_OK;
}

/* Also: is it what the caller expects? */
static int hash_source(
    struct op_ctx *ctx, struct upload_put *put, unsigned char digest[SHA256_SIZE], struct err *err)
{
    struct upload_source *source = put->source;
    if (source->fd < 0)
        hash_sha256(source->bytes, digest);
    else if (digests_of_file(ctx->digests, source->fd, source->name, &source->id, digest, err))
        return -1;
    else
        source->size = source->id.size;
    put->call.payload_hash = hex_encode(ctx->arena, digest, SHA256_SIZE);
    if (put->upload->sha256.n && !str_eq(put->call.payload_hash, put->upload->sha256))
        return upload_unexpected(put->upload, err);
    return 0;
}

enum upload_result upload_put_begin(struct op_ctx *ctx, const struct s3_upload *upload,
    struct upload_source *source, struct upload_put *put, struct err *err)
{
    unsigned char digest[SHA256_SIZE];
    struct arena *arena = ctx->arena;
    *put = (struct upload_put){.upload = upload,
        .source = source,
        .call = {.body_fd = source->fd, .sensitive = upload->sensitive, .request.body = source->bytes}};
    if (hash_source(ctx, put, digest, err))
        return UPLOAD_FAILED;
    put->sum = base64_encode(arena, str_n((const char *)digest, SHA256_SIZE));
    enum upload_result result = UPLOAD_OK;
    if (source->fd >= 0 && source->size > INLINE_MAX)
        put->call.body_length = source->size;
    else if (source->fd >= 0)
        result = read_small(arena, source, &put->call, err);
    if (result != UPLOAD_OK)
        return result;
    const struct value *input = upload_input(arena, upload, put->call.payload_hash);
    input = value_with(arena, input, STR("sha256"), value_string_ref(arena, put->sum));
    put->repeats = (struct repeats){.op = ctx, .what = put_object.name};
    put->call.repeats = repeats_tell;
    put->call.repeats_ctx = &put->repeats;
    return aws_s3_prepare(ctx, &put_object, &aws_s3_put_shape, input, &put->call, err) ? UPLOAD_FAILED
                                                                                       : UPLOAD_OK;
}

enum upload_result upload_put_end(struct arena *arena, const struct upload_put *put,
    const struct wire_message *answer, const struct err *failure, struct s3_uploaded *out, struct err *err)
{
    const struct upload_source *source = put->source;
    if (failure->class) {
        bool changed = source->fd >= 0 && (is_other_content(failure) || failure->class == ERR_IO) &&
                       !upload_unchanged(source);
        *err = *failure;
        return changed ? UPLOAD_CHANGED : UPLOAD_FAILED;
    }
    repeats_done(&put->repeats);
    struct str kept = wire_header_get(answer, STR("x-amz-checksum-sha256"));
    if (kept.n && !str_eq(kept, put->sum)) {
        err_set(err, ERR_PROTOCOL, "the service says it keeps other bytes than were sent");
        return UPLOAD_FAILED;
    }
    *out = (struct s3_uploaded){.sha256 = put->call.payload_hash, .size = source->size};
    upload_fill(arena, answer, out);
    return UPLOAD_OK;
}
