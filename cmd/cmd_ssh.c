/* A shell or a command on the host of a connection. */
#include "cmd/invocation/invocation.h"
#include "cmd/terminal/signals.h"
#include "provider/ssh/connections.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct ssh_settings {
    struct settings shared;
    bool terminal;
};

/* ---- the terminal here ---- */

static atomic_bool resized;

static void on_resize(int number UNUSED)
{
    atomic_store(&resized, true);
}

static void size_now(int *columns, int *rows)
{
    struct winsize size;
    bool known = ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;
    *columns = known ? size.ws_col : 80;
    *rows = known ? size.ws_row : 24;
}

/* Every key goes there as it is, Ctrl-C too. */
static bool make_raw(struct termios *before)
{
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, before))
        return false;
    raw = *before;
    cfmakeraw(&raw);
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static int in_terminal(
    struct reach *reach, struct str connection, struct reach_terminal *terminal, int *status, struct err *err)
{
    struct termios before;
    bool raw = terminal->pty && isatty(STDIN_FILENO) && make_raw(&before);
    struct sigaction action = {.sa_handler = on_resize, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (terminal->pty)
        sigaction(SIGWINCH, &action, NULL);
    int rc = reach_shell(reach, connection, terminal, status, err);
    if (raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    return rc;
}

/* ---- the command ---- */

/* As ssh does it: words with blanks between, for the shell there to read. */
static struct str line_of(struct invocation *inv)
{
    AUTO_BUF struct buf line = BUF_INIT;
    for (size_t i = 1; i < inv->args.n; i++)
        buf_addf(&line, "%s%.*s", i > 1 ? " " : "", STR_ARG(inv->args.items[i]));
    return line.n ? arena_str(&inv->arena, buf_str(&line)) : STR_EMPTY;
}

static int cmd_ssh_go(struct invocation *inv, struct workspace *workspace, struct route *route)
{
    const struct ssh_settings *own = inv->own;
    struct err err = ERR_INIT;
    int status = EXIT_FAILED;
    struct reach_terminal terminal = {.command = line_of(inv),
        .in = STDIN_FILENO,
        .out = STDOUT_FILENO,
        .error = STDERR_FILENO,
        .type = getenv("TERM") ? getenv("TERM") : "dumb",
        .resized = &resized,
        .size = size_now,
        .cancel = signals_stop()};
    terminal.pty = own->terminal || (!terminal.command.n && isatty(STDIN_FILENO));
    size_now(&terminal.columns, &terminal.rows);
    signals_catch();
    if (reach_open(route->reach, route->connection, &err))
        return invocation_fail(inv, &err);
    reaching_tell(inv, workspace);
    if (in_terminal(route->reach, route->connection, &terminal, &status, &err))
        return invocation_fail(inv, &err);
    return status;
}

static int cmd_ssh_run(struct invocation *inv)
{
    return reaching_run(inv, cmd_ssh_go);
}

static const struct option options[] = {
    {'t', "terminal", .kind = OPTION_FLAG, .offset = offsetof(struct ssh_settings, terminal)},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command cmd_ssh = {
    .name = "ssh",
    .args = "CONNECTION [COMMAND...]",
    .sets = {&own_set, &options_stack},
    .settings_size = sizeof(struct ssh_settings),
    .min_args = 1,
    .max_args = -1,
    .completes = COMPLETES_CONNECTION,
    .run = cmd_ssh_run,
};
