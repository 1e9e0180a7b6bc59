/* weir state rm, mv and endpoint: change records by hand. */
#include "cmd/state/state_change.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>

/* ---- records of an address ---- */

/* Returns the rest of the record's address after `address`: "", ["key"] or /name. p NULL: it does not
 * match. */
static struct str address_rest(const struct record *record, struct str address)
{
    struct str rest = {NULL, 0};
    if (address.n && str_starts(record->subject.address, address))
        rest = str_slice(record->subject.address, address.n, record->subject.address.n);
    return !rest.n || rest.p[0] == '[' || rest.p[0] == '/' ? rest : (struct str){NULL, 0};
}

bool state_record_is(const struct record *record, struct str address)
{
    return address_rest(record, address).p != NULL;
}

int state_no_such(struct invocation *inv, struct state *state, struct str address)
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

const struct record **state_find_records(struct state *state, struct str address, size_t *found)
{
    size_t n;
    const struct record *const *records = state_records(state, &n);
    const struct record **list = mem_alloc((n + 1) * sizeof *list);
    *found = 0;
    for (size_t i = 0; i < n; i++)
        if (state_record_is(records[i], address))
            list[(*found)++] = records[i];
    return list;
}

/* ---- changes ---- */

/* Executes `change` as its own run, with the lock held. */
static int change_state(struct invocation *inv, struct state *state, const char *command,
    int (*change)(struct invocation *, struct state *))
{
    struct err err = ERR_INIT;
    if (state_lock(state, command, inv->settings->lock_timeout_ms, &err) < 0)
        return invocation_fail(inv, &err);
    bool begun = state_begin(state, command, NULL, &err) == 0;
    int status = begun ? change(inv, state) : invocation_fail(inv, &err);
    if (begun &&
        (state_end(state, status == EXIT_DONE ? "done" : "failed", &value_empty_map, NULL, &err) < 0 ||
            state_flush(state, &err) < 0))
        status = invocation_fail(inv, &err);
    state_unlock(state);
    return status;
}

static int run_change(
    struct invocation *inv, const char *command, int (*change)(struct invocation *, struct state *))
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    int status = invocation_open_state(inv, &workspace);
    return status != EXIT_DONE ? status : change_state(inv, workspace.state, command, change);
}

static int say_changed(struct invocation *inv, const char *what, struct str address, struct str to)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->settings->json) {
        buf_addf(&out, "{\"event\":\"%s\"", what);
        json_write_member(&out, "address", address);
        json_write_member_if_any(&out, "to", to);
        buf_addz(&out, "}\n");
    } else {
        text_addf(&out, "%s %.*s%s%.*s\n", what, STR_ARG(address), to.n ? " to " : "", STR_ARG(to));
    }
    return invocation_write(inv, buf_str(&out));
}

/* Ends an open intent whose result was unknown: the user confirms that nothing was created. */
static int forget_intent(struct invocation *inv, struct state *state, struct str address)
{
    struct err err = ERR_INIT, why = ERR_INIT;
    size_t n;
    const struct intent *const *intents = state_open_intents(state, &n);
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(intents[i]->subject.address, address))
            continue;
        err_set(&why, ERR_ABSENT, "the user reports that it does not exist");
        if (state_fail(state, address, intents[i]->action, &why, NULL, &err))
            return invocation_fail(inv, &err);
        return say_changed(inv, "forgotten", address, STR_EMPTY);
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

/* Returns whether the name is "connections.NAME" with a host key that was trusted at its first use. */
static bool is_trusted(struct state *state, struct str name, struct str *connection)
{
    if (!str_starts(name, STR("connections.")))
        return false;
    *connection = str_slice(name, sizeof "connections." - 1, name.n);
    return value_get(state_trusted(state), *connection) != NULL;
}

/* Returns whether the state has a resource, intent or host key with that name. */
static bool is_known(struct state *state, struct str name)
{
    size_t n;
    struct str connection;
    free(state_find_records(state, name, &n));
    return n || has_intent(state, name) || is_trusted(state, name, &connection);
}

static int forget_key(struct invocation *inv, struct state *state, struct str name, struct str connection)
{
    struct err err = ERR_INIT;
    if (state_trust(state, connection, STR_EMPTY, STR_EMPTY, &err))
        return invocation_fail(inv, &err);
    say_changed(inv, "forgotten", name, STR_EMPTY);
    return EXIT_DONE;
}

