/* weir modules: lists, updates and vendors remote modules. */
#include "cmd/modules/modules.h"

#include "base/file.h"
#include "base/json.h"
#include "base/tree_manifest.h"

struct list_settings {
    struct settings shared;
    bool upstream;
};

static void add_pin(struct buf *out, const struct module_used *used)
{
    json_write_member_if_any(out, "module", used->module);
    json_write_member_if_any(out, "source", used->source.text);
    json_write_member_if_any(out, "commit", used->pin.commit);
    json_write_member_if_any(out, "archive", used->pin.archive);
    json_write_member_if_any(out, "tree", used->pin.tree);
    json_write_member_if_any(out, "vendored", used->pin.vendored);
}

/* ---- update ---- */

static int update_one(struct modules *m, struct module_used *used)
{
    struct err err = ERR_INIT;
    struct str vendored = used->was ? used->was->vendored : STR_EMPTY;
    if (!used->chosen && !used->was)
        return 0;
    if (!used->chosen)
        return fetch_pinned(m->fetch, &used->source, used->was, &err) ? modules_report(m, used, &err) : 0;
    struct module_pin pin;
    bool tag;
    if (fetch_latest(m->fetch, &used->source, used->was, &m->inv->arena, &pin, &tag, &err))
        return modules_report(m, used, &err);
    used->moved = tag && used->was && !str_eq(pin.commit, used->was->commit);
    used->pin = pin;
    used->pin.vendored = vendored;
    return vendored.n ? modules_copy(m, used) : 0;
}

static bool is_same(const struct module_used *used)
{
    return used->was && str_eq(used->was->commit, used->pin.commit) &&
           str_eq(used->was->archive, used->pin.archive) && str_eq(used->was->tree, used->pin.tree);
}

static const char *what_became(const struct module_used *used)
{
    return !used->pin.tree.n ? "unpinned" : !used->was ? "pinned" : is_same(used) ? "same" : "changed";
}

static void update_line(const struct module_used *used, bool json, struct buf *out)
{
    struct str was = used->was ? modules_short(used->was) : STR_EMPTY, is = modules_short(&used->pin);
    const char *became = what_became(used);
    if (json) {
        buf_addf(out, "{\"event\":\"module\",\"action\":\"%s\"", became);
        add_pin(out, used);
        if (used->was)
            json_write_member_if_any(
                out, "was", used->was->commit.n ? used->was->commit : used->was->archive);
        buf_addf(out, "%s}\n", used->moved ? ",\"tag_moved\":true" : "");
        return;
    }
    buf_addf(out, "%-8s  %.*s", became, STR_ARG(used->source.text));
    if (used->was && !is_same(used))
        buf_addf(out, "  %.*s -> %.*s", STR_ARG(was), STR_ARG(is));
    else if (is.n)
        buf_addf(out, "  %.*s", STR_ARG(is));
    buf_addz(out, "\n");
}

/* Reports sources in the lock that the stack no longer names. */
static void add_dropped(const struct modules *m, bool json, struct buf *out)
{
    for (size_t i = 0; i < m->lock.n; i++) {
        struct str source = m->lock.pins[i].source;
        if (map_get(&m->known, source))
            continue;
        if (json) {
            buf_addz(out, "{\"event\":\"module\",\"action\":\"dropped\"");
            json_write_member_if_any(out, "source", source);
            buf_addz(out, "}\n");
        } else {
            buf_addf(out, "%-8s  %.*s\n", "dropped", STR_ARG(source));
        }
    }
}

static int update_report(const struct modules *m)
{
    struct invocation *inv = m->inv;
    bool json = inv->settings->json;
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < m->n; i++)
        update_line(m->items[i], json, &out);
    add_dropped(m, json, &out);
    if (!out.n && !json)
        buf_addz(&out, "The stack uses no remote modules.\n");
    int status = invocation_write(inv, buf_str(&out));
    for (size_t i = 0; i < m->n && !json; i++)
        if (m->items[i]->moved)
            invocation_note(inv, "warning: the tag %.*s of %s was moved: published tags should not be moved",
                STR_ARG(m->items[i]->source.ref), m->items[i]->source.url.p);
    return status;
}

static int update_run(struct invocation *inv)
{
    struct modules m;
    int status = modules_open(inv, true, &m);
    m.visit = update_one;
    if (status == EXIT_DONE)
        status = modules_find(&m);
    if (status == EXIT_DONE)
        status = modules_write_lock(&m);
    if (status == EXIT_DONE)
        status = update_report(&m);
    modules_close(&m);
    return status;
}

/* ---- list ---- */

static int leave_pin(struct modules *m UNUSED, struct module_used *used UNUSED)
{
    return 0;
}

