/* weir state: its subcommands; those that only read are here. */
#include "cmd/planning/planning.h"
#include "cmd/state/state_change.h"

#include "base/json.h"
#include "base/mem.h"

#include <limits.h>

struct look_settings {
    struct settings shared;
    int at; /* 0: the current state */
};

/* Opens the state as it was after a record, for commands that only read. */
static int open_state_at(struct invocation *inv, struct workspace *workspace)
{
    const struct look_settings *own = inv->own;
    return invocation_open(
        inv, &(struct workspace_options){.no_stack = true, .state_at = (uint64_t)own->at}, workspace);
}

/* ---- list ---- */

static void list_record(struct invocation *inv, const struct record *r, struct buf *out)
{
    if (!inv->settings->json) {
        text_add_safe(out, r->subject.address, false);
        if (r->tainted)
            buf_addz(out, "  (half-made)");
        buf_add_char(out, '\n');
        return;
    }
    const struct {
        const char *name;
        struct str text;
    } fields[] = {{"address", r->subject.address}, {"type", r->subject.type},
        {"provider", r->subject.provider}, {"id", r->subject.id}};
    buf_addz(out, "{\"event\":\"resource\"");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        json_write_member(out, fields[i].name, fields[i].text);
    buf_addf(out, ",\"tainted\":%s,\"adopted\":%s}\n", r->tainted ? "true" : "false",
        r->adopted ? "true" : "false");
}

static int run_list(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    size_t n, shown = 0;
    int status = open_state_at(inv, &workspace);
    if (status != EXIT_DONE)
        return status;
    AUTO_BUF struct buf out = BUF_INIT;
    const struct record *const *records = state_records(workspace.state, &n);
    for (size_t i = 0; i < n; i++) {
        bool wanted = inv->args.n == 0;
        for (size_t k = 0; k < inv->args.n && !wanted; k++)
            wanted = state_record_is(records[i], inv->args.items[k]);
        if (wanted) {
            list_record(inv, records[i], &out);
            shown++;
        }
    }
    status = !shown && inv->args.n ? state_no_such(inv, workspace.state, inv->args.items[0])
                                   : invocation_write(inv, buf_str(&out));
    sandboxed_note_unused(inv, &workspace);
    return status;
}

/* ---- show ---- */

static void show_record(struct invocation *inv, const struct record *r, struct buf *out)
{
    struct render_options options = {.color = inv->out.color, .everything = true};
    style_addf(out, inv->out.color, STYLE_BOLD, "%.*s", STR_ARG(r->subject.address));
    text_addf(out, "  %.*s%s%s\nprovider: %.*s\nid: %.*s\nattributes: ", STR_ARG(r->subject.type),
        r->tainted ? "  (half-made)" : "", r->adopted ? "  (adopted)" : "", STR_ARG(r->subject.provider),
        STR_ARG(r->subject.id));
    render_value(r->attrs, 0, &options, out);
    if (r->deps && r->deps->count) {
        buf_addz(out, "needs: ");
        render_value(r->deps, 0, &options, out);
    }
}

static void show_record_json(const struct record *r, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value_entry entries[] = {
        {STR("event"), value_stringz(&arena, "resource")},
        {STR("address"), value_string_ref(&arena, r->subject.address)},
        {STR("type"), value_string_ref(&arena, r->subject.type)},
        {STR("provider"), value_string_ref(&arena, r->subject.provider)},
        {STR("id"), value_string_ref(&arena, r->subject.id)},
        {STR("tainted"), value_bool(r->tainted)},
        {STR("adopted"), value_bool(r->adopted)},
        {STR("attrs"), r->attrs ? r->attrs : &value_empty_map},
        {STR("deps"), r->deps ? r->deps : &value_empty_list},
    };
    json_write(out, value_map(&arena, entries, sizeof entries / sizeof *entries), JSON_REDACT);
    buf_add_char(out, '\n');
}

static int run_show(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    int status = open_state_at(inv, &workspace);
    if (status != EXIT_DONE)
        return status;
    size_t n;
    AUTO_BUF struct buf out = BUF_INIT;
    AUTO_FREE const struct record **found = state_find_records(workspace.state, inv->args.items[0], &n);
    for (size_t i = 0; i < n; i++) {
        if (inv->settings->json)
            show_record_json(found[i], &out);
        else
            show_record(inv, found[i], &out);
    }
    status =
        n ? invocation_write(inv, buf_str(&out)) : state_no_such(inv, workspace.state, inv->args.items[0]);
    return status;
}

/* ---- tables ---- */

static const struct option look_options[] = {
    {0, "at", .value = "SEQ", .kind = OPTION_NUMBER, .min = 1, .max = INT_MAX,
        .offset = offsetof(struct look_settings, at)},
};
static const struct option_set look_set = OPTION_SET(NULL, look_options);

static const struct command list = {
    .name = "list",
    .args = "[ADDRESS...]",
    .sets = {&look_set, &options_json, &options_stack},
    .settings_size = sizeof(struct look_settings),
    .max_args = -1,
    .completes = COMPLETES_ADDRESS,
    .run = run_list,
};
static const struct command show = {
    .name = "show",
    .args = "ADDRESS",
    .sets = {&look_set, &options_json, &options_stack},
    .settings_size = sizeof(struct look_settings),
    .min_args = 1,
    .max_args = 1,
    .completes = COMPLETES_ADDRESS,
    .run = run_show,
};
static const struct command *const subs[] = {&list, &show, &state_rm, &state_mv, &state_endpoint,
    &state_import, &state_pull, &state_migrate_command, &state_doctor_command, &state_unlock_command,
    &state_key_command, NULL};

const struct command cmd_state = {
    .name = "state",
    .subs = subs,
};
