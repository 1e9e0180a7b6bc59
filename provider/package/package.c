/* Writes packages; sorts and hashes their files, and computes the digest of the whole. */
#include "provider/package/package.h"

#include "base/archive.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* ---- Writing the package with libarchive, independent of this machine. Entries have no time: a ZIP file
 * then has 1980-01-01 in every time zone, a tar archive 1970. Names are UTF-8 in any locale of the process;
 * libarchive uses the thread's locale, which is set meanwhile. */

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
    struct err io; /* error of the write callback */
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
    err->class = ERR_FAILED; /* the stack itself is not invalid */
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

/* Returns -1 with ERR_INTERRUPTED if cancelled. */
static int package_cancelled(const struct package *package, struct err *err)
{
    bool stop = cancel_is_set(package->cancel);
    return stop ? err_set(err, ERR_INTERRUPTED, "interrupted while packing") : 0;
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
            break; /* the file became shorter, which the check below reports */
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

/* A compressor allocates memory for each entry: returning it to the system each time, and having it cleared
 * again, would take a tenth of the time. */
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
    struct err met = w->io; /* freeing closes the archive, which may write and overwrite the error */
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

/* ---- sorting ---- */

enum { HASH_THREADS = 4, DIGEST_VERSION = 1 };

void package_init(struct package *package, struct arena *arena)
{
    *package = (struct package){.arena = arena};
}

void package_release(struct package *package)
{
    free(package->files);
    *package = (struct package){0};
}

int package_by_path(const void *a, const void *b)
{
    return str_cmp(((const struct package_file *)a)->path, ((const struct package_file *)b)->path);
}

void package_sort(struct package *package)
{
    if (package->n)
        qsort(package->files, package->n, sizeof *package->files, package_by_path);
}

static const struct package_file *package_find(const struct package *package, struct str path)
{
    struct package_file key = {.path = path};
    return bsearch(&key, package->files, package->n, sizeof key, package_by_path);
}

/* A folder of one source may be a file in another. */
static int check_folders(const struct package *package, const struct package_file *file, struct err *err)
{
    const struct package_file *other = NULL;
    for (size_t end = file->path.n; end-- > 0 && !other;)
        if (file->path.p[end] == '/')
            other = package_find(package, str_slice(file->path, 0, end));
    if (!other)
        return 0;
    return err_set(err, ERR_INVALID,
        "\"%.*s\" would be a file where \"%.*s\" needs a folder, \"%.*s\" in the package",
        STR_ARG(other->source), STR_ARG(file->source), STR_ARG(other->path));
}

int package_finish(struct package *package, struct str prefix, struct err *err)
{
    package->unpacked = 0;
    for (size_t i = 0; i < package->n; i++) {
        struct package_file *file = &package->files[i];
        if (prefix.n)
            file->path = path_join(package->arena, prefix, file->path);
        package->unpacked += file->size;
    }
    package_sort(package);
    for (size_t i = 1; i < package->n; i++) {
        const struct package_file *a = &package->files[i - 1], *b = &package->files[i];
        if (str_eq(a->path, b->path))
            return err_set(err, ERR_INVALID, "both \"%.*s\" and \"%.*s\" would be \"%.*s\" in the package",
                STR_ARG(a->source), STR_ARG(b->source), STR_ARG(a->path));
    }
    for (size_t i = 0; i < package->n; i++)
        if (check_folders(package, &package->files[i], err))
            return -1;
    return 0;
}

void package_finish_inputs(struct package *package)
{
    size_t kept = 0;
    for (size_t i = 0; i < package->n; i++)
        package->files[i].path = package->files[i].source;
    package_sort(package);
    for (size_t i = 0; i < package->n; i++)
        if (!kept || !str_eq(package->files[kept - 1].path, package->files[i].path))
            package->files[kept++] = package->files[i];
    package->n = kept;
}

/* ---- reading ---- */

static int package_changed(struct package *package, const struct package_file *file, struct err *err)
{
    package->changed = true;
    return err_set(err, ERR_FAILED, "\"%.*s\" changed while it was read", STR_ARG(file->source));
}

int package_open(struct package *package, const struct package_file *file, int *fd, struct err *err)
{
    *fd = open(file->source.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 && (errno == ENOENT || errno == ELOOP))
        return package_changed(package, file, err);
    if (*fd < 0)
        return err_set(
            err, ERR_INVALID, "\"%.*s\" cannot be read: %s", STR_ARG(file->source), strerror(errno));
    return confined_file(*fd, file->source.p, err) || package_check(package, file, *fd, err) ? -1 : 0;
}

int package_check(struct package *package, const struct package_file *file, int fd, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st))
        return err_errno(err, ERR_FAILED, "\"%.*s\"", STR_ARG(file->source));
    struct file_id now = file_id_of(&st);
    return file_id_equal(&now, &file->id) ? 0 : package_changed(package, file, err);
}

