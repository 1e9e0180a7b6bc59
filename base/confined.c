/* What a process may no longer do: see confined.h. */
#include "base/confined.h"

#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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
    bool inside =
        is_below(real, confined.folder) || !strncmp(real, "/memfd:", 7) || !strcmp(real, "/dev/null");
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
    char name[32], real[PATH_MAX];
    if (!confined.folder[0])
        return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, real, sizeof real - 1);
    if (n < 0)
        return err_errno(err, ERR_IO, "%s", path);
    real[n] = '\0';
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

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#endif

/* A call by another architecture's numbers is refused whatever it is, and so are those of x32. */
static int forbid_exec(void)
{
#ifdef OWN_ARCH
    enum { REFUSED = SECCOMP_RET_ERRNO | EPERM, X32_BIT = 0x40000000 };
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, REFUSED),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
#else
    errno = ENOSYS;
    return -1;
#endif
}

int confine_programs(struct err *err)
{
    if (forbid_exec())
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
