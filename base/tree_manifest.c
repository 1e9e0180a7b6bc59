/* The manifest of a folder: see tree_manifest.h. */
#include "base/tree_manifest.h"

#include "base/digests.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

enum { DEPTH_MAX = 200, LIST_MAX = 64 * 1024 * 1024, DIGITS = 2 * SHA256_SIZE, MODE_DIGITS = 6 };

struct entry {
    struct str path; /* relative to the folder */
    const char *mode;
    unsigned char sha256[SHA256_SIZE];
};

struct listing {
    struct arena *arena;
    int root;
    struct entry *entries;
    size_t n, cap;
};

/* ---- one file ---- */

static int read_target(int root, const char *path, unsigned char sha256[SHA256_SIZE], struct err *err)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(root, path, target, sizeof target);
    if (n < 0)
        return err_errno(err, ERR_IO, "cannot read the link %s", path);
    hash_sha256(str_n(target, (size_t)n), sha256);
    return 0;
}

/* Returns the current mode of a file or link, NULL for anything else, and its digest. */
static int entry_look(
    int root, const char *path, const char **mode, unsigned char sha256[SHA256_SIZE], struct err *err)
{
    struct stat st;
    struct file_id id;
    *mode = NULL;
    if (fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW))
        return err_errno(err, ERR_IO, "cannot read %s", path);
    if (S_ISLNK(st.st_mode)) {
        *mode = "120000";
        return read_target(root, path, sha256, err);
    }
    if (!S_ISREG(st.st_mode))
        return 0;
    *mode = st.st_mode & 0100 ? "100755" : "100644";
    AUTO_FD int fd = openat(root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, ERR_IO, "cannot read %s", path);
    return digests_of_file(NULL, fd, path, &id, sha256, err);
}

/* ---- writing the manifest ---- */

static int list_folder(struct listing *l, struct str path, int depth, struct err *err);

static int list_entry(struct listing *l, struct str path, const char *name, int depth, struct err *err)
{
    struct stat st;
    if (!strcasecmp(name, ".git") || !strcasecmp(name, DIR_OF_WEIR))
        return err_set(err, ERR_INVALID, "it contains a %s, which belongs to a working folder", path.p);
    if (strpbrk(name, "\n\r"))
        return err_set(err, ERR_INVALID, "it contains a file with a line break in its name");
    if (fstatat(l->root, path.p, &st, AT_SYMLINK_NOFOLLOW))
        return err_errno(err, ERR_IO, "cannot read %s", path.p);
    if (S_ISDIR(st.st_mode))
        return list_folder(l, path, depth + 1, err);
    MEM_GROW(l->entries, l->cap, l->n + 1);
    struct entry *entry = &l->entries[l->n++];
    entry->path = path;
    if (entry_look(l->root, path.p, &entry->mode, entry->sha256, err))
        return -1;
    return entry->mode ? 0 : err_set(err, ERR_INVALID, "%s is neither a file nor a folder", path.p);
}

