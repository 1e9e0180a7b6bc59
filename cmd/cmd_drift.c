/* weir drift: a plan of which only what others changed is shown. */
#include "cmd/output/events.h"
#include "cmd/planning/planning.h"
#include "cmd/repository/repository.h"

/* What nobody looked at may have been changed. */
static int refuse_unread(struct invocation *inv, const struct plan *plan)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_FAILED,
        "%zu recorded resource%s could not be looked at: nobody knows whether %s changed", plan->unread_count,
        plan->unread_count == 1 ? "" : "s", plan->unread_count == 1 ? "it was" : "they were");
    return invocation_fail(inv, &err);
}

struct drift_settings {
    struct settings shared;
    const char *format;
};

static void drift_junit(const struct plan *plan, struct buf *out)
{
    struct junit junit = JUNIT_INIT;
    junit_add_drift(&junit, plan);
    junit_write(&junit, plan->workspace->stack->name, STR("nothing was changed outside weir"), out);
}

static int cmd_drift_run(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct plan *plan = NULL;
    int usage = repository_check_args(inv);
    const struct drift_settings *own = inv->own;
    bool junit = str_eqz(str_z(own->format), "junit");
    if (usage != EXIT_DONE)
        return usage;
    if (junit && inv->settings->json)
        return invocation_usage(inv, NULL, "--format and --json are two ways to print it");
    if (junit && inv->settings->all)
        return invocation_usage(inv, NULL, "--all writes such results to a file: --junit FILE");
    if (inv->settings->all)
        return repository_drift(inv);
    int status = invocation_open(inv, NULL, &workspace);
    if (status != EXIT_DONE)
        return status;
    status = planning_make_as_recorded(inv, &workspace, &plan);
    if (status == EXIT_DONE) {
        AUTO_BUF struct buf out = BUF_INIT;
        struct render_options options = render_options_for(inv);
        if (inv->settings->json)
            event_drift(&out, plan);
        else if (junit)
            drift_junit(plan, &out);
        else
            render_drift(plan, &options, &out);
        status = invocation_write(inv, buf_str(&out));
        if (status == EXIT_DONE && plan->drifted)
            status = EXIT_CHANGES;
        else if (status == EXIT_DONE && plan->unread_count)
            status = refuse_unread(inv, plan);
    }
    plan_free(plan);
    return status;
}

static const struct option options[] = {
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct drift_settings, format),
        .completes = COMPLETES_CHOICES, .choices = "text junit"},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command cmd_drift = {
    .name = "drift",
    .args = "[--all [DIR]]",
    .sets = {&own_set, &options_all, &options_json, &options_drift, &options_stack},
    .settings_size = sizeof(struct drift_settings),
    .max_args = 1,
    .completes = COMPLETES_DIR,
    .run = cmd_drift_run,
};
