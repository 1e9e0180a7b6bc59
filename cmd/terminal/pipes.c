/* Pipes that the shell names as files: see pipes.h. */
#include "cmd/terminal/pipes.h"

#include "base/file.h"
#include "base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
