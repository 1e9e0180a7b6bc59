/* Outputs of another stack, read from its state: see stack_data.h. */
#include "plan/state/stack_data.h"

#include "base/mask.h"
#include "plan/state/state.h"
#include "provider/iam/policy.h"
#include "stacks/load/files.h"

static struct str other_name(struct arena *arena, const struct backend_options *store)
{
    return arena_printf(
        arena, "%.*s%s%.*s", STR_ARG(store->stack), store->env.n ? "." : "", STR_ARG(store->env));
}

/* Its outputs name resources in its own sandbox. */
static int check_sandbox(const struct op_ctx *ctx, const char *dir, struct err *err)
{
    struct str its = sandbox_folder(ctx->arena, dir);
    if (sandbox_folder_same(its.p, ctx->states.sandbox.p))
        return 0;
    err_set(err, ERR_INVALID, "the stack in %s has another sandbox, %.*s: what it made is not in %.*s", dir,
        STR_ARG(its), STR_ARG(ctx->states.sandbox));
    return err_hint(err,
        "`mkdir .weir` in the repository's top folder gives its stacks one sandbox, once neither "
        "has a .weir/sandbox of its own; `sandbox: DIR` in both files does so anywhere");
}

static bool has_log(const struct op_ctx *ctx, const struct backend_options *store)
{
    struct str log = arena_printf(ctx->arena, "%.*s/" DIR_OF_WEIR "/%.*s.log", STR_ARG(store->dir),
        STR_ARG(other_name(ctx->arena, store)));
    return path_exists(log.p);
}

/* Stacks with a common remote store find each other in a sandbox, whatever their folders. */
static void find_in_sandbox(const struct op_ctx *ctx, struct str folder, struct backend_options *store)
{
    AUTO_DIR DIR *dir = opendir(folder.p);
    const struct dirent *entry;
    while (dir && !has_log(ctx, store) && (entry = dir_next(dir)))
        if (!str_eqz(str_z(entry->d_name), DIR_OF_WEIR)) {
            struct backend_options other = *store;
            other.dir = path_join(ctx->arena, folder, arena_str(ctx->arena, str_z(entry->d_name)));
            if (path_is_dir(other.dir.p))
                find_in_sandbox(ctx, other.dir, &other);
            if (has_log(ctx, &other))
                *store = other;
        }
}

struct backend_options stack_data_store(
    struct arena *arena, const struct state_stores *states, struct str dir, const struct value *object)
{
    struct str folder = value_gets(object, "dir");
    const struct value *config = value_getz(object, "state");
    folder = folder.n ? path_join(arena, dir, folder) : STR_EMPTY;
    if (value_is_null(config))
        config = folder.n ? stack_state(arena, arena_strz(arena, folder)) : states->config;
    return (struct backend_options){.config = config,
        .dir = folder.n ? folder : states->dir,
        .stack = value_gets(object, "stack"),
        .env = value_gets(object, "env")};
}

/* Folder of a state in files; a path that does not exist for other stores. */
static struct str files_folder(struct arena *arena, const struct backend_options *store)
{
    return path_join(arena, store->dir, value_text(value_getz(store->config, "path"), STR(DIR_OF_WEIR)));
}

bool stack_data_is_same_state(const struct backend_options *store, const struct backend_options *other)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    static const char *const where[] = {"backend", "bucket", "prefix", "endpoint", "url", "table"};
    const struct value *const a = value_as_map(store->config), *b = value_as_map(other->config);
    bool same = str_eq(store->stack, other->stack) && str_eq(store->env, other->env);
    bool files = str_eqz(value_text(value_getz(a, "backend"), STR("file")), "file");
    if (!same || (files && !str_eqz(value_text(value_getz(b, "backend"), STR("file")), "file")))
        return false;
    if (files)
        return sandbox_folder_same(files_folder(&scratch, store).p, files_folder(&scratch, other).p);
    for (size_t i = 0; i < sizeof where / sizeof *where && same; i++)
        same = value_equal(value_getz(a, where[i]), value_getz(b, where[i]));
    return same;
}

/* Replaces the store of every stack by a folder (--sandbox). */
static int store_of(
    const struct op_ctx *ctx, const struct value *object, struct backend_options *store, struct err *err)
{
    struct arena *arena = ctx->arena;
    struct str dir = value_gets(object, "dir");
    *store = stack_data_store(arena, &ctx->states, ctx->dir, object);
    if (!ctx->states.override_dir.n)
        return 0;
    bool elsewhere = store->config;
    const char *folder = arena_strz(arena, store->dir), *sandbox = ctx->states.sandbox.p;
    store->config = NULL;
    if (ctx->states.sandbox.n || !dir.n)
        store->dir = ctx->states.override_dir;
    if (ctx->states.sandbox.n && dir.n) {
        if (check_sandbox(ctx, folder, err))
            return -1;
        store->dir = sandbox_state_folder(arena, sandbox, folder);
    } else if (ctx->states.sandbox.n && elsewhere && !has_log(ctx, store)) {
        struct backend_options found = *store;
        found.dir = str_z(sandbox);
        if (!has_log(ctx, &found))
            find_in_sandbox(ctx, path_join(arena, ctx->states.sandbox, STR("stacks")), &found);
        if (has_log(ctx, &found))
            *store = found;
    }
    return 0;
}

