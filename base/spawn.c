/* Starting programs, the limit of core files, and commands that print credentials: see spawn.h. */
#include "base/spawn.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/system.h"
#include "base/threads.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- core files ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rlimit former;
static bool lowered;
static unsigned starting; /* number of threads that are starting a program */

void core_limit_none(void)
{
    if (getrlimit(RLIMIT_CORE, &former) || !former.rlim_cur)
        return;
    struct rlimit none = {0, former.rlim_max};
    lowered = setrlimit(RLIMIT_CORE, &none) == 0;
}

/* Raises the limit while a program is started. */
static void core_limit_lift(void)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    if (!starting++ && lowered)
        setrlimit(RLIMIT_CORE, &former);
}

static void core_limit_lower(void)
{
    struct rlimit none = {0, former.rlim_max};
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    if (!--starting && lowered)
        setrlimit(RLIMIT_CORE, &none);
}

static void set_files(const struct spawn *spawn, posix_spawn_file_actions_t *files)
{
    if (spawn->in || spawn->asks)
        posix_spawn_file_actions_adddup2(files, spawn->asks ? STDIN_FILENO : spawn->in, STDIN_FILENO);
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

/* ---- commands that print credentials ---- */

enum { OUTPUT_MAX = 256 * 1024, TIMEOUT_MS = 60 * 1000, LOOK_MS = 5 };

/* Returns the environment without weir's own variables, such as the key of its state: the command is the
 * user's, and may need all others. */
static char **environment_of_user(struct arena *arena)
{
    size_t count = 0, n = 0;
    while (environ && environ[count])
        count++;
    char **env = ARENA_ARRAY(arena, char *, count + 1);
    for (size_t i = 0; i < count; i++)
        if (!str_starts(str_z(environ[i]), STR("WEIR_")))
            env[n++] = environ[i];
    return env;
}

static int command_start(char *command, char *const *env, pid_t *pid, int *output, struct err *err)
{
    int fds[2];
    if (system_pipe(fds))
        return err_errno(err, ERR_FAILED, "cannot make a pipe");
    char shell[] = "/bin/sh", option[] = "-c";
    char *const args[] = {shell, option, command, NULL};
    const struct spawn spawn = {
        .args = args, .env = env, .asks = true, .out = fds[1], .error = STDERR_FILENO};
    int failed = spawn_program(&spawn, pid);
    close(fds[1]);
    if (failed) {
        close(fds[0]);
        errno = failed;
        return err_errno(err, ERR_AUTH, "cannot start a shell");
    }
    *output = fds[0];
    return 0;
}

static int command_timeout(const char *what, struct err *err)
{
    return err_set(err, ERR_AUTH, "%s did not end within %d s", what, TIMEOUT_MS / 1000);
}

static int read_output(int fd, const char *what, int64_t until, struct buf *out, struct err *err)
{
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int64_t left = until - clock_mono_ms();
        int n = left > 0 ? poll(&ready, 1, (int)left) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return command_timeout(what, err);
        char bytes[4096];
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got > 0)
            buf_add(out, bytes, (size_t)got);
        explicit_bzero(bytes, sizeof bytes);
        if (out->overflow)
            return err_set(err, ERR_AUTH, "%s printed more than %d KiB", what, OUTPUT_MAX / 1024);
        if (got < 0)
            return err_errno(err, ERR_AUTH, "cannot read what %s prints", what);
        if (got == 0)
            return 0;
    }
}

/* Waits for the end, since the command may close its output and continue. */
static int await_end(pid_t pid, const char *what, int64_t until, int *status, struct err *err)
{
    while (waitpid(pid, status, WNOHANG) == 0) {
        if (clock_mono_ms() >= until)
            return command_timeout(what, err);
        poll(NULL, 0, 1); /* real time, which the command needs even if a test's clock does not wait */
        clock_sleep_ms(LOOK_MS);
    }
    return 0;
}

int spawn_credential_command(
    struct arena *arena, const char *what, struct str command, struct str *output, struct err *err)
{
    pid_t pid = 0;
    AUTO_FD int fd = -1;
    if (confined_program(what, err) ||
        command_start(arena_strz(arena, command), environment_of_user(arena), &pid, &fd, err))
        return -1;
    AUTO_BUF struct buf out = {.max = OUTPUT_MAX};
    int status = 0;
    int64_t until = clock_mono_ms() + TIMEOUT_MS;
    int failed = read_output(fd, what, until, &out, err) || await_end(pid, what, until, &status, err);
    if (failed)
        kill(pid, SIGKILL);
    while (failed && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    *output = arena_str(arena, buf_str(&out));
    if (out.p)
        explicit_bzero(out.p, out.n);
    if (failed)
        return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return err_set(err, ERR_AUTH, "%s failed with status %d", what,
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
