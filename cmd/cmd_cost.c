/* weir cost: what the stack costs for being there, and by use. */
#include "cmd/invocation/invocation.h"

#include "base/file.h"
#include "cmd/cost/bill_show.h"
#include "cmd/cost/update.h"

struct cost_settings {
    struct settings shared;
    const char *region;
};

static size_t members_of(const struct stack *stack)
{
    return stack->fleet && !stack->env.n && stack->members ? stack->members->count : 1;
}

/* Prices of one region are no prices of another. */
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
    struct str kept = cost_kept(workspace, &inv->arena);
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
    else if (!prices && prices_load(&inv->arena, NULL, &prices, &err)) /* what was kept is made anew */
        status = invocation_fail(inv, &err);
    else
        status = update ? cmd_cost_update(inv, &workspace, prices) : cmd_cost_show(inv, &workspace, prices);
    prices_free(prices);
    return status;
}

static const struct option options[] = {
    {0, "region", .value = "REGION", .kind = OPTION_TEXT, .offset = offsetof(struct cost_settings, region),
        .doc = "with update: whose prices, if not those of the region that the environment names"},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command cmd_cost = {
    .name = "cost",
    .args = "[update]",
    .summary = "say what the stack costs",
    .details = "Prints what the stack costs an hour and a month without use, and what use adds. The "
               "stack need not be applied. Use is counted where `usage:` in the stack says how much a "
               "month. Prices are those on demand, in US dollars, without free tiers, discounts and "
               "taxes; the program has those of us-east-1.\n\n"
               "`update` asks AWS for the prices of a region (pricing:GetProducts) and keeps them in "
               ".weir.\n\n"
               "`budget: 20 USD/day` in the stack: a rule that a change breaks which raises the cost "
               "beyond it. So does a resource whose price is not known. `usage: {ADDRESS: "
               "{usd_per_hour: 1.25}}` gives its price. A fleet is counted for one member and for all; "
               "weir fleet holds all that it works on to the budget together.",
    .sets = {&own_set, &options_json, &options_stack},
    .settings_size = sizeof(struct cost_settings),
    .max_args = 1,
    .completes = COMPLETES_CHOICES,
    .choices = "update",
    .examples = {{"weir cost", "what it costs an hour and a month"},
        {"weir plan --cost", "what a change adds"},
        {"weir cost update --region eu-west-1", "prices of today, and of that region"}},
    .run = cmd_cost_run,
};
