/* Opens the states of one location for reading; finds the time of the services, and which stacks use another
 * stack's resources. */
#include "cmd/state/known_states.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "plan/destroy/tagged.h"
#include "plan/evaluate/lease.h"
#include "stacks/load/files.h"

#include <stdlib.h>

/* ---- the location ---- */

static int location_of_stack(struct invocation *inv, const struct value **config)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct workspace_options wanted = {
        .no_stack = true, .no_state = true, .stack = {.any_member = true, .lenient_inputs = true}};
    int status = invocation_open(inv, &wanted, &workspace);
    if (status != EXIT_DONE)
        return status;
    *config = workspace.stack->state ? value_copy(&inv->arena, workspace.stack->state) : NULL;
    return EXIT_DONE;
}

static int find_location(struct known_states *all, const struct str *given)
{
    struct invocation *inv = all->inv;
    const char *dir = inv->settings->dir ? inv->settings->dir : ".";
    bool has_stack = stack_exists(&inv->arena, dir);
    int status = has_stack ? location_of_stack(inv, &all->config) : invocation_prepare(inv);
    if (status != EXIT_DONE)
        return status;
    all->dir = path_is_dir(dir) ? dir : arena_strz(&inv->arena, path_dir(str_z(dir)));
    all->state_dir = inv->workspace_options.state_dir;
    if (!given)
        return EXIT_DONE;
    all->state_dir = inv->workspace_options.state_dir = NULL;
    if (json_parse(&inv->arena, *given, &all->config, ERR_IGNORED) || all->config->kind != VALUE_MAP)
        return invocation_usage(inv,
            "it is what stands under `state:`, as JSON: '{\"backend\": \"s3\", \"bucket\": \"…\"}'",
            "\"%.*s\" is not a state setting", STR_ARG(*given));
    return EXIT_DONE;
}

static struct backend_options location_of(const struct known_states *all, struct str stack, struct str env)
{
    return (struct backend_options){.config = all->state_dir ? NULL : all->config,
        .dir = str_z(all->state_dir ? all->state_dir : all->dir),
        .stack = stack,
        .env = env};
}

static int list_location(struct known_states *all, struct backend_listing *listing, struct err *err)
{
    struct backend_options options = location_of(all, STR("weir"), STR_EMPTY);
    struct backend *backend;
    if (backend_new(&options, &backend, err))
        return -1;
    int status = backend->ops->list(backend, &all->inv->arena, listing, err);
    backend_free(backend);
    return status;
}

/* ---- each state ---- */

static int open_one(struct known_states *all, struct known_state *known, struct err *err)
{
    struct backend_options location = location_of(all, known->stack, known->env);
    struct state_options options = {.config = location.config, .dir = str_z(all->dir)};
    size_t open;
    if (backend_new(&location, &options.backend, err) || state_open(&options, &known->state, err))
        return -1;
    state_open_intents(known->state, &open);
    known->has_resources =
        (state_count(known->state) || open) && !state_check_moved(known->state, ERR_IGNORED);
    return 0;
}

static void open_all(struct known_states *all, const struct backend_listing *listing)
{
    all->items = mem_zalloc((listing->n + 1) * sizeof *all->items);
    for (size_t i = 0; i < listing->n; i++) {
        struct known_state *known = &all->items[all->n];
        struct err err = ERR_INIT;
        *known = (struct known_state){.all = all, .name = listing->names[i]};
        if (!backend_name_split(known->name, &known->stack, &known->env))
            continue;
        if (!open_one(all, known, &err)) {
            all->n++;
            continue;
        }
        err_context(&err, "%.*s", STR_ARG(known->name));
        invocation_fail(all->inv, &err);
        all->unread++;
    }
}

static int read_location(struct known_states *out)
{
    struct backend_listing listing;
    struct err err = ERR_INIT;
    if (list_location(out, &listing, &err))
        return invocation_fail(out->inv, &err);
    out->clock_ms = listing.clock_ms;
    out->now_ms = listing.clock_ms ? listing.clock_ms : clock_wall_ms();
    out->by_machine = !listing.clock_ms;
    open_all(out, &listing);
    return EXIT_DONE;
}

