/* Fleets among the stacks of a repository: each member is added as a stack, and the fleet's state records
 * it. */
#include "cmd/repository/repository.h"

#include "base/file.h"
#include "stacks/load/load.h"

#define BEFORE_MEMBER " ("

struct str repository_fleet_of(struct str name)
{
    ptrdiff_t at = str_find(name, STR(BEFORE_MEMBER), 0);
    return at < 0 || !str_ends(name, STR(")")) ? STR_EMPTY : str_slice(name, 0, (size_t)at);
}

static struct repository_fleet *find_fleet(const struct repository *repository, const char *dir)
{
    struct repository_fleet *f = repository->fleets;
    while (f && strcmp(f->dir, dir) != 0)
        f = f->next;
    return f;
}

struct repository_fleet *repository_open_fleet(struct repository *repository, const char *dir)
{
    struct repository_fleet *f = find_fleet(repository, dir);
    AUTO_DIAGS struct diags ignored = DIAGS_INIT; /* each of its members has the same errors */
    if (f)
        return f;
    f = ARENA_NEW(&repository->inv->arena, struct repository_fleet);
    struct workspace_options *options = repository_options(repository, dir);
    options->stack.any_member = true;
    options->stack.env = STR_EMPTY; /* all members are processed */
    options->no_state = options->find_all = repository->offline;
    f->dir = dir;
    if (workspace_open(options, &ignored, &f->base, ERR_IGNORED) || ignored.errors) {
        workspace_close(&f->base);
        return NULL;
    }
    f->shared_outputs = f->base.shared;
    f->next = repository->fleets;
    repository->fleets = f;
    return f;
}

/* `former`: the value of `entry` is the recorded inputs of a former member. */
static void add_member(struct repository *repository, struct str fleet, const char *dir,
    struct repository_fleet *f, const struct value_entry *entry, bool former)
{
    struct arena *arena = &repository->inv->arena;
    struct workspace_options *options = repository_options(repository, dir);
    options->stack.env = entry->key;
    options->stack.members = f->base.stack->members;
    options->shared_outputs = &f->shared_outputs;
    options->stack.member = former ? entry->value : NULL;
    options->stack.lenient_inputs = former;
    options->catalog = f->base.catalog;
    fleet_add(&repository->fleet,
        arena_printf(arena, "%.*s" BEFORE_MEMBER "%.*s)", STR_ARG(fleet), STR_ARG(entry->key)), options);
    struct member *m = &repository->fleet.members[repository->fleet.n - 1];
    m->base = &f->base;
    m->former = former ? entry->value : NULL;
}

void repository_add_fleet(struct repository *repository, struct str name, const char *dir)
{
    struct repository_fleet *f = repository_open_fleet(repository, dir);
    if (!f) { /* its errors are reported when it is opened as a stack */
        fleet_add(&repository->fleet, name, repository_options(repository, dir));
        return;
    }
    const struct value *listed = f->base.stack->members,
                       *known = f->base.state ? fleet_known_members(&f->base) : &value_empty_map;
    for (uint32_t i = 0; i < listed->count; i++)
        add_member(repository, name, dir, f, &listed->entries[i], false);
    for (uint32_t i = 0; i < known->count; i++)
        if (!value_get(listed, known->entries[i].key))
            add_member(repository, name, dir, f, &known->entries[i], true);
}

/* ---- shared stacks ---- */

/* Returns the real path of the stack file, given by file or folder. */
static bool stack_file(struct arena *arena, const char *dir, char out[PATH_MAX])
{
    struct str file;
    return path_real(
        path_is_dir(dir) && find_stack_file(arena, str_z(dir), &file) ? arena_strz(arena, file) : dir, out);
}

static struct member *stack_at(struct repository *repository, const char *file)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    char own[PATH_MAX];
    for (size_t i = 0; i < repository->fleet.n; i++) {
        struct member *m = &repository->fleet.members[i];
        if (!m->base && stack_file(&scratch, m->given->stack.dir, own) && strcmp(own, file) == 0)
            return m;
    }
    return NULL;
}

/* Returns the name of the stack, relative to the top folder. */
static struct str name_of(struct repository *repository, const char *file)
{
    struct arena *arena = &repository->inv->arena;
    char top[PATH_MAX];
    size_t n = path_real(repository->top, top) ? strlen(top) : 0;
    bool below = n && strncmp(file, top, n) == 0 && file[n] == '/';
    return arena_str(arena, str_z(below ? file + n + 1 : file));
}

