/* Downloads from S3: see s3.h. */

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "provider/aws/s3/s3.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- The file that a download is written to ---- */

#define PART_UNIT (INT64_C(8) * 1024 * 1024)
#define PART_FULL (8 * PART_UNIT)
#define MAGIC     "weir download 1\n"

enum {
    PARTS_GOOD = 32, /* enough to use all connections until the end; each part costs a round trip */
    PARTS_MAX = 65536,
    HEAD = sizeof MAGIC - 1 + 2 * SHA256_SIZE, /* after the content; followed by one byte for each part */
    LOCK_TRIES = 16,
};

int64_t download_part_size(int64_t size)
{
    int64_t good = size / PARTS_GOOD, least = (size + PARTS_MAX - 1) / PARTS_MAX;
    int64_t wanted = good < PART_FULL ? good : least < PART_FULL ? PART_FULL : least;
    return wanted <= PART_UNIT ? PART_UNIT : (wanted + PART_UNIT - 1) / PART_UNIT * PART_UNIT;
}

int64_t download_file_start(const struct download_file *file, int part)
{
    return file->part_size * part;
}

int64_t download_file_length(const struct download_file *file, int part)
{
    int64_t left = file->size - download_file_start(file, part);
    return left < file->part_size ? left : file->part_size;
}

/* ---- opening ---- */

/* If the path is a symbolic link, its target is replaced, not the link. */
static void download_file_place(struct arena *arena, struct download_file *file)
{
    AUTO_FREE char *real = realpath(file->path, NULL);
    file->target = real ? arena_strz(arena, str_z(real)) : file->path;
    struct str part = arena_printf(arena, ".%.*s.weir-part", STR_ARG(path_base(str_z(file->target))));
    file->part_path = path_join(arena, path_dir(str_z(file->target)), part).p;
}

static int check_target(const char *path, struct err *err)
{
    struct stat st;
    if (!*path || str_ends(str_z(path), STR("/")))
        return err_set(err, ERR_IO, "\"%s\" names no file", path);
    if (stat(path, &st))
        return errno == ENOENT ? 0 : err_errno(err, ERR_IO, "cannot write \"%s\"", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "\"%s\" is %s", path, S_ISDIR(st.st_mode) ? "a folder" : "not a file");
    return 0;
}

/* Checks after locking that the path still names the locked file: another process may have renamed it since
 * it was opened. */
static int open_locked(struct download_file *file, struct err *err)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        struct stat here, there;
        file->fd = open(file->part_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (file->fd < 0)
            return err_errno(err, ERR_IO, "cannot write \"%s\"", file->path);
        if (flock(file->fd, LOCK_EX | LOCK_NB))
            break;
        if (!fstat(file->fd, &here) && !stat(file->part_path, &there) && here.st_ino == there.st_ino &&
            here.st_dev == there.st_dev)
            return 0;
        fd_close_ptr(&file->fd);
    }
    fd_close_ptr(&file->fd);
    file->fd = -1;
    return err_set(err, ERR_IO, "another process is downloading to \"%s\"", file->path);
}

static int check_room(const struct download_file *file, const struct stat *st, struct err *err)
{
    struct statvfs fs;
    int64_t there = (int64_t)st->st_blocks * 512;
    if (fstatvfs(file->fd, &fs))
        return 0;
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (file->size <= there || (uint64_t)(file->size - there) <= room)
        return 0;
    return err_set(err, ERR_IO, "cannot write \"%s\": it has %lld bytes, and the disk has %llu free",
        file->path, (long long)file->size, (unsigned long long)room);
}

/* Reads the state of an earlier run's download; returns false if it does not match this one. */
static bool read_end(struct download_file *file, const struct stat *st, struct str head, char *flags)
{
    char there[HEAD];
    if (st->st_size != file->size + HEAD + file->count || pread(file->fd, there, HEAD, file->size) != HEAD ||
        memcmp(there, head.p, HEAD) != 0 ||
        pread(file->fd, flags, (size_t)file->count, file->size + HEAD) != file->count)
        return false;
    for (int i = 0; i < file->count; i++) {
        file->done[i] = flags[i] == '1';
        file->resumed |= file->done[i];
    }
    return true;
}

