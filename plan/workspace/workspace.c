/* Opens what a command works on, in the order of dependencies; providers on first use. Reads only the needed
 * part of a state, in parallel with loading the stack. */
#include "plan/workspace.h"

#include "base/file.h"
#include "base/mem.h"
#include "plan/evaluate/connections.h"
#include "plan/evaluate/shared_listings.h"
#include "plan/objects/recorded.h"
#include "plan/state/snapshot.h"
#include "plan/workspace/deploy.h"
#include "plan/workspace/module_files.h"
#include "provider/cloud.h"
#include "provider/http/redact.h"
#include "provider/kind.h"
#include "stacks/load/files.h"

#include <stdlib.h>

/*
 * Declarations that a plan with targets needs, so that only their records are read. If more turn out to be
 * needed, plan_make() reads the whole state.
 */

struct needed_part {
    const bool *needed; /* by decl->index */
    const bool *whole;  /* those of which all instances are needed, whatever the targets */
};

/* ---- declarations that targets need, and those that every plan needs ---- */

static bool find_targets(const struct stack *stack, struct str target, bool *chosen)
{
    bool any = false;
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        bool meant =
            str_eq(decl->address, address_declared(target)) || address_matches(decl->address, &target, 1);
        chosen[i] |= meant;
        any |= meant && decl->kind == DECL_RESOURCE;
    }
    return any;
}

static void add_deps(const struct stack *stack, const bool *chosen, bool *needed)
{
    for (size_t i = 0; i < stack->decl_count; i++)
        if (chosen[i])
            depends_need(stack->decls[i], needed);
}

/* Resources that a change of job code may reach: all that refer to its artifacts, directly or not.
 * Dependencies come first. */
static void add_reached(const struct stack *stack, const bool *needed, bool *chosen)
{
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        chosen[i] |= needed[i] && decl_is_artifact(decl);
        for (size_t k = 0; k < decl->dep_count; k++)
            chosen[i] |= chosen[decl->deps[k]->index];
    }
}

/* ---- rules ---- */

/* True if the rule applies to the resource, or is one of its conditions. */
static bool is_about(const struct rule *rule, const struct decl *decl)
{
    return decl->kind == DECL_RESOURCE && (rule->decl ? rule->decl == decl : rule_is_for(rule, decl->schema));
}

/* Rules about the plan count all resources, and checks may read any. */
static bool ask_about_all(const struct stack *stack, const bool *asked)
{
    for (size_t i = 0; i < stack->rule_count; i++) {
        const struct rule *rule = &stack->rules[i];
        bool all = rule->of_plan || rule->check;
        for (size_t k = 0; k < stack->decl_count && (rule->names & RULE_NAMES_OTHERS) && !all; k++)
            all = asked[k] && is_about(rule, stack->decls[k]);
        if (all)
            return true;
    }
    return false;
}

/* Adds its direct dependents, and those through declarations that are not resources. */
static void add_dependents(const struct stack *stack, size_t of, bool *linked)
{
    AUTO_FREE bool *reached = mem_zalloc(stack->decl_count * sizeof *reached);
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        for (size_t k = 0; k < decl->dep_count; k++) {
            const struct decl *dep = decl->deps[k];
            reached[i] |= dep->index == of || (reached[dep->index] && dep->kind != DECL_RESOURCE);
        }
        linked[i] |= reached[i] && decl->kind == DECL_RESOURCE;
    }
}

/* Adds dependents that rules use. */
static void find_linked(const struct stack *stack, const bool *asked, bool *linked)
{
    for (size_t k = 0; k < stack->decl_count; k++) {
        bool links = false;
        for (size_t i = 0; i < stack->rule_count && asked[k] && !links; i++)
            links = (stack->rules[i].names & RULE_NAMES_LINKS) && is_about(&stack->rules[i], stack->decls[k]);
        if (links)
            add_dependents(stack, k, linked);
    }
}

/* ---- all ---- */

