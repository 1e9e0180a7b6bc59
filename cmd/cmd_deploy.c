/* weir deploy: packages, uploads and registers changed job code, and nothing else. */
#include "cmd/planning/planning.h"
#include "cmd/run/jobs.h"
#include "plan/workspace/deploy.h"

/* What is named, as addresses in the stack. */
static const struct str *cmd_deploy_named(struct invocation *inv, struct workspace *workspace)
{
    struct str *names = ARENA_ARRAY(&inv->arena, struct str, inv->args.n + 1);
    for (size_t i = 0; i < inv->args.n; i++)
        names[i] = jobs_address(inv, workspace, inv->args.items[i]);
    return names;
}

/* Jobs that share an artifact with those that were named. */
static void tell_left(struct invocation *inv, struct workspace *workspace, const struct plan_options *options)
{
    size_t n;
    const struct str *left = deploy_left(workspace, &inv->arena, options->targets, options->target_count, &n);
    for (size_t i = 0; i < n && !inv->settings->json; i++)
        invocation_note(inv, "%.*s uses one of these artifacts, too; it keeps the version that it has.",
            STR_ARG(left[i]));
}

struct deploying {
    struct invocation *inv;
    struct workspace *workspace;
    struct plan_options options;
};

static int make_plan_of_jobs(void *ctx, struct plan **plan)
{
    struct deploying *d = ctx;
    int status = planning_make_alone(d->inv, d->workspace, &d->options, plan);
    if (status == EXIT_DONE && d->options.leave_jobs && plan_has_changes(*plan))
        tell_left(d->inv, d->workspace, &d->options);
    return status;
}

static int deploy(struct invocation *inv, struct workspace *workspace)
{
    struct deploying d = {inv, workspace, {.latest = true, .leave_jobs = inv->args.n > 0}};
    struct plan *plan;
    struct err err = ERR_INIT;
    int status = planning_share(inv, workspace);
    if (status != EXIT_DONE)
        return status;
    if (deploy_targets(workspace, &inv->arena, cmd_deploy_named(inv, workspace), inv->args.n,
            &d.options.targets, &d.options.target_count, &err))
        return invocation_fail(inv, &err);
    status = planning_change(
        inv, &(struct planning_round){make_plan_of_jobs, &d, "Do you want to deploy this?", false}, &plan);
    plan_free(plan);
    return status;
}

static int cmd_deploy_run(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct wanted_part part = {.targets = inv->args.items, .n = inv->args.n, .alone = true};
    int status = invocation_open(inv, &(struct workspace_options){.part = &part}, &workspace);
    return status != EXIT_DONE ? status : deploy(inv, &workspace);
}

const struct command cmd_deploy = {
    .name = "deploy",
    .args = "[JOB...]",
    .sets = {&options_deploy, &options_approve, &options_change, &options_partial, &options_json,
        &options_stack},
    .max_args = -1,
    .completes = COMPLETES_JOB,
    .run = cmd_deploy_run,
};
