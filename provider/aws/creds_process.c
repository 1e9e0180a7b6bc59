/* credential_process: a command that prints credentials as JSON. Its questions and errors go to stderr. */
#include "base/confined.h"
#include "base/core_limit.h"
#include "base/file.h"
#include "base/system.h"
#include "provider/aws/creds.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 256 * 1024, TIMEOUT_MS = 60 * 1000 };

/* All but what is weir's own, such as the key of its state: the helper is the user's, and needs what they
 * have. */
static char **helper_env(struct arena *arena)
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

static int creds_process_start(char *command, char *const *env, pid_t *pid, int *output, struct err *err)
{
    int fds[2];
    if (system_pipe(fds))
        return err_errno(err, ERR_FAILED, "cannot make a pipe");
    char shell[] = "sh", option[] = "-c";
    char *const argv[] = {shell, option, command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    /* The command gets its signals, whatever this thread has blocked. */
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    core_limit_lift();
    int failed = posix_spawn(pid, "/bin/sh", &actions, &attributes, argv, env);
    core_limit_lower();
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    if (failed) {
        close(fds[0]);
        errno = failed;
        return err_errno(err, ERR_AUTH, "cannot start the credential process");
    }
    *output = fds[0];
    return 0;
}

/* false: it took too long, or printed too much */
static bool read_output(int fd, struct buf *out)
{
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int n = poll(&ready, 1, TIMEOUT_MS);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        char bytes[4096];
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got > 0)
            buf_add(out, bytes, (size_t)got);
        explicit_bzero(bytes, sizeof bytes);
        if (got <= 0)
            return !out->overflow && got == 0;
    }
}

static int creds_process_run(struct creds_context *ctx, char *command, struct str *output, struct err *err)
{
    pid_t pid = 0;
    AUTO_FD int fd = -1;
    if (confined_program("the helper program", err) ||
        creds_process_start(command, helper_env(ctx->arena), &pid, &fd, err))
        return -1;
    AUTO_BUF struct buf out = {.max = OUTPUT_MAX};
    bool complete = read_output(fd, &out);
    if (!complete)
        kill(pid, SIGKILL);
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    *output = arena_str(ctx->arena, buf_str(&out));
    if (out.p)
        explicit_bzero(out.p, out.n);
    if (!complete)
        return err_set(err, ERR_AUTH, "the credential process did not end within %d s", TIMEOUT_MS / 1000);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return err_set(err, ERR_AUTH, "the credential process failed with status %d",
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* What is started; "" where it is not just a name. Arguments may be secrets. */
static struct str program_of(struct str command)
{
    struct str rest, word = str_cut(str_trim(command), ' ', &rest);
    return str_is_made_of(word, CHARS_ALNUM "/._-~") ? word : STR_EMPTY;
}

int creds_process(struct creds_context *ctx, struct str command, struct credentials *out, struct err *err)
{
    struct str output;
    if (creds_process_run(ctx, arena_strz(ctx->arena, command), &output, err) ||
        creds_from_json(ctx, output, "SessionToken", out, err)) {
        err_context(err, "credential_process of the profile \"%.*s\"", STR_ARG(ctx->profile));
        struct str program = program_of(command);
        if (!program.n)
            return err_hint(
                err, "run it by hand to see what it prints: its command is in the AWS configuration");
        return err_hint(err,
            "run it by hand to see what it prints: its command (`%.*s`) is in the AWS configuration",
            STR_ARG(program));
    }
    out->source = arena_printf(ctx->arena, "credential_process of the profile %.*s", STR_ARG(ctx->profile));
    return 0;
}
