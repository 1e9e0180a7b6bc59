/* The log as a file: locked with flock(), appended to, made durable with fdatasync(). */
#include "base/clock.h"
#include "base/crash.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/system.h"
#include "plan/state/backend_file_internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the head: the last durable record ---- */

/*
 * The number of the last record, in a file of its own. Written after the records are durable and before that
 * is reported. Synced only when the lock is released, since records do not depend on it: a kill loses
 * nothing, a power loss leaves at most an earlier number.
 */
enum { HEAD_DIGITS = 20, HEAD_SIZE = HEAD_DIGITS + 1, SUM_SIZE = 8, SEARCHED = 65536 };

/* Writes a line each with the number, the lineage, and the checksum of that record, if known. */
static void write_head(struct file_backend *f, uint64_t seq, struct str sum)
{
    char text[HEAD_SIZE + LINEAGE_SIZE + SUM_SIZE + 3];
    int n = snprintf(text, sizeof text, "%0*" PRIu64 "\n%s%s%.*s%s", HEAD_DIGITS, seq, f->base.lineage,
        f->base.lineage[0] ? "\n" : "", STR_ARG(sum), sum.n ? "\n" : "");
    if (f->head_fd < 0)
        f->head_fd = file_open(f->head_path, O_RDWR | O_CREAT, NULL);
    if (f->head_fd < 0 || pwrite(f->head_fd, text, (size_t)n, 0) != n)
        errno = 0; /* then it is behind the log */
}

/* Called after writing these lines, each of which begins with its checksum. */
static void file_note_head(struct file_backend *f, struct str lines)
{
    size_t last = str_after_last(str_slice(lines, 0, lines.n ? lines.n - 1 : 0), "\n");
    bool sums = f->base.lineage[0] && lines.n - last > SUM_SIZE;
    crash_point("head.write");
    write_head(f, f->last_seq, sums ? str_slice(lines, last, last + SUM_SIZE) : STR_EMPTY);
}

/* Returns the checksum of the record with this number among the lines; "" if it is missing. */
static struct str sum_of(struct str lines, uint64_t seq)
{
    char number[48];
    snprintf(number, sizeof number, " {\"seq\":%" PRIu64 ",", seq);
    for (ptrdiff_t at = 0; (at = str_find(lines, str_z(number), (size_t)at)) >= 0; at++)
        if (at == SUM_SIZE || (at > SUM_SIZE && lines.p[at - SUM_SIZE - 1] == '\n'))
            return str_slice(lines, (size_t)at - SUM_SIZE, (size_t)at);
    return STR_EMPTY;
}

/* True if the log has a different record with that number. Searches the end of the log first. */
static bool went_another_way(struct file_backend *f, uint64_t seq, struct str sum)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct stat st;
    AUTO_FD int fd = file_open(f->path, O_RDONLY, ERR_IGNORED);
    if (fd < 0 || fstat(fd, &st) || !st.st_size)
        return false;
    size_t n = st.st_size < SEARCHED ? (size_t)st.st_size : SEARCHED;
    char *end = arena_alloc(&scratch, n);
    struct str lines = {end, n}, found = STR_EMPTY;
    if (pread(fd, end, n, st.st_size - (off_t)n) == (ssize_t)n)
        found = sum_of(lines, seq);
    if (!found.n && n == SEARCHED && !file_read(&scratch, f->path, SIZE_MAX, &lines, ERR_IGNORED))
        found = sum_of(lines, seq);
    return found.n && !str_eq(found, sum);
}

static int file_head(struct backend *b, struct backend_head *head, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    char text[HEAD_SIZE + LINEAGE_SIZE + SUM_SIZE + 2];
    int64_t number = 0;
    *head = (struct backend_head){0};
    struct err why = ERR_INIT;
    AUTO_FD int fd = file_open(f->head_path, O_RDONLY, &why);
    if (fd < 0) {
        if (errno == ENOENT)
            return 0;
        return err_raise(err, &why);
    }
    ssize_t n = pread(fd, text, sizeof text, 0);
    bool whole = n >= HEAD_SIZE && text[HEAD_DIGITS] == '\n';
    if (whole && str_to_int(str_n(text, HEAD_DIGITS), &number) && number > 0)
        head->seq = (uint64_t)number;
    struct str rest = STR_EMPTY, line = whole ? str_n(text + HEAD_SIZE, (size_t)n - HEAD_SIZE) : STR_EMPTY;
    line = str_cut(line, '\n', &rest);
    if (rest.p && line.n < LINEAGE_SIZE) /* older versions wrote none */
        snprintf(head->lineage, sizeof head->lineage, "%.*s", STR_ARG(line));
    struct str sum = rest.p ? str_cut(rest, '\n', &rest) : STR_EMPTY;
    head->forked = sum.n == SUM_SIZE && went_another_way(f, head->seq, sum);
    return 0;
}

