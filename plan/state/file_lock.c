/* The lock of a state in a folder, exclusive or shared: a file beside the log, unlocked by the kernel when
 * its holder exits. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "plan/state/backend_file_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- shared locks: the writer has the turn, and each active run locks a file of its own ---- */

static int file_lock_as(struct file_backend *f, int how, int64_t timeout_ms, struct err *err);

int file_share(struct backend *b, const struct lock_info *who UNUSED, int64_t timeout_ms, struct err *err)
{
    return file_lock_as(file_backend_of(b), LOCK_SH, timeout_ms, err);
}

bool file_upgrade_lock(struct backend *b)
{
    struct file_backend *f = file_backend_of(b);
    assert(f->shared && f->turn_fd < 0);
    if (flock(f->lock_fd, LOCK_EX | LOCK_NB)) /* the shared lock may be lost then */
        return false;
    f->shared = false;
    return true;
}

/* ---- turns ---- */

int file_take_turn(struct backend *b, log_line *line, void *ctx, bool *torn, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    assert(f->shared && f->turn_fd < 0);
    f->turn_fd = file_open(f->turn_path, O_RDWR | O_CREAT, err);
    if (f->turn_fd < 0)
        return err_context(err, "the turn to write the state");
    int result;
    do
        result = flock(f->turn_fd, LOCK_EX);
    while (result && errno == EINTR);
    if (result) {
        err_errno(err, ERR_IO, "cannot lock %s", f->turn_path);
    } else {
        /* A torn end is from a dead writer, which had the turn. */
        result = b->ops->read(b, f->last_seq, line, ctx, torn, err);
    }
    if (result)
        file_end_turn(b);
    return result ? -1 : 0;
}

void file_end_turn(struct backend *b)
{
    struct file_backend *f = file_backend_of(b);
    fd_close_ptr(&f->turn_fd);
    f->turn_fd = -1;
}

/* ---- signs of life ---- */

static struct str run_path(struct arena *arena, const struct file_backend *f, uint64_t run)
{
    return arena_printf(arena, "%s/%.*s.run.%" PRIu64, f->dir, STR_ARG(f->name), run);
}

int file_keep_alive(struct backend *b, uint64_t run, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (f->run_fd >= 0)
        unlink(run_path(&scratch, f, f->run).p);
    fd_close_ptr(&f->run_fd);
    f->run_fd = -1;
    f->run = run;
    if (!run)
        return 0;
    struct str path = run_path(&scratch, f, run);
    f->run_fd = file_open(path.p, O_RDWR | O_CREAT, err);
    if (f->run_fd < 0)
        return -1;
    return flock(f->run_fd, LOCK_EX | LOCK_NB) ? err_errno(err, ERR_IO, "cannot lock %s", path.p) : 0;
}

/* The file is locked before the run's record is written. So if the run is recorded and its file is unlocked,
 * it may be deleted. */
int file_is_alive(struct backend *b, uint64_t run, struct str life UNUSED, bool *alive, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err why = ERR_INIT;
    struct str path = run_path(&scratch, f, run);
    AUTO_FD int fd = file_open(path.p, O_RDONLY, &why);
    *alive = fd >= 0 || errno != ENOENT;
    if (fd < 0)
        return *alive ? err_raise(err, &why) : 0;
    *alive = flock(fd, LOCK_SH | LOCK_NB) != 0;
    if (!*alive)
        unlink(path.p);
    return 0;
}

enum {
    LOCK_POLL_MS = 50,
    LOCK_GRACE_MS = 250, /* a lock without a name is being looked at or was just taken */
    LOCK_INFO_MAX = 16 * 1024,
};

/* Creates .weir/, which is excluded from version control. */
static int make_folder(struct file_backend *f, struct err *err)
{
    if (path_exists(f->dir))
        return 0;
    if (dir_make_private(f->dir, err))
        return err_hint(err, "`state: {backend: file, path: DIR}` keeps the state elsewhere");
    AUTO_FD int parent = open(f->stack_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || f->io->fsync(parent))
        return err_errno(err, ERR_IO, "cannot make the state folder %s durable", f->dir);
    return 0;
}

int file_sync_folder(struct file_backend *f, struct err *err)
{
    AUTO_FD int fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || f->io->fsync(fd))
        return err_errno(err, ERR_IO, "cannot make the state folder %s durable", f->dir);
    return 0;
}

static void read_holder(int fd, struct arena *arena, struct lock_info *out)
{
    char text[LOCK_INFO_MAX];
    ssize_t n = pread(fd, text, sizeof text, 0);
    const struct value *v = NULL;
    if (n <= 0 || json_parse(arena, str_n(text, (size_t)n), &v, NULL))
        v = NULL;
    lock_info_from(arena, v, out);
}