static int forget_resources(struct invocation *inv, struct state *state, struct str name)
{
    size_t n;
    struct err err = ERR_INIT;
    AUTO_FREE const struct record **found = state_find_records(state, name, &n);
    for (size_t i = 0; i < n; i++) {
        struct str address = arena_str(&inv->arena, found[i]->subject.address);
        if (state_drop(state, address, &err) < 0)
            return invocation_fail(inv, &err);
        say_changed(inv, "forgotten", address, STR_EMPTY);
    }
    return n ? EXIT_DONE : forget_intent(inv, state, name);
}

static int remove_all(struct invocation *inv, struct state *state)
{
    struct str connection;
    for (size_t i = 0; i < inv->args.n; i++) /* all names are checked before any change */
        if (!is_known(state, inv->args.items[i]))
            return state_no_such(inv, state, inv->args.items[i]);
    for (size_t i = 0; i < inv->args.n; i++) {
        struct str name = inv->args.items[i];
        int status = is_trusted(state, name, &connection) ? forget_key(inv, state, name, connection)
                                                          : forget_resources(inv, state, name);
        if (status != EXIT_DONE)
            return status;
    }
    return EXIT_DONE;
}

static int run_rm(struct invocation *inv)
{
    return run_change(inv, "state rm", remove_all);
}

/* Returns the new address: lake -> store moves lake["a"] to store["a"] and, for a module, lake/x to
 * store/x. */
static int target_of(struct invocation *inv, const struct record *record, struct str *out)
{
    struct str from = inv->args.items[0], to = inv->args.items[1], rest = address_rest(record, from),
               declared, key;
    if (!address_split(&inv->arena, to, &declared, &key))
        return invocation_usage(inv, "addresses look like lake, lake[\"key\"] or module/lake",
            "\"%.*s\" is not an address", STR_ARG(to));
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
    AUTO_FREE const struct record **found = state_find_records(state, inv->args.items[0], &n);
    if (!n)
        return state_no_such(inv, state, inv->args.items[0]);
    struct str *sources = ARENA_ARRAY(&inv->arena, struct str, n),
               *targets = ARENA_ARRAY(&inv->arena, struct str, n);
    for (size_t i = 0; i < n; i++) { /* all addresses are checked before any change */
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
        say_changed(inv, "moved", sources[i], targets[i]);
    }
    return EXIT_DONE;
}

static int run_mv(struct invocation *inv)
{
    return run_change(inv, "state mv", move_all);
}

/* ---- a new endpoint of the same store ---- */

static int move_endpoint(struct invocation *inv, struct state *state)
{
    struct err err = ERR_INIT;
    struct str from = inv->args.items[0], to = inv->args.items[1];
    size_t n, count = 0;
    const struct record *const *records = state_records(state, &n);
    const struct record **list = ARENA_ARRAY(&inv->arena, const struct record *, n + 1);
    for (size_t i = 0; i < n; i++) /* copied, since the first change invalidates `records` */
        if (str_eq(value_gets(records[i]->location, "endpoint"), from))
            list[count++] = records[i];
    if (!count) {
        err_set(&err, ERR_ABSENT, "no resource in the state was created at \"%.*s\"", STR_ARG(from));
        err_hint(&err, "`weir state pull` shows the location of each resource");
        return invocation_fail(inv, &err);
    }
    const struct value *now = value_string(&inv->arena, to);
    for (size_t i = 0; i < count; i++) {
        const struct record *r = list[i];
        struct outcome outcome = {.record = *r, .action = STR("endpoint")};
        outcome.record.location = value_with(&inv->arena, r->location, STR("endpoint"), now);
        if (state_done(state, &outcome, &err) < 0)
            return invocation_fail(inv, &err);
        say_changed(inv, "moved", r->subject.address, to);
    }
    return EXIT_DONE;
}

static int run_endpoint(struct invocation *inv)
{
    return run_change(inv, "state endpoint", move_endpoint);
}

/* ---- tables ---- */

const struct command state_rm = {
    .name = "rm",
    .args = "ADDRESS...",
    .sets = {&options_lock, &options_json, &options_stack},
    .min_args = 1,
    .max_args = -1,
    .completes = COMPLETES_ADDRESS,
    .run = run_rm,
};
const struct command state_mv = {
    .name = "mv",
    .args = "FROM TO",
    .sets = {&options_lock, &options_json, &options_stack},
    .min_args = 2,
    .max_args = 2,
    .completes = COMPLETES_ADDRESS,
    .run = run_mv,
};
const struct command state_endpoint = {
    .name = "endpoint",
    .args = "OLD NEW",
    .sets = {&options_lock, &options_json, &options_stack},
    .min_args = 2,
    .max_args = 2,
    .run = run_endpoint,
};