/* As in struct backend_ops. */
static int file_set_head(struct backend *b, uint64_t seq, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    assert(f->lock_fd >= 0);
    write_head(f, seq, STR_EMPTY);
    off_t size = HEAD_SIZE + (off_t)strlen(b->lineage) + (b->lineage[0] ? 1 : 0);
    if (f->head_fd >= 0 && ftruncate(f->head_fd, size))
        return err_errno(err, ERR_IO, "cannot write %s", f->head_path);
    return 0;
}

static const struct file_io system_io = {pwrite, system_sync_data, system_sync, ftruncate, link, rename};

static bool may_write(const struct file_backend *f)
{
    return f->lock_fd >= 0 && (!f->shared || f->turn_fd >= 0);
}

/* ---- reading ---- */

static int cut_tail(struct file_backend *f, struct err *err)
{
    if (f->io->ftruncate(f->fd, f->offset) || f->io->fdatasync(f->fd))
        return err_errno(err, ERR_IO, "cannot truncate the incomplete end of the state %s", f->path);
    return 0;
}

/* Opens the current log; *fd -1 if there is none. */
static int open_log(struct file_backend *f, int flags, int *fd, struct stat *st, struct err *err)
{
    struct err why = ERR_INIT;
    *fd = file_open(f->path, flags, &why);
    if (*fd < 0 && errno == ENOENT)
        return 0;
    if (*fd < 0 && errno == EISDIR)
        return err_set(err, ERR_IO, "cannot open the state %s: it is not a file", f->path);
    if (*fd < 0 && errno == EINVAL) {
        *err = why;
        return err_context(err, "the state");
    }
    if (*fd < 0 || fstat(*fd, st)) {
        err_errno(err, ERR_IO, "cannot open the state %s", f->path);
        return err_hint(err, "check the permissions of %s and of the files in it", f->dir);
    }
    return 0;
}

static int file_read_log(
    struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    bool locked = may_write(f); /* another run may be writing */
    struct stat st;
    AUTO_FD int fd = -1;
    *torn = false;
    if (open_log(f, locked ? O_RDWR : O_RDONLY, &fd, &st, err))
        return -1;
    if (fd < 0) {
        if (f->last_seq)
            return err_set(err, ERR_IO, "the state %s disappeared while it was in use", f->path);
        return 0;
    }
    struct log_file at = {.path = f->path};
    if (st.st_dev == f->dev && st.st_ino == f->ino && st.st_size >= f->offset && after == f->last_seq &&
        after)
        at = (struct log_file){f->path, f->offset, f->lines, f->first_seq, f->last_seq, false};
    if (log_file_read(fd, &at, after, line, ctx, err))
        return -1;
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->offset = at.offset;
    f->lines = at.lines;
    f->first_seq = at.first_seq;
    f->last_seq = at.last_seq;
    if (!locked)
        return 0;
    *torn = at.torn;
    fd_close_ptr(&f->fd);
    f->fd = fd;
    fd = -1;
    return at.torn ? cut_tail(f, err) : 0;
}

/* ---- in parts ---- */

enum { PART_WORTH = 256 * 1024, PIECE = 4096 };

static int file_find_snapshot(struct backend *b, uint64_t *size, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    struct stat st = {0};
    *size = 0;
    fd_close_ptr(&f->part_fd);
    if (open_log(f, O_RDONLY, &f->part_fd, &st, err))
        return -1;
    if (f->part_fd >= 0 && st.st_size >= PART_WORTH)
        *size = (uint64_t)st.st_size;
    return 0;
}

