/* Going on with an upload that a run before began, and ending one that cannot go on. */
#include "provider/aws/s3/upload_parts.h"

#include "base/clock.h"
#include "provider/aws/s3/s3.h"
#include "provider/wire/pages.h"

static const struct wire_operation list_parts = S3_ANSWERED("ListParts", "GET", "", "ListPartsResult"),
                                   abort_upload = S3_OPERATION("AbortMultipartUpload", "DELETE", ""),
                                   head_object = S3_OPERATION("HeadObject", "HEAD", "");

void upload_parts_abort(struct parts *p)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message answer;
    struct op_ctx ctx = *p->ctx;
    ctx.cancel = NULL; /* an interrupted run cleans up, too */
    aws_s3_call(&ctx, &abort_upload, &upload_part_shape, upload_parts_name(p, ctx.arena), &call, &answer,
        ERR_IGNORED);
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
        const struct value *input = upload_parts_name(p, arena);
        if (after.n)
            input = value_with(arena, input, STR("after"), value_string(arena, after));
        if (aws_s3_ask(p->ctx, &list_parts, &upload_part_shape, input, "", &document, err))
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
bool upload_parts_is_there(struct parts *p, struct s3_uploaded *out)
{
    struct arena *arena = p->ctx->arena;
    struct aws_call call = {.body_fd = -1};
    struct wire_message answer;
    if (aws_s3_call(p->ctx, &head_object, &aws_s3_name_shape, upload_parts_name(p, arena), &call, &answer,
            ERR_IGNORED))
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
bool upload_parts_resume(struct parts *p, struct s3_uploaded *out)
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
    upload_parts_abort(p);
    p->record = fresh;
    return false;
}
