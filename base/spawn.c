/* Starting a program that has nothing of this process but what is named: see spawn.h. */
#include "base/spawn.h"

#include "base/core_limit.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CLOSE_ON_EXEC = 4, MOST_OPEN = 65536 }; /* CLOSE_RANGE_CLOEXEC, which older headers lack */

/* No other descriptor is for the program. musl cannot close them in the new process: here they are marked,
 * which hurts none, for what is given is put in its place by dup2(). */
static void close_others(posix_spawn_file_actions_t *files)
{
#ifdef __GLIBC__
    posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
#else
    (void)files;
    if (!syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_ON_EXEC))
        return;
    long most = sysconf(_SC_OPEN_MAX); /* before Linux 5.11 */
    for (int fd = STDERR_FILENO + 1; fd < (most < MOST_OPEN ? most : MOST_OPEN); fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
}

static void set_files(const struct spawn *spawn, posix_spawn_file_actions_t *files)
{
    if (spawn->in)
        posix_spawn_file_actions_adddup2(files, spawn->in, STDIN_FILENO);
    else
        posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(files, spawn->out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(files, spawn->error, STDERR_FILENO);
    close_others(files);
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
    int failed = posix_spawnp(child, spawn->args[0], &files, &attr, spawn->args, spawn->env);
    core_limit_lower();
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return failed;
}