static int file_read_lines(
    struct backend *b, struct arena *arena, uint64_t at, struct log_piece *out, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    uint64_t from = at ? at - 1 : 0;
    for (size_t n = PIECE;; n *= 4) { /* a record may be long */
        char *bytes = arena_alloc(arena, n);
        ssize_t got = pread(f->part_fd, bytes, n, (off_t)from);
        if (got < 0)
            return err_errno(err, ERR_IO, "cannot read the state %s", f->path);
        if (log_piece_cut(str_n(bytes, (size_t)got), from, at, out) || (size_t)got < n)
            return 0;
    }
}

static void file_pass_snapshot(struct backend *b, uint64_t end, uint64_t first_seq, uint64_t last_seq)
{
    struct file_backend *f = file_backend_of(b);
    struct stat st;
    if (!fstat(f->part_fd, &st)) {
        f->dev = st.st_dev;
        f->ino = st.st_ino;
        f->offset = (off_t)end;
        f->lines = (size_t)(last_seq - first_seq + 1);
        f->first_seq = first_seq;
        f->last_seq = last_seq;
    }
    fd_close_ptr(&f->part_fd);
}

/* ---- the whole history ---- */

static struct str segment_path(struct arena *arena, const struct file_backend *f, uint64_t first_seq)
{
    return arena_printf(arena, "%s/%.*s.%020" PRIu64 ".log", f->dir, STR_ARG(f->name), first_seq);
}

static int file_read_all(struct backend *b, log_line *line, void *ctx, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct stat st;
    AUTO_FD int current = -1;
    uint64_t newest = 0;
    if (open_log(f, O_RDONLY, &current, &st, err))
        return -1;
    if (current < 0)
        return 0;
    if (log_file_first(current, f->path, &newest, err))
        return -1;
    /* Each segment ends where the next begins, so they are followed from the first. */
    uint64_t last = 0;
    while (newest > last + 1) {
        struct str path = segment_path(&scratch, f, last + 1);
        AUTO_FD int fd = file_open(path.p, O_RDONLY, err);
        if (fd < 0) {
            err_context(err, "the history");
            return err_hint(err, "without it the history begins at record %" PRIu64, newest);
        }
        struct log_file at = {.path = path.p};
        if (log_file_read(fd, &at, last, line, ctx, err))
            return -1;
        if (at.last_seq <= last)
            return err_set(err, ERR_DAMAGED, "the history %s is empty", path.p);
        last = at.last_seq;
    }
    struct log_file at = {.path = f->path};
    return log_file_read(current, &at, last, line, ctx, err);
}

/* ---- writing ---- */

static int write_at(
    struct file_backend *f, int fd, const char *path, struct str bytes, off_t at, struct err *err)
{
    while (bytes.n) {
        ssize_t n = f->io->pwrite(fd, bytes.p, bytes.n, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = ENOSPC;
            return err_errno(err, ERR_IO, "cannot write the state %s", path);
        }
        bytes = str_slice(bytes, (size_t)n, bytes.n);
        at += n;
    }
    return 0;
}

