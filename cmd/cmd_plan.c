/* weir plan: shows the changes and may save the plan to a file. weir drift: shows changes made outside
 * weir. */
#include "base/file.h"
#include "cmd/export/exported.h"
#include "cmd/output/events.h"
#include "cmd/page/page.h"
#include "cmd/planning/planning.h"
#include "cmd/repository/repository.h"

struct plan_settings {
    struct settings shared;
    const char *out, *format, *markdown;
    bool detailed_exitcode, destroy, cost;
};

static int cmd_plan_save(struct invocation *inv, const struct plan *plan, const char *path)
{
    struct err err = ERR_INIT;
    if (plan_save(plan, path, &err) < 0)
        return invocation_fail(inv, &err);
    if (!inv->settings->json)
        planning_note_saved(inv, inv->settings->dir, path);
    return EXIT_DONE;
}

/* Returns whether -o names an HTML page, which "weir apply" cannot read. */
static bool cmd_plan_to_page(const struct plan_settings *own)
{
    return own->out && str_ends(str_z(own->out), STR(".html"));
}

static int cmd_plan_write_page(struct invocation *inv, struct str page)
{
    const struct plan_settings *own = inv->own;
    struct err err = ERR_INIT;
    if (!cmd_plan_to_page(own))
        return invocation_write(inv, page);
    if (file_write_named(own->out, term_masked(&inv->arena, page), 0644, &err))
        return invocation_fail(inv, &err);
    if (!inv->settings->json)
        invocation_note(inv, "\nThe page is written:  %s", own->out);
    return EXIT_DONE;
}

static int cmd_plan_page(struct invocation *inv, const struct plan *plan)
{
    const struct plan_settings *own = inv->own;
    const struct workspace *workspace = plan->workspace;
    bool priced = own->cost;
    AUTO_BUF struct buf page = BUF_INIT;
    struct cost_change cost = {0};
    struct picture picture;
    int status = priced ? cost_estimate_change(inv, plan, &cost) : EXIT_DONE;
    if (status != EXIT_DONE)
        return status;
    picture_init(&picture, workspace->stack, plan_absent(plan->workspace, &inv->arena));
    picture_take_plan(&picture, plan);
    page_write(&picture, plan, priced ? &cost : NULL, &page);
    picture_release(&picture);
    prices_free(cost.prices);
    return cmd_plan_write_page(inv, buf_str(&page));
}

static int cmd_plan_sarif(struct invocation *inv, const struct plan *plan)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct sarif *sarif = sarif_new();
    sarif_add_plan(sarif, plan, plan->workspace->stack->file);
    sarif_write(sarif, &out);
    return invocation_write(inv, buf_str(&out));
}

static int cmd_plan_junit(struct invocation *inv, const struct plan *plan)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct junit junit = JUNIT_INIT;
    junit_add_plan(&junit, plan);
    junit_write(&junit, plan->workspace->stack->name, STR("there are no rules"), &out);
    return invocation_write(inv, buf_str(&out));
}

static int cmd_plan_terraform(struct invocation *inv, const struct plan *plan)
{
    AUTO_BUF struct buf text = BUF_INIT, out = BUF_INIT;
    struct saved_plan *saved = NULL;
    struct err err = ERR_INIT;
    plan_write(plan, &text);
    if (saved_plan_parse(buf_str(&text), "the plan", &saved, &err))
        return invocation_fail(inv, &err);
    export_show(inv, saved, plan->workspace->catalog, &out);
    saved_plan_free(saved);
    return invocation_write(inv, buf_str(&out));
}

static int cmd_plan_show(struct invocation *inv, const struct plan *plan)
{
    const struct plan_settings *own = inv->own;
    const struct stack *stack = plan->workspace->stack;
    AUTO_BUF struct buf page = BUF_INIT;
    struct err err = ERR_INIT;
    if (own->format || own->markdown)
        render_markdown(plan, stack->name, stack->env, MARKDOWN_MAX, &page);
    if (own->cost && page.n) {
        buf_addz(&page, "\n");
        int status = cost_show(inv, plan, false, false, &page);
        if (status != EXIT_DONE)
            return status;
    }
    if (own->markdown &&
        file_write_named(own->markdown, term_masked(&inv->arena, buf_str(&page)), 0644, &err))
        return invocation_fail(inv, &err);
    struct str format = str_z(own->format ? own->format : "text");
    bool html = str_eqz(format, "html");
    int status = html || cmd_plan_to_page(own) ? cmd_plan_page(inv, plan) : EXIT_DONE;
    if (html || status != EXIT_DONE)
        return status;
    if (str_eqz(format, "sarif"))
        return cmd_plan_sarif(inv, plan);
    if (str_eqz(format, "junit"))
        return cmd_plan_junit(inv, plan);
    if (str_eqz(format, "terraform-json"))
        return cmd_plan_terraform(inv, plan);
    return str_eqz(format, "markdown") ? invocation_write(inv, buf_str(&page)) : planning_show(inv, plan);
}

/* Writes the cost of the plan, after the plan as text or events. */
static int cmd_plan_cost(struct invocation *inv, const struct plan *plan)
{
    const struct plan_settings *own = inv->own;
    AUTO_BUF struct buf out = BUF_INIT;
    bool text = !own->format || str_eqz(str_z(own->format), "text");
    int status = EXIT_DONE;
    if (own->cost && text) {
        buf_addz(&out, inv->settings->json ? "" : "\n");
        status = cost_show(inv, plan, inv->settings->json, inv->out.color, &out);
    }
    return status == EXIT_DONE && out.n ? invocation_write(inv, buf_str(&out)) : status;
}

