/* weir state: resources in the state, listed, shown, moved and removed. */
#include "cmd/planning.h"
#include "cmd/sandboxed.h"
#include "cmd/state_store.h"

#include "base/json.h"
#include "base/mem.h"

#include <limits.h>
#include <stdlib.h>

struct look_settings {
    struct settings shared;
    int at; /* 0: now */
};

/* As it was after some record, for commands that only look. */
static int open_state_at(struct invocation *inv, struct workspace *workspace)
{
    const struct look_settings *own = inv->own;
    return invocation_open(
        inv, &(struct workspace_options){.no_stack = true, .state_at = (uint64_t)own->at}, workspace);
}

/* What its address has behind that one: nothing, ["key"] or /name. p NULL: it is another's. */
static struct str behind(const struct record *record, struct str address)
{
    struct str rest = {NULL, 0};
    if (address.n && str_starts(record->subject.address, address))
        rest = str_slice(record->subject.address, address.n, record->subject.address.n);
    return !rest.n || rest.p[0] == '[' || rest.p[0] == '/' ? rest : (struct str){NULL, 0};
}

/* Is it that instance, an instance of that declaration, or in that module? */
static bool cmd_state_matches(const struct record *record, struct str address)
{
    return behind(record, address).p != NULL;
}

static int no_such(struct invocation *inv, struct state *state, struct str address)
{
    size_t n;
    struct err err = ERR_INIT;
    const struct record *const *records = state_records(state, &n);
    struct str *names = ARENA_ARRAY(&inv->arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = records[i]->subject.address;
    err_set(&err, ERR_ABSENT, "the state has no resource \"%.*s\"", STR_ARG(address));
    struct str near = str_nearest(address, names, n);
    if (near.n)
        err_hint(&err, "did you mean \"%.*s\"?", STR_ARG(near));
    else
        err_hint(&err, "\"weir state list\" lists what there is");
    return invocation_fail(inv, &err);
}

/* The records that an address means, as a heap array. */
static const struct record **find_records(struct state *state, struct str address, size_t *found)
{
    size_t n;
    const struct record *const *records = state_records(state, &n);
    const struct record **list = mem_alloc((n + 1) * sizeof *list);
    *found = 0;
    for (size_t i = 0; i < n; i++)
        if (cmd_state_matches(records[i], address))
            list[(*found)++] = records[i];
    return list;
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
    struct workspace workspace;
    size_t n, shown = 0;
    int status = open_state_at(inv, &workspace);
    if (status != EXIT_DONE)
        return status;
    AUTO_BUF struct buf out = BUF_INIT;
    const struct record *const *records = state_records(workspace.state, &n);
    for (size_t i = 0; i < n; i++) {
        bool wanted = inv->args.n == 0;
        for (size_t k = 0; k < inv->args.n && !wanted; k++)
            wanted = cmd_state_matches(records[i], inv->args.items[k]);
        if (wanted) {
            list_record(inv, records[i], &out);
            shown++;
        }
    }
    status = !shown && inv->args.n ? no_such(inv, workspace.state, inv->args.items[0])
                                   : invocation_write(inv, buf_str(&out));
    sandboxed_note_unused(inv, &workspace);
    workspace_close(&workspace);
    return status;
}

/* ---- show ---- */

static void show_record(struct invocation *inv, const struct record *r, struct buf *out)
{
    struct render_options options = {.color = inv->out.color, .everything = true};
    style_on(out, inv->out.color, STYLE_BOLD);
    text_add_safe(out, r->subject.address, false);
    style_off(out, inv->out.color, STYLE_BOLD);
    buf_addf(out, "  %.*s%s%s\n", STR_ARG(r->subject.type), r->tainted ? "  (half-made)" : "",
        r->adopted ? "  (adopted)" : "");
    buf_addf(out, "provider: %.*s\nid: ", STR_ARG(r->subject.provider));
    text_add_safe(out, r->subject.id, false);
    buf_addz(out, "\nattributes: ");
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
    struct workspace workspace;
    int status = open_state_at(inv, &workspace);
    if (status != EXIT_DONE)
        return status;
    size_t n;
    AUTO_BUF struct buf out = BUF_INIT;
    AUTO_FREE const struct record **found = find_records(workspace.state, inv->args.items[0], &n);
    for (size_t i = 0; i < n; i++) {
        if (inv->settings->json)
            show_record_json(found[i], &out);
        else
            show_record(inv, found[i], &out);
    }
    status = n ? invocation_write(inv, buf_str(&out)) : no_such(inv, workspace.state, inv->args.items[0]);
    workspace_close(&workspace);
    return status;
}

/* ---- changing the state ---- */

/* Runs `change` as a run of its own, under the lock. */
static int change_state(struct invocation *inv, struct workspace *workspace, const char *command,
    int (*change)(struct invocation *, struct state *))
{
    struct err err = ERR_INIT;
    struct state *state = workspace->state;
    if (state_lock(state, command, inv->settings->lock_timeout_ms, &err) < 0)
        return invocation_fail(inv, &err);
    int status =
        state_begin(state, command, NULL, &err) < 0 ? invocation_fail(inv, &err) : change(inv, state);
    if (status == EXIT_DONE || status == EXIT_FAILED) {
        if (state_end(state, status == EXIT_DONE ? "done" : "failed", &value_empty_map, &err) < 0 ||
            state_flush(state, &err) < 0)
            status = invocation_fail(inv, &err);
    }
    state_unlock(state);
    return status;
}

static int cmd_state_changed(struct invocation *inv, const char *what, struct str address, struct str to)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->settings->json) {
        buf_addf(&out, "{\"event\":\"%s\",\"address\":", what);
        json_write_string(&out, address);
        if (to.n) {
            buf_addz(&out, ",\"to\":");
            json_write_string(&out, to);
        }
        buf_addz(&out, "}\n");
    } else {
        buf_addf(&out, "%s ", what);
        text_add_safe(&out, address, false);
        buf_addz(&out, to.n ? " to " : "");
        text_add_safe(&out, to, false);
        buf_add_char(&out, '\n');
    }
    return invocation_write(inv, buf_str(&out));
}

