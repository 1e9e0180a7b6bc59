/*
 * Several uploads at once: small ones from one thread, which reads, hashes and signs the next while others
 * are being sent. Multipart uploads use all connections by themselves: a few at a time, afterwards.
 */
#include "base/mem.h"
#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Uploads in one request: before and after the request, so that one thread can run many of them. */

enum {
    INLINE_MAX = 48 * 1024 /* sent in one write with the headers; a larger body would be sent after them */
};
static const struct wire_operation put_object = S3_OPERATION("PutObject", "PUT", "");

/* True if the request was refused because the content did not match the announced hash. */
static bool is_other_content(const struct err *err)
{
    return str_is_any(
        str_z(err->code), "XAmzContentSHA256Mismatch XAmzContentChecksumMismatch BadDigest InvalidDigest");
}

/* Reads a small file into the request body. */
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
            return n < 0 ? UPLOAD_FAILED : UPLOAD_CHANGED; /* the file became shorter */
        have += (size_t)n;
    }
    bytes[have] = 0;
    call->request.body = str_n(bytes, have);
    return UPLOAD_OK;
}

/* Hashes the source and compares the hash with the expected one. */
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
    put->call.repeats = repeats_report;
    put->call.repeats_ctx = &put->repeats;
    return aws_s3_prepare(ctx, &put_object, input, &put->call, err) ? UPLOAD_FAILED : UPLOAD_OK;
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
        err_set(err, ERR_PROTOCOL, "the service reports the checksum of other bytes than were sent");
        return UPLOAD_FAILED;
    }
    *out = (struct s3_uploaded){.sha256 = put->call.payload_hash, .size = source->size};
    upload_fill(arena, answer, out);
    return UPLOAD_OK;
}

enum {
    SMALL_AT_ONCE = 64,
    LARGE_AT_ONCE = 4,
};

/* A running upload. */
struct slot {
    size_t i;
    int tries;
    struct arena arena;
    struct op_ctx ctx;
    struct s3_upload upload;
    struct upload_source source;
    struct upload_put put;
    struct aws_sending sending;
    struct slot *next; /* the next free slot */
};

struct many {
    struct op_ctx *ctx;
    const struct s3_uploads *uploads;
    struct aws_flight *flight;
    struct slot *free;
    size_t *large, large_count;
    pthread_mutex_t lock; /* guards the members below, and the callback */
    struct err err;       /* the first failure */
    atomic_bool failed;
};

static void upload_many_tell(struct many *m, size_t i, const struct s3_uploaded *done, struct err *failure)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&m->lock);
    m->uploads->over(m->uploads->ctx, i, done, failure);
    if (!done && !m->failed) {
        m->err = *failure;
        m->failed = true;
    }
}

/* ---- in one request ---- */

static void upload_many_end(struct many *m, struct slot *slot)
{
    upload_close(&slot->source);
    arena_release(&slot->arena);
    slot->next = m->free;
    m->free = slot;
}

/* UPLOAD_OK: the upload has started, or was deferred as it is large. */
static enum upload_result begin_once(struct many *m, struct slot *slot, struct err *err)
{
    if (upload_open(&slot->upload, &slot->source, err))
        return UPLOAD_FAILED;
    if (upload_is_large(&slot->source)) {
        m->large[m->large_count++] = slot->i;
        upload_many_end(m, slot);
        return UPLOAD_OK;
    }
    enum upload_result result = upload_put_begin(&slot->ctx, &slot->upload, &slot->source, &slot->put, err);
    if (result != UPLOAD_OK)
        return result;
    slot->put.repeats.what =
        arena_printf(&slot->arena, "%.*s %.*s", STR_ARG(slot->put.repeats.what), STR_ARG(slot->upload.key));
    slot->sending = (struct aws_sending){.call = &slot->put.call, .arena = &slot->arena, .owner = slot};
    aws_flight_add(m->flight, &slot->sending);
    return UPLOAD_OK;
}

/* Starts again if the file changes, at most UPLOAD_TRIES times. */
static void upload_many_begin(struct many *m, struct slot *slot)
{
    struct err failure = ERR_INIT;
    enum upload_result result = UPLOAD_CHANGED;
    while (result == UPLOAD_CHANGED && slot->tries++ < UPLOAD_TRIES) {
        result = begin_once(m, slot, &failure);
        if (result == UPLOAD_OK)
            return;
        upload_close(&slot->source);
    }
    if (result == UPLOAD_CHANGED)
        upload_restless(&slot->upload, &failure);
    upload_many_tell(m, slot->i, NULL, &failure);
    upload_many_end(m, slot);
}

static void upload_many_finish(struct many *m, struct slot *slot)
{
    struct s3_uploaded done;
    struct err failure = ERR_INIT;
    switch (upload_put_end(
        &slot->arena, &slot->put, &slot->sending.response, &slot->sending.err, &done, &failure)) {
    case UPLOAD_OK: upload_many_tell(m, slot->i, &done, NULL); break;
    case UPLOAD_FAILED: upload_many_tell(m, slot->i, NULL, &failure); break;
    case UPLOAD_CHANGED:
        upload_close(&slot->source);
        upload_many_begin(m, slot);
        return;
    }
    upload_many_end(m, slot);
}

static void upload_many_start(struct many *m, size_t i)
{
    struct slot *slot = m->free;
    m->free = slot->next;
    slot->i = i;
    slot->tries = 0;
    slot->arena = (struct arena)ARENA_INIT;
    slot->ctx = *m->ctx;
    slot->ctx.arena = &slot->arena;
    m->uploads->what(m->uploads->ctx, &slot->arena, i, &slot->upload);
    upload_many_begin(m, slot);
}

static void send_small(struct many *m)
{
    size_t count = m->uploads->n < SMALL_AT_ONCE ? m->uploads->n : SMALL_AT_ONCE;
    struct slot *slots = mem_zalloc((count + 1) * sizeof *slots);
    for (size_t i = 0; i < count; i++) {
        slots[i].next = m->free;
        m->free = &slots[i];
    }
    m->flight = aws_flight_new(provider_aws(m->ctx->provider));
    for (size_t next = 0;;) {
        while (next < m->uploads->n && m->free && !m->failed)
            upload_many_start(m, next++);
        struct aws_sending *back = aws_flight_next(m->flight, -1);
        if (!back)
            break;
        upload_many_finish(m, back->owner);
    }
    aws_flight_free(m->flight);
    free(slots);
}

/* ---- in parts ---- */

static void send_large(void *arg, size_t n)
{
    struct many *m = arg;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct op_ctx ctx = *m->ctx;
    struct s3_upload upload;
    struct s3_uploaded done;
    struct err failure = ERR_INIT;
    if (m->failed)
        return;
    ctx.arena = &arena;
    m->uploads->what(m->uploads->ctx, &arena, m->large[n], &upload);
    upload.one_of_many = true;
    int failed = s3_upload(&ctx, &upload, &done, &failure);
    upload_many_tell(m, m->large[n], failed ? NULL : &done, &failure);
}

int s3_upload_many(struct op_ctx *ctx, const struct s3_uploads *uploads, struct err *err)
{
    struct many m = {.ctx = ctx, .uploads = uploads, .lock = PTHREAD_MUTEX_INITIALIZER};
    m.large = mem_alloc(uploads->n * sizeof *m.large);
    send_small(&m);
    pool_run(LARGE_AT_ONCE, m.large_count, send_large, &m);
    free(m.large);
    if (m.failed)
        *err = m.err;
    return m.failed ? -1 : 0;
}
