#include "cmd/command.h"
#include "cmd/sandboxed.h"

#include "base/clock.h"
#include "provider/sandbox/sandbox.h"

#include <signal.h>
#include <unistd.h>

enum { DEFAULT_PORT = 4566 };

struct sandbox_settings {
    struct settings shared;
    const char *port, *dir, *bind, *speed, *faults;
    bool ephemeral;
};

/* Ready for eval: every AWS client that starts from this shell speaks to the sandbox. */
static int print_env(struct invocation *inv, int port)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addf(&out, "export AWS_ENDPOINT_URL=http://127.0.0.1:%d\n", port);
    buf_addz(&out, "export AWS_ACCESS_KEY_ID=" SANDBOX_ACCESS_KEY "\n"
                   "export AWS_SECRET_ACCESS_KEY=" SANDBOX_SECRET_KEY "\n"
                   "export AWS_REGION=us-east-1\n"
                   "export AWS_DEFAULT_REGION=us-east-1\n"
                   "unset AWS_SESSION_TOKEN AWS_PROFILE\n");
    return invocation_write(inv, buf_str(&out));
}

/* Waits for the signal that ends it; they are blocked in every thread of the server. */
static void wait_for_end(const sigset_t *signals)
{
    int number;
    while (sigwait(signals, &number) != 0)
        ;
}

/* 0 is any free port. */
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

static int serve(struct invocation *inv, int port)
{
    const struct sandbox_settings *own = inv->own;
    double speed = 1;
    int usage = read_speed(inv, &speed);
    if (usage != EXIT_DONE)
        return usage;
    struct sandbox_options options = {.dir = own->dir,
        .bind = own->bind,
        .port = (uint16_t)port,
        .tells_port = !own->bind,
        .ephemeral = own->ephemeral,
        .speed = speed,
        .schedules = true,
        .faults_file = own->faults,
        .specs_dir = inv->settings->specs};
    if (!own->dir && !own->ephemeral)
        options.dir = ".weir/sandbox";
    sigset_t signals;
    struct sigaction hangup;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN) /* as nohup wants it */
        sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct err err = ERR_INIT;
    struct sandbox *sandbox;
    if (sandbox_start(&options, &sandbox, &err))
        return invocation_fail(inv, &err);
    invocation_note(inv,
        "The sandbox serves S3 and every service of the specs on port %u, from %s. Clients reach it with:",
        (unsigned)sandbox_port(sandbox), sandbox_dir(sandbox));
    int status = print_env(inv, sandbox_port(sandbox));
    if (status == EXIT_DONE)
        wait_for_end(&signals);
    sandbox_stop(sandbox);
    return status;
}

static int run(struct invocation *inv)
{
    int port = DEFAULT_PORT, status = read_port(inv, &port);
    if (status != EXIT_DONE)
        return status;
    if (!inv->args.n)
        return serve(inv, port);
    if (str_eqz(inv->args.items[0], "env"))
        return print_env(inv, port);
    return invocation_usage(inv, "it is `weir sandbox` or `weir sandbox env`",
        "weir sandbox does not take \"%.*s\"", STR_ARG(inv->args.items[0]));
}

static const struct option options[] = {
    {'p', "port", .value = "PORT", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, port),
        .doc = "where to listen (default: 4566; 0: any free port)"},
    {0, "dir", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, dir),
        .completes = COMPLETES_DIR, .doc = "where its data is kept (default: .weir/sandbox)"},
    {0, "ephemeral", .offset = offsetof(struct sandbox_settings, ephemeral),
        .doc = "keep nothing after the end, and do not wait for the disk"},
    {0, "specs", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, specs),
        .completes = COMPLETES_DIR, .doc = "folder with specs of resource types, over the built-in ones"},
    {0, "speed", .value = "FACTOR", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, speed),
        .doc = "let what takes its time pass faster: a database that is being made, a state machine that "
               "waits, a schedule"},
    {0, "faults", .value = "FILE", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, faults),
        .doc = "make requests fail by the rules in this file (see docs/sandbox.md)"},
    {0, "bind", .value = "ADDRESS", .kind = OPTION_TEXT, .offset = offsetof(struct sandbox_settings, bind),
        .doc = "numeric address to listen on (default: 127.0.0.1)"},
};
static const struct option_set own_set = OPTION_SET(NULL, options);
static const struct option_set *const sets[] = {&own_set, NULL};
static const struct command_example examples[] = {
    {"weir sandbox", "serve until Ctrl-C, with the data in .weir/sandbox"},
    {"eval \"$(weir sandbox env)\"", "point this shell's AWS clients at it"},
    {"weir --sandbox apply", "or without a server of its own: a command with the sandbox in it"},
    {NULL, NULL},
};

const struct command cmd_sandbox = {
    .name = "sandbox",
    .args = "[env]",
    .summary = "serve the embedded cloud",
    .details = "Serves S3 and every service that the specs describe on one loopback port, so that a stack "
               "can be tried without an "
               "account. Signatures are checked; the keys are those that \"weir sandbox env\" prints.",
    .sets = sets,
    .settings_size = sizeof(struct sandbox_settings),
    .max_args = 1,
    .examples = examples,
    .run = run,
};
