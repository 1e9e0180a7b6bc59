/* An object of S3 read from its first byte to its last, without a file: see s3_reader.h. */
#include "provider/aws/s3/s3_reader.h"

#include "base/mem.h"
#include "provider/aws/client.h"
#include "provider/aws/message.h"
#include "provider/aws/s3/download_internal.h"
#include "provider/aws/s3/s3.h"
#include "provider/repeats.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PART = 8 << 20, AHEAD = 4 };

/* One part on its way, or arrived. */
struct slot {
    struct arena arena;
    struct aws_call call;
    struct aws_sending sending;
    struct repeats repeats;
    int64_t at;
    size_t length;
    bool back;
};

struct s3_reader {
    struct op_ctx ctx;
    struct s3_readable object;
    struct aws_flight *flight;
    struct slot slots[AHEAD]; /* the part that begins at n is in slot n / PART % AHEAD */
    int64_t asked, given;     /* so many bytes */
};

struct s3_reader *s3_reader_new(const struct op_ctx *ctx, const struct s3_readable *object)
{
    struct s3_reader *r = mem_zalloc(sizeof *r);
    r->ctx = *ctx;
    r->object = *object;
    r->flight = aws_flight_new(provider_aws(ctx->provider));
    return r;
}

void s3_reader_free(struct s3_reader *r)
{
    if (!r)
        return;
    while (aws_flight_count(r->flight))
        aws_flight_next(r->flight, -1);
    aws_flight_free(r->flight);
    for (int i = 0; i < AHEAD; i++)
        arena_release(&r->slots[i].arena);
    free(r);
}

/* ---- asking ---- */

/* A part that is cut short counts as lost, and is asked for again. */
static int check_length(void *ctx, const struct wire_message *answer, struct err *err)
{
    const struct slot *slot = ctx;
    if (answer->body.n == slot->length)
        return 0;
    return err_set(
        err, ERR_NETWORK, "%zu bytes came of %zu that were asked for", answer->body.n, slot->length);
}

/* What is small is asked for as a whole: of nothing there is no range. */
static const struct value *request_of(const struct s3_reader *r, struct slot *slot)
{
    struct arena *arena = &slot->arena;
    struct s3_download named = {.bucket = r->object.bucket, .key = r->object.key};
    struct str tag = arena_printf(arena, "\"%.*s\"", STR_ARG(r->object.etag));
    struct str range =
        arena_printf(arena, "bytes=%" PRId64 "-%" PRId64, slot->at, slot->at + (int64_t)slot->length - 1);
    struct value_entry entries[] = {{STR("if_match"), value_string_ref(arena, tag)},
        {STR("range"), r->object.size > PART ? value_string_ref(arena, range) : NULL}};
    return value_merge(arena, download_name(arena, &named), value_map(arena, entries, 2));
}

static int ask_for_part(struct s3_reader *r, struct err *err)
{
    struct slot *slot = &r->slots[r->asked / PART % AHEAD];
    int64_t left = r->object.size - r->asked;
    arena_release(&slot->arena);
    *slot = (struct slot){.at = r->asked, .length = left < PART ? (size_t)left : PART};
    slot->call = (struct aws_call){.body_fd = -1, .accept = check_length, .accept_ctx = slot};
    struct op_ctx ctx = r->ctx;
    ctx.arena = &slot->arena;
    if (aws_s3_prepare(&ctx, &download_get, &download_shape, request_of(r, slot), &slot->call, err))
        return -1;
    slot->repeats = (struct repeats){.op = &r->ctx, .what = download_get.name};
    slot->call.repeats = repeats_tell;
    slot->call.repeats_ctx = &slot->repeats;
    slot->sending = (struct aws_sending){.call = &slot->call, .arena = &slot->arena, .owner = slot};
    aws_flight_add(r->flight, &slot->sending);
    r->asked += (int64_t)slot->length;
    return 0;
}

/* ---- giving ---- */

static int refuse_another(const struct s3_reader *r, struct err *err)
{
    err_set(err, ERR_STALE, "s3://%.*s/%.*s is not what it was when it was looked at",
        STR_ARG(r->object.bucket), STR_ARG(r->object.key));
    return err_hint(err, "run it again when nobody writes there");
}

static int check_part(const struct s3_reader *r, struct slot *slot, struct err *err)
{
    const struct wire_message *answer = &slot->sending.response;
    const struct err *why = &slot->sending.err;
    int64_t first = 0, last, size;
    if (slot->sending.result && (why->http_status == 412 || why->http_status == 404))
        return refuse_another(r, err);
    if (slot->sending.result) {
        *err = *why;
        return err_context(err, "reading s3://%.*s/%.*s", STR_ARG(r->object.bucket), STR_ARG(r->object.key));
    }
    repeats_done(&slot->repeats);
    struct str etag = aws_s3_unquoted(wire_header_get(answer, STR("ETag")));
    if (etag.n && !str_eq(etag, r->object.etag))
        return refuse_another(r, err);
    if (r->object.size > PART &&
        (!wire_content_range(wire_header_get(answer, STR("Content-Range")), &first, &last, &size) ||
            first != slot->at))
        return err_set(err, ERR_PROTOCOL,
            "the service sends another range of s3://%.*s/%.*s than was asked for", STR_ARG(r->object.bucket),
            STR_ARG(r->object.key));
    return 0;
}

int s3_reader_next(struct s3_reader *r, const char **bytes, size_t *n, struct err *err)
{
    *n = 0;
    if (r->given >= r->object.size)
        return 0;
    /* The slot of the part that was given last is free again: so one fewer than there are is on its way. */
    while (r->asked < r->object.size && r->asked - r->given < (int64_t)(AHEAD - 1) * PART)
        if (ask_for_part(r, err))
            return -1;
    struct slot *slot = &r->slots[r->given / PART % AHEAD];
    while (!slot->back) {
        struct slot *arrived = aws_flight_next(r->flight, -1)->owner;
        arrived->back = true;
    }
    if (check_part(r, slot, err))
        return -1;
    *bytes = slot->sending.response.body.p;
    *n = slot->length;
    r->given += (int64_t)slot->length;
    return 0;
}
