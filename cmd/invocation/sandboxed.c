/* Runs a command against the sandbox, and checks its engines: see invocation.h. */
#include "base/clock.h"
#include "cmd/invocation/invocation.h"
#include "cmd/invocation/kinds.h"
#include "stacks/load/files.h"

#include <stdlib.h>

/* ---- missing engines of a plan ---- */

/* The resources of a plan that need a missing engine. */
struct lack {
    const struct sandbox_engine *engine;
    size_t count[ENGINE_USES];
    struct str type[ENGINE_USES], address; /* one example each; `address`: it cannot be created */
};

struct lacks {
    struct arena *arena;
    const struct plan *plan;
    struct lack *items; /* one for each missing engine */
    size_t n;
    const struct declared *declared;
    size_t declared_count;
    struct lack **unserved; /* by decl->index: the missing engine behind its records; NULL: none */
};

static struct lack *lack_of(struct lacks *l, struct str name)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eqz(name, l->items[i].engine->name))
            return &l->items[i];
    return NULL;
}

static bool is_to_be_made(const struct lacks *l, struct str address)
{
    const struct change *change = plan_change_at(l->plan, address);
    enum action action = change ? change->decision.action : ACTION_NOOP;
    return action == ACTION_CREATE || action == ACTION_UPDATE || action == ACTION_REPLACE;
}

static void count_lack(struct lack *lack, const struct declared *one, enum engine_use use)
{
    if (!lack->count[use]++)
        lack->type[use] = one->decl->schema->name;
    if (use == ENGINE_MAKES && lack->count[use] == 1)
        lack->address = one->address;
}

static void look_at_own(struct lacks *l, const struct declared *one)
{
    const struct schema *schema = one->decl->schema;
    for (size_t i = 0; i < schema->engine_count; i++) {
        struct lack *lack = lack_of(l, schema->engines[i].name);
        if (!lack || !schema_tests_hold(l->arena, schema, &schema->engines[i].when, one->object, NULL))
            continue;
        if (schema->engines[i].use == ENGINE_SERVES)
            l->unserved[one->decl->index] = lack;
        if (is_to_be_made(l, one->address))
            count_lack(lack, one, schema->engines[i].use);
    }
}

/* Handles a resource whose provider connects to a record without an engine: a table in a database, a file on
 * a host. */
static void check_provider_engines(struct lacks *l, const struct declared *one)
{
    const struct stack *stack = l->plan->workspace->stack;
    if (!one->decl->provider || !is_to_be_made(l, one->address))
        return;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool *needed = ARENA_ARRAY(&scratch, bool, stack->decl_count);
    depends_need(one->decl->provider, needed);
    for (size_t i = 0; i < stack->decl_count; i++)
        if (needed[i] && l->unserved[i]) {
            count_lack(l->unserved[i], one, ENGINE_MAKES);
            return;
        }
}

static bool is_resource(const struct declared *one)
{
    return one->decl->kind == DECL_RESOURCE && one->object;
}

/* Searches for programs only if a type in the plan needs an engine. */
static struct lacks lacks_of(struct arena *arena, const struct plan *plan)
{
    struct lacks l = {.arena = arena, .plan = plan};
    bool wanted = false;
    size_t n = 0;
    l.declared = plan_planned(plan, arena, &l.declared_count);
    for (size_t i = 0; i < l.declared_count; i++)
        wanted |= l.declared[i].decl->schema && l.declared[i].decl->schema->engine_count;
    const struct sandbox_engine *engines = wanted ? sandbox_engines(arena, &n) : NULL;
    l.items = ARENA_ARRAY(arena, struct lack, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!engines[i].is_here)
            l.items[l.n++] = (struct lack){.engine = &engines[i]};
    if (!l.n)
        return l;
    l.unserved = ARENA_ARRAY(arena, struct lack *, plan->workspace->stack->decl_count);
    for (size_t i = 0; i < l.declared_count; i++)
        if (is_resource(&l.declared[i]))
            look_at_own(&l, &l.declared[i]);
    for (size_t i = 0; i < l.declared_count; i++)
        if (is_resource(&l.declared[i]))
            check_provider_engines(&l, &l.declared[i]);
    return l;
}

/* ---- reports ---- */

/* Returns whether programs may not be run (weir mcp), so that engines cannot be searched. */
static bool is_confined(void)
{
    return confined_program("an engine", ERR_IGNORED) != 0;
}

