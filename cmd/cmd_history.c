/* weir history: the runs in the state's log. */
#include "cmd/page/page.h"

#include "base/clock.h"
#include "base/json.h"

struct history_settings {
    struct settings shared;
    int last;
    const char *format;
};

enum { DEFAULT_LAST = 20 };

/* ---- text ---- */

static void add_counts(const struct history_run *run, struct buf *out)
{
    const struct {
        size_t n;
        const char *what;
    } counts[] = {{run->created, "created"}, {run->updated, "updated"}, {run->deleted, "deleted"},
        {run->imported, "imported"}, {run->moved, "moved"}, {run->forgotten, "forgotten"},
        {run->failed, "failed"}};
    const char *separator = "";
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (!counts[i].n)
            continue;
        buf_addf(out, "%s%zu %s", separator, counts[i].n, counts[i].what);
        separator = ", ";
    }
    if (!separator[0])
        buf_addz(out, "nothing changed");
}

enum { NUMBER_WIDTH = 5, COMMAND_WIDTH = 8, STATUS_WIDTH = 11, ACTION_WIDTH = 7 };

static void add_run(struct invocation *inv, const struct history_run *run, struct buf *out)
{
    bool color = inv->out.color, bad = !str_is_any(run->status, "done running");
    AUTO_ARENA struct arena arena = ARENA_INIT;
    style_on(out, color, STYLE_BOLD);
    buf_addf(out, "%*s", run->run.n < NUMBER_WIDTH ? NUMBER_WIDTH - (int)run->run.n : 0, "");
    text_addf(out, "%.*s  ", STR_ARG(run->run));
    style_off(out, color, STYLE_BOLD);
    buf_addf(out, "%s  ", time_rfc3339(&arena, run->begin_ms, false).p);
    text_add_column(out, run->command, COMMAND_WIDTH);
    if (bad)
        style_on(out, color, STYLE_RED);
    text_add_column(out, run->status, STATUS_WIDTH);
    if (bad)
        style_off(out, color, STYLE_RED);
    text_addf(out, "%.*s  ", STR_ARG(run->owner));
    add_counts(run, out);
    if (run->checks->count)
        buf_addf(out, ", %zu of %u checks kept", run->met, run->checks->count);
    if (run->ci_url.n)
        text_addf(out, "  %.*s", STR_ARG(run->ci_url));
    if (run->approved.n)
        text_addf(out, "  approved %.*s: %.*s", STR_ARG(run->approved), STR_ARG(run->reason));
    buf_add_char(out, '\n');
}

static void add_change(const struct history_change *change, struct buf *out)
{
    buf_addz(out, "         ");
    text_add_column(out, change->action, ACTION_WIDTH);
    text_add_safe(out, change->address, false);
    if (change->to.n)
        text_addf(out, " -> %.*s", STR_ARG(change->to));
    text_addf(out, "%s%.*s", change->type.n ? "  " : "", STR_ARG(change->type));
    buf_addz(out, change->failed ? "  failed: " : "");
    if (change->failed)
        text_add_lines(out, change->error, " / ");
    buf_add_char(out, '\n');
}

static void add_checks(const struct history_run *run, struct buf *out)
{
    for (uint32_t i = 0; i < run->checks->count; i++) {
        buf_addz(out, "         ");
        text_add_column(out, value_text(run->checks->entries[i].value, STR_EMPTY), ACTION_WIDTH);
        text_addf(out, "%.*s\n", STR_ARG(run->checks->entries[i].key));
    }
}

/* ---- json ---- */