/* False: the whole state is needed. */
static bool needed_by_targets(
    const struct stack *stack, struct arena *arena, const struct wanted_part *wanted, struct needed_part *out)
{
    bool *chosen = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    bool *needed = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    bool *linked = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    if (!wanted->n)
        return false;
    for (size_t i = 0; i < wanted->n; i++)
        if (!find_targets(stack, wanted->targets[i], chosen))
            return false; /* in the state only, or unknown */
    add_deps(stack, chosen, needed);
    if (wanted->targets_only) {
        add_reached(stack, needed, chosen);
        add_deps(stack, chosen, needed);
    }
    if (ask_about_all(stack, needed))
        return false;
    find_linked(stack, needed, linked);
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        bool output = decl->kind == DECL_OUTPUT && !decl->module->parent;
        if (output || decl->kind == DECL_PROVIDER || decl->kind == DECL_CONNECTION)
            depends_need(decl, needed);
        needed[i] |= linked[i] ||
                     (wanted->targets_only && decl_is_artifact(decl)); /* no two artifacts may be the same */
    }
    *out = (struct needed_part){needed, linked};
    return true;
}

/* True if all instances are needed: another expression uses its value, or it is a target as a whole. */
static bool needs_all_instances(const struct stack *stack, const struct wanted_part *wanted,
    const struct needed_part *part, const struct decl *decl)
{
    bool whole = wanted->targets_only || !decl->for_each || part->whole[decl->index];
    for (size_t i = 0; i < wanted->n; i++)
        whole |= address_matches(decl->address, &wanted->targets[i], 1);
    for (size_t i = 0; i < stack->decl_count && !whole; i++)
        for (size_t k = 0; part->needed[i] && k < stack->decls[i]->dep_count; k++)
            whole |= stack->decls[i]->deps[k] == decl;
    return whole;
}

/* Addresses of the needed records: declarations, or only their targeted instances. */
static struct state_part needed_records(const struct stack *stack, struct arena *arena,
    const struct wanted_part *wanted, const struct needed_part *of)
{
    const bool *needed = of->needed;
    struct str *addresses = ARENA_ARRAY(arena, struct str, stack->decl_count + wanted->n + 1);
    struct str *former = ARENA_ARRAY(arena, struct str, stack->moved_count + 1);
    struct state_part part = {.declared = addresses, .absent = former, .absent_count = stack->moved_count};
    for (size_t i = 0; i < stack->moved_count; i++)
        former[i] = stack->moved[i].from;
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        bool whole = needed[i] && decl->kind == DECL_RESOURCE && needs_all_instances(stack, wanted, of, decl);
        if (whole)
            addresses[part.n++] = decl->address;
        for (size_t t = 0; needed[i] && !whole && t < wanted->n; t++)
            if (str_eq(address_declared(wanted->targets[t]), decl->address))
                addresses[part.n++] = wanted->targets[t];
    }
    return part;
}

enum { WORTH_BYTES = 256 * 1024 };

struct early_state {
    pthread_t thread;
    struct arena arena;
    struct backend_options store;
    struct state *state;
    int status;
    struct err err;
};

/* "film-lake" of "film-lake.dev.log" with environment "dev"; "": not a log of this environment. */
static struct str state_name(struct str file, struct str env)
{
    struct str rest, name = str_cut(file, '.', &rest);
    if (env.n && !str_eq(str_cut(rest, '.', &rest), env))
        return STR_EMPTY;
    return str_eqz(rest, "log") ? name : STR_EMPTY;
}

/* Finds the only state of this environment in the default folder. False: none, several, or a short one. */
static bool guess_store(struct early_state *early)
{
    struct str folder = path_join(&early->arena, early->store.dir, STR(".weir"));
    AUTO_DIR DIR *dir = opendir(folder.p);
    if (!dir)
        return false;
    struct stat st = {0};
    size_t found = 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        struct str name = state_name(str_z(entry->d_name), early->store.env);
        if (!name.n)
            continue;
        found++;
        early->store.stack = arena_str(&early->arena, name);
        if (fstatat(dirfd(dir), entry->d_name, &st, 0))
            st.st_size = 0;
    }
    return found == 1 && st.st_size >= WORTH_BYTES;
}

static void *read_state(void *ctx)
{
    struct early_state *early = ctx;
    struct state_options options = {.dir = early->store.dir};
    early->status = backend_new(&early->store, &options.backend, &early->err);
    if (!early->status)
        early->status = state_open(&options, &early->state, &early->err);
    return NULL;
}

static void early_state_free(struct early_state *early)
{
    arena_release(&early->arena);
    free(early);
}

