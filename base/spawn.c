/*
 * Starts a program that has nothing of this process but what is named (see spawn.h), and the limit of core
 * files.
 */
#include "base/spawn.h"

#include "base/system.h"
#include "base/threads.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- Core files ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rlimit former;
static bool lowered;
static unsigned starting; /* by how many threads */

void core_limit_none(void)
{
    if (getrlimit(RLIMIT_CORE, &former) || !former.rlim_cur)
        return;
    struct rlimit none = {0, former.rlim_max};
    lowered = setrlimit(RLIMIT_CORE, &none) == 0;
}

void core_limit_lift(void)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    if (!starting++ && lowered)
        setrlimit(RLIMIT_CORE, &former);
}

void core_limit_lower(void)
{
    struct rlimit none = {0, former.rlim_max};
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    if (!--starting && lowered)
        setrlimit(RLIMIT_CORE, &none);
}

static void set_files(const struct spawn *spawn, posix_spawn_file_actions_t *files)
{
    if (spawn->in)
        posix_spawn_file_actions_adddup2(files, spawn->in, STDIN_FILENO);
    else
        posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(files, spawn->out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(files, spawn->error, STDERR_FILENO);
    if (spawn->dir)
        posix_spawn_file_actions_addchdir_np(files, spawn->dir);
}

static void set_attributes(const struct spawn *spawn, posix_spawnattr_t *attr)
{
    static const short flags[] = {
        [SPAWN_GROUP] = POSIX_SPAWN_SETPGROUP, [SPAWN_SESSION] = POSIX_SPAWN_SETSID};
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setflags(
        attr, (short)(flags[spawn->apart] | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    posix_spawnattr_setpgroup(attr, 0);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &all);
}

int spawn_program(const struct spawn *spawn, pid_t *child)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    set_files(spawn, &files);
    set_attributes(spawn, &attr);
    core_limit_lift();
    int failed = system_spawn(spawn, &files, &attr, child);
    core_limit_lower();
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return failed;
}
