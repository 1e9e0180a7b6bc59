/* weir sandbox: serves the sandbox, or prints its endpoint and credentials. */
#include "cmd/invocation/invocation.h"
#include "cmd/invocation/kinds.h"

#include "provider/http/target.h"
#include "stacks/load/files.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEFAULT_PORT = 4566 };

struct sandbox_settings {
    struct settings shared;
    const char *port, *dir, *bind, *speed, *faults, *iam, *role;
    struct texts hosts;
    bool ephemeral, console, console_write;
};

/* Returns the shell's region, as --sandbox uses it. Only values that need no quotes. */
static struct str shell_region(void)
{
    const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *region = getenv(variables[i]);
        if (region && *region && region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0')
            return str_z(region);
    }
    return STR("us-east-1");
}

/* Prints shell commands for eval, so that every AWS client started from this shell uses the sandbox. */
static int write_env(
    struct invocation *inv, struct str endpoint, const struct sandbox_key *key, struct str token)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addf(&out,
        "export AWS_ENDPOINT_URL=%.*s\nexport AWS_ACCESS_KEY_ID=%.*s\nexport AWS_SECRET_ACCESS_KEY=%.*s\n",
        STR_ARG(endpoint), STR_ARG(key->access_key), STR_ARG(key->secret_key));
    struct str region = shell_region();
    buf_addf(
        &out, "export AWS_REGION=%.*s\nexport AWS_DEFAULT_REGION=%.*s\n", STR_ARG(region), STR_ARG(region));
    if (token.n)
        buf_addf(&out, "export AWS_SESSION_TOKEN=%.*s\n", STR_ARG(token));
    buf_addz(&out, token.n ? "unset AWS_PROFILE\n" : "unset AWS_SESSION_TOKEN AWS_PROFILE\n");
    return invocation_write(inv, buf_str(&out));
}

static struct str endpoint_of(struct invocation *inv, struct str host, int port)
{
    bool bare_v6 = str_find_char(host, ':', 0) >= 0 && host.p[0] != '[';
    return arena_printf(&inv->arena, bare_v6 ? "http://[%.*s]:%d" : "http://%.*s:%d", STR_ARG(host), port);
}

/* Returns the port of "http://host:4566", which sandbox_served() has validated. */
static int port_of(struct str endpoint)
{
    int64_t port = 0;
    size_t at = str_after_last(endpoint, ":");
    return str_to_int(str_slice(endpoint, at, endpoint.n), &port) ? (int)port : 0;
}

static void note_reach(struct invocation *inv)
{
    invocation_note(inv,
        "Whoever has these keys can run programs as you, on the machine that serves: give them only to "
        "people whom you would give a shell. It is plain HTTP: the secret key is never sent, but all else "
        "can be "
        "read and altered on the way, so use a network that you trust, or a tunnel (ssh -L). Where weir is "
        "the client, its provider settings need `insecure: true`.");
}

/* Checks that --host is a name or an address as in URLs. */
static int check_hosts(struct invocation *inv)
{
    const struct sandbox_settings *own = inv->own;
    for (size_t i = 0; i < own->hosts.n; i++) {
        struct str host = own->hosts.items[i], url = endpoint_of(inv, host, 1);
        struct http_target target;
        struct in6_addr v6;
        bool colons = str_find_char(host, ':', 0) >= 0;
        if (http_target_parse(url, &target, ERR_IGNORED) || target.rest.n > 1 ||
            !str_ends(target.authority, STR(":1")) ||
            (colons && inet_pton(AF_INET6, arena_strz(&inv->arena, target.host), &v6) != 1))
            return invocation_usage(inv, "such as class.local or 192.168.1.20",
                "--host takes a name or an address, not \"%.*s\"", STR_ARG(host));
    }
    return EXIT_DONE;
}

/* Prints the environment for a role, given by ARN or name. */
static int write_role_env(struct invocation *inv, struct str endpoint, const struct sandbox_key *key)
{
    const struct sandbox_settings *own = inv->own;
    struct str role = path_base(str_z(own->role));
    if (!role.n)
        return invocation_usage(inv, NULL, "--role takes a role's name or ARN, not \"%s\"", own->role);
    struct sandbox_role_key made = sandbox_role_session(&inv->arena, key, role, STR("weir-sandbox-env"));
    const struct sandbox_key session = {made.access_key, made.secret_key};
    return write_env(inv, endpoint, &session, made.token);
}

