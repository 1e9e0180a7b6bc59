/* Who lives by a stack that a fleet shares: asked before that one is destroyed by itself. */
#include "cmd/fleet/fleet.h"

#include "plan/state/backend.h"

enum { LIVING_SHOWN = 8 };

/* What is found among the states of a store. */
struct living {
    struct workspace *workspace;
    struct backend_listing states;
    struct str fleet; /* whose members they are */
    struct buf names;
    size_t n;
};

/* NULL: it cannot be read, which is its own commands' business. */
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
        err_set(err, ERR_INVALID, "%zu member%s of the fleet \"%.*s\" live%s by what is in it: %s%s", l.n,
            l.n == 1 ? "" : "s", STR_ARG(l.fleet), l.n == 1 ? "s" : "", l.names.p,
            l.n > LIVING_SHOWN ? ", …" : "");
        err_hint(err, "`weir fleet destroy` takes them down, and this stack after the last of them");
    }
    buf_release(&l.names);
    return l.n ? -1 : 0;
}
