/* Which stacks refer to which others, and what these are going to give. */
#include "cmd/repository/repository.h"

#include "stacks/load/files.h"

/* ---- which is meant ---- */

/* With --sandbox the folder says it, wherever the stack keeps its state otherwise. Of one with mistakes
 * nothing else is known. */
static bool is_meant(const struct member *m, const struct backend_options *store)
{
    const struct stack *stack = m->workspace.stack;
    if (!stack) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        return !store->config && sandbox_folder_same(arena_strz(&scratch, store->dir), m->given->stack.dir);
    }
    struct backend_options own = {
        .config = stack->state, .dir = stack->dir, .stack = stack->name, .env = stack->env};
    struct backend_options beside = own;
    beside.config = NULL;
    return stack_data_means(store, &own) || (m->options.sandbox_dir && stack_data_means(store, &beside));
}

static struct member *member_of(struct fleet *fleet, const struct backend_options *store)
{
    for (size_t i = 0; i < fleet->n + fleet->others; i++)
        if (is_meant(&fleet->members[i], store))
            return &fleet->members[i];
    return NULL;
}

const struct value *repository_outputs(void *ctx, const struct backend_options *store)
{
    const struct member *user = ctx;
    struct fleet *fleet = user->fleet;
    const struct member *m = fleet->applies || fleet->destroy ? NULL : member_of(fleet, store);
    bool planned = m && member_needs(user, m) && m->plan; /* others may be planned just now */
    return planned && member_has_work(m) ? m->plan->output_values : NULL;
}

/* ---- who needs whom ---- */

struct ordering {
    struct fleet *fleet;
    struct span **places; /* of each member: where it refers to each that it needs */
    size_t *spots;        /* of each: its place on the way, from 1 on; 0: not visited */
    size_t *way, *turns;  /* members, and which of their needs leads to the next */
    size_t depth;
};
#define NO_CIRCLE SIZE_MAX /* a spot: none goes through it */

static void connect(struct ordering *o, struct member *m)
{
    struct fleet *fleet = o->fleet;
    struct arena *arena = &fleet->inv->arena;
    size_t n = 0;
    const struct stack_reference *list =
        m->workspace.stack ? plan_references(&m->workspace, arena, &n) : NULL;
    const struct member *shared = m->base ? repository_shared_of(fleet, m->base) : NULL;
    size_t *needs = ARENA_ARRAY(arena, size_t, n + 2);
    struct span *places = ARENA_ARRAY(arena, struct span, n + 2);
    if (shared) {
        places[m->need_count] = m->base->stack->shared.span;
        needs[m->need_count++] = (size_t)(shared - fleet->members);
    }
    for (size_t i = 0; i < n; i++) {
        const struct member *other = member_of(fleet, &list[i].store);
        if (!other)
            continue;
        places[m->need_count] = list[i].span;
        needs[m->need_count++] = (size_t)(other - fleet->members);
    }
    m->needs = needs;
    o->places[m - fleet->members] = places;
}

/* An error at each of its places. */
static int report_circle(struct ordering *o, size_t first)
{
    struct fleet *fleet = o->fleet;
    struct diags *diags = &fleet->inv->diags;
    AUTO_BUF struct buf way = BUF_INIT;
    for (size_t i = first; i < o->depth; i++)
        buf_addf(&way, "%.*s, ", STR_ARG(fleet->members[o->way[i]].name));
    buf_add_str(&way, fleet->members[o->way[first]].name);
    for (size_t i = first; i < o->depth; i++) {
        const struct member *m = &fleet->members[o->way[i]], *next = &fleet->members[m->needs[o->turns[i]]];
        struct diag *d = diag_error(diags, o->places[o->way[i]][o->turns[i]],
            "stacks refer to each other in a circle: %s; here %.*s to %.*s", way.p, STR_ARG(m->name),
            STR_ARG(next->name));
        if (i == first)
            diag_hint(diags, d, "move what both need into a stack of its own, to which they refer");
    }
    return invocation_diags(fleet->inv);
}

static int visit(struct ordering *o, size_t at)
{
    const struct member *m = &o->fleet->members[at];
    size_t *turn = &o->turns[o->depth];
    int status = EXIT_DONE;
    o->way[o->depth++] = at;
    o->spots[at] = o->depth;
    for (*turn = 0; *turn < m->need_count && status == EXIT_DONE; ++*turn) {
        size_t to = m->needs[*turn], spot = o->spots[to];
        status = !spot ? visit(o, to) : spot != NO_CIRCLE ? report_circle(o, spot - 1) : EXIT_DONE;
    }
    o->depth--;
    o->spots[at] = NO_CIRCLE;
    return status;
}

int repository_order(struct repository *repository)
{
    struct fleet *fleet = &repository->fleet;
    struct arena *arena = &repository->inv->arena;
    struct ordering o = {.fleet = fleet,
        .places = ARENA_ARRAY(arena, struct span *, fleet->n + 1),
        .spots = ARENA_ARRAY(arena, size_t, fleet->n + 1),
        .way = ARENA_ARRAY(arena, size_t, fleet->n + 1),
        .turns = ARENA_ARRAY(arena, size_t, fleet->n + 1)};
    int status = EXIT_DONE;
    for (size_t i = 0; i < fleet->n; i++)
        connect(&o, &fleet->members[i]);
    for (size_t i = 0; i < fleet->n && status == EXIT_DONE; i++)
        if (!o.spots[i])
            status = visit(&o, i);
    return status;
}
