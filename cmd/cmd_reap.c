/* weir reap: destroys all stacks of a place whose leases have ended. weir sweep: shows, adopts or deletes
 * resources that have weir's ownership tags and no record in any state. */
#include "base/json.h"
#include "cmd/planning/planning.h"
#include "cmd/reap/reap.h"
#include "plan/evaluate/lease.h"

/* ---- listing ---- */

static void add_word(struct buf *out, const struct known_state *known, int64_t now_ms)
{
    int64_t left_ms = state_lease(known->state).until_ms - now_ms;
    if (known->user) {
        buf_addf(out, "has expired, but stays: %.*s uses its resources", STR_ARG(known->user->name));
        return;
    }
    buf_addz(out, left_ms > 0 ? "ends in " : "ended ");
    text_add_duration(out, left_ms > 0 ? left_ms : -left_ms);
    buf_addz(out, left_ms > 0 ? "" : " ago");
}

static void show_one(struct invocation *inv, const struct known_state *known, int64_t now_ms)
{
    AUTO_BUF struct buf out = BUF_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lease lease = state_lease(known->state);
    if (inv->settings->json) {
        buf_addz(&out, "{\"event\":\"leased\"");
        json_write_member(&out, "state", known->name);
        json_write_member(&out, "until", lease_text(&scratch, &lease));
        buf_addf(&out, ",\"left_ms\":%lld,\"due\":%s", (long long)(lease.until_ms - now_ms),
            known->due ? "true" : "false");
        json_write_member(&out, "used_by", known->user ? known->user->name : STR_EMPTY);
        buf_addz(&out, "}\n");
    } else {
        buf_addf(&out, "  %.*s: ", STR_ARG(known->name));
        add_word(&out, known, now_ms);
        buf_add_char(&out, '\n');
    }
    invocation_write(inv, buf_str(&out));
}

static void show_leased(struct known_states *all)
{
    size_t leased = 0, existing = 0;
    for (size_t i = 0; i < all->n; i++) {
        existing += all->items[i].has_resources;
        leased += all->items[i].has_resources && state_lease(all->items[i].state).until_ms;
    }
    if (!all->inv->settings->json) {
        AUTO_BUF struct buf out = BUF_INIT;
        buf_addf(&out, "%zu stack%s, %zu with a lease%s\n", existing, existing == 1 ? "" : "s", leased,
            leased ? ":" : "; nothing is due.");
        invocation_write(all->inv, buf_str(&out));
    }
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].has_resources && state_lease(all->items[i].state).until_ms)
            show_one(all->inv, &all->items[i], all->now_ms);
    if (leased && all->by_machine)
        invocation_note(all->inv, "no service reports the time: this machine's clock is used");
}

/* ---- destroying ---- */

/* Returns whether another due stack uses this one, so that it is destroyed later. */
static bool is_used_by_due(const struct known_states *all, const struct known_state *known)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].due && &all->items[i] != known && known_state_needs(&all->items[i], known->state))
            return true;
    return false;
}

static int reap_wave(struct known_states *all, const bool *later, bool wave)
{
    struct known_state **list = ARENA_ARRAY(&all->inv->arena, struct known_state *, all->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        struct known_state *known = &all->items[i];
        if (!known->due || known->user || later[i] != wave)
            continue;
        known_state_options(known);
        list[n++] = known;
    }
    return n ? reap_states(all->inv, list, n, all->now_ms) : EXIT_DONE;
}

static int reap_due(struct known_states *all)
{
    bool *later = ARENA_ARRAY(&all->inv->arena, bool, all->n + 1);
    for (size_t i = 0; i < all->n; i++)
        later[i] = all->items[i].due && is_used_by_due(all, &all->items[i]);
    int first = reap_wave(all, later, false);
    if (atomic_load(signals_stop()))
        return first;
    int second = reap_wave(all, later, true);
    return first > second ? first : second;
}

