/* Output (see say.h), and pipes that the shell names as files. */
#include "cmd/terminal/say.h"

#include "base/file.h"
#include "base/mask.h"
#include "base/system.h"
#include "cmd/terminal/signals.h"
#include "cmd/terminal/term.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Pipes that the shell names as files ---- */

enum { PIPE_MAX = 256 * 1024 * 1024 };

/* -1: it names none. */
static int descriptor_of(struct str path)
{
    static const struct str folders[] = {STR_INIT("/dev/fd/"), STR_INIT("/proc/self/fd/")};
    int64_t number;
    if (str_eqz(path, "/dev/stdin"))
        return STDIN_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (str_starts(path, folders[i]) && str_to_int(str_slice(path, folders[i].n, path.n), &number) &&
            number >= 0 && number < 65536)
            return (int)number;
    return -1;
}

/* All that comes, in memory: it may be a secret. */
static int copy_pipe(int from, int to, struct err *err)
{
    char block[64 * 1024];
    size_t size = 0;
    for (ssize_t n; (n = read(from, block, sizeof block)) != 0;) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_IO, "cannot read from the pipe /dev/fd/%d", from);
        if ((size += (size_t)n) > PIPE_MAX)
            return err_set(err, ERR_IO, "the pipe /dev/fd/%d gives more than %d MiB", from, PIPE_MAX >> 20);
        if (fd_write_all(to, block, (size_t)n, err, "memory"))
            return -1;
    }
    return 0;
}

static int pipes_hold_one(struct str path, struct err *err)
{
    struct stat st;
    int fd = descriptor_of(path);
    if (fd < 0 || fstat(fd, &st) || !S_ISFIFO(st.st_mode) || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
        return 0;
    AUTO_FD int held = system_memory_file();
    if (held < 0)
        return err_errno(err, ERR_IO, "cannot keep what the pipe %.*s gives", STR_ARG(path));
    if (copy_pipe(fd, held, err) ||
        lseek(held, 0, SEEK_SET)) /* whoever opens it by its number reads from there */
        return -1;
    return system_put(held, fd) < 0 ? err_errno(err, ERR_IO, "cannot keep what the pipe gives") : 0;
}

/* PATH, --option=PATH, NAME=PATH */
static int hold_word(const char *word, struct err *err)
{
    struct str value;
    str_cut(str_z(word), '=', &value);
    return pipes_hold_one(str_z(word), err) || (value.p && pipes_hold_one(value, err)) ? -1 : 0;
}

int pipes_hold(int argc, char *const *argv, struct err *err)
{
    for (int i = 1; i < argc; i++)
        if (hold_word(argv[i], err))
            return -1;
    for (size_t i = 0; environ && environ[i]; i++)
        if (hold_word(environ[i], err))
            return -1;
    return 0;
}

enum { LOOK_MS = 100, DEAF_MS = 2000 };

/* ---- Writing ---- */

static const char *say_name_of(int fd)
{
    return fd == STDERR_FILENO ? "standard error" : "standard output";
}

/* False: whoever reads takes nothing more, and a signal has come; it is as if the pipe were closed. */
static bool takes_more(int fd)
{
    static atomic_bool deaf;
    struct pollfd out = {fd, POLLOUT, 0};
    int waited_ms = 0, n;
    while ((n = poll(&out, 1, LOOK_MS)) == 0 || (n < 0 && errno == EINTR)) {
        waited_ms = atomic_load(signals_stop()) ? waited_ms + LOOK_MS : 0;
        if (waited_ms > DEAF_MS || (waited_ms && atomic_load(&deaf))) {
            atomic_store(&deaf, true);
            errno = EPIPE;
            return false;
        }
    }
    return true;
}

/* In pieces that a pipe takes whole when it takes something. */
static int write_out(int fd, struct str text, struct err *err)
{
    struct stat st;
    bool at_once =
        fstat(fd, &st) || S_ISREG(st.st_mode); /* a file, or what is not open, as writing will say */
    for (size_t at = 0, n; at < text.n; at += n) {
        n = at_once || text.n - at < PIPE_BUF ? text.n - at : PIPE_BUF;
        if (!at_once && !takes_more(fd))
            return err_errno(err, ERR_IO, "cannot write %s", say_name_of(fd));
        if (fd_write_all(fd, text.p + at, n, err, say_name_of(fd)))
            return -1;
    }
    return 0;
}

int say_as_is(int fd, struct str text, struct err *err)
{
    if (!text.n || !write_out(fd, text, err))
        return 0;
    if (err && errno == EPIPE)
        snprintf(err->code, sizeof err->code, "%s", SAY_BROKEN_PIPE);
    return -1;
}

int say(int fd, struct str text, struct err *err)
{
    if (!mask_finds(text))
        return say_as_is(fd, text, err);
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, text);
    return say_as_is(fd, buf_str(&shown), err);
}

int say_json(int fd, struct str text, struct err *err)
{
    AUTO_BUF struct buf safe = BUF_INIT, shown = BUF_INIT;
    text_add_json_safe(&safe, text);
    mask_json(&shown, buf_str(&safe));
    return say_as_is(fd, buf_str(&shown), err);
}

void say_aside(struct str text)
{
    say(STDERR_FILENO, text, NULL);
}

struct str say_masked(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, text);
    return arena_str(arena, buf_str(&shown));
}