/* An empty file is not truncated: ext4 takes truncation to zero as the start of a replacement, and closing
 * the file then waits until it is written to disk. */
static int download_file_begin(
    struct download_file *file, const struct stat *st, struct str head, char *flags, struct err *err)
{
    memset(flags, '0', (size_t)file->count);
    if ((!st->st_size || !ftruncate(file->fd, 0)) && !download_file_write(file, file->size, head.p, HEAD) &&
        !download_file_write(file, file->size + HEAD, flags, (size_t)file->count))
        return 0;
    return err_errno(err, ERR_IO, "cannot write \"%s\"", file->path);
}

int download_file_open(struct arena *arena, const char *path, struct str what, int64_t size,
    int64_t part_size, struct download_file *out, struct err *err)
{
    struct stat st;
    *out = (struct download_file){.path = path, .size = size, .part_size = part_size, .fd = -1};
    download_file_place(arena, out);
    out->count = (int)((size + part_size - 1) / part_size);
    out->done = ARENA_ARRAY(arena, bool, out->count + 1);
    char *flags = arena_alloc(arena, (size_t)out->count + 1);
    struct str head = arena_printf(arena, MAGIC "%.*s",
        STR_ARG(sha256_hex(arena,
            arena_printf(arena, "%.*s %lld %lld", STR_ARG(what), (long long)size, (long long)part_size))));
    if (check_target(path, err) || open_locked(out, err))
        return -1;
    int status = fstat(out->fd, &st) ? err_errno(err, ERR_IO, "cannot read \"%s\"", out->part_path)
                                     : check_room(out, &st, err);
    if (!status && !read_end(out, &st, head, flags))
        status = download_file_begin(out, &st, head, flags, err);
    if (status)
        download_file_discard(out);
    return status;
}

/* ---- writing ---- */

