/* Whether this machine can have hosts, and what it lacks. */
#include "base/file.h"
#include "sandbox/host/host_internal.h"
#include "sandbox/host/netns.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char lacks[256];

static bool has_program(const char *name)
{
    static const char usual[] = "/usr/local/sbin:/usr/sbin:/sbin";
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *path = getenv("PATH");
    struct str dir, rest = arena_printf(&arena, "%s:%s", path ? path : "", usual);
    while (rest.n) {
        dir = str_cut(rest, ':', &rest);
        if (dir.n && !access(path_join(&arena, dir, str_z(name)).p, X_OK))
            return true;
    }
    return false;
}

/* Mounts are a namespace of their own too; in a container root may be without this right. */
static void *try_mounts(void *ctx)
{
    *(int *)ctx = unshare(CLONE_FS | CLONE_NEWNS) ? errno : 0;
    return NULL;
}

static int mounts_fail(void)
{
    pthread_t thread;
    int failed = 0, started = pthread_create(&thread, NULL, try_mounts, &failed);
    if (!started)
        pthread_join(thread, NULL);
    return started ? started : failed;
}

static void able_look(void)
{
    static const struct {
        const char *program, *package;
    } needed[] = {{"ip", "iproute2"}, {"nsenter", "util-linux"}, {"unshare", "util-linux"},
        {"mount", "mount"}, {"chroot", "coreutils"}, {"hostname", "hostname"}, {"sshd", "openssh-server"},
        {"ssh-keygen", "openssh-client"}};
    struct err err = ERR_INIT;
    int netns = -1, failed;
    if (geteuid() != 0)
        snprintf(lacks, sizeof lacks, "hosts take root");
    for (size_t i = 0; i < sizeof needed / sizeof *needed && !lacks[0]; i++)
        if (!has_program(needed[i].program))
            snprintf(lacks, sizeof lacks, "there is no %s: apt-get install %s", needed[i].program,
                needed[i].package);
    if (lacks[0])
        return;
    if (netns_new(&netns, &err))
        snprintf(
            lacks, sizeof lacks, "%.180s (a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN)", err.message);
    else if ((failed = mounts_fail()))
        snprintf(lacks, sizeof lacks, "cannot make a mount namespace: %s", strerror(failed));
    fd_close_ptr(&netns);
}

bool host_able(struct arena *arena, struct str *why)
{
    pthread_once(&once, able_look);
    *why = arena_str(arena, str_z(lacks));
    return !lacks[0];
}