/* Returns 1: locked; 0: another process has it; -1: err. */
static int try_lock(struct file_backend *f, int how, int *out, struct err *err)
{
    AUTO_FD int fd = file_open(f->lock_path, O_RDWR | O_CREAT, err);
    if (fd < 0) {
        err_context(err, "cannot lock the state");
        return err_hint(err, "weir needs to write in %s", f->dir);
    }
    if (flock(fd, how | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_errno(err, ERR_IO, "cannot lock the state with %s", f->lock_path);
        return 0;
    }
    /* The file may have been replaced; then this lock has no effect. */
    struct stat held, there;
    if (fstat(fd, &held) || stat(f->lock_path, &there) || held.st_ino != there.st_ino ||
        held.st_dev != there.st_dev)
        return 0;
    *out = fd;
    fd = -1;
    return 1;
}

static int write_holder(struct file_backend *f, const struct lock_info *who, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, lock_info_value(&scratch, who), JSON_PLAIN);
    if (ftruncate(f->lock_fd, 0) || pwrite(f->lock_fd, text.p, text.n, 0) != (ssize_t)text.n)
        return err_errno(err, ERR_IO, "cannot write %s", f->lock_path);
    return 0;
}

void file_unlock(struct backend *b)
{
    struct file_backend *f = file_backend_of(b);
    fd_close_ptr(&f->fd);
    f->fd = -1;
    if (f->head_fd >= 0 && f->io->fdatasync(f->head_fd))
        errno = 0; /* it may be behind after a power loss, which is harmless */
    fd_close_ptr(&f->head_fd);
    f->head_fd = -1;
    file_end_turn(b);
    file_keep_alive(b, 0, NULL);
    if (f->lock_fd < 0)
        return;
    /* Emptied first, since a name in a free lock would mislead. If that fails the name is only outdated. */
    if (!f->shared && ftruncate(f->lock_fd, 0))
        errno = 0;
    f->shared = false;
    fd_close_ptr(&f->lock_fd);
    f->lock_fd = -1;
}

/* Takes the lock (`how`: LOCK_EX, LOCK_SH), waiting for it. */
static int file_lock_as(struct file_backend *f, int how, int64_t timeout_ms, struct err *err)
{
    assert(f->lock_fd < 0);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (make_folder(f, err))
        return -1;
    int64_t start = clock_mono_ms();
    for (;;) {
        int got = try_lock(f, how, &f->lock_fd, err);
        if (got < 0)
            return -1;
        if (got)
            break;
        struct lock_info holder = {0};
        AUTO_FD int fd = file_open(f->lock_path, O_RDONLY, NULL);
        if (fd >= 0)
            read_holder(fd, &scratch, &holder);
        int64_t waited = clock_mono_ms() - start;
        if (waited >= timeout_ms && (holder.owner.n || waited >= LOCK_GRACE_MS))
            return lock_info_refuse(&holder, f->base.description, err);
        clock_sleep_ms(LOCK_POLL_MS);
    }
    f->failed = false;
    f->shared = how == LOCK_SH;
    return 0;
}

int file_lock(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    if (file_lock_as(f, LOCK_EX, timeout_ms, err))
        return -1;
    if (write_holder(f, who, err)) {
        file_unlock(b);
        return -1;
    }
    unlink(f->new_path); /* from a killed compaction */
    return 0;
}

int file_holder(struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    *held = false;
    struct err why = ERR_INIT;
    AUTO_FD int fd = file_open(f->lock_path, O_RDONLY, &why);
    if (fd < 0) {
        if (errno == ENOENT)
            return 0;
        *err = why;
        return err_context(err, "the lock");
    }
    if (f->lock_fd < 0 && !flock(fd, LOCK_EX | LOCK_NB)) /* detects shared locks, too */
        return 0;
    *held = true;
    read_holder(fd, arena, who);
    return 0;
}

/* The kernel frees the lock of a dead process, so there is never one to break. */
int file_force_unlock(struct backend *b, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lock_info who = {0};
    bool held;
    if (file_holder(b, &scratch, &who, &held, err))
        return -1;
    if (!held)
        return 0;
    lock_info_refuse(&who, b->description, err);
    if (!who.owner.n)
        return err_hint(err, "runs that go on share it: `weir history` lists them");
    return err_hint(
        err, "its process is alive: end process %" PRId64 " on %.*s to free it", who.pid, STR_ARG(who.owner));
}
