/*
 * Multipart uploads of earlier runs: their record on disk, continuing them, and aborting those no longer
 * wanted.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/upload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Unfinished uploads of interrupted runs ---- */

/* ---- finding ---- */

static bool is_one_of(struct str key, const struct str *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(key, keys[i]))
            return true;
    return false;
}

enum { CLOCKS_DIFFER_MS = 10 * 1000 /* tolerated difference between our clock and the store's */ };

/* True if the upload was initiated before that time. Converts to the store's clock, which may differ by
 * hours; false if the store does not report the time. */
static bool is_older(struct op_ctx *ctx, const struct value *upload, int64_t since_ms)
{
    int64_t begun_ms, ahead_ms = aws_clock_ahead_ms(provider_aws(ctx->provider));
    return since_ms && time_parse_rfc3339(value_gets(upload, "Initiated"), &begun_ms) &&
           begun_ms < since_ms + ahead_ms - CLOCKS_DIFFER_MS;
}

static void take_page(struct op_ctx *ctx, const struct value *page, const struct str *keys, size_t n,
    int64_t since_ms, struct value_builder *out)
{
    const struct value *items = s3_pages_items(ctx, page, "Upload[]");
    for (uint32_t i = 0; i < items->count; i++) {
        struct str upload = value_gets(items->items[i], "UploadId"), key = value_gets(items->items[i], "Key");
        if (upload.n && is_one_of(key, keys, n) && !is_older(ctx, items->items[i], since_ms))
            value_builder_set(out, upload, value_getz(items->items[i], "Key"));
    }
}

/* since_ms, by our clock; 0: any time. */
static int find_since(struct op_ctx *ctx, struct str bucket, struct str prefix, const struct str *keys,
    size_t n, int64_t since_ms, struct value_builder *out, struct err *err)
{
    struct s3_pages pages = {.op = &s3_list_uploads, .bucket = bucket, .prefix = prefix, .arena = ctx->arena};
    int status = 0;
    while (!status && !pages.done && !pages.blind) {
        const struct value *page;
        status = s3_pages_next(ctx, &pages, &page, err);
        if (!status)
            take_page(ctx, page, keys, n, since_ms, out);
    }
    s3_pages_release(&pages);
    return status;
}

void s3_unfinished_kept(struct op_ctx *ctx, struct str bucket, struct str key, struct value_builder *out)
{
    struct upload_record record;
    struct str path = upload_record_path(ctx->arena, ctx->work_dir, bucket, key);
    if (upload_record_read(ctx->arena, path, &record) && str_eq(record.bucket, bucket) &&
        str_eq(record.key, key))
        value_builder_set(out, record.upload, value_string(ctx->arena, key));
}

int s3_unfinished_find(struct op_ctx *ctx, struct str bucket, struct str prefix, const struct str *keys,
    size_t n, struct value_builder *out, struct err *err)
{
    struct err failure = ERR_INIT;
    if (!find_since(ctx, bucket, prefix, keys, n, 0, out, &failure) || failure.class == ERR_ABSENT)
        return 0;
    if (failure.class != ERR_AUTH && failure.class != ERR_SERVICE) {
        *err = failure;
        return err_context(err, "looking for unfinished uploads in \"%.*s\"", STR_ARG(bucket));
    }
    for (size_t i = 0; i < n; i++)
        s3_unfinished_kept(ctx, bucket, keys[i], out);
    return 0;
}

/* ---- aborting ---- */

int s3_unfinished_abort(struct op_ctx *ctx, struct str bucket, const struct value *uploads, struct err *err)
{
    for (uint32_t i = 0; uploads && uploads->kind == VALUE_MAP && i < uploads->count; i++) {
        struct str key = value_text(uploads->entries[i].value, STR_EMPTY);
        if (s3_abort_upload(ctx, bucket, key, uploads->entries[i].key, err))
            return err_context(err, "aborting an unfinished upload to \"%.*s\"", STR_ARG(key));
    }
    return 0;
}

int s3_unfinished_of(
    struct op_ctx *ctx, struct str bucket, struct str key, const struct value **uploads, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    int status = s3_unfinished_find(ctx, bucket, key, &key, 1, &b, err);
    *uploads = value_builder_map(&b);
    return status;
}

