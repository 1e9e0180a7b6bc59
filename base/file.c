/* Files and paths: see file.h. */
#include "base/file.h"

#include "base/hash.h"
#include "base/system.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- restrictions of the process ---- */

enum { ALLOWED_MAX = 16 };

static struct {
    char folder[PATH_MAX]; /* "": all files may be read */
    char *allowed[ALLOWED_MAX];
    size_t allowed_count;
    bool programs;
} confined;

/* ---- files ---- */

int confine_files(const char *folder, struct err *err)
{
    return realpath(folder, confined.folder) ? 0 : err_errno(err, ERR_IO, "%s", folder);
}

void confine_allow(const char *path)
{
    if (confined.folder[0] && confined.allowed_count < ALLOWED_MAX &&
        (confined.allowed[confined.allowed_count] = realpath(path, NULL)))
        confined.allowed_count++;
}

static bool is_below(const char *real, const char *folder)
{
    size_t n = strlen(folder);
    return !strncmp(real, folder, n) && (!real[n] || real[n] == '/' || n == 1);
}

/* True if the file may be read. A memory file ("") was made by this process. */
static bool is_inside(const char *real)
{
    bool inside = !real[0] || is_below(real, confined.folder) || !strcmp(real, "/dev/null");
    for (size_t i = 0; i < confined.allowed_count; i++)
        inside |= is_below(real, confined.allowed[i]);
    return inside;
}

static int refuse_file(const char *path, struct err *err)
{
    err_set(err, ERR_IO, "cannot read %s: it is outside of %s", path, confined.folder);
    err_hint(err, "for an assistant only files in this folder are read (`weir mcp --root`)");
    errno = EACCES;
    return -1;
}

int confined_file(int fd, const char *path, struct err *err)
{
    char real[PATH_MAX];
    if (!confined.folder[0])
        return 0;
    if (system_path_of(fd, real))
        return err_errno(err, ERR_IO, "%s", path);
    return is_inside(real) ? 0 : refuse_file(path, err);
}

int confined_path(const char *path, struct err *err)
{
    char real[PATH_MAX], there[PATH_MAX];
    if (!confined.folder[0])
        return 0;
    int n = snprintf(there, sizeof there, "%s", path[0] ? path : ".");
    while (n < PATH_MAX && !realpath(there, real)) { /* the path does not exist: continue with its folder */
        char *slash = strrchr(there, '/');
        if (errno != ENOENT || !strcmp(slash ? slash + 1 : there, ".."))
            return refuse_file(path, err);
        if (slash == there)
            slash++;
        strcpy(slash ? slash : there, slash ? "" : ".");
    }
    return n < PATH_MAX && is_inside(real) ? 0 : refuse_file(path, err);
}

/* ---- programs ---- */

int confine_programs(struct err *err)
{
    if (system_forbid_programs())
        return err_errno(err, ERR_FAILED, "the kernel cannot keep weir from running programs");
    confined.programs = true;
    return 0;
}

int confined_program(const char *what, struct err *err)
{
    if (!confined.programs)
        return 0;
    err_set(err, ERR_FAILED, "%s was not run: an assistant may not make weir run programs", what);
    return err_hint(err, "`weir mcp --allow commands` allows it");
}

