/* What is read of a state: of some declarations only their records, and in the default place while the
 * stack is still being loaded. */
#include "plan/workspace/early_state.h"

#include "base/file.h"
#include "base/mem.h"
#include "plan/objects/recorded.h"
#include "plan/workspace/deploy.h"

#include <stdlib.h>

/* ---- The declarations that targets need, and those that every plan does ---- */

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

/* What the change of job code reaches: all that refers to its artifacts, in any way. Dependencies come first.
 */
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

/* Is it asked of what that one makes, or is it a condition of it? */
static bool is_about(const struct rule *rule, const struct decl *decl)
{
    return decl->kind == DECL_RESOURCE && (rule->decl ? rule->decl == decl : rule_is_for(rule, decl->schema));
}

/* A rule of the plan counts and adds up all that there is, and a check is about it. */
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

/* What refers to it, in any way. */
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

/* Dependents that a rule names. */
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

/* ---- all of it ---- */

bool needed_by_targets(
    const struct stack *stack, struct arena *arena, const struct wanted_part *wanted, struct needed_part *out)
{
    bool *chosen = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    bool *needed = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    bool *linked = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    if (!wanted->n)
        return false;
    for (size_t i = 0; i < wanted->n; i++)
        if (!find_targets(stack, wanted->targets[i], chosen))
            return false; /* of the state alone, or of nobody */
    add_deps(stack, chosen, needed);
    if (wanted->alone) {
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
        needed[i] |=
            linked[i] || (wanted->alone && decl_is_artifact(decl)); /* of which no two may be the same */
    }
    *out = (struct needed_part){needed, linked};
    return true;
}

/* Does anybody see its value, or is a target all of it? */
static bool is_seen(const struct stack *stack, const struct wanted_part *wanted,
    const struct needed_part *part, const struct decl *decl)
{
    bool seen = wanted->alone || !decl->for_each || part->whole[decl->index];
    for (size_t i = 0; i < wanted->n; i++)
        seen |= address_matches(decl->address, &wanted->targets[i], 1);
    for (size_t i = 0; i < stack->decl_count && !seen; i++)
        for (size_t k = 0; part->needed[i] && k < stack->decls[i]->dep_count; k++)
            seen |= stack->decls[i]->deps[k] == decl;
    return seen;
}

struct state_part needed_records(const struct stack *stack, struct arena *arena,
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
        bool seen = needed[i] && decl->kind == DECL_RESOURCE && is_seen(stack, wanted, of, decl);
        if (seen)
            addresses[part.n++] = decl->address;
        for (size_t t = 0; needed[i] && !seen && t < wanted->n; t++)
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

/* Of "film-lake.dev.log" with environment "dev": "film-lake". "" : not the log of such a state. */
static struct str state_name(struct str file, struct str env)
{
    struct str rest, name = str_cut(file, '.', &rest);
    if (env.n && !str_eq(str_cut(rest, '.', &rest), env))
        return STR_EMPTY;
    return str_eqz(rest, "log") ? name : STR_EMPTY;
}

/* The only state of this environment in the default folder. False where there is none, several, or a short
 * one. */
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

struct early_state *early_state_start(const struct workspace_options *options)
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

bool early_state_take(
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