/* Deletes resources with ownership tags and an ended lease that no state records. */
static int reap_strays(struct known_states *all)
{
    struct strays strays;
    int status = strays_open(all, &strays);
    struct owned_group **due = ARENA_ARRAY(&all->inv->arena, struct owned_group *, strays.owned.n + 1);
    size_t n = 0;
    for (size_t i = 0; status == EXIT_DONE && i < strays.owned.n; i++)
        if (stray_is_due(&strays, &strays.owned.groups[i]))
            due[n++] = &strays.owned.groups[i];
    if (status == EXIT_DONE && !all->inv->settings->json)
        invocation_note(all->inv, "%zu stack%s without a state, %zu due.", strays.owned.n,
            strays.owned.n == 1 ? "" : "s", n);
    if (status == EXIT_DONE && n)
        status = strays_take_down(&strays, due, n, true);
    strays_close(&strays);
    return status;
}

static int install(struct known_states *all)
{
    const struct reap_settings *own = all->inv->own;
    if (all->unread && !own->uninstall)
        return EXIT_FAILED; /* the permissions that it needs are unknown */
    return reap_install(all, own);
}

static int check_options(struct invocation *inv)
{
    const struct reap_settings *own = inv->own;
    if (own->install && own->uninstall)
        return invocation_usage(inv, NULL, "--install and --uninstall exclude each other");
    if ((own->every_ms || own->program) && !own->install)
        return invocation_usage(inv, NULL, "--every and --program go with --install");
    return EXIT_DONE;
}

static int run_reap(struct invocation *inv)
{
    struct known_states all;
    const struct reap_settings *own = inv->own;
    int wrong = check_options(inv);
    if (wrong != EXIT_DONE)
        return wrong;
    ((struct settings *)inv->own)->lab = true; /* resources with a lease contain no data worth keeping */
    int status = known_states_open(inv, inv->args.n ? inv->args.items : NULL, &own->also, &all);
    if (status == EXIT_DONE && (own->install || own->uninstall)) {
        status = install(&all);
    } else if (status == EXIT_DONE) {
        known_states_due(&all);
        show_leased(&all);
        status = reap_due(&all);
        int stray = own->by_tags ? reap_strays(&all) : EXIT_DONE;
        status = stray > status ? stray : status;
        if (status == EXIT_DONE && all.unread)
            status = EXIT_FAILED;
    }
    known_states_close(&all);
    return status;
}

/* ---- the command ---- */

#define SHARED(field_) .offset = offsetof(struct settings, field_)

static const struct option states[] = {
    {'C', "dir", .value = "DIR", .kind = OPTION_TEXT, SHARED(dir), .completes = COMPLETES_DIR},
    {0, "sandbox", SHARED(sandbox)},
    {0, "also", .value = "PLACE", .kind = OPTION_LIST, .offset = offsetof(struct reap_settings, also),
        .completes = COMPLETES_DIR},
    {0, "specs", .value = "DIR", .kind = OPTION_TEXT, SHARED(specs), .completes = COMPLETES_DIR},
};
const struct option_set options_states = OPTION_SET(NULL, states);

static const struct option options[] = {
    {0, "dry-run", .offset = offsetof(struct reap_settings, dry_run)},
    {0, "by-tags", .offset = offsetof(struct reap_settings, by_tags)},
    {0, "install", .offset = offsetof(struct reap_settings, install)},
    {0, "every", .value = "TIME", .kind = OPTION_DURATION,
        .offset = offsetof(struct reap_settings, every_ms)},
    {0, "program", .value = "FILE", .kind = OPTION_TEXT, .offset = offsetof(struct reap_settings, program),
        .completes = COMPLETES_FILE},
    {0, "uninstall", .offset = offsetof(struct reap_settings, uninstall)},
    {OPTION_DELETE_ADOPTED},
    {0, "full", SHARED(full)},
};

const struct command cmd_reap = {
    .name = "reap",
    .args = "[STATE]",
    .sets = {OWN_OPTIONS(options), &options_states, &options_change, &options_json},
    .settings_size = sizeof(struct reap_settings),
    .max_args = 1,
    .run = run_reap,
};

/* ---- weir sweep: resources with weir's ownership tags that no state records ---- */

/* Matches the stack's name, or the beginning of the state's lineage. */
static bool is_named(const struct owned_group *group, struct str name)
{
    return str_eq(group->stack, name) || (name.n >= 4 && str_starts(group->lineage, name));
}

static bool is_listed(struct owned_group *const *list, size_t n, const struct owned_group *group)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == group)
            return true;
    return false;
}

