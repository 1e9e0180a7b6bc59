/*
 * weir fleet run: runs a job of each member. Each member has its own process, `weir run -e MEMBER …`, so that
 * Ctrl-C, time limits and exit statuses work as there. Its output lines are prefixed with the member's name.
 */
#include "base/system.h"
#include "cmd/fleet/fleet.h"

#include "base/spawn.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STREAMS = 2, READ_BLOCK = 16 * 1024, MEMBER_RUNS_AT_ONCE = 50 };

/* ---- the command line of a member ---- */

struct words {
    struct arena *arena;
    char **items;
    size_t n;
};

static void add_word(struct words *words, struct str word)
{
    words->items[words->n++] = arena_strz(words->arena, word);
}

static void add_option(struct words *words, const char *option, const char *value)
{
    if (!value)
        return;
    add_word(words, str_z(option));
    add_word(words, str_z(value));
}

static char **command_of(const struct invocation *inv, const struct member *m, struct arena *arena)
{
    enum { FIXED = 16 };
    const struct settings *s = inv->settings;
    size_t most = FIXED + 2 * (s->inputs.n + s->input_files.n) + inv->args.n;
    struct words words = {.arena = arena, .items = ARENA_ARRAY(arena, char *, most)};
    add_word(&words, str_z(system_program()));
    add_word(&words, STR("run"));
    add_option(&words, "-C", s->dir);
    add_option(&words, "--specs", s->specs);
    add_word(&words, STR("-e"));
    add_word(&words, m->name);
    for (size_t i = 0; i < s->inputs.n; i++)
        add_option(&words, "-i", s->inputs.items[i].p);
    for (size_t i = 0; i < s->input_files.n; i++)
        add_option(&words, "--input-file", s->input_files.items[i].p);
    if (s->json)
        add_word(&words, STR("--json"));
    if (s->sandbox) /* they use the sandbox of this process */
        add_word(&words, STR("--sandbox"));
    add_word(&words, STR("--"));
    for (size_t i = 0; i < inv->args.n; i++)
        add_word(&words, inv->args.items[i]);
    words.items[words.n] = NULL;
    return words.items;
}

/* ---- output of a member ---- */

struct stream {
    int fd; /* -1: at its end */
    struct buf line;
};

static void print_line(struct member *m, int to, struct str line)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (m->fleet->inv->settings->json && to == STDOUT_FILENO) {
        fleet_event(m, line);
        return;
    }
    buf_addf(&out, "%.*s: %.*s\n", STR_ARG(m->name), STR_ARG(line));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&m->fleet->lock);
    if (to == STDOUT_FILENO)
        invocation_write(m->fleet->inv, buf_str(&out));
    else
        term_print_error(buf_str(&out));
}

static void stream_read(struct stream *stream, struct member *m, int to)
{
    char block[READ_BLOCK];
    ssize_t n = read(stream->fd, block, sizeof block);
    if (n < 0 && errno == EINTR)
        return;
    size_t looked = stream->line.n; /* known to contain no line end */
    buf_add(&stream->line, block, n > 0 ? (size_t)n : 0);
    struct str rest = buf_str(&stream->line);
    for (ptrdiff_t end; (end = str_find_char(rest, '\n', looked)) >= 0; looked = 0) {
        print_line(m, to, str_slice(rest, 0, (size_t)end));
        rest = str_slice(rest, (size_t)end + 1, rest.n);
    }
    if (n <= 0 && rest.n)
        print_line(m, to, rest);
    if (rest.n)
        memmove(stream->line.p, rest.p, rest.n);
    stream->line.n = rest.n;
    if (n <= 0) {
        close(stream->fd);
        stream->fd = -1;
    }
}

static void follow(struct member *m, struct stream streams[STREAMS])
{
    static const int to[STREAMS] = {STDOUT_FILENO, STDERR_FILENO};
    while (streams[0].fd >= 0 || streams[1].fd >= 0) {
        struct pollfd fds[STREAMS] = {{streams[0].fd, POLLIN, 0}, {streams[1].fd, POLLIN, 0}};
        if (poll(fds, STREAMS, -1) < 0)
            continue;
        for (int i = 0; i < STREAMS; i++)
            if (fds[i].revents)
                stream_read(&streams[i], m, to[i]);
    }
}

/* ---- one member ---- */

/* Runs the process. Returns its exit status. */
static int run_one(struct member *m, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    int out[2], error[2], status = 0;
    pid_t child;
    if (system_pipe(out))
        return err_errno(err, ERR_FAILED, "cannot make a pipe");
    if (system_pipe(error)) {
        close(out[0]);
        close(out[1]);
        return err_errno(err, ERR_FAILED, "cannot make a pipe");
    }
    struct spawn spawn = {.args = command_of(m->fleet->inv, m, &arena),
        .env = environ,
        .out = out[1],
        .error = error[1],
        .apart = SPAWN_TOGETHER};
    int failed = spawn_program(&spawn, &child);
    close(out[1]);
    close(error[1]);
    struct stream streams[STREAMS] = {{out[0], BUF_INIT}, {error[0], BUF_INIT}};
    follow(m, streams);
    buf_release(&streams[0].line);
    buf_release(&streams[1].line);
    if (failed) {
        errno = failed;
        return err_errno(err, ERR_FAILED, "cannot start weir run");
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

static void run_member(void *ctx, size_t i)
{
    struct fleet *fleet = ctx;
    struct member *m = &fleet->members[i];
    struct err err = ERR_INIT;
    if (m->former || m->is_shared || atomic_load(signals_stop()))
        return;
    int status = run_one(m, &err);
    if (err.class != ERR_NONE)
        member_fail(m, &err);
    else
        m->status = status;
}

/* ---- selecting the members ---- */

/* `fleet run JOB anna bob day=1`: the words after the job that name members select these, the others are
 * arguments of the job. */
static void take_named(struct fleet *fleet, struct texts *words)
{
    size_t kept = 0;
    struct texts names = {.items = words->items + 1};
    while (names.n + 1 < words->n && fleet_has(fleet, names.items[names.n]))
        names.n++;
    if (!names.n)
        return;
    for (size_t i = 0; i < fleet->n; i++)
        if (fleet->members[i].is_shared || fleet_names(&names, fleet->members[i].name))
            fleet->members[kept++] = fleet->members[i];
    fleet->n = kept;
    words->items[names.n] = words->items[0];
    *words = (struct texts){.items = words->items + names.n, .n = words->n - names.n};
}

int fleet_run(struct invocation *inv)
{
    const struct fleet_settings *own = inv->own;
    struct texts job = inv->args;
    struct fleet fleet;
    inv->args = own->members; /* fleet_open() selects the members by the arguments */
    int status = fleet_open(inv, &fleet);
    if (status == EXIT_DONE && !own->members.n)
        take_named(&fleet, &job);
    inv->args = job;
    if (status == EXIT_DONE) {
        signals_catch_first();
        pool_run(own->at_once ? own->at_once : MEMBER_RUNS_AT_ONCE, fleet.n, run_member, &fleet);
        status = fleet_report(&fleet);
    }
    fleet_close(&fleet);
    return status;
}