static void add_run_json(const struct history_run *run, bool changes, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    buf_addz(out, "{\"event\":\"run\"");
    json_write_member(out, "run", run->run);
    json_write_member(out, "command", run->command);
    json_write_member(out, "status", run->status);
    json_write_member(out, "owner", run->owner);
    json_write_member(out, "version", run->version);
    json_write_member(out, "ci_url", run->ci_url);
    json_write_member_if_any(out, "approved", run->approved);
    json_write_member_if_any(out, "reason", run->reason);
    if (run->checks->count) {
        buf_addz(out, ",\"checks\":");
        json_write(out, run->checks, JSON_PLAIN);
    }
    json_write_member(out, "begin", time_rfc3339(&arena, run->begin_ms, true));
    if (run->end_ms)
        json_write_member(out, "end", time_rfc3339(&arena, run->end_ms, true));
    buf_addf(out,
        ",\"created\":%zu,\"updated\":%zu,\"deleted\":%zu,\"imported\":%zu,\"moved\":%zu,\"forgotten\":%zu,"
        "\"failed\":%zu,\"first_seq\":%llu,\"last_seq\":%llu}\n",
        run->created, run->updated, run->deleted, run->imported, run->moved, run->forgotten, run->failed,
        (unsigned long long)run->first_seq, (unsigned long long)run->last_seq);
    for (size_t i = 0; changes && i < run->change_count; i++) {
        const struct history_change *change = &run->changes[i];
        buf_addz(out, "{\"event\":\"run_change\"");
        json_write_member(out, "run", run->run);
        json_write_member(out, "address", change->address);
        json_write_member(out, "action", change->action);
        json_write_member(out, "type", change->type);
        json_write_member(out, "id", change->id);
        json_write_member_if_any(out, "to", change->to);
        if (change->failed)
            json_write_member(out, "error", change->error);
        buf_addf(out, ",\"seq\":%llu}\n", (unsigned long long)change->seq);
    }
}

/* ---- the command ---- */

static bool wants_page(const struct invocation *inv)
{
    const struct history_settings *own = inv->own;
    return str_eqz(str_z(own->format), "html");
}

static int cmd_history_page(
    struct invocation *inv, const struct workspace *workspace, const struct history_run *runs, size_t n)
{
    AUTO_BUF struct buf page = BUF_INIT;
    struct err err = ERR_INIT;
    if (history_page_write(workspace, runs, n, &inv->arena, &page, &err))
        return invocation_fail(inv, &err);
    return invocation_write(inv, buf_str(&page));
}

static int cmd_history_print(
    struct invocation *inv, const struct workspace *workspace, const struct history_run *runs, size_t n)
{
    const struct history_settings *own = inv->own;
    AUTO_BUF struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    bool one = inv->args.n > 0;
    size_t last = own->last ? (size_t)own->last : DEFAULT_LAST, first = n > last ? n - last : 0;
    if (one) {
        const struct history_run *run = history_find(runs, n, inv->args.items[0]);
        if (!run) {
            err_set(&err, ERR_ABSENT, "there is no run %.*s", STR_ARG(inv->args.items[0]));
            err_hint(&err, "\"weir history\" lists them");
            return invocation_fail(inv, &err);
        }
        first = (size_t)(run - runs);
        n = first + 1;
    }
    if (wants_page(inv))
        return cmd_history_page(inv, workspace, runs + first, n - first);
    for (size_t i = first; i < n; i++) {
        if (inv->settings->json) {
            add_run_json(&runs[i], one, &out);
            continue;
        }
        add_run(inv, &runs[i], &out);
        for (size_t k = 0; one && k < runs[i].change_count; k++)
            add_change(&runs[i].changes[k], &out);
        if (one)
            add_checks(&runs[i], &out);
    }
    return invocation_write(inv, buf_str(&out));
}

static int cmd_history_run(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    if (wants_page(inv) && (inv->settings->json || inv->args.n))
        return invocation_usage(inv, NULL,
            "--format html is a page of the latest runs, and does not go with %s",
            inv->args.n ? "one of them" : "--json");
    int status = invocation_open_state(inv, &workspace);
    if (status != EXIT_DONE)
        return status;
    struct backend *backend;
    struct err err = ERR_INIT;
    const struct history_run *runs = NULL;
    size_t n = 0;
    int rc = workspace_backend(&workspace, &backend, &err);
    if (rc == 0) {
        rc = history_read(backend, &inv->arena, &runs, &n, &err);
        if (rc == 0)
            runs = history_with_running(backend, &inv->arena, runs, n);
        backend_free(backend);
    }
    status = rc < 0 ? invocation_fail(inv, &err) : cmd_history_print(inv, &workspace, runs, n);
    if (rc == 0)
        sandboxed_note_unused(inv, &workspace);
    return status;
}

static const struct option options[] = {
    {'n', "last", .value = "N", .kind = OPTION_NUMBER, .min = 1, .max = 1000000,
        .offset = offsetof(struct history_settings, last)},
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct history_settings, format),
        .completes = COMPLETES_CHOICES, .choices = "text html"},
};

const struct command cmd_history = {
    .name = "history",
    .args = "[RUN]",
    .sets = {OWN_OPTIONS(options), &options_json, &options_stack},
    .settings_size = sizeof(struct history_settings),
    .max_args = 1,
    .run = cmd_history_run,
};