static int find_named(struct strays *strays, const struct texts *names, struct owned_group **list, size_t *n)
{
    *n = 0;
    for (size_t k = 0; k < names->n; k++) {
        size_t before = *n;
        bool known = false; /* a group may match twice, by the stack's name and by the lineage */
        for (size_t i = 0; i < strays->owned.n; i++) {
            struct owned_group *group = &strays->owned.groups[i];
            if (!is_named(group, names->items[k]))
                continue;
            known = true;
            if (!is_listed(list, before, group))
                list[(*n)++] = group;
        }
        if (!known)
            return invocation_usage(strays->all->inv, "`weir sweep` shows what there is",
                "there is no stack \"%.*s\" without a state", STR_ARG(names->items[k]));
    }
    return EXIT_DONE;
}

/* ---- adopting ---- */

static int adopt_group(struct invocation *inv, const struct owned_group *group)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct err err = ERR_INIT;
    int status = invocation_open(inv, NULL, &workspace);
    if (status != EXIT_DONE)
        return status;
    if (!str_eq(workspace.stack->name, group->stack))
        status = invocation_usage(inv, "go to its folder, or name it with -C",
            "this is the stack \"%.*s\", and the ownership tags are those of \"%.*s\"",
            STR_ARG(workspace.stack->name), STR_ARG(group->stack));
    if (status == EXIT_DONE)
        status = planning_lock(inv, &workspace);
    if (status == EXIT_DONE && owned_record(&workspace, group, &err))
        status = invocation_fail(inv, &err);
    if (status == EXIT_DONE)
        invocation_note(inv,
            "%zu resources of %.*s are in the state %.*s now; \"weir plan\" shows what differs.", group->n,
            STR_ARG(group->stack), STR_ARG(state_description(workspace.state)));
    return status;
}

/* ---- the command ---- */

static int sweep_strays(struct invocation *inv, struct strays *strays)
{
    const struct reap_settings *own = inv->own;
    struct owned_group **list = ARENA_ARRAY(
        &inv->arena, struct owned_group *, strays->owned.n * (own->taken_down.n + own->adopted.n + 1) + 1);
    size_t n = 0;
    if (!own->taken_down.n && !own->adopted.n)
        return strays_show(strays, inv->settings->full);
    int status = find_named(strays, own->adopted.n ? &own->adopted : &own->taken_down, list, &n);
    if (status != EXIT_DONE)
        return status;
    if (!own->adopted.n)
        return strays_take_down(strays, list, n, false);
    if (n > 1)
        return invocation_usage(inv, "name the state, as `weir sweep` shows it",
            "there are several: a stack can import one at a time");
    return adopt_group(inv, list[0]);
}

static int run_sweep(struct invocation *inv)
{
    const struct reap_settings *own = inv->own;
    struct known_states all;
    struct strays strays = {0};
    if (own->adopted.n && own->taken_down.n)
        return invocation_usage(inv, NULL, "--adopt and --take-down exclude each other");
    ((struct settings *)inv->own)->lab = true;
    int status = known_states_open(inv, inv->args.n ? inv->args.items : NULL, &own->also, &all);
    if (status == EXIT_DONE)
        status = strays_open(&all, &strays);
    if (status == EXIT_DONE)
        status = sweep_strays(inv, &strays);
    strays_close(&strays);
    known_states_close(&all);
    return status;
}

static const struct option sweep_options[] = {
    {'e', "env", .value = "NAME", .kind = OPTION_TEXT, SHARED(env), .completes = COMPLETES_ENV},
    {'i', "input", .value = "NAME=VALUE", .kind = OPTION_LIST, SHARED(inputs)},
    {0, "adopt", .value = "STACK", .kind = OPTION_LIST, .offset = offsetof(struct reap_settings, adopted)},
    {0, "take-down", .value = "STACK", .kind = OPTION_LIST,
        .offset = offsetof(struct reap_settings, taken_down)},
    {0, "dry-run", .offset = offsetof(struct reap_settings, dry_run)},
    {0, "full", SHARED(full)},
};

const struct command cmd_sweep = {
    .name = "sweep",
    .args = "[STATE]",
    .sets = {OWN_OPTIONS(sweep_options), &options_states, &options_change, &options_json},
    .settings_size = sizeof(struct reap_settings),
    .max_args = 1,
    .run = run_sweep,
};
