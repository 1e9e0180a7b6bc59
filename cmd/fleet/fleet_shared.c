/* The stack that all members of a fleet share: applied before them, destroyed after the last one, and only if
 * no other stack or fleet uses it, as far as states and ownership tags tell. */
#include "cmd/fleet/fleet.h"
#include "cmd/state/known_states.h"
#include "plan/destroy/tagged.h"

/* ---- members that use a shared stack: checked before it is destroyed by itself ---- */

enum { LIVING_SHOWN = 8 };

/* The search for such members among the states of a store. */
struct living {
    struct workspace *workspace;
    struct backend_listing states;
    struct str fleet; /* the fleet of these members */
    struct buf names;
    size_t n;
};

/* Returns NULL if the state cannot be read; commands on that stack report it. */
static struct state *open_beside(const struct living *l, struct str stack, struct str env)
{
    const struct stack *own = l->workspace->stack;
    const char *dir = l->workspace->options->state_dir;
    struct str where = dir ? str_z(dir) : own->dir;
    const struct value *config = dir ? NULL : own->state;
    struct backend_options place = {.config = config, .dir = where, .stack = stack, .env = env};
    struct state_options options = {.config = config, .dir = own->dir};
    struct state *state;
    if (backend_new(&place, &options.backend, ERR_IGNORED) || state_open(&options, &state, ERR_IGNORED))
        return NULL;
    return state;
}

static bool is_there(const struct living *l, struct str stack, struct str env)
{
    struct state *state = open_beside(l, stack, env);
    bool there = state && state_count(state);
    state_close(state);
    return there;
}

static bool has_members(const struct living *l, struct str stack)
{
    for (size_t i = 0; i < l->states.n; i++) {
        struct str of, env;
        if (backend_name_split(l->states.names[i], &of, &env) && env.n && str_eq(of, stack))
            return true;
    }
    return false;
}

static void look_at_fleet(struct living *l, struct str stack)
{
    struct state *fleet = has_members(l, stack) ? open_beside(l, stack, STR_EMPTY) : NULL;
    const struct value *outputs = fleet ? state_outputs(fleet) : &value_empty_map;
    struct str lineage = value_gets(value_getz(outputs, "shared"), "lineage");
    const struct value *members = value_getz(outputs, "members");
    bool shares = lineage.n && str_eq(lineage, state_lineage(l->workspace->state));
    for (uint32_t i = 0; shares && members && members->kind == VALUE_MAP && i < members->count; i++) {
        struct str name = members->entries[i].key;
        if (!is_there(l, stack, name))
            continue;
        l->fleet = stack;
        if (l->n++ < LIVING_SHOWN)
            buf_addf(&l->names, "%s%.*s", l->n > 1 ? ", " : "", STR_ARG(name));
    }
    state_close(fleet);
}

static int look_around(struct living *l, struct arena *arena, struct err *err)
{
    struct backend *own;
    if (workspace_backend(l->workspace, &own, err))
        return -1;
    int status = own->ops->list(own, arena, &l->states, err);
    backend_free(own);
    return status;
}

int fleet_refuse_shared(struct workspace *workspace, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct living l = {.workspace = workspace, .names = BUF_INIT};
    if (!state_count(workspace->state) || look_around(&l, &arena, ERR_IGNORED))
        return 0;
    for (size_t i = 0; i < l.states.n && !l.n; i++)
        if (str_find_char(l.states.names[i], '.', 0) < 0)
            look_at_fleet(&l, l.states.names[i]);
    if (l.n) {
        err_set(err, ERR_INVALID, "%zu member%s of the fleet \"%.*s\" use%s its resources: %s%s", l.n,
            l.n == 1 ? "" : "s", STR_ARG(l.fleet), l.n == 1 ? "s" : "", l.names.p,
            l.n > LIVING_SHOWN ? ", …" : "");
        err_hint(err, "`weir fleet destroy` destroys them, and then this stack");
    }
    buf_release(&l.names);
    return l.n ? -1 : 0;
}

/* ---- checking the shared stack ---- */

