/* The bytes of a context as a tar archive, made while they are sent: see context.h. */
#include "provider/docker/context.h"

#include "base/archive.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ZIP knows no time before 1980, and wheels that are built in an image are ZIP files: 1980-01-02. */
enum { ENTRY_TIME = 315619200 };

struct tar {
    const struct archive_api *api;
    struct context *context;
    struct archive *archive;
    struct archive_entry *entry;
    locale_t utf8;    /* libarchive asks the thread's locale what names are */
    struct buf ready; /* made and not taken yet, from `taken` on */
    size_t taken;
    const char *passing; /* bytes of a file, which are where they are to go already; NULL: none */
    size_t next;         /* entry */
    int fd;              /* of the entry that is under way; -1 none */
    int64_t left;        /* of its bytes */
    bool ended;
    atomic_int_fast64_t sent;
    struct err err;
};

static la_ssize_t tar_collect(struct archive *archive UNUSED, void *ctx, const void *bytes, size_t n)
{
    struct tar *tar = ctx;
    if (bytes == tar->passing) /* as it is, because there are no blocks to be filled */
        tar->passing += n;
    else
        buf_add(&tar->ready, bytes, n);
    return (la_ssize_t)n;
}

static int failed(struct tar *tar)
{
    const char *why = tar->api->error_string(tar->archive);
    return err_set(&tar->err, ERR_FAILED, "packing: %s", why ? why : "libarchive gives no reason");
}

int tar_open(struct context *context, struct tar **out, struct err *err)
{
    const struct archive_api *api = archive_api(err);
    if (!api)
        return -1;
    locale_t utf8 = archive_utf8(err);
    if (!utf8)
        return -1;
    struct tar *tar = mem_zalloc(sizeof *tar);
    tar->api = api;
    tar->context = context;
    tar->utf8 = utf8;
    tar->fd = -1;
    tar->archive = api->write_new();
    tar->entry = api->entry_new();
    locale_t before =
        uselocale(utf8); /* without iconv, as in the static program, only names in UTF-8 become that */
    bool ready = api->write_set_format_pax_restricted(tar->archive) == ARCHIVE_OK &&
                 api->write_set_options(tar->archive, "pax:hdrcharset=UTF-8") == ARCHIVE_OK &&
                 api->write_set_bytes_per_block(tar->archive, 0) == ARCHIVE_OK &&
                 api->write_set_bytes_in_last_block(tar->archive, 1) == ARCHIVE_OK &&
                 api->write_open(tar->archive, tar, NULL, tar_collect, NULL) == ARCHIVE_OK;
    uselocale(before);
    if (!ready) {
        failed(tar);
        *err = tar->err;
        tar_close(tar);
        return -1;
    }
    *out = tar;
    return 0;
}

void tar_close(struct tar *tar)
{
    fd_close_ptr(&tar->fd);
    tar->api->entry_free(tar->entry);
    tar->api->write_free(tar->archive);
    buf_release(&tar->ready);
    free(tar);
}

const struct err *tar_failure(const struct tar *tar)
{
    return tar->err.class == ERR_NONE ? NULL : &tar->err;
}

int64_t tar_sent(const struct tar *tar)
{
    return tar->sent;
}

/* ---- making more of it ---- */