/* Prints the environment of the sandbox in a folder. If it has not been started yet, its key is created. */
static int print_env(struct invocation *inv, int port)
{
    const struct sandbox_settings *own = inv->own;
    const char *dir = own->dir ? own->dir : sandbox_folder(&inv->arena, NULL).p;
    struct sandbox_key key;
    struct err err = ERR_INIT;
    if (own->hosts.n > 1)
        return invocation_usage(inv, NULL, "`weir sandbox env` takes one --host");
    int usage = check_hosts(inv);
    if (usage != EXIT_DONE)
        return usage;
    if (sandbox_folder_key(&inv->arena, &dir, &key, &err))
        return invocation_fail(inv, &err);
    struct str endpoint = sandbox_served(&inv->arena, dir);
    int served = port_of(endpoint);
    if (!endpoint.n)
        invocation_note(inv,
            "No sandbox serves %s yet; these are its keys. `weir sandbox` starts it, --dir DIR is another.",
            dir);
    if (own->port || !endpoint.n)
        endpoint = endpoint_of(inv, STR("127.0.0.1"), port);
    if (own->hosts.n) {
        endpoint = endpoint_of(inv, own->hosts.items[0], own->port || !served ? port : served);
        note_reach(inv);
    }
    return own->role ? write_role_env(inv, endpoint, &key) : write_env(inv, endpoint, &key, STR_EMPTY);
}

/* Waits for the signal to stop; the signals are blocked in every thread of the server. */
static void wait_for_end(const sigset_t *signals)
{
    int number;
    while (sigwait(signals, &number) != 0)
        ;
}

/* 0: any free port. */
static int read_port(struct invocation *inv, int *port)
{
    const struct sandbox_settings *own = inv->own;
    int64_t number = DEFAULT_PORT;
    if (own->port && (!str_to_int(str_z(own->port), &number) || number < 0 || number > 65535))
        return invocation_usage(inv, NULL, "--port takes a number from 0 to 65535, not \"%s\"", own->port);
    *port = (int)number;
    return EXIT_DONE;
}

static int read_speed(struct invocation *inv, double *speed)
{
    const struct sandbox_settings *own = inv->own;
    if (own->speed && (!str_to_double(str_z(own->speed), speed) || !(*speed > 0)))
        return invocation_usage(inv, NULL, "--speed takes a number above 0, not \"%s\"", own->speed);
    return EXIT_DONE;
}

/* Bound to other addresses, a sandbox lets everyone with its keys run programs. */
static int consent_to_bind(struct invocation *inv)
{
    const struct sandbox_settings *own = inv->own;
    if (!sandbox_reaches_out(own->bind))
        return EXIT_DONE;
    invocation_note(inv,
        "On %s other machines reach the sandbox. Whoever has its keys can run programs as you on this one "
        "(jobs, functions), and read and change all that the sandbox has. It is plain HTTP: requests are "
        "signed and "
        "the secret key is never sent, but objects, secrets and results can be read and altered on the way.",
        own->bind);
    if (inv->settings->yes)
        return EXIT_DONE;
    return ask_consent(inv, "Open the sandbox to other machines?");
}

/* The console is only for this machine. */
static int check_console(struct invocation *inv)
{
    const struct sandbox_settings *own = inv->own;
    if ((own->console || own->console_write) && sandbox_reaches_out(own->bind))
        return invocation_usage(inv,
            "each who wants to look can forward the port: ssh -L 4566:localhost:4566 HOST",
            "--console is for this machine alone and does not go with --bind %s", own->bind);
    return EXIT_DONE;
}

static int read_iam(struct invocation *inv, enum sandbox_iam *out)
{
    static const char *const modes[] = {"on", "warn", "off"};
    const struct sandbox_settings *own = inv->own;
    *out = SANDBOX_IAM_ON;
    for (int i = 0; own->iam && i < 3; i++)
        if (!strcmp(own->iam, modes[i])) {
            *out = (enum sandbox_iam)i;
            return EXIT_DONE;
        }
    return own->iam ? invocation_usage(inv, NULL, "--iam takes on, warn or off, not \"%s\"", own->iam)
                    : EXIT_DONE;
}