/* Starts reading the state in a thread. NULL: there is no obvious state, or it is too small for a thread. */
static struct early_state *early_state_start(const struct workspace_options *options)
{
    if (options->no_state || options->state_dir || options->state_at || options->part)
        return NULL;
    struct early_state *early = mem_zalloc(sizeof *early);
    const char *at = options->stack.dir ? options->stack.dir : ".";
    early->store.dir = path_is_dir(at) ? str_z(at) : arena_str(&early->arena, path_dir(str_z(at)));
    early->store.env = options->stack.env;
    if (guess_store(early) && !pthread_create(&early->thread, NULL, read_state, early))
        return early;
    early_state_free(early);
    return NULL;
}

/*
 * Waits for the thread and frees `early` (may be NULL). True: it was the state of `stack`; *status has the
 * result, *out the state or err the error. False (also for stack NULL): the result is dropped.
 */
static bool early_state_take(
    struct early_state *early, const struct stack *stack, struct state **out, int *status, struct err *err)
{
    if (!early)
        return false;
    pthread_join(early->thread, NULL);
    const struct backend_options *store = &early->store;
    bool right = stack && !stack->state && str_eq(stack->name, store->stack) &&
                 str_eq(stack->env, store->env) && str_eq(stack->dir, store->dir);
    if (right) {
        *status = early->status;
        *out = early->state;
        if (early->status)
            *err = early->err;
    } else {
        state_close(early->state);
    }
    early_state_free(early);
    return right;
}

int workspace_backend(const struct workspace *workspace, struct backend **out, struct err *err)
{
    const struct stack *stack = workspace->stack;
    struct backend_options options = {
        .config = stack->state, .dir = stack->dir, .stack = stack->name, .env = stack->env};
    if (workspace->options->state_dir) {
        options.config = NULL;
        options.dir = str_z(workspace->options->state_dir);
    }
    return backend_new(&options, out, err);
}

/* Finds the needed records; false: all. */
static bool choose_part(
    const struct workspace_options *options, struct workspace *workspace, struct state_part *part)
{
    struct stack *stack = workspace->stack;
    struct needed_part of;
    if (!options->part || options->shared || options->planned ||
        !needed_by_targets(stack, &stack->arena, options->part, &of))
        return false;
    workspace->needed = of.needed;
    *part = needed_records(stack, &stack->arena, options->part, &of);
    return true;
}

int workspace_read_part(
    const struct workspace *workspace, const struct state_part *part, struct state **out, struct err *err)
{
    const struct workspace_options *options = workspace->options;
    const struct stack *stack = workspace->stack;
    struct state_options state = {.config = options->state_dir ? NULL : stack->state,
        .dir = stack->dir,
        .at = options->state_at,
        .part = part};
    if (workspace_backend(workspace, &state.backend, err))
        return -1;
    return state_open(&state, out, err);
}

static int open_state(struct workspace *workspace, struct err *err)
{
    struct state_part part = {0};
    bool some = choose_part(workspace->options, workspace, &part);
    return workspace_read_part(workspace, some ? &part : NULL, &workspace->state, err);
}

/*
 * If a stack is needed only to find its state, errors in its files are dropped; those in the command line
 * (without a source) are kept.
 */
static bool forgive(const struct stack *stack, struct diags *diags)
{
    bool known = stack && stack->name.n && (stack->state || !stack->state_span.source);
    for (size_t i = 0; known && i < diags->n; i++)
        known = diags->items[i].span.source != NULL;
    if (known && diags->errors) {
        diags_release(diags);
        *diags = (struct diags)DIAGS_INIT;
    }
    return known;
}

/* Beside the stack file, which `dir` may name. */
static const char *schemas_dir(struct arena *arena, const char *dir)
{
    struct str folder = str_z(dir ? dir : ".");
    if (!path_is_dir(folder.p))
        folder = arena_str(arena, path_dir(folder));
    return path_join(arena, folder, STR(".weir/schemas")).p;
}

const struct value *workspace_shared(const struct workspace *workspace)
{
    const struct value *const *reported = workspace->options->shared_outputs;
    const struct value *v = reported ? *reported : workspace->shared;
    return v ? v : &value_unknown;
}

const struct value *workspace_shared_values(
    struct arena *arena, const struct shared_stack *shared, const struct value *outputs)
{
    const struct value *all = value_copy(arena, outputs);
    for (size_t i = 0; i < shared->output_count; i++)
        if (!value_get(all, shared->outputs[i]))
            all = value_with(arena, all, shared->outputs[i], &value_unknown);
    return all;
}