/* An intent of which nobody knew what became of it: now somebody has said that nothing did. */
static int forget_intent(struct invocation *inv, struct state *state, struct str address)
{
    struct err err = ERR_INIT, why = ERR_INIT;
    size_t n;
    const struct intent *const *intents = state_open_intents(state, &n);
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(intents[i]->subject.address, address))
            continue;
        err_set(&why, ERR_ABSENT, "it is not there, as the user says");
        if (state_fail(state, address, intents[i]->action, &why, NULL, &err))
            return invocation_fail(inv, &err);
        return cmd_state_changed(inv, "forgotten", address, STR_EMPTY);
    }
    return EXIT_DONE;
}

static bool has_intent(struct state *state, struct str address)
{
    size_t n;
    const struct intent *const *intents = state_open_intents(state, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(intents[i]->subject.address, address))
            return true;
    return false;
}

/* Is it "connections.NAME", with a host key that was trusted at its first use? */
static bool is_trusted(struct state *state, struct str name, struct str *connection)
{
    if (!str_starts(name, STR("connections.")))
        return false;
    *connection = str_slice(name, sizeof "connections." - 1, name.n);
    return value_get(state_trusted(state), *connection) != NULL;
}

static int remove_all(struct invocation *inv, struct state *state)
{
    struct str connection;
    struct err err = ERR_INIT;
    for (size_t i = 0; i < inv->args.n; i++) { /* all or nothing, as far as names go */
        size_t n;
        free(find_records(state, inv->args.items[i], &n));
        if (!n && !has_intent(state, inv->args.items[i]) &&
            !is_trusted(state, inv->args.items[i], &connection))
            return no_such(inv, state, inv->args.items[i]);
    }
    for (size_t i = 0; i < inv->args.n; i++) {
        size_t n;
        if (is_trusted(state, inv->args.items[i], &connection)) {
            if (state_trust(state, connection, STR_EMPTY, &err))
                return invocation_fail(inv, &err);
            cmd_state_changed(inv, "forgotten", inv->args.items[i], STR_EMPTY);
            continue;
        }
        AUTO_FREE const struct record **found = find_records(state, inv->args.items[i], &n);
        for (size_t k = 0; k < n; k++) {
            struct str address = arena_str(&inv->arena, found[k]->subject.address);
            if (state_drop(state, address, &err) < 0)
                return invocation_fail(inv, &err);
            cmd_state_changed(inv, "forgotten", address, STR_EMPTY);
        }
        int status = n ? EXIT_DONE : forget_intent(inv, state, inv->args.items[i]);
        if (status != EXIT_DONE)
            return status;
    }
    return EXIT_DONE;
}