static int list_folder(struct listing *l, struct str path, int depth, struct err *err)
{
    if (depth > DEPTH_MAX)
        return err_set(err, ERR_INVALID, "its folders are nested deeper than %d levels", DEPTH_MAX);
    int fd = openat(l->root, path.n ? path.p : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        err_errno(err, ERR_IO, "cannot read the folder %s", path.p);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    int status = 0;
    for (const struct dirent *entry; !status && (entry = dir_next(dir));) {
        struct str name = str_z(entry->d_name);
        if (path.n || !str_eqz(name, TREE_MANIFEST))
            status = list_entry(l, path_join(l->arena, path, name), entry->d_name, depth, err);
    }
    if (!status && errno)
        status = err_errno(err, ERR_IO, "cannot read the folder %s", path.p);
    return status;
}

static int by_path(const void *a, const void *b)
{
    return str_cmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static void write_list(const struct listing *l, struct buf *out)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    for (size_t i = 0; i < l->n; i++) {
        const struct entry *entry = &l->entries[i];
        struct str digest = hex_encode(&scratch, entry->sha256, SHA256_SIZE);
        buf_addf(out, "%s %s %.*s\n", entry->mode, digest.p, STR_ARG(entry->path));
    }
}

int tree_manifest_write(struct arena *arena, const char *dir, struct str *sha256, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    struct listing l = {.arena = &scratch};
    AUTO_FD int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_errno(err, ERR_IO, "cannot read the folder %s", dir);
    l.root = root;
    int status = list_folder(&l, STR_EMPTY, 0, err);
    if (!status) {
        if (l.n)
            qsort(l.entries, l.n, sizeof *l.entries, by_path);
        write_list(&l, &text);
        *sha256 = sha256_hex(arena, buf_str(&text));
        struct str path = path_join(&scratch, str_z(dir), STR(TREE_MANIFEST));
        status = file_write_atomic(path.p, buf_str(&text), 0644, err);
    }
    free(l.entries);
    return status;
}

/* ---- comparing and copying ---- */

struct line {
    struct str mode, digest;
    const char *path;
};

/* Parses the next line. False: the end of the manifest. */
static bool line_next(struct arena *arena, struct str *rest, struct line *out)
{
    if (!rest->p || !rest->n)
        return false;
    struct str line = str_cut(*rest, '\n', rest);
    out->mode = str_cut(line, ' ', &line);
    out->digest = str_cut(line, ' ', &line);
    out->path = line.p ? arena_strz(arena, line) : "";
    return true;
}

static int read_list(struct arena *arena, const char *dir, struct str *text, struct err *err)
{
    return file_read(arena, path_join(arena, str_z(dir), STR(TREE_MANIFEST)).p, LIST_MAX, text, err);
}

static int check_line(int root, const struct line *line, const char *dir, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const char *mode;
    unsigned char sha256[SHA256_SIZE];
    if (entry_look(root, line->path, &mode, sha256, ERR_IGNORED))
        return err_set(err, ERR_DAMAGED, "%s/%s is missing", dir, line->path);
    if (mode && str_eqz(line->mode, mode) && str_eq(line->digest, hex_encode(&scratch, sha256, SHA256_SIZE)))
        return 0;
    return err_set(err, ERR_DAMAGED, "%s/%s was changed", dir, line->path);
}

int tree_manifest_check(const char *dir, struct str sha256, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text;
    struct line line;
    if (read_list(&arena, dir, &text, ERR_IGNORED) || !str_eq(sha256_hex(&arena, text), sha256))
        return err_set(err, ERR_DAMAGED, "%s/%s is missing or was changed", dir, TREE_MANIFEST);
    AUTO_FD int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_errno(err, ERR_IO, "cannot read the folder %s", dir);
    while (line_next(&arena, &text, &line))
        if (check_line(root, &line, dir, err))
            return -1;
    return 0;
}

static int copy_file(const char *from, const char *to, mode_t mode, struct err *err)
{
    AUTO_FD int in = file_open(from, O_RDONLY | O_NOFOLLOW, err);
    AUTO_FD int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    char block[32 * 1024];
    if (in < 0)
        return -1;
    if (out < 0)
        return err_errno(err, ERR_IO, "cannot copy %s", from);
    for (;;) {
        ssize_t n = read(in, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_IO, "cannot read %s", from);
        if (!n)
            return 0;
        if (fd_write_all(out, block, (size_t)n, err, to))
            return -1;
    }
}

static int copy_link(const char *from, const char *to, struct err *err)
{
    char target[PATH_MAX];
    ssize_t n = readlink(from, target, sizeof target - 1);
    if (n >= 0)
        target[n] = '\0';
    return n < 0 || symlink(target, to) ? err_errno(err, ERR_IO, "cannot copy the link %s", from) : 0;
}

static int copy_line(const struct line *line, const char *dir, const char *to, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const char *from = path_join(&scratch, str_z(dir), str_z(line->path)).p;
    struct str target = path_join(&scratch, str_z(to), str_z(line->path));
    if (dir_make(arena_strz(&scratch, path_dir(target)), err))
        return -1;
    if (str_eqz(line->mode, "120000"))
        return copy_link(from, target.p, err);
    return copy_file(from, target.p, str_eqz(line->mode, "100755") ? 0755 : 0644, err);
}

int tree_manifest_copy(const char *dir, const char *to, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text, rest;
    struct line line;
    if (read_list(&arena, dir, &text, err))
        return -1;
    rest = text;
    while (line_next(&arena, &rest, &line))
        if (copy_line(&line, dir, to, err))
            return -1;
    return file_write_atomic(path_join(&arena, str_z(to), STR(TREE_MANIFEST)).p, text, 0644, err);
}