/* Reads outputs of the stack that the members of a fleet share. */
static int read_shared(const struct workspace_options *options, struct workspace *workspace, struct err *err)
{
    const struct shared_stack *shared = &workspace->stack->shared;
    struct workspace_options other = {.kinds = options->kinds,
        .specs_dir = options->specs_dir,
        .overlay = options->overlay,
        .state_dir = options->state_dir,
        .sandbox_dir = options->sandbox_dir,
        .no_stack = true,
        .stack = {.dir = shared->file.p, .inputs = shared->inputs, .input_count = shared->input_count}};
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct workspace its;
    if (!shared->name.n || options->shared_outputs)
        return 0;
    if (options->sandbox_dir)
        other.state_dir =
            sandbox_state_folder(&workspace->stack->arena, options->sandbox_dir, shared->file.p).p;
    other.stack.lenient_inputs = other.stack.no_shared = true;
    int status = workspace_open(&other, &ignored, &its, err);
    if (!status && state_seq(its.state))
        workspace->shared =
            workspace_shared_values(&workspace->stack->arena, shared, state_outputs(its.state));
    workspace_close(&its);
    return status ? err_context(err, "reading the outputs of %.*s", STR_ARG(shared->file)) : 0;
}

int workspace_open(
    const struct workspace_options *options, struct diags *diags, struct workspace *out, struct err *err)
{
    *out = (struct workspace){.options = options};
    redact_learn_environment();
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct catalog_options catalog = {.kinds = options->kinds,
        .specs_dir = options->specs_dir,
        .schemas_dir = schemas_dir(&scratch, options->stack.dir)};
    out->catalog = options->catalog;
    if (!out->catalog && catalog_new(&catalog, &out->catalog, err))
        return -1;
    if (!options->no_stack && !options->no_fetch && module_files_bring(options, out->catalog, diags, err))
        return -1;
    struct early_state *early = early_state_start(options);
    struct stack_options stack = options->stack;
    stack.catalog = out->catalog;
    stack.states = plan_cloud.states;
    stack.state_count = plan_cloud.state_count;
    out->stack = stack_load(&stack, diags);
    bool unusable = options->no_stack
                        ? !forgive(out->stack, diags)
                        : !out->stack || diags->errors > (options->find_all ? out->stack->ignored_errors : 0);
    int status = 0;
    if (!unusable) {
        struct str dir = options->state_dir ? str_z(options->state_dir) : out->stack->dir;
        out->work_dir = path_join(&out->stack->arena, dir, STR(".weir"));
        out->digests = digests_new(out->work_dir.p);
    }
    bool usable = !unusable && (options->no_stack || !diags->errors);
    bool taken = early_state_take(early, usable ? out->stack : NULL, &out->state, &status, err);
    if (taken ? status : unusable)
        return -1;
    if (options->no_state || !usable)
        return 0;
    return read_shared(options, out, err) || (!taken && open_state(out, err)) ? -1 : 0;
}

/* A provider, and the configuration it was opened with. */
struct opened {
    struct provider *provider;
    const struct value *config;
};

void workspace_close(struct workspace *workspace)
{
    for (size_t i = 0; i < workspace->providers.n; i++) {
        struct opened *opened = workspace->providers.items[i].ptr;
        provider_free(opened->provider);
        free(opened);
    }
    map_release(&workspace->providers);
    for (size_t i = 0; i < workspace->retired_count; i++)
        provider_free(workspace->retired[i]);
    free(workspace->retired);
    connections_free(workspace->connections);
    http_engine_free(workspace->http);
    digests_free(workspace->digests);
    state_close(workspace->state);
    if (workspace->stack)
        stack_free(workspace->stack);
    if (workspace->catalog && !workspace->options->catalog)
        catalog_free(workspace->catalog);
    *workspace = (struct workspace){0};
}

/* A run whose lock was taken over (after being stopped for too long) must not send requests. */
static int still_locked(void *state, struct err *err)
{
    return state_check_lock(state, err);
}

static int make_http(struct workspace *workspace, struct err *err)
{
    const struct workspace_options *options = workspace->options;
    struct http_options http = {.trace = options->trace,
        .trace_line = options->trace_line,
        .trace_ctx = options->trace_ctx,
        .shared = options->shared ? shared_http(options->shared) : NULL};
    if (http_engine_new(&http, &workspace->http, err))
        return -1;
    if (workspace->state)
        http_engine_gate(workspace->http, still_locked, workspace->state);
    return 0;
}