int download_file_write(const struct download_file *file, int64_t at, const void *bytes, size_t n)
{
    for (const char *from = bytes; n;) {
        ssize_t written = pwrite(file->fd, from, n, at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        from += written;
        at += written;
        n -= (size_t)written;
    }
    return 0;
}

void download_file_done(struct download_file *file, int part)
{
    file->done[part] = true;
    /* After a write error the part is downloaded again by the next run. */
    download_file_write(file, file->size + HEAD + part, "1", 1);
}

/* ---- finishing ---- */

int download_file_finish(struct download_file *file, struct err *err)
{
    if (ftruncate(file->fd, file->size) || rename(file->part_path, file->target)) {
        err_errno(err, ERR_IO, "cannot write \"%s\"", file->path);
        download_file_discard(file);
        return -1;
    }
    download_file_close(file);
    return 0;
}

void download_file_close(struct download_file *file)
{
    fd_close_ptr(&file->fd);
    file->fd = -1;
}

void download_file_discard(struct download_file *file)
{
    if (file->fd >= 0)
        unlink(file->part_path);
    download_file_close(file);
}

enum { TRIES = 2 }; /* an object that is overwritten meanwhile is downloaded once more */

const struct value *download_name(struct arena *arena, const struct s3_download *download)
{
    return value_with(arena, aws_s3_name(arena, download->bucket, download->key), STR("version"),
        download->version_id.n ? value_string(arena, download->version_id) : NULL);
}

/* ---- the object ---- */

static bool decode_sum(struct arena *arena, struct str header, size_t size, struct str *out)
{
    return header.n && base64_decode(arena, header, out) && out->n == size;
}

/* Reads the checksum to compare with. A checksum of part checksums ("…-3") does not cover the content; it is
 * recognised by its length. */
static void read_sums(struct arena *arena, const struct wire_message *answer, struct download_source *out)
{
    struct str raw, noted = wire_header_get(answer, STR("x-amz-meta-" S3_HASH_HEADER));
    bool composite = str_ieq(wire_header_get(answer, STR("x-amz-checksum-type")), STR("COMPOSITE"));
    const struct s3_download *d = out->download;
    bool same = d->sha256_etag.n && str_eq(d->sha256_etag, aws_s3_unquoted(out->etag));
    out->sha256 = d->sha256;
    if (d->sha256.n && !same)
        return;
    if (!composite &&
        decode_sum(arena, wire_header_get(answer, STR("x-amz-checksum-crc64nvme")), sizeof out->crc, &raw)) {
        out->has_crc = true;
        out->sha256 = STR_EMPTY;
        for (size_t i = 0; i < raw.n; i++)
            out->crc = out->crc << 8 | (unsigned char)raw.p[i];
    } else if (d->sha256.n) {
        return;
    } else if (!composite &&
               decode_sum(arena, wire_header_get(answer, STR("x-amz-checksum-sha256")), SHA256_SIZE, &raw)) {
        out->sha256 = hex_encode(arena, raw.p, raw.n);
    } else if (noted.n == (size_t)2 * SHA256_SIZE) {
        out->sha256 = arena_str(arena, noted);
    }
}

static int download_look(
    struct op_ctx *ctx, const struct s3_download *download, struct download_source *out, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message answer;
    const struct value *input = value_with(ctx->arena, download_name(ctx->arena, download),
        STR("checksum_mode"), value_stringz(ctx->arena, "ENABLED"));
    *out = (struct download_source){.download = download};
    if (aws_s3_call(ctx, &s3_head_object, input, &call, &answer, err))
        return -1;
    if (!str_to_int(wire_header_get(&answer, STR("Content-Length")), &out->size) || out->size < 0)
        return err_set(err, ERR_PROTOCOL, "the service does not say how large the object is");
    out->etag = arena_str(ctx->arena, wire_header_get(&answer, STR("ETag")));
    read_sums(ctx->arena, &answer, out);
    return 0;
}

/* ---- the whole download ---- */

/* True if the next run may continue after this error. */
static bool worth_keeping(const struct err *err)
{
    return err->retryable || err->class == ERR_NETWORK || err->class == ERR_TIMEOUT ||
           err->class == ERR_INTERRUPTED || err->class == ERR_THROTTLED || err->class == ERR_AUTH;
}

static enum download_result download_fetch(
    struct op_ctx *ctx, const struct download_source *source, int64_t part_size, struct err *err)
{
    const struct s3_download *d = source->download;
    struct download_file file;
    struct str what = arena_printf(ctx->arena, "%.*s/%.*s %.*s %.*s", STR_ARG(d->bucket), STR_ARG(d->key),
        STR_ARG(d->version_id), STR_ARG(source->etag));
    if (download_file_open(ctx->arena, d->path, what, source->size, part_size, &file, err))
        return DOWNLOAD_FAILED;
    enum download_result result = download_parts(ctx, source, &file, err);
    if (result == DOWNLOAD_OK)
        return download_file_finish(&file, err) ? DOWNLOAD_FAILED : DOWNLOAD_OK;
    if (result == DOWNLOAD_FAILED && worth_keeping(err))
        download_file_close(&file);
    else
        download_file_discard(&file);
    return result;
}

static enum download_result download_once(
    struct op_ctx *ctx, const struct s3_download *download, struct s3_downloaded *out, struct err *err)
{
    struct download_source source;
    if (download_look(ctx, download, &source, err))
        return DOWNLOAD_FAILED;
    out->size = source.size;
    if (download->max_bytes && source.size > download->max_bytes) {
        err_set(err, ERR_FAILED, "it is larger than %lld MiB", (long long)(download->max_bytes >> 20));
        return DOWNLOAD_FAILED;
    }
    enum download_result result = download_fetch(ctx, &source, download_part_size(source.size), err);
    if (result == DOWNLOAD_NO_RANGES)
        result = download_fetch(ctx, &source, source.size, err);
    *out = (struct s3_downloaded){.size = source.size,
        .etag = aws_s3_unquoted(source.etag),
        .verified = source.has_crc || source.sha256.n};
    return result;
}

int s3_download(
    struct op_ctx *ctx, const struct s3_download *download, struct s3_downloaded *out, struct err *err)
{
    struct err why = ERR_INIT;
    for (int tries = 0; tries < TRIES; tries++) {
        why = (struct err)ERR_INIT;
        enum download_result result = download_once(ctx, download, out, &why);
        if (result == DOWNLOAD_OK)
            return 0;
        if (result != DOWNLOAD_CHANGED)
            break;
    }
    *err = why;
    return err_context(err, "downloading s3://%.*s/%.*s", STR_ARG(download->bucket), STR_ARG(download->key));
}
