/*
 * The stack that runs weir reap in the account: plan, apply and destroy, its program, and the permissions of
 * its role.
 */
#include "cmd/reap/reap.h"

#include "base/embed.h"
#include "base/file.h"
#include "base/json.h"
#include "base/system.h"
#include "cmd/planning/planning.h"
#include "provider/kind.h"

/* ---- The program for the function: a static program, or this program with all its loaded libraries and
 * their loader. States have been read before, so libraries loaded on demand, such as libcurl, are
 * included. */

struct gathering {
    struct arena *arena;
    struct str folder;
    struct err *err;
};

/* ---- kind of the program: ELF, 64 bits, little-endian; elf(5) ---- */

enum { ELF_HEADER = 64, ELF_X86_64 = 62, ELF_AARCH64 = 183, SEGMENT_INTERPRETER = 3 };

static uint64_t elf_number(struct str program, uint64_t at, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes && at + i < program.n; i++)
        number |= (uint64_t)(unsigned char)program.p[at + i] << (8 * i);
    return number;
}

/* Returns AWS's name of the architecture, or NULL if it is not a Linux program that Lambda can run. */
static const char *elf_machine(struct str program)
{
    if (program.n < ELF_HEADER || !str_starts(program, STR("\177ELF\2\1")))
        return NULL;
    uint64_t machine = elf_number(program, 18, 2);
    return machine == ELF_X86_64 ? "x86_64" : machine == ELF_AARCH64 ? "arm64" : NULL;
}

static bool elf_is_static(struct str program)
{
    uint64_t segments = elf_number(program, 32, 8), size = elf_number(program, 54, 2);
    for (uint64_t i = 0; i < elf_number(program, 56, 2); i++)
        if (elf_number(program, segments + i * size, 4) == SEGMENT_INTERPRETER)
            return false;
    return true;
}

/* ---- its files ---- */

static int put_file(struct gathering *g, struct str name, struct str content)
{
    return file_write_atomic(path_join(g->arena, g->folder, name).p, content, 0755, g->err);
}

static int take_file(void *ctx, const char *path)
{
    struct gathering *g = ctx;
    struct str text, name = arena_printf(g->arena, "with/%.*s", STR_ARG(path_base(str_z(path))));
    return file_read(g->arena, path, 0, &text, g->err) ||
           put_file(g, strcmp(path, system_program()) ? name : STR("weir"), text);
}

/*
 * Collects the function's files in a new folder: the static program `given`, or if that is NULL this program
 * with its libraries. `machine` is AWS's name of its architecture.
 */
static int reap_program_gather(
    struct arena *arena, struct str folder, const char *given, const char **machine, struct err *err)
{
    struct gathering g = {arena, folder, err};
    struct str program;
    tree_remove(folder.p);
    if (file_read(arena, given ? given : system_program(), 0, &program, err))
        return -1;
    *machine = elf_machine(program);
    bool alone = elf_is_static(program);
    if (!*machine || (given && !alone)) {
        err_set(err, ERR_USAGE, "%s is not %s program for Linux", given ? given : "this",
            given ? "a static" : "a");
        return err_hint(err, "--program FILE: the program in a release's archive for Linux");
    }
    if (dir_make(path_join(arena, folder, STR("with")).p, err) ||
        put_file(&g, STR("bootstrap"), embedded_text(embedded_find(STR("cmd/reap/installed/bootstrap")))))
        return -1;
    return (alone ? put_file(&g, STR("weir"), program) : system_program_files(take_file, &g)) ? -1 : 0;
}

/* ---- permissions of the installed reap: those for destroying the current stacks ---- */

struct rights {
    struct arena *arena;
    struct value_builder actions, types;
};

/* Copies names that belong to a spec, which is freed with the stack. */
static void keep_names(struct arena *arena, struct value_builder *names, size_t from)
{
    for (size_t i = from; i < names->n; i++)
        names->entries[i].key = arena_str(arena, names->entries[i].key);
}

/* Resources that services leave behind are deleted too. */
static void add_schema(struct rights *r, struct catalog *catalog, const struct schema *schema)
{
    size_t n, actions = r->actions.n, types = r->types.n;
    const struct str *leaves = schema_leaves(r->arena, schema, &n);
    if (!schema->ops->permissions)
        return;
    schema->ops->permissions(
        schema, schema->is_data ? PERMISSION_PLAN : PERMISSION_DESTROY, r->arena, &r->actions);
    value_builder_set(&r->types, schema->name, &value_null);
    for (size_t i = 0; i < n; i++) {
        const struct schema *left = catalog_find(catalog, leaves[i], false, ERR_IGNORED);
        if (left && left->ops->permissions)
            left->ops->permissions(left, PERMISSION_DESTROY, r->arena, &r->actions);
    }
    keep_names(r->arena, &r->actions, actions);
    keep_names(r->arena, &r->types, types);
}

