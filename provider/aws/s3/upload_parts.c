/* Uploads in parts. */
#include "base/clock.h"
#include "base/crc64.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/aws/pages.h"
#include "provider/aws/rate_line.h"
#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/s3_unfinished.h"
#include "provider/aws/s3/upload_internal.h"
#include "provider/aws/s3/upload_record.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * One thread reads and hashes the parts, in order, while a few that it has read are on their way and as many
 * wait for their turn. So SHA-256 runs over the file once from its beginning to its end, and the network is
 * never idle. The bytes are read again for sending, but then they are in the page cache, or the machine has
 * so little memory that nothing would help.
 *
 * Between the parts it tells of progress, and passes a wish to stop on to what is on its way.
 */

enum {
    AT_ONCE = 8,
    AHEAD = 8, /* so many are read before they can be sent */
    BLOCK = 256 * 1024,
    TICK_MS = 200,
};

static const struct shape text = {.kind = SHAPE_STRING}, number = {.kind = SHAPE_INT};

#define PATH(name_, wire_)                                                                                   \
    {                                                                                                        \
        .name = STR_INIT(name_), .wire = STR_INIT(wire_), .shape = &text, .location = WIRE_PATH              \
    }
#define QUERY(name_, wire_, shape_)                                                                          \
    {                                                                                                        \
        .name = STR_INIT(name_), .wire = STR_INIT(wire_), .shape = &(shape_), .location = WIRE_QUERY_STRING  \
    }
#define HEADER(name_, wire_)                                                                                 \
    {                                                                                                        \
        .name = STR_INIT(name_), .wire = STR_INIT(wire_), .shape = &text, .location = WIRE_HEADER            \
    }
static const struct shape_member part_members[] = {PATH("bucket", "Bucket"), PATH("key", "Key"),
    QUERY("upload", "uploadId", text), QUERY("part", "partNumber", number),
    QUERY("after", "part-number-marker", text), HEADER("crc64", "x-amz-checksum-crc64nvme"),
    HEADER("checksum_type", "x-amz-checksum-type")};
static const struct shape part_shape = {.kind = SHAPE_STRUCT,
    .members = part_members,
    .member_count = sizeof part_members / sizeof *part_members};

static const struct wire_operation create_upload = S3_ANSWERED("CreateMultipartUpload", "POST", "uploads",
                                       "InitiateMultipartUploadResult"),
                                   upload_part = S3_OPERATION("UploadPart", "PUT", ""),
                                   list_parts = S3_ANSWERED("ListParts", "GET", "", "ListPartsResult"),
                                   complete_upload = S3_ANSWERED("CompleteMultipartUpload", "POST", "",
                                       "CompleteMultipartUploadResult"),
                                   abort_upload = S3_OPERATION("AbortMultipartUpload", "DELETE", ""),
                                   head_object = S3_OPERATION("HeadObject", "HEAD", "");

/* A part on its way. */
struct slot {
    int part;
    struct str sum;
    struct arena arena;
    struct aws_call call;
    struct aws_sending sending;
    struct slot *next; /* free */
};

struct parts {
    struct op_ctx *ctx;
    const struct s3_upload *upload;
    const struct upload_source *source;
    struct upload_record record; /* its parts are the upload's */
    int count;
    bool completed; /* a killed run got as far as that: the parts are the object's */
    uint64_t *crcs;
    struct sha256 *sha; /* NULL: it is known */
    char *block;
    struct arena arena; /* entity tags */

    int read, sent; /* so many parts have been */
    int64_t at;     /* of the file, up to there */
    struct aws_flight *flight;
    struct slot *free;
    atomic_bool stop;          /* for what is on its way */
    struct err err;            /* the first failure */
    atomic_int_fast64_t moved; /* bytes on their way or arrived */
    int64_t kept;              /* bytes that had arrived before */
    int64_t began_ms, told_ms;
};

static const struct value *upload_parts_name_of(struct parts *p, struct arena *arena)
{
    struct value_entry entries[] = {{STR("bucket"), value_string(arena, p->upload->bucket)},
        {STR("key"), value_string(arena, p->upload->key)},
        {STR("upload"), value_string(arena, p->record.upload)}};
    return value_map(arena, entries, p->record.upload.n ? 3 : 2);
}

