#include "cmd/planning.h"

static int run(struct invocation *inv)
{
    struct workspace workspace;
    struct plan *plan = NULL;
    int status = invocation_open(inv, NULL, &workspace);
    if (status != EXIT_DONE)
        return status;
    status = planning_lock(inv, &workspace);
    if (status == EXIT_DONE)
        status = planning_make(inv, &workspace, true, NULL, &plan);
    if (status == EXIT_DONE)
        status =
            planning_carry_out(inv, plan, "Do you want to delete all of this? There is no way back.", false);
    if (plan)
        plan_free(plan);
    workspace_close(&workspace);
    return status;
}

static const struct option_set *const sets[] = {
    &options_teardown, &options_change, &options_json, &options_plan, &options_stack, NULL};
static const struct command_example examples[] = {
    {"weir destroy", "show what goes, ask, delete it"},
    {"weir destroy -e dev --yes", "without a question"},
    {NULL, NULL},
};

const struct command cmd_destroy = {
    .name = "destroy",
    .summary = "take it all down",
    .details = "Deletes what the state knows of this stack, in the reverse of the order in which it was "
               "made. With --target only "
               "that resource and what depends on it.",
    .sets = sets,
    .examples = examples,
    .run = run,
};
