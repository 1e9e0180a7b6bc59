/* Opens all stacks below a folder: finds them, their references to each other, and their planned outputs: see
 * repository.h. */
#include "cmd/repository/repository.h"

#include "stacks/load/files.h"
#include "stacks/load/load.h"

#include <stdlib.h>

/* ---- The stacks below a folder ---- */

enum { FOLDERS_DEEP = 40 };

struct finding {
    struct arena *arena;
    const char *top;
    struct texts found;
    size_t cap;
};

/* Returns the parsed stack file; NULL if there is none or it cannot be read. */
static const struct node *stack_root(struct arena *arena, struct str folder, bool *exists)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct str file;
    *exists = find_stack_file(arena, folder, &file);
    const struct node *root = *exists ? yaml_load(arena, arena_strz(arena, file), file, &ignored) : NULL;
    return root && root->kind == NODE_MAP ? root : NULL;
}

/* A file with errors counts as a stack, so that they are reported. */
static bool has_stack(struct arena *arena, struct str folder)
{
    bool exists;
    const struct node *root = stack_root(arena, folder, &exists);
    return exists && (!root || node_get(root, "stack"));
}

/* Returns whether the stack in that folder is a fleet. */
static bool repository_has_fleet(struct arena *arena, const char *folder)
{
    bool exists;
    const struct node *root = stack_root(arena, str_z(folder), &exists);
    return root && node_get(root, "fleet");
}

static void find_below(struct finding *f, struct str name, int depth);

static bool is_searched(struct finding *f, struct str path, const char *name)
{
    struct stat st;
    return name[0] != '.' && strcmp(name, "node_modules") != 0 && !lstat(arena_strz(f->arena, path), &st) &&
           S_ISDIR(st.st_mode);
}

static void look_into(struct finding *f, struct str folder, struct str name, int depth)
{
    AUTO_DIR DIR *dir = opendir(arena_strz(f->arena, folder));
    for (const struct dirent *entry; dir && depth < FOLDERS_DEEP && (entry = dir_next(dir));) {
        struct str own = arena_str(f->arena, str_z(entry->d_name));
        if (is_searched(f, path_join(f->arena, folder, own), entry->d_name))
            find_below(f, name.n ? path_join(f->arena, name, own) : own, depth + 1);
    }
}

/* `name` "": the top folder. */
static void find_below(struct finding *f, struct str name, int depth)
{
    struct str folder = name.n ? path_join(f->arena, str_z(f->top), name) : str_z(f->top);
    if (has_stack(f->arena, folder)) {
        ARENA_GROW(f->arena, f->found.items, f->found.n, f->cap);
        f->found.items[f->found.n++] = name.n ? name : STR(".");
    }
    look_into(f, folder, name, depth);
}

/* Returns the folders below `top` with a stack. Modules, which have no `stack:`, are not included. */
static struct texts repository_find(struct arena *arena, const char *top)
{
    struct finding f = {.arena = arena, .top = top};
    find_below(&f, STR_EMPTY, 0);
    if (f.found.n)
        qsort(f.found.items, f.found.n, sizeof *f.found.items, str_order);
    return f.found;
}

/* ---- references between stacks ---- */

/* Returns whether the reference leads to this stack. With --sandbox the folder decides, independent of
 * `state:`. Of a stack with errors only the folder is known. */
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
    return stack_data_is_same_state(store, &own) ||
           (m->options.sandbox_dir && stack_data_is_same_state(store, &beside));
}

static struct member *member_of(struct fleet *fleet, const struct backend_options *store)
{
    for (size_t i = 0; i < fleet->n + fleet->others; i++)
        if (is_meant(&fleet->members[i], store))
            return &fleet->members[i];
    return NULL;
}

/* Returns the planned outputs of the stack at that location, for the stack `ctx` that refers to it:
 * fleet->outputs. */
static const struct value *repository_outputs(void *ctx, const struct backend_options *store)
{
    const struct member *user = ctx;
    struct fleet *fleet = user->fleet;
    const struct member *m = fleet->applies || fleet->destroy ? NULL : member_of(fleet, store);
    bool planned = m && member_needs(user, m) && m->plan; /* other stacks may be planned concurrently */
    return planned && member_has_work(m) ? m->plan->output_values : NULL;
}