static int create_log(struct file_backend *f, struct err *err)
{
    f->fd = open(f->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat st;
    if (f->fd < 0 || fstat(f->fd, &st))
        return err_errno(err, ERR_IO, "cannot make the state %s", f->path);
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    return file_sync_folder(f, err);
}

/* With the lock no other weir changes the file; this detects others (an editor, a restored backup). */
static int check_unchanged(struct file_backend *f, struct err *err)
{
    struct stat st;
    if (fstat(f->fd, &st))
        return err_errno(err, ERR_IO, "cannot look at the state %s", f->path);
    if (!st.st_nlink || st.st_size != f->offset)
        return err_set(err, ERR_STALE, "the state %s was %s by another process while it was locked", f->path,
            st.st_nlink ? "changed" : "deleted");
    return 0;
}

static int append_lines(struct file_backend *f, struct str lines, struct err *err)
{
    if (f->fd < 0 && create_log(f, err))
        return -1;
    if (check_unchanged(f, err))
        return -1;
    crash_point("log.write");
    size_t half = crash_armed() ? lines.n / 2 : 0;
    if (half) {
        if (write_at(f, f->fd, f->path, str_slice(lines, 0, half), f->offset, err))
            return -1;
        crash_point("log.torn");
    }
    if (write_at(f, f->fd, f->path, str_slice(lines, half, lines.n), f->offset + (off_t)half, err))
        return -1;
    crash_point("log.sync");
    if (f->io->fdatasync(f->fd))
        return err_errno(err, ERR_IO, "cannot make the state %s durable", f->path);
    crash_point("log.synced");
    return 0;
}

static int file_append(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    assert(may_write(f));
    if (f->failed)
        return err_set(
            err, ERR_IO, "the state %s cannot be written any more since an earlier failure", f->path);
    if (append_lines(f, lines, err)) {
        f->failed = true;
        if (f->fd >= 0 && f->io->ftruncate(f->fd, f->offset))
            errno = 0; /* the next locked reading cuts it off */
        return -1;
    }
    size_t count = backend_count_lines(lines);
    if (!f->first_seq)
        f->first_seq = first_seq;
    f->last_seq = first_seq + count - 1;
    f->offset += (off_t)lines.n;
    f->lines += count;
    file_note_head(f, lines);
    return 0;
}

/* For file systems without hard links. */
static int copy_segment(struct file_backend *f, const char *to, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str text;
    if (file_read(&scratch, f->path, 0, &text, err))
        return -1;
    return file_write_atomic(to, text, 0600, err);
}

/*
 * The old log first gets its name in the history (a second link), then the new one replaces it. At every step
 * the current name is a complete log.
 */
static int keep_segment(struct file_backend *f, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const char *kept = segment_path(&scratch, f, f->first_seq).p;
    if (!f->io->link(f->path, kept))
        return 0;
    struct stat st;
    if (errno == EEXIST && !stat(kept, &st) && st.st_ino == f->ino && st.st_dev == f->dev)
        return 0; /* a compaction was killed after this step */
    /* EEXIST: a copy by a killed compaction, which has the first records of the present log. */
    if (errno == EEXIST || errno == EPERM || errno == EOPNOTSUPP || errno == EMLINK || errno == ENOSYS)
        return copy_segment(f, kept, err);
    return err_errno(err, ERR_IO, "cannot keep the history as %s", kept);
}

static int write_new(struct file_backend *f, int fd, struct str lines, struct err *err)
{
    if (write_at(f, fd, f->new_path, lines, 0, err))
        return -1;
    crash_point("snapshot.sync");
    if (f->io->fdatasync(fd))
        return err_errno(err, ERR_IO, "cannot make the snapshot %s durable", f->new_path);
    crash_point("snapshot.link");
    if (f->fd >= 0 && f->first_seq && keep_segment(f, err))
        return -1;
    crash_point("snapshot.link-sync");
    if (file_sync_folder(f, err))
        return -1;
    crash_point("snapshot.rename");
    if (f->io->rename(f->new_path, f->path))
        return err_errno(err, ERR_IO, "cannot put the snapshot %s in place", f->new_path);
    crash_point("snapshot.rename-sync");
    return file_sync_folder(f, err);
}

static int file_snapshot(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    assert(may_write(f));
    if (f->failed)
        return err_set(
            err, ERR_IO, "the state %s cannot be written any more since an earlier failure", f->path);
    if (f->fd >= 0 && check_unchanged(f, err))
        return -1;
    AUTO_FD int fd = open(f->new_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct stat st;
    if (fd < 0 || fstat(fd, &st))
        return err_errno(err, ERR_IO, "cannot make the snapshot %s", f->new_path);
    if (write_new(f, fd, lines, err)) {
        f->failed = true;
        unlink(f->new_path);
        return -1;
    }
    fd_close_ptr(&f->fd);
    f->fd = fd;
    fd = -1;
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->offset = (off_t)lines.n;
    f->lines = backend_count_lines(lines);
    f->first_seq = first_seq;
    f->last_seq = first_seq + f->lines - 1;
    file_note_head(f, lines);
    return 0;
}

static void file_free(struct backend *b)
{
    struct file_backend *f = file_backend_of(b);
    file_unlock(b);
    fd_close_ptr(&f->part_fd);
    arena_release(&f->arena);
    free(f);
}

/* ---- listing states ---- */

/* "film-lake.dev" of "film-lake.dev.log"; "" for earlier segments of a log and other files. */
static struct str state_of_file(struct str file)
{
    enum { NUMBER = 20 };
    if (!str_ends(file, STR(".log")))
        return STR_EMPTY;
    struct str name = str_slice(file, 0, file.n - 4);
    bool numbered = name.n > NUMBER && name.p[name.n - NUMBER - 1] == '.';
    for (size_t i = name.n - NUMBER; numbered && i < name.n; i++)
        numbered = name.p[i] >= '0' && name.p[i] <= '9';
    return numbered ? STR_EMPTY : name;
}

static int file_list_states(
    struct backend *b, struct arena *arena, struct backend_listing *out, struct err *err)
{
    const struct file_backend *f = file_backend_of(b);
    AUTO_DIR DIR *dir = opendir(f->dir);
    struct str *names = NULL;
    size_t cap = 0;
    *out = (struct backend_listing){0};
    if (!dir && errno == ENOENT)
        return 0;
    if (!dir)
        return err_errno(err, ERR_IO, "cannot look for states in %s", f->dir);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        struct str name = state_of_file(str_z(entry->d_name));
        if (!name.n)
            continue;
        MEM_GROW(names, cap, out->n + 1);
        names[out->n++] = arena_str(arena, name);
    }
    out->names = ARENA_ARRAY(arena, struct str, out->n + 1);
    if (out->n)
        memcpy(out->names, names, out->n * sizeof *names);
    free(names);
    return 0;
}

static const struct backend_ops file_ops = {
    .list = file_list_states,
    .lock = file_lock,
    .unlock = file_unlock,
    .share = file_share,
    .take_turn = file_take_turn,
    .end_turn = file_end_turn,
    .keep_alive = file_keep_alive,
    .is_alive = file_is_alive,
    .upgrade_lock = file_upgrade_lock,
    .holder = file_holder,
    .force_unlock = file_force_unlock,
    .read = file_read_log,
    .read_all = file_read_all,
    .find_snapshot = file_find_snapshot,
    .read_lines = file_read_lines,
    .pass_snapshot = file_pass_snapshot,
    .append = file_append,
    .snapshot = file_snapshot,
    .head = file_head,
    .set_head = file_set_head,
    .free = file_free,
};

int backend_file_new(
    const struct backend_options *options, const struct file_io *io, struct backend **out, struct err *err)
{
    struct str folder = value_text(value_getz(options->config, "path"), STR(".weir"));
    if (!options->stack.n || str_find_char(options->stack, '/', 0) >= 0 ||
        str_find_char(options->env, '/', 0) >= 0)
        return err_set(err, ERR_INVALID, "\"%.*s\" cannot be the name of a state", STR_ARG(options->stack));
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (confined_path(path_join(&scratch, options->dir, folder).p, err))
        return -1;
    struct file_backend *f = mem_zalloc(sizeof *f);
    struct arena *a = &f->arena;
    f->base.ops = &file_ops;
    f->io = io ? io : &system_io;
    f->lock_fd = f->fd = f->head_fd = f->part_fd = f->turn_fd = f->run_fd = -1;
    f->name = options->env.n ? arena_printf(a, "%.*s.%.*s", STR_ARG(options->stack), STR_ARG(options->env))
                             : arena_str(a, options->stack);
    f->dir = path_join(a, options->dir, folder).p;
    f->stack_dir = arena_strz(a, path_dir(str_z(f->dir)));
    f->path = arena_printf(a, "%s/%.*s.log", f->dir, STR_ARG(f->name)).p;
    f->new_path = arena_printf(a, "%s/%.*s.new", f->dir, STR_ARG(f->name)).p;
    f->lock_path = arena_printf(a, "%s/%.*s.lock", f->dir, STR_ARG(f->name)).p;
    f->turn_path = arena_printf(a, "%s/%.*s.turn", f->dir, STR_ARG(f->name)).p;
    f->head_path = arena_printf(a, "%s/%.*s.head", f->dir, STR_ARG(f->name)).p;
    f->base.description = str_z(f->path);
    *out = &f->base;
    return 0;
}
