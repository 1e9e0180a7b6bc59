/* A child process and its descendants: see process.h. */
#include "sandbox/engine/process.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/spawn.h"

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    READ_BLOCK = 64 * 1024,
    DRAIN_MS = 1000, /* for pipes held open by a process that was not found */
    LIMIT_COUNT = 3,
    LOOK_MS = 1000, /* interval of limit checks, at least LOOK_SHARE times the duration of a check */
    LOOK_SHARE = 20,
};

/* Memory that libraries reserve but hardly use, such as thread stacks, counts as data. */
static const int64_t RESERVED = 2LL * 1024 * 1024 * 1024;

/* ---- switch ---- */

int process_switch_init(struct process_switch *stop, struct err *err)
{
    atomic_init(&stop->stop_requested, 0);
    atomic_init(&stop->idle_requested, 0);
    stop->fd = system_wake_new();
    return stop->fd < 0 ? err_errno(err, ERR_IO, "cannot make a switch") : 0;
}

void process_switch_release(struct process_switch *stop)
{
    fd_close_ptr(&stop->fd);
}

void process_request_idle(struct process_switch *stop)
{
    atomic_store(&stop->idle_requested, 1);
    system_wake(stop->fd);
}

void process_stop(struct process_switch *stop, bool now)
{
    int before = atomic_load(&stop->stop_requested);
    while (before < 1 + now && !atomic_compare_exchange_weak(&stop->stop_requested, &before, 1 + now))
        ;
    system_wake(stop->fd);
}

/* ---- start ---- */

/*
 * Sets the limits; one above the sandbox's own limit is left unchanged. With setpriv (util-linux) the program
 * dies with the thread that started it, also when the sandbox is killed.
 */
static const char set_limits[] =
    "ulimit -c 0; ulimit -d \"$1\" 2>/dev/null; ulimit -t \"$2\" 2>/dev/null; ulimit -f \"$3\" 2>/dev/null; "
    "shift 3; "
    "setpriv --pdeathsig KILL true 2>/dev/null && exec setpriv --pdeathsig KILL \"$@\"; exec \"$@\"";

static const char *limit_text(struct arena *arena, int64_t limit, int64_t unit)
{
    return limit > 0 ? arena_printf(arena, "%lld", (long long)((limit + unit - 1) / unit)).p : "unlimited";
}

static char **process_wrapped(struct arena *arena, const struct process_options *options)
{
    size_t n = 0, at = 0;
    while (options->argv[n])
        n++;
    const char **argv = ARENA_ARRAY(arena, const char *, n + LIMIT_COUNT + 5);
    argv[at++] = "/bin/sh";
    argv[at++] = "-c";
    argv[at++] = set_limits;
    argv[at++] = "job";
    argv[at++] = limit_text(arena, options->memory > 0 ? options->memory + RESERVED : 0, 1024);
    argv[at++] = limit_text(arena, options->cpu_s, 1);
    argv[at++] = limit_text(arena, options->file_size, 512);
    memcpy(argv + at, options->argv, n * sizeof *argv);
    return (char **)argv;
}

/* Returns the environment with the mark; an inherited mark is replaced. */
static char **process_marked(struct arena *arena, const struct process_options *options, const char *mark)
{
    size_t n = 0, at = 0;
    while (options->env[n])
        n++;
    const char **env = ARENA_ARRAY(arena, const char *, n + 2);
    for (size_t i = 0; i < n; i++)
        if (!str_starts(str_z(options->env[i]), STR(PROCESS_MARK "=")))
            env[at++] = options->env[i];
    env[at] = arena_printf(arena, PROCESS_MARK "=%s", mark).p;
    return (char **)(uintptr_t)env;
}

static int process_start(
    const struct process_options *options, const char *mark, int out, int error, pid_t *pid)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct spawn spawn = {.args = process_wrapped(&arena, options),
        .env = process_marked(&arena, options, mark),
        .dir = options->dir,
        .out = out,
        .error = error,
        .apart = SPAWN_GROUP};
    return spawn_program(&spawn, pid);
}

/* ---- supervision ---- */

struct watching {
    const struct process_options *options;
    struct process_switch *stop;
    struct process_end *end;
    const char *mark;
    pid_t pid;
    int child, pipes[2];
    bool exited;
    int asked;                    /* 1: the end signal was sent, 2: SIGKILL */
    int64_t deadline, kill, look; /* by the monotonic clock; 0: none */
    int64_t handed_on;
};

