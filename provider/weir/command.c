/* Running a command of the user's for what it makes, not for what it says: see command.h. */
#include "provider/weir/command.h"

#include "base/clock.h"
#include "base/confined.h"
#include "base/spawn.h"
#include "base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    READ_BLOCK = 64 * 1024,
    TICK_MS = 50,     /* how soon an interruption or the end is noticed */
    GRACE_MS = 3000,  /* between asking and killing */
    DRAIN_MS = 200,   /* for what a daemon that keeps the pipe may still say of the build */
    SAID_BYTES = 700, /* what fits into a message */
};

/* ---- while it runs ---- */

struct watching {
    const struct local_command *command;
    struct command_output *output;
    pid_t child;
    int pipe;
    int64_t deadline, kill_at; /* monotonic; 0: none */
    enum err_class ended;      /* why it was: ERR_TIMEOUT, ERR_INTERRUPTED; ERR_NONE by itself */
    int status;                /* of waitpid() */
};

/* False once there is nothing more to come. */
static bool read_some(struct watching *w)
{
    char block[READ_BLOCK];
    ssize_t n = read(w->pipe, block, sizeof block);
    if (n > 0)
        command_output_add(w->output, block, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

static void end_group(const struct watching *w, int signal_number)
{
    kill(w->command->cancel ? -w->child : w->child, signal_number);
}

static void ask_to_end(struct watching *w, enum err_class why, int64_t now)
{
    w->ended = why;
    w->deadline = 0;
    w->kill_at = now + GRACE_MS;
    end_group(w, SIGTERM);
}

static void pass_time(struct watching *w)
{
    int64_t now = clock_mono_ms();
    const atomic_bool *cancel = w->command->cancel;
    if (!w->ended && cancel_is_set(cancel))
        ask_to_end(w, ERR_INTERRUPTED, now);
    else if (w->deadline && now >= w->deadline)
        ask_to_end(w, ERR_TIMEOUT, now);
    else if (w->kill_at && now >= w->kill_at)
        end_group(w, SIGKILL);
}

/* It is left to be waited for: until then its group's number cannot be another's. */
static bool has_ended(const struct watching *w)
{
    siginfo_t info = {0};
    int status = waitid(P_PID, (id_t)w->child, &info, WEXITED | WNOHANG | WNOWAIT);
    return status ? errno != EINTR : info.si_pid != 0;
}

static void command_watch(struct watching *w)
{
    bool open = true;
    for (int tick_ms = 1; !has_ended(w); tick_ms = tick_ms < TICK_MS ? 2 * tick_ms : TICK_MS) {
        struct pollfd fd = {open ? w->pipe : -1, POLLIN, 0};
        pass_time(w);
        if (poll(&fd, 1, tick_ms) > 0) {
            open = read_some(w);
            tick_ms = 1; /* at the end of the output the command itself is about to end */
        }
    }
    end_group(w, SIGKILL);
    w->status = -1;
    while (waitpid(w->child, &w->status, 0) < 0 && errno == EINTR)
        continue;
    for (int64_t until = clock_mono_ms() + DRAIN_MS; open && clock_mono_ms() < until;) {
        struct pollfd fd = {w->pipe, POLLIN, 0};
        if (poll(&fd, 1, DRAIN_MS) <= 0)
            break;
        open = read_some(w);
    }
    command_output_add(w->output, "\n", 1); /* the last line may have no end */
}

/* ---- what became of it ---- */

static struct str command_duration(struct arena *arena, int64_t ms)
{
    if (ms % 60000 == 0)
        return arena_printf(arena, "%lld minutes", (long long)(ms / 60000));
    return arena_printf(arena, "%lld seconds", (long long)(ms / 1000));
}

static int command_report(const struct watching *w, struct err *err)
{
    const struct local_command *command = w->command;
    struct str said = command_output_end(w->output, command->arena, SAID_BYTES), why;
    enum err_class class = w->ended ? w->ended : ERR_FAILED;
    if (w->ended == ERR_INTERRUPTED)
        return err_set(err, class, "%s was interrupted", command->what);
    if (w->ended == ERR_TIMEOUT)
        why = arena_printf(command->arena, "took longer than %s and was ended",
            command_duration(command->arena, command->timeout_ms).p);
    else if (WIFSIGNALED(w->status))
        why = arena_printf(command->arena, "was ended by signal %d", WTERMSIG(w->status));
    else
        why = arena_printf(command->arena, "failed with status %d", WEXITSTATUS(w->status));
    err_set(err, class, "%s %s%s%.*s", command->what, why.p, said.n ? ":\n" : "", STR_ARG(said));
    return w->ended == ERR_TIMEOUT ? err_hint(err, "`timeouts: {create: 1h, update: 1h}` gives it more") : -1;
}

int command_run(const struct local_command *command, struct command_output *output, struct err *err)
{
    struct watching w = {.command = command, .output = output};
    int ends[2];
    if (confined_program(command->what, err))
        return -1;
    if (cancel_is_set(command->cancel))
        return err_set(err, ERR_INTERRUPTED, "%s was not started: interrupted", command->what);
    if (system_pipe(ends))
        return err_errno(err, ERR_FAILED, "%s: cannot make a pipe", command->what);
    w.pipe = ends[0];
    struct spawn spawn = {.args = command->args,
        .env = command->env,
        .dir = command->dir.n ? arena_strz(command->arena, command->dir) : NULL,
        .out = command->out ? command->out : ends[1],
        .error = ends[1],
        .apart = command->cancel ? SPAWN_SESSION : SPAWN_TOGETHER,
        .max_file_bytes = command->max_file_bytes};
    int failed = spawn_program(&spawn, &w.child), status;
    close(ends[1]);
    if (failed) {
        errno = failed;
        status = err_errno(err, ERR_FAILED, "%s: cannot start \"%s\"", command->what, command->args[0]);
    } else {
        w.deadline = command->timeout_ms > 0 ? clock_mono_ms() + command->timeout_ms : 0;
        command_watch(&w);
        bool fine = !w.ended && WIFEXITED(w.status) && WEXITSTATUS(w.status) == 0;
        status = fine ? 0 : command_report(&w, err);
    }
    close(w.pipe);
    return status;
}