int s3_unfinished_abort_all(struct op_ctx *ctx, struct str bucket, struct str key, struct err *err)
{
    const struct value *uploads;
    return s3_unfinished_of(ctx, bucket, key, &uploads, err) || s3_unfinished_abort(ctx, bucket, uploads, err)
               ? -1
               : 0;
}

int s3_unfinished_abort_since(
    struct op_ctx *ctx, struct str bucket, struct str key, int64_t since_ms, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    if (find_since(ctx, bucket, key, &key, 1, since_ms, &b, err))
        return -1;
    return s3_unfinished_abort(ctx, bucket, value_builder_map(&b), err);
}

/* ---- on objects ---- */

bool s3_unfinished_any(const struct value *object)
{
    const struct value *uploads = value_getz(object, "unfinished");
    return uploads && uploads->kind == VALUE_MAP && uploads->count;
}

const struct value *s3_unfinished_ended(
    struct op_ctx *ctx, const struct value *recorded, const struct value *desired)
{
    return s3_unfinished_any(recorded) ? value_with(ctx->arena, desired, STR("unfinished"), &value_empty_map)
                                       : desired;
}

#define MIB           (INT64_C(1024) * 1024)
#define PART_SIZE     (8 * MIB)
#define PART_SIZE_MAX (INT64_C(5) * 1024 * MIB)

enum { RECORD_MAX = 4 * 1024 * 1024, NAME_BYTES = 16 };

int64_t upload_part_size(int64_t size)
{
    int64_t least = (size + UPLOAD_PARTS_MAX - 1) / UPLOAD_PARTS_MAX;
    if (least > PART_SIZE_MAX)
        return 0;
    return least <= PART_SIZE ? PART_SIZE : (least + MIB - 1) / MIB * MIB;
}

int upload_part_count(int64_t size, int64_t part_size)
{
    return (int)((size + part_size - 1) / part_size);
}

struct str upload_record_path(struct arena *arena, struct str work_dir, struct str bucket, struct str key)
{
    unsigned char digest[SHA256_SIZE];
    if (!work_dir.n)
        return STR_EMPTY;
    hash_sha256(arena_printf(arena, "%.*s/%.*s", STR_ARG(bucket), STR_ARG(key)), digest);
    struct str name = hex_encode(arena, digest, NAME_BYTES);
    return arena_printf(arena, "%.*s/uploads/%.*s", STR_ARG(work_dir), STR_ARG(name));
}

/* ---- reading ---- */

static bool read_head(struct arena *arena, struct str line, struct upload_record *out)
{
    const struct value *head;
    if (json_parse(arena, line, &head, ERR_IGNORED) || head->kind != VALUE_MAP)
        return false;
    out->bucket = value_gets(head, "bucket");
    out->key = value_gets(head, "key");
    out->upload = value_gets(head, "upload");
    out->settings = value_gets(head, "settings");
    out->sha256 = value_gets(head, "sha256");
    out->sums = value_equal(value_getz(head, "sums"), &value_true);
    out->size = value_geti(head, "size", 0);
    out->part_size = value_geti(head, "part_size", 0);
    return out->upload.n && out->size > 0 && out->part_size > 0 && out->part_size <= PART_SIZE_MAX &&
           out->size <= out->part_size * UPLOAD_PARTS_MAX;
}

static void read_part(struct upload_record *record, struct str line)
{
    struct str rest, crc;
    int64_t part;
    struct str number = str_cut(line, ' ', &rest), etag = str_cut(rest, ' ', &crc);
    if (!str_to_int(number, &part) || part < 1 || part > upload_part_count(record->size, record->part_size) ||
        !etag.n || crc.n != 16)
        return;
    record->parts[part - 1] = (struct upload_part){etag, strtoull(crc.p, NULL, 16)};
}

bool upload_record_read(struct arena *arena, struct str path, struct upload_record *out)
{
    struct str text, line, rest;
    if (!path.n || !path_exists(path.p) || file_read(arena, path.p, RECORD_MAX, &text, ERR_IGNORED))
        return false;
    *out = (struct upload_record){.path = path, .fd = -1};
    line = str_cut(text, '\n', &rest);
    if (!read_head(arena, line, out))
        return false;
    out->parts = ARENA_ARRAY(arena, struct upload_part, upload_part_count(out->size, out->part_size));
    while (rest.p && rest.n) {
        line = str_cut(rest, '\n', &rest);
        if (rest.p) /* a line without an end is incomplete */
            read_part(out, line);
    }
    return true;
}