/* ---- order of stacks ---- */

struct ordering {
    struct fleet *fleet;
    struct span **places; /* by member: the source location of its reference to each needed member */
    size_t *spots;        /* by member: its position on the current path, from 1; 0: not visited */
    size_t *path, *turns; /* the current path, and by which of its needs each leads to the next */
    size_t depth;
};
#define NO_CIRCLE SIZE_MAX /* a spot: the member is not in a cycle */

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

/* Reports an error at each reference of the cycle. */
static int report_circle(struct ordering *o, size_t first)
{
    struct fleet *fleet = o->fleet;
    struct diags *diags = &fleet->inv->diags;
    AUTO_BUF struct buf path = BUF_INIT;
    for (size_t i = first; i < o->depth; i++)
        buf_addf(&path, "%.*s, ", STR_ARG(fleet->members[o->path[i]].name));
    buf_add_str(&path, fleet->members[o->path[first]].name);
    for (size_t i = first; i < o->depth; i++) {
        const struct member *m = &fleet->members[o->path[i]], *next = &fleet->members[m->needs[o->turns[i]]];
        struct diag *d = diag_error(diags, o->places[o->path[i]][o->turns[i]],
            "stacks refer to each other in a circle: %s; here %.*s to %.*s", path.p, STR_ARG(m->name),
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
    o->path[o->depth++] = at;
    o->spots[at] = o->depth;
    for (*turn = 0; *turn < m->need_count && status == EXIT_DONE; ++*turn) {
        size_t to = m->needs[*turn], spot = o->spots[to];
        status = !spot ? visit(o, to) : spot != NO_CIRCLE ? report_circle(o, spot - 1) : EXIT_DONE;
    }
    o->depth--;
    o->spots[at] = NO_CIRCLE;
    return status;
}

/* Sets the members' needs. Reports cycles with all their references. Returns the exit status. */
static int repository_order(struct repository *repository)
{
    struct fleet *fleet = &repository->fleet;
    struct arena *arena = &repository->inv->arena;
    struct ordering o = {.fleet = fleet,
        .places = ARENA_ARRAY(arena, struct span *, fleet->n + 1),
        .spots = ARENA_ARRAY(arena, size_t, fleet->n + 1),
        .path = ARENA_ARRAY(arena, size_t, fleet->n + 1),
        .turns = ARENA_ARRAY(arena, size_t, fleet->n + 1)};
    int status = EXIT_DONE;
    for (size_t i = 0; i < fleet->n; i++)
        connect(&o, &fleet->members[i]);
    for (size_t i = 0; i < fleet->n && status == EXIT_DONE; i++)
        if (!o.spots[i])
            status = visit(&o, i);
    return status;
}

/* ---- combinations of options ---- */

int repository_check_args(struct invocation *inv)
{
    const struct settings *s = inv->settings;
    AUTO_BUF struct buf word = BUF_INIT;
    if (inv->args.n && !s->all) {
        text_add_word(&word, inv->args.items[0]);
        return invocation_usage(inv,
            arena_printf(&inv->arena, "-C %s names another folder or stack file", word.p).p,
            "weir %.*s takes \"%.*s\" only with --all, as the folder of many stacks", STR_ARG(inv->path),
            STR_ARG(inv->args.items[0]));
    }
    const char *with_all = s->at_once   ? "--at-once"
                           : s->junit   ? "--junit"
                           : s->changed ? "--changed"
                           : s->shard   ? "--shard"
                                        : NULL;
    if (!s->all && with_all)
        return invocation_usage(inv, NULL, "%s goes with --all", with_all);
    return EXIT_DONE;
}

static int check_options(struct invocation *inv)
{
    const struct settings *s = inv->settings;
    const char *alone = s->targets.n    ? "--target"
                        : s->replaces.n ? "--replace"
                        : s->to         ? "--to"
                        : s->lease_ms   ? "--for"
                        : s->partial    ? "--partial"
                                        : NULL;
    if (alone)
        return invocation_usage(inv, "-C DIR picks the stack", "%s is for one stack, not for --all", alone);
    if (s->dir && inv->args.n)
        return invocation_usage(inv, NULL, "the folder is given twice, with -C and with --all");
    return EXIT_DONE;
}

/* ---- options for opening a stack ---- */

struct environments {
    struct str wanted;
    bool any, found;
};

static void see_environment(void *ctx, struct str name)
{
    struct environments *seen = ctx;
    seen->any = true;
    seen->found |= str_eq(name, seen->wanted);
}

/* Returns the environment of the stack; a stack without environments has only one state. */
static struct str environment_of(struct invocation *inv, const char *folder)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct environments seen = {.wanted = str_z(inv->settings->env)};
    if (!seen.wanted.n || stack_environments(&inv->arena, folder, &ignored, see_environment, &seen))
        return seen.wanted;
    return seen.any ? seen.wanted : STR_EMPTY;
}

static int check_sandbox(const struct repository *repository, const char *folder, struct str name)
{
    struct invocation *inv = repository->inv;
    struct str its = sandbox_folder(&inv->arena, folder);
    if (!inv->sandbox_dir || sandbox_folder_same(its.p, inv->sandbox_dir))
        return EXIT_DONE;
    return invocation_usage(inv,
        "`mkdir .weir` in the repository's top folder gives its stacks one sandbox, once none of them has a "
        ".weir/sandbox of its own",
        "the stack in %.*s has another sandbox, %.*s, than %s", STR_ARG(name), STR_ARG(its),
        inv->sandbox_dir);
}

/* Uses the inputs of the saved plan, and inputs that it does not contain (sensitive ones) as given again. */
static int use_saved(struct repository *repository, struct saved_plan *saved, struct stack_options *stack)
{
    struct invocation *inv = repository->inv;
    const struct texts *given = &inv->settings->inputs;
    size_t n;
    const struct str *saved_inputs = saved_plan_inputs(saved, &n);
    struct str *inputs = ARENA_ARRAY(&inv->arena, struct str, n + given->n + 1);
    for (size_t i = 0; i < n; i++)
        inputs[i] = saved_inputs[i];
    for (size_t i = 0; i < given->n; i++)
        inputs[n + i] = given->items[i];
    stack->inputs = inputs;
    stack->input_count = n + given->n;
    stack->env = saved_plan_env(saved);
    if (stack_exists(&inv->arena, stack->dir))
        return EXIT_DONE;
    return invocation_usage(inv,
        "the folders in the plan are seen from where it was made; -C DIR is that one",
        "the plan is of a stack in %s, where there is none", stack->dir);
}

static const char *folder_of(const struct repository *repository, struct str name)
{
    struct arena *arena = &repository->inv->arena;
    struct str top = str_z(repository->top);
    struct str folder = str_eqz(name, ".") ? top : str_eqz(top, ".") ? name : path_join(arena, top, name);
    return arena_strz(arena, folder);
}

struct workspace_options *repository_options(struct repository *repository, const char *dir)
{
    struct invocation *inv = repository->inv;
    struct workspace_options *options = ARENA_NEW(&inv->arena, struct workspace_options);
    *options = inv->workspace_options;
    if (inv->sandbox_dir)
        sandboxed_state(inv, dir, options);
    options->stack.dir = dir;
    options->stack.some_inputs = true;
    if (inv->settings->changed)
        repository_record_reads(repository, options);
    return options;
}

/* Adds a stack, or a member of a fleet, of a saved plan. */
static int add_saved(struct repository *repository, struct str name, struct saved_plan *saved)
{
    struct str folder = repository_fleet_of(name);
    const char *dir = folder_of(repository, folder.n ? folder : name);
    struct workspace_options *options = repository_options(repository, dir);
    int status = use_saved(repository, saved, &options->stack);
    if (status != EXIT_DONE)
        return status;
    fleet_add(&repository->fleet, name, options);
    struct member *m = &repository->fleet.members[repository->fleet.n - 1];
    m->saved = saved;
    struct repository_fleet *f = folder.n ? repository_open_fleet(repository, dir) : NULL;
    if (f) {
        m->base = &f->base;
        options->shared_outputs = &f->shared_outputs;
    }
    return check_sandbox(repository, dir, name);
}

static int add_stack(struct repository *repository, struct str name)
{
    const char *dir = folder_of(repository, name);
    if (repository_has_fleet(&repository->inv->arena, dir)) {
        repository_add_fleet(repository, name, dir);
    } else {
        struct workspace_options *options = repository_options(repository, dir);
        options->stack.env = environment_of(repository->inv, dir);
        fleet_add(&repository->fleet, name, options);
    }
    return check_sandbox(repository, dir, name);
}

/* The sandbox belongs to the top folder, not to one of the stacks. */
static int prepare(struct repository *repository)
{
    struct settings *settings = (struct settings *)repository->inv->settings;
    const char *here = settings->dir;
    settings->dir = repository->top;
    int status = invocation_prepare(repository->inv);
    settings->dir = here;
    return status;
}

/* ---- all stacks ---- */

static int add_all(struct repository *repository, const struct saved_one *saved)
{
    struct invocation *inv = repository->inv;
    struct fleet *fleet = &repository->fleet;
    int status = fleet_new(inv, fleet);
    if (inv->settings->at_once)
        fleet->at_once = inv->settings->at_once;
    fleet->outputs = repository_outputs;
    fleet->report_outputs = repository_report_outputs;
    fleet->offline = repository->offline;
    if (status == EXIT_DONE)
        status = fleet_read_shard(fleet);
    for (size_t i = 0; status == EXIT_DONE && i < repository->names.n; i++)
        status = saved ? add_saved(repository, repository->names.items[i], saved[i].plan)
                       : add_stack(repository, repository->names.items[i]);
    return status == EXIT_DONE ? repository_add_shared(repository, saved != NULL) : status;
}

/* Reports an input that none of the stacks has. */
static int check_inputs(const struct repository *repository)
{
    const struct texts *inputs = &repository->inv->settings->inputs;
    for (size_t i = 0; i < inputs->n; i++) {
        struct str rest, name = str_cut(inputs->items[i], '=', &rest);
        bool known = false, all = true;
        for (size_t k = 0; k < repository->fleet.n; k++) {
            const struct stack *stack = repository->fleet.members[k].workspace.stack;
            all &= stack != NULL;
            known |= stack && map_get(&stack->root->inputs, name);
        }
        if (all && !known)
            return invocation_usage(repository->inv, "-i gives it to those stacks that have it",
                "no stack has an input \"%.*s\"", STR_ARG(name));
    }
    return EXIT_DONE;
}

/* Loads the stacks with these names, with their saved plans (may be NULL). */
static int load_all(struct repository *repository, const struct saved_one *saved)
{
    int status = prepare(repository);
    if (status == EXIT_DONE)
        status = add_all(repository, saved);
    if (status != EXIT_DONE)
        return status;
    fleet_load(&repository->fleet);
    status = check_inputs(repository);
    return status == EXIT_DONE ? repository_order(repository) : status;
}

int repository_open(struct invocation *inv, bool offline, bool destroy, struct repository *out)
{
    *out = (struct repository){.inv = inv, .offline = offline};
    int status = check_options(inv);
    if (status != EXIT_DONE)
        return status;
    out->top = inv->args.n ? inv->args.items[0].p : inv->settings->dir ? inv->settings->dir : ".";
    if (!path_is_dir(out->top))
        return invocation_usage(inv, NULL, "there is no folder \"%s\"", out->top);
    out->names = repository_find(&inv->arena, out->top);
    if (!out->names.n)
        return invocation_usage(
            inv, "`weir init` starts one", "no stack is below %s: a weir.yaml with `stack:`", out->top);
    status = load_all(out, NULL);
    out->fleet.destroy = destroy;
    if (status == EXIT_DONE && inv->settings->changed)
        status = repository_choose_changed(out);
    if (status == EXIT_DONE)
        fleet_select_shard(&out->fleet);
    return status;
}

int repository_open_saved(struct invocation *inv, const struct saved_plans *saved, struct repository *out)
{
    size_t n;
    bool destroy;
    const struct saved_one *items = saved_plans_items(saved, &n, &destroy);
    *out = (struct repository){.inv = inv, .top = inv->settings->dir ? inv->settings->dir : "."};
    out->names.items = ARENA_ARRAY(&inv->arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        out->names.items[out->names.n++] = items[i].name;
    int status = load_all(out, items);
    out->fleet.destroy = destroy;
    return status;
}

void repository_close(struct repository *repository)
{
    if (repository->fleet.members)
        fleet_close(&repository->fleet);
    for (struct repository_fleet *f = repository->fleets; f; f = f->next)
        workspace_close(&f->base);
}