/* Finds the location of a stack in another folder, or of the files in a folder without a stack. */
static int find_folder(struct known_states *location, struct str folder)
{
    struct settings *settings = (struct settings *)location->inv->settings;
    const char *here = settings->dir;
    if (!path_exists(arena_strz(&location->inv->arena, folder)))
        return invocation_usage(location->inv, "a folder of a stack, or a value of `state:` as JSON",
            "there is no folder \"%.*s\"", STR_ARG(folder));
    settings->dir = arena_strz(&location->inv->arena, folder);
    int status = find_location(location, NULL);
    settings->dir = here;
    return status;
}

static int open_also(struct known_states *all, const struct texts *locations)
{
    all->also = ARENA_ARRAY(&all->inv->arena, struct known_states, locations->n + 1);
    for (size_t i = 0; i < locations->n; i++) {
        struct known_states *location = &all->also[all->also_n];
        *location = (struct known_states){.inv = all->inv};
        bool json = str_starts(locations->items[i], STR("{"));
        int status =
            json ? find_location(location, &locations->items[i]) : find_folder(location, locations->items[i]);
        if (status == EXIT_DONE)
            status = read_location(location);
        if (status != EXIT_DONE)
            return status;
        all->also_n++;
        all->unread += location->unread;
    }
    return EXIT_DONE;
}

int known_states_open(
    struct invocation *inv, const struct str *given, const struct texts *also, struct known_states *out)
{
    *out = (struct known_states){.inv = inv};
    int status = find_location(out, given);
    if (status == EXIT_DONE)
        status = read_location(out);
    const char *sandbox = inv->workspace_options.state_dir;
    if (status == EXIT_DONE)
        status = open_also(out, also);
    inv->workspace_options.state_dir = sandbox;
    return status;
}

int known_states_open_at(
    struct invocation *inv, const char *dir, const struct value *config, struct known_states *out)
{
    *out = (struct known_states){.inv = inv, .dir = dir, .config = config};
    if (inv->sandbox_dir)
        out->state_dir = sandbox_state_folder(&inv->arena, inv->sandbox_dir, dir).p;
    return read_location(out);
}

void known_states_close(struct known_states *all)
{
    for (size_t i = 0; i < all->also_n; i++)
        known_states_close(&all->also[i]);
    for (size_t i = 0; i < all->n; i++)
        state_close(all->items[i].state);
    free(all->items);
}

/* ---- opening a state as a stack ---- */

struct workspace_options bare_stack_options(
    struct invocation *inv, const char *dir, struct str stack, struct str env, const struct value *state)
{
    struct workspace_options options = inv->workspace_options;
    struct str text = env.n ? arena_printf(&inv->arena, "stack: %.*s\nenvironments: {\"%.*s\": {}}\n",
                                  STR_ARG(stack), STR_ARG(env))
                            : arena_printf(&inv->arena, "stack: %.*s\n", STR_ARG(stack));
    options.no_state = options.no_stack = false;
    options.stack = (struct stack_options){.dir = dir,
        .env = env,
        .files = value_with(&inv->arena, NULL, STR("weir.yaml"), value_string_ref(&inv->arena, text)),
        .root = STR("weir.yaml"),
        .state = state};
    return options;
}

static bool loads(const struct workspace_options *options)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct workspace_options alone = *options;
    struct workspace workspace;
    alone.no_state = true;
    int failed = workspace_open(&alone, &ignored, &workspace, ERR_IGNORED);
    workspace_close(&workspace);
    return !failed && !ignored.errors;
}

void known_state_options(struct known_state *known)
{
    struct known_states *all = known->all;
    struct arena *arena = &all->inv->arena;
    struct stack_options then = {.dir = all->dir, .env = known->env, .state = all->config};
    struct backend_options location = location_of(all, known->stack, known->env);
    struct backend *backend;
    known->options = bare_stack_options(all->inv, all->dir, known->stack, known->env, all->config);
    if (backend_new(&location, &backend, ERR_IGNORED))
        return;
    int failed = sources_last(backend, all->config, str_z(all->dir), arena, &then.files, &then.root,
        &then.inputs, &then.input_count, ERR_IGNORED);
    backend_free(backend);
    if (failed)
        return;
    struct workspace_options kept = known->options;
    then.lenient_inputs = true; /* secret inputs are not recorded */
    then.member = &value_empty_map;
    kept.stack = then;
    if (loads(&kept))
        known->options = kept;
}

/* ---- users of a stack ---- */