/* Existing members were applied with the recorded shared stack. */
int fleet_shared_check(struct invocation *inv, const struct workspace *base)
{
    const struct shared_stack *now = &base->stack->shared;
    const struct value *remembered = state_outputs(base->state), *members = value_getz(remembered, "members");
    struct str then = value_gets(value_getz(remembered, "shared"), "stack");
    uint32_t n = members ? members->count : 0;
    if (!then.n || !n || str_eq(then, now->name))
        return EXIT_DONE;
    return invocation_usage(inv,
        "restore the file; `weir fleet destroy` destroys the members, and then the shared stack",
        "%u member%s of the fleet use%s the shared stack \"%.*s\", and the file %s", n, n == 1 ? "" : "s",
        n == 1 ? "s" : "", STR_ARG(then), now->name.n ? "names another one" : "does not name it any more");
}

void fleet_shared_options(struct fleet *fleet, struct workspace_options *options)
{
    const struct shared_stack *shared = &fleet->base.stack->shared;
    *options = fleet->inv->workspace_options;
    if (fleet->inv->sandbox_dir)
        sandboxed_state(fleet->inv, shared->file.p, options);
    options->stack = (struct stack_options){.dir = shared->file.p,
        .inputs = shared->inputs,
        .input_count = shared->input_count,
        .no_shared = true};
}

/* Returns whether no member remains after this command. */
bool fleet_shared_is_destroyed(const struct fleet *fleet, const struct value *known)
{
    if (!fleet->destroy && fleet->base.stack->members->count)
        return false;
    for (uint32_t i = 0; i < known->count; i++)
        if (!fleet_has(fleet, known->entries[i].key))
            return false;
    return true;
}

const struct value *fleet_shared_record(const struct member *shared, struct arena *arena)
{
    const struct stack *stack = shared->workspace.stack;
    const struct value *memory =
        value_with(arena, NULL, STR("stack"), value_string(arena, stack ? stack->name : shared->name));
    struct str lineage = shared->workspace.state ? state_lineage(shared->workspace.state) : STR_EMPTY;
    return lineage.n ? value_with(arena, memory, STR("lineage"), value_string(arena, lineage)) : memory;
}

/* ---- other users ---- */

/* The fleet's own members are destroyed first. */
static bool is_own(const struct fleet *fleet, struct str lineage)
{
    for (size_t i = 0; i < fleet->n; i++)
        if (fleet->members[i].workspace.state &&
            str_eq(state_lineage(fleet->members[i].workspace.state), lineage))
            return true;
    return str_eq(state_lineage(fleet->base.state), lineage);
}

static struct str user_by_state(struct fleet *fleet, struct state *used)
{
    struct known_states all;
    struct str user = STR_EMPTY;
    const struct stack *stack = fleet->shared_stack->workspace.stack;
    int status =
        known_states_open_at(fleet->inv, arena_strz(&fleet->inv->arena, stack->dir), stack->state, &all);
    for (size_t i = 0; status == EXIT_DONE && i < all.n && !user.n; i++)
        if (!is_own(fleet, state_lineage(all.items[i].state)) && known_state_needs(&all.items[i], used))
            user = arena_str(&fleet->inv->arena, all.items[i].name);
    known_states_close(&all);
    return user;
}

static bool group_mentions(const struct owned_group *group, struct state *used)
{
    size_t n;
    const struct record *const *records = state_records(used, &n);
    for (size_t i = 0; i < group->n; i++)
        for (size_t k = 0; k < n; k++) {
            struct str id = records[k]->subject.id, arn = value_gets(records[k]->attrs, "arn");
            if (id.n >= KNOWN_ID_MIN && owned_mentions(group->resources[i].object, id, arn))
                return true;
        }
    return false;
}

static struct str user_by_tags(struct fleet *fleet, struct state *used)
{
    struct owned_groups owned = {0};
    struct err err = ERR_INIT;
    struct str user = STR_EMPTY;
    if (plan_find_owned(&fleet->shared_stack->workspace, &fleet->inv->arena, &owned, &err))
        invocation_note(fleet->inv,
            "warning: whether others use %.*s was not looked up by ownership tags: %s",
            STR_ARG(fleet->shared_stack->name), err.message);
    for (size_t i = 0; i < owned.n && !user.n; i++)
        if (!is_own(fleet, owned.groups[i].lineage) && group_mentions(&owned.groups[i], used))
            user = owned.groups[i].stack;
    owned_release(&owned);
    return user;
}

