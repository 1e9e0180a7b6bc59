/* Opening all stacks below a folder: see repository.h. */
#include "cmd/repository/repository.h"

#include "base/file.h"
#include "cmd/invocation/invocation.h"
#include "stacks/load/files.h"

/* ---- what goes together ---- */

int repository_check_args(struct invocation *inv)
{
    const struct settings *s = inv->settings;
    AUTO_BUF struct buf word = BUF_INIT;
    if (inv->args.n && !s->all) {
        text_add_word(&word, inv->args.items[0]);
        return invocation_usage(inv,
            arena_printf(&inv->arena, "-C %s is how another folder or stack file is named", word.p).p,
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

/* ---- how each is opened ---- */

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

/* A stack without environments has one state for all of them. */
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

/* As it was planned, with those that are not kept (the sensitive ones) given again. */
static int use_saved(struct repository *repository, struct saved_plan *saved, struct stack_options *stack)
{
    struct invocation *inv = repository->inv;
    const struct texts *given = &inv->settings->inputs;
    size_t n;
    const struct str *kept = saved_plan_inputs(saved, &n);
    struct str *inputs = ARENA_ARRAY(&inv->arena, struct str, n + given->n + 1);
    for (size_t i = 0; i < n; i++)
        inputs[i] = kept[i];
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
        repository_hear(repository, options);
    return options;
}

/* Of a saved plan: a stack, or a member of a fleet. */
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

/* The sandbox is the folder's, not that of one of the stacks. */
static int prepare(struct repository *repository)
{
    struct settings *settings = (struct settings *)repository->inv->settings;
    const char *here = settings->dir;
    settings->dir = repository->top;
    int status = invocation_prepare(repository->inv);
    settings->dir = here;
    return status;
}

/* ---- all of them ---- */

static int add_all(struct repository *repository, const struct saved_one *saved)
{
    struct invocation *inv = repository->inv;
    struct fleet *fleet = &repository->fleet;
    int status = fleet_gather(inv, fleet);
    if (inv->settings->at_once)
        fleet->at_once = inv->settings->at_once;
    fleet->outputs = repository_outputs;
    fleet->gives = repository_gives;
    fleet->offline = repository->offline;
    if (status == EXIT_DONE)
        status = fleet_read_shard(fleet);
    for (size_t i = 0; status == EXIT_DONE && i < repository->names.n; i++)
        status = saved ? add_saved(repository, repository->names.items[i], saved[i].plan)
                       : add_stack(repository, repository->names.items[i]);
    return status == EXIT_DONE ? repository_add_shared(repository, saved != NULL) : status;
}

/* An input that none of them has is a mistake. */
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

/* Those of the names, with what is saved of each (or NULL). */
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
        fleet_divide(&out->fleet);
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
