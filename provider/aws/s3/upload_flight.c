/* The parts of an upload on their way. */
#include "provider/aws/s3/upload.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "provider/aws/s3/s3.h"
#include "provider/provider.h"

#include <errno.h>
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

static const struct wire_operation upload_part = S3_OPERATION("UploadPart", "PUT", "");

/* A part on its way. */
struct slot {
    int part;
    struct str sum;
    struct arena arena;
    struct aws_call call;
    struct aws_sending sending;
    struct repeats repeats;
    struct slot *next; /* free */
};

/* ---- reading ---- */

static bool is_there_already(const struct parts *p, int part)
{
    const struct upload_part *there = &p->record.parts[part];
    return there->etag.n && there->crc == p->crcs[part];
}

/* A block of the next part. */
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
    if (aws_s3_prepare(&ctx, &upload_part, &upload_part_shape, input, &slot->call, err))
        return -1;
    struct str key = p->upload->one_of_many ? p->upload->key : STR_EMPTY;
    slot->repeats = (struct repeats){.op = p->ctx,
        .what = arena_printf(arena, "%s %d of %d%s%.*s", upload_part.name.p, slot->part + 1, p->count,
            key.n ? " of " : "", STR_ARG(key))};
    slot->call.repeats = repeats_tell;
    slot->call.repeats_ctx = &slot->repeats;
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
    if (p->upload->one_of_many || !op_tells_progress(p->ctx) || now_ms - p->reported_ms < TICK_MS)
        return;
    p->reported_ms = now_ms;
    rate_line(line, sizeof line, "uploading", atomic_load(&p->moved), p->kept, p->record.size,
        now_ms - p->began_ms);
    op_progress(p->ctx, line);
}

static void look_around(struct parts *p)
{
    if (cancel_is_set(p->ctx->cancel)) {
        struct err interrupted = ERR_INIT;
        err_set(&interrupted, ERR_INTERRUPTED, "interrupted");
        upload_parts_fail(p, &interrupted);
    }
    upload_parts_tell(p);
}

/* Reads and sends everything that is not there yet. */
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
        look_around(p);
    }
    aws_flight_free(p->flight);
    free(p->block);
    free(slots);
    if (p->stop)
        *err = p->err;
    return p->stop ? -1 : 0;
}
