/* weir export: converts a stack for another tool. weir import compose: converts a compose file to a stack. */
#include "base/file.h"
#include "cmd/compose/compose.h"
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
        invocation_note(
            inv, "warning: the stack has changes that are not applied: they are exported as if they were");
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

static const struct command terraform = {
    .name = "terraform",
    .sets = {OWN_OPTIONS(options), &options_plan, &options_stack},
    .settings_size = sizeof(struct export_settings),
    .run = export_terraform_run,
};

static const struct command *const subs[] = {&terraform, NULL};

const struct command cmd_export = {
    .name = "export",
    .subs = subs,
};

/* ---- weir import compose: writes a stack beside the compose file ---- */

struct import_settings {
    struct settings shared;
    const char *out, *name;
};

static int import_compose(struct invocation *inv)
{
    const struct import_settings *own = inv->own;
    struct compose_options import_options = {.file = inv->args.items[0], .stack = str_z(own->name)};
    AUTO_BUF struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    int status = compose_read(&inv->arena, &import_options, &inv->diags, &text, &err);
    int reported = invocation_diags(inv);
    if (status)
        return err.class != ERR_NONE ? invocation_fail(inv, &err) : reported;
    /* beside the compose file, since the stack contains the same relative paths */
    const char *out =
        own->out ? own->out : path_join(&inv->arena, path_dir(import_options.file), STR("weir.yaml")).p;
    return invocation_write_new(inv, out, buf_str(&text), "`weir plan` shows what it would make");
}

static const struct option import_options[] = {
    {'o', "out", .value = "FILE", .kind = OPTION_TEXT, .offset = offsetof(struct import_settings, out),
        .completes = COMPLETES_FILE},
    {0, "name", .value = "NAME", .kind = OPTION_TEXT, .offset = offsetof(struct import_settings, name)},
};

static const struct command compose = {
    .name = "compose",
    .args = "FILE",
    .sets = {OWN_OPTIONS(import_options)},
    .settings_size = sizeof(struct import_settings),
    .min_args = 1,
    .max_args = 1,
    .completes = COMPLETES_FILE,
    .run = import_compose,
};
extern const struct command import_cloudformation, import_terraform, import_live;

static const struct command *const import_subs[] = {
    &import_cloudformation, &import_terraform, &import_live, &compose, NULL};

const struct command cmd_import = {
    .name = "import",
    .subs = import_subs,
};
