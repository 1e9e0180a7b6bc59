/* What a process may no longer do: see file.h. */
#include "base/file.h"

#include "base/str.h"
#include "base/system.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* What lies in memory has come from this process. */
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
    while (n < PATH_MAX && !realpath(there, real)) { /* then where it would be made */
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
    return err_hint(err, "a person starts `weir mcp --allow commands` where it should");
}