static struct str lack_text(struct arena *arena, const struct lack *lack, enum engine_use use)
{
    static const char *const becomes[] = {[ENGINE_MAKES] = "cannot be made",
        [ENGINE_RUNS] = "can be made and not run",
        [ENGINE_SERVES] = "is a record, and nothing answers where it is"};
    size_t n = lack->count[use];
    struct str many = n > 1 ? arena_printf(arena, " (%zu of them)", n) : STR_EMPTY;
    struct str why = is_confined() ? STR("it needs programs, which weir may not run here")
                                   : arena_printf(arena, "%s is not on this machine; what brings it: %.*s",
                                         lack->engine->title, STR_ARG(lack->engine->install));
    return arena_printf(arena, "in the sandbox %.*s%.*s %s: %.*s", STR_ARG(lack->type[use]), STR_ARG(many),
        becomes[use], STR_ARG(why));
}

void engines_warn(struct invocation *inv, const struct plan *plan, const struct observer *observer)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (!inv->settings->sandbox || plan->destroy || !observer->event)
        return;
    const struct lacks l = lacks_of(&arena, plan);
    for (int use = 0; use < ENGINE_USES; use++)
        for (size_t i = 0; i < l.n; i++)
            if (l.items[i].count[use]) {
                struct str text = lack_text(&arena, &l.items[i], (enum engine_use)use);
                observer->event(observer->ctx, &(struct event){.kind = EVENT_WARNING, .text = text.p});
            }
}

/* If another process serves the sandbox, its engines are not checked. */
int engines_refuse(struct invocation *inv, const struct plan *plan, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (!inv->sandbox || plan->destroy)
        return 0;
    const struct lacks l = lacks_of(&arena, plan);
    for (size_t i = 0; i < l.n; i++) {
        const struct lack *lack = &l.items[i];
        if (!lack->count[ENGINE_MAKES])
            continue;
        err_set(err, ERR_FAILED, "nothing was applied: %.*s, such as %.*s, cannot be made without %s",
            STR_ARG(lack->type[ENGINE_MAKES]), STR_ARG(lack->address), lack->engine->title);
        return is_confined() ? err_hint(err, "weir may not run programs here")
                             : err_hint(err, "what brings it: %.*s", STR_ARG(lack->engine->install));
    }
    return 0;
}

void engines_note(struct invocation *inv)
{
    AUTO_BUF struct buf here = BUF_INIT;
    size_t n;
    const struct sandbox_engine *engines = sandbox_engines(&inv->arena, &n);
    for (size_t i = 0; i < n; i++)
        if (engines[i].is_here)
            buf_addf(&here, "%s%s", here.n ? ", " : "", engines[i].title);
    if (here.n)
        invocation_note(inv, "Jobs and queries run with: %.*s.", STR_ARG(buf_str(&here)));
    for (size_t i = 0; i < n; i++)
        if (!engines[i].is_here)
            invocation_note(inv, "Not on this machine: %s, for %s. What brings it: %.*s", engines[i].title,
                engines[i].serves, STR_ARG(engines[i].install));
}

/* ---- serving or joining the sandbox ---- */

/* Speeds up state changes such as the creation of databases. State machines run at normal speed. */
enum { STATE_SPEED = 1000 };
enum { PACE_MS = 20, PATIENCE_MS = 10000 };

const struct value *sandboxed_overlay(struct arena *arena, struct str endpoint, const struct sandbox_key *key)
{
    struct value_entry entries[] = {
        {STR("endpoint"), value_string(arena, endpoint)}, {STR("endpoints"), &value_empty_map},
        {STR("access_key"), value_string(arena, key->access_key)},
        {STR("secret_key"), value_string(arena, key->secret_key)},
        {STR("account_id"), value_stringz(arena, SANDBOX_ACCOUNT)},
        {STR("insecure"), &value_true}, /* also if --bind selected another address of this machine */
    };
    return value_map(arena, entries, sizeof entries / sizeof *entries);
}

void sandboxed_environment(void)
{
    if (!getenv("AWS_REGION") && !getenv("AWS_DEFAULT_REGION"))
        setenv("AWS_REGION", "us-east-1", 0);
}

void sandboxed_state(struct invocation *inv, const char *stack, struct workspace_options *options)
{
    struct err ignored = ERR_INIT; /* opening the state reports the same error */
    options->sandbox_dir = inv->sandbox_dir;
    options->state_dir = sandbox_state_folder(&inv->arena, inv->sandbox_dir, stack).p;
    dir_make(options->state_dir, &ignored);
}

