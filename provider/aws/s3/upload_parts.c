/* Multipart uploads: starting, completing, and the whole sequence. */
#include "provider/aws/s3/upload.h"

#include "base/clock.h"
#include "base/json.h"
#include "provider/aws/s3/s3.h"

static const struct wire_operation create_upload = S3_ANSWERED("CreateMultipartUpload", "POST", "uploads",
                                       "InitiateMultipartUploadResult"),
                                   complete_upload = S3_ANSWERED("CompleteMultipartUpload", "POST", "",
                                       "CompleteMultipartUploadResult");

const struct value *upload_parts_name(struct parts *p, struct arena *arena)
{
    return value_with(arena, aws_s3_name(arena, p->upload->bucket, p->upload->key), STR("upload"),
        p->record.upload.n ? value_string(arena, p->record.upload) : NULL);
}

struct str upload_crc_text(struct arena *arena, uint64_t crc)
{
    char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(crc >> (56 - 8 * i));
    return base64_encode(arena, str_n(bytes, sizeof bytes));
}

int64_t upload_part_length(const struct parts *p, int part)
{
    int64_t left = p->record.size - upload_part_start(p, part);
    return left < p->record.part_size ? left : p->record.part_size;
}

/* ---- starting ---- */

/* True if the error means that the service does not support the checksum. */
static bool refuses_sums(const struct err *err)
{
    return err->http_status == 501 ||
           ((err->http_status == 400) &&
               (str_eqz(str_z(err->code), "InvalidRequest") || str_eqz(str_z(err->code), "InvalidArgument") ||
                   str_eqz(str_z(err->code), "NotImplemented")));
}

enum { BEGIN_ATTEMPTS = 4, BEGIN_PAUSE_MS = 250 };

static int begin_once(struct parts *p, struct str sha256, struct s3_uploaded *out, struct err *err)
{
    struct arena *arena = p->ctx->arena;
    struct wire_message answer;
    const struct value *input = upload_input(arena, p->upload, sha256), *document;
    for (p->record.sums = true;; p->record.sums = false) {
        struct aws_call call = {.body_fd = -1, .sensitive = p->upload->sensitive};
        struct err failure = ERR_INIT;
        struct value_entry sums[] = {
            {STR("checksum_algorithm"), p->record.sums ? value_string_ref(arena, STR("CRC64NVME")) : NULL},
            {STR("checksum_type"), p->record.sums ? value_string_ref(arena, STR("FULL_OBJECT")) : NULL}};
        const struct value *whole = value_merge(arena, input, value_map(arena, sums, 2));
        if (!aws_s3_call(p->ctx, &create_upload, whole, &call, &answer, &failure))
            break;
        if (!p->record.sums || !refuses_sums(&failure))
            return err_raise(err, &failure);
    }
    int unread = wire_decode_response(arena, &create_upload, &answer, &document, err);
    p->record.upload = unread ? STR_EMPTY : value_gets(document, "UploadId");
    if (!unread && !p->record.upload.n)
        err_set(err, ERR_PROTOCOL, "the service gives no id for the upload");
    if (!p->record.upload.n) {
        err->lost = true;
        return -1;
    }
    upload_fill(arena, &answer, out);
    upload_record_begin(&p->record);
    return 0;
}

/* If the response was lost, the upload may exist with an unknown id: it is aborted before another one is
 * started. */
static int upload_parts_begin(struct parts *p, struct str sha256, struct s3_uploaded *out, struct err *err)
{
    int64_t pause = BEGIN_PAUSE_MS, since_ms = clock_wall_ms();
    for (int attempt = 1;; attempt++, pause *= 2) {
        struct err failure = ERR_INIT, ignored = ERR_INIT;
        if (!begin_once(p, sha256, out, &failure))
            return 0;
        if (failure.lost)
            s3_unfinished_abort_since(p->ctx, p->upload->bucket, p->upload->key, since_ms, &ignored);
        bool cancelled = cancel_is_set(p->ctx->cancel);
        if (!failure.lost || attempt == BEGIN_ATTEMPTS || cancelled)
            return err_raise(err, &failure);
        clock_sleep_ms(pause);
    }
}

/* ---- completing ---- */

