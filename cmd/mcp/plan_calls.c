/* The tools that share a plan: what was planned, shown and is applied is the same. */
#include "cmd/mcp/tool.h"

#include "base/hash.h"

/* False: it failed, and the assistant was told; or nobody wants to know. */
static bool did_run(struct call *call, struct run *run)
{
    struct err err = ERR_INIT;
    if (run_command(call, run, &err)) {
        answer_refusal(call, "%s", err.message);
        return false;
    }
    return !call->cancelled;
}

void call_plan(struct call *call, const struct tool *tool, const struct value *args)
{
    AUTO_RUN struct run run = {0};
    struct plan_kept *plan = &call->mcp->plan;
    buf_clear(&plan->saved);
    buf_clear(&plan->events);
    plan->shown = 0;
    run.saved = &plan->saved;
    tool_words(call, &run, tool, args);
    if (!did_run(call, &run))
        return;
    buf_add_str(&plan->events, buf_str(&run.out));
    if (run.status != EXIT_DONE)
        buf_clear(&plan->saved);
    struct str hash = sha256_hex(call->arena, buf_str(&plan->saved));
    memcpy(plan->hash, hash.p, PLAN_HASH);
    answer_plan(call, &run, (size_t)value_geti(args, "from", 0));
}

/* Is it the last one? Otherwise the assistant is told. */
static bool is_last_plan(struct call *call, struct str hash)
{
    const struct plan_kept *plan = &call->mcp->plan;
    if (plan->saved.n && str_eqz(hash, plan->hash))
        return true;
    answer_refusal(call, "%s",
        plan->saved.n ? "this is not the hash of the last plan" : "there is no plan: call plan first");
    return false;
}

void call_command(struct call *call, const struct tool *tool, const struct value *args)
{
    AUTO_RUN struct run run = {0};
    tool_words(call, &run, tool, args);
    if (did_run(call, &run))
        answer_tool(call, &run, !tool->text, (size_t)value_geti(args, "from", 0));
}

void call_show(struct call *call, const struct tool *tool, const struct value *args)
{
    struct str hash = value_gets(args, "plan");
    if (!hash.n == !value_gets(args, "address").n)
        answer_refusal(call, "show takes either an address or the hash of a plan");
    else if (!hash.n)
        call_command(call, tool, args);
    else if (is_last_plan(call, hash))
        answer_plan(call, &(struct run){0}, (size_t)value_geti(args, "from", 0));
}

static bool is_shown(const struct plan_kept *plan)
{
    size_t lines = 0;
    for (size_t i = 0; i < plan->events.n; i++)
        lines += plan->events.p[i] == '\n';
    return plan->shown >= lines;
}

/* A plan is applied once: whatever becomes of it, the next one looks at what is there then. */
void call_apply(struct call *call, const struct tool *tool, const struct value *args)
{
    AUTO_RUN struct run run = {0};
    struct plan_kept *plan = &call->mcp->plan;
    if (!is_last_plan(call, value_gets(args, "plan")))
        return;
    if (!is_shown(plan)) {
        answer_refusal(
            call, "there is more of this plan: call show with its hash and `from` %zu", plan->shown);
        return;
    }
    run.plan = buf_str(&plan->saved);
    tool_words(call, &run, tool, args);
    bool answered = did_run(call, &run);
    buf_clear(&plan->saved);
    if (answered)
        answer_tool(call, &run, true, ANSWER_END);
}