/* The CRC as S3 writes it. */
static struct str crc_text(struct arena *arena, uint64_t crc)
{
    char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(crc >> (56 - 8 * i));
    return base64_encode(arena, str_n(bytes, sizeof bytes));
}

static int64_t part_start(const struct parts *p, int part)
{
    return p->record.part_size * part;
}

static int64_t part_length(const struct parts *p, int part)
{
    int64_t left = p->record.size - part_start(p, part);
    return left < p->record.part_size ? left : p->record.part_size;
}

/* ---- reading ---- */

static bool is_there_already(const struct parts *p, int part)
{
    const struct upload_part *there = &p->record.parts[part];
    return there->etag.n && there->crc == p->crcs[part];
}

/* A block of the next part. */
static int read_on(struct parts *p, struct err *err)
{
    int64_t left = part_start(p, p->read) + part_length(p, p->read) - p->at;
    ssize_t n = pread(p->source->fd, p->block, left < BLOCK ? (size_t)left : BLOCK, p->at);
    if (n < 0 && errno == EINTR)
        return 0;
    if (n < 0)
        return err_errno(err, ERR_IO, "cannot read \"%s\"", p->source->name);
    if (!n)
        return err_set(err, ERR_IO, "\"%s\" became shorter while it was read", p->source->name);
    p->crcs[p->read] = crc64_update(p->crcs[p->read], p->block, (size_t)n);
    if (p->sha)
        sha256_update(p->sha, p->block, (size_t)n);
    p->at += n;
    if (n < left)
        return 0;
    if (p->completed && !is_there_already(p, p->read)) /* of what the file was before */
        return err_set(err, ERR_STALE, "the object is complete, and the file has changed since");
    p->read++;
    return 0;
}

/* ---- sending ---- */

static void upload_parts_fail(struct parts *p, const struct err *err)
{
    if (!p->stop)
        p->err = *err;
    p->stop = true;
}

static void upload_parts_release(struct parts *p, struct slot *slot)
{
    arena_release(&slot->arena);
    slot->next = p->free;
    p->free = slot;
}

static int send_part(struct parts *p, struct slot *slot, struct err *err)
{
    struct arena *arena = &slot->arena;
    struct op_ctx ctx = *p->ctx;
    ctx.arena = arena;
    ctx.cancel = &p->stop;
    slot->sum = crc_text(arena, p->crcs[slot->part]);
    struct value_entry entries[] = {{STR("part"), value_int(arena, slot->part + 1)},
        {STR("crc64"), p->record.sums ? value_string_ref(arena, slot->sum) : NULL}};
    const struct value *input =
        value_merge(arena, upload_parts_name_of(p, arena), value_map(arena, entries, 2));
    slot->call = (struct aws_call){.body_fd = p->source->fd,
        .body_offset = part_start(p, slot->part),
        .body_length = part_length(p, slot->part),
        .checked = p->record.sums,
        .eager = true,
        .moved = &p->moved,
        .sensitive = p->upload->sensitive};
    if (aws_s3_prepare(&ctx, &upload_part, &part_shape, input, &slot->call, err))
        return -1;
    slot->sending = (struct aws_sending){.call = &slot->call, .arena = arena, .owner = slot};
    aws_flight_add(p->flight, &slot->sending);
    return 0;
}

/* Sends what has been read, as far as it is not there yet and as there are free slots. */
static void send_read(struct parts *p)
{
    struct err err = ERR_INIT;
    for (; p->sent < p->read && p->free && !p->stop; p->sent++) {
        if (is_there_already(p, p->sent)) {
            p->kept += part_length(p, p->sent);
            continue;
        }
        struct slot *slot = p->free;
        p->free = slot->next;
        slot->part = p->sent;
        if (send_part(p, slot, &err)) {
            upload_parts_fail(p, &err);
            upload_parts_release(p, slot);
        }
    }
}