static int cmd_plan_all(struct invocation *inv)
{
    const struct plan_settings *own = inv->own;
    struct str format = str_z(own->format ? own->format : "text");
    bool markdown = str_eqz(format, "markdown");
    if (own->cost || (!markdown && !str_eqz(format, "text")))
        return invocation_usage(inv, "-C DIR picks the stack", "%s is for one stack, not for --all",
            own->cost ? "--cost" : arena_printf(&inv->arena, "--format %s", own->format).p);
    if (cmd_plan_to_page(own))
        return invocation_usage(
            inv, "-C DIR picks the stack", "-o FILE.html is for one stack, not for --all");
    struct repository_plan_settings settings = {.out = own->out,
        .markdown = own->markdown,
        .prints_markdown = markdown,
        .destroy = own->destroy,
        .detailed_exitcode = own->detailed_exitcode};
    return repository_plan(inv, &settings);
}

static int cmd_plan_run(struct invocation *inv)
{
    const struct plan_settings *own = inv->own;
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct plan *plan = NULL;
    if (own->destroy && inv->settings->replaces.n)
        return invocation_usage(inv, NULL, "--replace and --destroy exclude each other");
    if (own->format && !str_eqz(str_z(own->format), "text") && inv->settings->json)
        return invocation_usage(inv, "--markdown FILE writes it to a file, whatever is printed",
            "--format %s does not go with --json", own->format);
    if (inv->settings->all_resources && !inv->settings->json)
        return invocation_usage(inv, "without it the plan is text", "--all-resources goes with --json");
    int status = repository_check_args(inv);
    if (status != EXIT_DONE || inv->settings->all)
        return status != EXIT_DONE ? status : cmd_plan_all(inv);
    bool shown = !own->destroy && !own->out && !own->cost && !own->markdown && !own->format;
    status = planning_open(
        inv, &(struct workspace_options){.part = shown ? planning_part(inv) : NULL}, &workspace);
    if (status != EXIT_DONE)
        return status;
    status = planning_make(inv, &workspace, own->destroy, NULL, &plan);
    if (status == EXIT_DONE)
        status = cmd_plan_show(inv, plan);
    if (status == EXIT_DONE)
        status = cmd_plan_cost(inv, plan);
    if (status == EXIT_DONE)
        status = planning_check_rules(inv, plan);
    if (status == EXIT_DONE && own->out && !cmd_plan_to_page(own))
        status = cmd_plan_save(inv, plan, own->out);
    if (status == EXIT_DONE && own->detailed_exitcode && (plan_has_changes(plan) || plan->output_count))
        status = EXIT_CHANGES;
    plan_free(plan);
    return status;
}

static const struct option options[] = {
    {'o', "out", .value = "FILE", .kind = OPTION_TEXT, .offset = offsetof(struct plan_settings, out),
        .completes = COMPLETES_FILE},
    {0, "detailed-exitcode", .offset = offsetof(struct plan_settings, detailed_exitcode)},
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct plan_settings, format),
        .completes = COMPLETES_CHOICES, .choices = "text markdown html sarif junit terraform-json"},
    {0, "markdown", .value = "FILE", .kind = OPTION_TEXT, .offset = offsetof(struct plan_settings, markdown),
        .completes = COMPLETES_FILE},
    {0, "cost", .offset = offsetof(struct plan_settings, cost)},
    {0, "all-resources", .offset = offsetof(struct plan_settings, shared.all_resources)},
    {0, "destroy", .offset = offsetof(struct plan_settings, destroy)},
};

const struct command cmd_plan = {
    .name = "plan",
    .args = "[--all [DIR]]",
    .sets = {OWN_OPTIONS(options), &options_all, &options_teardown, &options_json, &options_plan,
        &options_stack},
    .settings_size = sizeof(struct plan_settings),
    .max_args = 1,
    .completes = COMPLETES_DIR,
    .run = cmd_plan_run,
};

/* ---- weir drift: a plan of which only the drift is shown ---- */

/* Resources that could not be read may have changed. */
static int refuse_unread(struct invocation *inv, const struct plan *plan)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_FAILED, "%zu recorded resource%s could not be read: whether %s changed is unknown",
        plan->unread_count, plan->unread_count == 1 ? "" : "s",
        plan->unread_count == 1 ? "it was" : "they were");
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
        struct render_options drift_options = render_options_for(inv);
        if (inv->settings->json)
            event_drift(&out, plan);
        else if (junit)
            drift_junit(plan, &out);
        else
            render_drift(plan, &drift_options, &out);
        status = invocation_write(inv, buf_str(&out));
        sandboxed_note_unused(inv, &workspace);
        if (status == EXIT_DONE && plan->drifted)
            status = EXIT_CHANGES;
        else if (status == EXIT_DONE && plan->unread_count)
            status = refuse_unread(inv, plan);
    }
    plan_free(plan);
    return status;
}

static const struct option drift_options[] = {
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct drift_settings, format),
        .completes = COMPLETES_CHOICES, .choices = "text junit"},
};

const struct command cmd_drift = {
    .name = "drift",
    .args = "[--all [DIR]]",
    .sets = {OWN_OPTIONS(drift_options), &options_all, &options_json, &options_drift, &options_stack},
    .settings_size = sizeof(struct drift_settings),
    .max_args = 1,
    .completes = COMPLETES_DIR,
    .run = cmd_drift_run,
};