/* Passes the fleet's inputs to the shared stack. */
static int give_shared_inputs(
    struct repository *repository, const struct member *m, const struct shared_stack *shared)
{
    struct stack_options *stack = &((struct workspace_options *)(uintptr_t)m->given)->stack;
    struct arena *arena = &repository->inv->arena;
    const struct texts *given = &repository->inv->settings->inputs;
    if (m->saved || !shared->input_count)
        return EXIT_DONE;
    bool same = stack->input_count == given->n + shared->input_count;
    for (size_t i = 0; i < shared->input_count && same; i++)
        same = str_eq(stack->inputs[given->n + i], shared->inputs[i]);
    if (stack->input_count > given->n && !same)
        return invocation_usage(repository->inv, "`weir fleet -C FOLDER` works on one of them",
            "two fleets give the stack that they share, %.*s, different inputs", STR_ARG(m->name));
    struct str *inputs = ARENA_ARRAY(arena, struct str, given->n + shared->input_count + 1);
    for (size_t i = 0; i < given->n; i++)
        inputs[i] = given->items[i];
    for (size_t i = 0; i < shared->input_count; i++)
        inputs[given->n + i] = arena_str(arena, shared->inputs[i]);
    stack->inputs = inputs;
    stack->input_count = given->n + shared->input_count;
    return EXIT_DONE;
}

static int add_shared_of(struct repository *repository, struct repository_fleet *f, bool saved)
{
    const struct shared_stack *shared = &f->base.stack->shared;
    struct arena *arena = &repository->inv->arena;
    char file[PATH_MAX];
    if (!shared->name.n || !stack_file(arena, shared->file.p, file))
        return EXIT_DONE;
    struct member *m = stack_at(repository, file);
    if (!m && saved)
        return EXIT_DONE;
    if (!m) {
        struct workspace_options *options = repository_options(repository, arena_strz(arena, shared->file));
        options->stack.env = STR_EMPTY;
        fleet_add(&repository->fleet, name_of(repository, file), options);
        m = &repository->fleet.members[repository->fleet.n - 1];
    }
    f->shared = m->name;
    return give_shared_inputs(repository, m, shared);
}

int repository_add_shared(struct repository *repository, bool saved)
{
    int status = EXIT_DONE;
    for (struct repository_fleet *f = repository->fleets; f && status == EXIT_DONE; f = f->next)
        status = !f->base.state ? EXIT_DONE : fleet_shared_check(repository->inv, &f->base);
    for (struct repository_fleet *f = repository->fleets; f && status == EXIT_DONE; f = f->next)
        status = add_shared_of(repository, f, saved);
    return status;
}

static struct repository *repository_of(struct fleet *fleet)
{
    return (struct repository *)(void *)((char *)fleet - offsetof(struct repository, fleet));
}

struct member *repository_shared_of(struct fleet *fleet, const struct workspace *base)
{
    struct repository_fleet *f = repository_of(fleet)->fleets;
    while (f && &f->base != base)
        f = f->next;
    for (size_t i = 0; f && f->shared.n && i < fleet->n + fleet->others; i++)
        if (!fleet->members[i].base && str_eq(fleet->members[i].name, f->shared))
            return &fleet->members[i];
    return NULL;
}

/* Members start after the shared stack, so no other thread reads the value at this time. */
void repository_report_outputs(struct member *m, const struct value *outputs)
{
    struct repository *repository = repository_of(m->fleet);
    for (struct repository_fleet *f = repository->fleets; f && !m->base; f = f->next)
        if (f->shared.n && str_eq(f->shared, m->name))
            f->shared_outputs =
                workspace_shared_values(&f->base.stack->arena, &f->base.stack->shared, outputs);
}

/* ---- all fleets ---- */

int repository_check_budgets(struct repository *repository, bool approvals)
{
    int status = EXIT_DONE;
    for (struct repository_fleet *f = repository->fleets; f && status == EXIT_DONE; f = f->next)
        status = fleet_check_budget(&repository->fleet, &f->base, approvals);
    return status;
}

int repository_record_members(struct repository *repository, bool destroyed)
{
    int status = EXIT_DONE;
    for (struct repository_fleet *f = repository->fleets; f && status == EXIT_DONE; f = f->next)
        status = fleet_record_members_in(
            &repository->fleet, &f->base, repository_shared_of(&repository->fleet, &f->base), destroyed);
    return status;
}