static int check_answer(struct parts *p, struct slot *slot, struct err *err)
{
    struct str etag = wire_header_get(&slot->sending.response, STR("ETag")),
               kept = wire_header_get(&slot->sending.response, STR("x-amz-checksum-crc64nvme"));
    if (slot->sending.result) {
        *err = slot->sending.err;
        return -1;
    }
    if (!etag.n)
        return err_set(err, ERR_PROTOCOL, "the service gives no entity tag for part %d", slot->part + 1);
    if (p->record.sums && kept.n && !str_eq(kept, slot->sum))
        return err_set(err, ERR_PROTOCOL, "the service says it keeps other bytes than were sent");
    p->record.parts[slot->part] = (struct upload_part){arena_str(&p->arena, etag), p->crcs[slot->part]};
    upload_record_add(&p->record, slot->part);
    return 0;
}

static void end_part(struct parts *p, struct slot *slot)
{
    struct err err = ERR_INIT;
    if (check_answer(p, slot, &err)) {
        err_context(&err, "part %d of %d", slot->part + 1, p->count);
        upload_parts_fail(p, &err);
    }
    upload_parts_release(p, slot);
}

static void upload_parts_tell(struct parts *p)
{
    char line[128];
    int64_t now_ms = clock_mono_ms();
    if (!op_tells_progress(p->ctx) || now_ms - p->told_ms < TICK_MS)
        return;
    p->told_ms = now_ms;
    rate_line(line, sizeof line, "uploading", atomic_load(&p->moved), p->kept, p->record.size,
        now_ms - p->began_ms);
    op_progress(p->ctx, line);
}

static void look_around(struct parts *p)
{
    if (p->ctx->cancel && atomic_load(p->ctx->cancel)) {
        struct err interrupted = ERR_INIT;
        err_set(&interrupted, ERR_INTERRUPTED, "interrupted");
        upload_parts_fail(p, &interrupted);
    }
    upload_parts_tell(p);
}

/* Reads and sends everything that is not there yet. */
static int send_all(struct parts *p, struct err *err)
{
    struct slot *slots = mem_zalloc(AT_ONCE * sizeof *slots);
    for (int i = 0; i < AT_ONCE; i++)
        upload_parts_release(p, &slots[i]);
    p->block = mem_alloc(BLOCK);
    p->flight = aws_flight_new(provider_aws(p->ctx->provider));
    p->began_ms = p->told_ms = clock_mono_ms();
    while ((p->sent < p->count && !p->stop) || aws_flight_count(p->flight)) {
        struct err failure = ERR_INIT;
        bool reads = p->read < p->count && p->read < p->sent + AHEAD && !p->stop;
        if (reads && read_on(p, &failure))
            upload_parts_fail(p, &failure);
        send_read(p);
        struct aws_sending *back;
        for (int64_t wait_ms = reads ? 0 : TICK_MS; (back = aws_flight_next(p->flight, wait_ms)); wait_ms = 0)
            end_part(p, back->owner);
        look_around(p);
    }
    aws_flight_free(p->flight);
    free(p->block);
    free(slots);
    if (p->stop)
        *err = p->err;
    return p->stop ? -1 : 0;
}

/* ---- beginning ---- */

/* A service that does not know the checksum says so in one of these ways. */
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
        if (!aws_s3_call(p->ctx, &create_upload, &aws_s3_put_shape, whole, &call, &answer, &failure))
            break;
        if (!p->record.sums || !refuses_sums(&failure)) {
            *err = failure;
            return -1;
        }
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

/* One whose answer was lost lies there without anybody who knows it: it is ended before another is begun. */
static int upload_parts_begin(struct parts *p, struct str sha256, struct s3_uploaded *out, struct err *err)
{
    int64_t pause = BEGIN_PAUSE_MS, since_ms = clock_wall_ms();
    for (int attempt = 1;; attempt++, pause *= 2) {
        struct err failure = ERR_INIT, ignored = ERR_INIT;
        if (!begin_once(p, sha256, out, &failure))
            return 0;
        if (failure.lost)
            s3_unfinished_abort_since(p->ctx, p->upload->bucket, p->upload->key, since_ms, &ignored);
        bool cancelled = p->ctx->cancel && atomic_load(p->ctx->cancel);
        if (!failure.lost || attempt == BEGIN_ATTEMPTS || cancelled) {
            *err = failure;
            return -1;
        }
        clock_sleep_ms(pause);
    }
}