/* ---- writing ---- */

static void open_for(struct upload_record *record, int flags)
{
    record->fd = record->path.n ? open(record->path.p, O_WRONLY | O_CLOEXEC | O_APPEND | flags, 0600) : -1;
}

static bool make_folders(const struct upload_record *record)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str dir = path_dir(record->path);
    return !dir_make_private(arena_strz(&scratch, path_dir(dir)), ERR_IGNORED) &&
           !dir_make_private(arena_strz(&scratch, dir), ERR_IGNORED);
}

void upload_record_begin(struct upload_record *record)
{
    record->fd = -1;
    if (!record->path.n || !make_folders(record))
        return;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    struct value_entry head[] = {{STR("bucket"), value_string(&scratch, record->bucket)},
        {STR("key"), value_string(&scratch, record->key)},
        {STR("upload"), value_string(&scratch, record->upload)},
        {STR("settings"), value_string(&scratch, record->settings)},
        {STR("sha256"), value_string(&scratch, record->sha256)}, {STR("sums"), value_bool(record->sums)},
        {STR("size"), value_int(&scratch, record->size)},
        {STR("part_size"), value_int(&scratch, record->part_size)}};
    json_write(&text, value_map(&scratch, head, sizeof head / sizeof *head), JSON_PLAIN);
    buf_add_char(&text, '\n');
    open_for(record, O_CREAT | O_TRUNC);
    if (record->fd >= 0 && fd_write_all(record->fd, text.p, text.n, NULL, record->path.p))
        upload_record_remove(record);
}

void upload_record_resume(struct upload_record *record)
{
    open_for(record, 0);
    /* Ends a torn line; an empty line is skipped when reading. */
    if (record->fd >= 0 && fd_write_all(record->fd, "\n", 1, NULL, record->path.p))
        upload_record_close(record);
}

void upload_record_add(struct upload_record *record, int part)
{
    if (record->fd < 0)
        return;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct upload_part *p = &record->parts[part];
    struct str line = arena_printf(&scratch, "%d %.*s %016" PRIx64 "\n", part + 1, STR_ARG(p->etag), p->crc);
    if (fd_write_all(record->fd, line.p, line.n, NULL, record->path.p))
        upload_record_close(
            record); /* disk full: the upload continues, but cannot be continued after a kill */
}

void upload_record_close(struct upload_record *record)
{
    fd_close_ptr(&record->fd);
    record->fd = -1;
}

void upload_record_remove(struct upload_record *record)
{
    upload_record_close(record);
    if (record->path.n)
        unlink(record->path.p);
}

/* ---- Continuing an upload of an earlier run, and aborting one that cannot continue ---- */

static const struct wire_operation list_parts = S3_ANSWERED("ListParts", "GET", "", "ListPartsResult");

void upload_parts_abort(struct parts *p)
{
    struct op_ctx ctx = *p->ctx;
    ctx.cancel = NULL; /* cleans up after a cancellation, too */
    s3_abort_upload(&ctx, p->upload->bucket, p->upload->key, p->record.upload, ERR_IGNORED);
    upload_record_remove(&p->record);
}

/* Removes the parts that the service does not have. */
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
            input = value_with(arena, input, STR("part_marker"), value_string(arena, after));
        if (aws_s3_call_decoded(p->ctx, &list_parts, input, "", &document, err))
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
        more = more && !str_eq(next, after); /* a next marker that repeats is the end */
        if (more && pages_next(&pages, list_parts.name, next, err))
            return -1;
        after = more ? next : STR_EMPTY;
    } while (after.n);
    for (int i = 0; i < p->count; i++)
        if (!confirmed[i])
            p->record.parts[i] = (struct upload_part){0};
    return 0;
}

/* S3's entity tag of a multipart object: the MD5 of the parts' MD5s, and their number. */
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

bool upload_parts_is_there(struct parts *p, struct s3_uploaded *out)
{
    struct arena *arena = p->ctx->arena;
    struct aws_call call = {.body_fd = -1};
    struct wire_message answer;
    if (aws_s3_call(p->ctx, &s3_head_object, aws_s3_name(arena, p->upload->bucket, p->upload->key), &call,
            &answer, ERR_IGNORED))
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
