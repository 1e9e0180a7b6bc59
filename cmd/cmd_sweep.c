/* weir sweep: what has weir's ownership tags and belongs to no state; shown, adopted, taken down. */
#include "cmd/planning/planning.h"
#include "cmd/reap/reap.h"

/* By the stack's name, or the beginning of the state's. */
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
        bool known = false; /* it may be named twice, by the stack's name and the state's */
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
                "nothing without a state is \"%.*s\"", STR_ARG(names->items[k]));
    }
    return EXIT_DONE;
}

/* ---- adopted ---- */

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
        &inv->arena, struct owned_group *, strays->owned.n * (own->takes.n + own->adopts.n + 1) + 1);
    size_t n = 0;
    if (!own->takes.n && !own->adopts.n)
        return strays_show(strays, inv->settings->full);
    int status = find_named(strays, own->adopts.n ? &own->adopts : &own->takes, list, &n);
    if (status != EXIT_DONE)
        return status;
    if (!own->adopts.n)
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
    if (own->adopts.n && own->takes.n)
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

#define SHARED(field_) .offset = offsetof(struct settings, field_)

static const struct option options[] = {
    {'e', "env", .value = "NAME", .kind = OPTION_TEXT, SHARED(env), .completes = COMPLETES_ENV},
    {'i', "input", .value = "NAME=VALUE", .kind = OPTION_LIST, SHARED(inputs)},
    {0, "adopt", .value = "STACK", .kind = OPTION_LIST, .offset = offsetof(struct reap_settings, adopts)},
    {0, "take-down", .value = "STACK", .kind = OPTION_LIST, .offset = offsetof(struct reap_settings, takes)},
    {0, "dry-run", .offset = offsetof(struct reap_settings, dry_run)},
    {0, "full", SHARED(full)},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command cmd_sweep = {
    .name = "sweep",
    .args = "[STATE]",
    .sets = {&own_set, &options_states, &options_change, &options_json},
    .settings_size = sizeof(struct reap_settings),
    .max_args = 1,
    .run = run_sweep,
};