/* Returns whether a resource of that state refers to this one. */
static bool state_uses(const struct known_state *known, struct str id, struct str arn)
{
    size_t n;
    const struct record *const *records = state_records(known->state, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(records[i]->subject.id, id) || owned_mentions(records[i]->attrs, id, arn))
            return true;
    return false;
}

/* Returns the members if the fleet shares that stack; the fleet's own state records both. */
static const struct value *members_sharing(const struct known_state *fleet, struct state *used)
{
    const struct value *outputs = state_outputs(fleet->state);
    struct str lineage = value_gets(value_getz(outputs, "shared"), "lineage");
    const struct value *members = value_getz(outputs, "members");
    bool shares = lineage.n && str_eq(lineage, state_lineage(used)) && members && members->kind == VALUE_MAP;
    return shares ? members : &value_empty_map;
}

/* Returns whether it is a member of a fleet that shares the stack, or a fleet with such members. */
static bool shares(const struct known_state *user, struct state *used)
{
    for (size_t i = 0; i < user->all->n; i++) {
        const struct known_state *fleet = &user->all->items[i];
        if (fleet->env.n || !str_eq(fleet->stack, user->stack))
            continue;
        const struct value *members = members_sharing(fleet, used);
        if (user->env.n ? value_get(members, user->env) != NULL : members->count > 0)
            return true;
    }
    return false;
}

bool known_state_needs(const struct known_state *user, struct state *used)
{
    size_t n;
    const struct record *const *records = state_records(used, &n);
    if (shares(user, used))
        return true;
    for (size_t i = 0; i < n; i++) {
        struct str id = records[i]->subject.id, arn = value_gets(records[i]->attrs, "arn");
        if (id.n >= KNOWN_ID_MIN && records[i]->location && state_uses(user, id, arn))
            return true;
    }
    return false;
}

const struct known_state *known_states_find(const struct known_states *all, struct str lineage)
{
    for (size_t i = 0; i < all->n; i++)
        if (lineage.n && str_eq(state_lineage(all->items[i].state), lineage))
            return &all->items[i];
    for (size_t i = 0; i < all->also_n; i++) {
        const struct known_state *found = known_states_find(&all->also[i], lineage);
        if (found)
            return found;
    }
    return NULL;
}

const struct known_state *known_states_user(const struct known_states *all, struct str id, struct str arn)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].has_resources && state_uses(&all->items[i], id, arn))
            return &all->items[i];
    for (size_t i = 0; i < all->also_n; i++) {
        const struct known_state *user = known_states_user(&all->also[i], id, arn);
        if (user)
            return user;
    }
    return NULL;
}

/* ---- due stacks ---- */

/* Gets the services' time from the first reachable stack with a lease. */
static void ask_time(struct known_states *all)
{
    for (size_t i = 0; i < all->n && all->by_machine; i++) {
        struct known_state *known = &all->items[i];
        AUTO_DIAGS struct diags ignored = DIAGS_INIT;
        struct workspace workspace;
        bool by_service = false;
        if (!known->has_resources || !state_lease(known->state).until_ms)
            continue;
        known_state_options(known);
        if (!workspace_open(&known->options, &ignored, &workspace, ERR_IGNORED))
            all->now_ms = plan_now(&workspace, &by_service);
        all->by_machine = !by_service;
        workspace_close(&workspace);
    }
}

/* Finds a stack in that location that is not due and uses this one. */
static void find_user(struct known_state *used, const struct known_states *location)
{
    for (size_t i = 0; i < location->n && !used->user; i++) {
        const struct known_state *other = &location->items[i];
        bool same =
            str_eq(state_lineage(other->state), state_lineage(used->state)); /* a location given twice */
        if (!same && other->has_resources && !other->due && known_state_needs(other, used->state))
            used->user = other;
    }
}

void known_states_due(struct known_states *all)
{
    ask_time(all);
    for (size_t i = 0; i < all->n; i++) {
        struct lease lease = state_lease(all->items[i].state);
        all->items[i].due = all->items[i].has_resources && lease.until_ms && lease.until_ms <= all->now_ms;
    }
    for (size_t i = 0; i < all->n; i++) {
        if (all->items[i].due)
            find_user(&all->items[i], all);
        for (size_t k = 0; k < all->also_n && all->items[i].due; k++)
            find_user(&all->items[i], &all->also[k]);
    }
}
