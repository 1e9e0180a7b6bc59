/* Runs a command in its own process with pipes: see mcp.h. */
#include "base/system.h"
#include "cmd/mcp/mcp.h"

#include "base/clock.h"
#include "base/json.h"
#include "stacks/load/files.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    OUT_MAX = 64 << 20, /* longer output is dropped */
    ERR_MAX = 64 << 10,
    TICK_MS = 100,
    PROGRESS_MS = 200, /* minimum interval of notifications */
};

void run_add(struct call *call, struct run *run, const char *format, ...)
{
    enum { WORDS_MAX = 1000 };
    if (!run->words.items)
        run->words.items = ARENA_ARRAY(call->arena, struct str, WORDS_MAX);
    if (run->words.n == WORDS_MAX)
        return;
    AUTO_BUF struct buf word = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_addvf(&word, format, args);
    va_end(args);
    run->words.items[run->words.n++] = arena_str(call->arena, buf_str(&word));
}

static void add_list(struct call *call, struct run *run, const char *option, const struct texts *list)
{
    for (size_t i = 0; i < list->n; i++)
        run_add(call, run, "%s=%.*s", option, STR_ARG(list->items[i]));
}

void run_add_chosen(struct call *call, struct run *run)
{
    const struct settings *s = call->mcp->inv->settings;
    if (call->mcp->file)
        run_add(call, run, "--dir=%s", call->mcp->file);
    if (s->env)
        run_add(call, run, "--env=%s", s->env);
    if (s->specs)
        run_add(call, run, "--specs=%s", s->specs);
    if (s->sandbox)
        run_add(call, run, "--sandbox");
    add_list(call, run, "--input-file", &s->input_files);
    add_list(call, run, "--input", &s->inputs);
}

/* ---- in the child process ---- */

static int confine(const struct mcp *mcp, struct err *err)
{
    const struct settings *s = mcp->inv->settings;
    if (chdir(mcp->folder) || confine_files(mcp->root, err))
        return err->class != ERR_NONE ? -1 : err_errno(err, ERR_IO, "%s", mcp->folder);
    if (s->specs)
        confine_allow(s->specs);
    for (size_t i = 0; i < s->input_files.n; i++)
        confine_allow(s->input_files.items[i].p);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str sandbox = s->sandbox ? sandbox_folder(&scratch, mcp->file) : STR_EMPTY;
    if (sandbox.n && !dir_make(arena_strz(&scratch, sandbox), err))
        confine_allow(arena_strz(&scratch, sandbox));
    return mcp->may_command ? 0 : confine_programs(err);
}

/* The child uses only the memory of this process, not its descriptors. */
static void run_in_child(struct call *call, struct run *run, int out, int error)
{
    struct mcp *mcp = call->mcp;
    struct err err = ERR_INIT;
    char **argv = ARENA_ARRAY(call->arena, char *, run->words.n + 2);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    system_end_with_parent(); /* when the server ends, this process gets SIGINT */
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(error, STDERR_FILENO) < 0)
        _exit(EXIT_FAILED);
    if (confine(mcp, &err)) {
        dprintf(STDERR_FILENO, "error: %s\n", err.message);
        _exit(EXIT_FAILED);
    }
    if (run->own)
        _exit(run->own(mcp));
    argv[0] = (char *)"weir";
    for (size_t i = 0; i < run->words.n; i++)
        argv[i + 1] = (char *)run->words.items[i].p;
    argv[run->words.n + 1] = NULL;
    _exit(cli_main((int)run->words.n + 1, argv));
}

/* ---- in the parent process ---- */

enum { OUT, ERROR, SAVED, PIPES };

struct beside {
    struct call *call;
    struct run *run;
    pid_t child;
    int ends[PIPES]; /* -1: at its end */
    struct buf *to[PIPES];
    size_t line; /* in `out`: the first line that was not reported yet */
    int lines;
    int64_t reported_ms;
    bool asked; /* SIGINT was sent */
};

static void ask_end(struct beside *b)
{
    if (!b->asked)
        kill(b->child, SIGINT);
    b->asked = true;
}

/* Reports {"event":"start","address":"lake",…} as "start lake". */
static void report_line(struct beside *b, struct str line)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    const struct value *event;
    int64_t now = clock_mono_ms();
    if (now - b->reported_ms < PROGRESS_MS || json_parse(&scratch, line, &event, NULL))
        return;
    b->reported_ms = now;
    struct str name = value_gets(event, "event"), address = value_gets(event, "address");
    buf_addz(
        &out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":");
    json_write(&out, b->call->token, JSON_PLAIN);
    buf_addf(&out, ",\"progress\":%d,\"message\":", b->lines);
    json_write_string(
        &out, arena_printf(&scratch, "%.*s%s%.*s", STR_ARG(name), address.n ? " " : "", STR_ARG(address)));
    buf_addz(&out, "}}");
    channel_send(&b->call->mcp->rpc.channel, buf_str(&out));
}

