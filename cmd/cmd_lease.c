/* weir lease: shows, extends and ends the stack's lease. */
#include "cmd/planning/planning.h"
#include "plan/evaluate/lease.h"

/* Services report whole seconds, and responses are delayed, so a later lookup may see an earlier time. An
 * ended lease is set this far into the past, so that every later lookup sees it as ended. */
enum { CLOCK_GRAIN_MS = 5000 };

/* The end of the year 9999: years of five digits cannot be parsed. */
static const int64_t LAST_END_MS = 253402300799000;

/* ---- show ---- */

static int no_lease(struct invocation *inv, struct err *err)
{
    err_set(err, ERR_ABSENT, "this stack has no lease: it does not expire");
    err_hint(err, "`lease: {for: 8h}` in the stack or `weir apply --for 8h` begins one");
    return invocation_fail(inv, err);
}

static void add_remaining(struct buf *out, int64_t left_ms)
{
    buf_addz(out, left_ms > 0 ? "in " : "");
    text_add_duration(out, left_ms > 0 ? left_ms : -left_ms);
    buf_addz(out, left_ms > 0 ? "" : " ago");
}

static int show(struct invocation *inv, struct workspace *workspace)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct lease lease = state_lease(workspace->state);
    bool by_service;
    int64_t left_ms = lease.until_ms - plan_now(workspace, &by_service);
    struct str until = lease_text(&inv->arena, &lease);
    if (inv->settings->json) {
        buf_addf(&out,
            "{\"event\":\"lease\",\"until\":\"%.*s\",\"left_ms\":%lld,\"ended\":%s,\"extend\":%s,"
            "\"clock\":\"%s\"}\n",
            STR_ARG(until), (long long)left_ms, left_ms <= 0 ? "true" : "false",
            lease.fixed ? "false" : "true", by_service ? "service" : "machine");
        return invocation_write(inv, buf_str(&out));
    }
    bool soon = lease.warn_ms && left_ms <= lease.warn_ms;
    buf_addf(&out, "The lease %s at %.*s, ", left_ms > 0 ? "ends" : "ended", STR_ARG(until));
    style_on(&out, inv->out.color, soon || left_ms <= 0 ? STYLE_RED : STYLE_PLAIN);
    add_remaining(&out, left_ms);
    style_off(&out, inv->out.color, soon || left_ms <= 0 ? STYLE_RED : STYLE_PLAIN);
    buf_addf(&out, "%s%s.\n", lease.fixed ? "; it cannot be extended" : "",
        by_service ? "" : ", by this machine's clock");
    return invocation_write(inv, buf_str(&out));
}

static int run_show(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    int status = invocation_open(inv, NULL, &workspace);
    if (status != EXIT_DONE)
        return status;
    return state_lease(workspace.state).until_ms ? show(inv, &workspace) : no_lease(inv, ERR_IGNORED);
}

/* ---- extend, end ---- */

static int set_lease(
    struct invocation *inv, struct workspace *workspace, const struct lease *next, bool shorter)
{
    struct err err = ERR_INIT;
    int failed = plan_lease(workspace, next, shorter, &inv->diags, &err);
    int status = invocation_diags(inv);
    if (failed)
        return err.class == ERR_NONE ? (status == EXIT_DONE ? EXIT_FAILED : status)
                                     : invocation_fail(inv, &err);
    return show(inv, workspace);
}

static int extend(struct invocation *inv, struct workspace *workspace)
{
    struct lease lease = state_lease(workspace->state);
    struct err err = ERR_INIT;
    int64_t more_ms = workspace->stack->lease.for_ms;
    bool by_service;
    if (!lease.until_ms)
        return no_lease(inv, &err);
    if (inv->args.n && !duration_parse(inv->args.items[0], &more_ms))
        return invocation_usage(
            inv, "such as 30m, 8h or 2d12h", "\"%.*s\" is not a duration", STR_ARG(inv->args.items[0]));
    if (!inv->args.n && !more_ms)
        return invocation_usage(inv, "weir lease extend 2h", "the stack does not say for how long");
    if (lease.fixed && more_ms) {
        err_set(&err, ERR_INVALID, "the lease of this stack cannot be extended: it says `extend: false`");
        return invocation_fail(inv, &err);
    }
    int64_t now_ms = plan_now(workspace, &by_service);
    if (more_ms) /* 0 only writes the tags again */
        lease.until_ms = (lease.until_ms > now_ms ? lease.until_ms : now_ms) + more_ms;
    if (lease.until_ms > LAST_END_MS)
        return invocation_usage(inv, NULL, "a lease ends before the year 10000");
    return set_lease(inv, workspace, &lease, false);
}

static int end(struct invocation *inv, struct workspace *workspace)
{
    struct lease lease = state_lease(workspace->state);
    bool by_service;
    if (!lease.until_ms)
        return no_lease(inv, ERR_IGNORED);
    int64_t now_ms = plan_now(workspace, &by_service) - CLOCK_GRAIN_MS;
    if (lease.until_ms > now_ms)
        lease.until_ms = now_ms;
    return set_lease(inv, workspace, &lease, true);
}

static int locked(struct invocation *inv, int (*change)(struct invocation *, struct workspace *))
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    int status = invocation_open(inv, NULL, &workspace);
    if (status != EXIT_DONE)
        return status;
    status = planning_lock(inv, &workspace);
    return status != EXIT_DONE ? status : change(inv, &workspace);
}

static int run_extend(struct invocation *inv)
{
    return locked(inv, extend);
}

static int run_end(struct invocation *inv)
{
    return locked(inv, end);
}

/* ---- the commands ---- */

static const struct command lease_show_command = {
    .name = "show",
    .sets = {&options_json, &options_stack},
    .run = run_show,
};
static const struct command lease_extend_command = {
    .name = "extend",
    .args = "[TIME]",
    .sets = {&options_lock, &options_json, &options_stack},
    .max_args = 1,
    .run = run_extend,
};
static const struct command lease_end_command = {
    .name = "end",
    .sets = {&options_lock, &options_json, &options_stack},
    .run = run_end,
};
static const struct command *const subs[] = {
    &lease_show_command, &lease_extend_command, &lease_end_command, NULL};

const struct command cmd_lease = {
    .name = "lease",
    .subs = subs,
};