static void process_ask(struct watching *w, int how)
{
    if (w->asked >= how)
        return;
    w->asked = how;
    w->deadline = 0; /* from now on only `kill` counts */
    w->kill = how == 1 ? clock_mono_ms() + w->options->grace_ms : 0;
    int ask = w->options->end_signal ? w->options->end_signal : SIGTERM;
    kill(-w->pid, how == 1 ? ask : SIGKILL);
}

static void hand_on(struct watching *w, enum process_stream stream, const char *bytes, size_t n)
{
    int64_t most = w->options->max_output, left = most - w->handed_on;
    size_t take = most && left < (int64_t)n ? (left > 0 ? (size_t)left : 0) : n;
    w->handed_on += (int64_t)take;
    w->end->dropped += (int64_t)(n - take);
    if (take)
        w->options->output(w->options->ctx, stream, bytes, take);
}

static void close_pipe(struct watching *w, enum process_stream stream)
{
    fd_close_ptr(&w->pipes[stream]);
    w->pipes[stream] = -1;
}

static void read_pipe(struct watching *w, enum process_stream stream)
{
    char block[READ_BLOCK];
    ssize_t n = read(w->pipes[stream], block, sizeof block);
    if (n > 0)
        hand_on(w, stream, block, (size_t)n);
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        close_pipe(w, stream);
}