static void add_stack(struct rights *r, const struct workspace *workspace)
{
    const struct stack *stack = workspace->stack;
    for (size_t i = 0; i < stack->decl_count; i++)
        if (stack->decls[i]->schema)
            add_schema(r, workspace->catalog, stack->decls[i]->schema);
}

/* Adds the types of the recorded stack files, and of recorded resources that are no longer in them. */
static void add_known(struct rights *r, struct known_state *known)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct err err = ERR_INIT;
    struct workspace workspace;
    size_t n;
    known_state_options(known);
    struct workspace_options options = known->options;
    options.no_state = true;
    bool open = !workspace_open(&options, &ignored, &workspace, &err);
    const struct record *const *records = state_records(known->state, &n);
    if (open)
        add_stack(r, &workspace);
    for (size_t i = 0; open && i < n; i++) {
        const struct schema *schema = catalog_find(workspace.catalog, records[i]->subject.type, false, &err);
        if (schema)
            add_schema(r, workspace.catalog, schema);
    }
    workspace_close(&workspace);
}

/* Adds the stack in the folder, which may not have been applied yet. */
static void add_folder(struct rights *r, struct known_states *all)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct workspace workspace;
    struct workspace_options options = all->inv->workspace_options;
    options.no_state = options.stack.any_member = options.stack.lenient_inputs = true;
    if (!stack_exists(r->arena, all->inv->settings->dir))
        return;
    if (!workspace_open(&options, &ignored, &workspace, ERR_IGNORED))
        add_stack(r, &workspace);
    workspace_close(&workspace);
}

static const struct value *statement(struct arena *arena, const struct value *actions, const char *resource)
{
    return VALUE_MAP(arena, {STR("Effect"), value_stringz(arena, "Allow")}, {STR("Action"), actions},
        {STR("Resource"), value_stringz(arena, resource)});
}

static const struct value *names_of(struct arena *arena, const struct value *map)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++)
        if (!str_eqz(map->entries[i].key, "iam:PassRole")) /* destroying passes no roles */
            value_builder_add(&names, value_string(arena, map->entries[i].key));
    return value_builder_list(&names);
}

static void add_states(struct arena *arena, const struct value *config, struct value_builder *statements)
{
    static const char *const objects[] = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"};
    struct str bucket = value_gets(config, "bucket"), prefix = value_gets(config, "prefix");
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        value_builder_add(&list, value_stringz(arena, objects[i]));
    value_builder_add(
        statements, statement(arena, value_builder_list(&list),
                        arena_printf(arena, "arn:*:s3:::%.*s/%.*s*", STR_ARG(bucket), STR_ARG(prefix)).p));
    value_builder_add(statements, statement(arena, value_stringz(arena, "s3:ListBucket"),
                                      arena_printf(arena, "arn:*:s3:::%.*s", STR_ARG(bucket)).p));
    if (str_starts(value_gets(config, "key"), STR("kms:")))
        value_builder_add(statements, statement(arena, value_stringz(arena, "kms:Decrypt"), "*"));
}

/*
 * Returns a policy for destroying the resources of these stacks and of the stack in the folder, and for
 * accessing their states.
 */
static const struct value *reap_rights(struct known_states *all, size_t *types)
{
    struct arena *arena = &all->inv->arena;
    struct rights r = {arena, VALUE_BUILDER(arena), VALUE_BUILDER(arena)};
    AUTO_BUILDER struct value_builder statements = VALUE_BUILDER(arena);
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].has_resources &&
            !str_eqz(all->items[i].stack, REAP_STACK)) /* it does not destroy itself */
            add_known(&r, &all->items[i]);
    add_folder(&r, all);
    value_builder_set(&r.actions, STR("tag:GetResources"), &value_null);
    value_builder_add(&statements, statement(arena, names_of(arena, value_builder_map(&r.actions)), "*"));
    add_states(arena, all->config, &statements);
    *types = value_builder_map(&r.types)->count;
    value_builder_release(&r.actions);
    value_builder_release(&r.types);
    return VALUE_MAP(arena, {STR("Version"), value_stringz(arena, "2012-10-17")},
        {STR("Statement"), value_builder_list(&statements)});
}

enum { MINUTE_MS = 60 * 1000, USUAL_MINUTES = 15, DAY_MINUTES = 24 * 60 };

/* ---- unsupported locations ---- */

static int reap_install_refuse(struct invocation *inv, const char *why)
{
    return invocation_usage(inv, "a scheduler of your own runs `weir reap --yes` where they can be read",
        "these states cannot be read from within the account: %s", why);
}

static int check_place(const struct known_states *all)
{
    struct str key = value_gets(all->config, "key");
    if (!str_eqz(value_gets(all->config, "backend"), "s3"))
        return reap_install_refuse(all->inv, "they are not in S3");
    if (key.n && !str_starts(key, STR("kms:")))
        return reap_install_refuse(all->inv, "their key is here, and not in KMS");
    return EXIT_DONE;
}

