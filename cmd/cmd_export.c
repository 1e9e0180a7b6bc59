/* weir export: a stack for another tool. */
#include "cmd/export/exported.h"
#include "cmd/planning/planning.h"

struct export_settings {
    struct settings shared;
    const char *out;
};

static int export_plan(struct invocation *inv, const struct plan *plan)
{
    const struct export_settings *own = inv->own;
    AUTO_BUF struct buf text = BUF_INIT, out = BUF_INIT;
    struct saved_plan *saved = NULL;
    struct export export;
    struct err err = ERR_INIT;
    size_t n;
    plan_write(plan, &text);
    if (saved_plan_parse(buf_str(&text), "the plan", &saved, &err))
        return invocation_fail(inv, &err);
    struct catalog *catalog = plan->workspace->catalog;
    const struct planned_object *objects = saved_plan_objects(saved, catalog, &n);
    export_open(&export, &inv->arena, catalog, objects, n, true);
    export_hcl(&export, saved_plan_stack(saved), &out);
    export_release(&export);
    saved_plan_free(saved);
    if (plan_has_changes(plan))
        invocation_note(inv, "warning: what `weir plan` would change is written as it would be afterwards");
    return invocation_write_new(
        inv, own->out ? own->out : "-", buf_str(&out), "`terraform plan` shows what it would import");
}

static int export_terraform_run(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct plan *plan = NULL;
    int status = planning_open(inv, NULL, &workspace);
    if (status == EXIT_DONE)
        status = planning_make_as_recorded(inv, &workspace, &plan);
    if (status == EXIT_DONE)
        status = export_plan(inv, plan);
    plan_free(plan);
    return status;
}

static const struct option options[] = {
    {'o', "out", .value = "FILE", .kind = OPTION_TEXT, .offset = offsetof(struct export_settings, out),
        .completes = COMPLETES_FILE},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

static const struct command terraform = {
    .name = "terraform",
    .sets = {&own_set, &options_plan, &options_stack},
    .settings_size = sizeof(struct export_settings),
    .run = export_terraform_run,
};

static const struct command *const subs[] = {&terraform, NULL};

const struct command cmd_export = {
    .name = "export",
    .subs = subs,
};