/* Ends the group before reaping its leader: until then the group id cannot be reused. */
static void process_reap(struct watching *w)
{
    int status = 0;
    struct rusage usage = {0};
    kill(-w->pid, SIGKILL);
    while (wait4(w->pid, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    w->end->max_rss_kib = system_most_memory(&usage);
    process_end_marked(w->mark);
    w->exited = true;
    w->end->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    w->end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    w->deadline = clock_mono_ms() + DRAIN_MS;
    w->kill = w->look = 0;
}

static int next_timeout(const struct watching *w)
{
    int64_t until = w->deadline, now = clock_mono_ms();
    if (atomic_load(&w->stop->idle_requested))
        return 0;
    if (w->kill && (!until || w->kill < until))
        until = w->kill;
    if (w->look && (!until || w->look < until))
        until = w->look;
    if (!until)
        return -1;
    return until <= now ? 0 : until - now > 60000 ? 60000 : (int)(until - now);
}

static void process_look(struct watching *w)
{
    const struct process_options *o = w->options;
    int64_t before = clock_mono_ms();
    w->end->out_of_memory = o->memory > 0 && /* children are not measured */
                            system_memory_of(w->pid) > o->memory;
    w->end->overfull =
        o->max_folder_bytes > 0 && process_folder_bytes(o->folder, o->max_folder_bytes) > o->max_folder_bytes;
    int64_t now = clock_mono_ms(), pause = (now - before) * LOOK_SHARE;
    bool over = w->end->out_of_memory || w->end->overfull;
    w->look = over ? 0 : now + (pause > LOOK_MS ? pause : LOOK_MS);
    if (over)
        process_ask(w, 2);
}

static void pass_time(struct watching *w)
{
    int64_t now = clock_mono_ms();
    int turned = atomic_load(&w->stop->stop_requested);
    if (w->exited)
        return;
    if (turned && w->asked < turned) {
        w->end->stopped = !w->end->timed_out;
        process_ask(w, turned);
    }
    if (w->deadline && now >= w->deadline) {
        w->end->timed_out = true;
        process_ask(w, 1);
    }
    if (w->kill && now >= w->kill)
        process_ask(w, 2);
    if (w->look && now >= w->look)
        process_look(w);
}

static void report_quiet(struct watching *w)
{
    if (atomic_exchange(&w->stop->idle_requested, 0) && w->options->idle)
        w->options->idle(w->options->ctx);
}

static void watch(struct watching *w)
{
    while (!w->exited || w->pipes[PROCESS_OUT] >= 0 || w->pipes[PROCESS_ERR] >= 0) {
        struct pollfd fds[] = {{w->pipes[PROCESS_OUT], POLLIN, 0}, {w->pipes[PROCESS_ERR], POLLIN, 0},
            {w->exited ? -1 : w->child, POLLIN, 0}, {w->stop->fd, POLLIN, 0}};
        /* A request made before poll() is answered after the pipes were found empty. */
        bool asked = atomic_load(&w->stop->idle_requested);
        pass_time(w);
        bool last = w->exited && clock_mono_ms() >= w->deadline; /* what is in the pipes is still read */
        if (poll(fds, sizeof fds / sizeof *fds, last ? 0 : next_timeout(w)) < 0)
            continue;
        for (int i = 0; i < 2; i++)
            if (fds[i].revents)
                read_pipe(w, (enum process_stream)i);
        if (fds[2].revents)
            process_reap(w);
        if (fds[3].revents)
            system_wake_clear(w->stop->fd);
        if (asked && !fds[0].revents && !fds[1].revents)
            report_quiet(w);
        if (last)
            break;
    }
}

/* Uses the system's generator: OpenSSL would allocate one per thread. */
static const char *new_mark(struct arena *arena, const char *family)
{
    unsigned char bytes[16];
    int failed = getentropy(bytes, sizeof bytes); /* fails only on kernels too old for pidfds */
    assert(!failed);
    (void)failed;
    return arena_printf(arena, "%s-%s", family ? family : "", hex_encode(arena, bytes, sizeof bytes).p).p;
}

int process_run(const struct process_options *options, struct process_switch *stop, struct process_end *end,
    struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    int out[2] = {-1, -1}, error[2] = {-1, -1};
    struct watching w = {.options = options,
        .stop = stop,
        .end = end,
        .mark = new_mark(&arena, options->family),
        .pipes = {-1, -1}};
    *end = (struct process_end){.exit_code = -1};
    if (system_pipe(out) || system_pipe(error)) {
        err_errno(err, ERR_IO, "cannot make a pipe");
        fd_close_ptr(&out[0]);
        fd_close_ptr(&out[1]);
        return -1;
    }
    int failed = process_start(options, w.mark, out[1], error[1], &w.pid);
    close(out[1]);
    close(error[1]);
    w.pipes[PROCESS_OUT] = out[0];
    w.pipes[PROCESS_ERR] = error[0];
    if (failed) {
        errno = failed;
        err_errno(err, ERR_IO, "cannot start a process in %s", options->dir);
    } else {
        w.child = system_watch_child(w.pid);
        if (w.child < 0) { /* the end of the process could not be detected */
            failed = errno;
            err_errno(err, ERR_IO, "cannot watch a process");
            process_reap(&w);
        } else {
            if (options->started)
                options->started(options->ctx, w.pid);
            w.deadline = options->timeout_ms > 0 ? clock_mono_ms() + options->timeout_ms : 0;
            w.look = options->max_folder_bytes > 0 || options->memory > 0 ? clock_mono_ms() + LOOK_MS : 0;
            watch(&w);
            close(w.child);
        }
    }
    fd_close_ptr(&w.pipes[PROCESS_OUT]);
    fd_close_ptr(&w.pipes[PROCESS_ERR]);
    return failed ? -1 : 0;
}

int process_run_alone(const struct process_options *options, struct process_end *end, struct err *err)
{
    struct process_switch stop;
    if (process_switch_init(&stop, err))
        return -1;
    int status = process_run(options, &stop, end, err);
    process_switch_release(&stop);
    return status;
}

void process_take(void *ctx, enum process_stream stream UNUSED, const char *bytes, size_t n)
{
    buf_add(ctx, bytes, n);
}

void process_take_out(void *ctx, enum process_stream stream, const char *bytes, size_t n)
{
    if (stream == PROCESS_OUT)
        buf_add(ctx, bytes, n);
}

void process_end_family(const char *family)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    process_end_marked(arena_printf(&arena, "%s-", family).p);
}

/* ---- disk usage of a folder ---- */

static _Thread_local int64_t taken, enough; /* nftw() has no context argument */

/* A file with several hard links is counted in equal shares. */
static int take_entry(const char *path UNUSED, const struct stat *st, int kind, struct FTW *ftw UNUSED)
{
    if (kind != FTW_NS)
        taken += (int64_t)st->st_blocks * 512 / (S_ISDIR(st->st_mode) ? 1 : (int64_t)st->st_nlink);
    return taken > enough;
}

int64_t process_folder_bytes(const char *dir, int64_t most)
{
    taken = 0, enough = most;
    nftw(dir, take_entry, 16, FTW_PHYS);
    return taken;
}
