/*
 * weir show: a saved plan, without reading stack or state; or everything about one resource.
 */
#include "cmd/export/exported.h"
#include "cmd/fleet/fleet.h"
#include "cmd/invocation/kinds.h"
#include "cmd/output/events.h"
#include "cmd/planning/planning.h"

#include <unistd.h>

struct show_settings {
    struct settings shared;
    const char *format;
};

/* Returns the length of the colour sequence at the start of the text, as render.h writes them, or 0. */
static size_t colour_length(struct str text)
{
    size_t n = 2;
    if (!str_starts(text, STR("\033[")))
        return 0;
    while (n < text.n && char_is_among(text.p[n], "0123456789;"))
        n++;
    return n < text.n && text.p[n] == 'm' ? n + 1 : 0;
}

/* Removes all control sequences except colours, since the file may come from anyone. */
static void add_shown(struct buf *out, struct str text, bool color)
{
    while (text.n) {
        ptrdiff_t escape = str_find_char(text, '\033', 0);
        size_t plain = escape < 0 ? text.n : (size_t)escape;
        size_t n = colour_length(str_slice(text, plain, text.n));
        if (escape >= 0 && !n)
            plain++;
        text_add_safe(out, str_slice(text, 0, plain), true);
        if (color)
            buf_add(out, text.p + plain, n);
        text = str_slice(text, plain + n, text.n);
    }
}

static void show_sarif(const struct plan *plan, struct buf *out)
{
    struct sarif *sarif = sarif_new();
    sarif_add_plan(sarif, plan, STR_EMPTY);
    sarif_write(sarif, out);
}

static void show_junit(const struct plan *plan, struct str stack, struct buf *out)
{
    struct junit junit = JUNIT_INIT;
    junit_add_plan(&junit, plan);
    junit_write(&junit, stack, STR("no rule reported anything"), out);
}

static void render_saved(
    struct invocation *inv, struct catalog *catalog, struct saved_plan *saved, struct buf *out)
{
    const struct plan *plan = saved_plan_shown(saved, catalog);
    const struct show_settings *own = inv->own;
    bool full = inv->settings->full || inv->settings->verbose > 0;
    if (inv->settings->json)
        event_plan(out, plan, "plan", false);
    else if (str_eqz(str_z(own->format), "markdown"))
        render_markdown(plan, saved_plan_stack(saved), saved_plan_env(saved), MARKDOWN_MAX, out);
    else if (str_eqz(str_z(own->format), "sarif"))
        show_sarif(plan, out);
    else if (str_eqz(str_z(own->format), "junit"))
        show_junit(plan, saved_plan_stack(saved), out);
    else if (str_eqz(str_z(own->format), "terraform-json"))
        export_show(inv, saved, catalog, out);
    else
        render_plan(plan, &(struct render_options){.color = true, .everything = full, .compact = !full}, out);
}

static int write_shown(struct invocation *inv, struct str text)
{
    const struct show_settings *own = inv->own;
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->settings->json || str_eqz(str_z(own->format), "terraform-json"))
        text_add_json_safe(&out, text);
    else
        add_shown(&out, text, inv->out.color);
    return invocation_write(inv, buf_str(&out));
}

static int print_saved(struct invocation *inv, struct saved_plan *saved)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct catalog *catalog;
    struct err err = ERR_INIT;
    if (catalog_new(&(struct catalog_options){.kinds = &cmd_kinds, .specs_dir = inv->settings->specs},
            &catalog, &err))
        return invocation_fail(inv, &err);
    render_saved(inv, catalog, saved, &text);
    catalog_free(catalog);
    return write_shown(inv, buf_str(&text));
}

/* ---- plans of several stacks ---- */

static void render_one_of(
    struct invocation *inv, struct catalog *catalog, const struct saved_one *one, struct buf *out)
{
    const struct show_settings *own = inv->own;
    AUTO_BUF struct buf text = BUF_INIT;
    render_saved(inv, catalog, one->plan, &text);
    if (inv->settings->json) {
        fleet_name_events(buf_str(&text), FLEET_FOLDER, one->name, out);
        return;
    }
    if (!str_eqz(str_z(own->format), "markdown")) {
        style_add_str(out, true, STYLE_BOLD, one->name);
        buf_addz(out, "\n\n");
    }
    buf_add_str(out, buf_str(&text));
    buf_add_char(out, '\n');
}

static int print_many(struct invocation *inv, const struct saved_plans *many)
{
    const struct show_settings *own = inv->own;
    struct str format = str_z(own->format ? own->format : "text");
    AUTO_BUF struct buf text = BUF_INIT;
    struct catalog *catalog;
    struct err err = ERR_INIT;
    size_t n;
    bool destroy;
    const struct saved_one *items = saved_plans_items(many, &n, &destroy);
    if (!str_eqz(format, "text") && !str_eqz(format, "markdown"))
        return invocation_usage(
            inv, NULL, "--format %s is for the plan of one stack, and this is of several", own->format);
    if (catalog_new(&(struct catalog_options){.kinds = &cmd_kinds, .specs_dir = inv->settings->specs},
            &catalog, &err))
        return invocation_fail(inv, &err);
    for (size_t i = 0; i < n; i++)
        render_one_of(inv, catalog, &items[i], &text);
    catalog_free(catalog);
    return write_shown(inv, buf_str(&text));
}

static int cmd_show_run(struct invocation *inv)
{
    const struct show_settings *own = inv->own;
    struct saved_plan *saved = NULL;
    struct err err = ERR_INIT;
    if (!inv->args.n)
        return invocation_usage(inv, "\"weir state list\" and \"weir state show ADDRESS\" say what is there",
            "weir show needs the FILE of a saved plan, or the address of a resource");
    if (own->format && inv->settings->json)
        return invocation_usage(inv, NULL, "--format and --json are two ways to print it");
    const char *path = inv->args.items[0].p;
    if (access(path, F_OK) && !memchr(path, '.', strcspn(path, "["))) /* an address has no dot before a key */
        return explain_resource(inv, inv->args.items[0]);
    struct saved_plans *many = NULL;
    if (saved_plans_read(path, &many, &err))
        return invocation_fail(inv, &err);
    if (many) {
        int shown = print_many(inv, many);
        saved_plans_free(many);
        return shown;
    }
    if (saved_plan_read(path, &saved, &err) < 0)
        return invocation_fail(inv, &err);
    int status = print_saved(inv, saved);
    saved_plan_free(saved);
    return status;
}

static const struct option options[] = {
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct show_settings, format),
        .completes = COMPLETES_CHOICES, .choices = "text markdown sarif junit terraform-json"},
    {0, "full", .offset = offsetof(struct settings, full)},
};

const struct command cmd_show = {
    .name = "show",
    .args = "FILE|ADDRESS",
    .sets = {OWN_OPTIONS(options), &options_json, &options_stack},
    .settings_size = sizeof(struct show_settings),
    .max_args = 1,
    .completes = COMPLETES_FILE,
    .run = cmd_show_run,
};
