/* Commands, files and shells on a host. */
#include "base/clock.h"
#include "base/mem.h"
#include "provider/ssh/connections_internal.h"

enum { OUTPUT_MAX = 16 << 20, ERROR_MAX = 64 << 10 };

void reach_result_release(struct reach_result *result)
{
    buf_release(&result->output);
    buf_release(&result->error);
}

static void take_result(struct flow *flow, struct reach_result *result)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"HUP", 1}, {"INT", 2}, {"QUIT", 3}, {"ABRT", 6}, {"KILL", 9}, {"SEGV", 11}, {"PIPE", 13},
        {"TERM", 15}};
    result->status = flow->status;
    memcpy(result->signal, flow->signal, sizeof result->signal);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (!strcmp(flow->signal, signals[i].name))
            result->status = 128 + signals[i].number;
    buf_release(&result->output);
    buf_release(&result->error);
    result->output = flow->output[0];
    result->error = flow->output[1];
    flow->output[0] = flow->output[1] = (struct buf)BUF_INIT;
}

static int run_flow(struct reach *reach, struct wire *wire, struct flow *flow, int64_t timeout_ms,
    const atomic_bool *cancel, struct err *err)
{
    int64_t deadline_ms = timeout_ms ? clock_mono_ms() + timeout_ms : 0;
    flow_start(reach->net, wire, flow);
    if (!flow_wait(reach->net, flow, deadline_ms, cancel)) {
        flow_abort(reach->net, flow);
        if (flow->err.class == ERR_INTERRUPTED && !cancel_is_set(cancel))
            err_set(&flow->err, ERR_TIMEOUT, "no end after %lld s", (long long)(timeout_ms / 1000));
        flow->err.lost = flow->began;
    }
    if (flow->err.class != ERR_NONE) {
        *err = flow->err;
        return -1;
    }
    return 0;
}

int reach_exec_on(struct reach *reach, struct wire *wire, const struct reach_command *command,
    struct reach_result *result, struct err *err)
{
    AUTO_FREE char *line = mem_memdup0(command->command.p, command->command.n);
    struct flow flow = {.kind = FLOW_COMMAND,
        .command = line,
        .in = -1,
        .out = -1,
        .error = -1,
        .input = command->input,
        .input_count = command->input_count,
        .output = {{.max = command->output_max ? command->output_max : OUTPUT_MAX},
            {.max = command->error_max ? command->error_max : ERROR_MAX}}};
    int rc = run_flow(reach, wire, &flow, command->timeout_ms, command->cancel, err);
    if (!rc && flow.status < 0)
        rc = err_set(err, ERR_PROTOCOL, "the command ended without a status");
    take_result(&flow, result);
    if (!rc && result->output.overflow)
        rc = err_set(err, ERR_PROTOCOL, "the command printed more than %zu bytes", result->output.max);
    return rc;
}

int reach_exec(struct reach *reach, struct str connection, const struct reach_command *command,
    struct reach_result *result, struct err *err)
{
    for (int turn = 0;; turn++) {
        struct wire *wire;
        struct err why = ERR_INIT;
        if (reach_wire(reach, connection, &wire, err))
            return -1;
        if (!reach_exec_on(reach, wire, command, result, &why))
            return 0;
        bool lost_it = why.class == ERR_NETWORK;
        if (lost_it && turn == 0 && (!why.lost || command->repeatable))
            continue;
        *err = why;
        return err_context(err, "connection \"%.*s\"", STR_ARG(connection));
    }
}

/* ---- for a person ---- */

int reach_shell(struct reach *reach, struct str connection, const struct reach_terminal *terminal,
    int *status, struct err *err)
{
    enum { LOOK_MS = 100 };
    struct wire *wire;
    if (reach_wire(reach, connection, &wire, err))
        return -1;
    AUTO_FREE char *line = mem_memdup0(terminal->command.p, terminal->command.n);
    struct flow flow = {.kind = FLOW_SHELL,
        .command = line,
        .terminal = terminal,
        .in = terminal->in,
        .out = terminal->out,
        .error = terminal->error};
    flow_start(reach->net, wire, &flow);
    while (!flow_wait(reach->net, &flow, clock_mono_ms() + LOOK_MS, terminal->cancel)) {
        if (cancel_is_set(terminal->cancel)) {
            flow_abort(reach->net, &flow);
            break;
        }
        if (terminal->resized && atomic_load(terminal->resized))
            net_wake(reach->net);
    }
    AUTO_REACH_RESULT struct reach_result result = REACH_RESULT_INIT;
    take_result(&flow, &result);
    *status = result.status < 0 ? 255 : result.status;
    if (flow.err.class == ERR_NONE)
        return 0;
    *err = flow.err;
    return err_context(err, "connection \"%.*s\"", STR_ARG(connection));
}
