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
    int status = invocation_open(inv, NULL, &workspace);
    return status != EXIT_DONE ? status : deploy(inv, &workspace);
}

const struct command cmd_deploy = {
    .name = "deploy",
    .args = "[JOB...]",
    .summary = "package, upload and register changed job code",
    .details = "An apply of artifacts (weir.artifact) and of the resources that refer to them, and of "
               "nothing else. What these need besides has to be there already: a new bucket or role "
               "takes `weir apply`. Only they are looked at, so this takes about as long as the "
               "upload.\n\n"
               "JOB is the address of a job, of one of its instances, of an artifact or of a module. A "
               "job's name at the service works too. A job is deployed with its artifacts; other jobs "
               "stay as they are. An artifact is deployed with all that uses it. What refers to a "
               "deployed job or artifact follows where it has to: the role that may read the script, "
               "the alias that moves to a new version.\n\n"
               "A rollback ends here: what was rolled back goes to what the sources say.",
    .sets = {&options_deploy, &options_approve, &options_change, &options_partial, &options_json,
        &options_stack},
    .max_args = -1,
    .completes = COMPLETES_JOB,
    .examples = {{"weir deploy", "all artifacts, and what uses them"},
        {"weir deploy csv_to_trusted --yes", "one job with its script, without a question"},
        {"weir deploy ingest_code", "one artifact, and all that uses it"}},
    .run = cmd_deploy_run,
};
