/*
 * The lock of a state in a folder, held by several at once: who appends has the turn, and each run that goes
 * on has a file of its own locked. The kernel frees all of it with the process.
 */
#include "plan/state/backend_file_internal.h"

#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <unistd.h>

int file_share(struct backend *b, const struct lock_info *who UNUSED, int64_t timeout_ms, struct err *err)
{
    return file_lock_as(file_backend_of(b), LOCK_SH, timeout_ms, err);
}

bool file_lock_alone(struct backend *b)
{
    struct file_backend *f = file_backend_of(b);
    assert(f->shared && f->turn_fd < 0);
    if (flock(f->lock_fd, LOCK_EX | LOCK_NB)) /* then the shared one may be gone as well */
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
        /* An end that is torn is a dead writer's: it had the turn. */
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

int file_live(struct backend *b, uint64_t run, struct err *err)
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

/* The file is locked before the run's record is written: who knows of the run and finds it free may delete
 * it. */
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