void fd_close_ptr(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

void dir_close_ptr(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static int file_too_large(const char *path, size_t max, struct err *err)
{
    return err_set(err, ERR_IO, "cannot read %s: it is larger than %zu bytes", path, max);
}

/* Reads as many bytes as the file's known size, or fewer if the file became shorter. -1: errno. */
static ssize_t read_known(int fd, char *bytes, size_t known)
{
    size_t have = 0;
    while (have < known) {
        ssize_t n = read(fd, bytes + have, known - have);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n == 0)
            break;
        have += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)have;
}

/* Joins both, with a NUL after the end. `first` is in the arena, with room for one more byte. */
static struct str file_join(struct arena *arena, char *first, size_t n, struct str rest)
{
    if (!n)
        return rest.n ? arena_str(arena, rest) : STR_EMPTY;
    char *all = rest.n ? arena_alloc(arena, n + rest.n + 1) : first;
    if (rest.n) {
        memcpy(all, first, n);
        memcpy(all + n, rest.p, rest.n);
    }
    all[n + rest.n] = '\0';
    return str_n(all, n + rest.n);
}

/* Returns 0 if a file of this kind may be read. */
static int check_kind(const char *path, const struct stat *st, struct err *err)
{
    struct stat at_null;
    bool null = S_ISCHR(st->st_mode) && !stat("/dev/null", &at_null) && st->st_rdev == at_null.st_rdev;
    if (S_ISREG(st->st_mode) || null)
        return 0;
    if (S_ISDIR(st->st_mode)) {
        errno = EISDIR;
        return err_errno(err, ERR_IO, "cannot read %s", path);
    }
    err_set(err, ERR_IO, "cannot read %s: it is a %s, and only regular files are read", path,
        S_ISFIFO(st->st_mode)   ? "named pipe"
        : S_ISSOCK(st->st_mode) ? "socket"
                                : "device");
    if (S_ISFIFO(st->st_mode))
        err_hint(err, "write it to a file; on the command line, <(command) is read as one");
    errno = EINVAL;
    return -1;
}

int file_check(const char *path, struct err *err)
{
    struct stat st;
    return stat(path, &st) ? 0 : check_kind(path, &st, err);
}

static int open_regular(const char *path, int flags, struct err *err)
{
    struct stat st;
    if (file_check(path, err)) /* before open(), since some devices act when they are opened */
        return -1;
    int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0 || fstat(fd, &st)) {
        int why = errno;
        err_errno(err, ERR_IO, "cannot %s %s", flags & O_CREAT ? "open" : "read", path);
        fd_close_ptr(&fd);
        errno = why;
        return -1;
    }
    if (check_kind(path, &st, err)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

int file_open(const char *path, int flags, struct err *err)
{
    if (flags & O_CREAT && confined_path(path, err))
        return -1;
    int fd = open_regular(path, flags, err);
    if (fd >= 0 && confined_file(fd, path, err)) {
        close(fd);
        errno = EACCES;
        return -1;
    }
    return fd;
}

/* Reads directly into the arena, and then the rest: files of /proc have no size, and a file may grow
 * meanwhile. */
static int read_opened(
    struct arena *arena, int fd, const char *path, size_t max, struct str *out, struct err *err)
{
    struct stat st;
    if (fd < 0)
        return -1;
    if (fstat(fd, &st))
        return err_errno(err, ERR_IO, "cannot read %s", path);
    size_t known = st.st_size > 0 ? (size_t)st.st_size : 0;
    if (max && known > max)
        return file_too_large(path, max, err);
    char *bytes = known ? arena_alloc(arena, known + 1) : NULL;
    ssize_t have = read_known(fd, bytes, known);
    if (have < 0)
        return err_errno(err, ERR_IO, "cannot read %s", path);
    AUTO_BUF struct buf rest = {.max = max};
    if (fd_read_all(fd, &rest, err, path))
        return -1;
    if (rest.overflow || (max && (size_t)have + rest.n > max))
        return file_too_large(path, max, err);
    *out = file_join(arena, bytes, (size_t)have, buf_str(&rest));
    return 0;
}

int file_read(struct arena *arena, const char *path, size_t max, struct str *out, struct err *err)
{
    AUTO_FD int fd = file_open(path, O_RDONLY, err);
    return read_opened(arena, fd, path, max, out, err);
}

int file_read_own(struct arena *arena, const char *path, size_t max, struct str *out, struct err *err)
{
    AUTO_FD int fd = open_regular(path, O_RDONLY, err);
    return read_opened(arena, fd, path, max, out, err);
}

int fd_write_all(int fd, const void *bytes, size_t n, struct err *err, const char *path)
{
    const char *at = bytes;
    while (n) {
        ssize_t written = write(fd, at, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_errno(err, ERR_IO, "cannot write %s", path);
        at += written;
        n -= (size_t)written;
    }
    return 0;
}

int fd_read_all(int fd, struct buf *out, struct err *err, const char *what)
{
    char block[16 * 1024];
    for (ssize_t n; !out->overflow && (n = read(fd, block, sizeof block)) != 0;) {
        if (n < 0 && errno != EINTR)
            return err_errno(err, ERR_IO, "cannot read %s", what);
        buf_add(out, block, n > 0 ? (size_t)n : 0);
    }
    return 0;
}

int dir_sync(const char *dir, struct err *err)
{
    AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (system_sync(fd) && errno != EINVAL))
        return err_errno(err, ERR_IO, "cannot sync %s", dir);
    return 0;
}

static int sync_dir_of(const char *path, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    return dir_sync(arena_strz(&scratch, path_dir(str_z(path))), err);
}

/* Creates a file beside another, with the mode less the umask, which mkostemp() would ignore. */
static int open_beside(struct arena *arena, const char *path, mode_t mode, const char **temporary)
{
    enum { TRIES = 100 };
    int fd = -1;
    for (int i = 0; i < TRIES && fd < 0; i++) {
        unsigned random;
        hash_random(&random, sizeof random);
        *temporary = arena_printf(arena, "%s.tmp%08x", path, random).p;
        fd = open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

/* Removes the permissions of others that the existing file does not have. */
static int keep_closed(const char *path, int fd, mode_t mode)
{
    struct stat st;
    if (lstat(path, &st) || !S_ISREG(st.st_mode))
        return 0;
    return fchmod(fd, (mode & ~077u) | (mode & st.st_mode & 077));
}

int file_replace(const char *path, struct str data, mode_t mode, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const char *temporary;
    AUTO_FD int fd = open_beside(&scratch, path, mode, &temporary);
    if (fd < 0)
        return err_errno(err, ERR_IO, "cannot write %s", path);
    if (fd_write_all(fd, data.p, data.n, err, path)) {
        unlink(temporary);
        return -1;
    }
    if (keep_closed(path, fd, mode) || system_sync(fd) || rename(temporary, path)) {
        int why = errno;
        errno = path_is_dir(path) ? EISDIR : why; /* rename() would say busy, or not empty */
        err_errno(err, ERR_IO, "cannot write %s", path);
        unlink(temporary);
        return -1;
    }
    return 0;
}

int file_write_atomic(const char *path, struct str data, mode_t mode, struct err *err)
{
    return file_replace(path, data, mode, err) ? -1 : sync_dir_of(path, err);
}

int file_write_named(const char *path, struct str data, mode_t mode, struct err *err)
{
    struct stat st;
    char *real = !lstat(path, &st) && S_ISLNK(st.st_mode) ? realpath(path, NULL) : NULL;
    bool replaced = stat(path, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
    int status;
    if (replaced) {
        status = file_write_atomic(real ? real : path, data, mode, err);
    } else {
        AUTO_FD int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        status = fd < 0 ? err_errno(err, ERR_IO, "cannot write %s", path)
                        : fd_write_all(fd, data.p, data.n, err, path);
    }
    free(real);
    return status;
}

bool path_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool path_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Makes the folder and its .gitignore at once, by a rename: an existing folder without .gitignore never gets
 * one. */
static int make_private(const char *path, char *temporary, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (!mkdtemp(temporary)) /* for the owner only, whatever the umask allows */
        return err_errno(err, ERR_IO, "cannot make the folder %s", path);
    if (file_write_atomic(arena_printf(&scratch, "%s/.gitignore", temporary).p, STR("*\n"), 0600, err))
        return -1;
    return rename(temporary, path) ? err_errno(err, ERR_IO, "cannot make the folder %s", path) : 0;
}

int dir_make_private(const char *path, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err failure = ERR_INIT;
    if (path_is_dir(path))
        return 0;
    char *temporary = arena_strz(&scratch, arena_printf(&scratch, "%s.tmpXXXXXX", path));
    if (!make_private(path, temporary, &failure))
        return sync_dir_of(path, err);
    tree_remove(temporary);
    if (path_is_dir(path)) /* another process has created it */
        return 0;
    return err_raise(err, &failure);
}

const struct dirent *dir_next(DIR *dir)
{
    const struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(dir);
    } while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
    return entry;
}

static int make_one(const char *path, struct err *err)
{
    if (str_eqz(path_base(str_z(path)), DIR_OF_WEIR))
        return dir_make_private(path, err);
    if (mkdir(path, 0777) && errno != EEXIST)
        return err_errno(err, ERR_IO, "cannot create the folder %s", path);
    return 0;
}

int dir_make(const char *path, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    char *partial = arena_strz(&scratch, str_z(path));
    for (char *slash = partial + 1;; slash++) {
        if (*slash && *slash != '/')
            continue;
        char saved = *slash;
        *slash = '\0';
        if (make_one(partial, err))
            return -1;
        *slash = saved;
        if (!saved)
            break;
    }
    if (!path_is_dir(path)) {
        errno = ENOTDIR;
        return err_errno(err, ERR_IO, "cannot create the folder %s", path);
    }
    return 0;
}

/* First makes folders accessible that may not be read, searched or written: the tree to remove is weir's
 * own. */
static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    if (kind == FTW_DNR && (st->st_mode & 0700) != 0700 && !chmod(path, 0700))
        tree_remove(path);
    else if (remove(path) && errno == EACCES && ftw->level) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        if (chmod(arena_strz(&scratch, path_dir(str_z(path))), 0700))
            return 0;
        if (kind == FTW_NS) /* lstat() failed: the kind is unknown */
            tree_remove(path);
        else
            remove(path);
    }
    return 0;
}

void tree_remove(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

bool path_real(const char *path, char out[PATH_MAX])
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str folder = arena_str(&scratch, path_dir(str_z(path)));
    if (realpath(path, out))
        return true;
    char up[PATH_MAX];
    if (str_eq(folder, str_z(path)) || !path_real(folder.p, up))
        return false;
    struct str whole = path_join(&scratch, arena_str(&scratch, str_z(up)), path_base(str_z(path)));
    if (whole.n >= PATH_MAX)
        return false;
    memcpy(out, whole.p, whole.n);
    out[whole.n] = '\0';
    return true;
}

struct str path_between(struct arena *arena, struct str from, struct str to)
{
    char a[PATH_MAX], b[PATH_MAX];
    AUTO_BUF struct buf out = BUF_INIT;
    size_t same = 0; /* the length of the folders that are above both */
    if (!path_real(arena_strz(arena, from.n ? from : STR(".")), a) ||
        !path_real(arena_strz(arena, to.n ? to : STR(".")), b))
        return STR_EMPTY;
    for (size_t i = 0;; i++) {
        if ((!a[i] || a[i] == '/') && (!b[i] || b[i] == '/'))
            same = i;
        if (!a[i] || a[i] != b[i])
            break;
    }
    for (const char *p = a + same; *p; p++)
        if (*p == '/' && p[1])
            buf_addz(&out, "../");
    buf_addz(&out, b[same] == '/' ? b + same + 1 : b + same);
    struct str path = buf_str(&out);
    while (str_ends(path, STR("/")))
        path.n--;
    return arena_str(arena, path.n ? path : STR("."));
}

struct str path_join(struct arena *arena, struct str dir, struct str name)
{
    if (!dir.n || str_eqz(dir, ".") || (name.n && name.p[0] == '/'))
        return arena_str(arena, name);
    const char *separator = dir.p[dir.n - 1] == '/' ? "" : "/";
    return arena_printf(arena, "%.*s%s%.*s", STR_ARG(dir), separator, STR_ARG(name));
}

struct str path_dir(struct str path)
{
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '/')
            return i == 1 ? STR("/") : str_slice(path, 0, i - 1);
    return STR(".");
}

struct str path_base(struct str path)
{
    return str_last_part(path, "/");
}
