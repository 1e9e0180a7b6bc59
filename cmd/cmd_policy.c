/* weir policy: the IAM permissions for the stack's calls. */
#include "cmd/policy/policy.h"

#include "base/json.h"

struct policy_settings {
    struct settings shared;
    bool wide, why;
    struct texts with;
};

static const struct {
    const char *name;
    enum permission_phase phase;
} phases[] = {{"plan", PERMISSION_PLAN}, {"apply", PERMISSION_APPLY}, {"destroy", PERMISSION_DESTROY},
    {"run", PERMISSION_RUN}};
enum { PHASES = sizeof phases / sizeof *phases };

/* Returns the policy of one command, or of all commands that call services. "run" needs a job. */
static const struct value *needed(struct invocation *inv, struct workspace *workspace)
{
    const struct policy_settings *own = inv->own;
    struct str name = inv->args.n ? inv->args.items[0] : STR_EMPTY;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(&inv->arena);
    for (size_t i = 0; i < PHASES; i++) {
        if (name.n && !str_eqz(name, phases[i].name))
            continue;
        const struct value *policy = policy_needs(workspace, phases[i].phase, own->wide, &inv->arena);
        if (name.n)
            return policy;
        if (phases[i].phase != PERMISSION_RUN || value_getz(policy, "Statement")->count)
            value_builder_set(&all, str_z(phases[i].name), policy);
    }
    return name.n ? policy_needs_owned(workspace, &inv->arena) : value_builder_map(&all);
}

static int cmd_policy_print(struct invocation *inv, struct workspace *workspace)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, needed(inv, workspace), JSON_PRETTY);
    buf_add_char(&out, '\n');
    return invocation_write_as_is(inv, buf_str(&out));
}

/* --why takes other arguments. */
static int check_arguments(struct invocation *inv)
{
    const struct policy_settings *own = inv->own;
    const struct str *args = inv->args.items;
    if (!own->why && inv->args.n > 1)
        return invocation_usage(inv, NULL, "it takes one of plan, apply, destroy, run and sweep");
    if (!own->why && inv->args.n && !str_is_any(args[0], "plan apply destroy run sweep"))
        return invocation_usage(
            inv, NULL, "it is plan, apply, destroy, run or sweep, not \"%.*s\"", STR_ARG(args[0]));
    if (!own->why)
        return own->with.n ? invocation_usage(inv, NULL, "--with goes with --why") : EXIT_DONE;
    if (inv->args.n != 3)
        return invocation_usage(
            inv, "weir policy --why ROLE ACTION ARN", "--why takes a role, an action and an ARN");
    if (str_find_char(args[1], ':', 0) < 1)
        return invocation_usage(inv, "such as s3:GetObject", "\"%.*s\" is not an action", STR_ARG(args[1]));
    if (!str_starts(args[2], STR("arn:")) && !str_eqz(args[2], "*"))
        return invocation_usage(inv, "such as arn:aws:s3:::bucket/key, or \"*\" where the action knows none",
            "\"%.*s\" is not an ARN", STR_ARG(args[2]));
    return EXIT_DONE;
}

static int explain_why(struct invocation *inv, struct workspace *workspace)
{
    const struct policy_settings *own = inv->own;
    const struct str *args = inv->args.items;
    const struct policy_why why = {
        .role = args[0], .action = args[1], .resource = args[2], .with = &own->with};
    return policy_why(inv, workspace, &why);
}

static int cmd_policy_run(struct invocation *inv)
{
    const struct policy_settings *own = inv->own;
    AUTO_WORKSPACE struct workspace workspace = {0};
    int usage = check_arguments(inv);
    if (usage != EXIT_DONE)
        return usage;
    int status = invocation_open(inv, &(struct workspace_options){.no_state = true}, &workspace);
    if (status != EXIT_DONE)
        return status;
    return own->why ? explain_why(inv, &workspace) : cmd_policy_print(inv, &workspace);
}

static const struct option options[] = {
    {0, "wide", .offset = offsetof(struct policy_settings, wide)},
    {0, "why", .offset = offsetof(struct policy_settings, why)},
    {0, "with", .value = "KEY=VALUE", .kind = OPTION_LIST, .offset = offsetof(struct policy_settings, with)},
};

const struct command cmd_policy = {
    .name = "policy",
    .args = "[COMMAND] | --why ROLE ACTION ARN",
    .sets = {OWN_OPTIONS(options), &options_stack},
    .settings_size = sizeof(struct policy_settings),
    .max_args = 3,
    .run = cmd_policy_run,
};
