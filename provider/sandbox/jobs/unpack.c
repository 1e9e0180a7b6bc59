#include "provider/sandbox/jobs/unpack.h"

#include "base/archive_api.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 32 * 1024, MAX_ENTRIES = 100000 }; /* on the stacks of connections, which are small */

/* ---- objects ---- */

bool unpack_parse_uri(struct str uri, struct unpack_place *out)
{
    static const char *const schemes[] = {"s3://", "s3a://", "s3n://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        struct str scheme = str_z(schemes[i]);
        if (!str_starts(uri, scheme))
            continue;
        *out = (struct unpack_place){.version = STR_EMPTY};
        out->bucket = str_cut(str_slice(uri, scheme.n, uri.n), '/', &out->key);
        return out->bucket.n && out->key.n;
    }
    return false;
}

struct str unpack_name(struct arena *arena, struct str key)
{
    struct str name = path_base(key);
    bool fine = name.n && name.n < 200 && name.p[0] != '.' && memchr(name.p, '\0', name.n) == NULL;
    return fine ? arena_str(arena, name) : STR("file");
}

typedef int take_fn(void *ctx, const char *bytes, size_t n, struct err *err);

static int read_content(struct content *content, take_fn *take, void *ctx, struct err *err)
{
    char block[BLOCK];
    uint64_t at = 0;
    for (;;) {
        ssize_t n = content_read(content, at, block, sizeof block);
        if (n <= 0)
            return n ? err_errno(err, ERR_IO, "cannot read an object's content") : 0;
        if (take(ctx, block, (size_t)n, err))
            return -1;
        at += (uint64_t)n;
    }
}

static int read_object(
    struct s3_store *store, const struct unpack_place *place, take_fn *take, void *ctx, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct object object;
    enum store_result found =
        store_object_read(&arena, store, place->bucket, place->key, place->version, true, &object);
    if (found == STORE_OK && object.deleted) {
        fd_close_ptr(&object.fd);
        found = STORE_NO_KEY;
    }
    if (found == STORE_NO_BUCKET)
        return err_set(err, ERR_ABSENT, "there is no bucket %.*s", STR_ARG(place->bucket));
    if (found != STORE_OK)
        return err_set(err, ERR_ABSENT, "there is no object s3://%.*s/%.*s", STR_ARG(place->bucket),
            STR_ARG(place->key));
    struct content *content = content_open(store, place->bucket, &object, object.fd);
    int status = read_content(content, take, ctx, err);
    content_close(content);
    return status;
}

struct output {
    int fd;
    const char *path;
};