/* ---- going on with what a run before began ---- */

static void abort_parts(struct parts *p)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message answer;
    struct op_ctx ctx = *p->ctx;
    struct err ignored = ERR_INIT;
    ctx.cancel = NULL; /* an interrupted run cleans up, too */
    aws_s3_call(
        &ctx, &abort_upload, &part_shape, upload_parts_name_of(p, ctx.arena), &call, &answer, &ignored);
    upload_record_remove(&p->record);
}

/* Strikes out what the service does not have. */
static int compare_parts(struct parts *p, struct err *err)
{
    struct arena *arena = p->ctx->arena;
    bool *confirmed = ARENA_ARRAY(arena, bool, p->count);
    struct str after = STR_EMPTY;
    AUTO_PAGES struct pages pages = PAGES_INIT;
    do {
        const struct value *document, *list;
        const struct value *input = upload_parts_name_of(p, arena);
        if (after.n)
            input = value_with(arena, input, STR("after"), value_string(arena, after));
        if (aws_s3_ask(p->ctx, &list_parts, &part_shape, input, "", &document, err))
            return -1;
        list = wire_path(arena, document, STR("Part[]"));
        for (uint32_t i = 0; list && i < list->count; i++) {
            int64_t part;
            struct str etag = value_gets(list->items[i], "ETag");
            if (str_to_int(value_gets(list->items[i], "PartNumber"), &part) && part >= 1 && part <= p->count)
                confirmed[part - 1] =
                    str_eq(aws_s3_unquoted(etag), aws_s3_unquoted(p->record.parts[part - 1].etag));
        }
        bool more = str_eqz(value_gets(document, "IsTruncated"), "true");
        struct str next = value_gets(document, "NextPartNumberMarker");
        more = more && !str_eq(next, after); /* a page that leads to itself is the last */
        if (more && pages_next(&pages, list_parts.name, next, err))
            return -1;
        after = more ? next : STR_EMPTY;
    } while (after.n);
    for (int i = 0; i < p->count; i++)
        if (!confirmed[i])
            p->record.parts[i] = (struct upload_part){0};
    return 0;
}

/* S3's entity tag for an object of parts: the MD5 of the parts' MD5s, and how many there are. */
static struct str expected_etag(struct parts *p, struct arena *arena)
{
    AUTO_BUF struct buf sums = BUF_INIT;
    for (int i = 0; i < p->count; i++) {
        struct str raw;
        if (!hex_decode(arena, aws_s3_unquoted(p->record.parts[i].etag), &raw))
            return STR_EMPTY;
        buf_add_str(&sums, raw);
    }
    unsigned char digest[MD5_SIZE];
    hash_md5(buf_str(&sums), digest);
    struct str hex = hex_encode(arena, digest, sizeof digest);
    return arena_printf(arena, "%.*s-%d", STR_ARG(hex), p->count);
}

/* The answer was lost, and the upload is gone since: did it become the object? */
static bool upload_parts_is_there(struct parts *p, struct s3_uploaded *out)
{
    struct arena *arena = p->ctx->arena;
    struct aws_call call = {.body_fd = -1};
    struct wire_message answer;
    struct err ignored = ERR_INIT;
    if (aws_s3_call(p->ctx, &head_object, &aws_s3_name_shape, upload_parts_name_of(p, arena), &call, &answer,
            &ignored))
        return false;
    struct str etag = aws_s3_unquoted(wire_header_get(&answer, STR("ETag")));
    if (!str_eq(etag, expected_etag(p, arena)))
        return false;
    upload_fill(arena, &answer, out);
    return true;
}

static bool has_all_parts(const struct parts *p)
{
    for (int i = 0; i < p->count; i++)
        if (!p->record.parts[i].etag.n)
            return false;
    return true;
}