static int begin_entry(struct tar *tar, const struct context_entry *entry)
{
    static const unsigned kinds[] = {
        [CONTEXT_FILE] = AE_IFREG, [CONTEXT_FOLDER] = AE_IFDIR, [CONTEXT_LINK] = AE_IFLNK};
    const struct archive_api *api = tar->api;
    bool wide = entry->executable || entry->kind != CONTEXT_FILE;
    api->entry_clear(tar->entry);
    api->entry_copy_pathname(tar->entry, entry->path.p);
    api->entry_set_filetype(tar->entry, kinds[entry->kind]);
    api->entry_set_perm(tar->entry, (__LA_MODE_T)(entry->mode ? entry->mode : wide ? 0755 : 0644));
    api->entry_set_size(tar->entry, entry->kind == CONTEXT_FILE ? entry->size : 0);
    api->entry_set_mtime(tar->entry, ENTRY_TIME, 0);
    api->entry_set_uid(tar->entry, entry->uid);
    api->entry_set_gid(tar->entry, entry->gid);
    if (entry->kind == CONTEXT_LINK)
        api->entry_copy_symlink(tar->entry, entry->text.p);
    if (api->write_header(tar->archive, tar->entry) != ARCHIVE_OK)
        return failed(tar);
    tar->left = entry->kind == CONTEXT_FILE ? entry->size : 0;
    if (entry->kind == CONTEXT_FILE && entry->source.n)
        return context_open_file(tar->context, entry, &tar->fd, &tar->err);
    if (tar->left && tar->api->write_data(tar->archive, entry->text.p, entry->text.n) < 0)
        return failed(tar);
    tar->left = 0;
    return 0;
}

static int end_entry(struct tar *tar, const struct context_entry *entry)
{
    if (tar->fd >= 0 && context_check_file(tar->context, entry, tar->fd, &tar->err))
        return -1;
    fd_close_ptr(&tar->fd);
    tar->fd = -1;
    return tar->api->write_finish_entry(tar->archive) == ARCHIVE_OK ? 0 : failed(tar);
}

/*
 * A file's bytes go from the disk to where they are wanted; libarchive counts them and hands them on as they
 * are. *got: how many; what it would rather keep is in `ready`.
 */
static int pass_piece(struct tar *tar, char *bytes, size_t room, size_t *got)
{
    const struct context_entry *entry = &tar->context->entries[tar->next - 1];
    ssize_t n = read(tar->fd, bytes, tar->left < (int64_t)room ? (size_t)tar->left : room);
    *got = 0;
    if (n < 0 && errno == EINTR)
        return 0;
    if (n < 0)
        return err_errno(&tar->err, ERR_FAILED, "\"%.*s\" cannot be read", STR_ARG(entry->source));
    tar->left = n ? tar->left - n : 0; /* shorter than it was */
    tar->passing = bytes;
    for (ssize_t taken, i = 0; i < n; i += taken) {
        taken = tar->api->write_data(tar->archive, bytes + i, (size_t)(n - i));
        if (taken <= 0)
            return failed(tar);
    }
    *got = (size_t)(tar->passing - bytes);
    tar->passing = NULL;
    return 0;
}

static int advance(struct tar *tar)
{
    struct context *context = tar->context;
    if (tar->next && end_entry(tar, &context->entries[tar->next - 1]))
        return -1;
    if (tar->next < context->n)
        return begin_entry(tar, &context->entries[tar->next++]);
    tar->ended = true;
    return tar->api->write_close(tar->archive) == ARCHIVE_OK ? 0 : failed(tar);
}

/* What has been made already goes first: heads, and what fills up the last block of a file. */
static size_t take_ready(struct tar *tar, void *bytes, size_t room)
{
    size_t there = tar->ready.n - tar->taken, n = room < there ? room : there;
    if (n)
        memcpy(bytes, tar->ready.p + tar->taken, n);
    tar->taken += n;
    if (tar->taken == tar->ready.n) {
        buf_clear(&tar->ready);
        tar->taken = 0;
    }
    return n;
}

int64_t tar_read(void *ctx, void *bytes, size_t room)
{
    struct tar *tar = ctx;
    locale_t before = uselocale(tar->utf8);
    int status = tar_failure(tar) ? -1 : 0;
    size_t got = 0;
    while (!status && !got && !(got = take_ready(tar, bytes, room)) && !tar->ended)
        status = tar->fd >= 0 && tar->left > 0 ? pass_piece(tar, bytes, room, &got) : advance(tar);
    uselocale(before);
    tar->sent += (int64_t)got;
    return status ? -1 : (int64_t)got;
}