/* Merges the sandbox over the settings of the AWS account. */
static const struct value *with_overlay(
    const struct workspace *workspace, const struct provider_kind *kind, const struct value *config)
{
    struct arena *arena = &workspace->stack->arena;
    const struct value *overlay = workspace->options->overlay;
    if (!kind->aws_at)
        return value_merge(arena, config, overlay);
    const struct value *given = value_getz(config, kind->aws_at);
    return value_with(arena, config, str_z(kind->aws_at), value_merge(arena, given, overlay));
}

static int open_provider(struct workspace *workspace, struct str name, const struct value *config,
    struct provider **out, struct err *err)
{
    const struct provider_kinds *kinds = catalog_kinds(workspace->catalog);
    const struct provider_kind *kind = kind_find(kinds, provider_kind(name));
    if (kind && kind->http && !workspace->http && make_http(workspace, err))
        return -1;
    if (kind && kind->aws && workspace->options->overlay)
        config = with_overlay(workspace, kind, config);
    struct provider_options options = {.kinds = kinds,
        .name = name,
        .config = config,
        .http = workspace->http,
        .stack = workspace->stack->name,
        .base_dir = workspace->stack->dir,
        .ssh_pool = connections_ssh_pool(workspace->connections),
        .trace = workspace->options->trace,
        .trace_line = workspace->options->trace_line,
        .trace_ctx = workspace->options->trace_ctx,
        .cancel = workspace->options->cancel};
    return provider_new(&options, out, err);
}

int workspace_provider(struct workspace *workspace, struct str name, const struct value *config,
    struct provider **out, struct err *err)
{
    struct opened *known = map_get(&workspace->providers, name);
    if (!known || (known->config != config && !value_equal(known->config, config))) {
        struct provider *provider;
        if (open_provider(workspace, name, config, &provider, err))
            return -1;
        if (known) { /* operations in progress may use it */
            MEM_GROW(workspace->retired, workspace->retired_cap, workspace->retired_count + 1);
            workspace->retired[workspace->retired_count++] = known->provider;
        } else {
            known = mem_zalloc(sizeof *known);
            map_set(&workspace->providers, arena_str(&workspace->stack->arena, name), known);
        }
        *known = (struct opened){provider, config ? value_copy(&workspace->stack->arena, config) : NULL};
    }
    *out = known->provider;
    return 0;
}

struct provider *workspace_opened(const struct workspace *workspace, struct str name)
{
    const struct opened *opened = map_get(&workspace->providers, name);
    return opened ? opened->provider : NULL;
}

bool workspace_clock(const struct workspace *workspace, int64_t *ahead_ms)
{
    for (size_t i = 0; i < workspace->providers.n; i++) {
        const struct opened *opened = workspace->providers.items[i].ptr;
        if (provider_clock(opened->provider, ahead_ms))
            return true;
    }
    return false;
}

uint64_t workspace_requests(const struct workspace *workspace)
{
    return workspace->http ? http_engine_requests(workspace->http) : 0;
}

int workspace_former_backend(const struct workspace *workspace, struct backend **out, struct err *err)
{
    const struct stack *stack = workspace->stack;
    struct backend_options options = {.dir = stack->dir, .stack = stack->name, .env = stack->env};
    return backend_new(&options, out, err);
}

bool workspace_former(const struct workspace *workspace, struct arena *arena, struct former_state *out)
{
    const struct stack *stack = workspace->stack;
    struct state_options options = {.config = stack->state, .dir = stack->dir};
    struct state *state = NULL;
    if (!stack->state || workspace->options->state_dir || !workspace->state ||
        workspace_former_backend(workspace, &options.backend, ERR_IGNORED))
        return false;
    *out = (struct former_state){.path = arena_str(arena, options.backend->description)};
    if (str_eq(out->path, state_description(workspace->state))) {
        backend_free(options.backend);
        return false;
    }
    if (state_open(&options, &state, ERR_IGNORED)) /* frees the backend */
        return false;
    out->count = state_count(state);
    out->moved_to = arena_str(arena, state_moved_to(state));
    state_close(state);
    bool left = !out->moved_to.n ||
                (!state_seq(workspace->state) && !str_eq(out->moved_to, state_description(workspace->state)));
    return out->count && left;
}
