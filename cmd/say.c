/* The way out: see say.h. */
#include "cmd/say.h"

#include "base/file.h"
#include "base/mask.h"
#include "cmd/term.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static const char *say_name_of(int fd)
{
    return fd == STDERR_FILENO ? "standard error" : "standard output";
}

int say_as_is(int fd, struct str text, struct err *err)
{
    if (!text.n || !fd_write_all(fd, text.p, text.n, err, say_name_of(fd)))
        return 0;
    if (err && errno == EPIPE)
        snprintf(err->code, sizeof err->code, "%s", SAY_UNHEARD);
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

struct str said(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, text);
    return arena_str(arena, buf_str(&shown));
}