static int run_rm(struct invocation *inv)
{
    struct workspace workspace;
    int status = invocation_open_state(inv, &workspace);
    if (status != EXIT_DONE)
        return status;
    status = change_state(inv, &workspace, "state rm", remove_all);
    workspace_close(&workspace);
    return status;
}

/* lake -> store moves lake["a"] to store["a"] and, if it is a module, lake/x to store/x. */
static int target_of(struct invocation *inv, const struct record *record, struct str *out)
{
    struct str from = inv->args.items[0], to = inv->args.items[1], rest = behind(record, from), declared, key;
    if (!address_split(&inv->arena, to, &declared, &key))
        return invocation_usage(inv, "addresses look like lake, lake[\"key\"] or module/lake",
            "\"%.*s\" is no address", STR_ARG(to));
    if (rest.n && rest.p[0] == '[' && key.p)
        return invocation_usage(inv, "leave the key out, or move one of them",
            "%.*s has several, and %.*s is one", STR_ARG(from), STR_ARG(to));
    *out = arena_printf(&inv->arena, "%.*s%.*s", STR_ARG(to), STR_ARG(rest));
    return EXIT_DONE;
}

static int move_all(struct invocation *inv, struct state *state)
{
    struct err err = ERR_INIT;
    size_t n;
    AUTO_FREE const struct record **found = find_records(state, inv->args.items[0], &n);
    if (!n)
        return no_such(inv, state, inv->args.items[0]);
    struct str *sources = ARENA_ARRAY(&inv->arena, struct str, n),
               *targets = ARENA_ARRAY(&inv->arena, struct str, n);
    for (size_t i = 0; i < n; i++) { /* all or nothing, as far as names go */
        int status = target_of(inv, found[i], &targets[i]);
        if (status != EXIT_DONE)
            return status;
        if (state_get(state, targets[i]))
            return invocation_usage(
                inv, NULL, "the state has a resource \"%.*s\" already", STR_ARG(targets[i]));
        sources[i] = arena_str(&inv->arena, found[i]->subject.address);
    }
    for (size_t i = 0; i < n; i++) {
        if (state_move(state, sources[i], targets[i], &err) < 0)
            return invocation_fail(inv, &err);
        cmd_state_changed(inv, "moved", sources[i], targets[i]);
    }
    return EXIT_DONE;
}

static int run_mv(struct invocation *inv)
{
    struct workspace workspace;
    int status = invocation_open_state(inv, &workspace);
    if (status != EXIT_DONE)
        return status;
    status = change_state(inv, &workspace, "state mv", move_all);
    workspace_close(&workspace);
    return status;
}

/* ---- another address of the same store ---- */

static int move_endpoint(struct invocation *inv, struct state *state)
{
    struct err err = ERR_INIT;
    struct str from = inv->args.items[0], to = inv->args.items[1];
    size_t n, count = 0;
    const struct record *const *records = state_records(state, &n);
    const struct record **list = ARENA_ARRAY(&inv->arena, const struct record *, n + 1);
    for (size_t i = 0; i < n; i++) /* the list above is gone with the first change */
        if (str_eq(value_gets(records[i]->place, "endpoint"), from))
            list[count++] = records[i];
    if (!count) {
        err_set(&err, ERR_ABSENT, "nothing in the state was made at \"%.*s\"", STR_ARG(from));
        err_hint(&err, "`weir state pull` has the place of each resource");
        return invocation_fail(inv, &err);
    }
    const struct value *now = value_string(&inv->arena, to);
    for (size_t i = 0; i < count; i++) {
        const struct record *r = list[i];
        struct outcome outcome = {.record = *r, .action = STR("endpoint")};
        outcome.record.place = value_with(&inv->arena, r->place, STR("endpoint"), now);
        if (state_done(state, &outcome, &err) < 0)
            return invocation_fail(inv, &err);
        cmd_state_changed(inv, "moved", r->subject.address, to);
    }
    return EXIT_DONE;
}

