/* Which stacks refer to which others, and what these are going to give. */
#include "cmd/repository/repository.h"

#include "base/mem.h"
#include "stacks/load/sandbox_place.h"

#include <stdlib.h>

/* ---- which is meant ---- */

/* With --sandbox the folder says it, wherever the stack keeps its state otherwise. Of one with mistakes
 * nothing else is known. */
static bool is_meant(const struct member *m, const struct backend_options *place)
{
    const struct stack *stack = m->workspace.stack;
    if (!stack) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        return !place->config && sandbox_place_same(arena_strz(&scratch, place->dir), m->given->stack.dir);
    }
    struct backend_options own = {
        .config = stack->state, .dir = stack->dir, .stack = stack->name, .env = stack->env};
    struct backend_options beside = own;
    beside.config = NULL;
    return stack_data_means(place, &own) || (m->options.sandbox_dir && stack_data_means(place, &beside));
}

static struct member *member_of(struct fleet *fleet, const struct backend_options *place)
{
    for (size_t i = 0; i < fleet->n; i++)
        if (is_meant(&fleet->members[i], place))
            return &fleet->members[i];
    return NULL;
}

const struct value *repository_outputs(void *ctx, const struct backend_options *place)
{
    const struct member *user = ctx;
    struct fleet *fleet = user->fleet;
    const struct member *m = fleet->applies || fleet->destroy ? NULL : member_of(fleet, place);
    bool planned = m && member_needs(user, m) && m->plan; /* others may be planned just now */
    return planned && member_has_work(m) ? m->plan->output_values : NULL;
}

/* ---- who needs whom ---- */

struct reference {
    size_t to;
    struct span span;
};

struct ordering {
    struct repository *repository;
    struct reference **references; /* of each member, as many as it needs */
    unsigned char *visited;        /* 1: on the way, 2: no circle goes through it */
    size_t *way, depth;            /* members */
    struct span *places;           /* where each of them refers to the next */
};

static void connect(struct ordering *o, struct member *m)
{
    struct fleet *fleet = m->fleet;
    struct arena *arena = &fleet->inv->arena;
    size_t n = 0, own = (size_t)(m - fleet->members);
    const struct stack_reference *list =
        m->workspace.stack ? plan_references(&m->workspace, arena, &n) : NULL;
    size_t *needs = ARENA_ARRAY(arena, size_t, n + 1);
    struct reference *references = ARENA_ARRAY(arena, struct reference, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct member *other = member_of(fleet, &list[i].place);
        if (!other)
            continue;
        size_t to = (size_t)(other - fleet->members);
        references[m->need_count] = (struct reference){to, list[i].span};
        needs[m->need_count++] = to;
    }
    m->needs = needs;
    o->references[own] = references;
}

/* An error at each of its places. */
static int report_circle(struct ordering *o, size_t first)
{
    struct fleet *fleet = &o->repository->fleet;
    struct diags *diags = &fleet->inv->diags;
    AUTO_BUF struct buf way = BUF_INIT;
    for (size_t i = first; i < o->depth; i++)
        buf_addf(&way, "%.*s, ", STR_ARG(fleet->members[o->way[i]].name));
    buf_add_str(&way, fleet->members[o->way[first]].name);
    for (size_t i = first; i < o->depth; i++) {
        size_t next = i + 1 < o->depth ? i + 1 : first;
        struct diag *d =
            diag_error(diags, o->places[i], "stacks refer to each other in a circle: %s; here %.*s to %.*s",
                way.p, STR_ARG(fleet->members[o->way[i]].name), STR_ARG(fleet->members[o->way[next]].name));
        if (i == first)
            diag_hint(diags, d, "move what both need into a stack of its own, to which they refer");
    }
    return invocation_diags(fleet->inv);
}

static int visit(struct ordering *o, size_t at)
{
    struct fleet *fleet = &o->repository->fleet;
    const struct member *m = &fleet->members[at];
    int status = EXIT_DONE;
    if (o->visited[at] == 2)
        return EXIT_DONE;
    o->visited[at] = 1;
    o->way[o->depth++] = at;
    for (size_t i = 0; i < m->need_count && status == EXIT_DONE; i++) {
        struct reference to = o->references[at][i];
        size_t first = 0;
        o->places[o->depth - 1] = to.span;
        while (first < o->depth - 1 && o->way[first] != to.to)
            first++;
        status = o->visited[to.to] == 1 ? report_circle(o, first) : visit(o, to.to);
    }
    o->depth--;
    o->visited[at] = 2;
    return status;
}

int repository_order(struct repository *repository)
{
    struct fleet *fleet = &repository->fleet;
    struct arena *arena = &repository->inv->arena;
    struct ordering o = {.repository = repository,
        .references = ARENA_ARRAY(arena, struct reference *, fleet->n + 1),
        .visited = mem_zalloc(fleet->n + 1),
        .way = ARENA_ARRAY(arena, size_t, fleet->n + 1),
        .places = ARENA_ARRAY(arena, struct span, fleet->n + 1)};
    int status = EXIT_DONE;
    for (size_t i = 0; i < fleet->n; i++)
        connect(&o, &fleet->members[i]);
    for (size_t i = 0; i < fleet->n && status == EXIT_DONE; i++)
        status = visit(&o, i);
    free(o.visited);
    return status;
}
