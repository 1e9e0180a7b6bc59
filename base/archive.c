/* Archives: loading libarchive, and unpacking an archive into a folder, within limits: see archive.h. */
#include "base/archive.h"
#include "base/file.h"
#include "base/library.h"
#include "base/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

const struct archive_api *archive_api(struct err *err)
{
#define ARCHIVE_NAME(name)   "archive_" #name "\0"
#define ARCHIVE_LINKED(name) archive_##name,
    static struct archive_api api = LIBRARY_LINKED(ARCHIVE_FUNCTIONS(ARCHIVE_LINKED));
    static struct library library = {
        .file = "libarchive.so.13",
        .install = "libarchive 3.3 or later (Debian and Ubuntu: apt install libarchive13)",
        .table = &api,
        .names = ARCHIVE_FUNCTIONS(ARCHIVE_NAME),
    };
    return library_table(&library, err);
}

static locale_t utf8;

static void make_utf8(void)
{
    utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

locale_t archive_utf8(struct err *err)
{
    static pthread_once_t made = PTHREAD_ONCE_INIT;
    pthread_once(&made, make_utf8);
    if (!utf8)
        err_set(err, ERR_FAILED, "packing needs the locale C.UTF-8, which this system does not have");
    return utf8;
}

/* ---- unpacking archives of others ---- */

enum {
    BLOCK = 32 * 1024, /* small, since it is on the stack of a connection's thread */
    MAX_ENTRIES = 100000,
    MAX_DEPTH = 100,
};

struct unpacking {
    const struct archive_api *api;
    struct archive *archive;
    struct archive_entry *entry;
    int root;
    struct str name; /* name of the entry */
    int64_t left;    /* bytes that may still be written */
    int made;        /* number of entries and of folders created for them */
    struct err *err;
};

/* Fails with a message about the entry. Its name may have any bytes, but the message must be text. */
static int unpack_archive_refuse(struct unpacking *u, const char *why)
{
    AUTO_BUF struct buf name = BUF_INIT;
    for (size_t i = 0; i < u->name.n && name.n < 200; i++)
        buf_add_char(&name, (unsigned char)u->name.p[i] < ' ' || u->name.p[i] == 0x7f ? '?' : u->name.p[i]);
    struct str shown = buf_str(&name);
    if (str_is_utf8(u->name))
        shown.n = str_utf8_prefix(shown);
    else
        for (size_t i = 0; i < shown.n; i++)
            name.p[i] = (char)((unsigned char)name.p[i] & 0x80 ? '?' : name.p[i]);
    return err_set(u->err, ERR_INVALID, "the archive's entry \"%.*s\" %s", STR_ARG(shown), why);
}

/* ---- names ---- */

/* Returns the next component of a path, skipping "." and empty ones. n 0: the end. */
static struct str next_step(struct str *path)
{
    while (path->p && path->n) {
        struct str step = str_cut(*path, '/', path);
        if (step.n && !str_eqz(step, "."))
            return step;
    }
    return STR_EMPTY;
}

/* True if the name is relative and has no "..". */
static bool is_inside(struct str name)
{
    if (!name.n || name.p[0] == '/')
        return false;
    for (struct str step; (step = next_step(&name)).n;)
        if (str_eqz(step, ".."))
            return false;
    return true;
}

/* Returns the number of folders above an entry. */
static int depth_of(struct str name)
{
    int steps = 0;
    while (next_step(&name).n)
        steps++;
    return steps - 1;
}

/*
 * True if the link's target goes up to the root at most, and then only down. The folders above the link are
 * real folders, since nothing is created below a link. Going up after going down is refused, since it may
 * pass through a link.
 */
static bool leads_inside(struct str target, int depth)
{
    struct str rest = target;
    if (!target.n || target.p[0] == '/')
        return false;
    while (str_eqz(next_step(&rest), "..")) {
        if (--depth < 0)
            return false;
        target = rest;
    }
    return !target.n || is_inside(target);
}

/* ---- writing ---- */

/* Opens the folder `name` in the folder `at`, which is closed, and creates it if missing; never follows a
 * link. */
static int enter(struct unpacking *u, int at, const char *name)
{
    int made = mkdirat(at, name, 0700);
    u->made += !made;
    int next =
        made && errno != EEXIST ? -1 : openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int why = errno;
    close(at);
    errno = why;
    return next;
}

/* Opens the folder that contains the entry; *name is the entry's name in it, "" for the root. */
static int enter_folder(struct unpacking *u, char name[NAME_MAX + 1])
{
    struct str rest = u->name, step = next_step(&rest);
    int at = openat(u->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    name[0] = '\0';
    while (at >= 0 && step.n) {
        if (step.n > NAME_MAX) {
            close(at);
            return unpack_archive_refuse(u, "has too long a name");
        }
        memcpy(name, step.p, step.n);
        name[step.n] = '\0';
        step = next_step(&rest);
        if (step.n)
            at = enter(u, at, name);
    }
    if (at >= 0)
        return at;
    return errno == ENOTDIR || errno == ELOOP
               ? unpack_archive_refuse(u, "is below something that is not a folder")
               : err_errno(u->err, ERR_IO, "cannot make the folder of %.*s", STR_ARG(u->name));
}

/* Extends a sparse file to its size. */
static int end_file(struct unpacking *u, int fd, const char *name)
{
    off_t size = u->api->entry_size(u->entry), written = lseek(fd, 0, SEEK_CUR);
    u->left -= size > written ? size - written : 0;
    if (size > written && ftruncate(fd, size))
        return err_errno(u->err, ERR_IO, "cannot write %s", name);
    return 0;
}

static int write_file(struct unpacking *u, int dir, const char *name)
{
    mode_t mode = u->api->entry_perm(u->entry) & 0111 ? 0755 : 0644;
    if (u->api->entry_size(u->entry) > u->left) /* a sparse file may be far larger than its data */
        return unpack_archive_refuse(u, UNPACK_TOO_LARGE);
    unlinkat(dir, name, 0); /* of two entries with the same name the last counts */
    AUTO_FD int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return errno == EEXIST ? unpack_archive_refuse(u, "is a folder and a file at once")
                               : err_errno(u->err, ERR_IO, "cannot write %s", name);
    char block[BLOCK];
    for (;;) {
        la_ssize_t n = u->api->read_data(u->archive, block, sizeof block);
        if (n < 0)
            return unpack_archive_refuse(u, "is damaged");
        if (!n)
            return end_file(u, fd, name);
        u->left -= n;
        if (u->left < 0)
            return unpack_archive_refuse(u, UNPACK_TOO_LARGE);
        if (fd_write_all(fd, block, (size_t)n, u->err, name))
            return -1;
    }
}

static int write_link(struct unpacking *u, int dir, const char *name)
{
    const char *target = u->api->entry_symlink_utf8(u->entry);
    target = target ? target : u->api->entry_symlink(u->entry);
    if (!target || !leads_inside(str_z(target), depth_of(u->name)))
        return unpack_archive_refuse(u, "is a link that may lead outside");
    unlinkat(dir, name, 0);
    if (!symlinkat(target, dir, name))
        return 0;
    return errno == EEXIST ? unpack_archive_refuse(u, "is a folder and a link at once")
                           : err_errno(u->err, ERR_IO, "cannot make the link %s", name);
}

static int write_folder(struct unpacking *u, int dir, const char *name)
{
    if (!mkdirat(dir, name, 0700) || errno == EEXIST)
        return 0;
    return err_errno(u->err, ERR_IO, "cannot make %s", name);
}

static int write_entry(struct unpacking *u)
{
    char name[NAME_MAX + 1];
    if (!is_inside(u->name))
        return unpack_archive_refuse(u, "would be outside of the folder");
    if (depth_of(u->name) > MAX_DEPTH)
        return unpack_archive_refuse(u, "is nested too deep");
    if (u->api->entry_hardlink(u->entry))
        return unpack_archive_refuse(u, "is a hard link");
    AUTO_FD int dir = enter_folder(u, name);
    if (dir < 0)
        return -1;
    if (!name[0])
        return 0; /* "./" */
    switch (u->api->entry_filetype(u->entry)) {
    case AE_IFREG: return write_file(u, dir, name);
    case AE_IFLNK: return write_link(u, dir, name);
    case AE_IFDIR: return write_folder(u, dir, name);
    default: return unpack_archive_refuse(u, "is neither a file nor a folder");
    }
}

/* ---- reading ---- */

/*
 * Zip has local times, which libarchive converts with mktime(). The C library protects the time zone by a
 * lock that ThreadSanitizer does not know; it knows this one.
 */
static int next_entry(struct unpacking *u)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    return u->api->read_next_header(u->archive, &u->entry);
}

static int damaged(struct unpacking *u, const char *path, const char *what)
{
    const char *why = u->api->error_string(u->archive);
    return err_set(
        u->err, ERR_INVALID, "%s %s: %s", path_base(str_z(path)).p, what, why ? why : "it is damaged");
}

static int unpack_all(struct unpacking *u, const char *path)
{
    for (;;) {
        int status = next_entry(u);
        if (status == ARCHIVE_EOF)
            return 0;
        if (status < ARCHIVE_WARN)
            return damaged(u, path, "cannot be unpacked");
        const char *name = u->api->entry_pathname_utf8(u->entry);
        name = name ? name : u->api->entry_pathname(u->entry);
        u->name = name ? str_z(name) : STR_EMPTY;
        if (++u->made > MAX_ENTRIES)
            return unpack_archive_refuse(u, "is one too many");
        if (!name)
            return unpack_archive_refuse(u, "has no name");
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
                     : damaged(&u, archive, "is not a zip archive");
    u.api->read_free(u.archive);
    return status;
}

int64_t unpack_archive_size(const char *archive, struct err *err)
{
    struct unpacking u = {.err = err, .api = archive_api(err)};
    if (!u.api)
        return -1;
    u.archive = u.api->read_new();
    u.api->read_support_format_zip(u.archive);
    int status = u.api->read_open_filename(u.archive, archive, BLOCK);
    int64_t size = 0;
    while (status == ARCHIVE_OK && (status = next_entry(&u)) >= ARCHIVE_WARN && status != ARCHIVE_EOF) {
        size += u.api->entry_size(u.entry);
        status = ARCHIVE_OK;
    }
    u.api->read_free(u.archive);
    return status == ARCHIVE_EOF ? size : err_set(err, ERR_INVALID, "it is not a zip archive");
}