/* Whether it can go on; what cannot is aborted. */
static bool resume(struct parts *p, struct s3_uploaded *out)
{
    struct upload_record left;
    struct err failure = ERR_INIT;
    if (!upload_record_read(p->ctx->arena, p->record.path, &left) ||
        !str_eq(left.bucket, p->upload->bucket) || !str_eq(left.key, p->upload->key))
        return false;
    struct upload_record fresh = p->record;
    p->record = left;
    bool same = left.size == fresh.size && left.part_size == fresh.part_size &&
                str_eq(left.settings, fresh.settings) &&
                (!left.sha256.n || str_eq(left.sha256, fresh.sha256));
    if (same && !compare_parts(p, &failure)) {
        upload_record_resume(&p->record);
        return true;
    }
    if (same && str_eqz(str_z(failure.code), "NoSuchUpload") && has_all_parts(p) &&
        upload_parts_is_there(p, out)) {
        p->completed = true;
        return true;
    }
    abort_parts(p);
    p->record = fresh;
    return false;
}

/* ---- the end ---- */

static struct str complete_body(struct parts *p, struct arena *arena)
{
    AUTO_BUF struct buf body = BUF_INIT;
    buf_addz(&body, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (int i = 0; i < p->count; i++) {
        buf_addf(&body, "<Part><PartNumber>%d</PartNumber><ETag>", i + 1);
        wire_xml_escape(&body, p->record.parts[i].etag, false);
        buf_addz(&body, "</ETag>");
        if (p->record.sums)
            buf_addf(&body, "<ChecksumCRC64NVME>%s</ChecksumCRC64NVME>", crc_text(arena, p->crcs[i]).p);
        buf_addz(&body, "</Part>");
    }
    buf_addz(&body, "</CompleteMultipartUpload>");
    return arena_str(arena, buf_str(&body));
}

static uint64_t whole_crc(const struct parts *p)
{
    uint64_t crc = p->crcs[0];
    for (int i = 1; i < p->count; i++)
        crc = crc64_combine(crc, p->crcs[i], (uint64_t)part_length(p, i));
    return crc;
}

static int upload_parts_complete(struct parts *p, struct s3_uploaded *out, struct err *err)
{
    struct arena *arena = p->ctx->arena;
    struct err failure = ERR_INIT;
    struct wire_message answer;
    const struct value *document, *input = upload_parts_name_of(p, arena);
    struct str sum = crc_text(arena, whole_crc(p));
    struct aws_call call = {.body_fd = -1, .request.body = complete_body(p, arena)};
    if (p->record.sums) {
        input = value_with(arena, input, STR("crc64"), value_string_ref(arena, sum));
        input = value_with(arena, input, STR("checksum_type"), value_string_ref(arena, STR("FULL_OBJECT")));
    }
    if (aws_s3_call(p->ctx, &complete_upload, &part_shape, input, &call, &answer, &failure)) {
        if (str_eqz(str_z(failure.code), "NoSuchUpload") && upload_parts_is_there(p, out))
            return 0;
        *err = failure;
        return -1;
    }
    if (wire_decode_response(arena, &complete_upload, &answer, &document, err))
        return upload_parts_is_there(p, out) ? 0 : -1;
    struct str kept = value_gets(document, "ChecksumCRC64NVME");
    if (p->record.sums && kept.n && !str_eq(kept, sum))
        return err_set(err, ERR_PROTOCOL, "the service says it keeps another object than was sent");
    upload_fill(arena, &answer, out);
    out->etag = aws_s3_unquoted(value_gets(document, "ETag"));
    return 0;
}

/* May the next run go on where this one stopped? */
static bool worth_keeping(const struct parts *p, const struct err *err)
{
    bool passing = err->retryable || err->class == ERR_NETWORK || err->class == ERR_TIMEOUT ||
                   err->class == ERR_INTERRUPTED || err->class == ERR_THROTTLED || err->class == ERR_AUTH;
    return passing && p->record.fd >= 0;
}

/* ---- all of it ---- */

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
    if (!resume(p, out) && upload_parts_begin(p, sha256, out, err))
        return UPLOAD_FAILED;
    enum upload_result result = UPLOAD_FAILED;
    if (!send_all(p, err))
        result = upload_parts_finish(p, known, sha256, began_ms, out, err);
    else if (p->completed || !upload_unchanged(p->source))
        result = UPLOAD_CHANGED;
    if (result == UPLOAD_OK)
        upload_record_remove(&p->record);
    else if (result == UPLOAD_CHANGED || !worth_keeping(p, err))
        abort_parts(p);
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
        abort_parts(&p);
}
