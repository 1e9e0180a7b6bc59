/* What is kept on disk of an upload in parts while it is under way, so that a run after a kill goes on
 * with it: see upload_record.h. */
#include "provider/aws/s3/upload_record.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/value.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

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
        if (rest.p) /* what has no end was not written whole */
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
    /* The end of a torn line; an empty one is skipped. */
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
        upload_record_close(record); /* a full disk: the upload goes on, but not after a kill */
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
