/*
 * What a package is made of: its files in order, their hashes, and the digest over all of it.
 */
#include "provider/package/package.h"

#include "base/confined.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

static const struct package_file *package_find(const struct package *package, struct str path)
{
    struct package_file key = {.path = path};
    return bsearch(&key, package->files, package->n, sizeof key, package_by_path);
}

/* The folders of one source may be files in another. */
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
    if (package->n)
        qsort(package->files, package->n, sizeof *package->files, package_by_path);
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
    if (package->n)
        qsort(package->files, package->n, sizeof *package->files, package_by_path);
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
    if (*fd < 0 && errno == ENOENT)
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

int package_cancelled(const struct package *package, struct err *err)
{
    bool stop = cancel_is_set(package->cancel);
    return stop ? err_set(err, ERR_INTERRUPTED, "interrupted while packing") : 0;
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

struct str package_digest(const struct package *package, enum package_format format, bool compress)
{
    AUTO_BUF struct buf head = BUF_INIT;
    unsigned char digest[SHA256_SIZE];
    struct sha256 *sha = sha256_new();
    buf_addf(&head, "weir package %d %d %d\n", DIGEST_VERSION, (int)format, compress);
    sha256_update(sha, head.p, head.n);
    for (size_t i = 0; i < package->n; i++) {
        const struct package_file *file = &package->files[i];
        buf_clear(&head);
        buf_addf(&head, "%zu:%.*s %d %" PRId64 " ", file->path.n, STR_ARG(file->path), file->executable,
            file->size);
        sha256_update(sha, head.p, head.n);
        sha256_update(sha, file->sha256, SHA256_SIZE);
    }
    sha256_final(sha, digest);
    return hex_encode(package->arena, digest, sizeof digest);
}

/* ---- wheels ---- */

/* As RECORD wants it: URL-safe base64 without padding. */
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

/* A CSV field; quotes only where it needs them. */
static void add_field(struct buf *out, struct str text)
{
    if (str_find_char(text, ',', 0) < 0 && str_find_char(text, '"', 0) < 0) {
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
