/* Running a command against the embedded sandbox: see sandboxed.h. */
#include "cmd/invocation/sandboxed.h"

#include "base/clock.h"
#include "base/file.h"
#include "cmd/invocation/kinds.h"
#include "cmd/terminal/signals.h"
#include "plan/state/state.h"
#include "stacks/load/sandbox_place.h"

#include <stdlib.h>

/* Nobody who tries a stack wants to watch databases being made. State machines keep their time. */
enum { STATE_SPEED = 1000 };

enum { PACE_MS = 20, PATIENCE_MS = 10000 };

const struct value *sandboxed_overlay(struct arena *arena, struct str endpoint, const struct sandbox_key *key)
{
    struct value_entry entries[] = {
        {STR("endpoint"), value_string(arena, endpoint)}, {STR("endpoints"), &value_empty_map},
        {STR("access_key"), value_string(arena, key->access_key)},
        {STR("secret_key"), value_string(arena, key->secret_key)},
        {STR("account_id"), value_stringz(arena, SANDBOX_ACCOUNT)},
        {STR("insecure"), &value_true}, /* one that --bind has put on another address of this machine */
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
    struct err ignored = ERR_INIT; /* whoever opens the state has it, too */
    options->sandbox_dir = inv->sandbox_dir;
    options->state_dir = sandbox_state_place(&inv->arena, inv->sandbox_dir, stack).p;
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
        .tells = true,
        .passes = true,
        .kinds = &cmd_kinds,
        .specs_dir = inv->settings->specs,
        .state_speed = STATE_SPEED};
    if (sandbox_start(&options, &inv->sandbox, err))
        return -1;
    inv->sandbox_passes = true;
    struct sandbox_key key = sandbox_first_key(inv->sandbox);
    use_sandbox(inv, path, sandbox_endpoint(inv->sandbox, &inv->arena), &key);
    return 0;
}

/* `weir sandbox` in another terminal serves the same, or a command in another folder of the repository. 1:
 * not yet, or not any more. */
static int sandboxed_join(struct invocation *inv, const char *path, struct err *err)
{
    struct sandbox_joined joined;
    struct sandbox_key key;
    if (sandbox_join(&inv->arena, path, &joined, err))
        return -1;
    if (joined.fd < 0)
        return 1;
    inv->sandbox_joined = joined.fd;
    inv->sandbox_passes = joined.passes;
    const char *whole = path;
    if (sandbox_folder_key(&inv->arena, &whole, &key, err))
        return -1;
    use_sandbox(inv, path, joined.endpoint, &key);
    return 0;
}

int sandboxed_start(struct invocation *inv, struct err *err)
{
    sandboxed_environment();
    const char *path = sandbox_place(&inv->arena, inv->settings->dir).p;
    struct err failure;
    int missed = 1;
    for (int64_t waited = 0; missed == 1; waited += PACE_MS) { /* one starts or ends just now */
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

/* Others may use it still. */
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
        signals_work(true); /* what runs in it is ended */
        sandbox_stop(inv->sandbox);
    }
    inv->sandbox = NULL;
    fd_close_ptr(&inv->sandbox_joined);
    inv->sandbox_joined = -1;
}

static bool sandbox_has_state(struct invocation *inv, const struct stack *stack)
{
    const char *given = inv->settings->dir;
    struct str state = sandbox_state_place(&inv->arena, sandbox_place(&inv->arena, given).p, given);
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
