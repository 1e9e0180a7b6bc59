/* The way out: see say.h. */
#include "cmd/terminal/say.h"

#include "base/file.h"
#include "base/mask.h"
#include "cmd/terminal/signals.h"
#include "cmd/terminal/term.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 100, DEAF_MS = 2000 };

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
