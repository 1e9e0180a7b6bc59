/* A local port that leads through a connection, for as long as a person wants it. */
#include "base/clock.h"
#include "base/json.h"
#include "cmd/invocation/invocation.h"
#include "cmd/terminal/signals.h"
#include "provider/ssh/connections.h"

struct tunnel_settings {
    struct settings shared;
    const char *to;
};

/* Where providers of a kind listen unless another address is given. */
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

/* HOST:PORT, [ADDRESS]:PORT, or the path of a socket. */
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

/* As the settings say it: of a provider what it speaks to, of a connection the SSH server that it ends at. */
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
    if (!route->is_provider) /* through what it goes by itself */
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
    if (reach_forward_at(route->reach, route->connection, host, port, wanted, &local_port, &err))
        return invocation_fail(inv, &err);
    reaching_tell(inv, workspace);
    if (inv->settings->json) {
        buf_addf(&out, "{\"event\":\"tunnel\",\"port\":%d", local_port);
        json_write_member(&out, "host", host);
        buf_addf(&out, ",\"to\":%d", port);
        json_write_member(&out, "via", route->connection);
        buf_addz(&out, "}\n");
    } else {
        buf_addf(&out, "127.0.0.1:%d leads to %.*s", local_port, STR_ARG(host));
        if (port) /* a socket has none */
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
        return invocation_usage(
            inv, "as seen from there: --to db.internal:5432", "\"%s\" is not a place", own->to);
    if (!own->to && !target_of(inv, route, &host, &port))
        return invocation_usage(inv, "say it: --to db.internal:5432",
            "where \"%.*s\" is to lead is not known", STR_ARG(inv->args.items[0]));
    return hold(inv, workspace, route, host, port, (int)wanted);
}

static int cmd_tunnel_run(struct invocation *inv)
{
    return reaching_run(inv, cmd_tunnel_go);
}

static const struct option options[] = {
    {0, "to", .value = "HOST:PORT", .kind = OPTION_TEXT, .offset = offsetof(struct tunnel_settings, to)},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command cmd_tunnel = {
    .name = "tunnel",
    .args = "NAME [LOCAL_PORT]",
    .sets = {&own_set, &options_json, &options_stack},
    .settings_size = sizeof(struct tunnel_settings),
    .min_args = 1,
    .max_args = 2,
    .completes = COMPLETES_CONNECTION,
    .run = cmd_tunnel_run,
};