static int write_some(void *ctx, const char *bytes, size_t n, struct err *err)
{
    struct output *out = ctx;
    if (out->fd < 0) /* not before it is known that there is such an object */
        out->fd = open(out->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return out->fd < 0 ? err_errno(err, ERR_IO, "cannot write %s", out->path)
                       : fd_write_all(out->fd, bytes, n, err, out->path);
}

int unpack_fetch(struct s3_store *store, const struct unpack_place *place, const char *path, struct err *err)
{
    struct output out = {-1, path};
    int status = read_object(store, place, write_some, &out, err);
    if (!status && out.fd < 0) /* an empty one is a file all the same */
        status = write_some(&out, "", 0, err);
    fd_close_ptr(&out.fd);
    return status;
}

static int hash_some(void *ctx, const char *bytes, size_t n, struct err *err)
{
    (void)err;
    sha256_update(ctx, bytes, n);
    return 0;
}

int unpack_sha256(
    struct s3_store *store, const struct unpack_place *place, unsigned char out[SHA256_SIZE], struct err *err)
{
    struct sha256 *hash = sha256_new();
    int status = read_object(store, place, hash_some, hash, err);
    sha256_final(hash, out);
    return status;
}

/* ---- archives ---- */

struct unpacking {
    const struct archive_api *api;
    struct archive *archive;
    struct archive_entry *entry;
    int root;
    struct str name; /* of the entry */
    int64_t left;    /* bytes that may still be written */
    struct err *err;
};

static int refuse(struct unpacking *u, const char *why)
{
    return err_set(u->err, ERR_INVALID, "the archive's entry \"%.*s\" %s", STR_ARG(u->name), why);
}

/* Goes down from the root by the names before the last one, making folders; never through a link. */
static int enter(struct unpacking *u, struct str *last)
{
    struct str rest = u->name;
    int at = openat(u->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *last = STR_EMPTY;
    while (at >= 0 && rest.n) {
        char name[256];
        struct str segment = str_cut(rest, '/', &rest);
        if (!segment.n || str_eqz(segment, "."))
            continue;
        if (!str_trim(rest).n || !rest.n) {
            *last = segment;
            break;
        }
        if (segment.n >= sizeof name) {
            close(at);
            return refuse(u, "has too long a name");
        }
        memcpy(name, segment.p, segment.n);
        name[segment.n] = '\0';
        int made = mkdirat(at, name, 0700);
        int next =
            made && errno != EEXIST ? -1 : openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(at);
        at = next;
    }
    return at < 0 ? refuse(u, "lies below something that is no folder") : at;
}

/* ".." nowhere, and not absolute. */
static bool is_inside(struct str name)
{
    if (!name.n || name.p[0] == '/')
        return false;
    while (name.n)
        if (str_eqz(str_cut(name, '/', &name), ".."))
            return false;
    return true;
}

static int write_file(struct unpacking *u, int dir, const char *name)
{
    mode_t mode = u->api->entry_perm(u->entry) & 0111 ? 0755 : 0644;
    unlinkat(dir, name, 0); /* of two entries with one name the last counts */
    AUTO_FD int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return err_errno(u->err, ERR_IO, "cannot write %s", name);
    char block[BLOCK];
    for (;;) {
        la_ssize_t n = u->api->read_data(u->archive, block, sizeof block);
        if (n < 0)
            return refuse(u, "is damaged");
        if (!n)
            return 0;
        u->left -= n;
        if (u->left < 0)
            return refuse(u, "makes the archive larger than allowed when unpacked");
        if (fd_write_all(fd, block, (size_t)n, u->err, name))
            return -1;
    }
}

/* A link may point to what lies beside or below it. */
static int write_link(struct unpacking *u, int dir, const char *name)
{
    const char *target = u->api->entry_symlink(u->entry);
    if (!target || !is_inside(str_z(target)))
        return refuse(u, "is a link that may lead outside");
    unlinkat(dir, name, 0);
    return symlinkat(target, dir, name) ? err_errno(u->err, ERR_IO, "cannot make the link %s", name) : 0;
}

static int write_entry(struct unpacking *u)
{
    struct str last;
    char name[256];
    if (!is_inside(u->name))
        return refuse(u, "would lie outside of the folder");
    if (u->api->entry_hardlink(u->entry))
        return refuse(u, "is a hard link");
    AUTO_FD int dir = enter(u, &last);
    if (dir < 0)
        return -1;
    if (!last.n)
        return 0; /* "./" */
    if (last.n >= sizeof name)
        return refuse(u, "has too long a name");
    memcpy(name, last.p, last.n);
    name[last.n] = '\0';
    switch (u->api->entry_filetype(u->entry)) {
    case AE_IFREG: return write_file(u, dir, name);
    case AE_IFLNK: return write_link(u, dir, name);
    case AE_IFDIR:
        return mkdirat(dir, name, 0700) && errno != EEXIST ? err_errno(u->err, ERR_IO, "cannot make %s", name)
                                                           : 0;
    default: return refuse(u, "is neither a file nor a folder");
    }
}

/*
 * Zip has local times, which libarchive converts with mktime(). The C library keeps the time zone under a
 * lock that ThreadSanitizer does not see; this one it does.
 */
static int next_entry(struct unpacking *u)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    int status = u->api->read_next_header(u->archive, &u->entry);
    pthread_mutex_unlock(&lock);
    return status;
}

static int unpack_all(struct unpacking *u, const char *path)
{
    for (int n = 0;; n++) {
        int status = next_entry(u);
        if (status == ARCHIVE_EOF)
            return 0;
        if (status < ARCHIVE_WARN)
            return err_set(
                u->err, ERR_INVALID, "cannot unpack %s: %s", path, u->api->error_string(u->archive));
        const char *name = u->api->entry_pathname_utf8(u->entry);
        u->name = str_z(name ? name : u->api->entry_pathname(u->entry));
        if (n >= MAX_ENTRIES)
            return refuse(u, "is one too many");
        if (write_entry(u))
            return -1;
    }
}

int unpack_archive(const char *archive, const char *dir, int64_t max_bytes, struct err *err)
{
    struct unpacking u = {.left = max_bytes, .err = err};
    AUTO_FD int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_errno(err, ERR_IO, "cannot open %s", dir);
    u.root = root;
    u.api = archive_api(err);
    if (!u.api)
        return -1;
    u.archive = u.api->read_new();
    u.api->read_support_format_zip(u.archive);
    u.api->read_support_format_tar(u.archive);
    u.api->read_support_filter_gzip(u.archive);
    int status = u.api->read_open_filename(u.archive, archive, BLOCK) == ARCHIVE_OK
                     ? unpack_all(&u, archive)
                     : err_set(err, ERR_INVALID, "%s is no zip archive: %s", path_base(str_z(archive)).p,
                           u.api->error_string(u.archive));
    u.api->read_free(u.archive);
    return status;
}