/* Returns the folder of the module's files, or why they are missing. */
static const char *files_are(const struct modules *m, const struct module_used *used)
{
    if (!used->pin.tree.n)
        return "not in the lock";
    const char *folder = modules_folder(m, used, &used->pin).p;
    if (!path_is_dir(folder))
        return "not fetched";
    return tree_manifest_check(folder, used->pin.tree, ERR_IGNORED) ? "changed by hand" : folder;
}

/* Returns "" if the source still resolves to the pinned commit, NULL after an error. */
static const char *upstream_now(struct modules *m, struct module_used *used, struct err *err)
{
    struct arena *arena = &m->inv->arena;
    struct str commit;
    bool tag;
    if (used->source.kind != MODULE_GIT || !used->pin.commit.n)
        return "";
    if (fetch_resolve(m->fetch, &used->source, arena, &commit, &tag, err))
        return NULL;
    if (str_eq(commit, used->pin.commit))
        return "";
    used->moved = tag;
    return arena_strz(arena, commit);
}

static int list_one(struct modules *m, struct module_used *used, struct value_builder *rows, struct buf *json)
{
    const struct list_settings *own = m->inv->own;
    struct arena *arena = &m->inv->arena;
    struct err err = ERR_INIT;
    const char *now = own->upstream ? upstream_now(m, used, &err) : "", *place = files_are(m, used);
    if (!now)
        return invocation_fail(m->inv, &err);
    buf_addz(json, "{\"event\":\"module\"");
    add_pin(json, used);
    json_write_member_if_any(json, "files", str_z(place));
    json_write_member_if_any(json, "upstream", str_z(now));
    buf_addf(json, "%s}\n", used->moved ? ",\"tag_moved\":true" : "");
    AUTO_BUILDER struct value_builder row = VALUE_BUILDER(arena);
    value_builder_add(&row, value_string(arena, used->module));
    value_builder_add(&row, value_string(arena, used->source.text));
    value_builder_add(&row, value_string(arena, modules_short(&used->pin)));
    value_builder_add(&row, value_string(arena, str_z(place)));
    if (own->upstream)
        value_builder_add(&row, value_string(arena, !*now ? STR("same")
                                                          : arena_printf(arena, "%.12s%s", now,
                                                                used->moved ? " (tag moved)" : "")));
    value_builder_add(rows, value_builder_list(&row));
    return *now ? EXIT_CHANGES : EXIT_DONE;
}

static int list_all(struct modules *m)
{
    static const char *const titles[] = {"module", "source", "pinned", "files", "upstream"};
    const struct list_settings *own = m->inv->own;
    struct arena *arena = &m->inv->arena;
    AUTO_BUF struct buf text = BUF_INIT, json = BUF_INIT;
    AUTO_BUILDER struct value_builder rows = VALUE_BUILDER(arena);
    bool differs = false;
    for (size_t i = 0; i < m->n; i++) {
        int one = list_one(m, m->items[i], &rows, &json);
        if (one != EXIT_DONE && one != EXIT_CHANGES)
            return one;
        differs = differs || one == EXIT_CHANGES;
    }
    if (m->n)
        table_add_text(table_columns(arena, titles, own->upstream ? 5 : 4), value_builder_list(&rows),
            &m->inv->out, &text);
    else
        buf_addz(&text, "The stack uses no remote modules.\n");
    int status = invocation_write(m->inv, buf_str(m->inv->settings->json ? &json : &text));
    return status != EXIT_DONE ? status : differs ? EXIT_CHANGES : EXIT_DONE;
}

static int list_run(struct invocation *inv)
{
    const struct list_settings *own = inv->own;
    struct modules m;
    int status = modules_open(inv, own->upstream, &m);
    m.visit = leave_pin;
    if (status == EXIT_DONE)
        status = modules_find(&m);
    if (status == EXIT_DONE)
        status = list_all(&m);
    modules_close(&m);
    return status;
}

/* ---- the commands ---- */

static const struct option list_options[] = {
    {0, "upstream", .offset = offsetof(struct list_settings, upstream)},
};
static const struct command modules_list_command = {
    .name = "list",
    .sets = {OWN_OPTIONS(list_options), &options_json, &options_stack},
    .settings_size = sizeof(struct list_settings),
    .run = list_run,
};
static const struct command modules_update_command = {
    .name = "update",
    .args = "[NAME...]",
    .sets = {&options_json, &options_stack},
    .max_args = -1,
    .run = update_run,
};
static const struct option vendor_options[] = {
    {0, "remove", .offset = offsetof(struct vendor_settings, remove)},
};
static const struct command modules_vendor_command = {
    .name = "vendor",
    .args = "[NAME...]",
    .sets = {OWN_OPTIONS(vendor_options), &options_stack},
    .settings_size = sizeof(struct vendor_settings),
    .max_args = -1,
    .run = modules_vendor_run,
};
static const struct command *const subs[] = {
    &modules_list_command, &modules_update_command, &modules_vendor_command, NULL};

const struct command cmd_modules = {
    .name = "modules",
    .subs = subs,
};