/* ---- hashing ---- */

struct hashing {
    struct package *package;
    struct digests *digests;
};

static int hash_file(void *ctx, size_t i, struct err *err)
{
    struct hashing *h = ctx;
    struct package_file *file = &h->package->files[i];
    AUTO_FD int fd = -1;
    struct file_id id;
    if (file->hashed)
        return 0;
    if (package_cancelled(h->package, err))
        return -1;
    if (digests_find(h->digests, &file->id, file->sha256)) {
        file->hashed = true;
        return 0;
    }
    if (package_open(h->package, file, &fd, err))
        return -1;
    if (digests_of_file(h->digests, fd, file->source.p, &id, file->sha256, err)) {
        err->class = ERR_FAILED;
        return -1;
    }
    if (!file_id_equal(&id, &file->id))
        return package_changed(h->package, file, err);
    file->hashed = true;
    return 0;
}

int package_hash(struct package *package, struct digests *digests, struct err *err)
{
    struct hashing h = {.package = package, .digests = digests};
    return pool_try(HASH_THREADS, package->n, hash_file, &h, err);
}

/* `kinds`: the entries are not all regular files. */
static struct str digest_after(const struct package *package, struct str title, bool kinds)
{
    AUTO_BUF struct buf head = BUF_INIT;
    unsigned char digest[SHA256_SIZE];
    struct sha256 *sha = sha256_new();
    sha256_update(sha, title.p, title.n);
    for (size_t i = 0; i < package->n; i++) {
        const struct package_file *file = &package->files[i];
        buf_clear(&head);
        buf_addf(&head, "%zu:%.*s ", file->path.n, STR_ARG(file->path));
        if (kinds)
            buf_addf(&head, "%d ", (int)file->kind);
        buf_addf(&head, "%d %" PRId64 " ", file->executable, file->size);
        sha256_update(sha, head.p, head.n);
        sha256_update(sha, file->sha256, SHA256_SIZE);
    }
    sha256_final(sha, digest);
    return hex_encode(package->arena, digest, sizeof digest);
}

struct str package_digest(const struct package *package, enum package_format format, bool compress)
{
    return digest_after(package,
        arena_printf(package->arena, "weir package %d %d %d\n", DIGEST_VERSION, (int)format, compress),
        false);
}

struct str package_digest_context(const struct package *package, struct str recipe)
{
    return digest_after(package,
        arena_printf(package->arena, "weir context %d %zu:%.*s\n", DIGEST_VERSION, recipe.n, STR_ARG(recipe)),
        true);
}

/* ---- wheels ---- */

/* Returns the hash for RECORD: URL-safe base64 without padding. */
static struct str record_hash(struct arena *arena, const struct package_file *file)
{
    struct str text = base64_encode(arena, str_n((const char *)file->sha256, SHA256_SIZE));
    char *p = arena_strz(arena, text);
    size_t n = text.n;
    for (size_t i = 0; i < n; i++)
        p[i] = p[i] == '+' ? '-' : p[i] == '/' ? '_' : p[i];
    while (n && p[n - 1] == '=')
        n--;
    return str_n(p, n);
}

/* Adds a CSV field, quoted if needed. */
static void add_field(struct buf *out, struct str text)
{
    if (!str_after_last(text, ",\"\r\n")) {
        buf_add_str(out, text);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.n; i++)
        buf_addf(out, text.p[i] == '"' ? "\"\"" : "%c", text.p[i]);
    buf_add_char(out, '"');
}

void package_add_wheel(struct package *package, struct str name, struct str version)
{
    struct arena *arena = package->arena;
    struct str info = arena_printf(arena, "%.*s-%.*s.dist-info", STR_ARG(name), STR_ARG(version));
    struct str metadata = arena_printf(
        arena, "Metadata-Version: 2.1\nName: %.*s\nVersion: %.*s\n", STR_ARG(name), STR_ARG(version));
    package_add_text(package, path_join(arena, info, STR("METADATA")), metadata);
    package_add_text(package, path_join(arena, info, STR("WHEEL")),
        STR("Wheel-Version: 1.0\nGenerator: weir\nRoot-Is-Purelib: true\nTag: py3-none-any\n"));
    qsort(package->files, package->n, sizeof *package->files, package_by_path);
    AUTO_BUF struct buf record = BUF_INIT;
    for (size_t i = 0; i < package->n; i++) {
        add_field(&record, package->files[i].path);
        buf_addf(&record, ",sha256=%.*s,%" PRId64 "\n", STR_ARG(record_hash(arena, &package->files[i])),
            package->files[i].size);
    }
    buf_addf(&record, "%.*s/RECORD,,\n", STR_ARG(info));
    package_add_text(package, path_join(arena, info, STR("RECORD")), arena_str(arena, buf_str(&record)));
    qsort(package->files, package->n, sizeof *package->files, package_by_path);
}