/* Reports that no state has that name, with similar names. */
static int no_state(
    const struct op_ctx *ctx, const struct backend_options *store, struct str where, struct err *err)
{
    struct backend *backend;
    struct backend_listing there = {0};
    struct str name = other_name(ctx->arena, store);
    err_set(err, ERR_ABSENT, "there is no state of \"%.*s\": %.*s is empty", STR_ARG(name), STR_ARG(where));
    if (backend_new(store, &backend, ERR_IGNORED))
        return -1;
    if (backend->ops->list(backend, ctx->arena, &there, ERR_IGNORED))
        there.n = 0;
    backend_free(backend);
    struct str near = str_nearest(name, there.names, there.n);
    if (near.n && !str_eq(near, name))
        return err_hint(err, "did you mean \"%.*s\", which is there?", STR_ARG(near));
    return err_hint(err, "apply that stack first; `dir` is its folder, `state` says where it "
                         "keeps its state, as its own file does");
}

/* Secret outputs are secret here, and masked in this process's log. */
static void mask_secrets(const struct value *v)
{
    if (value_is_null(v))
        return;
    if (v->marks & VALUE_SENSITIVE) {
        if (!state_is_hash(v))
            mask_add_value(v, MASK_GIVEN);
        return;
    }
    for (uint32_t i = 0; (v->kind == VALUE_LIST || v->kind == VALUE_MAP) && i < v->count; i++)
        mask_secrets(v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value);
}

/* Trust policies of its IAM roles, by ARN and by name, for checking references to these roles. */
static const struct value *trust_policies(const struct op_ctx *ctx, struct state *state)
{
    static const char *const keys[] = {"arn", "name", "Arn", "RoleName"};
    size_t n;
    const struct record *const *records = state_records(state, &n);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < n; i++) {
        const struct value *attrs = records[i]->attrs,
                           *policy = value_get(attrs, iam_trust_attribute(records[i]->subject.type));
        for (size_t k = 0; !value_is_null(policy) && k < sizeof keys / sizeof *keys; k++) {
            struct str key = value_gets(attrs, keys[k]);
            if (key.n)
                value_builder_set(&b, arena_str(ctx->arena, key), value_copy(ctx->arena, policy));
        }
    }
    return value_builder_map(&b);
}

static int read_outputs(const struct op_ctx *ctx, const struct backend_options *store, struct state *state,
    const struct value **outputs, struct err *err)
{
    if (state_check_moved(state, err))
        return -1;
    if (!state_seq(state))
        return no_state(ctx, store, state_description(state), err);
    *outputs = value_copy(ctx->arena, state_outputs(state));
    mask_secrets(*outputs);
    return 0;
}

/* For a stack planned in the same run. If its outputs are not all known, its roles count as unknown, too;
 * changes of its roles are not checked here. */
static const struct value *planned_object(const struct op_ctx *ctx, const struct value *prior)
{
    const struct planned_stacks *planned = ctx->states.planned;
    struct backend_options store = stack_data_store(ctx->arena, &ctx->states, ctx->dir, prior);
    const struct value *outputs = planned ? planned->outputs(planned->ctx, &store) : NULL;
    if (!outputs)
        return NULL;
    outputs = value_copy(ctx->arena, outputs);
    return value_with(ctx->arena, value_with(ctx->arena, prior, STR("outputs"), outputs),
        STR("trust_policies"), value_is_known(outputs) ? &value_empty_map : &value_unknown);
}

static int stack_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    struct backend_options store;
    if ((*live = planned_object(ctx, prior)))
        return 0;
    if (store_of(ctx, prior, &store, err))
        return -1;
    struct state_options options = {.config = store.config, .dir = store.dir};
    struct state *state;
    const struct value *outputs = NULL, *policies = NULL;
    if (backend_new(&store, &options.backend, err) || state_open(&options, &state, err))
        return -1;
    int status = read_outputs(ctx, &store, state, &outputs, err);
    if (!status)
        policies = trust_policies(ctx, state);
    state_close(state);
    if (!status)
        *live = value_with(ctx->arena, value_with(ctx->arena, prior, STR("outputs"), outputs),
            STR("trust_policies"), policies);
    return status;
}

static const struct resource_ops stack_ops = {.read = stack_read};

static const struct type text = {.kind = TYPE_STRING}, any = {.kind = TYPE_ANY};

#define NAME_PATTERN "[a-z][a-z0-9-]*"

static const struct attr attrs[] = {
    SETTING_ATTR("stack", text, "Name of the other stack, as `stack:` in its file.", .required = true,
        .pattern = STR_INIT(NAME_PATTERN)),
    SETTING_ATTR("env", text,
        "Environment of the other stack. Without it the state without an environment is read.",
        .pattern = STR_INIT("[^./]*")),
    SETTING_ATTR("dir", text,
        "Folder of the other stack. weir finds its state by `state:` in its file. With --sandbox both need "
        "the same sandbox."),
    SETTING_ATTR("state", any,
        "State store of the other stack, as `state:` in its file, if that has expressions or is not here. "
        "Without `state` and `dir` weir uses this stack's store."),
    COMPUTED_ATTR("outputs", any,
        "Outputs of the last apply, by name. Sensitive outputs stay sensitive; without that "
        "state's key only their hash is known."),
    COMPUTED_ATTR("trust_policies", any,
        "Trust policies of the IAM roles in that state, by ARN and by name. weir checks them "
        "where a resource is given one of these roles."),
};

const struct schema weir_stack_schema = {
    .name = STR_INIT("weir.stack"),
    .doc = STR_INIT("The outputs of another stack, read from its state."),
    .example = STR_INIT("type: weir.stack\nstack: network\n"),
    .is_data = true,
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof *attrs,
    .id = STR_INIT(""),
    .ops = &stack_ops,
};
