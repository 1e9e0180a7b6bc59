/* Processes that are known by their environment alone: they have left the group that they were started in. */
#include "provider/sandbox/jobs/process.h"

#include "base/buf.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    PASSES = 100, /* over all processes: one that forks while it is looked for is found in the next */
    MAX_ENVIRONMENT = 4 * 1024 * 1024,
};

static bool read_environment(const char *pid, struct buf *out)
{
    char path[64], block[16384];
    ssize_t n;
    snprintf(path, sizeof path, "/proc/%s/environ", pid);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) /* somebody else's, or gone */
        return false;
    buf_clear(out);
    buf_add_char(out, '\0');
    while ((n = read(fd, block, sizeof block)) > 0)
        buf_add(out, block, (size_t)n);
    return out->n > 1;
}

/* The descriptor is opened before the look: what is killed is what was looked at. */
static bool end_if_marked(const char *name, struct str wanted, struct buf *environment)
{
    pid_t pid = (pid_t)strtol(name, NULL, 10);
    if (pid <= 1 || pid == getpid())
        return false;
    AUTO_FD int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || !read_environment(name, environment) ||
        !memmem(environment->p, environment->n, wanted.p, wanted.n))
        return false;
    return syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
}

void process_end_marked(const char *mark)
{
    AUTO_BUF struct buf environment = {.max = MAX_ENVIRONMENT};
    AUTO_BUF struct buf wanted = BUF_INIT;
    buf_add_char(&wanted, '\0');
    buf_addf(&wanted, PROCESS_MARK "=%s", mark);
    bool found = true;
    for (int pass = 0; found && pass < PASSES; pass++) {
        DIR *processes = opendir("/proc");
        found = false;
        for (struct dirent *entry; processes && (entry = readdir(processes));)
            if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
                found |= end_if_marked(entry->d_name, buf_str(&wanted), &environment);
        if (processes)
            closedir(processes);
    }
}

void process_end_family(const char *family)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    process_end_marked(arena_printf(&arena, "%s-", family).p);
}