static int run_endpoint(struct invocation *inv)
{
    struct workspace workspace;
    int status = invocation_open_state(inv, &workspace);
    if (status != EXIT_DONE)
        return status;
    status = change_state(inv, &workspace, "state endpoint", move_endpoint);
    workspace_close(&workspace);
    return status;
}

/* ---- tables ---- */

static const struct option change_options[] = {
    {0, "lock-timeout", .value = "TIME", .kind = OPTION_DURATION,
        .offset = offsetof(struct settings, lock_timeout_ms),
        .doc = "how long to wait for a locked state: 90, 30s, 5m (default: not at all)"},
};
static const struct option_set change_set = OPTION_SET(NULL, change_options);
static const struct option look_options[] = {
    {0, "at", .value = "SEQ", .kind = OPTION_NUMBER, .min = 1, .max = INT_MAX,
        .offset = offsetof(struct look_settings, at),
        .doc = "as it was after the record of that number (\"weir history --json\" has them)"},
};
static const struct option_set look_set = OPTION_SET(NULL, look_options);
static const struct option_set *const look_sets[] = {&look_set, &options_json, &options_stack, NULL};
static const struct option_set *const change_sets[] = {&change_set, &options_json, &options_stack, NULL};

static const struct command list = {
    .name = "list",
    .args = "[ADDRESS...]",
    .summary = "list the resources in the state",
    .sets = look_sets,
    .settings_size = sizeof(struct look_settings),
    .max_args = -1,
    .completes = COMPLETES_ADDRESS,
    .run = run_list,
};
static const struct command show = {
    .name = "show",
    .args = "ADDRESS",
    .summary = "show what the state says of a resource",
    .sets = look_sets,
    .settings_size = sizeof(struct look_settings),
    .min_args = 1,
    .max_args = 1,
    .completes = COMPLETES_ADDRESS,
    .run = run_show,
};
static const struct command rm = {
    .name = "rm",
    .args = "ADDRESS...",
    .summary = "forget resources without deleting them",
    .details = "The resources stay as they are; weir does not know of them any more. Without [\"key\"] all "
               "instances are meant, and of a module all that is in it.",
    .sets = change_sets,
    .min_args = 1,
    .max_args = -1,
    .completes = COMPLETES_ADDRESS,
    .run = run_rm,
};
static const struct command mv = {
    .name = "mv",
    .args = "FROM TO",
    .summary = "give a resource another address",
    .details = "For when a resource or a module was renamed in the stack. The stack can say the same with "
               "`moved:`, for everybody.",
    .sets = change_sets,
    .min_args = 2,
    .max_args = 2,
    .completes = COMPLETES_ADDRESS,
    .run = run_mv,
};
static const struct command endpoint = {
    .name = "endpoint",
    .args = "OLD NEW",
    .summary = "say that a store or server has another address now",
    .details =
        "Where each resource was made is recorded, and nothing is looked for or changed anywhere else. "
        "A store of your own may get another address and be the same; then this says so, for all that "
        "was made at OLD. Both are URLs as in `endpoint` of the provider's settings. A region or an "
        "account of AWS cannot move.",
    .sets = change_sets,
    .min_args = 2,
    .max_args = 2,
    .run = run_endpoint,
};
static const struct command *const subs[] = {&list, &show, &rm, &mv, &endpoint, &state_import, &state_pull,
    &state_migrate_command, &state_doctor_command, &state_unlock_command, &state_key_command, NULL};

const struct command cmd_state = {
    .name = "state",
    .summary = "look at the state, and mend it",
    .details = "The state is a log: nothing in it is rewritten, and what these commands change is recorded "
               "like any other run.",
    .subs = subs,
};