static void use_sandbox(
    struct invocation *inv, const char *path, struct str endpoint, const struct sandbox_key *key)
{
    inv->sandbox_dir = path;
    inv->workspace_options.overlay = sandboxed_overlay(&inv->arena, endpoint, key);
    sandboxed_state(inv, inv->settings->dir, &inv->workspace_options);
}

static int sandboxed_serve(struct invocation *inv, const char *path, struct err *err)
{
    struct sandbox_options options = {.dir = path,
        .announced = true,
        .temporary = true,
        .kinds = &cmd_kinds,
        .specs_dir = inv->settings->specs,
        .state_speed = STATE_SPEED};
    if (sandbox_start(&options, &inv->sandbox, err))
        return -1;
    inv->sandbox_temporary = true;
    struct sandbox_key key = sandbox_first_key(inv->sandbox);
    use_sandbox(inv, path, sandbox_endpoint(inv->sandbox, &inv->arena), &key);
    return 0;
}

/* Joins the process that serves the sandbox: `weir sandbox` in another terminal, or a command in another
 * folder. Returns 1 if no process serves it at the moment. */
static int sandboxed_join(struct invocation *inv, const char *path, struct err *err)
{
    struct sandbox_joined joined;
    struct sandbox_key key;
    if (sandbox_join(&inv->arena, path, &joined, err))
        return -1;
    if (joined.fd < 0)
        return 1;
    inv->sandbox_joined = joined.fd;
    inv->sandbox_temporary = joined.temporary;
    const char *whole = path;
    if (sandbox_folder_key(&inv->arena, &whole, &key, err))
        return -1;
    use_sandbox(inv, path, joined.endpoint, &key);
    return 0;
}

int sandboxed_start(struct invocation *inv, struct err *err)
{
    sandboxed_environment();
    const char *path = sandbox_folder(&inv->arena, inv->settings->dir).p;
    struct err failure;
    int missed = 1;
    for (int64_t waited = 0; missed == 1; waited += PACE_MS) { /* another process may be starting or ending */
        failure = (struct err)ERR_INIT;
        if (!sandboxed_serve(inv, path, &failure))
            return 0;
        if (failure.class != ERR_LOCKED || waited > PATIENCE_MS)
            break;
        struct err reason = ERR_INIT;
        if ((missed = sandboxed_join(inv, path, &reason)) < 0)
            failure = reason;
        else if (missed)
            clock_sleep_ms(PACE_MS);
    }
    if (!missed)
        return 0;
    *err = failure;
    err_context(err, "starting the sandbox");
    return err->class == ERR_IO && !err->hint[0]
               ? err_hint(err,
                     "it keeps its data in %s; one of `weir sandbox --dir DIR` is used with "
                     "`sandbox: DIR` in the stack",
                     path)
               : -1;
}

/* Waits until no other process uses the sandbox. */
static void wait_for_others(struct invocation *inv)
{
    bool reported = false;
    signals_catch_first();
    while (!sandbox_unused(inv->sandbox) && !atomic_load(signals_stop())) {
        if (!reported)
            invocation_note(inv, "Another command uses this sandbox, which is served until that one ends "
                                 "(Ctrl-C ends it now).");
        reported = true;
        clock_sleep_ms(PACE_MS);
    }
}

void sandboxed_stop(struct invocation *inv)
{
    if (inv->sandbox) {
        wait_for_others(inv);
        signals_work(true); /* its processes are ended */
        sandbox_stop(inv->sandbox);
    }
    inv->sandbox = NULL;
    fd_close_ptr(&inv->sandbox_joined);
    inv->sandbox_joined = -1;
}

static bool sandbox_has_state(struct invocation *inv, const struct stack *stack)
{
    const char *given = inv->settings->dir;
    struct str state = sandbox_state_folder(&inv->arena, sandbox_folder(&inv->arena, given).p, given);
    struct str file = arena_printf(&inv->arena, DIR_OF_WEIR "/%.*s%s%.*s.log", STR_ARG(stack->name),
        stack->env.n ? "." : "", STR_ARG(stack->env));
    return path_exists(path_join(&inv->arena, state, file).p);
}

void sandboxed_note_unused(struct invocation *inv, const struct workspace *workspace)
{
    if (inv->settings->json || state_seq(workspace->state))
        return;
    bool there = !inv->settings->sandbox && sandbox_has_state(inv, workspace->stack);
    invocation_note(
        inv, "Nothing was applied yet%s", there ? "; what was in the sandbox is shown with --sandbox." : ".");
}
