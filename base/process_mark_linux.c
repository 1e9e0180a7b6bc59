/* Processes that are known by their environment, by /proc: see process_mark.h. */
#include "base/process_mark.h"

#include "base/buf.h"
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    PASSES = 100, /* over all processes: one that forks while it is looked for is found in the next */
    STARTS = 500, /* more of them, a millisecond apart, as long as some are only being started */
    MAX_ENVIRONMENT = 4 * 1024 * 1024,
};

enum look { OTHER, STARTING, ENDED };

/* False: somebody else's, or gone. */
static bool read_process(const char *pid, const char *file, struct buf *out)
{
    char path[64], block[16384];
    ssize_t n;
    snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    buf_clear(out);
    buf_add_char(out, '\0');
    while ((n = read(fd, block, sizeof block)) > 0)
        buf_add(out, block, (size_t)n);
    return true;
}

/* The number in a field of proc_pid_stat(5), which counts from 1. The name, its second, has what it likes. */
static unsigned long long stat_field(const struct buf *stat, int field)
{
    const char *at = memrchr(stat->p, ')', stat->n);
    for (int i = 2; at && i < field; i++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

/*
 * On its way through execve(): it has memory and no environment yet, or still ours, whose child it is.
 * Between the two, and before them, execve() lets go whoever waits for it to start.
 */
static bool is_starting(const char *pid, struct buf *stat)
{
    enum { PARENT = 4, VSIZE = 23, ENV_END = 51 };
    if (!read_process(pid, "stat", stat))
        return false;
    unsigned long long memory = stat_field(stat, VSIZE), end = stat_field(stat, ENV_END);
    bool child = stat_field(stat, PARENT) == (unsigned long long)getpid();
    return memory &&
           (!end || (child && read_process("self", "stat", stat) && end == stat_field(stat, ENV_END)));
}

struct search {
    struct str mark;             /* with what comes before it in an environment */
    struct buf environment, own; /* of the process at hand; of this one */
};

static bool may_be_starting(const struct search *s)
{
    const struct buf *e = &s->environment;
    return e->n == 1 || (e->n == s->own.n && memcmp(e->p, s->own.p, e->n) == 0);
}

/* The descriptor is opened before the look: what is killed is what was looked at. */
static enum look end_if_marked(struct search *s, const char *name)
{
    pid_t pid = (pid_t)strtol(name, NULL, 10);
    if (pid <= 1 || pid == getpid())
        return OTHER;
    AUTO_FD int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || !read_process(name, "environ", &s->environment))
        return OTHER;
    if (may_be_starting(s)) {
        if (is_starting(name, &s->environment))
            return STARTING;
        /* It may have been started between the two looks: then it has an environment of its own now. */
        if (!read_process(name, "environ", &s->environment))
            return OTHER;
    }
    if (!memmem(s->environment.p, s->environment.n, s->mark.p, s->mark.n))
        return OTHER;
    return syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0 ? ENDED : OTHER;
}

void process_end_marked(const char *mark)
{
    AUTO_BUF struct buf wanted = BUF_INIT;
    buf_add_char(&wanted, '\0');
    buf_addf(&wanted, PROCESS_MARK "=%s", mark);
    struct search s = {
        .mark = buf_str(&wanted), .environment.max = MAX_ENVIRONMENT, .own.max = MAX_ENVIRONMENT};
    read_process("self", "environ", &s.own);
    bool again = true;
    for (int passes = 0, starts = 0; again && passes < PASSES && starts < STARTS;) {
        int looks[] = {[OTHER] = 0, [STARTING] = 0, [ENDED] = 0};
        AUTO_DIR DIR *processes = opendir("/proc");
        for (struct dirent *entry; processes && (entry = readdir(processes));)
            if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
                looks[end_if_marked(&s, entry->d_name)]++;
        again = looks[ENDED] || looks[STARTING];
        if (looks[ENDED])
            passes++;
        else if (looks[STARTING]) {
            starts++;
            usleep(1000);
        }
    }
    buf_release(&s.environment);
    buf_release(&s.own);
}