static struct str complete_body(struct parts *p, struct arena *arena)
{
    AUTO_BUF struct buf body = BUF_INIT;
    buf_addz(&body, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (int i = 0; i < p->count; i++) {
        buf_addf(&body, "<Part><PartNumber>%d</PartNumber><ETag>", i + 1);
        wire_xml_escape(&body, p->record.parts[i].etag, false);
        buf_addz(&body, "</ETag>");
        if (p->record.sums)
            buf_addf(
                &body, "<ChecksumCRC64NVME>%s</ChecksumCRC64NVME>", upload_crc_text(arena, p->crcs[i]).p);
        buf_addz(&body, "</Part>");
    }
    buf_addz(&body, "</CompleteMultipartUpload>");
    return arena_str(arena, buf_str(&body));
}

static uint64_t whole_crc(const struct parts *p)
{
    uint64_t crc = p->crcs[0];
    for (int i = 1; i < p->count; i++)
        crc = crc64_combine(crc, p->crcs[i], (uint64_t)upload_part_length(p, i));
    return crc;
}

static int upload_parts_complete(struct parts *p, struct s3_uploaded *out, struct err *err)
{
    struct arena *arena = p->ctx->arena;
    struct err failure = ERR_INIT;
    struct wire_message answer;
    const struct value *document, *input = upload_parts_name(p, arena);
    struct str sum = upload_crc_text(arena, whole_crc(p));
    struct aws_call call = {.body_fd = -1, .request.body = complete_body(p, arena)};
    if (p->record.sums) {
        input = value_with(arena, input, STR("crc64"), value_string_ref(arena, sum));
        input = value_with(arena, input, STR("checksum_type"), value_string_ref(arena, STR("FULL_OBJECT")));
    }
    if (aws_s3_call(p->ctx, &complete_upload, input, &call, &answer, &failure)) {
        if (str_eqz(str_z(failure.code), "NoSuchUpload") && upload_parts_is_there(p, out))
            return 0;
        return err_raise(err, &failure);
    }
    if (wire_decode_response(arena, &complete_upload, &answer, &document, err))
        return upload_parts_is_there(p, out) ? 0 : -1;
    struct str kept = value_gets(document, "ChecksumCRC64NVME");
    if (p->record.sums && kept.n && !str_eq(kept, sum))
        return err_set(err, ERR_PROTOCOL, "the service reports the checksum of another object than was sent");
    upload_fill(arena, &answer, out);
    out->etag = aws_s3_unquoted(value_gets(document, "ETag"));
    return 0;
}

/* True if the next run may continue the upload after this error. */
static bool worth_keeping(const struct parts *p, const struct err *err)
{
    bool passing = err->retryable || err->class == ERR_NETWORK || err->class == ERR_TIMEOUT ||
                   err->class == ERR_INTERRUPTED || err->class == ERR_THROTTLED || err->class == ERR_AUTH;
    return passing && p->record.fd >= 0;
}

/* ---- the whole upload ---- */

static enum upload_result upload_parts_finish(struct parts *p, bool known, struct str expected,
    int64_t began_ms, struct s3_uploaded *out, struct err *err)
{
    unsigned char digest[SHA256_SIZE];
    out->sha256 = expected;
    out->size = p->record.size;
    if (p->sha) {
        sha256_final(p->sha, digest);
        p->sha = NULL;
        out->sha256 = hex_encode(p->ctx->arena, digest, sizeof digest);
    }
    if (!upload_unchanged(p->source))
        return UPLOAD_CHANGED;
    if (expected.n && !str_eq(out->sha256, expected)) {
        upload_unexpected(p->upload, err);
        return UPLOAD_FAILED;
    }
    if (!known)
        digests_remember(p->ctx->digests, &p->source->id, began_ms, digest);
    return !p->completed && upload_parts_complete(p, out, err) ? UPLOAD_FAILED : UPLOAD_OK;
}

static enum upload_result upload_parts_run(
    struct parts *p, bool known, struct str sha256, struct s3_uploaded *out, struct err *err)
{
    AUTO_BUF struct buf asked = BUF_INIT;
    int64_t began_ms = clock_wall_ms();
    json_write(&asked, upload_input(p->ctx->arena, p->upload, STR_EMPTY), JSON_PLAIN);
    p->record.settings = sha256_hex(p->ctx->arena, buf_str(&asked));
    p->record.sha256 = sha256;
    if (!upload_parts_resume(p, out) && upload_parts_begin(p, sha256, out, err))
        return UPLOAD_FAILED;
    enum upload_result result = UPLOAD_FAILED;
    if (!upload_parts_send(p, err))
        result = upload_parts_finish(p, known, sha256, began_ms, out, err);
    else if (p->completed || !upload_unchanged(p->source))
        result = UPLOAD_CHANGED;
    if (result == UPLOAD_OK)
        upload_record_remove(&p->record);
    else if (result == UPLOAD_CHANGED || !worth_keeping(p, err))
        upload_parts_abort(p);
    return result;
}

enum upload_result upload_in_parts(struct op_ctx *ctx, const struct s3_upload *upload,
    struct upload_source *source, bool known, struct str sha256, struct s3_uploaded *out, struct err *err)
{
    struct parts p = {.ctx = ctx, .upload = upload, .source = source};
    *out = (struct s3_uploaded){0};
    p.record = (struct upload_record){.bucket = upload->bucket,
        .key = upload->key,
        .size = source->size,
        .part_size = upload_part_size(source->size),
        .path = upload_record_path(ctx->arena, ctx->work_dir, upload->bucket, upload->key),
        .fd = -1};
    if (!p.record.part_size) {
        err_set(err, ERR_INVALID, "\"%s\" is too large for an object", source->name);
        return UPLOAD_FAILED;
    }
    p.count = upload_part_count(source->size, p.record.part_size);
    p.record.parts = ARENA_ARRAY(ctx->arena, struct upload_part, p.count);
    p.crcs = ARENA_ARRAY(ctx->arena, uint64_t, p.count);
    p.sha = known ? NULL : sha256_new();
    enum upload_result result = upload_parts_run(&p, known, sha256, out, err);
    if (p.sha) {
        unsigned char unused[SHA256_SIZE];
        sha256_final(p.sha, unused);
    }
    upload_record_close(&p.record);
    arena_release(&p.arena);
    return result;
}

void s3_upload_forget(struct op_ctx *ctx, struct str bucket, struct str key)
{
    struct s3_upload upload = {.bucket = bucket, .key = key};
    struct parts p = {.ctx = ctx, .upload = &upload};
    struct str path = upload_record_path(ctx->arena, ctx->work_dir, bucket, key);
    if (upload_record_read(ctx->arena, path, &p.record))
        upload_parts_abort(&p);
}
