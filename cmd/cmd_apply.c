/* weir apply: makes a plan or reads a saved one, shows it, asks for confirmation and executes it. weir
 * deploy: the same for changed job code only. */
#include "cmd/planning/planning.h"
#include "cmd/repository/repository.h"
#include "cmd/run/jobs.h"
#include "plan/workspace/deploy.h"

/* Refuses options that belong to "weir plan". */
static int check_given(struct invocation *inv)
{
    const struct settings *given = inv->settings;
    if (planning_teardown(given) || given->delete_adopted)
        return invocation_usage(
            inv, NULL, "a saved plan is applied as it is: give the options of deletions to \"weir plan\"");
    if (given->shard)
        return invocation_usage(
            inv, NULL, "the plan says which stacks it is of: --shard belongs to \"weir plan\"");
    if (given->targets.n || given->replaces.n || given->no_refresh || given->quick_refresh)
        return invocation_usage(inv, NULL,
            "a saved plan is applied as it is: --target, --replace, --no-refresh and --quick-refresh belong "
            "to \"weir plan\"");
    if (given->to || given->changed)
        return invocation_usage(inv, NULL, "a saved plan is applied as it is: %s belongs to \"weir plan\"",
            given->to ? "--to" : "--changed");
    return EXIT_DONE;
}

/* Uses the environment, run (--to) and inputs of the saved plan; further inputs (sensitive ones) may be
 * given. */
static int take_saved(
    struct invocation *inv, const struct saved_plan *saved, struct workspace_options *wanted)
{
    const struct settings *given = inv->settings;
    struct str env = saved_plan_env(saved);
    if (given->env && !str_eqz(env, given->env))
        return invocation_usage(inv, NULL, "the plan was made for %s%.*s%s, not for environment \"%s\"",
            env.n ? "environment \"" : "no environment", STR_ARG(env), env.n ? "\"" : "", given->env);
    size_t n;
    const struct str *inputs = saved_plan_inputs(saved, &n);
    struct str *all = ARENA_ARRAY(&inv->arena, struct str, n + given->inputs.n + 1);
    for (size_t i = 0; i < n; i++)
        all[i] = arena_str(&inv->arena, inputs[i]);
    for (size_t i = 0; i < given->inputs.n; i++)
        all[n + i] = given->inputs.items[i];
    wanted->stack.inputs = all;
    wanted->stack.input_count = n + given->inputs.n;
    struct settings *settings = inv->own;
    settings->env = arena_strz(&inv->arena, env);
    if (saved_plan_to(saved).n)
        settings->to = arena_strz(&inv->arena, saved_plan_to(saved));
    return EXIT_DONE;
}

struct cmd_apply {
    struct invocation *inv;
    struct workspace workspace;
    struct saved_plan *saved;
};

static int make_plan_of_all(void *ctx, struct plan **plan)
{
    struct cmd_apply *a = ctx;
    return planning_make(a->inv, &a->workspace, false, a->saved, plan);
}

static int plan_and_apply(
    struct invocation *inv, const struct workspace_options *wanted, struct saved_plan *saved)
{
    struct cmd_apply a = {.inv = inv, .saved = saved};
    struct plan *plan = NULL;
    int status = planning_open(inv, wanted, &a.workspace);
    if (status == EXIT_DONE)
        status = planning_share(inv, &a.workspace);
    if (status == EXIT_DONE)
        status = planning_change(inv,
            &(struct planning_round){
                make_plan_of_all, &a, "Do you want to apply these changes?", saved != NULL},
            &plan);
    plan_free(plan);
    workspace_close(&a.workspace);
    return status;
}

static int apply_one(struct invocation *inv, const char *path)
{
    struct workspace_options wanted = {0};
    struct saved_plan *saved = NULL;
    struct err err = ERR_INIT;
    if (saved_plan_read(path, &saved, &err) < 0)
        return invocation_fail(inv, &err);
    int status = take_saved(inv, saved, &wanted);
    if (status == EXIT_DONE)
        status = plan_and_apply(inv, &wanted, saved);
    saved_plan_free(saved);
    return status;
}

static int apply_file(struct invocation *inv, const char *path)
{
    const struct settings *given = inv->settings;
    struct saved_plans *many = NULL;
    struct err err = ERR_INIT;
    int status = check_given(inv);
    if (status != EXIT_DONE)
        return status;
    if (saved_plans_read(path, &many, &err))
        return invocation_fail(inv, &err);
    if (!many && (given->junit || given->at_once))
        return invocation_usage(inv, NULL, "%s is for a plan of several stacks, and this plan has one",
            given->junit ? "--junit" : "--at-once");
    if (!many)
        return apply_one(inv, path);
    status = inv->settings->env
                 ? invocation_usage(inv, NULL, "the plan says for which environment it is: no -e")
                 : repository_apply_saved(inv, many);
    saved_plans_free(many);
    return status;
}

static int cmd_apply_run(struct invocation *inv)
{
    if (inv->settings->all)
        return repository_apply(inv);
    if (inv->args.n)
        return apply_file(inv, inv->args.items[0].p);
    int usage = repository_check_args(inv);
    return usage != EXIT_DONE
               ? usage
               : plan_and_apply(inv, &(struct workspace_options){.part = planning_part(inv)}, NULL);
}

const struct command cmd_apply = {
    .name = "apply",
    .args = "[FILE | --all [DIR]]",
    .sets = {&options_all, &options_lease, &options_teardown, &options_approve, &options_change,
        &options_partial, &options_json, &options_plan, &options_stack},
    .max_args = 1,
    .completes = COMPLETES_FILE,
    .run = cmd_apply_run,
};

/* ---- weir deploy: packages, uploads and registers changed job code, and nothing else ---- */

/* Returns the named jobs as addresses in the stack. */
static const struct str *cmd_deploy_named(struct invocation *inv, struct workspace *workspace)
{
    struct str *names = ARENA_ARRAY(&inv->arena, struct str, inv->args.n + 1);
    for (size_t i = 0; i < inv->args.n; i++)
        names[i] = jobs_address(inv, workspace, inv->args.items[i]);
    return names;
}

/* Notes jobs that share an artifact with the named ones. */
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
    struct wanted_part part = {.targets = inv->args.items, .n = inv->args.n, .targets_only = true};
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
