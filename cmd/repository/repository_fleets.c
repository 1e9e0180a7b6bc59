/* Fleets among the stacks of a repository: each of their members is one, and the fleet's state remembers it.
 */
#include "cmd/repository/repository.h"

#define BEFORE_MEMBER " ("

struct str repository_fleet_of(struct str name)
{
    ptrdiff_t at = str_find(name, STR(BEFORE_MEMBER), 0);
    return at < 0 || !str_ends(name, STR(")")) ? STR_EMPTY : str_slice(name, 0, (size_t)at);
}

static struct workspace *find_fleet(const struct repository *repository, const char *dir)
{
    for (struct repository_fleet *f = repository->fleets; f; f = f->next)
        if (strcmp(f->dir, dir) == 0)
            return &f->base;
    return NULL;
}

struct workspace *repository_open_fleet(struct repository *repository, const char *dir)
{
    struct workspace *base = find_fleet(repository, dir);
    AUTO_DIAGS struct diags ignored = DIAGS_INIT; /* each of its members has the same mistakes */
    if (base)
        return base;
    struct repository_fleet *f = ARENA_NEW(&repository->inv->arena, struct repository_fleet);
    struct workspace_options *options = repository_options(repository, dir);
    options->stack.any_member = true;
    options->no_state = options->find_all = repository->offline;
    f->dir = dir;
    if (workspace_open(options, &ignored, &f->base, ERR_IGNORED) || ignored.errors) {
        workspace_close(&f->base);
        return NULL;
    }
    f->next = repository->fleets;
    repository->fleets = f;
    return &f->base;
}

/* `former`: what one that the list does not name any more was made with. */
static void add_member(struct repository *repository, struct str fleet, const char *dir,
    struct workspace *base, const struct value_entry *entry, bool former)
{
    struct arena *arena = &repository->inv->arena;
    struct workspace_options *options = repository_options(repository, dir);
    options->stack.env = entry->key;
    options->stack.members = base->stack->members;
    options->stack.member = former ? entry->value : NULL;
    options->stack.lenient_inputs = former;
    options->catalog = base->catalog;
    fleet_add(&repository->fleet,
        arena_printf(arena, "%.*s" BEFORE_MEMBER "%.*s)", STR_ARG(fleet), STR_ARG(entry->key)), options);
    struct member *m = &repository->fleet.members[repository->fleet.n - 1];
    m->base = base;
    m->former = former ? entry->value : NULL;
}

/* What members have in common is `weir fleet`'s: a stack that they share, a budget of all of them. */
static bool is_left_out(
    const struct repository *repository, struct str name, const char *dir, const struct stack *stack)
{
    const char *what = stack->shared.name.n ? "`shared:`" : stack->budget.n ? "`budget:`" : NULL;
    if (what)
        invocation_note(repository->inv, "note: %.*s is a fleet with %s, which `weir fleet -C %s` works on",
            STR_ARG(name), what, dir);
    return what != NULL;
}

void repository_add_fleet(struct repository *repository, struct str name, const char *dir)
{
    struct workspace *base = repository_open_fleet(repository, dir);
    if (!base) { /* what is wrong is told when it is opened as a stack */
        fleet_add(&repository->fleet, name, repository_options(repository, dir));
        return;
    }
    if (is_left_out(repository, name, dir, base->stack))
        return;
    const struct value *listed = base->stack->members,
                       *known = base->state ? fleet_known_members(base) : &value_empty_map;
    for (uint32_t i = 0; i < listed->count; i++)
        add_member(repository, name, dir, base, &listed->entries[i], false);
    for (uint32_t i = 0; i < known->count; i++)
        if (!value_get(listed, known->entries[i].key))
            add_member(repository, name, dir, base, &known->entries[i], true);
}

int repository_remember(struct repository *repository, bool gone)
{
    int status = EXIT_DONE;
    for (struct repository_fleet *f = repository->fleets; f && status == EXIT_DONE; f = f->next)
        status = fleet_remember_in(&repository->fleet, &f->base, gone);
    return status;
}
