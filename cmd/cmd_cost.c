/* weir cost: the cost of the stack, fixed and by usage. */

#include "base/file.h"
#include "cmd/cost/estimate.h"

struct cost_settings {
    struct settings shared;
    const char *region;
};

static size_t members_of(const struct stack *stack)
{
    return stack->fleet && !stack->env.n && stack->members ? stack->members->count : 1;
}

/* Notes that the prices are those of another region. */
static void note_region(struct invocation *inv, struct workspace *workspace, const struct prices *prices)
{
    struct provider *provider = plan_provider_named(workspace, STR("aws"));
    struct str region = provider ? aws_region(provider_aws(provider)) : STR_EMPTY;
    if (region.n && !str_eq(region, prices_region(prices)))
        invocation_note(inv,
            "These are not the prices of %.*s; `weir cost update --region %.*s` fetches them.",
            STR_ARG(region), STR_ARG(region));
}

static int cmd_cost_show(struct invocation *inv, struct workspace *workspace, struct prices *prices)
{
    const struct stack *stack = workspace->stack;
    AUTO_BUF struct buf out = BUF_INIT;
    struct estimate estimate;
    estimate_declared(workspace, prices, &inv->arena, &inv->diags, &estimate);
    int status = invocation_diags(inv);
    if (status != EXIT_DONE)
        return status;
    if (inv->settings->json)
        estimate_event(&estimate, prices, stack, members_of(stack), &out);
    else
        estimate_show(&estimate, prices, stack, members_of(stack), inv->out.color, &out);
    status = invocation_write(inv, buf_str(&out));
    if (status == EXIT_DONE && estimate.hourly > 0 && !inv->settings->json)
        note_region(inv, workspace, prices);
    return status;
}

static int cmd_cost_update(struct invocation *inv, struct workspace *workspace, const struct prices *prices)
{
    const struct cost_settings *own = inv->own;
    struct err err = ERR_INIT;
    struct provider *provider;
    size_t found, asked;
    AUTO_BUF struct buf table = BUF_INIT;
    const struct value *config =
        own->region ? value_with(&inv->arena, NULL, STR("region"), value_stringz(&inv->arena, own->region))
                    : NULL;
    if (workspace_provider(workspace, STR("aws"), config, &provider, &err))
        return invocation_fail(inv, &err);
    struct aws_client *client = provider_aws(provider);
    struct str kept = cost_price_file(workspace, &inv->arena);
    struct str region = aws_region(client);
    if (prices_update(prices, client, region, &inv->arena, &table, &found, &asked, &err) ||
        dir_make(workspace->work_dir.p, &err) || file_write_atomic(kept.p, buf_str(&table), 0644, &err))
        return invocation_fail(inv, &err);
    invocation_note(inv,
        "%zu of %zu prices that the service is asked for were found in %.*s; the others, and those it is not "
        "asked for, stay as they are built in.",
        found, asked, STR_ARG(region));
    return EXIT_DONE;
}

static int cmd_cost_run(struct invocation *inv)
{
    const struct cost_settings *own = inv->own;
    bool update = inv->args.n == 1;
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct prices *prices = NULL;
    struct err err = ERR_INIT;
    if (update && !str_eqz(inv->args.items[0], "update"))
        return invocation_usage(
            inv, "weir cost update fetches prices", "it takes no \"%.*s\"", STR_ARG(inv->args.items[0]));
    if (own->region && !update)
        return invocation_usage(inv, NULL, "--region goes with weir cost update");
    int status = invocation_open(inv, &(struct workspace_options){.no_state = true}, &workspace);
    if (status != EXIT_DONE)
        return status;
    if (cost_open(&workspace, &inv->arena, &prices, &err) && !update)
        status = invocation_fail(inv, &err);
    else if (!prices && prices_load(&inv->arena, NULL, &prices, &err)) /* not needed for an update */
        status = invocation_fail(inv, &err);
    else
        status = update ? cmd_cost_update(inv, &workspace, prices) : cmd_cost_show(inv, &workspace, prices);
    prices_free(prices);
    return status;
}

static const struct option options[] = {
    {0, "region", .value = "REGION", .kind = OPTION_TEXT, .offset = offsetof(struct cost_settings, region)},
};

const struct command cmd_cost = {
    .name = "cost",
    .args = "[update]",
    .sets = {OWN_OPTIONS(options), &options_json, &options_stack},
    .settings_size = sizeof(struct cost_settings),
    .max_args = 1,
    .completes = COMPLETES_CHOICES,
    .choices = "update",
    .run = cmd_cost_run,
};