static void report_lines(struct beside *b)
{
    struct str all = buf_str(&b->run->out);
    for (ptrdiff_t end; (end = str_find_char(all, '\n', b->line)) >= 0; b->line = (size_t)end + 1) {
        b->lines++;
        if (b->call->token && !b->call->cancelled)
            report_line(b, str_slice(all, b->line, (size_t)end));
    }
}

/* Returns false if nothing was read. */
static bool beside_read(struct beside *b, int i)
{
    char block[65536];
    ssize_t n = read(b->ends[i], block, sizeof block);
    if (n > 0)
        buf_add(b->to[i], block, (size_t)n);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
        close(b->ends[i]);
        b->ends[i] = -1;
    }
    return n > 0;
}

/* Handles messages during the command. A response to a ping confirms earlier cancellations. */
static void handle_messages(struct beside *b)
{
    struct rpc *rpc = &b->call->mcp->rpc;
    if (!rpc_fill(rpc, ERR_IGNORED)) {
        b->call->mcp->done = b->call->cancelled = true;
        ask_end(b);
    }
    if (!b->call->cancelled && rpc_is_cancelled(rpc, b->call->id, "notifications/cancelled", "requestId")) {
        b->call->cancelled = true;
        ask_end(b);
    }
    for (struct rpc_message *ping; (ping = rpc_take_early(rpc, "ping")); rpc_message_free(ping))
        mcp_take(b->call->mcp, ping);
}

static void attend(struct beside *b)
{
    struct mcp *mcp = b->call->mcp;
    bool ended = false, more = true;
    while (!ended || more) { /* descendants may keep a pipe open, so its end is not awaited */
        bool listens = !mcp->done && !rpc_is_full(&mcp->rpc);
        struct pollfd fds[PIPES + 1] = {
            [PIPES] = {.fd = listens ? mcp->rpc.channel.in : -1, .events = POLLIN}};
        for (int i = 0; i < PIPES; i++)
            fds[i] = (struct pollfd){.fd = b->ends[i], .events = POLLIN};
        bool open = b->ends[OUT] >= 0 || b->ends[ERROR] >= 0 || b->ends[SAVED] >= 0;
        poll(fds, PIPES + 1, ended ? 0 : TICK_MS);
        more = false;
        for (int i = 0; i < PIPES; i++)
            more |= fds[i].revents && beside_read(b, i);
        report_lines(b);
        if (fds[PIPES].revents && !ended)
            handle_messages(b);
        if (!ended && (!more || !open))
            ended = waitpid(b->child, &b->run->status, open ? WNOHANG : 0) == b->child;
    }
    int status = b->run->status;
    b->run->status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
    if (!WIFEXITED(status))
        buf_addf(&b->run->err, "it was ended by signal %d\n", WTERMSIG(status));
}

static void pipes_close(int ends[PIPES][2], int side)
{
    for (int i = 0; i < PIPES; i++)
        fd_close_ptr(&ends[i][side]);
}

static int pipes_make(int ends[PIPES][2], struct err *err)
{
    for (int i = 0; i < PIPES; i++)
        if (system_pipe(ends[i]) || fcntl(ends[i][0], F_SETFL, O_NONBLOCK)) {
            err_errno(err, ERR_FAILED, "cannot make a pipe");
            pipes_close(ends, 0);
            pipes_close(ends, 1);
            return -1;
        }
    return 0;
}

static int plan_in_memory(const struct run *run, struct err *err)
{
    int fd = system_memory_file();
    if (fd < 0)
        return err_errno(err, ERR_IO, "cannot keep the plan");
    if (fd_write_all(fd, run->plan.p, run->plan.n, err, "memory") || lseek(fd, 0, SEEK_SET))
        return -1;
    return fd;
}

int run_command(struct call *call, struct run *run, struct err *err)
{
    int ends[PIPES][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    struct buf unused = {.max = 1};
    struct beside b = {
        .call = call, .run = run, .to = {&run->out, &run->err, run->saved ? run->saved : &unused}};
    AUTO_FD int plan = run->plan.n ? plan_in_memory(run, err) : -1;
    if ((run->plan.n && plan < 0) || pipes_make(ends, err))
        return -1;
    run->out.max = OUT_MAX;
    run->err.max = ERR_MAX;
    if (run->saved)
        run_add(call, run, "--out=/dev/fd/%d", ends[SAVED][1]);
    if (run->plan.n)
        run_add(call, run, "/dev/fd/%d", plan);
    b.child = fork();
    if (b.child == 0)
        run_in_child(call, run, ends[OUT][1], ends[ERROR][1]);
    if (b.child < 0)
        err_errno(err, ERR_FAILED, "cannot start a process");
    pipes_close(ends, 1);
    for (int i = 0; i < PIPES; i++)
        b.ends[i] = ends[i][0];
    if (b.child > 0)
        attend(&b);
    for (int i = 0; i < PIPES; i++)
        fd_close_ptr(&b.ends[i]);
    buf_release(&unused);
    return b.child > 0 ? 0 : -1;
}

void run_release(struct run *run)
{
    buf_release(&run->out);
    buf_release(&run->err);
}