static void block_signals(sigset_t *signals)
{
    struct sigaction hangup;
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN) /* started with nohup */
        sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int cmd_sandbox_serve(struct invocation *inv, int port)
{
    const struct sandbox_settings *own = inv->own;
    double speed = 1;
    enum sandbox_iam iam;
    int status = read_speed(inv, &speed);
    if (status == EXIT_DONE)
        status = read_iam(inv, &iam);
    if (status == EXIT_DONE)
        status = check_hosts(inv);
    if (status == EXIT_DONE)
        status = check_console(inv);
    if (status == EXIT_DONE)
        status = consent_to_bind(inv);
    if (status != EXIT_DONE)
        return status;
    struct sandbox_options options = {.dir = own->dir,
        .bind = own->bind,
        .port = (uint16_t)port,
        .announced = true,
        .hosts = own->hosts.items,
        .host_count = own->hosts.n,
        .ephemeral = own->ephemeral,
        .console = own->console || own->console_write,
        .console_write = own->console_write,
        .speed = speed,
        .iam = iam,
        .schedules = true,
        .faults_file = own->faults,
        .kinds = &cmd_kinds,
        .specs_dir = inv->settings->specs};
    if (!own->dir && !own->ephemeral)
        options.dir = sandbox_folder(&inv->arena, NULL).p;
    sigset_t signals;
    block_signals(&signals);
    struct err err = ERR_INIT;
    struct sandbox *sandbox;
    if (sandbox_start(&options, &sandbox, &err))
        return invocation_fail(inv, &err);
    invocation_note(inv,
        "The sandbox serves S3 and every service of the specs on port %u, from %s. Clients reach it with:",
        (unsigned)sandbox_port(sandbox), sandbox_dir(sandbox));
    struct str console = sandbox_console_address(sandbox, &inv->arena);
    if (console.n)
        invocation_note(inv, "The console, for whoever has this address:  %.*s", STR_ARG(console));
    struct sandbox_key key = sandbox_first_key(sandbox);
    struct str endpoint = own->hosts.n ? endpoint_of(inv, own->hosts.items[0], sandbox_port(sandbox))
                                       : sandbox_endpoint(sandbox, &inv->arena);
    status = write_env(inv, endpoint, &key, STR_EMPTY);
    if (status == EXIT_DONE) {
        engines_note(inv);
        wait_for_end(&signals);
    }
    sandbox_stop(sandbox);
    return status;
}

static int cmd_sandbox_run(struct invocation *inv)
{
    int port = DEFAULT_PORT, status = read_port(inv, &port);
    if (status != EXIT_DONE)
        return status;
    if (!inv->args.n)
        return cmd_sandbox_serve(inv, port);
    if (str_eqz(inv->args.items[0], "env"))
        return print_env(inv, port);
    return invocation_usage(inv, "it is `weir sandbox` or `weir sandbox env`",
        "weir sandbox does not take \"%.*s\"", STR_ARG(inv->args.items[0]));
}

static const struct option options[] = {
    {'p', "port", .value = "PORT", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, port)},
    {0, "dir", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, dir),
        .completes = COMPLETES_DIR},
    {0, "ephemeral", .offset = offsetof(struct sandbox_settings, ephemeral)},
    {0, "console", .offset = offsetof(struct sandbox_settings, console)},
    {0, "console-write", .offset = offsetof(struct sandbox_settings, console_write)},
    {0, "specs", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, specs),
        .completes = COMPLETES_DIR},
    {0, "speed", .value = "FACTOR", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, speed)},
    {0, "faults", .value = "FILE", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, faults)},
    {0, "iam", .value = "MODE", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, iam)},
    {0, "role", .value = "NAME", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, role)},
    {0, "bind", .value = "ADDRESS", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, bind)},
    {0, "host", .value = "NAME", .kind = OPTION_LIST, .offset = offsetof(struct sandbox_settings, hosts)},
    {'y', "yes", .offset = offsetof(struct settings, yes)},
};

const struct command cmd_sandbox = {
    .name = "sandbox",
    .args = "[env]",
    .sets = {OWN_OPTIONS(options)},
    .settings_size = sizeof(struct sandbox_settings),
    .max_args = 1,
    .run = cmd_sandbox_run,
};
