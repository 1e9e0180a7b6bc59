/* weir ssh and weir tunnel: a shell or a command on the host of a connection, and a local port that is
 * forwarded through it. */
#include "base/clock.h"
#include "base/json.h"
#include "cmd/invocation/invocation.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct ssh_settings {
    struct settings shared;
    bool terminal;
};

/* ---- the local terminal ---- */

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

/* Sends every key unchanged, including Ctrl-C. */
static bool make_raw(struct termios *before)
{
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, before))
        return false;
    raw = *before;
    cfmakeraw(&raw);
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static int in_terminal(struct ssh_pool *ssh_pool, struct str connection, struct ssh_pool_terminal *terminal,
    int *status, struct err *err)
{
    struct termios before;
    bool raw = terminal->pty && isatty(STDIN_FILENO) && make_raw(&before);
    struct sigaction action = {.sa_handler = on_resize, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (terminal->pty)
        sigaction(SIGWINCH, &action, NULL);
    int rc = ssh_pool_shell(ssh_pool, connection, terminal, status, err);
    if (raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    return rc;
}

/* ---- the command ---- */

/* Joins the words with blanks for the remote shell, as ssh does. */
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
    struct ssh_pool_terminal terminal = {.command = line_of(inv),
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
    if (ssh_pool_open(route->ssh_pool, route->connection, &err))
        return invocation_fail(inv, &err);
    route_note_trusted(inv, workspace);
    if (in_terminal(route->ssh_pool, route->connection, &terminal, &status, &err))
        return invocation_fail(inv, &err);
    return status;
}

static int cmd_ssh_run(struct invocation *inv)
{
    return route_run(inv, cmd_ssh_go);
}

static const struct option options[] = {
    {'t', "terminal", .kind = OPTION_FLAG, .offset = offsetof(struct ssh_settings, terminal)},
};

const struct command cmd_ssh = {
    .name = "ssh",
    .args = "CONNECTION [COMMAND...]",
    .sets = {OWN_OPTIONS(options), &options_stack},
    .settings_size = sizeof(struct ssh_settings),
    .min_args = 1,
    .max_args = -1,
    .completes = COMPLETES_CONNECTION,
    .run = cmd_ssh_run,
};

/* ---- weir tunnel: a local port that is forwarded until the user ends it ---- */

struct tunnel_settings {
    struct settings shared;
    const char *to;
};

/* Default ports of provider types. */
static const struct {
    const char *kind;
    int port;
} usual[] = {{"postgres", 5432}, {"ssh", 22}, {"host", 22}};

static int usual_port(struct str kind)
{
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (str_eqz(kind, usual[i].kind))
            return usual[i].port;
    return 0;
}

/* Parses HOST:PORT, [ADDRESS]:PORT, or the path of a socket. */
static bool parse_target(struct str text, struct str *host, int *port)
{
    ptrdiff_t colon = (ptrdiff_t)text.n;
    int64_t number = 0;
    *host = text;
    *port = 0;
    if (str_starts(text, STR("/")))
        return true;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || !str_to_int(str_slice(text, (size_t)colon, text.n), &number) || number < 1 ||
        number > 65535)
        return false;
    *host = str_slice(text, 0, (size_t)colon - 1);
    if (str_starts(*host, STR("[")) && str_ends(*host, STR("]")))
        *host = str_slice(*host, 1, host->n - 1);
    *port = (int)number;
    return true;
}

/* Takes the target from the settings: a provider's server, or the SSH server of a connection. */
static bool target_of(struct invocation *inv UNUSED, struct route *route, struct str *host, int *port)
{
    const struct value *given = value_getz(route->settings, "port");
    int64_t number = usual_port(route->kind);
    *host = value_gets(route->settings, "host");
    if (given && given->kind == VALUE_INT)
        number = given->integer;
    else if (given && given->kind == VALUE_STRING)
        str_to_int(given->string, &number);
    *port = (int)number;
    if (!route->is_provider) /* through the connection's own connection */
        route->connection = value_gets(route->settings, "via");
    return host->n && *port && route->connection.n;
}

static int hold(struct invocation *inv, struct workspace *workspace, const struct route *route,
    struct str host, int port, int wanted)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    int local_port;
    signals_catch();
    if (ssh_pool_forward_at(route->ssh_pool, route->connection, host, port, wanted, &local_port, &err))
        return invocation_fail(inv, &err);
    route_note_trusted(inv, workspace);
    if (inv->settings->json) {
        buf_addf(&out, "{\"event\":\"tunnel\",\"port\":%d", local_port);
        json_write_member(&out, "host", host);
        buf_addf(&out, ",\"to\":%d", port);
        json_write_member(&out, "via", route->connection);
        buf_addz(&out, "}\n");
    } else {
        buf_addf(&out, "127.0.0.1:%d leads to %.*s", local_port, STR_ARG(host));
        if (port) /* a socket has no port */
            buf_addf(&out, ":%d", port);
        buf_addf(&out, " by \"%.*s\"; Ctrl-C ends it\n", STR_ARG(route->connection));
    }
    int status = invocation_write(inv, buf_str(&out));
    while (status == EXIT_DONE && !atomic_load(signals_stop()))
        clock_sleep_ms(100);
    return status;
}

static int cmd_tunnel_go(struct invocation *inv, struct workspace *workspace, struct route *route)
{
    const struct tunnel_settings *own = inv->own;
    struct str host;
    int port = 0;
    int64_t wanted = 0;
    if (inv->args.n > 1 && (!str_to_int(inv->args.items[1], &wanted) || wanted < 1 || wanted > 65535))
        return invocation_usage(inv, "a number from 1 to 65535; without it, one that is free",
            "\"%.*s\" is not a port", STR_ARG(inv->args.items[1]));
    if (own->to && !parse_target(str_z(own->to), &host, &port))
        return invocation_usage(inv, "the address as seen from the connection's host: --to db.internal:5432",
            "\"%s\" is not a HOST:PORT", own->to);
    if (!own->to && !target_of(inv, route, &host, &port))
        return invocation_usage(inv, "for example: --to db.internal:5432",
            "the tunnel through \"%.*s\" needs a target", STR_ARG(inv->args.items[0]));
    return hold(inv, workspace, route, host, port, (int)wanted);
}

static int cmd_tunnel_run(struct invocation *inv)
{
    return route_run(inv, cmd_tunnel_go);
}

static const struct option tunnel_options[] = {
    {0, "to", .value = "HOST:PORT", .kind = OPTION_TEXT, .offset = offsetof(struct tunnel_settings, to)},
};

const struct command cmd_tunnel = {
    .name = "tunnel",
    .args = "NAME [LOCAL_PORT]",
    .sets = {OWN_OPTIONS(tunnel_options), &options_json, &options_stack},
    .settings_size = sizeof(struct tunnel_settings),
    .min_args = 1,
    .max_args = 2,
    .completes = COMPLETES_CONNECTION,
    .run = cmd_tunnel_run,
};