/* ---- the stack ---- */

static void add_input(struct texts *inputs, struct arena *arena, const char *name, const struct value *v)
{
    const struct value *text = v->kind == VALUE_STRING ? v : json_as_text(arena, v);
    inputs->items[inputs->n++] = arena_printf(arena, "%s=%.*s", name, STR_ARG(text->string));
}

/* Removes the profile, which exists only on this machine. */
static const struct value *state_there(struct arena *arena, const struct value *config)
{
    return value_with(arena, config, STR("profile"), NULL);
}

static struct texts stack_inputs(
    struct known_states *all, int64_t minutes, const char *machine, const struct value *rights)
{
    enum { INPUTS = 7 };
    struct arena *arena = &all->inv->arena;
    struct texts inputs = {.items = ARENA_ARRAY(arena, struct str, INPUTS)};
    struct str region = value_gets(all->config, "region");
    add_input(&inputs, arena, "state", state_there(arena, all->config));
    add_input(&inputs, arena, "minutes", value_int(arena, minutes));
    add_input(&inputs, arena, "store", value_string(arena, value_gets(all->config, "bucket")));
    add_input(&inputs, arena, "program", value_stringz(arena, ".weir/reap"));
    add_input(&inputs, arena, "architecture", value_stringz(arena, machine));
    add_input(&inputs, arena, "rights", rights);
    if (region.n)
        add_input(&inputs, arena, "region", value_string(arena, region));
    return inputs;
}

static struct workspace_options stack_options(struct known_states *all, const struct texts *inputs)
{
    struct arena *arena = &all->inv->arena;
    struct workspace_options options = all->inv->workspace_options;
    const struct embedded_file *text = embedded_find(STR("cmd/reap/installed/stack.yaml"));
    struct value_entry file = {STR("weir.yaml"), value_string_ref(arena, embedded_text(text))};
    options.no_state = options.no_stack = false;
    options.stack = (struct stack_options){.dir = all->dir,
        .files = value_map(arena, &file, 1),
        .root = STR("weir.yaml"),
        .state = all->config,
        .inputs = inputs->items,
        .input_count = inputs->n};
    return options;
}

static int open_stack(struct invocation *inv, const struct workspace_options *options, struct workspace *out)
{
    struct err err = ERR_INIT;
    int failed = workspace_open(options, &inv->diags, out, &err);
    int status = invocation_diags(inv);
    if (failed && err.class != ERR_NONE)
        status = invocation_fail(inv, &err);
    return failed && status == EXIT_DONE ? EXIT_FAILED : status;
}

static int carry_out(
    struct invocation *inv, const struct workspace_options *options, bool remove, bool dry_run)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct plan *plan = NULL;
    int status = open_stack(inv, options, &workspace);
    if (status == EXIT_DONE && !dry_run)
        status = planning_lock(inv, &workspace);
    if (status == EXIT_DONE)
        status = planning_make(inv, &workspace, remove, NULL, &plan);
    if (status == EXIT_DONE && dry_run)
        status = planning_show(inv, plan);
    else if (status == EXIT_DONE)
        status = planning_execute(inv, plan,
            remove ? "Do you want to delete all of this? Nothing is reaped from then on."
                   : "Do you want to create this? From then on stacks whose lease has ended are destroyed.",
            false, NULL);
    plan_free(plan);
    return status;
}

int reap_install(struct known_states *all, const struct reap_settings *settings)
{
    struct invocation *inv = all->inv;
    struct arena *arena = &inv->arena;
    int64_t minutes = settings->every_ms ? settings->every_ms / MINUTE_MS : USUAL_MINUTES;
    bool remove = settings->uninstall;
    const char *machine = "x86_64"; /* irrelevant for an uninstall */
    struct str folder = path_join(arena, str_z(all->dir), STR(".weir/reap"));
    struct err err = ERR_INIT;
    size_t types = 0;
    int status = check_place(all);
    if (status != EXIT_DONE)
        return status;
    if (minutes < 1 || minutes > DAY_MINUTES)
        return invocation_usage(inv, "such as 15m or 1h", "--every is from a minute to a day");
    const struct value *rights = reap_rights(all, &types);
    if (!remove && reap_program_gather(arena, folder, settings->program, &machine, &err)) {
        tree_remove(folder.p);
        return invocation_fail(inv, &err);
    }
    struct texts inputs = stack_inputs(all, minutes, machine, rights);
    struct workspace_options options = stack_options(all, &inputs);
    status = carry_out(inv, &options, remove, settings->dry_run);
    tree_remove(folder.p);
    if (status == EXIT_DONE && !remove && !inv->settings->json)
        invocation_note(inv,
            "It may delete resources of the %zu types that the stacks here have; for other types install it "
            "again.",
            types);
    return status;
}
