/* Uploads to S3: see upload.h. */
#include "provider/aws/s3/upload.h"

#include "base/clock.h"
#include "base/embed.h"
#include "base/file.h"
#include "base/mem.h"
#include "provider/aws/s3/s3.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- The media type of a file name ---- */

/* content_types.txt has the types of files in pipelines. */
struct str content_type_of(struct str name)
{
    char ending[16]; /* longer extensions are not listed */
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
    out->fd =
        open(upload->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* O_NONBLOCK: opening a pipe must not block */
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
    /* If the path names another file by now, that file is uploaded. */
    if (stat(source->name, &st))
        return false;
    struct file_id now = file_id_of(&st);
    return file_id_equal(&now, &source->id);
}

/* ---- requests ---- */

/* key=value&…, as in the header */
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

/* ---- small and large ---- */

int upload_unexpected(const struct s3_upload *upload, struct err *err)
{
    if (!upload->path)
        return err_set(err, ERR_INVALID, "the content does not have the given size or checksum");
    err_set(err, ERR_STALE, "\"%s\" was changed since it was read", upload->path);
    return err_hint(err, "it was changed meanwhile; plan again");
}

bool upload_is_large(const struct upload_source *source)
{
    return source->fd >= 0 && source->size >= S3_PARTS_FROM;
}

/* The digest of a large file may be cached; otherwise it is computed while the file is sent. */
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

/* ---- Sending the parts of an upload ---- */

/*
 * One thread reads and hashes the parts, in order, while a few are being sent and as many wait to be sent. So
 * SHA-256 is computed over the file once from start to end, and the network is always in use. The bytes are
 * read again for sending, usually from the page cache.
 *
 * Between the parts the thread reports progress and passes cancellation on to the calls.
 */

enum {
    AT_ONCE = 8,
    AHEAD = 8, /* parts read before they can be sent */
    BLOCK = 256 * 1024,
    TICK_MS = 200,
};

static const struct wire_operation upload_part = S3_OPERATION("UploadPart", "PUT", "");

/* A part being sent. */
struct slot {
    int part;
    struct str sum;
    struct arena arena;
    struct aws_call call;
    struct aws_sending sending;
    struct repeats repeats;
    struct slot *next; /* the next free slot */
};

/* ---- reading ---- */

static bool is_there_already(const struct parts *p, int part)
{
    const struct upload_part *there = &p->record.parts[part];
    return there->etag.n && there->crc == p->crcs[part];
}

/* Reads the next block of the current part. */
static int read_on(struct parts *p, struct err *err)
{
    int64_t left = upload_part_start(p, p->read) + upload_part_length(p, p->read) - p->at;
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
    if (p->completed && !is_there_already(p, p->read)) /* the file had another content when it was sent */
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
    slot->sum = upload_crc_text(arena, p->crcs[slot->part]);
    struct value_entry entries[] = {{STR("part"), value_int(arena, slot->part + 1)},
        {STR("crc64"), p->record.sums ? value_string_ref(arena, slot->sum) : NULL}};
    const struct value *input = value_merge(arena, upload_parts_name(p, arena), value_map(arena, entries, 2));
    slot->call = (struct aws_call){.body_fd = p->source->fd,
        .body_offset = upload_part_start(p, slot->part),
        .body_length = upload_part_length(p, slot->part),
        .checked = p->record.sums,
        .eager = true,
        .moved = &p->moved,
        .sensitive = p->upload->sensitive};
    if (aws_s3_prepare(&ctx, &upload_part, input, &slot->call, err))
        return -1;
    struct str key = p->upload->one_of_many ? p->upload->key : STR_EMPTY;
    slot->repeats = (struct repeats){.op = p->ctx,
        .what = arena_printf(arena, "%s %d of %d%s%.*s", upload_part.name.p, slot->part + 1, p->count,
            key.n ? " of " : "", STR_ARG(key))};
    slot->call.repeats = repeats_report;
    slot->call.repeats_ctx = &slot->repeats;
    slot->sending = (struct aws_sending){.call = &slot->call, .arena = arena, .owner = slot};
    aws_flight_add(p->flight, &slot->sending);
    return 0;
}

/* Sends the parts that were read and that the service does not have, as long as there are free slots. */
static void send_read(struct parts *p)
{
    struct err err = ERR_INIT;
    for (; p->sent < p->read && p->free && !p->stop; p->sent++) {
        if (is_there_already(p, p->sent)) {
            p->kept += upload_part_length(p, p->sent);
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
    repeats_done(&slot->repeats);
    if (!etag.n)
        return err_set(err, ERR_PROTOCOL, "the service gives no entity tag for part %d", slot->part + 1);
    if (p->record.sums && kept.n && !str_eq(kept, slot->sum))
        return err_set(err, ERR_PROTOCOL, "the service reports the checksum of other bytes than were sent");
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
    if (p->upload->one_of_many || !op_has_progress(p->ctx) || now_ms - p->reported_ms < TICK_MS)
        return;
    p->reported_ms = now_ms;
    rate_line(line, sizeof line, "uploading", atomic_load(&p->moved), p->kept, p->record.size,
        now_ms - p->began_ms);
    op_progress(p->ctx, line);
}

static void tell_and_check_cancel(struct parts *p)
{
    if (cancel_is_set(p->ctx->cancel)) {
        struct err interrupted = ERR_INIT;
        err_set(&interrupted, ERR_INTERRUPTED, "interrupted");
        upload_parts_fail(p, &interrupted);
    }
    upload_parts_tell(p);
}

/* Reads and sends all parts that the service does not have. */
int upload_parts_send(struct parts *p, struct err *err)
{
    struct slot *slots = mem_zalloc(AT_ONCE * sizeof *slots);
    for (int i = 0; i < AT_ONCE; i++)
        upload_parts_release(p, &slots[i]);
    p->block = mem_alloc(BLOCK);
    p->flight = aws_flight_new(provider_aws(p->ctx->provider));
    p->began_ms = p->reported_ms = clock_mono_ms();
    while ((p->sent < p->count && !p->stop) || aws_flight_count(p->flight)) {
        struct err failure = ERR_INIT;
        bool reads = p->read < p->count && p->read < p->sent + AHEAD && !p->stop;
        if (reads && read_on(p, &failure))
            upload_parts_fail(p, &failure);
        send_read(p);
        struct aws_sending *back;
        for (int64_t wait_ms = reads ? 0 : TICK_MS; (back = aws_flight_next(p->flight, wait_ms)); wait_ms = 0)
            end_part(p, back->owner);
        tell_and_check_cancel(p);
    }
    aws_flight_free(p->flight);
    free(p->block);
    free(slots);
    if (p->stop)
        *err = p->err;
    return p->stop ? -1 : 0;
}