/* Returns true, and reports it, if another stack or fleet uses the shared stack. */
static bool is_needed(struct fleet *fleet)
{
    struct member *shared = fleet->shared_stack;
    struct state *used = shared->workspace.state;
    struct str user = STR_EMPTY;
    if (!used || !state_count(used))
        return false;
    user = user_by_state(fleet, used);
    if (!user.n)
        user = user_by_tags(fleet, used);
    if (user.n)
        invocation_note(
            fleet->inv, "%.*s stays: %.*s uses its resources", STR_ARG(shared->name), STR_ARG(user));
    return user.n > 0;
}

void fleet_shared_as_recorded(struct fleet *fleet)
{
    fleet->shared_outputs = workspace_shared_values(
        &fleet->inv->arena, &fleet->base.stack->shared, state_outputs(fleet->shared_stack->workspace.state));
}

void fleet_shared_exclude(struct fleet *fleet)
{
    struct member *shared = fleet->shared_stack;
    if (!shared || !fleet->shared_destroyed || shared->phase == MEMBER_HAS_FAILED || !is_needed(fleet))
        return;
    fleet->shared_destroyed = false;
    fleet_shared_as_recorded(fleet);
    shared->excluded = true;
}

/* ---- before and after the members ---- */

/* Fails if another run has changed the shared stack since planning, since the members' plans use its
 * outputs. */
static int check_same(struct member *shared, struct err *err)
{
    const struct stack *stack = shared->workspace.stack;
    struct state_options options = {.config = stack->state, .dir = stack->dir};
    struct state *now;
    if (workspace_backend(&shared->workspace, &options.backend, err) || state_open(&options, &now, err))
        return -1;
    bool same = state_seq(now) == state_seq(shared->workspace.state);
    state_close(now);
    if (same)
        return 0;
    err_set(err, ERR_STALE, "the shared stack has changed since this was planned");
    return err_hint(err, "the same command plans anew");
}

static void fail_members(struct fleet *fleet)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_FAILED, "it was not started: %.*s, which all members share, is not applied",
        STR_ARG(fleet->shared_stack->name));
    for (size_t i = 0; i < fleet->n; i++) {
        struct member *m = &fleet->members[i];
        if (!m->is_shared && m->plan && !member_is_destroyed(m) && m->phase != MEMBER_HAS_FAILED)
            member_fail(m, &err);
    }
}

void fleet_shared_apply(struct fleet *fleet)
{
    struct member *shared = fleet->shared_stack;
    struct err err = ERR_INIT;
    if (shared && fleet->shard > 1 && !fleet->destroy &&
        (!shared->workspace.state || !state_count(shared->workspace.state)))
        fail_members(fleet);
    if (!shared || fleet->shared_destroyed || shared->excluded)
        return;
    bool changes = shared->plan && member_has_work(shared);
    if (changes)
        member_execute(shared);
    else if (shared->plan && check_same(shared, &err))
        member_fail(shared, &err);
    if (shared->plan && shared->phase != MEMBER_HAS_FAILED)
        fleet->shared_outputs = changes ? shared->result.outputs : shared->plan->output_values;
    else
        fail_members(fleet);
}

static bool members_are_left(const struct fleet *fleet)
{
    const struct value *known = value_getz(state_outputs(fleet->base.state), "members");
    bool left = known && known->count;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        left |= !m->is_shared && (!m->workspace.state || state_count(m->workspace.state));
    }
    return left;
}

void fleet_shared_destroy(struct fleet *fleet, bool verify)
{
    struct member *shared = fleet->shared_stack;
    if (!shared || !fleet->shared_destroyed || !shared->plan || !member_has_work(shared))
        return;
    if (members_are_left(fleet)) {
        invocation_note(
            fleet->inv, "%.*s stays: members of the fleet are still there", STR_ARG(shared->name));
        return;
    }
    if (is_needed(fleet))
        return;
    fleet_view_begin(fleet);
    member_execute(shared);
    fleet_view_end(fleet);
    if (verify && shared->phase != MEMBER_HAS_FAILED)
        fleet_verify_shared(fleet);
}
