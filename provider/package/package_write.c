/*
 * Making the package, with libarchive: what it must not take from this machine is set here.
 *
 * No entry has a time: a ZIP then says 1980-01-01 in every time zone, a tar archive says 1970. Names are
 * UTF-8 whatever locale the process runs in; libarchive asks the thread's locale, so one is set meanwhile.
 */
#include "provider/package/package.h"

#include "base/archive_api.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 128 * 1024, KEPT_HEAP = 16 * 1024 * 1024 };

struct writer {
    const struct archive_api *api;
    struct package *package;
    struct archive *archive;
    struct archive_entry *entry;
    const char *path;
    int fd;
    int64_t size;
    struct sha256 *sha;
    struct err io; /* what the callback met */
    char *piece;
};

static la_ssize_t take_bytes(struct archive *archive UNUSED, void *ctx, const void *bytes, size_t n)
{
    struct writer *w = ctx;
    if (fd_write_all(w->fd, bytes, n, &w->io, w->path))
        return -1;
    sha256_update(w->sha, bytes, n);
    w->size += (int64_t)n;
    return (la_ssize_t)n;
}

static int archive_failed(struct writer *w, struct err *err)
{
    if (w->io.class == ERR_NONE) {
        const char *why = w->api->error_string(w->archive);
        return err_set(err, ERR_FAILED, "packing: %s", why ? why : "libarchive gives no reason");
    }
    *err = w->io;
    err->class = ERR_FAILED; /* nothing is wrong with the stack */
    return err_context(err, "packing");
}

static int set_format(struct writer *w, enum package_format format, bool compress, struct err *err)
{
    const struct archive_api *api = w->api;
    const char *options;
    int status;
    if (format == PACKAGE_TAR_GZ) {
        status = api->write_set_format_pax_restricted(w->archive);
        if (status == ARCHIVE_OK)
            status = api->write_add_filter_gzip(w->archive);
        options = compress ? "gzip:!timestamp,gzip:compression-level=6,pax:hdrcharset=UTF-8"
                           : "gzip:!timestamp,gzip:compression-level=0,pax:hdrcharset=UTF-8";
    } else {
        status = api->write_set_format_zip(w->archive);
        options = compress ? "zip:compression=deflate,zip:compression-level=6,zip:hdrcharset=UTF-8"
                           : "zip:compression=store,zip:hdrcharset=UTF-8";
    }
    if (status != ARCHIVE_OK || api->write_set_options(w->archive, options) != ARCHIVE_OK ||
        api->write_set_bytes_in_last_block(w->archive, 1) != ARCHIVE_OK ||
        api->write_open(w->archive, w, NULL, take_bytes, NULL) != ARCHIVE_OK)
        return archive_failed(w, err);
    return 0;
}

static int add_data(struct writer *w, const void *bytes, size_t n, struct err *err)
{
    for (const char *p = bytes; n;) {
        la_ssize_t taken = w->api->write_data(w->archive, p, n);
        if (taken <= 0)
            return archive_failed(w, err);
        p += taken;
        n -= (size_t)taken;
    }
    return 0;
}

static int add_content(struct writer *w, const struct package_file *file, struct err *err)
{
    if (!file->source.n)
        return add_data(w, file->text.p, file->text.n, err);
    AUTO_FD int fd = -1;
    if (package_open(w->package, file, &fd, err))
        return -1;
    for (int64_t left = file->size; left > 0;) {
        size_t most = left < PIECE ? (size_t)left : PIECE;
        ssize_t n = read(fd, w->piece, most);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_FAILED, "\"%.*s\" cannot be read", STR_ARG(file->source));
        if (package_cancelled(w->package, err))
            return -1;
        if (n == 0)
            break; /* shorter than it was: the check below says so */
        if (add_data(w, w->piece, (size_t)n, err))
            return -1;
        left -= n;
    }
    return package_check(w->package, file, fd, err);
}

static int add_entry(struct writer *w, const struct package_file *file, struct err *err)
{
    const struct archive_api *api = w->api;
    api->entry_clear(w->entry);
    api->entry_copy_pathname(w->entry, arena_strz(w->package->arena, file->path));
    api->entry_set_filetype(w->entry, AE_IFREG);
    api->entry_set_perm(w->entry, file->executable ? 0755 : 0644);
    api->entry_set_size(w->entry, file->size);
    api->entry_set_uid(w->entry, 0);
    api->entry_set_gid(w->entry, 0);
    if (api->write_header(w->archive, w->entry) != ARCHIVE_OK)
        return archive_failed(w, err);
    if (add_content(w, file, err))
        return -1;
    return api->write_finish_entry(w->archive) == ARCHIVE_OK ? 0 : archive_failed(w, err);
}

static int write_entries(struct writer *w, enum package_format format, bool compress, struct err *err)
{
    if (set_format(w, format, compress, err))
        return -1;
    for (size_t i = 0; i < w->package->n; i++)
        if (add_entry(w, &w->package->files[i], err))
            return -1;
    return w->api->write_close(w->archive) == ARCHIVE_OK ? 0 : archive_failed(w, err);
}

/* A compressor's memory comes and goes with each entry: giving it back to the system in between, and having
 * it cleared again, would take a tenth of the time. */
static void keep_memory(void)
{
#ifdef M_TRIM_THRESHOLD
    mallopt(M_TRIM_THRESHOLD, KEPT_HEAP);
#endif
}

static int write_archive(struct writer *w, enum package_format format, bool compress, struct err *err)
{
    locale_t utf8 = archive_utf8(err);
    if (!utf8)
        return -1;
    locale_t before = uselocale(utf8);
    w->archive = w->api->write_new();
    w->entry = w->api->entry_new();
    w->piece = mem_alloc(PIECE);
    int status = write_entries(w, format, compress, err);
    free(w->piece);
    w->api->entry_free(w->entry);
    struct err met = w->io; /* freeing closes, which may write what must not be told any more */
    w->api->write_free(w->archive);
    w->io = met;
    uselocale(before);
    return status;
}

int package_write(struct package *package, enum package_format format, bool compress, const char *path,
    struct package_made *made, struct err *err)
{
    struct writer w = {.package = package, .path = path, .api = archive_api(err)};
    if (!w.api)
        return -1;
    struct str unfinished = arena_printf(package->arena, "%s.%d.XXXXXX", path, (int)getpid());
    char *name = arena_strz(package->arena, unfinished);
    w.fd = mkostemp(name, O_CLOEXEC);
    if (w.fd < 0)
        return err_errno(err, ERR_FAILED, "packing: cannot write %s", path);
    w.sha = sha256_new();
    keep_memory();
    int status = write_archive(&w, format, compress, err);
    unsigned char digest[SHA256_SIZE];
    sha256_final(w.sha, digest);
    fd_close_ptr(&w.fd);
    if (!status && rename(name, path))
        status = err_errno(err, ERR_FAILED, "packing: cannot write %s", path);
    if (status)
        unlink(name);
    *made = (struct package_made){hex_encode(package->arena, digest, sizeof digest), w.size};
    return status;
}
